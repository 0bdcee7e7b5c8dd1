"""Suites: prompts with what they ask for, so that a judge's findings can be compared.

`emoji_geneval` is GenEval's six tasks (Ghosh et al., 2023) in the embedded world: one object, two
objects, counting, colours, position, colours of two objects. *Seen* prompts use noun pairs and
colour–noun combinations that occur in training, *unseen* ones those that occur nowhere in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import numpy as np

from ..config import ASSETS
from ..emoji.captions import Asked, Request
from ..emoji.reading import read_caption
from ..emoji.splits import Splits, load_splits
from ..emoji.vocabulary import COLOURS, NOUNS, NUMBERS, RELATIONS, plural
from ..errors import InputError

SEED = 553
"""Of the draws of a suite: the same prompts for every model, for good."""
A_TASK = 24
"""Prompts of a task and split."""


@dataclass(frozen=True)
class Item:
    """One prompt of a suite."""

    task: str
    split: str
    "`seen` or `unseen`."
    prompt: str
    request: Request


def emoji_geneval() -> tuple[Item, ...]:
    """All prompts: 24 a task and split; counting and single nouns have only seen ones."""
    splits = load_splits()
    rng = np.random.default_rng(SEED)
    items = [_item("single", "seen", (Asked(noun),)) for noun in NOUNS]
    for split in ("seen", "unseen"):
        pairs = _draw(sorted(splits.pairs[f"test_{split}"]), rng)
        items += [_item("two", split, tuple(map(Asked, pair))) for pair in pairs]
    counts = cycle((2, 3, 4))
    items += [_item("counting", "seen", (Asked(noun, None, next(counts)),)) for noun in NOUNS]
    for split in ("seen", "unseen"):
        colours = _draw(sorted(splits.colours[f"test_{split}"]), rng)
        items += [_item("colours", split, (Asked(noun, colour),)) for colour, noun in colours]
    for split in ("seen", "unseen"):
        relations = cycle(RELATIONS)
        pairs = _draw(sorted(splits.pairs[f"test_{split}"]), rng)
        items += [_item("position", split, tuple(map(Asked, pair)), next(relations)) for pair in pairs]
    for split in ("seen", "unseen"):
        pairs = _draw(sorted(splits.pairs[f"test_{split}"]), rng)
        items += [_item("attribution", split, _two_colours(pair, split, splits, rng)) for pair in pairs]
    return tuple(items)


def attend_and_excite() -> tuple[Item, ...]:
    """The 276 prompts of Attend-and-Excite. Split: that of the pair of nouns, as far as training goes."""
    items: list[Item] = []
    for task in ("animals", "animals-objects", "objects"):
        items += prompt_file(ASSETS / "prompts" / "attend-and-excite" / f"{task}.txt", task)
    return tuple(items)


def prompt_file(file: Path, task: str = "") -> tuple[Item, ...]:
    """A prompt a line, in the language of the embedded world; `task` is the file's name.

    Raises:
        InputError: no such file, or a prompt that asks for something else.
    """
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file} can't be read: {error}.", "Give a text file with a prompt a line.") from None
    return tuple(_read(line.strip(), task or file.stem) for line in lines if line.strip())


def _read(prompt: str, task: str) -> Item:
    request, splits = read_caption(prompt), load_splits()
    nouns = [asked.noun for asked in request.asked]
    pairs = {splits.pair_split(a, b) for i, a in enumerate(nouns) for b in nouns[i + 1 :] if a != b}
    colours = [splits.may_train_colour(a.colour, a.noun) for a in request.asked if a.colour]
    seen = "test_unseen" not in pairs and all(colours)
    return Item(task, "seen" if seen else "unseen", prompt, request)


def _draw(options: list[tuple[str, str]], rng: np.random.Generator) -> list[tuple[str, str]]:
    return [options[i] for i in rng.permutation(len(options))[:A_TASK]]


def _two_colours(pair: tuple[str, str], split: str, splits: Splits, rng: np.random.Generator) -> tuple[Asked, ...]:
    """Two different colours; the combinations are of the pair's own split where it has some."""
    chosen: list[str] = []
    for noun in pair:
        fitting = [c for c in COLOURS if splits.may_train_colour(c, noun) == (split == "seen") and c not in chosen]
        chosen.append(str(rng.choice(fitting or [c for c in COLOURS if c not in chosen])))
    return tuple(Asked(noun, colour) for noun, colour in zip(pair, chosen, strict=True))


def _item(task: str, split: str, asked: tuple[Asked, ...], relation: str | None = None) -> Item:
    link = f" {RELATIONS[relation][0]} " if relation else " and "
    return Item(task, split, "a photo of " + link.join(map(_phrase, asked)), Request(asked, relation))


def _phrase(asked: Asked) -> str:
    if asked.count > 1:
        return f"{NUMBERS[asked.count]} {plural(asked.noun)}"
    words = f"{asked.colour} {asked.noun}" if asked.colour else asked.noun
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"
