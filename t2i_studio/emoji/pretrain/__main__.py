"""`python -m t2i_studio.emoji.pretrain WHAT [--resume]`: make the weights that ship.

WHAT is `vae` (encoder and decoder together), `vae-decoder` (sharpen the decoder on fixed latents), `unet`,
`mmdit` or `detector`; `scenes` encodes what `unet` and `mmdit` learn from ahead of them, for a GPU. State lies in
`$T2I_STUDIO_HOME/pretrain/WHAT`; `--export` writes averaged weights to `assets/`.
Where the state is lost, `--from-shipped` goes on from the weights in `assets/` with a new optimizer.
"""

from __future__ import annotations

import argparse
import csv
import json
import shutil
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import torch
from diffusers import DiffusionPipeline
from diffusers.utils import SAFETENSORS_WEIGHTS_NAME
from transformers import CLIPTokenizer

from ...config import ASSETS, home
from . import loop
from .device import CPU, Device
from .vae import shipped_vae

UNET_FOLDER = ASSETS / "emoji-unet"


def main() -> None:
    """Parse the arguments, then train or export."""
    parser = argparse.ArgumentParser(prog="python -m t2i_studio.emoji.pretrain", description=__doc__)
    parser.add_argument("what", choices=("vae", "vae-decoder", "unet", "mmdit", "detector", "scenes"))
    parser.add_argument("--resume", action="store_true", help="go on from the saved state, if there is one")
    parser.add_argument(
        "--from-shipped",
        action="store_true",
        help="without a state: go on from the weights of unet or mmdit in assets/",
    )
    parser.add_argument("--minutes", type=float, default=None, help="stop after this many minutes")
    parser.add_argument(
        "--descend", action="store_true", help="let the learning rate descend towards the end of --minutes"
    )
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu", help="cpu, or cuda for unet, mmdit, vae-decoder and scenes")
    parser.add_argument("--batch-size", type=int, default=None, help="by default the plan's")
    parser.add_argument("--learning-rate", type=float, default=None, help="by default the plan's")
    parser.add_argument(
        "--scenes", type=int, default=400_000, help="how many to encode, or to hold in a GPU's memory (4.9 kB each)"
    )
    parser.add_argument("--export", action="store_true", help="write the averaged weights instead of training")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.set_float32_matmul_precision("high")  # on a GPU: TF32, for the optimizer's products
    folder = home() / "pretrain" / options.what
    if options.export:
        {"vae": _export_vae, "vae-decoder": _export_vae}.get(options.what, _export_model)(folder)
        return
    device = Device(torch.device(options.device), options.batch_size, options.scenes)
    if options.what == "scenes":
        _encode_scenes(device)
        return
    if options.descend and options.minutes is None:
        raise SystemExit("--descend needs --minutes: how long the training is to take.")
    stop_after = None if options.minutes is None else options.minutes * 60
    task, plan = _task(options.what, folder, device)
    asked = {"batch_size": options.batch_size, "learning_rate": options.learning_rate}
    plan = replace(plan, **{name: value for name, value in asked.items() if value is not None})
    start = None
    if not (folder / loop.STATE).exists():
        if options.what == "vae-decoder":  # the task holds the weights that ship
            start = _counted(UNET_FOLDER, options.what)
        elif options.from_shipped:
            start = _shipped(options.what, task)
    loop.train(task, plan, folder, resume=options.resume, stop_after=stop_after, descend=options.descend, start=start)


def _encode_scenes(device: Device) -> None:
    """Fill the pool that unet and mmdit share."""
    from .latents import LatentPool
    from .unet import mixture_of

    pool = LatentPool(home() / "pretrain" / "unet" / "latents", shipped_vae().to(device.device), mixture_of)
    pool.fill(device.shelf)


def _shipped(what: str, task: loop.Task) -> loop.Start:
    """Put the weights that ship into the task."""
    folder = ASSETS / f"emoji-{what}"
    if what not in ("unet", "mmdit") or not folder.is_dir():
        raise SystemExit(f"No weights of {what} lie in {folder}: only unet and mmdit go on from theirs.")
    pipe = DiffusionPipeline.from_pretrained(folder)
    for name, module in task.modules.items():
        if hasattr(pipe, name):
            module.load_state_dict(getattr(pipe, name).state_dict())
    return _counted(folder, what)


def _counted(folder: Path, what: str) -> loop.Start:
    """How long the weights that ship have learnt."""
    measured = json.loads((folder / "measured.json").read_text(encoding="utf-8"))[what]
    return loop.Start(measured["step"], measured["hours"] * 3600, measured["samples"])


def _task(what: str, folder: Path, device: Device = CPU) -> tuple[loop.Task, loop.Plan]:
    if what in ("unet", "mmdit"):
        module = import_module(f".{what}", __package__)
        kind = {"unet": "UnetTask", "mmdit": "MmditTask"}[what]
        tokenizer = CLIPTokenizer.from_pretrained(UNET_FOLDER / "tokenizer")
        return getattr(module, kind)(shipped_vae(), tokenizer, folder, device), module.PLAN
    if what != "vae-decoder" and (device.device.type != "cpu" or device.batch_size):
        raise SystemExit(f"{what} trains on a CPU, with the plan's batches: leave --device and --batch-size out.")
    if what == "detector":
        from . import detector

        return detector.DetectorTask(folder), detector.PLAN
    from .vae import PLANS, VaeTask

    if what == "vae":
        return VaeTask("joint"), PLANS["joint"]
    return VaeTask("decoder", shipped_vae().float(), device), PLANS["decoder"]


def _export_vae(folder: Path) -> None:
    """Averaged weights, into every model that shares them; prints the error over held-out scenes.

    `vae` also normalises the latents.
    """
    from .latents import normalise_latents
    from .unet import MIXTURE
    from .vae import measure, new_vae, save_pairs

    vae = new_vae()
    step = loop.load_average(folder, {"vae": vae})
    if folder.name == "vae":
        normalise_latents(vae, MIXTURE)
    vae.register_to_config(scaling_factor=1.0)
    vae.to(torch.float16).save_pretrained(UNET_FOLDER / "vae")
    for other in ("emoji-mmdit", "emoji-unet-early"):  # their configuration is their own: SD 3's pipeline wants a shift
        target = ASSETS / other / "vae" / SAFETENSORS_WEIGHTS_NAME
        if target.parent.is_dir():
            shutil.copyfile(UNET_FOLDER / "vae" / SAFETENSORS_WEIGHTS_NAME, target)
    shipped = shipped_vae()
    _note("vae", {"step": step, **{k: round(v, 5) for k, v in measure(shipped).items()}}, folder)
    save_pairs(shipped, folder / "pairs.png")


def _export_model(folder: Path) -> None:
    """Averaged weights of the U-Net or the transformer with their text encoders, or of the detector."""
    task, _ = _task(folder.name, folder)
    step = loop.load_average(folder, task.modules)
    out = ASSETS / f"emoji-{folder.name}"
    measured = import_module(f".{folder.name}", __package__).export(task, out) or {}
    _note(folder.name, {"step": step, **measured}, folder, out)


def _note(part: str, measured: dict[str, float], folder: Path, out: Path = UNET_FOLDER) -> None:
    """Keep what ships on record: how long it trained, what it measures, its curve of losses."""
    with (folder / "loss.csv").open(newline="") as handle:
        rows = [row for row in csv.DictReader(handle) if int(row["step"]) <= measured["step"]]
    if rows:
        last = rows[-10:]
        loss = sum(float(row["loss"]) for row in last) / len(last)
        hours = float(rows[-1]["seconds"]) / 3600
        samples = int(rows[-1]["samples"])
        measured = {**measured, "samples": samples, "hours": round(hours, 2), "loss": round(loss, 4)}
        curve = out / f"losses-{folder.name}.csv"
        loop.write_curve(rows, curve, before=_earlier(curve, int(rows[0]["step"])))
    file = out / "measured.json"
    kept = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    kept[folder.name] = measured
    if part == "vae":
        kept["vae"] = {**kept.get("vae", {}), **{k: v for k, v in measured.items() if k.startswith("mae")}}
    file.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(kept))


def _earlier(curve: Path, step: int) -> list[dict[str, str]]:
    """The shipped curve up to where a log begins: of weights that were gone on from."""
    if not curve.exists():
        return []
    with curve.open(newline="", encoding="utf-8") as handle:
        return [row for row in csv.DictReader(handle) if int(row["step"]) < step]


if __name__ == "__main__":
    main()
