"""The words of the embedded world: exactly those of the Attend-and-Excite benchmark.

Knows nouns, their glyphs, colours and relations. Knows nothing of pixels or models.
"""

from __future__ import annotations

from typing import Final

ANIMALS: Final[dict[str, str]] = {
    "cat": "🐱", "dog": "🐶", "bird": "🐦", "bear": "🐻", "lion": "🦁", "horse": "🐴",
    "elephant": "🐘", "monkey": "🐵", "frog": "🐸", "turtle": "🐢", "rabbit": "🐰", "mouse": "🐭",
}  # fmt: skip
OBJECTS: Final[dict[str, str | None]] = {
    "backpack": "🎒", "glasses": "👓", "crown": "👑", "suitcase": "🧳", "chair": "🪑", "balloon": "🎈",
    "bow": "🎀", "car": "🚗", "bowl": "🥣", "bench": None, "clock": "⏰", "apple": "🍎",
}  # fmt: skip
"""Noun → Noto glyph. There is no bench emoji: `sprites.draw_bench` paints one."""

NOUNS: Final[tuple[str, ...]] = (*ANIMALS, *OBJECTS)

COLOURS: Final[dict[str, tuple[int, int, int]]] = {
    "red": (222, 44, 49),
    "orange": (247, 131, 27),
    "yellow": (250, 209, 45),
    "green": (60, 163, 70),
    "blue": (45, 106, 214),
    "purple": (140, 66, 179),
    "pink": (246, 130, 178),
    "brown": (128, 82, 47),
    "gray": (140, 143, 148),
    "black": (48, 46, 50),
    "white": (240, 240, 238),
}
"""Colour word → sRGB in [0, 255], the colour of a recoloured sprite at its median luminance."""

PLURALS: Final[dict[str, str]] = {
    "glasses": "glasses",
    "mouse": "mice",
    "bench": "benches",
}
NUMBERS: Final[dict[int, str]] = {1: "one", 2: "two", 3: "three", 4: "four"}

RELATIONS: Final[dict[str, tuple[str, ...]]] = {
    "left": ("to the left of", "on the left of"),
    "right": ("to the right of", "on the right of"),
    "above": ("above", "on top of"),
    "below": ("below",),
}
"""Relation → its wordings. The first noun stands in that relation to the second."""


def plural(noun: str) -> str:
    """The plural of a noun of this vocabulary."""
    return PLURALS.get(noun, noun + "s")
