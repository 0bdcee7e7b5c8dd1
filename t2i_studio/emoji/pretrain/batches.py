"""The batches of a pre-training on encoded scenes: from the pool on disk, or from a GPU's own memory.

On a GPU nothing of a step may wait for the host: latents, labels and tokenized captions lie there, and more are taken
over while another process encodes them (`python -m t2i_studio.emoji.pretrain scenes`). A step there repeats only once
all scenes are encoded: until then what it can draw from depends on the clock.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

import torch

from .latents import EMPTY_CAPTIONS, LABELS, SHAPE

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

    from .latents import LatentPool

    Tokens = dict[str, torch.Tensor]

FIRST_SCENES = 8_192
"""A training on a GPU waits until so many are encoded."""
REFRESH_STEPS = 50


class Batch(NamedTuple):
    """Encoded scenes, all on one device."""

    latents: torch.Tensor
    "float32 (B, 8, 16, 16)."
    labels: torch.Tensor
    "uint8 (B, 3, 16, 16)."
    tokens: dict[str, torch.Tensor]
    "Of each tokenizer: int64 (B, K)."


class Batches:
    """Draws batches.

    Args:
        tokens: captions → of each tokenizer, int64 (B, K).
        device: on another device than the CPU, `shelf` scenes lie in its memory.
    """

    def __init__(
        self,
        pool: LatentPool,
        tokens: Callable[[list[str]], Tokens],
        size: int,
        device: torch.device,
        shelf: int = 0,
    ) -> None:
        self.pool, self.tokens, self.size, self.device = pool, tokens, size, device
        self._shelf = None if device.type == "cpu" else _Shelf(pool, tokens, device, min(shelf, pool.capacity))

    def draw(self, rng: np.random.Generator, generator: torch.Generator, step: int) -> Batch:
        """The batch of a step, a tenth of its captions empty."""
        if self._shelf is not None:
            return self._shelf.draw(generator, step, self.size)
        latents, labels, captions = self.pool.draw(rng, step, self.size)
        return Batch(latents, labels, self.tokens(captions))


class _Shelf:
    """Scenes 0 … filled − 1 of a pool in a device's memory."""

    def __init__(
        self, pool: LatentPool, tokens: Callable[[list[str]], Tokens], device: torch.device, number: int
    ) -> None:
        self._pool, self._tokenized, self._device, self._number = pool, tokens, device, number
        self._latents = torch.empty((number, *SHAPE), dtype=torch.float16, device=device)
        self._labels = torch.empty((number, *LABELS), dtype=torch.uint8, device=device)
        self._empty = {name: ids.to(device) for name, ids in tokens([""]).items()}
        self._tokens = {
            name: torch.empty((number, ids.shape[1]), dtype=torch.int16, device=device)
            for name, ids in self._empty.items()
        }
        self._filled = 0
        while self._filled < min(FIRST_SCENES, number):
            self._refresh()
            time.sleep(0.5)

    def draw(self, generator: torch.Generator, step: int, size: int) -> Batch:
        if step % REFRESH_STEPS == 0:
            self._refresh()
        chosen = torch.randint(0, self._filled, (size,), generator=generator, device=self._device)
        silent = torch.rand(size, 1, generator=generator, device=self._device) < EMPTY_CAPTIONS
        tokens = {
            name: torch.where(silent, self._empty[name], ids[chosen].long()) for name, ids in self._tokens.items()
        }
        return Batch(self._latents[chosen].float(), self._labels[chosen], tokens)

    def _refresh(self) -> None:
        """Take over what was encoded since."""
        ready = min(self._number, self._pool.num_ready(self._filled))
        if ready == self._filled:
            return
        new = slice(self._filled, ready)
        latents, labels, captions = self._pool.batch(new)
        self._latents[new], self._labels[new] = latents.to(self._device), labels.to(self._device)
        for name, ids in self._tokenized(captions).items():
            self._tokens[name][new] = ids.to(self._device, torch.int16)
        self._filled = ready
