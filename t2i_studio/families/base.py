"""What every model family offers. The rest of the studio sees models only through this.

A family knows how to load a pipeline, where its attention sites are, how to read probabilities at
one site, and how its tokenizers lay out columns. It keeps no state.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    import torch
    from diffusers import DiffusionPipeline
    from torch import nn

    from ..types import Grid, Site

Sink = Callable[["Site", "torch.Tensor", "torch.Tensor"], None]
"""Receives `(site, query_BHQD, key_BHKD)` each time a site runs; both still carry their graph."""


class Family(ABC):
    """One kind of diffusion model: its pipeline, its attention, its text columns."""

    name: str
    "Key in `FAMILIES`."

    @abstractmethod
    def matches(self, index: dict[str, Any]) -> bool:
        """Whether a diffusers folder with this `model_index.json` is of this family."""

    @abstractmethod
    def load(self, source: Path | str, dtype: torch.dtype) -> DiffusionPipeline:
        """Load a folder, hub id or `.safetensors` file.

        Raises:
            ModelNotFound, ModelBroken, UnsafeCheckpoint: see `errors`.
        """

    @abstractmethod
    def tiny(self, seed: int = 0) -> DiffusionPipeline:
        """A pipeline of the true classes with random weights, small enough for tests."""

    @abstractmethod
    def denoiser(self, pipe: DiffusionPipeline) -> nn.Module:
        """The module that is called once a step."""

    @abstractmethod
    def sites(self, denoiser: nn.Module, height: int, width: int) -> tuple[Site, ...]:
        """All text-attention sites in order of execution, with their grids.

        Args:
            height, width: of the latents.
        """

    @abstractmethod
    def loss_grid(self, denoiser: nn.Module, height: int, width: int) -> Grid:
        """The grid that losses and first views use, at latents of this size."""

    @abstractmethod
    def default_sites(self, denoiser: nn.Module, height: int, width: int) -> tuple[Site, ...]:
        """The sites of the loss grid."""

    @abstractmethod
    def processor(self, original: Any, site: Site, sink: Sink) -> Any:
        """A processor that does what `original` does and hands queries and keys to `sink`.

        Raises:
            CaptureError: `original` is of a kind whose attention can't be read.
        """

    @abstractmethod
    def tokenizers(self, pipe: DiffusionPipeline) -> dict[str, Any]:
        """Column sets by name (`clip`, `t5`), each with its tokenizer."""

    @abstractmethod
    def latent_size(self, pipe: DiffusionPipeline, height: int, width: int) -> tuple[int, int]:
        """Rows and columns of the latents of a picture of `height` × `width` pixels."""

    @abstractmethod
    def decode_preview(self, pipe: DiffusionPipeline, latents: torch.Tensor) -> Any:
        """A quick, small picture of unfinished latents (first of the batch), as `PIL.Image`."""
