"""Several ways of painting over the same prompts and seeds: a row each, with paired differences to the first."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields

from ..intervals import bootstrapped, clustered
from .evaluate import Judged

Interval = tuple[float, float, float]
"""Value, lower and upper end of 95 %."""
_SPANS = ("present", "exact", "present_gain", "exact_gain")


@dataclass(frozen=True)
class Compared:
    """One way of painting, over one group of prompts."""

    way: str
    group: str
    "`task, split`, or `all`."
    num_prompts: int
    num_pictures: int
    present: Interval | None
    "None where no judge looked for objects; so too for the next three."
    exact: Interval | None
    present_gain: Interval | None
    "Difference to the first way on the same prompts and seeds, bootstrapped over prompts; None for the first."
    exact_gain: Interval | None
    quality: float | None
    numbers: dict[str, Interval] = field(default_factory=dict)
    "Means of what a scorer gave, bootstrapped over prompts."
    gains: dict[str, Interval] = field(default_factory=dict)
    "Their differences to the first way; empty for the first."
    seconds: float | None = None
    "Mean of painting a picture."
    memory: int | None = None
    "Bytes of device memory at their highest."


def compare(ways: Mapping[str, Sequence[Judged]]) -> list[Compared]:
    """A row a way and group; groups in the order they come, `all` last where there are several."""
    (first, *_) = ways.values()
    groups = list(dict.fromkeys(one.group for one in first))
    chosen = [*groups, "all"] if len(groups) > 1 else groups
    return [
        _row(way, group, _members(judged, group), _members(first, group), judged is first)
        for group in chosen
        for way, judged in ways.items()
    ]


def _row(way: str, group: str, members: list[Judged], base: list[Judged], is_first: bool) -> Compared:
    prompts = _by_prompt(members)
    looked = bool(members) and members[0].present is not None
    gains = looked and not is_first
    # A number that some prompts have none of, such as a minimum over parts, counts where it is.
    names = list(dict.fromkeys(name for one in members for name in one.numbers))
    return Compared(
        way, group, len(prompts), len(members),
        clustered([[bool(one.present) for one in same] for same in prompts.values()]) if looked else None,
        clustered([[bool(one.exact) for one in same] for same in prompts.values()]) if looked else None,
        paired(base, members, "present") if gains else None,
        paired(base, members, "exact") if gains else None,
        _mean([one.quality for one in members]),
        {name: bootstrapped([_values(same, name) for same in prompts.values()]) for name in names},
        {} if is_first else {name: paired(base, members, name) for name in names},
        _mean([one.seconds for one in members]),
        max((one.memory for one in members if one.memory is not None), default=None),
    )  # fmt: skip


def value_of(one: Judged, name: str) -> float | None:
    """A verdict's `present`, `exact` or number; None where it has none."""
    value = one.numbers.get(name) if name in one.numbers else getattr(one, name, None)
    return None if value is None else float(value)


def paired(base: Sequence[Judged], other: Sequence[Judged], name: str) -> Interval:
    """Mean difference over the pictures that both have, with a bootstrap over prompts (95 %, percentiles)."""
    known = {(one.task, one.prompt, one.seed): value_of(one, name) for one in base}
    differences: dict[str, list[float]] = {}
    for one in other:
        before, after = known.get((one.task, one.prompt, one.seed)), value_of(one, name)
        if before is not None and after is not None:
            differences.setdefault(f"{one.task} {one.prompt}", []).append(after - before)
    return bootstrapped(list(differences.values()))


def compared_markdown(table: Sequence[Compared]) -> str:
    """As in the docs; intervals in brackets, gains in points of 1. Columns that nothing was measured for stay away."""
    looked = any(row.present is not None for row in table)
    names = list(dict.fromkeys(name for row in table for name in row.numbers))
    head = ["prompts", "way", "pictures"]
    head += ["present", "gain", "exact", "gain", "distance"] if looked else []
    head += [cell for name in names for cell in (name.replace("_", " "), "gain")]
    head += ["s a picture", "peak memory, MB"]
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for row in table:
        cells = [row.group, row.way, str(row.num_pictures)]
        if looked:
            cells += [written(row.present), _gain(row.present_gain), written(row.exact), _gain(row.exact_gain)]
            cells.append("–" if row.quality is None else f"{row.quality:.3f}")
        for name in names:
            cells += [written(row.numbers.get(name), 3), _gain(row.gains.get(name), 3)]
        cells.append("–" if row.seconds is None else f"{row.seconds:.2f}")
        cells.append("–" if row.memory is None else f"{row.memory / 2**20:.0f}")
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def compared_csv(table: Sequence[Compared]) -> str:
    """One row a way and group; intervals as three columns."""
    out = io.StringIO()
    rows = csv.writer(out)
    numbers = list(dict.fromkeys(name for row in table for name in row.numbers))
    names = [f.name for f in fields(Compared) if f.name not in ("numbers", "gains")]
    spans = [*_SPANS, *(part for name in numbers for part in (name, f"{name}_gain"))]
    columns = [*names, *spans[len(_SPANS) :]]
    rows.writerow([c for n in columns for c in ([n, f"{n}_low", f"{n}_high"] if n in spans else [n])])
    for row in table:
        measured = {n: row.numbers.get(n) for n in numbers} | {f"{n}_gain": row.gains.get(n) for n in numbers}
        cells: list[object] = []
        for name in columns:
            value = measured[name] if name in measured else getattr(row, name)
            cells += list(value or ("", "", "")) if name in spans else ["" if value is None else value]
        rows.writerow(cells)
    return out.getvalue()


def written(interval: Interval | None, digits: int = 2) -> str:
    """`0.50 [0.41, 0.59]`."""
    return "–" if interval is None else "{0:.{3}f} [{1:.{3}f}, {2:.{3}f}]".format(*interval, digits)


def _gain(interval: Interval | None, digits: int = 2) -> str:
    return "–" if interval is None else "{0:+.{3}f} [{1:+.{3}f}, {2:+.{3}f}]".format(*interval, digits)


def _mean(values: Sequence[float | None]) -> float | None:
    measured = [value for value in values if value is not None]
    return sum(measured) / len(measured) if measured else None


def _values(members: Sequence[Judged], name: str) -> list[float]:
    return [one.numbers[name] for one in members if name in one.numbers]


def _members(judged: Sequence[Judged], group: str) -> list[Judged]:
    return [one for one in judged if group in ("all", one.group)]


def _by_prompt(members: Sequence[Judged]) -> dict[str, list[Judged]]:
    prompts: dict[str, list[Judged]] = {}
    for one in members:
        prompts.setdefault(f"{one.task} {one.prompt}", []).append(one)
    return prompts
