"""Muon for the matrices, AdamW for everything else, as one optimizer with one state.

Muon (Jordan et al. 2024): the momentum of a weight matrix is brought near the closest orthogonal
matrix before it is applied, so that all its directions learn alike. Scaled to the size of AdamW's
updates (Liu et al. 2025, eq. 4), so that both share one learning rate. `torch.optim.Muon` computes in
bfloat16, which CPUs without such units emulate; this one computes in float32.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import nn

QUINTIC = (3.4445, -4.7750, 2.0315)
"""Coefficients of the Newton–Schulz step (Jordan et al. 2024)."""
NEWTON_STEPS = 5
NARROW, LONG = 32, 4
RMS = 0.2
"""Root mean square of AdamW's updates at learning rate 1, which Muon's are scaled to (Liu et al. 2025)."""


def orthogonalised(matrices: torch.Tensor) -> torch.Tensor:
    """float32 (B, Y, X) → the same with singular values near 1 (between about 0.7 and 1.2)."""
    a, b, c = QUINTIC
    tall = matrices.shape[-2] > matrices.shape[-1]
    x = (matrices.mT if tall else matrices) / (matrices.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(NEWTON_STEPS):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.mT if tall else x


def _turns(p: torch.Tensor) -> bool:
    if p.ndim < 2:
        return False
    rows, columns = p.flatten(1).shape
    return min(rows, columns) >= NARROW and (p.ndim > 2 or max(rows, columns) <= LONG * min(rows, columns))


class Muon(torch.optim.AdamW):
    """AdamW in which the groups that say `muon=True` hold matrices and take Muon's steps.

    Args:
        modules: what learns. Muon's are its matrices and convolutions (kernels flattened), but for
            embeddings, for what leads in or out of the model (a side shorter than `NARROW`), and for
            modulations (matrices with a side over `LONG` times the other).
        momentum: of Muon's, with Nesterov's look ahead.
        options: AdamW's; learning rate and weight decay hold for all.
    """

    def __init__(self, modules: Iterable[nn.Module], momentum: float = 0.95, **options: Any) -> None:
        self.momentum = momentum
        matrices, others = [], []
        for module in modules:
            looked_up = {id(part.weight) for part in module.modules() if isinstance(part, torch.nn.Embedding)}
            for p in filter(lambda p: p.requires_grad, module.parameters()):
                (others if id(p) in looked_up or not _turns(p) else matrices).append(p)
        super().__init__([{"params": others, "muon": False}, {"params": matrices, "muon": True}], **options)

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """One step; the gradients of matrices are used up by it."""
        for group in self.param_groups:
            alike: dict[torch.Size, list[torch.Tensor]] = {}
            for p in group["params"] if group["muon"] else ():
                if p.grad is not None:
                    alike.setdefault(p.flatten(1).shape, []).append(p)
            for matrices in alike.values():
                self._turn(matrices, group["lr"], group["weight_decay"])
        super().step()

    def _turn(self, matrices: list[torch.Tensor], rate: float, weight_decay: float) -> None:
        """Matrices of one shape, at once: on a GPU a few large products instead of thousands of small ones."""
        directions = []
        for p in matrices:
            assert p.grad is not None
            if p not in self.state:
                # AdamW reads `step` on loading.
                self.state[p] = {"momentum": torch.zeros_like(p), "step": torch.zeros(())}
            kept = self.state[p]["momentum"]
            kept.lerp_(p.grad, 1 - self.momentum)
            directions.append(p.grad.lerp(kept, self.momentum).flatten(1))
            p.grad = None  # AdamW, which steps next, leaves it alone
        turned = orthogonalised(torch.stack(directions))
        scale = -rate * RMS * max(turned.shape[-2:]) ** 0.5
        for p, direction in zip(matrices, turned, strict=True):
            p.mul_(1 - rate * weight_decay).add_(direction.view_as(p), alpha=scale)
