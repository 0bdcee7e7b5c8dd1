"""What guidance did, as data for `guide/losses.js`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..types import GuidedStep


def series(label: str, steps: Sequence[GuidedStep], num_steps: int) -> dict[str, Any]:
    """Each part of the loss over the guided steps; `num_steps` are all of the picture."""
    names = list(dict.fromkeys(name for step in steps for name in step.losses))
    return {
        "label": label, "timesteps": [step.timestep for step in steps],
        "parts": {name: [step.losses.get(name, 0.0) for step in steps] for name in names},
        "skipped": sum(step.skipped for step in steps), "clipped": sum(step.clipped for step in steps),
        "num_steps": num_steps,
    }  # fmt: skip
