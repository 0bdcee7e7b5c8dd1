"""How well maps point at things: by themselves, against masks, against a teacher's. Pure numpy.

Maps are (T, N, Y, X): T noise levels, N words. Results are float64 (T, N), NaN where nothing can be said.
"""

from __future__ import annotations

import numpy as np

from ..metrics import entropy, normalised

OWN = ("concentration", "distinctness")
MASKED = ("peak_in_mask", "mass_in_mask")
TO_TEACHER = ("mse", "kl", "cosine", "centre_shift")
ABOUT = {
    "concentration": "1 − entropy: 0 spread evenly, 1 a single cell",
    "distinctness": "1 − mean cosine to the other words' maps",
    "peak_in_mask": "share of maps whose peak lies on its object",
    "mass_in_mask": "share of a map that lies on its object",
    "mse": "mean squared difference to the teacher's map, both of mean 1",
    "kl": "Kullback–Leibler divergence from the teacher's map, nats",
    "cosine": "cosine to the teacher's map",
    "centre_shift": "way of the centre of mass from the teacher's, share of the diagonal",
}
_LEAST = 1e-12


def numbers(
    maps_TNYX: np.ndarray, inside_NYX: np.ndarray | None = None, known_N: np.ndarray | None = None, teacher: int = -1
) -> dict[str, np.ndarray]:
    """All numbers of one picture's maps.

    Args:
        inside_NYX: cells of each word's object, bool.
        known_N: words whose object is known; default: all, if `inside_NYX` is there.
        teacher: index of the teacher's noise level.
    """
    maps = maps_TNYX.astype(np.float64)
    shares = normalised(maps)
    found = {"concentration": 1 - entropy(maps), "distinctness": distinctness(maps)}
    if inside_NYX is None:
        found["peak_in_mask"] = found["mass_in_mask"] = np.full(maps.shape[:2], np.nan)
    else:
        known = np.ones(len(inside_NYX), dtype=bool) if known_N is None else known_N
        peaks = maps.reshape(*maps.shape[:2], -1).argmax(-1)
        flat = inside_NYX.reshape(len(inside_NYX), -1)
        hit = np.take_along_axis(flat[None].repeat(len(maps), 0), peaks[..., None], -1)[..., 0]
        found["peak_in_mask"] = np.where(known, hit.astype(np.float64), np.nan)
        found["mass_in_mask"] = np.where(known, (shares * inside_NYX).sum((-2, -1)), np.nan)
    return found | to_teacher(shares, teacher)


def distinctness(maps_TNYX: np.ndarray) -> np.ndarray:
    """`1 − mean off-diagonal cosine`, for each word against the others; NaN for a single word."""
    flat = maps_TNYX.reshape(*maps_TNYX.shape[:2], -1)
    unit = flat / np.maximum(np.linalg.norm(flat, axis=-1, keepdims=True), _LEAST)
    others = maps_TNYX.shape[1] - 1
    if others < 1:
        return np.full(maps_TNYX.shape[:2], np.nan)
    cosines = unit @ unit.swapaxes(-1, -2)
    return 1 - (cosines.sum(-1) - np.diagonal(cosines, axis1=-2, axis2=-1)) / others


def to_teacher(shares_TNYX: np.ndarray, teacher: int) -> dict[str, np.ndarray]:
    """Distances of every noise level's maps (sum 1) from the teacher's."""
    cells = shares_TNYX.shape[-2] * shares_TNYX.shape[-1]
    own = shares_TNYX[teacher][None]
    p, q = np.maximum(own, _LEAST), np.maximum(shares_TNYX, _LEAST)
    norms = np.linalg.norm(shares_TNYX, axis=(-2, -1)) * np.linalg.norm(own, axis=(-2, -1))
    shift = np.linalg.norm(centres(shares_TNYX) - centres(own), axis=-1)
    return {
        "mse": ((shares_TNYX - own) ** 2).mean((-2, -1)) * cells**2,
        "kl": (p * np.log(p / q)).sum((-2, -1)),
        "cosine": (shares_TNYX * own).sum((-2, -1)) / np.maximum(norms, _LEAST),
        "centre_shift": shift / float(np.hypot(*shares_TNYX.shape[-2:])),
    }


def centres(shares_TNYX: np.ndarray) -> np.ndarray:
    """Centres of mass (…, 2), row and column in cells."""
    rows, columns = (np.arange(n, dtype=np.float64) for n in shares_TNYX.shape[-2:])
    return np.stack([shares_TNYX.sum(-1) @ rows, shares_TNYX.sum(-2) @ columns], axis=-1)
