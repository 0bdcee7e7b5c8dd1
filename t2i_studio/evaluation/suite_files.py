"""Suites that lie in files: prompts a line, a folder of T2I-CompBench, GenEval's `evaluation_metadata.jsonl`.

Knows the formats. A prompt outside the embedded world's language is a prompt all the same; only a
judge of that world refuses it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..emoji.captions import Asked, Request
from ..emoji.reading import read_caption
from ..emoji.splits import load_splits
from ..errors import InputError, PromptError
from ..paths import typed
from .items import Item

ENDINGS = (".txt", ".jsonl")
_GENEVAL_RELATIONS = {"left of": "left", "right of": "right", "above": "above", "below": "below"}


def is_file_suite(suite: str) -> bool:
    """Whether a suite is meant as a path: an ending of ours, or a folder."""
    return suite.endswith(ENDINGS) or "/" in suite or typed(suite).is_dir()


def suite_at(path: Path) -> tuple[Item, ...]:
    """The prompts of a `.txt` or `.jsonl` file, or of every `.txt` of a folder, a task each.

    Raises:
        InputError: nothing there, or nothing in it that can be read.
    """
    if path.is_dir():
        files = sorted(path.glob("*.txt"))
        if not files:
            raise InputError(f"{path} holds no .txt file.", "Give a folder with a file of prompts a category.")
        return tuple(item for file in files for item in prompt_file(file))
    return geneval_file(path) if path.suffix == ".jsonl" else prompt_file(path)


def prompt_file(file: Path, task: str = "") -> tuple[Item, ...]:
    """A prompt a line; `task` is the file's name. What follows a tab is a note (T2I-CompBench has some).

    Where every prompt is in the language of the embedded world, each is told apart by whether its
    pairs and colours occur in training.

    Raises:
        InputError: no such file, or no prompt in it.
    """
    lines = [line.split("\t")[0].strip() for line in _lines(file)]
    prompts = [line for line in lines if line]
    if not prompts:
        raise InputError(f"{file} holds no prompt.", "Give a text file with a prompt a line.")
    items = [replace(_read(prompt, task or file.stem), number=i) for i, prompt in enumerate(prompts)]
    if all(item.request for item in items):
        return tuple(items)
    return tuple(replace(item, split="") for item in items)


def geneval_file(file: Path) -> tuple[Item, ...]:
    """GenEval's metadata: one JSON object a line with `tag`, `include` and `prompt`.

    Raises:
        InputError: no such file, or a line of something else.
    """
    items = []
    for number, line in enumerate(line for line in _lines(file) if line.strip()):
        try:
            raw = json.loads(line)
            items.append(Item(str(raw["tag"]), "", str(raw["prompt"]), _asked(raw), raw, number))
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise InputError(
                f"{file.name}, line {number + 1}, is no GenEval metadata: {type(error).__name__} {error}.",
                'Each line is an object with "tag", "include" and "prompt".',
            ) from None
    if not items:
        raise InputError(f"{file} holds no prompt.", "Give GenEval's evaluation_metadata.jsonl.")
    return tuple(items)


def _asked(raw: Mapping[str, Any]) -> Request:
    """`include` as a request. GenEval hangs the relation on the later object; ours is the first's to the second."""
    include = raw["include"]
    asked = [Asked(one["class"], one.get("color"), int(one.get("count", 1))) for one in include]
    for i, one in enumerate(include):
        if "position" in one:
            relation, target = one["position"]
            return Request((asked[i], asked[target]), _GENEVAL_RELATIONS[relation])
    return Request(tuple(asked))


def _read(prompt: str, task: str) -> Item:
    try:
        request = read_caption(prompt)
    except PromptError:
        return Item(task, "", prompt)
    splits = load_splits()
    nouns = [asked.noun for asked in request.asked]
    pairs = {splits.pair_split(a, b) for i, a in enumerate(nouns) for b in nouns[i + 1 :] if a != b}
    colours = [splits.may_train_colour(a.colour, a.noun) for a in request.asked if a.colour]
    seen = "test_unseen" not in pairs and all(colours)
    return Item(task, "seen" if seen else "unseen", prompt, request)


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file} can't be read: {error}.", "Give a text file with a prompt a line.") from None
