"""Scatter and overlap of the maps at every step, a line a way, with paired differences to the first way."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..intervals import bootstrapped
from .compare import Interval
from .evaluate import Judged

MEASURES = ("scatter", "overlap")


@dataclass(frozen=True)
class StepRow:
    """One way at one step; means over pictures, intervals bootstrapped over prompts."""

    way: str
    step: int
    timestep: float
    num_pictures: int
    scatter: Interval
    overlap: Interval
    "Of every two subjects; NaN where every prompt names one."
    scatter_gain: Interval | None
    """Difference to the first way on the same prompt and seed; None for the first, NaN where that had other timesteps.
    Below 0: gathered."""
    overlap_gain: Interval | None
    "The same. Below 0: parted."


def by_step(ways: Mapping[str, Sequence[Judged]]) -> list[StepRow]:
    """All ways and steps; pictures whose maps were not measured are left out."""
    first = next(iter(ways.values()), ())
    base = {(one.task, one.prompt, one.seed): one for one in first if one.maps}
    rows: list[StepRow] = []
    for way, judged in ways.items():
        measured = [one for one in judged if one.maps]
        num_steps = max((len(one.maps["timestep"]) for one in measured), default=0)
        for step in range(num_steps):
            reached = [one for one in measured if len(one.maps["timestep"]) > step]
            values = [_interval(reached, name, step) for name in MEASURES]
            gains = [None if judged is first else _gain(base, reached, name, step) for name in MEASURES]
            rows.append(StepRow(way, step, reached[0].maps["timestep"][step], len(reached), *values, *gains))
    return rows


def lines_by_step(rows: Sequence[StepRow]) -> dict[str, list[dict[str, Interval]]]:
    """Way → per step `scatter` and `overlap`, as the figure takes them."""
    lines: dict[str, list[dict[str, Interval]]] = {}
    for row in rows:
        lines.setdefault(row.way, []).append({name: getattr(row, name) for name in MEASURES})
    return lines


def by_step_csv(rows: Sequence[StepRow]) -> str:
    """One line a way and step; intervals as three columns."""
    out = io.StringIO()
    table = csv.writer(out)
    spans = ("scatter", "scatter_gain", "overlap", "overlap_gain")
    table.writerow(
        ["way", "step", "timestep", "pictures", *(f"{name}{end}" for name in spans for end in ("", "_low", "_high"))]
    )
    for row in rows:
        cells = [cell for name in spans for cell in (getattr(row, name) or ("", "", ""))]
        table.writerow([row.way, row.step, row.timestep, row.num_pictures, *cells])
    return out.getvalue()


def by_step_markdown(rows: Sequence[StepRow]) -> str:
    """Five steps of each way, from the first to the last."""
    lines = ["| way | step | timestep | scatter | gain | overlap | gain |", "|---|---|---|---|---|---|---|"]
    for way in dict.fromkeys(row.way for row in rows):
        own = [row for row in rows if row.way == way]
        for index in sorted({round(share * (len(own) - 1) / 4) for share in range(5)}):
            row = own[index]
            cells = [_written(row.scatter), _written(row.scatter_gain, "+"), _written(row.overlap)]
            cells.append(_written(row.overlap_gain, "+"))
            lines.append(f"| {way} | {row.step} | {row.timestep:.0f} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _written(interval: Interval | None, sign: str = "") -> str:
    if interval is None or interval[0] != interval[0]:
        return "–"
    return "{0:{3}.3f} [{1:{3}.3f}, {2:{3}.3f}]".format(*interval, sign)


def _interval(judged: Sequence[Judged], name: str, step: int) -> Interval:
    prompts: dict[str, list[float]] = {}
    for one in judged:
        if name in one.maps:
            prompts.setdefault(f"{one.task} {one.prompt}", []).append(one.maps[name][step])
    return bootstrapped(list(prompts.values()))


def _gain(base: Mapping[tuple[str, str, int], Judged], judged: Sequence[Judged], name: str, step: int) -> Interval:
    prompts: dict[str, list[float]] = {}
    for one in judged:
        before = base.get((one.task, one.prompt, one.seed))
        if before is None or name not in one.maps or len(before.maps.get(name, ())) <= step:
            continue
        if before.maps["timestep"][step] == one.maps["timestep"][step]:  # else of another number of steps
            change = one.maps[name][step] - before.maps[name][step]
            prompts.setdefault(f"{one.task} {one.prompt}", []).append(change)
    return bootstrapped(list(prompts.values()))
