"""Overlap: what two subjects share, cell by cell. Ours, for where `isolation` is blind."""

from __future__ import annotations

from itertools import combinations

import torch

from .geometry import centre, diagonal, distance
from .transport import foreground

APART = 0.35
"""Distance of two centres, as a share of the diagonal, from which on they are apart enough."""


def overlap(maps_NYX: torch.Tensor) -> torch.Tensor:
    """`Σ_x min(P_s, P_u) + relu(0.35 − ‖c_s − c_u‖ / D)`, the mean over all pairs; 0 for a single subject.

    `P` is the map's foreground, so a flat background neither counts nor moves a centre.
    """
    shares = [foreground(one) for one in maps_NYX]
    pairs = [
        torch.minimum(a, b).sum() + (APART - distance(centre(a), centre(b)) / diagonal(a)).clamp_min(0)
        for a, b in combinations(shares, 2)
    ]
    return torch.stack(pairs).mean() if pairs else maps_NYX.sum() * 0
