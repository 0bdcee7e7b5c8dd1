"""Arguments and start of the page's server; `app.py` and `t2i-studio serve` share it.

Imports no Gradio and no torch before the arguments are read: `--help` is instant.
"""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING

from ..config import DEFAULT_MODEL

if TYPE_CHECKING:
    from ..studio import Studio

AUTH = "T2I_STUDIO_AUTH"
LOCAL = "127.0.0.1"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of the server, named as Gradio interfaces name them."""
    parser.add_argument(
        "--listen", nargs="?", const="0.0.0.0", metavar="ADDRESS",
        help="be reachable from other machines (all addresses, or this one); needs --auth",
    )  # fmt: skip
    parser.add_argument("--server-port", type=int, metavar="PORT", help="port (default: the first free from 7860)")
    parser.add_argument("--share", action="store_true", help="make a public link through Gradio; needs --auth")
    parser.add_argument(
        "--auth", metavar="USER:PASSWORD", help=f"ask for a login; or set {AUTH}, which other users can't see"
    )
    parser.add_argument("--inbrowser", action="store_true", help="open the page in the browser")
    parser.add_argument("--model", default=DEFAULT_MODEL, help="model to start with (default: %(default)s)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps (default: %(default)s)")


def serve(args: argparse.Namespace, studio: Studio | None = None) -> int:
    """Serve the page until Ctrl+C. Returns the exit code; 2 where the arguments can't be used."""
    try:
        login = _login(args)
    except ValueError as refusal:
        print(refusal, file=sys.stderr)
        return 2
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    from ..errors import StudioError
    from .page import build, launch

    try:
        if studio is None:
            from ..studio import Studio

            studio = Studio(args.model, device=args.device)
            studio.warm_up()
        page = build(studio)
    except StudioError as error:
        print(error, file=sys.stderr)
        return 1
    options = {"server_name": args.listen or LOCAL, "server_port": args.server_port, "auth": login}
    try:
        launch(page, share=args.share, inbrowser=args.inbrowser, **options)
    except OSError as error:
        print(f"The page can't be served: {error} Choose another --server-port.", file=sys.stderr)
        return 1
    return 0


def _login(args: argparse.Namespace) -> tuple[str, str] | None:
    """User and password; raises `ValueError` with the one line to show."""
    given = args.auth or os.environ.get(AUTH, "")
    user, colon, password = given.partition(":")
    if given and not (user and colon and password):
        raise ValueError(f"--auth (or {AUTH}) must be user:password, with neither part empty.")
    if not given:
        for option in ("listen", "share"):
            if getattr(args, option):
                raise ValueError(
                    f"--{option} lets others in, so it needs --auth user:password (or {AUTH} in the environment)."
                )
    return (user, password) if given else None
