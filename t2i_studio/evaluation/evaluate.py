"""Prompts × seeds → pictures → scores. What is done stays done: a second call goes on.

Knows no model: pictures come from a function that paints prompts.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from PIL import Image

from ..errors import InputError
from ..runs import storing
from .found import Found, Judge
from .scores import score
from .suites import Item

BATCH = 8
RECORDS = "judged.jsonl"
ABOUT = "about.json"
Paint = Callable[[Sequence[str], Sequence[int]], Sequence[Image.Image]]
"""Prompts and seeds of equal length → pictures."""


@dataclass(frozen=True)
class Judged:
    """One picture's verdict."""

    task: str
    split: str
    prompt: str
    seed: int
    present: bool
    exact: bool
    quality: float | None
    found: tuple[Found, ...]


def evaluate(
    items: Sequence[Item], paint: Paint, judge: Judge, num_seeds: int, folder: Path, about: dict[str, object]
) -> Iterator[Judged]:
    """Every item with seeds 0 to `num_seeds` − 1; yields each verdict once it is kept.

    Args:
        folder: pictures and `judged.jsonl` lie here; verdicts that are there already are not made again.
        about: what the verdicts depend on (model, settings, judge); a folder of other pictures is refused.

    Raises:
        InputError: `folder` holds the evaluation of something else.
        StorageError: disk full, or the folder can't be written.
    """
    with storing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        _same(folder / ABOUT, about)
        _end_line(folder / RECORDS)
    done = {(j.task, j.prompt, j.seed): j for j in read(folder)}
    todo = []
    for item in items:
        for seed in range(num_seeds):
            kept = done.get((item.task, item.prompt, seed))
            if kept is not None:
                yield kept
            else:
                todo.append((item, seed))
    for start in range(0, len(todo), BATCH):
        part = todo[start : start + BATCH]
        images = paint([item.prompt for item, _ in part], [seed for _, seed in part])
        for (item, seed), image in zip(part, images, strict=True):
            judged = _judged(item, seed, judge(image))
            with storing(folder):
                image.save(folder / picture_name(judged))
                with (folder / RECORDS).open("a", encoding="utf-8") as records:
                    records.write(json.dumps(asdict(judged)) + "\n")
            yield judged


def picture_name(judged: Judged) -> str:
    """The file of a judged picture in its folder."""
    words = judged.prompt.removeprefix("a photo of ").replace(" ", "-")
    return f"{judged.task}-{words}-{judged.seed}.png"


def read(folder: Path) -> list[Judged]:
    """Verdicts kept in a folder; a line cut off by a crash is left out."""
    file = folder / RECORDS
    if not file.exists():
        return []
    kept = []
    for line in file.read_text(encoding="utf-8").splitlines():
        try:
            raw = json.loads(line)
        except ValueError:
            continue
        raw["found"] = tuple(Found(**{**f, "box": tuple(f["box"])}) for f in raw["found"])
        kept.append(Judged(**raw))
    return kept


def _end_line(file: Path) -> None:
    """A line cut off by a crash must not take the next one with it."""
    if file.exists() and not file.read_bytes().endswith(b"\n"):
        with file.open("a", encoding="utf-8") as records:
            records.write("\n")


def _judged(item: Item, seed: int, found: tuple[Found, ...]) -> Judged:
    got = score(item.request, found)
    return Judged(item.task, item.split, item.prompt, seed, got.present, got.exact, got.quality, found)


def _same(file: Path, about: dict[str, object]) -> None:
    text = json.dumps(about, sort_keys=True, indent=1)
    if not file.exists():
        file.write_text(text, encoding="utf-8")
    elif file.read_text(encoding="utf-8") != text:
        raise InputError(
            f"{file.parent} holds the evaluation of something else.", "Give another --out, or delete that folder."
        )
