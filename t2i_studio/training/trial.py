"""One fixed prediction of a pipeline: by it files are known that change nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from ..families import Family


@torch.no_grad()
def predicted(pipe: Any, family: Family) -> torch.Tensor:
    """What the denoiser says of one fixed noise, timestep and caption: float32, (1, C, h, w)."""
    generator = torch.Generator("cpu").manual_seed(0)
    denoiser: Any = family.denoiser(pipe)
    side = int(denoiser.config.sample_size)
    channels = int(pipe.vae.config.latent_channels)
    sample = torch.randn((1, channels, side, side), generator=generator).to(denoiser.device, denoiser.dtype)
    at = torch.tensor([family.timestep(family.last_timestep(pipe) / 2)])
    pixels = side * int(pipe.vae_scale_factor)
    return family.predict(pipe, sample, at, family.text_inputs(pipe, ["a cat and a dog"], pixels, pixels)).float()
