"""Contact sheets: what a model paints for fixed prompts and seeds.

    python -m t2i_studio.emoji.pretrain.sheets

writes the figures of the model cards to `docs/figures/`.
"""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any

import torch
from PIL import Image, ImageDraw

from ...config import ASSETS, ROOT
from ...visuals import training_curves
from ..scenes import SCENE_SIZE
from ..vocabulary import NOUNS

if TYPE_CHECKING:
    from pathlib import Path

    from diffusers import DiffusionPipeline

PREVIEW_PROMPTS = (
    "a cat", "a dog", "a bird", "an elephant", "a frog", "a clock", "a red car", "a blue bowl",
    "a green apple", "a purple backpack", "a cat and a dog", "a lion and a balloon", "a red car and a blue bowl",
    "a rabbit with a crown", "three apples", "a turtle to the left of a chair",
)  # fmt: skip
CARD_PROMPTS = (
    *("glasses" if n == "glasses" else f"{'an' if n[0] in 'aeiou' else 'a'} {n}" for n in NOUNS),
    *("a red car", "a blue bowl", "a green apple", "a purple backpack", "a cat and a dog"),
    *("a red car and a blue bowl", "a rabbit with a crown", "three apples"),
)
_CAPTION = 14


def contact_sheet(
    pipe: DiffusionPipeline, prompts: tuple[str, ...], *, steps: int = 30, guidance_scale: float = 4.0,
    columns: int = 8, first_seed: int = 0, **call: Any,
) -> Image.Image:  # fmt: skip
    """One picture a prompt, seeds counting up, each under its prompt; `call` goes to the pipeline."""
    rows = -(-len(prompts) // columns)
    sheet = Image.new("RGB", (columns * SCENE_SIZE, rows * (SCENE_SIZE + _CAPTION)), "white")
    pen = ImageDraw.Draw(sheet)
    for start in range(0, len(prompts), 8):
        part = list(prompts[start : start + 8])
        generators = [torch.Generator().manual_seed(first_seed + start + i) for i in range(len(part))]
        images = pipe(
            part, num_inference_steps=steps, guidance_scale=guidance_scale, height=SCENE_SIZE, width=SCENE_SIZE,
            generator=generators, **call,
        ).images  # fmt: skip
        for i, (prompt, image) in enumerate(zip(part, images, strict=True), start):
            x, y = i % columns * SCENE_SIZE, i // columns * (SCENE_SIZE + _CAPTION)
            pen.text((x + 2, y + 1), prompt[:24], fill="black")
            sheet.paste(image, (x, y + _CAPTION))
    return sheet


def draw_losses(figures: Path) -> None:
    """The curves of losses that lie beside the weights that ship."""
    for file in sorted(ASSETS.glob("emoji-*/losses-*.csv")):
        with file.open(newline="", encoding="utf-8") as handle:
            rows = list(csv.DictReader(handle))
        series = {name: [float(row[name]) for row in rows] for name in rows[0]}
        figure = training_curves(series, log=True)
        figure.savefig(figures / f"{file.parent.name}-{file.stem}.png", dpi=150)


def main() -> None:
    """Paint the cards' figures with the weights that ship."""
    from diffusers import DiffusionPipeline

    from ...families import family_for
    from .vae import save_pairs, shipped_vae

    figures = ROOT / "docs" / "figures"
    for name in ("emoji-unet", "emoji-mmdit"):
        if (ASSETS / name).is_dir():
            pipe = DiffusionPipeline.from_pretrained(ASSETS / name)
            pipe.set_progress_bar_config(disable=True)
            sheet = contact_sheet(pipe, CARD_PROMPTS, **family_for(pipe).call_options(pipe))
            sheet.save(figures / f"{name}-sheet.png", optimize=True)
    save_pairs(shipped_vae(), figures / "emoji-vae-pairs.png")
    draw_losses(figures)


if __name__ == "__main__":
    main()
