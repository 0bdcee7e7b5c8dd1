"""Presence: no subject may vanish. The loss of Attend-and-Excite (arXiv 2301.13826, equations 1 and 2)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F

from .picking import picked

SHARPNESS = 100.0
"""Factor of the softmax over tokens."""
SIGMA = 0.5
"""Of the smoothing kernel `exp(−(d / 2σ)²)` as the authors' code has it: an effective deviation of 0.71 cells."""


def excited(tokens_CYX: torch.Tensor, groups: Sequence[Sequence[int]]) -> torch.Tensor:
    """Smoothed softmax over tokens, `G ∗ softmax(100·A)`: (N, Y, X), one map a group of tokens.

    Args:
        tokens_CYX: probabilities of all tokens that compete, one map each.
        groups: indices among those tokens, one group a subject; a subject of several is their sum.
    """
    shares_CYX = (SHARPNESS * tokens_CYX).softmax(0)
    maps_NYX = torch.stack([picked(shares_CYX, group).sum(0) for group in groups])
    return smoothed(maps_NYX)


def smoothed(maps_NYX: torch.Tensor) -> torch.Tensor:
    """3×3 Gaussian, mirrored at the borders."""
    offsets = torch.arange(3, device=maps_NYX.device, dtype=maps_NYX.dtype) - 1
    line = torch.exp(-((offsets / (2 * SIGMA)) ** 2))
    kernel = line[:, None] * line[None]
    padded = F.pad(maps_NYX[:, None], (1, 1, 1, 1), mode="reflect")
    return F.conv2d(padded, (kernel / kernel.sum())[None, None])[:, 0]


def presence(excited_NYX: torch.Tensor) -> torch.Tensor:
    """`max_s max(0, 1 − max_x A_s)`: the most neglected subject's distance from full attention somewhere."""
    return (1 - excited_NYX.flatten(1).amax(1)).clamp_min(0).amax()
