"""A second loss of pre-training: a linear layer tells from a middle layer's features what stands where.

After REPA (Yu et al. 2025), which aligns a transformer's features with those of a trained vision encoder and
so saves most of its training. There is no such encoder here, but every scene knows its truth: noun and
colour of each cell. The layer is thrown away afterwards; attention maps are no part of the loss.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from ..scenes import SCENE_SIZE, Scene, masks
from ..vocabulary import COLOURS, NOUNS

if TYPE_CHECKING:
    from collections.abc import Callable

GRID = 16
WEIGHT = 0.2
OBJECT_WEIGHT = 4.0
"""Most of a scene is background: a cell that an object fills weighs so much more."""


def labels_of(scene: Scene) -> np.ndarray:
    """uint8 (3, 16, 16): the noun of the subject that covers most of a cell, its colour (0: its own; else 1 + the
    place in `COLOURS`), and how much of the cell it covers, in 1/255."""
    side = SCENE_SIZE // GRID
    shares = masks(scene).reshape(-1, GRID, side, GRID, side).mean((2, 4))
    largest = shares.argmax(0)
    nouns = np.array([NOUNS.index(asked.noun) for asked in scene.request.asked])
    colours = np.array([1 + list(COLOURS).index(a.colour) if a.colour else 0 for a in scene.request.asked])
    return np.stack([nouns[largest], colours[largest], np.round(shares.max(0) * 255)]).astype(np.uint8)


class Semantics(nn.Module):
    """Logits of noun (the last is background) and colour for each cell."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.nouns, self.colours = nn.Linear(width, len(NOUNS) + 1), nn.Linear(width, len(COLOURS) + 1)

    def loss(self, features: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Mean cross-entropy; colours count where there is an object.

        Args:
            features: (B, Y·X, D), of any scale.
            labels: (B, 3, Y, X) as `labels_of` gives them.
        """
        noun, colour, covered = labels.flatten(2).long().unbind(1)
        covered = covered / 255
        features = F.layer_norm(features.float(), features.shape[-1:])
        told = F.log_softmax(self.nouns(features), -1)
        right = told.gather(-1, noun[..., None])[..., 0]
        weights = 1 + (OBJECT_WEIGHT - 1) * covered
        of_noun = -(weights * (covered * right + (1 - covered) * told[..., -1])).sum() / weights.sum()
        of_colour = F.cross_entropy(self.colours(features).transpose(1, 2), colour, reduction="none")
        return of_noun + (covered * of_colour).sum() / covered.sum().clamp(min=1e-6)


class Tap:
    """Keeps what a module last gave."""

    def __init__(self, module: nn.Module, pick: Callable[[object], torch.Tensor]) -> None:
        self._pick = pick
        self.features: torch.Tensor | None = None
        module.register_forward_hook(self._keep)

    def _keep(self, module: nn.Module, args: object, output: object) -> None:
        self.features = self._pick(output) if torch.is_grad_enabled() else None

    def taken(self) -> torch.Tensor:
        """(B, Y·X, D), once."""
        features, self.features = self.features, None
        assert features is not None
        return features
