"""Several ways of painting over the same prompts and seeds: a row each, with paired differences to the first."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np

from ..intervals import clustered
from .evaluate import Judged

DRAWS = 2000
SEED = 1

Interval = tuple[float, float, float]
"""Value, lower and upper end of 95 %."""


@dataclass(frozen=True)
class Compared:
    """One way of painting, over one group of prompts."""

    way: str
    group: str
    "`task, split`, or `all`."
    num_prompts: int
    num_pictures: int
    present: Interval
    exact: Interval
    present_gain: Interval | None
    "Difference to the first way on the same prompts and seeds, bootstrapped over prompts; None for the first."
    exact_gain: Interval | None
    quality: float | None
    seconds: float | None
    "Mean seconds a picture, over those that were painted now."


def compare(ways: Mapping[str, Sequence[Judged]], seconds: Mapping[str, float | None] | None = None) -> list[Compared]:
    """A row a way and group; groups in the order they come, `all` last where there are several."""
    (first, *_) = ways.values()
    groups = list(dict.fromkeys(_group(one) for one in first))
    chosen = [*groups, "all"] if len(groups) > 1 else groups
    return [
        _row(way, group, _members(judged, group), _members(first, group), (seconds or {}).get(way), judged is first)
        for group in chosen
        for way, judged in ways.items()
    ]


def _row(
    way: str, group: str, members: list[Judged], base: list[Judged], seconds: float | None, is_first: bool
) -> Compared:
    measured = [one.quality for one in members if one.quality is not None]
    prompts = _by_prompt(members)
    return Compared(
        way, group, len(prompts), len(members),
        clustered([[one.present for one in same] for same in prompts.values()]),
        clustered([[one.exact for one in same] for same in prompts.values()]),
        None if is_first else paired(base, members, "present"),
        None if is_first else paired(base, members, "exact"),
        sum(measured) / len(measured) if measured else None, seconds,
    )  # fmt: skip


def paired(base: Sequence[Judged], other: Sequence[Judged], name: str) -> Interval:
    """Mean difference over the pictures that both have, with a bootstrap over prompts (95 %, percentiles)."""
    known = {(one.task, one.prompt, one.seed): getattr(one, name) for one in base}
    differences: dict[str, list[float]] = {}
    for one in other:
        key = (one.task, one.prompt, one.seed)
        if key in known:
            differences.setdefault(f"{one.task} {one.prompt}", []).append(float(getattr(one, name)) - float(known[key]))
    sums = np.array([sum(found) for found in differences.values()])
    counts = np.array([len(found) for found in differences.values()])
    if not len(sums):
        return float("nan"), float("nan"), float("nan")
    draws = np.random.default_rng(SEED).integers(0, len(sums), (DRAWS, len(sums)))
    means = sums[draws].sum(1) / counts[draws].sum(1)
    low, high = np.percentile(means, [2.5, 97.5])
    return float(sums.sum() / counts.sum()), float(low), float(high)


def compared_markdown(table: Sequence[Compared]) -> str:
    """As in the docs; intervals in brackets, gains in points of 1."""
    lines = [
        "| prompts | way | pictures | present | gain | exact | gain | distance | s a picture |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in table:
        cells = [
            row.group, row.way, str(row.num_pictures), _share(row.present), _gain(row.present_gain), _share(row.exact),
            _gain(row.exact_gain), "–" if row.quality is None else f"{row.quality:.3f}",
            "–" if row.seconds is None else f"{row.seconds:.2f}",
        ]  # fmt: skip
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def compared_csv(table: Sequence[Compared]) -> str:
    """One row a way and group; intervals as three columns."""
    out = io.StringIO()
    rows = csv.writer(out)
    names = [f.name for f in fields(Compared)]
    spans = {"present", "exact", "present_gain", "exact_gain"}
    rows.writerow([c for n in names for c in ([n, f"{n}_low", f"{n}_high"] if n in spans else [n])])
    for row in table:
        cells: list[object] = []
        for name in names:
            value = getattr(row, name)
            cells += list(value or ("", "", "")) if name in spans else ["" if value is None else value]
        rows.writerow(cells)
    return out.getvalue()


def _share(interval: Interval) -> str:
    return "{:.2f} [{:.2f}, {:.2f}]".format(*interval)


def _gain(interval: Interval | None) -> str:
    return "–" if interval is None else "{:+.2f} [{:+.2f}, {:+.2f}]".format(*interval)


def _group(one: Judged) -> str:
    return f"{one.task}, {one.split}"


def _members(judged: Sequence[Judged], group: str) -> list[Judged]:
    return [one for one in judged if group in ("all", _group(one))]


def _by_prompt(members: Sequence[Judged]) -> dict[str, list[Judged]]:
    prompts: dict[str, list[Judged]] = {}
    for one in members:
        prompts.setdefault(f"{one.task} {one.prompt}", []).append(one)
    return prompts
