"""Prompts × seeds → pictures → verdicts. What is done stays done: a second call goes on.

Knows no model: pictures come from a function that paints prompts.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InputError, OutOfMemory
from ..runs import storing
from .found import Found, Judge, Scorer
from .items import Item
from .placing import placed
from .scores import score

if TYPE_CHECKING:
    from PIL import Image

BATCH = 8
"""Pictures at once on a CPU, which more would not make faster."""
RECORDS = "judged.jsonl"
ABOUT = "about.json"
_LONGEST = 120
"""Bytes: file systems count those, up to 255 a name."""
NAMES = 2
"""How pictures are named; a folder where they have other names is not gone on with."""


@dataclass(frozen=True)
class Painted:
    """One picture, and what was measured on its maps while it was painted."""

    image: Image.Image
    maps: dict[str, list[float]] = field(default_factory=dict)
    "`timestep`, `scatter` and `overlap` at every step; empty where nothing was measured."


Paint = Callable[[Sequence[Item], Sequence[int]], Sequence[Painted]]
"""Items and seeds of equal length → pictures."""


@dataclass(frozen=True)
class Judged:
    """One picture's verdict, and what the picture cost."""

    task: str
    split: str
    prompt: str
    seed: int
    present: bool | None = None
    "None where nobody looked for objects."
    exact: bool | None = None
    quality: float | None = None
    found: tuple[Found, ...] = ()
    numbers: dict[str, float] = field(default_factory=dict)
    "What a scorer gave; where boxes were asked for, how well they are filled."
    seconds: float | None = field(default=None, compare=False)
    "Of painting: its share of its batch."
    memory: int | None = field(default=None, compare=False)
    "Bytes of device memory at their highest while its batch was painted; None where a device does not tell."
    judging: float | None = field(default=None, compare=False)
    "Seconds that the judge took."
    maps: dict[str, list[float]] = field(default_factory=dict)
    "See `Painted`."

    @property
    def group(self) -> str:
        """The row of a table that it belongs to."""
        return f"{self.task}, {self.split}" if self.split else self.task


def evaluate(
    items: Sequence[Item], paint: Paint, judge: Judge | Scorer | None, num_seeds: int, folder: Path,
    about: dict[str, object], memory: Callable[[], int | None] = lambda: None, batch: int = BATCH,
    first_seed: int = 0,
) -> Iterator[Judged]:  # fmt: skip
    """Every item with `num_seeds` seeds from `first_seed` on; yields each verdict once it is kept.

    Args:
        judge: finds objects, or gives numbers; None only paints.
        folder: pictures and `judged.jsonl` lie here; verdicts that are there already are not made again.
        about: what the verdicts depend on (model, settings, judge); a folder of other pictures is refused.
        memory: bytes at their highest since the last painting began.
        batch: pictures that are painted at once; half as many, and so on, where memory is too small for them.

    Raises:
        OutOfMemory: there is none for a single picture.
        InputError: `folder` holds the evaluation of something else.
        StorageError: disk full, or the folder can't be written.
    """
    with storing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        _same(folder / ABOUT, about)
        _end_line(folder / RECORDS)
    done = {(j.task, j.prompt, j.seed): j for j in read(folder)}
    every: dict[tuple[str, str], Item] = {}
    for item in items:
        every.setdefault((item.task, item.prompt), item)  # a prompt that comes twice is one picture
    todo: dict[tuple[str, str, int], tuple[Item, int]] = {}
    for item in every.values():
        for seed in range(first_seed, first_seed + num_seeds):
            key = item.task, item.prompt, seed
            if key in done:
                yield done[key]
            else:
                todo[key] = item, seed
    waiting = list(todo.values())
    while waiting:
        part = waiting[:batch]
        started = time.monotonic()
        try:
            painted = paint([item for item, _ in part], [seed for _, seed in part])
        except OutOfMemory:
            if len(part) == 1:
                raise
            batch = len(part) // 2
            continue
        waiting = waiting[len(part) :]
        seconds, most = (time.monotonic() - started) / len(part), memory()
        for (item, seed), one in zip(part, painted, strict=True):
            started = time.monotonic()
            judged = replace(_judged(item, seed, one.image, judge), maps=one.maps, seconds=seconds, memory=most)
            judged = replace(judged, judging=time.monotonic() - started)
            with storing(folder):
                one.image.save(folder / picture_name(judged))
                with (folder / RECORDS).open("a", encoding="utf-8") as records:
                    records.write(json.dumps(asdict(judged)) + "\n")
            yield judged


def picture_name(judged: Judged) -> str:
    """The file of a judged picture in its folder."""
    plain = judged.prompt.replace(" ", "-")
    words = re.sub(r"[^\w.,'-]+", "-", plain).encode()[:_LONGEST].decode(errors="ignore")
    if words != plain or "-" in judged.prompt:  # two prompts must not share a file
        words += "-" + hashlib.sha256(judged.prompt.encode()).hexdigest()[:8]
    task = re.sub(r"[^\w.-]+", "-", judged.task).lstrip(".")
    return f"{task}-{words}-{judged.seed}.png"


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


def _judged(item: Item, seed: int, image: Image.Image, judge: Judge | Scorer | None) -> Judged:
    plain = Judged(item.task, item.split, item.prompt, seed)
    if judge is None:
        return plain
    if hasattr(judge, "numbers"):
        return replace(plain, numbers=judge.numbers(image, item.prompt))  # type: ignore[union-attr]
    if item.request is None:
        raise InputError(f"{judge.name} can't tell what {item.prompt!r} asks for.", "Use --judge none, or a scorer.")
    found = judge(image)  # type: ignore[operator]
    got = score(item.request, found)
    numbers = placed(item.boxes, found, image.size) if item.boxes else {}
    return replace(plain, present=got.present, exact=got.exact, quality=got.quality, found=found, numbers=numbers)


def _same(file: Path, about: dict[str, object]) -> None:
    text = json.dumps(about, sort_keys=True, indent=1)
    if not file.exists():
        file.write_text(text, encoding="utf-8")
    elif (kept := file.read_text(encoding="utf-8")) != text:
        told = ", ".join(name.replace("_", " ") for name in _differing(kept, about))
        raise InputError(
            f"{file.parent} holds the evaluation of something else: {told} differ.",
            "Ask for the same again, or give another folder (--out).",
        )


def _differing(kept: str, about: Mapping[str, object]) -> list[str]:
    """Names of what is not as it was kept."""
    try:
        before = dict(json.loads(kept))
    except (TypeError, ValueError):
        return ["its notes"]
    now = json.loads(json.dumps(about))
    return sorted(name for name in {*before, *now} if before.get(name) != now.get(name)) or ["its notes"]
