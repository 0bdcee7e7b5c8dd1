"""What a guidance method sees of one picture at one step: maps by their role in the prompt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from ..losses import excited
from ..losses.picking import picked
from ..types import Box


@dataclass(frozen=True)
class Roles:
    """Which recorded columns carry what; indices into the recorded columns, not into the text."""

    subjects: tuple[tuple[int, ...], ...]
    attributes: tuple[tuple[int, tuple[int, ...]], ...]
    "(subject, columns) of each word that describes one."
    others: tuple[tuple[int, ...], ...]
    "Words that are neither."
    competing: tuple[int, ...]
    "Columns among which the softmax of Attend-and-Excite runs; empty where no method wants it."
    single: tuple[bool, ...]
    "Whether each subject is one thing: plurals and counts are meant to have several places."
    boxes: tuple[Box | None, ...]


@dataclass(frozen=True)
class View:
    """Maps of one picture, float32 with their graph."""

    tokens_CYX: torch.Tensor
    roles: Roles

    @property
    def subjects_NYX(self) -> torch.Tensor:  # noqa: N802 (shape suffix)
        """Each subject: the sum of its tokens."""
        return torch.stack([self._sum(group) for group in self.roles.subjects])

    @property
    def attributes(self) -> list[tuple[int, torch.Tensor]]:
        """(subject, map) of each describing word."""
        return [(index, self._sum(group)) for index, group in self.roles.attributes]

    @property
    def others_KYX(self) -> torch.Tensor:  # noqa: N802 (shape suffix)
        """Words that are neither; possibly none."""
        maps = [self._sum(group) for group in self.roles.others]
        return torch.stack(maps) if maps else self.tokens_CYX[:0]

    @property
    def excited_NYX(self) -> torch.Tensor:  # noqa: N802 (shape suffix)
        """Subjects after Attend-and-Excite's softmax over tokens and smoothing."""
        place = {column: i for i, column in enumerate(self.roles.competing)}
        groups = [[place[c] for c in group if c in place] for group in self.roles.subjects]
        return excited(picked(self.tokens_CYX, self.roles.competing), groups)

    def _sum(self, group: Sequence[int]) -> torch.Tensor:
        return picked(self.tokens_CYX, group).sum(0)
