"""Verdicts as a table: a row a task and split, with 95 % intervals."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from .compare import Compared, Interval, compare, written
from .evaluate import Judged


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    task: str
    split: str
    num_prompts: int
    num_pictures: int
    present: Interval | None
    "None where no judge looked for objects; so too for `exact`."
    exact: Interval | None
    quality: float | None
    "Mean distance of found objects to clean renderings, [0, 1]."
    numbers: dict[str, Interval] = field(default_factory=dict)
    "Means of what a scorer gave."
    seconds: float | None = None
    memory: int | None = None


def rows(judged: Iterable[Judged]) -> list[Row]:
    """A row a task and split, in the order in which they come."""
    every = list(judged)
    groups = {one.group: (one.task, one.split) for one in every}
    return [_row(*groups[one.group], one) for one in compare({"": every}) if one.group in groups] if every else []


def _row(task: str, split: str, one: Compared) -> Row:
    return Row(
        task, split, one.num_prompts, one.num_pictures, one.present, one.exact, one.quality, one.numbers, one.seconds,
        one.memory,
    )  # fmt: skip


def markdown(table: Sequence[Row]) -> str:
    """As in the docs; intervals in brackets. Columns that nothing was measured for stay away."""
    looked = any(row.present is not None for row in table)
    names = list(dict.fromkeys(name for row in table for name in row.numbers))
    head = ["task", "prompts", "pictures", *(["present", "exact", "distance"] if looked else [])]
    head += [name.replace("_", " ") for name in names]
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for row in table:
        cells = [f"{row.task}, {row.split}" if row.split else row.task, str(row.num_prompts), str(row.num_pictures)]
        if looked:
            distance = "–" if row.quality is None else f"{row.quality:.3f}"
            cells += [written(row.present), written(row.exact), distance]
        cells += [written(row.numbers.get(name), 3) for name in names]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)
