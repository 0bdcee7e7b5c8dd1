"""Two looks at the same pictures: how often they say the same. Knows no judge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..emoji.captions import Request
from ..emoji.vocabulary import NOUNS
from .found import Found
from .scores import score


@dataclass(frozen=True)
class Agreement:
    """Of two looks at some pictures."""

    num_pictures: int
    present: float
    "Share of pictures on which both say whether everything asked is there."
    exact: float
    "Share on which both say whether it is precisely what was asked."
    kappa: float
    "Cohen's kappa (1960) over all pictures and nouns: is one there or not? 1 is perfect, 0 is chance."
    colours: float
    "Share of the same colour among nouns that both see once in a picture."


def agreement(
    requests: Sequence[Request], ones: Sequence[Sequence[Found]], others: Sequence[Sequence[Found]]
) -> Agreement:
    """Compare what two looks found in the pictures of `requests`, in the same order.

    Raises:
        ValueError: the sequences differ in length.
    """
    scores = [
        (score(asked, one), score(asked, other)) for asked, one, other in zip(requests, ones, others, strict=True)
    ]
    there = [[(noun in nouns_of(found)) for found in looks for noun in NOUNS] for looks in (ones, others)]
    same = [
        _only(one, noun) == _only(other, noun)
        for one, other in zip(ones, others, strict=True)
        for noun in NOUNS
        if nouns_of(one).count(noun) == nouns_of(other).count(noun) == 1
    ]
    return Agreement(
        len(scores), _share([a.present == b.present for a, b in scores]),
        _share([a.exact == b.exact for a, b in scores]), kappa(*there), _share(same),
    )  # fmt: skip


def kappa(one: Sequence[bool], other: Sequence[bool]) -> float:
    """Cohen's kappa of two yes-or-no series; 1 where neither varies and both agree."""
    observed = _share([a == b for a, b in zip(one, other, strict=True)])
    yes_one, yes_other = _share(one), _share(other)
    chance = yes_one * yes_other + (1 - yes_one) * (1 - yes_other)
    return 1.0 if chance == 1 else (observed - chance) / (1 - chance)


def nouns_of(found: Sequence[Found]) -> list[str]:
    """The nouns of what was found."""
    return [one.noun for one in found]


def _only(found: Sequence[Found], noun: str) -> str | None:
    return next(one.colour for one in found if one.noun == noun)


def _share(values: Sequence[bool]) -> float:
    return sum(values) / len(values) if values else float("nan")
