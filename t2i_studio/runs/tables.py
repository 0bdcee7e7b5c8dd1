"""Numbers of a run as CSV: those of its maps, and what guidance did."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from ..metrics import MapMetrics
from ..types import GuidedStep


def write_metrics(file: Path, metrics: MapMetrics) -> None:
    """One row a step and noun; `overlap_<noun>` is empty for the noun itself."""
    head = ["step", "timestep", "noun", "mass", "peak", "peak_y", "peak_x", "entropy"]
    with file.open("w", encoding="utf-8", errors="replace", newline="") as handle:
        rows = csv.writer(handle)
        rows.writerow(head + [f"overlap_{noun}" for noun in metrics.nouns])
        for step, timestep in enumerate(metrics.timesteps):
            for i, noun in enumerate(metrics.nouns):
                overlaps = metrics.overlap_TNN[step, i]
                rows.writerow(
                    [
                        step,
                        f"{timestep:.10g}",
                        noun,
                        _number(metrics.mass_TN[step, i]),
                        _number(metrics.peak_TN[step, i]),
                        int(metrics.peak_y_TN[step, i]),
                        int(metrics.peak_x_TN[step, i]),
                        _number(metrics.entropy_TN[step, i]),
                        *("" if j == i else _number(value) for j, value in enumerate(overlaps)),
                    ]
                )


def _number(value: float) -> str:
    return f"{value:.7g}"


def write_guidance(file: Path, steps: Sequence[GuidedStep]) -> None:
    """One row a guided step; a column each part of the loss, before its weight."""
    parts = list(dict.fromkeys(name for step in steps for name in step.losses))
    plain = [name for name in vars(steps[0]) if name not in ("step", "timestep", "losses")]
    with file.open("w", encoding="utf-8", newline="") as handle:
        rows = csv.writer(handle)
        rows.writerow(["step", "timestep", *parts, *plain])
        for one in steps:
            values = [one.losses.get(name, "") for name in parts] + [getattr(one, name) for name in plain]
            shown = [_number(value) if isinstance(value, float) else value for value in values]
            rows.writerow([one.step, f"{one.timestep:.10g}", *shown])
