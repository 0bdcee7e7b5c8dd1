"""Data that a model makes for itself: prompts painted many times, judged, the best kept (as GORS and CTCal do).

DIR/metadata.jsonl     what `train` reads: the kept pictures with their captions and rewards
DIR/selection.jsonl    every picture, its reward, whether it was kept, and why
DIR/made/              all pictures, with verdicts and what decided them; what is there is not made again

Another threshold or number over the same folder selects anew and paints nothing.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .config import GenerateSettings
from .errors import InputError, SettingError
from .evaluation import (
    NO_JUDGE,
    Judged,
    Painted,
    certainty,
    check_fits,
    choose_items,
    choose_judge,
    evaluate,
    picture_name,
)
from .generation import Listener, paint
from .guidance import choose_method, read_weights
from .judging import at_once, decides
from .models import resolve
from .pictures import METADATA
from .runs import storing
from .selection import SELECTION, Made, Selected, as_metadata, read_selection, select

if TYPE_CHECKING:
    from .config import MakeDataSettings
    from .evaluation import Item
    from .models import LoadedModel

MADE = "made"
EVERY = 5.0
"""Seconds between two writings of the lists."""
Progress = Callable[[int, int, str], None]


class Making:
    """One data set, before, while and after it is made. Read it from any thread.

    Args:
        asked: prompts, how many pictures of each, who scores them, what is kept.
        folder: where the data set lies; what is there already is not made again.
        progress: called with pictures done, all pictures, and the prompt.

    Raises:
        InputError: whatever can be told before anything is painted.
    """

    def __init__(self, asked: MakeDataSettings, folder: Path, progress: Progress | None = None) -> None:
        self.asked, self.folder, self.progress = asked, folder, progress
        check(asked)
        items = choose_items(asked.suite, asked.tasks, asked.limit)
        check_fits(items, asked.scorer)
        self.items: dict[tuple[str, str], Item] = {(item.task, item.prompt): item for item in items}
        self.settings = GenerateSettings.checked(**asked.shared)
        if self.settings.guide:
            choose_method(self.settings.guide, **read_weights(self.settings.guide_weights))
        resolve(self.settings.model)
        self.selected: list[Selected] = []
        "Of the prompts whose pictures are all there."
        self._earlier: list[dict[str, Any]] = []
        "What the folder told of its pictures before: it holds until a prompt is done anew."
        self._spent: list[float] = []

    @property
    def num_pictures(self) -> int:
        """How many are painted in all."""
        return len(self.items) * self.asked.per_prompt

    def seconds_left(self) -> float | None:
        """Estimate from what painting and scoring took so far; None before the first picture."""
        spent = list(self._spent)
        return (self.num_pictures - len(spent)) * sum(spent) / len(spent) if spent else None

    def run(self, model_of: Callable[[GenerateSettings], LoadedModel], listener: Listener | None = None) -> Path:
        """Paint, score and select; the folder is a data set after each whole prompt.

        Raises:
            Cancelled: the listener asked for it; what is done stays.
            InputError: the folder holds something else, or not one picture was good enough.
            StudioError: a model or scorer that can't be used.
        """
        listener = listener or Listener()
        scorer = choose_judge(self.asked.scorer)
        model = model_of(self.settings)
        about = {"judge": self.asked.scorer, **decides(model, self.settings)}

        def painted(items: Sequence[Item], seeds: Sequence[int]) -> list[Painted]:
            listener.check_cancelled()
            prompts = [item.prompt for item in items]
            boxes = [item.boxes for item in items] if all(item.boxes for item in items) else None
            return [Painted(image) for image in paint(model, self.settings, prompts, seeds, listener, boxes)]

        self._earlier = [row for row in read_selection(self.folder) if (row["task"], row["text"]) in self.items]
        there: dict[tuple[str, str], list[Judged]] = {key: [] for key in self.items}
        verdicts = evaluate(
            list(self.items.values()), painted, scorer, self.asked.per_prompt, self.folder / MADE, about,
            batch=at_once(model.device, self.settings), first_seed=self.asked.first_seed,
        )  # fmt: skip
        done, written = 0, time.monotonic()
        try:
            for one in verdicts:
                mine = there[one.task, one.prompt]
                mine.append(one)
                done += 1
                self._spent.append((one.seconds or 0.0) + (one.judging or 0.0))
                if len(mine) == self.asked.per_prompt:
                    item = self.items[one.task, one.prompt]
                    self.selected += select(self.asked, [rewarded(item, judged) for judged in mine])
                    if time.monotonic() - written > EVERY:
                        self._write()
                        written = time.monotonic()
                if self.progress is not None:
                    self.progress(done, self.num_pictures, one.prompt)
        finally:
            if self.selected:
                self._write()
        if not any(one.kept for one in self.selected):
            best = max(one.made.reward for one in self.selected)
            raise InputError(
                f"Not one of {done} pictures is kept: the best reward is {best:.2f}.",
                "Lower the threshold, or paint more of each prompt; what is painted is not painted again.",
            )
        return self.folder

    def _write(self) -> None:
        """Both lists, each whole or not at all."""
        redone = {(one.made.task, one.made.text) for one in self.selected}
        earlier = [row for row in self._earlier if (row["task"], row["text"]) not in redone]
        told = [one.as_json() for one in self.selected] + earlier
        rows = [as_metadata(row) for row in told if row["kept"]]
        with storing(self.folder):
            _write_lines(self.folder / SELECTION, told)
            if rows:
                _write_lines(self.folder / METADATA, rows)
            else:
                (self.folder / METADATA).unlink(missing_ok=True)


def check(asked: MakeDataSettings) -> None:
    """Whether it is said what is kept.

    Raises:
        SettingError: it is not, or can't be.
    """
    if asked.scorer == NO_JUDGE:
        if asked.threshold is not None:
            raise SettingError("Nobody scores, so no reward reaches a threshold.", "Name a scorer.", "threshold")
    elif asked.keep_top is None and asked.threshold is None:
        raise SettingError(
            "Nothing says which pictures are kept.", "Give --keep-top, --threshold, or both.", "keep_top"
        )
    if asked.keep_top is not None and asked.keep_top > asked.per_prompt:
        raise SettingError(
            f"{asked.keep_top} can't be kept of {asked.per_prompt} pictures a prompt.", "Paint more, or keep fewer.",
            "keep_top",
        )  # fmt: skip


def rewarded(item: Item, judged: Judged) -> Made:
    """A picture with its reward: a judge's certainty in [0, 1], a scorer's first number, 1 where nobody looked."""
    if judged.present is not None and item.request is not None:  # a judge measures too where boxes were asked for
        reward = certainty(item.request, judged.found)
    else:
        reward = next(iter(judged.numbers.values()), 1.0)
    return Made(
        f"{MADE}/{picture_name(judged)}", judged.prompt, judged.seed, judged.task, reward, judged.present, judged.exact,
        tuple((one.noun, one.colour, round(one.score, 3)) for one in judged.found), judged.numbers,
    )  # fmt: skip


def _write_lines(file: Path, rows: Sequence[dict[str, Any]]) -> None:
    draft = file.with_name(f".{file.name}.part")
    draft.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    draft.replace(file)
