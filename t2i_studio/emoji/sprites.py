"""Sprites: one RGBA picture a noun, in its natural look or recoloured.

The pictures ship in `assets/sprites/`; `make_sprites.py` made them. `add_sprite` adds one of the caller's for this
process, for nouns outside the vocabulary. Knows nothing of scenes.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from ..config import ASSETS
from .vocabulary import COLOURS

if TYPE_CHECKING:
    from pathlib import Path

SPRITE_SIZE = 128
"""Longest side of a shipped sprite, pixels."""

_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)


_ADDED: dict[str, Image.Image] = {}


def add_sprite(noun: str, picture: Image.Image) -> None:
    """From now on `noun` looks like `picture`: RGBA, cropped to its opaque part, longest side 128 px.

    Scenes can hold it and `EmojiMatcher` can look for it; the vocabulary, its splits and suites stay as they are.
    """
    if sprite_path(noun).exists():
        raise ValueError(f"{noun!r} has a sprite already")
    _ADDED[noun] = picture
    sprite.cache_clear()


def sprite_path(noun: str) -> Path:
    """Where the sprite of `noun` ships."""
    return ASSETS / "sprites" / f"{noun}.png"


@cache
def sprite(noun: str, colour: str | None = None) -> Image.Image:
    """The sprite of `noun`, cropped to its opaque part: RGBA uint8, longest side 128 px.

    With a `colour` it is recoloured by luminance: relative to the sprite's median luminance,
    times the colour; what is brighter than the median goes towards white.
    """
    picture = _ADDED[noun] if noun in _ADDED else Image.open(sprite_path(noun)).convert("RGBA")
    return picture if colour is None else recolour(picture, COLOURS[colour])


def recolour(picture: Image.Image, rgb: tuple[int, int, int]) -> Image.Image:
    """Paint an RGBA picture in the hue of `rgb` ([0, 255]), keeping its shading and alpha."""
    pixels = np.asarray(picture, dtype=np.float32)
    luma = pixels[..., :3] @ _LUMA / 255.0  # (Y, X), [0, 1]
    solid = pixels[..., 3] > 127
    median = float(np.clip(np.median(luma[solid]), 0.2, 0.9))
    ratio = (luma / median)[..., None]
    base = np.array(rgb, dtype=np.float32) / 255.0
    dark = base * np.minimum(ratio, 1.0) ** 1.2
    light = np.clip((luma[..., None] - median) / (1.0 - median), 0.0, 1.0)
    mixed = dark * (1.0 - 0.75 * light) + 0.75 * light
    out = pixels.copy()
    out[..., :3] = np.clip(mixed, 0.0, 1.0) * 255.0
    return Image.fromarray(out.round().astype(np.uint8), "RGBA")
