"""Does a noun's map peak on its object? Measured on scenes whose masks are known, by timestep.

    python -m t2i_studio.emoji.peaks --scenes 100 --out docs/figures/peak-in-mask.png

Each scene is noised to a timestep and the U-Net runs once on it with its caption; a peak counts as
inside when its cell touches the noun's visible pixels.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..capture import capture
from ..config import ASSETS
from ..families import FAMILIES, Family
from ..intervals import wilson
from .captions import Asked, Request
from .scenes import SCENE_SIZE, Scene, compose, masks, render
from .splits import load_splits

TIMESTEPS = (1, 50, 100, 200, 300, 400, 500, 600, 700, 800, 900, 950, 990)
FIRST_SEED = 20_000_000


@dataclass(frozen=True)
class PeakRow:
    """One timestep: share of maps whose peak is inside, its 95 % Wilson interval, and chance."""

    timestep: int
    num_maps: int
    inside: float
    low: float
    high: float
    chance: float
    "Share of cells that touch the mask: what a random peak would score."


def held_out_scenes(number: int) -> list[Scene]:
    """Two-noun scenes of pairs that training knows, at seeds it never saw."""
    pairs = sorted(load_splits().pairs["test_seen"])
    scenes = []
    for i in range(number):
        rng = np.random.default_rng([FIRST_SEED, i])
        one, other = pairs[i % len(pairs)]
        request = Request((Asked(one), Asked(other)))
        article = {n: "an" if n[0] in "aeiou" else "a" for n in (one, other)}
        scenes.append(compose(request, rng, f"{article[one]} {one} and {article[other]} {other}"))
    return scenes


@torch.no_grad()
def measure_peaks(
    pipe: Any, family: Family, scenes: list[Scene], timesteps: tuple[int, ...] = TIMESTEPS, batch: int = 10
) -> list[PeakRow]:
    """Peak inside mask by timestep, over every noun of every scene, mean over the default sites."""
    hits = {t: [] for t in timesteps}
    chance = []
    for start in range(0, len(scenes), batch):
        part = scenes[start : start + batch]
        touched = np.stack([touched_cells(masks(s), family, pipe) for s in part])  # (B, N, Y, X)
        chance.append(touched.mean((2, 3)).ravel())
        latents, text = _encode(pipe, part)
        noise = torch.randn(latents.shape, generator=torch.Generator().manual_seed(FIRST_SEED + start))
        for t in timesteps:
            steps = torch.full((len(part),), t)
            maps = _maps(pipe, family, part, pipe.scheduler.add_noise(latents, noise, steps), steps, text)
            peaks = maps.reshape(*maps.shape[:2], -1).argmax(-1)  # (B, N)
            flat = touched.reshape(*touched.shape[:2], -1)
            hits[t].append(np.take_along_axis(flat, peaks[..., None], -1).ravel())
    expected = float(np.concatenate(chance).mean())
    return [_row(t, np.concatenate(hits[t]), expected) for t in timesteps]


def touched_cells(mask_NYX: np.ndarray, family: Family, pipe: Any) -> np.ndarray:
    """Cells of the loss grid that hold at least one pixel of each mask: bool (N, Y, X)."""
    rows, columns = family.latent_size(pipe, SCENE_SIZE, SCENE_SIZE)
    grid = family.loss_grid(family.denoiser(pipe), rows, columns)
    cell = (SCENE_SIZE // grid[0], SCENE_SIZE // grid[1])
    cells = mask_NYX.reshape(len(mask_NYX), grid[0], cell[0], grid[1], cell[1])
    return np.asarray(cells.any((2, 4)))


def _encode(pipe: Any, scenes: list[Scene]) -> tuple[torch.Tensor, torch.Tensor]:
    pictures = pipe.image_processor.preprocess([render(s) for s in scenes])
    latents = pipe.vae.encode(pictures.to(pipe.vae.dtype)).latent_dist.mean * pipe.vae.config.scaling_factor
    text, _ = pipe.encode_prompt([s.caption for s in scenes], "cpu", 1, False)
    return latents, text


def _maps(
    pipe: Any, family: Family, scenes: list[Scene], noisy: torch.Tensor, steps: torch.Tensor, text: torch.Tensor
) -> np.ndarray:
    """Maps (B, N, Y, X) of each scene's nouns; columns differ by caption, so all are recorded."""
    denoiser = family.denoiser(pipe)
    sites = family.default_sites(denoiser, *noisy.shape[-2:])
    every = [(k,) for k in range(text.shape[1])]
    total: list[torch.Tensor] = []
    with capture(denoiser, family, sites, every, lambda _s, probs: total.append(probs.mean(1))) as recording:
        recording.forward(noisy, steps, text)
    mean = torch.stack(total).mean(0)  # (B, Q, K)
    grid = sites[0].grid
    picked = [
        torch.stack([mean[b][:, list(span)].sum(-1).unflatten(0, grid) for span in noun_columns(pipe, scene)])
        for b, scene in enumerate(scenes)
    ]
    return torch.stack(picked).numpy()


def noun_columns(pipe: Any, scene: Scene) -> list[tuple[int, ...]]:
    """Token columns of each asked noun of a scene's caption."""
    encoded = pipe.tokenizer(scene.caption, return_offsets_mapping=True)
    spans = []
    for asked in scene.request.asked:
        start = scene.caption.index(asked.noun)
        end = start + len(asked.noun)
        spans.append(tuple(i for i, (a, b) in enumerate(encoded["offset_mapping"]) if a < end and b > start))
    return spans


def _row(timestep: int, hits: np.ndarray, chance: float) -> PeakRow:
    inside = float(hits.mean())
    return PeakRow(timestep, len(hits), inside, *wilson(inside, len(hits)), chance)


def figure(rows: list[PeakRow]) -> Any:
    """Share of peaks inside over timesteps, noise on the left."""
    from matplotlib.figure import Figure

    fig = Figure(figsize=(5.0, 3.0), layout="constrained")
    axes = fig.subplots()
    x = [r.timestep for r in rows]
    axes.fill_between(x, [r.low for r in rows], [r.high for r in rows], color="#0072B2", alpha=0.2, lw=0)
    axes.plot(x, [r.inside for r in rows], color="#0072B2", marker="o", ms=4, label="peak inside the noun's mask")
    axes.axhline(rows[0].chance, color="#666666", ls="--", lw=1, label="chance")
    axes.set(xlabel="timestep  (noise → picture)", ylabel="share of maps", ylim=(0, 1.02), xlim=(1000, 0))
    axes.legend(frameon=False, loc="upper left")
    axes.spines[["top", "right"]].set_visible(False)
    return fig


def main() -> None:
    """Measure, print JSON, draw."""
    parser = argparse.ArgumentParser(prog="python -m t2i_studio.emoji.peaks", description=__doc__)
    parser.add_argument("--model", type=Path, default=ASSETS / "emoji-unet")
    parser.add_argument("--scenes", type=int, default=100)
    parser.add_argument("--out", type=Path, default=None, help="PNG or PDF")
    options = parser.parse_args()
    family = FAMILIES["stable-diffusion"]
    pipe = family.load(options.model, torch.float32)
    rows = measure_peaks(pipe, family, held_out_scenes(options.scenes))
    print(json.dumps([asdict(r) for r in rows], indent=1))
    if options.out is not None:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        figure(rows).savefig(options.out, dpi=200)


if __name__ == "__main__":
    main()
