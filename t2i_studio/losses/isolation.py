"""Isolation: the centres of subjects move apart (AI-T2I, arXiv 2605.25763)."""

from __future__ import annotations

from itertools import combinations

import torch

from .geometry import centre, diagonal, distance


def isolation(maps_NYX: torch.Tensor) -> torch.Tensor:
    """`1 − ‖c(A₁) − c(A₂)‖ / D`, the mean over all pairs of subjects; 0 for a single one.

    A flat background pulls it to 1, and concentric maps that share no cell are punished: see `overlap`.
    """
    centres = [centre(one) for one in maps_NYX]
    pairs = [1 - distance(a, b) / diagonal(maps_NYX) for a, b in combinations(centres, 2)]
    return torch.stack(pairs).mean() if pairs else maps_NYX.sum() * 0
