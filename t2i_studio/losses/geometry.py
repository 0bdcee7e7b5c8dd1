"""Where things are on a map: coordinates, centres of mass, the diagonal. Units are cells."""

from __future__ import annotations

import torch
import torch.nn.functional as F

EPSILON = 1e-8
"""Mass below which a map has no place: its centre is then the origin, without a gradient that explodes."""
LARGEST_GRID = 32
"""Losses see maps of at most this many rows and columns."""


def coordinates(map_YX: torch.Tensor) -> torch.Tensor:
    """(Y, X, 2): row and column of every cell, from 0."""
    rows, columns = (torch.arange(n, device=map_YX.device, dtype=map_YX.dtype) for n in map_YX.shape[-2:])
    return torch.stack(torch.meshgrid(rows, columns, indexing="ij"), dim=-1)


def centre(map_YX: torch.Tensor) -> torch.Tensor:
    """Mass-weighted centre (2,) of a map: row and column."""
    weights = map_YX / map_YX.sum().clamp_min(EPSILON)
    return (weights[..., None] * coordinates(map_YX)).sum((0, 1))


def distance(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """Euclidean, over the last axis; where both are the same the gradient is 0, not NaN."""
    return torch.linalg.vector_norm(one - other, dim=-1)


def diagonal(map_YX: torch.Tensor) -> float:
    """`√(h² + w²)`."""
    height, width = map_YX.shape[-2:]
    return float((height**2 + width**2) ** 0.5)


def reach(map_YX: torch.Tensor) -> float:
    """The longest way between two cells: `√((h − 1)² + (w − 1)²)`."""
    height, width = map_YX.shape[-2:]
    return max(1.0, float(((height - 1) ** 2 + (width - 1) ** 2) ** 0.5))


def radius(map_YX: torch.Tensor, share: float) -> float:
    """A share of the map's side in cells; of the geometric mean of both where it is not square."""
    height, width = map_YX.shape[-2:]
    return share * float((height * width) ** 0.5)


def pooled(maps_YX: torch.Tensor) -> torch.Tensor:
    """Maps (B, N, Y, X) of at most `LARGEST_GRID` rows and columns: means over cells of one size."""
    largest = max(maps_YX.shape[-2:])
    if largest <= LARGEST_GRID:
        return maps_YX
    factor = -(-largest // LARGEST_GRID)
    height, width = maps_YX.shape[-2:]
    return F.adaptive_avg_pool2d(maps_YX, (-(-height // factor), -(-width // factor)))
