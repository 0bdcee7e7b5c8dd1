"""Scenes: a request becomes 128×128 pixels with its ground truth (boxes, masks, colours, relation).

Objects stand apart on a soft plain background. Knows nothing of models.
"""

from __future__ import annotations

import colorsys
from dataclasses import dataclass

import numpy as np
from PIL import Image

from .captions import Asked, Mixture, Request, caption, sample_request
from .splits import Splits, load_splits
from .sprites import SPRITE_SIZE, sprite

SCENE_SIZE = 128
"""Width and height of a scene, pixels."""

_MARGIN = 3
_SIDES = {1: (56, 104), 2: (44, 62), 3: (36, 52), 4: (32, 46)}
"""Number of objects → range of an object's longest side, pixels."""


@dataclass(frozen=True)
class Placed:
    """One object of a scene: XYXY box in pixels, upper end exclusive; `subject` indexes `asked`."""

    noun: str
    colour: str | None
    box: tuple[int, int, int, int]
    flip: bool
    subject: int


@dataclass(frozen=True)
class Scene:
    """A picture's whole truth. `objects` are painted in order; later ones cover earlier ones."""

    request: Request
    caption: str
    objects: tuple[Placed, ...]
    background: tuple[int, int, int]


def sample_scene(rng: np.random.Generator, mixture: Mixture | None = None, splits: Splits | None = None) -> Scene:
    """A scene of the training distribution."""
    mixture = mixture or Mixture()
    request = sample_request(rng, splits or load_splits(), mixture)
    return compose(request, rng, caption(request, rng, mixture.wordings), mixture.mirrored)


def compose(request: Request, rng: np.random.Generator, text: str | None = None, mirrored: float = 0.0) -> Scene:
    """Lay a request out; any request, the held-out ones too. Retries until all objects fit.

    Args:
        mirrored: chance of each object to be drawn the other way round.
    """
    text = caption(request, rng) if text is None else text
    wanted = [(i, a) for i, a in enumerate(request.asked) for _ in range(a.count)]
    while True:
        boxes = _layout(request, wanted, rng)
        if boxes is not None:
            break
    objects = tuple(
        Placed(asked.noun, asked.colour, box, bool(rng.random() < mirrored), i)
        for (i, asked), box in zip(wanted, boxes, strict=True)
    )
    return Scene(request, text, objects, _background(rng))


def scene_of_seed(seed: int, mixture: Mixture | None = None) -> Scene:
    """The training scene number `seed`: same number and mixture, same scene."""
    return sample_scene(np.random.default_rng([77, seed]), mixture)


def render(scene: Scene) -> Image.Image:
    """The picture: RGB, 128×128, sRGB uint8."""
    canvas = Image.new("RGB", (SCENE_SIZE, SCENE_SIZE), scene.background)
    for placed in scene.objects:
        layer = layer_of(placed)
        canvas.paste(layer, placed.box[:2], layer)
    return canvas


def masks(scene: Scene) -> np.ndarray:
    """Visible pixels of each asked subject: bool (subjects, Y, X)."""
    out = np.zeros((len(scene.request.asked), SCENE_SIZE, SCENE_SIZE), dtype=bool)
    for placed in scene.objects:
        x0, y0, x1, y1 = placed.box
        solid = np.asarray(layer_of(placed).getchannel("A")) > 127
        out[:, y0:y1, x0:x1] &= ~solid
        out[placed.subject, y0:y1, x0:x1] |= solid
    return out


def relation_of(one: Placed, other: Placed) -> str | None:
    """Where `one` stands from `other` by the dominant component of the centre offset."""
    dx = (one.box[0] + one.box[2] - other.box[0] - other.box[2]) / 2
    dy = (one.box[1] + one.box[3] - other.box[1] - other.box[3]) / 2
    if abs(dx) == abs(dy):
        return None
    if abs(dx) > abs(dy):
        return "left" if dx < 0 else "right"
    return "above" if dy < 0 else "below"


def layer_of(placed: Placed) -> Image.Image:
    """The object alone as a scene paints it: RGBA uint8, of its box's size."""
    picture = sprite(placed.noun, placed.colour)
    if placed.flip:
        picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    x0, y0, x1, y1 = placed.box
    return picture.resize((x1 - x0, y1 - y0), Image.Resampling.BICUBIC, reducing_gap=2.0)


def _background(rng: np.random.Generator) -> tuple[int, int, int]:
    h, s, v = rng.random(), rng.uniform(0.06, 0.30), rng.uniform(0.80, 0.96)
    r, g, b = colorsys.hsv_to_rgb(float(h), float(s), float(v))
    return round(r * 255), round(g * 255), round(b * 255)


def _size(asked: Asked, side: float) -> tuple[int, int]:
    width, height = sprite(asked.noun).size
    return max(4, round(width * side / SPRITE_SIZE)), max(4, round(height * side / SPRITE_SIZE))


def _layout(
    request: Request, wanted: list[tuple[int, Asked]], rng: np.random.Generator
) -> list[tuple[int, int, int, int]] | None:
    """Boxes that stand apart and obey the relation, or None when this draw has none."""
    low, high = _SIDES[len(wanted)]
    boxes: list[tuple[int, int, int, int]] = []
    for _, asked in wanted:
        for _ in range(40):
            w, h = _size(asked, float(rng.uniform(low, high)))
            x = int(rng.integers(_MARGIN, SCENE_SIZE - _MARGIN - w + 1))
            y = int(rng.integers(_MARGIN, SCENE_SIZE - _MARGIN - h + 1))
            box = (x, y, x + w, y + h)
            if all(_apart(box, other) for other in boxes):
                boxes.append(box)
                break
        else:
            return None
    if request.relation is not None:
        ends = [Placed("", None, box, False, 0) for box in boxes[:2]]
        gap = max(abs(boxes[0][i] - boxes[1][i]) for i in (0, 1))
        if relation_of(ends[0], ends[1]) != request.relation or gap < 24:
            return None
    return boxes


def _apart(one: tuple[int, int, int, int], other: tuple[int, int, int, int]) -> bool:
    return (
        one[2] + 1 <= other[0] or other[2] + 1 <= one[0]
        or one[3] + 1 <= other[1] or other[3] + 1 <= one[1]
    )  # fmt: skip
