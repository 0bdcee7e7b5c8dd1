"""Maps → objects, and objects → the maps that training wants. No learning, no pictures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F

from ..boxes import Box, area, overlap, shared
from ..vocabulary import NOUNS
from .network import COLOUR_NAMES, STRIDE, Maps

USUAL_SIDE = 48.0
"""Pixels whose logarithm is 0 in the maps of boxes."""
SPREAD = 0.12
"""Standard deviation of a centre's bump, as a share of the box's side; never under half a cell."""
NEAR = 0.5
"""Cells at which a bump is at least so high learn the box and the colour too."""
SAME_PLACE = 0.5
"""Overlap (IoU) of two boxes from which on they are one object; also where one is covered so far by the other."""
COVERED = 0.75
MOST = 20
"""Objects that are looked for in one picture."""


@dataclass(frozen=True)
class Seen:
    """One object: XYXY box in pixels, upper end exclusive; `score` is the certainty in [0, 1]."""

    noun: str
    colour: str | None
    "Colour word it was recoloured in; None for its natural look."
    box: Box
    score: float = 1.0


class Targets(NamedTuple):
    """What training wants of the maps of a batch."""

    centres: torch.Tensor
    "(B, 24, Y, X) in [0, 1]: 1 at the cell of an object's middle, a bump round it."
    boxes: torch.Tensor
    "(B, 4, Y, X), as `Maps.boxes`."
    colours: torch.Tensor
    "(B, Y, X), indices into `COLOUR_NAMES`."
    weights: torch.Tensor
    "(B, Y, X): how much boxes and colours count at a cell."


def encode(pictures: Sequence[Sequence[Seen]], size: int) -> Targets:
    """The maps of pictures of `size` × `size` pixels that hold these objects."""
    cells = size // STRIDE
    batch = len(pictures)
    centres = torch.zeros(batch, len(NOUNS), cells, cells)
    boxes = torch.zeros(batch, 4, cells, cells)
    colours = torch.zeros(batch, cells, cells, dtype=torch.long)
    weights = torch.zeros(batch, cells, cells)
    middles = torch.arange(cells) + 0.5
    for i, objects in enumerate(pictures):
        for one in objects:
            x0, y0, x1, y1 = (end / STRIDE for end in one.box)
            x, y, width, height = (x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0
            column, row = (min(cells - 1, max(0, int(at))) for at in (x, y))
            across = (torch.arange(cells) - column) / max(0.5, SPREAD * width)
            down = (torch.arange(cells) - row) / max(0.5, SPREAD * height)
            bump_YX = torch.exp(-0.5 * (down[:, None] ** 2 + across[None] ** 2))
            noun = NOUNS.index(one.noun)
            centres[i, noun] = torch.maximum(centres[i, noun], bump_YX)
            here = (bump_YX >= NEAR) & (bump_YX > weights[i])
            boxes[i, 0, here] = (x - middles)[None].expand(cells, cells)[here]
            boxes[i, 1, here] = (y - middles)[:, None].expand(cells, cells)[here]
            boxes[i, 2, here] = math.log(width * STRIDE / USUAL_SIDE)
            boxes[i, 3, here] = math.log(height * STRIDE / USUAL_SIDE)
            colours[i, here] = COLOUR_NAMES.index(one.colour)
            weights[i, here] = bump_YX[here]
    return Targets(centres, boxes, colours, weights)


def decode(maps: Maps, threshold: float) -> list[tuple[Seen, ...]]:
    """The objects of each picture whose certainty reaches `threshold`, the most certain first.

    A centre is a cell no lower than its neighbours of the same noun; it is as certain as that it or the
    likeliest cell beside it is one, because a middle on the border of two cells is shared between them.
    Of several at one place the most certain stays.
    """
    cells = maps.centres.sigmoid()
    certain = 1 - (1 - cells) * (1 - _beside(cells))
    peaks = certain * (F.max_pool2d(cells, 3, stride=1, padding=1) == cells)
    return [_picture(peaks[i], maps.boxes[i], maps.colours[i].argmax(0), threshold) for i in range(len(peaks))]


def _beside(cells: torch.Tensor) -> torch.Tensor:
    """The highest of the four cells that touch each one."""
    padded = F.pad(cells, (1, 1, 1, 1))
    sides = (padded[..., :-2, 1:-1], padded[..., 2:, 1:-1], padded[..., 1:-1, :-2], padded[..., 1:-1, 2:])
    return torch.stack(sides).amax(0)


def _picture(
    peaks_NYX: torch.Tensor, boxes_4YX: torch.Tensor, colours_YX: torch.Tensor, threshold: float
) -> tuple[Seen, ...]:
    rows, columns = peaks_NYX.shape[1:]
    scores, places = peaks_NYX.flatten().topk(min(MOST, peaks_NYX.numel()))
    kept: list[Seen] = []
    for score, place in zip(scores.tolist(), places.tolist(), strict=True):
        if score < threshold:
            break
        noun, rest = divmod(place, rows * columns)
        row, column = divmod(rest, columns)
        dx, dy, wide, high = boxes_4YX[:, row, column].tolist()
        x, y = (column + 0.5 + dx) * STRIDE, (row + 0.5 + dy) * STRIDE
        half_width, half_height = USUAL_SIDE * math.exp(wide) / 2, USUAL_SIDE * math.exp(high) / 2
        box = (x - half_width, y - half_height, x + half_width, y + half_height)
        if not any(_same_place(box, other.box) for other in kept):
            kept.append(Seen(NOUNS[noun], COLOUR_NAMES[int(colours_YX[row, column])], box, score))
    return tuple(kept)


def _same_place(one: Box, other: Box) -> bool:
    return overlap(one, other) > SAME_PLACE or shared(one, other) > COVERED * min(area(one), area(other))
