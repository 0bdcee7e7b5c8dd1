"""`python -m t2i_studio.emoji.pretrain WHAT [--resume]`: make the weights that ship.

WHAT is `vae` (encoder and decoder together), `vae-decoder` (sharpen the decoder on fixed latents) or
`unet`. State lies in `$T2I_STUDIO_HOME/pretrain/WHAT`; `--export` writes averaged weights to `assets/`.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch
from diffusers import AutoencoderKL
from transformers import CLIPTokenizer

from ...config import ASSETS, home
from . import loop

UNET_FOLDER = ASSETS / "emoji-unet"


def main() -> None:
    """Parse the arguments, then train or export."""
    parser = argparse.ArgumentParser(prog="python -m t2i_studio.emoji.pretrain", description=__doc__)
    parser.add_argument("what", choices=("vae", "vae-decoder", "unet"))
    parser.add_argument("--resume", action="store_true", help="go on from the saved state, if there is one")
    parser.add_argument("--minutes", type=float, default=None, help="stop after this many minutes")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--export", action="store_true", help="write the averaged weights instead of training")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    folder = home() / "pretrain" / options.what
    if options.export:
        {"vae": _export_vae, "vae-decoder": _export_vae, "unet": _export_unet}[options.what](folder)
        return
    stop_after = None if options.minutes is None else options.minutes * 60
    task, plan = _task(options.what, folder)
    loop.train(task, plan, folder, resume=options.resume, stop_after=stop_after)


def _task(what: str, folder: Path) -> tuple[loop.Task, loop.Plan]:
    if what == "unet":
        from .unet import PLAN, UnetTask

        return UnetTask(_shipped_vae(), CLIPTokenizer.from_pretrained(UNET_FOLDER / "tokenizer"), folder), PLAN
    from .vae import PLANS, VaeTask

    if what == "vae":
        return VaeTask("joint"), PLANS["joint"]
    return VaeTask("decoder", _shipped_vae().float()), PLANS["decoder"]


def _shipped_vae() -> AutoencoderKL:
    return AutoencoderKL.from_pretrained(UNET_FOLDER / "vae", dtype=torch.float32)


def _export_vae(folder: Path) -> None:
    """Averaged weights; prints the error over held-out scenes. `vae` also normalises the latents."""
    from .latents import normalise_latents
    from .unet import MIXTURE
    from .vae import measure, new_vae, save_pairs

    vae = new_vae()
    loop.load_average(folder / "state.pt", {"vae": vae})
    if folder.name == "vae":
        normalise_latents(vae, MIXTURE)
    vae.register_to_config(scaling_factor=1.0)
    vae.to(torch.float16).save_pretrained(UNET_FOLDER / "vae")
    shipped = _shipped_vae()
    print(json.dumps(measure(shipped)))
    save_pairs(shipped, folder / "pairs.png")


def _export_unet(folder: Path) -> None:
    from .unet import UnetTask, export

    task = UnetTask(_shipped_vae(), CLIPTokenizer.from_pretrained(UNET_FOLDER / "tokenizer"), folder)
    loop.load_average(folder / "state.pt", task.modules)
    export(task, UNET_FOLDER)


if __name__ == "__main__":
    main()
