"""Maps as pictures: enlarged, coloured, laid over the run's picture. Arrays and Pillow only."""

from __future__ import annotations

import numpy as np
from PIL import Image

from ..types import Run
from .colours import heat
from .selection import PanelSettings, select

_DIM = 0.25
"""Part of the heat's opacity that also lies where attention is zero, so that faint parts read as faint."""


_GREY = 0.65
"""How far the picture fades to grey, so that an orange cat is not taken for attention."""


def enlarged(values_YX: np.ndarray, size: tuple[int, int], raw: bool = False) -> np.ndarray:
    """The map at `size` (width, height): float32 (height, width), still in [0, 1].

    Smooth is bicubic with cell centres in place; raw shows the cells.
    """
    how = Image.Resampling.NEAREST if raw else Image.Resampling.BICUBIC
    image = Image.fromarray(np.ascontiguousarray(values_YX, dtype=np.float32))
    return np.clip(np.asarray(image.resize(size, how)), 0.0, 1.0)


def heat_image(values_YX: np.ndarray, size: tuple[int, int], raw: bool = False) -> Image.Image:
    """The map alone, RGB at `size` (width, height); values in [0, 1]."""
    return Image.fromarray(heat(enlarged(values_YX, size, raw)))


def blend(picture: Image.Image, values_YX: np.ndarray, opacity: float, raw: bool = False) -> Image.Image:
    """The map over the picture, RGB of its size: the stronger the attention, the denser the heat."""
    values = enlarged(values_YX, picture.size, raw)
    alpha = opacity * (_DIM + (1 - _DIM) * values)[..., None] if opacity else 0.0
    colours = picture.convert("RGB")
    under = np.asarray(Image.blend(colours, colours.convert("L").convert("RGB"), _GREY), dtype=np.float32)
    mixed = under * (1 - alpha) + heat(values).astype(np.float32) * alpha
    return Image.fromarray(mixed.round().astype(np.uint8))


def overlay_image(
    run: Run,
    noun: str,
    step: int | None = None,
    size: tuple[int, int] | None = None,
    settings: PanelSettings | None = None,
) -> Image.Image:
    """One noun's map over the picture: RGB at `size` (width, height; default the picture's own).

    `step` None is the mean over all steps. Scale: 0 to the noun's maximum over all steps, for the mean
    its own maximum.

    Raises:
        RunError: the run has no maps.
        SettingError: unknown noun or step.
    """
    settings = (settings or PanelSettings()).model_copy(update={"nouns": (noun,), "step": step})
    (chosen,) = select(run, settings)
    picture = run.image.convert("RGB")
    if size is not None and size != picture.size:
        picture = picture.resize(size, Image.Resampling.LANCZOS)
    return blend(picture, chosen.scaled(step, settings.per_frame), settings.opacity, settings.raw)
