"""Choosing entries without a word to the host: a Python index or a 0-dim tensor would wait for the device."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import torch


def picked(maps_CYX: torch.Tensor, group: Sequence[int]) -> torch.Tensor:
    """The maps of a group of indices; their places on the device are kept."""
    return maps_CYX.index_select(0, indices(tuple(group), maps_CYX.device))


def at(values: torch.Tensor, place: torch.Tensor) -> torch.Tensor:
    """The entry (of the first axis) whose index is a 0-dim tensor."""
    return values.index_select(0, place.view(1))[0]


@lru_cache(maxsize=512)
def indices(group: tuple[int, ...], device: torch.device) -> torch.Tensor:
    """int64 (C,), kept on its device."""
    with torch.inference_mode(False):  # made inside, it could never be saved for a gradient
        return torch.tensor(group, dtype=torch.long, device=device)
