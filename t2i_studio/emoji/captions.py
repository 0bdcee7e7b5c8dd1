"""The language of the embedded world: what may be asked, and how it is worded.

A `Request` is the meaning, a caption its wording. Knows nothing of pixels.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .vocabulary import COLOURS, NOUNS, NUMBERS, RELATIONS, plural

if TYPE_CHECKING:
    import numpy as np

    from .splits import Splits


@dataclass(frozen=True)
class Asked:
    """One asked subject: `count` objects of `noun`, recoloured when `colour` is given."""

    noun: str
    colour: str | None = None
    count: int = 1


@dataclass(frozen=True)
class Request:
    """What a caption asks for. `relation` holds between the first two subjects."""

    asked: tuple[Asked, ...]
    relation: str | None = None


OFTEN = 3.0
"""How many times as often as others the nouns of `Mixture.often` are drawn."""


@dataclass(frozen=True)
class Mixture:
    """Shares of the kinds of scene in a training set; normalised when used."""

    single: float = 0.40
    pair: float = 0.36
    triple: float = 0.06
    count: float = 0.10
    relation: float = 0.08
    coloured: float = 0.45
    "Chance that a subject carries a colour."
    mirrored: float = 0.0
    "Chance that an object is drawn the other way round."
    often: tuple[str, ...] = ()
    "Nouns that are drawn more often than others."
    wordings: tuple[str, ...] = field(
        default=("", "", "", "", "a photo of ", "a picture of ", "an image of ", "an emoji of ")
    )


def sample_request(rng: np.random.Generator, splits: Splits, mixture: Mixture) -> Request:
    """A request of the training distribution: no unseen pair, no unseen colour–noun combination."""
    kinds = ("single", "pair", "triple", "count", "relation")
    weights = [getattr(mixture, kind) for kind in kinds]
    total = sum(weights)
    kind = str(rng.choice(kinds, p=[w / total for w in weights]))
    number = {"single": 1, "count": 1, "pair": 2, "relation": 2, "triple": 3}[kind]
    nouns = _nouns(rng, splits, number, mixture.often)
    asked = []
    for noun in nouns:
        colour = None
        if rng.random() < mixture.coloured:
            colour = str(rng.choice([c for c in COLOURS if splits.may_train_colour(c, noun)]))
        asked.append(Asked(noun, colour))
    if kind == "count":
        asked = [Asked(asked[0].noun, asked[0].colour, int(rng.integers(2, 5)))]
    relation = str(rng.choice(list(RELATIONS))) if kind == "relation" else None
    return Request(tuple(asked), relation)


def _nouns(rng: np.random.Generator, splits: Splits, number: int, often: tuple[str, ...]) -> list[str]:
    weights = [OFTEN if noun in often else 1.0 for noun in NOUNS]
    shares = [weight / sum(weights) for weight in weights] if often else None
    while True:
        chosen = [str(n) for n in rng.choice(NOUNS, size=number, replace=False, p=shares)]
        pairs = [(a, b) for i, a in enumerate(chosen) for b in chosen[i + 1 :]]
        if all(splits.may_train_pair(a, b) for a, b in pairs):
            return chosen


def phrase(asked: Asked, rng: np.random.Generator) -> str:
    """The noun phrase of one subject, articles right or (as in the benchmark) always "a"."""
    words = [asked.colour] if asked.colour else []
    if asked.count > 1:
        return " ".join([NUMBERS[asked.count], *words, plural(asked.noun)])
    words.append(asked.noun)
    if asked.noun == "glasses" and rng.random() < 0.4:
        return " ".join(words)
    right = "an" if words[0][0] in "aeiou" else "a"
    return " ".join(["a" if rng.random() < 0.5 else right, *words])


def caption(request: Request, rng: np.random.Generator, wordings: tuple[str, ...] = ("",)) -> str:
    """One wording of a request, e.g. "a cat with a red bow"."""
    phrases = [phrase(asked, rng) for asked in request.asked]
    if request.relation is not None:
        link = str(rng.choice(RELATIONS[request.relation]))
        body = f"{phrases[0]} {link} {phrases[1]}"
    elif len(phrases) == 2:
        link = str(rng.choice([" and ", " and ", " with ", ", "]))
        body = link.join(phrases)
    else:
        link = str(rng.choice([", ", " and "]))
        body = link.join(phrases[:-1]) + (" and " if len(phrases) > 1 else "") + phrases[-1]
    return str(rng.choice(wordings)) + body
