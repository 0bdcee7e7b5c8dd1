"""One gradient pass: the pipeline's own arguments for some rows, and the denoiser's maps on a prompt's columns."""

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


@dataclass(frozen=True)
class Call:
    """The pipeline's own arguments beside the sample, for the rows with the prompt."""

    args: tuple
    kwargs: dict[str, Any]

    def rows(self, total: int, rows: slice) -> Call:
        return Call(
            tuple(chosen(a, total, rows) for a in self.args),
            {k: chosen(v, total, rows) for k, v in self.kwargs.items()},
        )


class PromptMaps:
    """The denoiser's maps on the columns of one prompt, mean over heads and sites."""

    def __init__(self, denoiser: Any, family: Family, sites: Sequence[Site], target: Target, stack: ExitStack) -> None:
        self._grid, self._num_sites = sites[0].grid, len(sites)
        self._sum: torch.Tensor | None = None
        columns = [(c,) for c in target.columns]
        opened = capture(denoiser, family, sites, columns, self._add, keep_graph=True, within=target.within)
        self._recording: Recording = stack.enter_context(opened)
        self._recording.paused = True

    def forward(self, sample: torch.Tensor, call: Call) -> torch.Tensor:
        """(B, C, Y, X), with the graph from the sample."""
        self._sum, self._recording.paused = None, False
        try:
            self._recording.forward(sample, *call.args, **call.kwargs)
        finally:
            self._recording.paused = True
        total, self._sum = self._sum, None
        assert total is not None
        maps_BCYX = (total / self._num_sites).transpose(1, 2).unflatten(-1, self._grid)
        return pooled(maps_BCYX)

    def _add(self, site: Site, probs_BHQC: torch.Tensor) -> None:
        mean = probs_BHQC.mean(1)
        self._sum = mean if self._sum is None else self._sum + mean


def chosen(value: Any, total: int, rows: slice) -> Any:
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
