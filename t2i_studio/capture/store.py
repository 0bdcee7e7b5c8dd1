"""Collects what a tape hands out into `Maps`: one array a resolution, as large as predicted."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from ..errors import CaptureError
from ..types import Grid, Maps, MapStack, Site, grid_name

_BYTES = 4  # float32


class MapStore:
    """Maps of `num_images` pictures over `num_steps` steps, reduced over heads as they arrive."""

    def __init__(
        self, nouns: Sequence[str], sites: Sequence[Site], num_steps: int, *, num_images: int = 1, heads: bool = False
    ) -> None:
        self.nouns = tuple(nouns)
        self.num_steps, self.num_images, self.heads = num_steps, num_images, heads
        self._sites: dict[Grid, list[Site]] = {}
        for site in sites:
            self._sites.setdefault(site.grid, []).append(site)
        self._timesteps: list[float] = []
        self._pending: dict[str, torch.Tensor] = {}
        self._means: dict[Grid, np.ndarray] = {}
        self._heads: dict[Grid, np.ndarray] = {}

    @property
    def predicted_bytes(self) -> int:
        """Bytes that the kept arrays take: float32, known before the run."""
        total = 0
        for grid, sites in self._sites.items():
            cells = len(sites) * len(self.nouns) * grid[0] * grid[1]
            heads = sites[0].num_heads if self.heads else 0
            total += self.num_images * self.num_steps * cells * (1 + heads) * _BYTES
        return total

    def add(self, site: Site, probs_BHQN: torch.Tensor) -> None:
        """One site of the current step; kept on its device until the step ends."""
        probs = probs_BHQN.detach()
        self._pending[site.name] = probs if self.heads else probs.mean(1)

    def end_step(self, timestep: float) -> None:
        """Close the step: reduce, copy to the host, one transfer a resolution."""
        step = len(self._timesteps)
        if step >= self.num_steps:
            self._grow()
        for grid, sites in self._sites.items():
            missing = [s.name for s in sites if s.name not in self._pending]
            if missing:
                raise CaptureError(f"No map came from {missing[0]}.", "Choose other layers.")
            if not self.heads:
                means = torch.stack([self._pending[s.name] for s in sites])  # (S, B, Q, N)
                self._mean_array(grid)[:, step] = _host(means, grid).swapaxes(0, 1)
                continue
            full = torch.stack([self._pending[s.name] for s in sites])  # (S, B, H, Q, N)
            array = np.moveaxis(_host(full, grid), 1, 0)  # (B, S, H, N, Y, X)
            self._head_array(grid)[:, step] = array
            self._mean_array(grid)[:, step] = array.mean(axis=2)
        self._timesteps.append(float(timestep))
        self._pending.clear()

    def _grow(self) -> None:
        """Room for more steps: some schedulers call the model more often than they have steps (PNDM, Heun)."""
        self.num_steps += max(4, self.num_steps // 2)
        for arrays in (self._means, self._heads):
            for grid, old in arrays.items():
                new = np.zeros((old.shape[0], self.num_steps, *old.shape[2:]), dtype=np.float32)
                new[:, : old.shape[1]] = old
                arrays[grid] = new

    def maps(self, main: Grid, image: int = 0) -> Maps:
        """The maps of one picture over the steps that ran.

        Raises:
            CaptureError: no step was recorded.
        """
        if not self._timesteps:
            raise CaptureError("No attention map was recorded.", "Run at least one step.")
        num = len(self._timesteps)
        stacks = {}
        for grid, sites in self._sites.items():
            heads = self._heads[grid][image, :num] if self.heads else None
            stacks[grid_name(grid)] = MapStack(
                grid, tuple(s.name for s in sites), self._means[grid][image, :num], heads
            )
        return Maps(self.nouns, tuple(self._timesteps), stacks, grid_name(main))

    def _mean_array(self, grid: Grid) -> np.ndarray:
        if grid not in self._means:
            shape = (self.num_images, self.num_steps, len(self._sites[grid]), len(self.nouns), *grid)
            self._means[grid] = np.zeros(shape, dtype=np.float32)
        return self._means[grid]

    def _head_array(self, grid: Grid) -> np.ndarray:
        if grid not in self._heads:
            sites = self._sites[grid]
            shape = (self.num_images, self.num_steps, len(sites), sites[0].num_heads, len(self.nouns), *grid)
            self._heads[grid] = np.zeros(shape, dtype=np.float32)
        return self._heads[grid]


def _host(probs: torch.Tensor, grid: Grid) -> np.ndarray:
    """(…, Q, N) on any device → numpy (…, N, Y, X)."""
    return probs.transpose(-1, -2).unflatten(-1, grid).cpu().numpy()
