"""Two looks at the same pictures, by hand."""

from __future__ import annotations

import pytest

from t2i_studio.emoji.captions import Asked, Request
from t2i_studio.evaluation import Found
from t2i_studio.evaluation.agreement import agreement, kappa


def found(noun: str, colour: str | None = None, x: float = 10.0) -> Found:
    return Found(noun, colour, (x, 10.0, x + 30, 40.0), 1.0, 0.0)


def test_kappa() -> None:
    # Cohen's own arithmetic: 70 % seen alike, 0.5 by chance
    one = [True] * 25 + [True] * 10 + [False] * 5 + [False] * 10
    other = [True] * 25 + [False] * 10 + [True] * 5 + [False] * 10
    chance = 35 / 50 * 30 / 50 + 15 / 50 * 20 / 50
    assert kappa(one, other) == pytest.approx((0.7 - chance) / (1 - chance))
    assert kappa(one, one) == 1
    assert kappa([False, False], [False, False]) == 1


def test_agreement() -> None:
    pair = Request((Asked("cat"), Asked("car", "red")))
    ones = [[found("cat"), found("car", "red")], [found("cat")]]
    others = [[found("cat"), found("car", "red"), found("dog")], []]
    told = agreement([pair, pair], ones, others)
    assert (told.num_pictures, told.present, told.exact, told.colours) == (2, 1.0, 0.5, 1.0)
    assert 0 < told.kappa < 1
    assert agreement([pair], [[found("cat", "blue")]], [[found("cat")]]).colours == 0
