"""Suites: prompts with what they ask for, so that a judge's findings can be compared.

`emoji_geneval` is GenEval's six tasks (Ghosh et al., 2023) in the embedded world: one object, two
objects, counting, colours, position, colours of two objects. *Seen* prompts use noun pairs and
colour–noun combinations that occur in training, *unseen* ones those that occur nowhere in it.

`attend_and_excite` has each of the 276 pairs of nouns once; the splits of pairs make its tuning and test parts.
`emoji_layout` asks where the two should stand.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import cycle

import numpy as np

from ..config import ASSETS
from ..emoji.captions import Asked, Request
from ..emoji.scenes import SCENE_SIZE, compose
from ..emoji.splits import SPLIT_NAMES, Splits, load_splits
from ..emoji.vocabulary import COLOURS, NOUNS, NUMBERS, RELATIONS, plural
from ..types import Box
from .items import Item
from .suite_files import prompt_file

SEED = 553
"""Of the draws of a suite: the same prompts for every model, for good."""
A_TASK = 24
"""Prompts of a task and split."""
_LAYOUTS = (("tuning", "seen", "tuning"), ("test", "seen", "test_seen"), ("test", "unseen", "test_unseen"))
"""Task, split, and the split of pairs."""


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


def emoji_train() -> tuple[Item, ...]:
    """Prompts to make data from: every pair of the split *train*, as two nouns, in two colours, and placed.

    No prompt of `emoji_geneval` has such a pair; colours are of the split *train* too.
    """
    splits = load_splits()
    rng = np.random.default_rng(SEED + 1)
    pairs = sorted(splits.pairs["train"])
    items = [_item("two", "seen", tuple(map(Asked, pair))) for pair in pairs]
    for pair in pairs:
        chosen: list[str] = []
        for noun in pair:
            fitting = [c for c, n in sorted(splits.colours["train"]) if n == noun and c not in chosen]
            chosen.append(str(rng.choice(fitting)))
        coloured = tuple(Asked(noun, colour) for noun, colour in zip(pair, chosen, strict=True))
        items.append(_item("attribution", "seen", coloured))
    relations = cycle(RELATIONS)
    items += [_item("position", "seen", tuple(map(Asked, pair)), next(relations)) for pair in pairs]
    return tuple(items)


def attend_and_excite() -> tuple[Item, ...]:
    """The 276 prompts of Attend-and-Excite. Split: that of the pair of nouns, as far as training goes."""
    items: list[Item] = []
    for task in ("animals", "animals-objects", "objects"):
        items += prompt_file(ASSETS / "prompts" / "attend-and-excite" / f"{task}.txt", task)
    return tuple(items)


def attend_and_excite_tuning() -> tuple[Item, ...]:
    """The 36 of them whose nouns are a tuning pair: settings are searched on these, and tables made of others."""
    return _of_pairs("tuning")


def attend_and_excite_test() -> tuple[Item, ...]:
    """The 96 of them whose nouns are a test pair, seen or unseen; no tuning pair is among them."""
    return _of_pairs("test_seen", "test_unseen")


def emoji_layout() -> tuple[Item, ...]:
    """Two nouns, each with a box of its own: tuning pairs, and test pairs seen and unseen, 36 + 96 prompts.

    Boxes lie as objects of the embedded world do: of its sizes, apart, the same for good.
    """
    items = []
    for task, split, name in _LAYOUTS:
        for number, (one, other) in enumerate(sorted(load_splits().pairs[name])):
            plain = _item(task, split, (Asked(one), Asked(other)))
            assert plain.request is not None
            rng = np.random.default_rng([SEED, SPLIT_NAMES.index(name), number])
            objects = compose(plain.request, rng, plain.prompt).objects
            boxes = {one.noun: Box(*(round(edge / SCENE_SIZE, 4) for edge in one.box)) for one in objects}
            items.append(replace(plain, boxes=boxes))
    return tuple(items)


def _of_pairs(*splits: str) -> tuple[Item, ...]:
    known = load_splits()

    def pair(item: Item) -> list[str]:
        return [] if item.request is None else [asked.noun for asked in item.request.asked]

    return tuple(item for item in attend_and_excite() if known.pair_split(*pair(item)) in splits)


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
