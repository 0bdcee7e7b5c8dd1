"""Between pixels and latents: a picture encoded, unfinished latents as a quick, small picture."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F

MOST_ROWS = 32


@torch.no_grad()
def decode_small(pipe: Any, latents: torch.Tensor) -> Any:
    """Decode the first of the batch, pooled to at most 32 rows: cheap at any size. Returns `PIL.Image`."""
    sample = latents[:1].detach()
    factor = -(-max(sample.shape[-2:]) // MOST_ROWS)
    if factor > 1:
        sample = F.avg_pool2d(sample.float(), factor, ceil_mode=True).to(sample.dtype)
    config = pipe.vae.config
    sample = sample / config.scaling_factor + (config.get("shift_factor") or 0.0)
    with _safe_dtype(pipe):
        image = pipe.vae.decode(sample.to(pipe.vae.dtype), return_dict=False)[0]
    return pipe.image_processor.postprocess(image.float(), output_type="pil")[0]


@torch.no_grad()
def encode(pipe: Any, image: Any) -> torch.Tensor:
    """Latents (1, C, h, w) of a `PIL.Image` at its own size: the mode, scaled and shifted, in the denoiser's dtype."""
    pixels = pipe.image_processor.preprocess(image.convert("RGB"))
    config = pipe.vae.config
    dtype = pipe.vae.dtype
    with _safe_dtype(pipe):
        latents = pipe.vae.encode(pixels.to(pipe._execution_device, pipe.vae.dtype)).latent_dist.mode()
    latents = (latents.float() - (config.get("shift_factor") or 0.0)) * config.scaling_factor
    return latents.to(dtype)


@contextmanager
def _safe_dtype(pipe: Any) -> Iterator[None]:
    """The autoencoder of SDXL overflows in float16: it is lifted to float32 for the moment."""
    own = pipe.vae.dtype
    lift = own == torch.float16 and pipe.vae.config.get("force_upcast")
    if lift:
        pipe.vae.to(torch.float32)
    try:
        yield
    finally:
        if lift:
            pipe.vae.to(own)
