"""An unfused float64 reference: attention worked out from a module's inputs and weights.

Written from the equations of cross-attention and of joint attention (MM-DiT), module by module, so
that it shares nothing with the capture it checks.
"""

from __future__ import annotations

from typing import Any

import torch


class Reference:
    """While open, keeps each pass's full probabilities (B, H, image queries, text columns) at each site.

    Args:
        within: renormalise over these text columns.
    """

    def __init__(self, denoiser: torch.nn.Module, names: list[str], within: list[int] | None = None) -> None:
        self.denoiser, self.names, self.within = denoiser, names, within
        self.passes: dict[str, list[torch.Tensor]] = {name: [] for name in names}
        self._handles: list[Any] = []

    def __enter__(self) -> Reference:
        for name in self.names:
            module = self.denoiser.get_submodule(name)

            def hook(attn: Any, args: tuple, kwargs: dict, name: str = name) -> None:
                hidden = (args[0] if args else kwargs["hidden_states"]).detach().double()
                text = kwargs["encoder_hidden_states"].detach().double()
                self.passes[name].append(self._text_block(attn, hidden, text))

            self._handles.append(module.register_forward_pre_hook(hook, with_kwargs=True))
        return self

    def __exit__(self, *_: object) -> None:
        for handle in self._handles:
            handle.remove()

    def _text_block(self, attn: Any, hidden: torch.Tensor, text: torch.Tensor) -> torch.Tensor:
        joint = getattr(attn, "add_k_proj", None) is not None
        query = _normed(attn.norm_q, _projected(attn.to_q, hidden, attn.heads))
        if joint:
            image = _normed(attn.norm_k, _projected(attn.to_k, hidden, attn.heads))
            words = _normed(attn.norm_added_k, _projected(attn.add_k_proj, text, attn.heads))
            keys = torch.cat([image, words], dim=2)
            logits = query @ keys.transpose(-1, -2) / query.shape[-1] ** 0.5
            first = image.shape[2]
        else:
            words = _normed(attn.norm_k, _projected(attn.to_k, text, attn.heads))
            logits, first = query @ words.transpose(-1, -2) / query.shape[-1] ** 0.5, 0
        if self.within is None:
            return logits.softmax(-1)[..., first:]
        kept = [first + column for column in self.within]
        out = logits.new_zeros(*logits.shape[:-1], text.shape[1])
        out[..., self.within] = logits[..., kept].softmax(-1)
        return out


def _projected(linear: Any, x: torch.Tensor, heads: int) -> torch.Tensor:
    out = x @ linear.weight.detach().double().T
    if linear.bias is not None:
        out = out + linear.bias.detach().double()
    return out.unflatten(-1, (heads, -1)).transpose(1, 2)


def _normed(norm: Any, x: torch.Tensor) -> torch.Tensor:
    """Root-mean-square norm with its gain, as queries and keys of SD 3.5 have."""
    if norm is None:
        return x
    return x * (x.square().mean(-1, keepdim=True) + norm.eps).rsqrt() * norm.weight.detach().double()
