"""A quick, small picture of unfinished latents."""

from __future__ import annotations

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
    image = pipe.vae.decode(sample.to(pipe.vae.dtype), return_dict=False)[0]
    return pipe.image_processor.postprocess(image.float(), output_type="pil")[0]
