"""Clean renderings: how an object would look if a scene had painted it, and how far a picture is from that.

No judge's own: whoever finds objects, their quality is measured here.
"""

from __future__ import annotations

from functools import cache, lru_cache

import numpy as np
from PIL import Image

from ..emoji.boxes import Box
from ..emoji.sprites import sprite

KEPT = 128
"""Renderings that stay in memory, a third of a megabyte each: a guess needs a few dozen, the next one others."""


def background(rgb_YXC: np.ndarray) -> np.ndarray:
    """The picture's plain ground: the commonest colour, in bins of 16, averaged over its bin."""
    bins = (rgb_YXC * 255 / 16).astype(int)
    keys = bins[..., 0] * 256 + bins[..., 1] * 16 + bins[..., 2]
    common = np.bincount(keys.ravel()).argmax()
    middle = rgb_YXC[keys == common].mean(0)
    near = np.abs(rgb_YXC - middle).max(-1) < 0.05
    return rgb_YXC[near].mean(0)


def window(values: np.ndarray, corner: tuple[int, int], shape: tuple[int, ...], rim: int) -> np.ndarray:
    """The part of a picture under a template of that shape; the border goes on outside."""
    x, y = corner[0] - rim, corner[1] - rim
    if 0 <= x <= values.shape[1] - shape[1] and 0 <= y <= values.shape[0] - shape[0]:
        return values[y : y + shape[0], x : x + shape[1]]
    rows = np.clip(np.arange(y, y + shape[0]), 0, values.shape[0] - 1)
    columns = np.clip(np.arange(x, x + shape[1]), 0, values.shape[1] - 1)
    return values[rows[:, None], columns[None, :]]


def difference(
    delta_YXC: np.ndarray, ground: np.ndarray, corner: tuple[int, int], clean: tuple[np.ndarray, np.ndarray]
) -> tuple[float, np.ndarray, np.ndarray]:
    """A picture less its ground beside a clean rendering there.

    Args:
        delta_YXC: the picture less `ground`, [0, 1] RGB.
        corner: where the rendering's upper left pixel lies.
        clean: what `rendering` gives.

    Returns:
        Mean absolute difference over the object's pixels; picture and rendering in that window, less the ground.
    """
    pixels, alpha = clean
    seen = window(delta_YXC, corner, alpha.shape, 0)
    wanted = alpha[..., None] * (pixels - ground)
    return float(np.abs(seen - wanted)[alpha > 0.5].mean()), seen, wanted


def nearest(rgb_YXC: np.ndarray, noun: str, colour: str | None, box: Box) -> float:
    """The distance of an object to its nearest clean rendering about its box, [0, 1].

    The rendering is moved and scaled by a few pixels, both ways round: a box that is a little off is no
    fault of the picture.
    """
    ground = background(rgb_YXC)
    delta = rgb_YXC - ground
    middle = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    width, height = box[2] - box[0], box[3] - box[1]
    best = 1.0
    for reach, growths in ((2, (0.95, 1.0, 1.05)), (1, (0.975, 1.0, 1.025))):
        tried: list[tuple[float, float, float, float]] = []
        for growth in growths:
            w, h = max(8, round(width * growth)), max(8, round(height * growth))
            for flip in (False, True):
                clean = rendering(noun, colour, flip, w, h)
                for dx in (-reach, 0, reach):
                    for dy in (-reach, 0, reach):
                        corner = (round(middle[0] + dx - w / 2), round(middle[1] + dy - h / 2))
                        tried.append((difference(delta, ground, corner, clean)[0], dx, dy, growth))
        found, dx, dy, growth = min(tried)
        best = min(best, found)
        middle, width, height = (middle[0] + dx, middle[1] + dy), width * growth, height * growth
    return best


@lru_cache(maxsize=KEPT)
def rendering(noun: str, colour: str | None, flip: bool, width: int, height: int) -> tuple[np.ndarray, np.ndarray]:
    """RGB and alpha of a sprite as scenes draw it, [0, 1] float32."""
    picture = _flipped(noun, colour, flip).resize((width, height), Image.Resampling.BICUBIC, reducing_gap=2.0)
    pixels = np.asarray(picture, dtype=np.float32) / 255
    return pixels[..., :3], pixels[..., 3]


@cache
def _flipped(noun: str, colour: str | None, flip: bool) -> Image.Image:
    picture = sprite(noun, colour)
    return picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if flip else picture
