"""Picture: the maps of teacher and student side by side, a row a word, each row on one scale."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

from .colours import heat

CELL = 8
"""Pixels a cell."""
_GAP = 8


def pair_image(words: Sequence[str], teacher_NYX: np.ndarray, student_NYX: np.ndarray) -> Image.Image:
    """RGB; left the teacher, right the student. Cells are shown raw."""
    rows = []
    for teacher, student in zip(teacher_NYX[: len(words)], student_NYX[: len(words)], strict=True):
        top = max(float(teacher.max()), float(student.max()), 1e-12)
        both = [np.asarray(heat(one / top)).repeat(CELL, 0).repeat(CELL, 1)[..., :3] for one in (teacher, student)]
        gap = np.full((both[0].shape[0], _GAP, 3), 255, both[0].dtype)
        rows.append(np.concatenate([both[0], gap, both[1]], axis=1))
    line = np.full((_GAP, rows[0].shape[1], 3), 255, rows[0].dtype)
    stacked = [part for row in rows for part in (row, line)][:-1]
    return Image.fromarray(np.concatenate(stacked))
