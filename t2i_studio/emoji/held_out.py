"""Scenes that training never saw, with their true masks: what probes and judges are measured on."""

from __future__ import annotations

import numpy as np

from .captions import Asked, Request
from .scenes import Scene, compose
from .splits import load_splits

FIRST_SEED = 20_000_000


def held_out_scene(number: int, split: str = "test_seen") -> Scene:
    """Two nouns of a pair of that split, at a seed of its own: same number, same scene."""
    pairs = sorted(load_splits().pairs[split])
    one, other = pairs[number % len(pairs)]
    article = {n: "an" if n[0] in "aeiou" else "a" for n in (one, other)}
    text = f"{article[one]} {one} and {article[other]} {other}"
    return compose(Request((Asked(one), Asked(other))), np.random.default_rng([FIRST_SEED, number]), text)


def held_out_scenes(number: int, split: str = "test_seen") -> list[Scene]:
    """The first `number` of them."""
    return [held_out_scene(i, split) for i in range(number)]
