"""An unfused float64 reference: attention worked out from a module's inputs and weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


class Reference:
    """While open, keeps the full probabilities (B, H, Q, K) of each pass at each site."""

    def __init__(self, denoiser: torch.nn.Module, names: list[str]) -> None:
        self.denoiser, self.names = denoiser, names
        self.passes: dict[str, list[torch.Tensor]] = {name: [] for name in names}
        self._handles: list[Any] = []

    def __enter__(self) -> Reference:
        for name in self.names:
            module = self.denoiser.get_submodule(name)

            def hook(attn: Any, args: tuple, kwargs: dict, name: str = name) -> None:
                hidden = (args[0] if args else kwargs["hidden_states"]).detach().double()
                text = kwargs["encoder_hidden_states"].detach().double()
                query = self._project(attn.to_q, hidden, attn.heads)
                key = self._project(attn.to_k, text, attn.heads)
                logits = query @ key.transpose(-1, -2) / query.shape[-1] ** 0.5
                self.passes[name].append(logits.softmax(-1))

            self._handles.append(module.register_forward_pre_hook(hook, with_kwargs=True))
        return self

    def __exit__(self, *_: object) -> None:
        for handle in self._handles:
            handle.remove()

    @staticmethod
    def _project(linear: Any, x: torch.Tensor, heads: int) -> torch.Tensor:
        out = x @ linear.weight.detach().double().T
        if linear.bias is not None:
            out = out + linear.bias.detach().double()
        return out.unflatten(-1, (heads, -1)).transpose(1, 2)
