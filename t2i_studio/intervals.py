"""95 % intervals of shares and means whose pictures come in groups: several seeds of one prompt."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

Z = 1.959964
DRAWS = 2000
SEED = 1
"""Of the bootstrap: the same pictures give the same interval."""


def bootstrapped(groups: Sequence[Sequence[float]]) -> tuple[float, float, float]:
    """Mean over all pictures and its interval, drawn anew prompt by prompt (percentiles); NaN without any.

    Of a single prompt its pictures are drawn, which tells of that prompt alone.
    """
    filled = [group for group in groups if group]
    if len(filled) == 1:
        filled = [[value] for value in filled[0]]
    if not filled:
        return float("nan"), float("nan"), float("nan")
    sums, counts = np.array([sum(group) for group in filled]), np.array([len(group) for group in filled])
    times = _draws(len(sums))
    low, high = np.percentile((times @ sums) / (times @ counts), [2.5, 97.5])
    return float(sums.sum() / counts.sum()), float(low), float(high)


@lru_cache(maxsize=16)
def _draws(number: int) -> np.ndarray:
    """How often each of `number` groups is drawn, (DRAWS, number): the same for all tables of so many."""
    drawn = np.random.default_rng(SEED).integers(0, number, (DRAWS, number))
    return np.stack([np.bincount(row, minlength=number) for row in drawn]).astype(np.float64)


def wilson(share: float, number: float) -> tuple[float, float]:
    """Wilson's interval of a share of `number` independent trials (Wilson, 1927)."""
    if number <= 0:
        return 0.0, 1.0
    middle = (share + Z * Z / (2 * number)) / (1 + Z * Z / number)
    half = Z * math.sqrt(share * (1 - share) / number + Z * Z / (4 * number * number)) / (1 + Z * Z / number)
    return max(0.0, middle - half), min(1.0, middle + half)


def clustered(groups: Sequence[Sequence[bool]]) -> tuple[float, float, float]:
    """Share over all pictures and its interval, where pictures of one prompt resemble each other.

    Wilson's interval with the effective number of trials: the share's binomial variance over its
    variance between prompts, at least the number of prompts, at most the number of pictures.
    """
    filled = [group for group in groups if group]
    prompts, pictures = len(filled), sum(len(group) for group in filled)
    if not pictures:
        return 0.0, 0.0, 1.0
    share = sum(sum(group) for group in filled) / pictures
    means = [sum(group) / len(group) for group in filled]
    spread = sum((m - share) ** 2 for m in means) / max(1, prompts - 1) / prompts
    # Without spread, prompts agree on a mixture, or on all or nothing, where more seeds would tell little.
    agreed = pictures if 0 < share < 1 else prompts
    trials = share * (1 - share) / spread if spread > 0 else agreed
    return share, *wilson(share, min(max(trials, prompts), pictures))
