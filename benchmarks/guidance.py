"""What a guided step costs against diffusers' own Attend-and-Excite, on a U-Net of SD 2.1's size. Prints Markdown.

    python benchmarks/guidance.py [--steps 2] [--repeats 2] [--size 512]

Both pipelines run the same steps, every one of them guided, without refinement, on the same random weights; a
ratio is that of the two medians. The sampling pass with guidance on (two rows) is part of both.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from diffusers import UNet2DConditionModel
from diffusers.pipelines.deprecated.stable_diffusion_attend_and_excite import (
    pipeline_stable_diffusion_attend_and_excite as published,
)
from transformers import CLIPTextModel

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.capture import Peak
from t2i_studio.families import FAMILIES
from t2i_studio.families.stable_diffusion import tiny_clip_config
from t2i_studio.guidance import guide

PROMPT = "a cat and a dog"


def parts() -> dict[str, Any]:
    """A tiny pipeline with SD 2.1's U-Net in it."""
    pipe = FAMILIES["stable-diffusion"].tiny()
    torch.manual_seed(0)
    unet = UNet2DConditionModel(
        sample_size=64, block_out_channels=(320, 640, 1280, 1280), cross_attention_dim=1024,
        attention_head_dim=(5, 10, 20, 20), use_linear_projection=True,
    ).eval()  # fmt: skip
    text = CLIPTextModel(tiny_clip_config(pipe.tokenizer, width=1024)).eval()
    found = {**pipe.components, "unet": unet, "text_encoder": text}
    return {name: part for name, part in found.items() if name != "image_encoder"}


def runs(components: dict[str, Any], steps: int, size: int) -> dict[str, Callable[[], None]]:
    """The work of each row."""
    theirs = published.StableDiffusionAttendAndExcitePipeline(**components, requires_safety_checker=False)
    ours = type(FAMILIES["stable-diffusion"].tiny())(**components, requires_safety_checker=False)
    for pipe in (theirs, ours):
        pipe.set_progress_bar_config(disable=True)
    shared = {
        "num_inference_steps": steps,
        "guidance_scale": 7.5,
        "height": size,
        "width": size,
        "output_type": "latent",
    }
    tokens = ours.tokenizer(PROMPT).input_ids
    words = {name: [ours.tokenizer.decode([t]).strip() for t in tokens].index(name) for name in ("cat", "dog")}

    def generator() -> torch.Generator:
        return torch.Generator().manual_seed(0)

    def plain() -> None:
        ours(PROMPT, generator=generator(), **shared)

    def excite() -> None:
        processors = dict(theirs.unet.attn_processors)
        theirs(
            PROMPT, list(words.values()), max_iter_to_alter=steps, thresholds={}, generator=generator(),
            attn_res=(size // 32, size // 32), **shared,
        )  # fmt: skip
        theirs.unet.set_attn_processor(processors)  # it leaves its own behind

    def guided(method: str, **dials: Any) -> Callable[[], None]:
        def work() -> None:
            with guide(ours, PROMPT, method, window=1.0, **dials):
                ours(PROMPT, generator=generator(), **shared)

        return work

    return {
        "plain, not guided": plain,
        "diffusers' Attend-and-Excite": excite,
        "attend-and-excite, no refinement": guided("attend-and-excite", refine=False),
        "ai-t2i": guided("ai-t2i"),
        "ai-t2i-robust": guided("ai-t2i-robust"),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--size", type=int, default=512, help="pixels a side")
    options = parser.parse_args()
    work = runs(parts(), options.steps, options.size)
    times: dict[str, list[float]] = {name: [] for name in work}
    peaks = dict.fromkeys(work, 0)
    for turn in range(options.repeats + 1):
        for name, call in work.items():
            with Peak() as peak:
                begin = time.perf_counter()
                call()
                seconds = (time.perf_counter() - begin) / options.steps
            if turn:
                times[name].append(seconds)
                peaks[name] = max(peaks[name], peak.extra)
    base = statistics.median(times["diffusers' Attend-and-Excite"])
    print("| step | s | of diffusers' Attend-and-Excite | extra peak memory, MB |\n|---|---|---|---|")
    for name, seconds in times.items():
        middle = statistics.median(seconds)
        print(f"| {name} | {middle:.2f} | {middle / base:.2f} | {peaks[name] / 1e6:.0f} |")


if __name__ == "__main__":
    main()
