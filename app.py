"""The app: `python app.py` serves the page at http://127.0.0.1:7860."""

from __future__ import annotations

import argparse
import sys

from t2i_studio.ui.serve import add_arguments, serve


def main() -> int:
    """Read the arguments and serve."""
    parser = argparse.ArgumentParser(prog="app.py", description="T2I Studio: see where a model looks while it paints.")
    add_arguments(parser)
    return serve(parser.parse_args())


if __name__ == "__main__":
    sys.exit(main())
