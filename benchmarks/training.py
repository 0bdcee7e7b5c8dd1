"""What a CTCal step costs against a plain LoRA step, on emoji-unet or a U-Net of SD 2.1's size. Prints Markdown.

    python benchmarks/training.py [--model emoji-unet|sd21] [--repeats 5] [--batch 4] [--size 512]

Both rows teach the same LoRA on the same batch, alternating in one process: forward, backward, optimizer step.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.capture import Peak
from benchmarks.guidance import parts
from t2i_studio.config import ASSETS
from t2i_studio.families import FAMILIES
from t2i_studio.training.data import Encoded
from t2i_studio.training.loop import Training
from t2i_studio.training.settings import TrainSettings
from t2i_studio.training.words import words_of

CAPTIONS = ("a cat and a dog", "a red car and a blue bowl", "a bird on a bench", "a lion with a crown")


def pipeline(model: str) -> Any:
    """The model that learns."""
    family = FAMILIES["stable-diffusion"]
    if model == "emoji-unet":
        return family.load(ASSETS / "emoji-unet", torch.float32)
    return type(family.tiny())(**parts(), requires_safety_checker=False)


def training(pipe: Any, batch: int, size: int, repeats: int) -> Training:
    """A fine-tune of random latents: their values cost nothing."""
    family = FAMILIES["stable-diffusion"]
    captions = tuple(CAPTIONS[i % len(CAPTIONS)] for i in range(batch))
    side = size // int(pipe.vae_scale_factor)
    latents = torch.randn(batch, int(pipe.vae.config.latent_channels), side, side)
    data = Encoded(latents, captions, tuple(words_of(pipe, family, c) for c in captions), torch.ones(batch))
    settings = TrainSettings.checked(train_batch_size=batch, max_train_steps=repeats + 1, calibration_batches=1)
    return Training(pipe, family, settings, data, Path(), Accelerator(cpu=True))


def main() -> None:
    """Alternate, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", choices=("emoji-unet", "sd21"), default="emoji-unet")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--size", type=int, default=0, help="pixels; default 128 for emoji-unet, 512 for sd21")
    options = parser.parse_args()
    size = options.size or (128 if options.model == "emoji-unet" else 512)
    work = training(pipeline(options.model), options.batch, size, options.repeats)
    taught = work.settings
    plain = taught.model_copy(update={"ctcal": False})
    work._calibrate()
    seconds: dict[str, list[float]] = {"plain LoRA": [], "CTCal": []}
    peaks: dict[str, int] = {}
    for step in range(options.repeats + 1):
        for name, settings in (("plain LoRA", plain), ("CTCal", taught)):
            work.settings = work.learner.settings = settings
            with Peak() as peak:
                started = time.perf_counter()
                work._step(step)
                spent = time.perf_counter() - started
            if step:  # the first one warms up
                seconds[name].append(spent)
                peaks[name] = max(peaks.get(name, 0), peak.extra)
    medians = {name: statistics.median(found) for name, found in seconds.items()}
    about = f"batch {options.batch}, {options.repeats} repeats, {torch.get_num_threads()} threads"
    print(f"{options.model}, {size} px, {about}\n")
    print("| step | seconds | ratio | extra peak memory |\n|---|---|---|---|")
    for name, median in medians.items():
        print(f"| {name} | {median:.2f} | {median / medians['plain LoRA']:.2f} | {peaks[name] / 2**20:.0f} MB |")


if __name__ == "__main__":
    main()
