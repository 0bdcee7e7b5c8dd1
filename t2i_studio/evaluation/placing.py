"""Found objects against asked boxes: does each subject stand where it should? Knows no pictures and no models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..emoji.boxes import overlap
from ..types import Box
from .found import Found

HIT = 0.5
"""Overlap (IoU) from which on a subject counts as in its box, as detectors are scored."""


def placed(boxes: Mapping[str, Box], found: Sequence[Found], size: tuple[int, int]) -> dict[str, float]:
    """How well the objects of a picture fill the boxes that were asked for.

    - `box_overlap`: IoU of each box with the best object of its noun, mean over boxes; 0 where none was found.
    - `box_overlap_found`: the same over the boxes whose noun was found; absent where none was.
    - `in_box`: share of boxes with an IoU of at least 0.5.

    Args:
        boxes: noun → where it should stand.
        size: width and height of the picture, pixels.
    """
    width, height = size
    best: dict[str, float] = {}
    for noun, box in boxes.items():
        asked = (box.left * width, box.top * height, box.right * width, box.bottom * height)
        fits = [overlap(one.box, asked) for one in found if one.noun == noun]
        if fits:
            best[noun] = max(fits)
    numbers = {"box_overlap": sum(best.values()) / len(boxes)}
    if best:
        numbers["box_overlap_found"] = sum(best.values()) / len(best)
    numbers["in_box"] = sum(value >= HIT for value in best.values()) / len(boxes)
    return numbers
