"""The contact sheet: every pair in its place, what is left out is told."""

from __future__ import annotations

import numpy as np
from PIL import Image

from t2i_studio.visuals import Pair, Section, contact_sheet
from t2i_studio.visuals.sheet import GAP, MARGIN, SIDE


def pair(label: str = "a cat · seed 0") -> Pair:
    return Pair(label, Image.new("RGB", (32, 32), "red"), Image.new("RGB", (64, 32), "blue"), "missing → present")


def test_pairs_stand_side_by_side() -> None:
    sheet = contact_sheet("ai-t2i against none", "none", "ai-t2i", [Section("Wins", True, 1, [pair()])])
    pixels = np.asarray(sheet)
    (ys, xs) = np.where((pixels == (255, 0, 0)).all(-1))
    assert (xs.min(), xs.max() + 1) == (MARGIN, MARGIN + SIDE)
    assert ys.max() + 1 - ys.min() == SIDE
    (blue_ys, blue_xs) = np.where((pixels == (0, 0, 255)).all(-1))
    assert blue_xs.min() >= MARGIN + SIDE + GAP
    assert blue_ys.max() - blue_ys.min() < SIDE * 0.6  # twice as wide as high: not distorted


def test_it_grows_with_what_it_holds() -> None:
    few = contact_sheet("t", "a", "b", [Section("Wins", True, 1, [pair()]), Section("Losses", False, 0, [])])
    many = contact_sheet("t", "a", "b", [Section("Wins", True, 30, [pair("x" * 300)] * 4)])
    assert many.width == few.width
    assert many.height > few.height
