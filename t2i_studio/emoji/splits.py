"""Who may meet whom in training: the committed split of noun pairs and colour–noun combinations.

The file `assets/emoji-splits.json` is fixed for good; `python -m t2i_studio.emoji.splits` shows how
it was made and refuses to overwrite it. *train*, *tuning* and *test_seen* occur in training;
*test_unseen* occurs nowhere in it.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations

import numpy as np

from ..config import ASSETS
from .sprites import sprite
from .vocabulary import COLOURS, NOUNS

SPLITS_FILE = ASSETS / "emoji-splits.json"
_ALSO_CALLED = {"cat": {"orange"}, "dog": {"white"}, "frog": {"green"}, "turtle": {"green"}, "monkey": {"brown"}}
"""What a person would call sprites whose nearest colour word is another one."""
SPLIT_NAMES = ("train", "tuning", "test_seen", "test_unseen")


@dataclass(frozen=True)
class Splits:
    """Noun pairs (alphabetical) and (colour, noun) combinations by split name."""

    pairs: dict[str, frozenset[tuple[str, str]]]
    colours: dict[str, frozenset[tuple[str, str]]]

    def may_train_pair(self, one: str, other: str) -> bool:
        """Whether the two nouns may stand in one training scene. Same noun twice: yes."""
        first, second = sorted((one, other))
        return (first, second) not in self.pairs["test_unseen"]

    def may_train_colour(self, colour: str, noun: str) -> bool:
        """Whether `noun` may be painted in `colour` in training."""
        return (colour, noun) not in self.colours["test_unseen"]

    def pair_split(self, one: str, other: str) -> str:
        """The split in which an unordered pair of nouns falls."""
        first, second = sorted((one, other))
        return next(name for name, pairs in self.pairs.items() if (first, second) in pairs)


@lru_cache(maxsize=1)
def load_splits() -> Splits:
    """Read the committed file."""
    raw = json.loads(SPLITS_FILE.read_text(encoding="utf-8"))

    def sets(key: str) -> dict[str, frozenset[tuple[str, str]]]:
        return {name: frozenset((a, b) for a, b in raw[key][name]) for name in SPLIT_NAMES}

    return Splits(sets("pairs"), sets("colours"))


def natural_colours(noun: str) -> set[str]:
    """Colour words that the uncoloured sprite could be called: never held out."""
    pixels = np.asarray(sprite(noun), dtype=np.float32)
    solid = pixels[pixels[..., 3] > 200][:, :3]
    names = list(COLOURS)
    table = np.array([COLOURS[n] for n in names], dtype=np.float32)
    nearest = ((solid[:, None] - table[None]) ** 2).sum(-1).argmin(1)
    share = np.bincount(nearest, minlength=len(names)) / len(nearest)
    return {name for name, s in zip(names, share, strict=True) if s > 0.15} | _ALSO_CALLED.get(noun, set())


def _deal(
    items: list[tuple[str, str]], sizes: dict[str, int], rng: np.random.Generator
) -> dict[str, list[tuple[str, str]]]:
    """Deal items to splits so that no word is held out much more often than another."""
    order = [items[i] for i in rng.permutation(len(items))]
    total = Counter(word for item in items for word in item)
    dealt: dict[str, list[tuple[str, str]]] = {}
    for name, size in sizes.items():
        used: Counter[str] = Counter()
        chosen: list[tuple[str, str]] = []
        while len(chosen) < size:
            shares = [max(used[word] / total[word] for word in item) for item in order]
            best = order.pop(int(np.argmin(shares)))
            chosen.append(best)
            used.update(best)
        dealt[name] = sorted(chosen)
    dealt["train"] = sorted(order)
    return dealt


def make_splits(seed: int = 20261122) -> dict[str, dict[str, list[tuple[str, str]]]]:
    """Deal all 276 pairs and 264 combinations."""
    rng = np.random.default_rng(seed)
    pairs = sorted({(min(a, b), max(a, b)) for a, b in combinations(NOUNS, 2)})
    natural = {(c, n) for n in NOUNS for c in natural_colours(n)}
    free = [(c, n) for n in NOUNS for c in COLOURS if (c, n) not in natural]
    colours = _deal(free, {"test_unseen": 36, "test_seen": 36, "tuning": 24}, rng)
    colours["train"] = sorted([*colours["train"], *natural])
    return {
        "pairs": _deal(pairs, {"test_unseen": 48, "test_seen": 48, "tuning": 36}, rng),
        "colours": colours,
    }


if __name__ == "__main__":
    if SPLITS_FILE.exists():
        raise SystemExit(f"{SPLITS_FILE.name} is fixed for good; not overwritten.")
    made = make_splits()
    rows = ",\n".join(
        f'"{key}": {{\n' + ",\n".join(f'  "{n}": {json.dumps(made[key][n])}' for n in SPLIT_NAMES) + "\n}"
        for key in made
    )
    SPLITS_FILE.write_text("{\n" + rows + "\n}\n", encoding="utf-8")
