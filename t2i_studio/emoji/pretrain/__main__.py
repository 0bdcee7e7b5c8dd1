"""`python -m t2i_studio.emoji.pretrain vae|vae-decoder --resume`: make the weights that ship.

State lies in `$T2I_STUDIO_HOME/pretrain/NAME`.
"""

from __future__ import annotations

import argparse

import torch

from ...config import home
from . import loop


def main() -> None:
    """Parse the arguments and train."""
    parser = argparse.ArgumentParser(prog="python -m t2i_studio.emoji.pretrain", description=__doc__)
    parser.add_argument("what", choices=("vae", "vae-decoder"))
    parser.add_argument("--resume", action="store_true", help="go on from the saved state, if there is one")
    parser.add_argument("--minutes", type=float, default=None, help="stop after this many minutes")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    stop_after = None if options.minutes is None else options.minutes * 60
    folder = home() / "pretrain" / options.what
    if options.what == "vae":
        from .vae import PLANS, VaeTask

        loop.train(VaeTask("joint"), PLANS["joint"], folder, resume=options.resume, stop_after=stop_after)


if __name__ == "__main__":
    main()
