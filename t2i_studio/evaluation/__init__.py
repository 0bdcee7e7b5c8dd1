"""Judging pictures: suites of prompts, judges that see objects, scorers that give numbers, tables with intervals.

    items.py          one prompt and what it asks for
    suites.py         what is asked, prompt by prompt; suite_files.py: suites by path
    emoji_matcher.py  a judge: what is in the picture (one judge or scorer a file); emoji_detector.py: the learnt one
    clean.py          how a found object would look, cleanly painted
    clip.py           scorers through transformers, with the user's weights; clip_templates.py, blip_vqa.py too
    scores.py         asked against found: present, exact, quality
    placing.py        found objects against asked boxes
    evaluate.py       prompts × seeds → pictures → verdicts, resumable
    table.py          shares with 95 % intervals of one way of painting
    compare.py        several ways over the same prompts and seeds, with paired differences
    by_step.py        scatter and overlap of the maps at every step
    changes.py        pictures that another way made right, or spoilt
    layouts.py        picture folders for the benchmarks' own evaluators
    found.py          what a judge saw: noun, colour, box
    agreement.py      how often two judges say the same
    weights.py        the user's weights of a scorer, fetched or from a folder
    measure.py        how well a judge finds what was rendered

A suite or a judge = one function or class + one line in the dict here.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence

from ..emoji.reading import read_caption
from ..errors import InputError, SettingError
from ..paths import typed
from .blip_vqa import BlipVqaScorer
from .by_step import StepRow, by_step, by_step_csv, by_step_markdown, lines_by_step
from .changes import Changes, changes
from .clip import ClipScorer
from .clip_templates import ClipTemplatesScorer
from .compare import Compared, compare, compared_csv, compared_markdown, value_of
from .emoji_detector import EmojiDetector
from .emoji_matcher import EmojiMatcher
from .evaluate import BATCH, NAMES, Judged, Painted, evaluate, picture_name
from .found import Found, Judge, Scorer
from .items import Item
from .layouts import LAYOUTS, check_layout, lay_out
from .scores import Score, certainty, score
from .suite_files import is_file_suite, suite_at
from .suites import (
    attend_and_excite,
    attend_and_excite_test,
    attend_and_excite_tuning,
    emoji_geneval,
    emoji_layout,
    emoji_train,
)
from .table import Row, markdown, rows

SUITES: dict[str, Callable[[], tuple[Item, ...]]] = {
    "emoji-geneval": emoji_geneval,
    "attend-and-excite": attend_and_excite,
    "attend-and-excite-tuning": attend_and_excite_tuning,
    "attend-and-excite-test": attend_and_excite_test,
    "emoji-layout": emoji_layout,
    "emoji-train": emoji_train,
}
JUDGES: dict[str, Callable[[], Judge]] = {
    "emoji-matcher": EmojiMatcher,
    "emoji-detector": EmojiDetector,
}
SCORERS: dict[str, Callable[[str], Scorer]] = {
    "clip": ClipScorer,
    "clip-templates": ClipTemplatesScorer,
    "blip-vqa": BlipVqaScorer,
}
"""Written `name:weights`: a folder or hub id of the user's."""
NO_JUDGE = "none"
"""Pictures alone: for evaluators elsewhere."""

__all__ = [
    "BATCH", "JUDGES", "LAYOUTS", "NAMES", "NO_JUDGE", "SCORERS", "SUITES", "Changes", "Compared", "Found", "Item",
    "Judge", "Judged", "Painted", "Row", "Score", "Scorer", "StepRow", "by_step", "by_step_csv", "by_step_markdown",
    "certainty", "changes", "check_fits", "check_layout", "choose_items", "choose_judge", "compare", "compared_csv",
    "compared_markdown", "evaluate", "lay_out", "lines_by_step", "markdown", "picture_name", "rows", "score",
    "value_of",
]  # fmt: skip


def choose_items(suite: str, tasks: Sequence[str] = (), limit: int | None = None) -> tuple[Item, ...]:
    """The prompts of a suite: of some tasks only, and the first `limit` of each task and split.

    Args:
        suite: a key of `SUITES`, a `.txt` file with a prompt a line, a folder of them (T2I-CompBench), or
            GenEval's `evaluation_metadata.jsonl`.

    Raises:
        InputError: unknown suite or task, or a limit below 1.
    """
    by_path = suite not in SUITES and is_file_suite(suite)
    items = suite_at(typed(suite)) if by_path else SUITES[_known(suite, tuple(SUITES), "suite")]()
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


def choose_judge(name: str) -> Judge | Scorer | None:
    """A judge by its name, or a scorer as `name:weights`; None for `none`.

    Raises:
        InputError: unknown.
        ModelNotFound: a scorer's weights are not there.
    """
    kind, _, weights = name.partition(":")
    if _known_judge(kind) == NO_JUDGE:
        return None
    return SCORERS[kind](weights) if kind in SCORERS else JUDGES[kind]()


def _known_judge(kind: str) -> str:
    return _known(kind, (*JUDGES, *SCORERS, NO_JUDGE), "judge")


def check_fits(items: Sequence[Item], judge: str) -> None:
    """Before anything is loaded or painted: whether a judge can tell what the prompts ask for.

    Raises:
        InputError: unknown judge, a prompt it can't read, or an object it does not know; the message names it.
    """
    kind, _, weights = judge.partition(":")
    _known_judge(kind)
    if kind in SCORERS and not weights:
        raise SettingError(f"{kind} needs weights.", f"Name a folder or hub id after a colon, {kind}:FOLDER.", "judge")
    nouns = getattr(JUDGES.get(kind), "nouns", None)
    if nouns is None:
        return
    for item in items:
        if item.request is None:
            read_caption(item.prompt)  # says which phrase
            continue
        stray = next((asked.noun for asked in item.request.asked if asked.noun not in nouns), None)
        if stray is not None:
            raise SettingError(
                f"{item.prompt!r} asks for {stray!r}, which {judge} can't find.",
                "Judge by none, and lay the pictures out for an evaluator that can; or by a scorer.",
                "judge",
            )


def _known(name: str, names: tuple[str, ...], kind: str) -> str:
    if name in names:
        return name
    near = difflib.get_close_matches(name, names, n=1)
    hint = f"Did you mean {near[0]!r}?" if near else f"Known: {', '.join(names)}."
    raise SettingError(f"There is no {kind} {name!r}.", hint, "tasks" if kind == "task" else kind)
