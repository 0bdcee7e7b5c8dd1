"""Aggregation: one subject's scattered attention gathers at its highest peak (AI-T2I, arXiv 2605.25763)."""

from __future__ import annotations

import torch

from .geometry import EPSILON, coordinates, distance, radius, reach
from .picking import at

RADIUS = 5 / 16
"""Of the discs about peaks, as a share of the map's side: 5 cells of 16."""
ATTRIBUTE_RADIUS = 6 / 16
NUM_PEAKS = 3


def aggregation(map_YX: torch.Tensor, share: float = RADIUS, target: torch.Tensor | None = None) -> torch.Tensor:
    """`[Σ_k ‖sg(p₁) − m_k‖ + ‖m₂ − m₃‖] / D'`: p₁ the peak, m_k the centres of mass about the three peaks.

    One clean blob gives about 0.34 on 16×16, white noise about 1.09: there is no 0 to reach.

    Args:
        share: radius of the discs over the map's side.
        target: (row, column) in cells to gather at instead of the highest peak: a box's centre.
    """
    found = peaks(map_YX, share)
    return _gathered(map_YX, found, found[0] if target is None else target, share)


def gather(map_YX: torch.Tensor, target: torch.Tensor, share: float = ATTRIBUTE_RADIUS) -> torch.Tensor:
    """Aggregation of a map at a given place; with a noun's peak as `target`, its adjective's term."""
    return _gathered(map_YX, peaks(map_YX, share), target, share)


def _gathered(map_YX: torch.Tensor, found: torch.Tensor, target: torch.Tensor, share: float) -> torch.Tensor:
    centres_K2 = torch.stack([_centre_about(map_YX, place, radius(map_YX, share)) for place in found])
    pull = distance(target.detach(), centres_K2).sum()
    return (pull + distance(centres_K2[1], centres_K2[2])) / reach(map_YX)


def peaks(map_YX: torch.Tensor, share: float = RADIUS) -> torch.Tensor:
    """(3, 2) places of the highest cell, and of the next ones outside discs about those before; no gradient."""
    values, places = map_YX.detach().clone(), coordinates(map_YX)
    limit, found = radius(map_YX, share), []
    for _ in range(NUM_PEAKS):
        place = at(places.view(-1, 2), values.flatten().argmax())
        found.append(place)
        values = values.masked_fill(distance(places, place) <= limit, float("-inf"))
    return torch.stack(found)


def _centre_about(map_YX: torch.Tensor, place: torch.Tensor, limit: float) -> torch.Tensor:
    """Centre of mass of the disc about a place; the place itself where the disc holds no mass."""
    cells = coordinates(map_YX)
    inside = map_YX * (distance(cells, place) <= limit)
    mass = inside.sum()
    offset = (inside[..., None] * (cells - place)).sum((0, 1)) / mass.clamp_min(EPSILON)
    return place + offset
