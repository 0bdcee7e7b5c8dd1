"""Losses at low, middle and high noise apart: what a mean hides."""

from __future__ import annotations

import torch

THIRDS = ("low", "mid", "high")


def by_third(losses: torch.Tensor, noise: torch.Tensor) -> dict[str, torch.Tensor]:
    """Mean loss of each third of the noise; of all where a batch has none there. Does not wait for the device.

    Args:
        losses: (B,).
        noise: (B,) in [0, 1].
    """
    losses, third = losses.detach(), (noise * 3).long().clamp(max=2)
    means = {}
    for i, name in enumerate(THIRDS):
        chosen = third == i
        mean = (losses * chosen).sum() / chosen.sum().clamp(min=1)
        means[name] = torch.where(chosen.any(), mean, losses.mean())
    return means
