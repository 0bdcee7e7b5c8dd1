"""What guidance did, as data for `guide/losses.js`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ..types import GuidedStep


def series(label: str, steps: Sequence[GuidedStep], num_steps: int) -> dict[str, Any]:
    """Each part of the loss over the guided steps, as a rule the first half of the picture's `num_steps`."""
    names = list(dict.fromkeys(name for step in steps for name in step.losses))
    return {
        "label": label, "timesteps": [step.timestep for step in steps],
        "parts": {name: _finite([step.losses.get(name, 0.0) for step in steps]) for name in names},
        "skipped": sum(step.skipped for step in steps), "clipped": sum(step.clipped for step in steps),
        "expected": max(len(steps), -(-num_steps // 2)),
    }  # fmt: skip


def _finite(values: Sequence[float]) -> list[float]:
    """Without what JSON and a curve can't hold: such a step repeats the one before."""
    out: list[float] = []
    for value in values:
        out.append(value if math.isfinite(value) else (out[-1] if out else 0.0))
    return out
