"""Synthetic runs whose maps behave like a model's: blobs that sharpen from noise to picture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageDraw

from t2i_studio.types import Maps, MapStack, ParsedPrompt, Run, grid_name

MakeRun = Callable[..., Run]


@pytest.fixture
def make_run() -> MakeRun:
    return synthetic_run


def synthetic_run(
    nouns: tuple[str, ...] = ("cat", "dog"),
    num_steps: int = 6,
    size: tuple[int, int] = (128, 128),
    prompt: str = "a cat and a dog",
    fading: str = "dog",
) -> Run:
    """`size` is width, height; a cell is 8 pixels. The noun `fading` loses its attention over time."""
    columns, rows = size[0] // 8, size[1] // 8
    y, x = np.mgrid[:rows, :columns]
    rng = np.random.default_rng(0)
    values = np.zeros((num_steps, 2, len(nouns), rows, columns), dtype=np.float32)
    image = Image.new("RGB", size, (222, 214, 200))
    draw = ImageDraw.Draw(image)
    for n, noun in enumerate(nouns):
        centre_x, centre_y = columns * (n + 0.5) / len(nouns), rows * (0.55 + 0.15 * (-1) ** n)
        box = [8 * (centre_x - 2), 8 * (centre_y - 2), 8 * (centre_x + 2), 8 * (centre_y + 2)]
        draw.ellipse(box, fill=tuple(int(c) for c in rng.integers(40, 200, 3)))
        for t in range(num_steps):
            done = t / max(1, num_steps - 1)
            spread = (1 - 0.75 * done) * min(rows, columns) / 2.5
            strength = 0.05 + 0.3 * done
            if noun == fading:
                strength = 0.09 * (1 - 0.8 * done) + 0.01
            blob = np.exp(-((x + 0.5 - centre_x) ** 2 + (y + 0.5 - centre_y) ** 2) / 2 / spread**2)
            noise = rng.gamma(2.0, 0.01 * (1.2 - done), (2, rows, columns))
            values[t, :, n] = strength * blob + noise * 0.5
    grid = (rows, columns)
    timesteps = tuple(float(round(t)) for t in np.linspace(981, 1, num_steps))
    maps = Maps(nouns, timesteps, {grid_name(grid): MapStack(grid, ("up.0", "up.1"), values)}, grid_name(grid))
    return Run(
        id="20261122-104512-synthetic-0000", created="2026-11-22T10:45:12+00:00",
        settings={"prompt": prompt, "model": "emoji-unet", "seed": 1, "steps": num_steps},
        prompt=ParsedPrompt(prompt, (), ()), spans=(), image=image, maps=maps,
    )  # fmt: skip


def without_maps(run: Run) -> Run:
    return replace(run, maps=None)
