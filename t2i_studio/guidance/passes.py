"""One gradient pass: the pipeline's own arguments for some rows, and the denoiser's maps on their prompts' columns."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from ..capture import Recording, capture
from ..losses import pooled

if TYPE_CHECKING:
    from ..families import Family
    from ..types import Site
    from .target import Target


Rows = slice | list[int]
CELLS = 64 * 64
"""Of latents in a pass of several prompts: one picture of SD's. A pass keeps what its gradient needs, so larger
pictures go prompt by prompt, and small ones together, which is faster."""


@dataclass(frozen=True)
class Call:
    """The pipeline's own arguments beside the sample, for the rows with the prompt."""

    args: tuple
    kwargs: dict[str, Any]

    def rows(self, total: int, rows: Rows) -> Call:
        return Call(
            tuple(chosen(a, total, rows) for a in self.args),
            {k: chosen(v, total, rows) for k, v in self.kwargs.items()},
        )


def together(targets: Sequence[Target | None], cells: int) -> list[list[int]]:
    """Indices of the targets that share a pass: as many as fit, of those whose maps are normalised alike.

    Args:
        cells: latent cells of all pictures of one target.
    """
    alike: dict[Any, list[int]] = {}
    for index, target in enumerate(targets):
        if target is not None:
            alike.setdefault(target.within, []).append(index)
    size = max(1, CELLS // cells)
    return [group[start : start + size] for group in alike.values() for start in range(0, len(group), size)]


class PassMaps:
    """The denoiser's maps on the columns of some prompts, mean over heads and sites."""

    def __init__(
        self, denoiser: Any, family: Family, sites: Sequence[Site], targets: Sequence[Target], stack: ExitStack
    ) -> None:
        self._grid, self._num_sites = sites[0].grid, len(sites)
        self._sum: torch.Tensor | None = None
        columns = sorted({column for target in targets for column in target.columns})
        self._places = [[columns.index(column) for column in target.columns] for target in targets]
        opened = capture(
            denoiser, family, sites, [(c,) for c in columns], self._add, keep_graph=True, within=targets[0].within
        )
        self._recording: Recording = stack.enter_context(opened)
        self._recording.paused = True

    def forward(self, sample: torch.Tensor, call: Call, which: Sequence[int]) -> list[torch.Tensor]:
        """Maps of every row (C, Y, X) on its own prompt's columns, with the graph from the sample.

        Args:
            sample: (B, …), as many rows a prompt.
            which: the prompts it is of, as places among this pass's targets.
        """
        self._sum, self._recording.paused = None, False
        try:
            self._recording.forward(sample, *call.args, **call.kwargs)
        finally:
            self._recording.paused = True
        total, self._sum = self._sum, None
        assert total is not None
        maps_BCYX = (total / self._num_sites).transpose(1, 2).unflatten(-1, self._grid)
        each = len(sample) // len(which)
        return [one[self._places[which[row // each]]] for row, one in enumerate(pooled(maps_BCYX))]

    def _add(self, site: Site, probs_BHQC: torch.Tensor) -> None:
        mean = probs_BHQC.mean(1)
        self._sum = mean if self._sum is None else self._sum + mean


def chosen(value: Any, total: int, rows: Rows) -> Any:
    """The wanted rows of whatever has `total` rows; ordinary tensors, whatever mode made them."""
    if isinstance(value, torch.Tensor):
        cut = value[rows] if value.ndim and len(value) == total else value
        return cut.clone() if cut.is_inference() else cut
    if isinstance(value, dict):
        return {k: chosen(v, total, rows) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(chosen(v, total, rows) for v in value)
    return value


def first(timestep: Any) -> Any:
    return timestep.flatten()[0] if isinstance(timestep, torch.Tensor) else timestep
