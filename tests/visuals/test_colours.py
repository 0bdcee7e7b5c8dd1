"""Colours are told apart and read, also by readers who lack a kind of cone."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from t2i_studio.visuals import DASHES, PALETTES, THEMES, heat, noun_colour, noun_dash

# Machado et al. 2009, severity 1, on linear RGB.
SIGHTS = {
    "full": np.eye(3),
    "protan": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deutan": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritan": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
LMS = [[0.4122214708, 0.5363325363, 0.0514459929], [0.2119034982, 0.6806995451, 0.1073969566],
       [0.0883024619, 0.2817188376, 0.6299787005]]  # fmt: skip
OKLAB = [[0.2104542553, 0.7936177850, -0.0040720468], [1.9779984951, -2.4285922050, 0.4505937099],
         [0.0259040371, 0.7827717662, -0.8086757660]]  # fmt: skip


def _linear(colour: str) -> np.ndarray:
    values = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def _contrast(first: str, second: str) -> float:
    low, high = sorted(float(np.dot([0.2126, 0.7152, 0.0722], _linear(c))) for c in (first, second))
    return (high + 0.05) / (low + 0.05)


def _oklab(linear: np.ndarray) -> np.ndarray:
    return np.array(OKLAB) @ np.cbrt(np.array(LMS) @ linear)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nouns_and_texts_are_readable_on_their_page(theme):
    page = THEMES[theme]
    for colour in (*PALETTES[theme], page.ink, page.muted):
        assert _contrast(colour, page.page) >= 4.5, colour


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("sight", SIGHTS)
def test_nouns_are_told_apart(theme, sight):
    seen = [_oklab(np.clip(np.array(SIGHTS[sight]) @ _linear(c), 0, 1)) for c in PALETTES[theme]]
    distances = {(i, j): float(np.linalg.norm(seen[i] - seen[j])) for i, j in combinations(range(8), 2)}
    assert min(distances.values()) > 0.08
    assert min(d for (_, j), d in distances.items() if j < 4) > 0.12, "the first four matter most"


def test_nouns_past_the_palette_differ_by_dash():
    looks = {(noun_colour(i), noun_dash(i)) for i in range(8 * len(DASHES))}
    assert len(looks) == 8 * len(DASHES)
    assert noun_dash(0) == ()


def test_heat_rises_in_lightness():
    row = heat(np.linspace(0, 1, 64)[None])[0] / 255
    lightness = [_oklab(np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4))[0] for c in row]
    assert (np.diff(lightness) > 0).all()
    assert heat(np.array([[np.nan, -1.0, 2.0]])).shape == (1, 3, 3)
