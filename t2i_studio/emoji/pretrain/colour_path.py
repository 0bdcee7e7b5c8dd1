"""Start of the autoencoder: the residual stream carries the picture's colours from the first step.

With diffusers' own start, group norms make colours the last thing to be learnt. Here channels 0–2 of
every stage carry red, green, blue and channels 3–5 their negatives, pooled and repeated; all residual
branches start at zero. The pair is exact through the last nonlinearity: silu(x) − silu(−x) = x.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:
    from diffusers import AutoencoderKL

_CARRIED = 6
_LOG_VARIANCE = -4.0


@torch.no_grad()
def carry_colours(vae: AutoencoderKL) -> None:
    """Change the weights of an untrained f8 `AutoencoderKL` in place."""
    for part in (vae.encoder, vae.decoder):
        for name, module in part.named_modules():
            if name.endswith("conv2"):
                nn.init.zeros_(module.weight)
                nn.init.zeros_(module.bias)
            elif name.endswith("conv_shortcut"):
                _carry(module, {(0, 0): 1.0})
            elif "downsamplers" in name and isinstance(module, nn.Conv2d):
                _carry(module, {(0, 0): 0.25, (0, 1): 0.25, (1, 0): 0.25, (1, 1): 0.25})
            elif "upsamplers" in name and isinstance(module, nn.Conv2d):
                _carry(module, {(1, 1): 1.0})
    _split_signs(vae.encoder.conv_in)
    _split_signs(vae.decoder.conv_in)
    _join_signs(vae.encoder.conv_out)
    _join_signs(vae.decoder.conv_out)
    half = vae.encoder.conv_out.out_channels // 2
    nn.init.zeros_(vae.encoder.conv_out.weight[half:])
    vae.encoder.conv_out.bias[half:] = _LOG_VARIANCE
    for conv in (vae.quant_conv, vae.post_quant_conv):
        nn.init.eye_(conv.weight[..., 0, 0])
        nn.init.zeros_(conv.bias)


def _carry(conv: nn.Conv2d, taps: dict[tuple[int, int], float]) -> None:
    conv.weight[:_CARRIED] = 0
    conv.bias[:_CARRIED] = 0
    for (y, x), value in taps.items():
        for channel in range(_CARRIED):
            conv.weight[channel, channel, y, x] = value


def _split_signs(conv: nn.Conv2d) -> None:
    conv.weight[:_CARRIED] = 0
    conv.bias[:_CARRIED] = 0
    for channel in range(3):
        conv.weight[channel, channel, 1, 1] = 1.0
        conv.weight[channel + 3, channel, 1, 1] = -1.0


def _join_signs(conv: nn.Conv2d) -> None:
    conv.weight[:3] = 0
    conv.bias[:3] = 0
    for channel in range(3):
        conv.weight[channel, channel, 1, 1] = 1.0
        conv.weight[channel, channel + 3, 1, 1] = -1.0
