"""What a judge sees in a picture. Plain data, shared by all judges and scores."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from ..emoji.boxes import Box

if TYPE_CHECKING:
    from PIL import Image


@dataclass(frozen=True)
class Found:
    """One object that a judge sees."""

    noun: str
    colour: str | None
    "Colour word it was recoloured in; None for its natural look."
    box: Box
    score: float
    "Certainty in [0, 1]; what falls below the judge's threshold is not reported."
    distance: float
    "Mean absolute RGB difference to its nearest clean rendering over its pixels, [0, 1]."


def scaled(found: Found, size: tuple[int, int], from_size: int) -> Found:
    """The same with its box in pixels of a picture of `size` (x, y), where it was seen in a square of `from_size`."""
    across, down = size[0] / from_size, size[1] / from_size
    left, top, right, bottom = found.box
    return replace(found, box=(left * across, top * down, right * across, bottom * down))


class Judge(Protocol):
    """Finds the objects of a picture."""

    name: str
    nouns: frozenset[str]
    "What it can find."

    def __call__(self, image: Image.Image) -> tuple[Found, ...]:
        """Objects in an RGB picture of any size, the most certain first."""
        ...


class Scorer(Protocol):
    """Gives a picture of a prompt some numbers, more is better; it finds nothing."""

    name: str

    def numbers(self, image: Image.Image, prompt: str) -> dict[str, float]:
        """Name → value. The first is the one that wins and losses are told by."""
        ...
