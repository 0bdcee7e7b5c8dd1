"""Picture folders as the benchmarks' own evaluators read them, so that these give their official numbers.

GenEval (`evaluation/evaluate_images.py FOLDER`) goes through folders named by digits: `metadata.jsonl`
holds the prompt's line, `samples/` pictures named by digits. T2I-CompBench (`BLIP_vqa.py --out_dir
FOLDER` and its siblings) reads `samples/<prompt>_<number>.png`: the prompt up to the first `_`, the
number after the last; one folder a category.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from ..errors import SettingError
from ..runs import storing
from .items import Item

Picture = Callable[[Item, int], Path]
"""Item and seed → its picture's file."""
_LONGEST_NAME = 255
"""Bytes that common file systems allow."""


def check_layout(layout: str, items: Sequence[Item]) -> None:
    """Before anything is painted: whether these prompts can be laid out so.

    Raises:
        SettingError: unknown layout, no metadata for GenEval's, a prompt too long for a file's name.
    """
    if layout not in LAYOUTS:
        raise SettingError(f"There is no layout {layout!r}.", f"Known: {', '.join(LAYOUTS)}.", "layout")
    if layout == "geneval" and not all(item.metadata for item in items):
        raise SettingError(
            "GenEval's layout needs GenEval's metadata.", "Give its evaluation_metadata.jsonl as the suite.", "layout"
        )
    if layout == "t2i-compbench":
        for item in items:
            if len(_sample_name(item.prompt, 0).encode()) > _LONGEST_NAME:
                raise SettingError(
                    f"{item.prompt[:40]!r}… is too long for a file's name.",
                    "T2I-CompBench reads prompts from names.",
                    "layout",
                )


def lay_out(layout: str, items: Sequence[Item], num_seeds: int, picture: Picture, folder: Path) -> Path:
    """Put every picture in its place below `folder`/`layout`; what was there from before is replaced.

    Raises:
        StorageError: disk full, or the folder can't be written.
    """
    root = folder / layout
    with storing(root):
        if root.exists():
            shutil.rmtree(root)
        LAYOUTS[layout](items, num_seeds, picture, root)
    return root


def _geneval(items: Sequence[Item], num_seeds: int, picture: Picture, root: Path) -> None:
    for item in items:
        place = root / f"{item.number:05d}"
        (place / "samples").mkdir(parents=True)
        (place / "metadata.jsonl").write_text(json.dumps(item.metadata), encoding="utf-8")
        for seed in range(num_seeds):
            _put(picture(item, seed), place / "samples" / f"{seed:04d}.png")


def _t2i_compbench(items: Sequence[Item], num_seeds: int, picture: Picture, root: Path) -> None:
    numbers: dict[str, int] = {}
    for item in items:
        task = re.sub(r"[^\w.-]+", "-", item.task).lstrip(".") or "task"  # a file's word: not a way out of the folder
        samples = root / task / "samples"
        samples.mkdir(parents=True, exist_ok=True)
        for seed in range(num_seeds):
            number = numbers.get(item.task, 0)
            numbers[item.task] = number + 1
            _put(picture(item, seed), samples / _sample_name(item.prompt, number))


LAYOUTS: dict[str, Callable[[Sequence[Item], int, Picture, Path], None]] = {
    "geneval": _geneval,
    "t2i-compbench": _t2i_compbench,
}


def _sample_name(prompt: str, number: int) -> str:
    # The evaluators cut the prompt at `_`, and no file's name holds a `/`.
    return f"{re.sub(r'[_/]', ' ', prompt)}_{number:06d}.png"


def _put(source: Path, target: Path) -> None:
    """The same file under another name where the disk allows it: 2,400 pictures need no second copy."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
