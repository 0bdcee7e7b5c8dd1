"""Numbers on attention maps that curves, tables and CSV files share. Pure numpy.

Knows nothing of where maps come from, of files or of drawing. NaNs in a map stay NaNs in its numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .types import Maps

__all__ = ["MapMetrics", "entropy", "mass", "measure", "normalised", "overlap", "peak", "peak_position", "scatter"]


@dataclass(frozen=True)
class MapMetrics:
    """The numbers of one picture's maps over time; float64 except positions (int64)."""

    nouns: tuple[str, ...]
    timesteps: tuple[float, ...]
    mass_TN: np.ndarray
    peak_TN: np.ndarray
    peak_y_TN: np.ndarray
    peak_x_TN: np.ndarray
    entropy_TN: np.ndarray
    overlap_TNN: np.ndarray
    "Symmetric, 1 on the diagonal."

    @property
    def pairs(self) -> tuple[tuple[int, int], ...]:
        """Indices of every two different nouns, the earlier one first."""
        count = len(self.nouns)
        return tuple((i, j) for i in range(count) for j in range(i + 1, count))


def measure(maps: Maps) -> MapMetrics:
    """All numbers of all nouns on the main grid, mean over its sites and heads."""
    side_y, side_x = maps.stacks[maps.main].grid
    per_noun = [maps[noun] for noun in maps.nouns]
    maps_TNYX = np.stack(per_noun, axis=1) if per_noun else np.zeros((maps.num_steps, 0, side_y, side_x))
    maps_TNYX = maps_TNYX.astype(np.float64)
    y_TN, x_TN = peak_position(maps_TNYX)
    count = len(maps.nouns)
    shares_TNYX = normalised(maps_TNYX)
    overlap_TNN = np.ones((maps.num_steps, count, count))
    for i in range(count):
        for j in range(i + 1, count):
            shared_T = np.minimum(shares_TNYX[:, i], shares_TNYX[:, j]).sum(axis=(-2, -1))
            overlap_TNN[:, i, j] = overlap_TNN[:, j, i] = shared_T
    return MapMetrics(
        nouns=maps.nouns,
        timesteps=maps.timesteps,
        mass_TN=mass(maps_TNYX),
        peak_TN=peak(maps_TNYX),
        peak_y_TN=y_TN,
        peak_x_TN=x_TN,
        entropy_TN=entropy(maps_TNYX),
        overlap_TNN=overlap_TNN,
    )


def mass(maps_YX: np.ndarray) -> np.ndarray:
    """Share of all the picture's attention that goes to the noun, [0, 1]: the mean over positions.

    Maps are (..., Y, X); the result drops the last two axes, here and below.
    """
    return maps_YX.mean(axis=(-2, -1), dtype=np.float64)


def peak(maps_YX: np.ndarray) -> np.ndarray:
    """The largest probability at any position, [0, 1]."""
    return maps_YX.max(axis=(-2, -1)).astype(np.float64)


def peak_position(maps_YX: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Row and column of the peak, in cells from the upper left; the first one where several tie."""
    side_y, side_x = maps_YX.shape[-2:]
    flat = maps_YX.reshape(*maps_YX.shape[:-2], side_y * side_x).argmax(axis=-1)
    rows, columns = np.divmod(flat, side_x)
    return rows, columns


def normalised(maps_YX: np.ndarray) -> np.ndarray:
    """Each map divided by its sum, float64; a map of zeros becomes the even one."""
    values = maps_YX.astype(np.float64)
    total = values.sum(axis=(-2, -1), keepdims=True)
    even = 1.0 / (values.shape[-2] * values.shape[-1])
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(total == 0, even, values / total)


def entropy(maps_YX: np.ndarray) -> np.ndarray:
    """Entropy of the normalised map over log(Y·X): 0 is a single cell, 1 is spread evenly."""
    shares = normalised(maps_YX)
    positions = shares.shape[-2] * shares.shape[-1]
    if positions < 2:
        return np.zeros(shares.shape[:-2])
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(shares == 0, 0.0, shares * np.log(shares))
    return np.clip(-terms.sum(axis=(-2, -1)) / np.log(positions), 0.0, 1.0)


def scatter(maps_YX: np.ndarray) -> np.ndarray:
    """How far a noun's attention lies from its own centre: root mean square distance over the map's diagonal.

    Of what stands above the map's median, which is its ground. 0: all in one cell; 0.29: spread evenly.
    """
    side_y, side_x = maps_YX.shape[-2:]
    above = np.clip(maps_YX - np.median(maps_YX, axis=(-2, -1), keepdims=True), 0, None)
    shares = normalised(above)
    y_Y, x_X = np.arange(side_y)[:, None], np.arange(side_x)[None, :]
    y, x = ((shares * axis).sum(axis=(-2, -1), keepdims=True) for axis in (y_Y, x_X))
    far2 = (y_Y - y) ** 2 + (x_X - x) ** 2
    return np.sqrt((shares * far2).sum(axis=(-2, -1))) / np.hypot(side_y, side_x)


def overlap(first_YX: np.ndarray, second_YX: np.ndarray) -> np.ndarray:
    """Histogram intersection of two normalised maps: 0 where they share nothing, 1 where equal."""
    return np.minimum(normalised(first_YX), normalised(second_YX)).sum(axis=(-2, -1))
