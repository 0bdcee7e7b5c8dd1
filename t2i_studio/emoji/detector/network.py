"""The network: a picture goes down to 8×8 cells and up to 16×16, where every cell says what is centred in it.

After CenterNet ("Objects as Points", Zhou et al. 2019), without anchors; group norm, so that what is
averaged over a training is all there is. Knows nothing of scenes.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import nn

from ..vocabulary import COLOURS, NOUNS

STRIDE = 8
"""Pixels of a cell."""
COLOUR_NAMES: tuple[str | None, ...] = (None, *COLOURS)
"""What the colour map's channels stand for; None is the noun's own look."""
RARE = -4.6
"""Logit at which every centre starts: 1 %, or the many empty cells drown the few others at first (Lin et al. 2017)."""


@dataclass(frozen=True)
class Shape:
    """Widths at 64², 32², 16² and 8² cells, and residual blocks at the last three."""

    widths: tuple[int, int, int, int] = (16, 32, 64, 128)
    blocks: tuple[int, int, int] = (1, 2, 2)


class Maps(NamedTuple):
    """What the network says of a batch, on cells of 8 px."""

    centres: torch.Tensor
    "(B, 24 nouns, Y, X), logits."
    boxes: torch.Tensor
    "(B, 4, Y, X): centre offset x, y from the cell's middle in cells; log of width, height over 48 px."
    colours: torch.Tensor
    "(B, 12 colours, Y, X), logits."


class Network(nn.Module):
    """Pictures (B, 3, Y, X) in [-1, 1], sides multiples of 16 → `Maps`."""

    def __init__(self, shape: Shape | None = None) -> None:
        super().__init__()
        self.shape = shape or Shape()
        widths, blocks = self.shape.widths, self.shape.blocks
        self.stem = nn.Conv2d(3, widths[0], 4, stride=2, padding=1)
        self.downs = nn.ModuleList(
            nn.Conv2d(thin, wide, 3, stride=2, padding=1) for thin, wide in itertools.pairwise(widths)
        )
        self.stages = nn.ModuleList(
            nn.Sequential(*[_Block(width) for _ in range(number)])
            for width, number in zip(widths[1:], blocks, strict=True)
        )
        self.up = nn.Conv2d(widths[3], widths[2], 1)
        self.fuse = _Block(widths[2])
        self.wide = nn.Conv2d(widths[2], 2 * widths[2], 1)
        self.out = nn.Conv2d(2 * widths[2], len(NOUNS) + 4 + len(COLOUR_NAMES), 1)
        nn.init.constant_(self.out.bias[: len(NOUNS)], RARE)  # pyright: ignore[reportOptionalSubscript]

    def forward(self, images: torch.Tensor) -> Maps:
        """Maps of 1/8 of the pictures' width and height."""
        x = F.relu(self.stem(images))
        levels = []
        for down, stage in zip(self.downs, self.stages, strict=True):
            x = F.relu(stage(down(x)))
            levels.append(x)
        x = F.interpolate(self.up(levels[2]), scale_factor=2.0) + levels[1]
        x = F.relu(self.wide(F.relu(self.fuse(x))))
        return Maps(*self.out(x).split((len(NOUNS), 4, len(COLOUR_NAMES)), dim=1))


class _Block(nn.Module):
    """Two 3×3 convolutions beside the identity."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.one, self.other = (nn.Conv2d(width, width, 3, padding=1, bias=False) for _ in range(2))
        self.norm_one, self.norm_other = (nn.GroupNorm(4, width) for _ in range(2))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.norm_other(self.other(F.relu(self.norm_one(self.one(x)))))
