"""`t2i-studio add-data`: a zip, or a data set of the hub, becomes a folder that `train` takes."""

from __future__ import annotations

import argparse
from typing import Any


def add(commands: Any) -> None:
    """The command's arguments."""
    command = commands.add_parser("add-data", help="unpack a zip of pictures, or fetch a data set of the hub")
    command.add_argument("source", metavar="SOURCE", help="a .zip file, or owner/name on the Hugging Face hub")
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Unpack or fetch; print the folder."""
    from ..studio import Studio

    print(Studio().add_data(options.source))
    return 0
