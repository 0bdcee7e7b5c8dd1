"""Verdicts as a table: a row a task and split, shares with 95 % intervals."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..intervals import clustered
from .evaluate import Judged

Interval = tuple[float, float, float]
"""Share, lower and upper end."""


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    task: str
    split: str
    num_prompts: int
    num_pictures: int
    present: Interval
    exact: Interval
    quality: float | None
    "Mean distance of found objects to clean renderings, [0, 1]."


def rows(judged: Iterable[Judged]) -> list[Row]:
    """A row a task and split, in the order in which they come."""
    groups: dict[tuple[str, str], list[Judged]] = {}
    for one in judged:
        groups.setdefault((one.task, one.split), []).append(one)
    return [_row(task, split, members) for (task, split), members in groups.items()]


def _row(task: str, split: str, members: list[Judged]) -> Row:
    prompts: dict[str, list[Judged]] = {}
    for one in members:
        prompts.setdefault(one.prompt, []).append(one)
    measured = [one.quality for one in members if one.quality is not None]
    return Row(
        task, split, len(prompts), len(members),
        clustered([[one.present for one in same] for same in prompts.values()]),
        clustered([[one.exact for one in same] for same in prompts.values()]),
        sum(measured) / len(measured) if measured else None,
    )  # fmt: skip


def markdown(table: list[Row]) -> str:
    """As in the docs; intervals in brackets."""
    lines = ["| task | prompts | pictures | present | exact | distance |", "|---|---|---|---|---|---|"]
    for row in table:
        distance = "–" if row.quality is None else f"{row.quality:.3f}"
        cells = [f"{row.task}, {row.split}", str(row.num_prompts), str(row.num_pictures), _share(row.present)]
        lines.append("| " + " | ".join([*cells, _share(row.exact), distance]) + " |")
    return "\n".join(lines)


def _share(interval: Interval) -> str:
    return "{:.2f} [{:.2f}, {:.2f}]".format(*interval)
