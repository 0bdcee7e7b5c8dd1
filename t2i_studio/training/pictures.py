"""Pictures to be probed: a file, a folder, or scenes of the embedded world; with captions, and masks where known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from ..paths import typed
from ..pictures import captioned, cut, masks_beside, open_picture
from ..types import Grid


@dataclass(frozen=True)
class Picture:
    """One picture, what is to be seen, and where."""

    name: str
    image: Image.Image
    caption: str
    masks: Mapping[str, Image.Image] = field(default_factory=dict)
    "By subject id: L, white inside, as large as the picture. Subjects may lack one."

    def fitted(self, width: int, height: int) -> Picture:
        """Scaled and cut to a size, pixels; its masks with it."""
        masks = {name: cut(mask, width, height) for name, mask in self.masks.items()}
        return Picture(self.name, cut(self.image, width, height), self.caption, masks)


def from_file(file: Path | str, caption: str) -> Picture:
    """A picture's file, with the masks beside it (`scene.mask-cat.png`).

    Raises:
        InputError: no picture, or a damaged one.
    """
    path = typed(file)
    return Picture(path.stem, open_picture(path), caption, masks_beside(path))


def from_folder(folder: Path | str, caption: str = "") -> Iterator[Picture]:
    """Every picture of a folder; captions from `metadata.jsonl` or `.txt` files.

    Raises:
        InputError: see `pictures.captioned`; a damaged picture, when its turn comes.
    """
    for one in captioned(folder, caption):
        yield from_file(one.file, one.caption)


def from_scene(number: int) -> Picture:
    """A scene of the embedded world with its true masks, of a pair that training knows, at a seed it never saw."""
    from ..emoji.held_out import held_out_scene
    from ..emoji.scenes import masks, render

    scene = held_out_scene(number)
    white = {
        asked.noun: Image.fromarray(mask.astype(np.uint8) * 255)
        for asked, mask in zip(scene.request.asked, masks(scene), strict=True)
    }
    return Picture(f"scene {number}", render(scene), scene.caption, white)


def touched(mask: Image.Image, grid: Grid) -> np.ndarray:
    """Cells of a grid that hold any of a mask: bool (Y, X)."""
    inside = Image.fromarray((np.asarray(mask) > 127).astype(np.float32))
    return np.asarray(inside.resize((grid[1], grid[0]), Image.Resampling.BOX)) > 1e-6
