"""Asked against found. Knows no pictures and no models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from ..emoji.captions import Asked, Request
from ..emoji.splits import natural_colours
from .found import Found

SHRINK = 0.1
"""Share of both sizes taken off a centre offset before it counts (GenEval)."""


@dataclass(frozen=True)
class Score:
    """How well a picture answers a request."""

    present: bool
    "Every asked subject is there, in its number, colour and place; more may be there too."
    exact: bool
    "Present, and nothing else is."
    quality: float | None
    "Mean distance of the found objects to their clean renderings, [0, 1], 0 is best; None where none was found."


def score(request: Request, found: Sequence[Found]) -> Score:
    """Score the objects that a judge found in a picture of `request`."""
    fitting = [[f for f in found if _fits(asked, f)] for asked in request.asked]
    enough = all(len(some) >= asked.count for asked, some in zip(request.asked, fitting, strict=True))
    placed = request.relation is None or _related(request.relation, *fitting[:2])
    number = sum(asked.count for asked in request.asked)
    present = enough and placed
    quality = sum(f.distance for f in found) / len(found) if found else None
    return Score(present, present and len(found) == number, quality)


def certainty(request: Request, found: Sequence[Found]) -> float:
    """How surely a picture is what was asked for, [0, 1]: a reward that grows with every part of the request.

    The mean, over the asked objects and those that nobody asked for, of the certainty with which each asked
    one was found: 0 for a missing one, 0 for one too many. A relation counts as one more object.
    """
    left, sure = list(found), 0.0
    for asked in request.asked:
        best = sorted((f for f in left if _fits(asked, f)), key=lambda f: -f.score)[: asked.count]
        sure += sum(f.score for f in best)
        left = [f for f in left if f not in best]
    parts = sum(asked.count for asked in request.asked) + len(left)
    if request.relation is None:
        return sure / parts
    ones, others = ([f for f in found if _fits(asked, f)] for asked in request.asked[:2])
    return (sure + _related(request.relation, ones, others)) / (parts + 1)


def _fits(asked: Asked, found: Found) -> bool:
    if found.noun != asked.noun:
        return False
    if asked.colour is None or found.colour == asked.colour:
        return True
    return found.colour is None and asked.colour in _natural(asked.noun)


@cache
def _natural(noun: str) -> frozenset[str]:
    return frozenset(natural_colours(noun))


def _related(relation: str, ones: Sequence[Found], others: Sequence[Found]) -> bool:
    """Whether any of the first stands so from any of the second."""
    return any(_relation(one, other) == relation for one in ones for other in others)


def _relation(one: Found, other: Found) -> str | None:
    """Dominant component of the centre offset, after GenEval's shrinking by a share of the sizes.

    Stricter than GenEval on diagonals, which count there as both relations: one in eight random pairs has a second.
    """
    offsets = []
    for low, high in ((0, 2), (1, 3)):
        offset = (one.box[low] + one.box[high] - other.box[low] - other.box[high]) / 2
        slack = SHRINK * (one.box[high] - one.box[low] + other.box[high] - other.box[low])
        offsets.append(max(abs(offset) - slack, 0.0) * (1 if offset > 0 else -1))
    across, down = offsets
    if abs(across) == abs(down):
        return None
    if abs(across) > abs(down):
        return "left" if across < 0 else "right"
    return "above" if down < 0 else "below"
