"""CTCal's premise, asked before the first step: are the teacher's maps better than the student's?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..metrics import entropy
from .verdict import BETTER

if TYPE_CHECKING:
    from .learner import Learner

PICTURES = 8
"""Of the training's own pictures, those that are looked at."""


def premise(learner: Learner) -> float | None:
    """The teacher's concentration over the student's, means over nouns; None where no caption names anything."""
    both = [
        [float((1 - entropy(maps_NYX)).mean()) for maps_NYX in (teacher, student)]
        for _, teacher, student in learner.pairs(PICTURES)
    ]
    if not both:
        return None
    teacher, student = np.mean(both, axis=0)
    return float(teacher / max(student, 1e-6))


def told(ratio: float) -> str:
    """In words; a warning where the premise does not hold."""
    text = f"Before the first step the teacher's maps were {ratio:.2f} times as concentrated as the student's."
    if ratio >= BETTER:
        return text
    return f"{text} {BETTER:.2f} is wanted: CTCal is unlikely to help here. `t2i-studio probe` tells more."
