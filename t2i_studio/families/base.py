"""What every model family offers. The rest of the studio sees models only through this.

A family knows how to load a pipeline, where its attention sites are, how to read probabilities at
one site, and how its tokenizers lay out columns. It keeps no state.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .checkpoints import TEXT_ENCODERS
from .pixels import decode_small, encode

if TYPE_CHECKING:
    from pathlib import Path

    import torch
    from diffusers import DiffusionPipeline
    from PIL import Image
    from torch import nn

    from ..types import Grid, Site


@dataclass(frozen=True)
class Attended:
    """What one site multiplied in one pass; the tensors still carry their graph."""

    query_BHQD: torch.Tensor
    "Image queries, row by row of the map."
    key_BHKD: torch.Tensor
    "All keys that the softmax runs over."
    first_text: int = 0
    "Index of the first text key: 0 in cross-attention, the number of image tokens in joint attention."
    log_sum_BHQ: torch.Tensor | None = None
    "Log-sum-exp of the rows, where the kernel told it."

    def rows(self, number: int) -> Attended:
        """The last `number` rows of the batch."""
        log_sum = None if self.log_sum_BHQ is None else self.log_sum_BHQ[-number:]
        return Attended(self.query_BHQD[-number:], self.key_BHKD[-number:], self.first_text, log_sum)


@dataclass(frozen=True)
class ColumnSet:
    """Columns of the text that one tokenizer fills."""

    name: str
    "`clip` or `t5`."
    tokenizer: Any
    start: int
    "Its first column among all text columns."
    num_columns: int
    "Padding included."


Sink = Callable[["Site", Attended], None]
"""Receives `(site, attended)` each time a site runs."""


class CapturingProcessor:
    """Takes the place of an attention processor: runs `original` and hands on what it multiplied.

    What calls look like differs by family: diffusers filters keyword arguments by the signature of
    `__call__`, so subclasses spell them out.
    """

    def __init__(self, original: Any, site: Site, sink: Sink) -> None:
        self.original = original
        self.site = site
        self.sink = sink


class Family(ABC):
    """One kind of diffusion model: its pipeline, its attention, its text columns."""

    name: str
    "Key in `FAMILIES`."
    joint_softmax = False
    "Whether the softmax over text runs over the picture too; losses then see each word's share among the words."

    @abstractmethod
    def matches(self, index: dict[str, Any]) -> bool:
        """Whether a diffusers folder with this `model_index.json` is of this family."""

    @abstractmethod
    def keeps(self, keys: Collection[str]) -> bool:
        """Whether a single `.safetensors` file with these names of tensors is a checkpoint of this family."""

    @abstractmethod
    def is_denoised_by(self, pipe: DiffusionPipeline) -> bool:
        """Whether a loaded pipeline of another name has this family's denoiser and text encoders."""

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
    def column_sets(self, pipe: DiffusionPipeline) -> tuple[ColumnSet, ...]:
        """The text's columns in order, one set a tokenizer. Columns that belong to none are padding."""

    @abstractmethod
    def text_inputs(self, pipe: DiffusionPipeline, prompts: Sequence[str], height: int, width: int) -> dict[str, Any]:
        """What the denoiser takes beside sample and timestep for these prompts, without guidance.

        Carries the text encoders' graph where autograd is on.

        Args:
            height, width: of the picture, pixels.
        """

    @abstractmethod
    def noised(self, pipe: DiffusionPipeline, latents: Any, noise: Any, timesteps: torch.Tensor) -> Any:
        """Clean latents (B, C, h, w) with noise of unit variance, at timesteps (B,), as in training."""

    @abstractmethod
    def target(self, pipe: DiffusionPipeline, latents: Any, noise: Any, timesteps: torch.Tensor) -> Any:
        """What the denoiser should predict there (B, C, h, w): noise, velocity or flow, as the model was trained."""

    @abstractmethod
    def draw_timesteps(self, pipe: DiffusionPipeline, number: int, generator: torch.Generator) -> torch.Tensor:
        """Timesteps (number,) on the CPU as the model's own training draws them."""

    @abstractmethod
    def draw_below(
        self, pipe: DiffusionPipeline, limits: torch.Tensor, cap: float, generator: torch.Generator
    ) -> torch.Tensor:
        """A teacher's timestep below each of `limits` (B,) and `cap` (a share of all), by the same law."""

    @abstractmethod
    def text_encoders(self, pipe: DiffusionPipeline) -> dict[str, nn.Module]:
        """Text encoders that a LoRA can be put on, by their names in the pipeline."""

    def all_text_encoders(self, pipe: DiffusionPipeline) -> dict[str, nn.Module]:
        """Every text encoder that the pipeline holds, by its name there."""
        found = {name: getattr(pipe, name, None) for name in TEXT_ENCODERS}
        return {name: encoder for name, encoder in found.items() if encoder is not None}

    denoiser_name = "unet"
    "Its name in the pipeline, and the prefix of its LoRA's keys."
    lora_targets: tuple[str, ...] = ("to_q", "to_k", "to_v", "to_out.0")
    "Linear layers of the denoiser's attention."
    text_lora_targets: tuple[str, ...] = ("q_proj", "k_proj", "v_proj", "out_proj")
    "Linear layers of the text encoders' self-attention."

    def predict(self, pipe: DiffusionPipeline, sample: Any, timesteps: torch.Tensor, text: dict[str, Any]) -> Any:
        """One pass of the denoiser (B, C, h, w); `text` is what `text_inputs` gave."""
        return self.denoiser(pipe)(sample, timestep=timesteps.to(sample.device), **text, return_dict=False)[0]

    @abstractmethod
    def last_timestep(self, pipe: DiffusionPipeline) -> float:
        """The timestep of the most noise; 0 is the least."""

    def timestep(self, value: float) -> float:
        """The nearest timestep that the denoiser was trained at."""
        return value

    def input_variance(self, pipe: DiffusionPipeline, timestep: Any) -> Any:
        """Variance of the denoiser's input at a timestep, for latents of unit variance."""
        return 1.0

    def encode_image(self, pipe: DiffusionPipeline, image: Image.Image) -> torch.Tensor:
        """Latents (1, C, h, w) of a picture, the autoencoder's most likely ones, scaled for the denoiser."""
        return encode(pipe, image)

    def call_options(self, pipe: DiffusionPipeline) -> dict[str, Any]:
        """What the pipeline must be called with beside what everybody gives."""
        return {}

    def latent_size(self, pipe: DiffusionPipeline, height: int, width: int) -> tuple[int, int]:
        """Rows and columns of the latents of a picture of `height` × `width` pixels."""
        return height // pipe.vae_scale_factor, width // pipe.vae_scale_factor

    def size_step(self, pipe: DiffusionPipeline) -> int:
        """Width and height of a picture must be multiples of this, pixels."""
        return int(pipe.vae_scale_factor)

    def decode_preview(self, pipe: DiffusionPipeline, latents: torch.Tensor) -> Any:
        """A quick, small picture of unfinished latents (first of the batch), as `PIL.Image`."""
        return decode_small(pipe, latents)
