"""Which pictures another way of painting made right, and which it spoilt: same prompt, same seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .compare import value_of
from .evaluate import Judged


@dataclass(frozen=True)
class Changes:
    """Pairs of verdicts (first way, other way), the largest change first."""

    wins: tuple[tuple[Judged, Judged], ...]
    losses: tuple[tuple[Judged, Judged], ...]
    num_pairs: int
    measure: str
    "`present`, or the scorer's number that was compared."


def changes(base: Sequence[Judged], other: Sequence[Judged]) -> Changes:
    """Pairs whose verdict changed: whether what was asked is present, else the scorer's first number."""
    known = {(one.task, one.prompt, one.seed): one for one in base}
    pairs = [(known[key], one) for one in other if (key := (one.task, one.prompt, one.seed)) in known]
    scored = next((one.numbers for _, one in pairs if one.numbers), {})
    judged = any(one.present is not None for _, one in pairs)
    measure = "present" if judged else next(iter(scored), "present")
    moved = [(_difference(pair, measure), pair) for pair in pairs]
    moved.sort(key=lambda one: -abs(one[0]))  # stable: those that moved alike stay in the suite's order
    return Changes(
        tuple(pair for by, pair in moved if by > 0), tuple(pair for by, pair in moved if by < 0), len(pairs), measure
    )


def _difference(pair: tuple[Judged, Judged], measure: str) -> float:
    before, after = (value_of(one, measure) for one in pair)
    return 0.0 if before is None or after is None else after - before
