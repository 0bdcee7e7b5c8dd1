"""Colours: one for each noun by order of appearance, one map for heat, two page themes.

No pictures, no figures: the page's style sheet and the exports read the same tables.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from matplotlib import colormaps

ThemeName = Literal["light", "dark"]

PALETTES: dict[ThemeName, tuple[str, ...]] = {
    "light": ("#3415FE", "#BF5916", "#0B3D04", "#530057", "#7A4A00", "#128291", "#40454D", "#703EAA"),
    "dark": ("#3F74FD", "#EC3303", "#46DA13", "#F9B0C7", "#F3FA2F", "#A3FBFC", "#867D84", "#B58EFC"),
}
"""sRGB hex by order of appearance. Every one has a contrast of 4.5 or more to its theme's page; hues
agree between themes; neighbours stay apart for readers without red, green or blue cones."""

DASHES: tuple[tuple[float, ...], ...] = ((), (4.0, 1.6), (1.2, 1.2), (5.0, 1.4, 1.2, 1.4))
"""On and off lengths of lines, in line widths: the 9th to 16th noun take the second, and so on."""

HEAT = "magma"
"""Colour map of attention: perceptually uniform, its lightness alone carries the order."""


DIFFERENCE = "RdBu_r"
"""Colour map of differences: zero in its light middle, blue below, red above; told apart without red or green cones."""


@dataclass(frozen=True)
class Theme:
    """Colours of a page, sRGB hex."""

    page: str
    ink: str
    muted: str
    rule: str


THEMES: dict[ThemeName, Theme] = {
    "light": Theme(page="#FFFFFF", ink="#16181D", muted="#5A6070", rule="#D5D8DF"),
    "dark": Theme(page="#0F1115", ink="#ECEEF2", muted="#A2A9B8", rule="#343945"),
}


def noun_colour(index: int, theme: ThemeName = "light") -> str:
    """Hex colour of the noun at `index` (0 is the first of the prompt); repeats after eight."""
    palette = PALETTES[theme]
    return palette[index % len(palette)]


def noun_dash(index: int) -> tuple[float, ...]:
    """Dash pattern that tells apart nouns of the same colour; empty is a solid line."""
    return DASHES[index // len(PALETTES["light"]) % len(DASHES)]


def heat(values_YX: np.ndarray) -> np.ndarray:
    """RGB uint8 (Y, X, 3) of values in [0, 1]; what lies outside is clipped, NaN counts as 0."""
    clipped = np.clip(np.nan_to_num(values_YX, nan=0.0), 0.0, 1.0)
    return colormaps[HEAT](clipped, bytes=True)[..., :3]


def difference(values_YX: np.ndarray) -> np.ndarray:
    """RGB uint8 (Y, X, 3) of values in [-1, 1], 0 in the middle; what lies outside is clipped, NaN counts as 0."""
    clipped = np.clip(np.nan_to_num(values_YX, nan=0.0), -1.0, 1.0)
    return colormaps[DIFFERENCE]((clipped + 1) / 2, bytes=True)[..., :3]
