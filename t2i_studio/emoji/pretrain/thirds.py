"""Losses at low, middle and high noise apart: what a mean hides."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

THIRDS = ("low", "mid", "high")


def by_third(losses: torch.Tensor, noise: torch.Tensor) -> dict[str, float]:
    """Mean loss of each third of the noise; of all where a batch has none there.

    Args:
        losses: (B,).
        noise: (B,) in [0, 1].
    """
    losses, third = losses.detach(), (noise * 3).long().clamp(max=2)
    return {name: float((losses[third == i] if (third == i).any() else losses).mean()) for i, name in enumerate(THIRDS)}
