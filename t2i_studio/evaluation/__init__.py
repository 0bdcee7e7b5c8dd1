"""Judging pictures: suites of prompts, judges that see objects, scores, tables with intervals.

    suites.py         what is asked, prompt by prompt
    emoji_matcher.py  a judge: what is in the picture (one judge a file)
    scores.py         asked against found: present, exact, quality
    evaluate.py       prompts × seeds → pictures → scores, resumable
    table.py          shares with 95 % intervals of one way of painting
    compare.py        several ways over the same prompts and seeds, with paired differences
    measure.py        how well a judge finds what was rendered

A suite or a judge = one function or class + one line in the dict here.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from pathlib import Path

from ..errors import InputError
from .compare import Compared, compare, compared_csv, compared_markdown
from .emoji_matcher import EmojiMatcher
from .evaluate import Judged, evaluate
from .found import Found, Judge
from .scores import Score, score
from .suites import Item, attend_and_excite, emoji_geneval, prompt_file
from .table import Row, markdown, rows

SUITES: dict[str, Callable[[], tuple[Item, ...]]] = {
    "emoji-geneval": emoji_geneval,
    "attend-and-excite": attend_and_excite,
}
JUDGES: dict[str, Callable[[], Judge]] = {
    "emoji-matcher": EmojiMatcher,
}

__all__ = [
    "JUDGES", "SUITES", "Compared", "Found", "Item", "Judge", "Judged", "Row", "Score", "choose_items", "choose_judge",
    "compare", "compared_csv", "compared_markdown", "evaluate",
    "markdown", "rows", "score",
]  # fmt: skip


def choose_items(suite: str, tasks: Sequence[str] = (), limit: int | None = None) -> tuple[Item, ...]:
    """The prompts of a suite, or of a `.txt` file: of some tasks only, and the first `limit` of each task and split.

    Raises:
        InputError: unknown suite or task, or a limit below 1.
    """
    of_a_file = suite.endswith(".txt")
    items = prompt_file(Path(suite).expanduser()) if of_a_file else SUITES[_known(suite, tuple(SUITES), "suite")]()
    every = tuple(dict.fromkeys(item.task for item in items))
    wanted = {_known(task, every, "task") for task in tasks} or set(every)
    if limit is not None and limit < 1:
        raise InputError(f"The limit is {limit}.", "Give 1 or more, or leave it out for all prompts.")
    seen: dict[tuple[str, str], int] = {}
    kept = []
    for item in items:
        number = seen[item.task, item.split] = seen.get((item.task, item.split), 0) + 1
        if item.task in wanted and (limit is None or number <= limit):
            kept.append(item)
    return tuple(kept)


def choose_judge(name: str) -> Judge:
    """A judge by its name.

    Raises:
        InputError: unknown.
    """
    return JUDGES[_known(name, tuple(JUDGES), "judge")]()


def _known(name: str, names: tuple[str, ...], kind: str) -> str:
    if name in names:
        return name
    near = difflib.get_close_matches(name, names, n=1)
    hint = f"Did you mean {near[0]!r}?" if near else f"Known: {', '.join(names)}."
    raise InputError(f"There is no {kind} {name!r}.", hint)
