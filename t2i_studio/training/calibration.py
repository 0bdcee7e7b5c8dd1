"""How much each term weighs: measured once, by the length of its gradient on the LoRA, before training [ours].

Raw terms have units of their own: without this an ablation compares units, not ideas.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from .learner import Batch, Learner

SHARES = ("pixel", "semantic", "response")
"""Terms that move the LoRA; `reconstruction` moves the autoencoder alone and keeps its weight."""


def calibrated(
    learner: Learner, parameters: Sequence[torch.nn.Parameter], batches: Sequence[Batch],
    gathered: Callable[[torch.Tensor], torch.Tensor] = lambda sums: sums,
) -> dict[str, float]:  # fmt: skip
    """Weights λ such that, at λ_t = 1, each term's gradient has its share of the diffusion loss's.

    Weights that the settings give are taken as they are. A term without any gradient in these batches
    gets 0, and its log column shows it.

    Args:
        parameters: of the LoRA.
        gathered: sums a tensor over processes.
    """
    settings = learner.settings
    fixed = {name: getattr(settings, f"{name}_weight") for name in settings.terms}
    open_terms = [name for name in SHARES if name in settings.terms and fixed[name] is None]
    found = {name: float(value) for name, value in fixed.items() if value is not None}
    if not open_terms:
        return found
    names = ["diffusion", *open_terms]
    lengths = torch.zeros(len(names))
    for batch in batches:
        with learner.losses(batch) as losses:
            for i, name in enumerate(names):
                loss = losses[name].mean()
                if loss.requires_grad:
                    gradients = torch.autograd.grad(loss, parameters, retain_graph=True, allow_unused=True)
                    lengths[i] += float(torch.stack([g.float().norm() for g in gradients if g is not None]).norm())
    lengths = gathered(lengths.to(learner.device)).cpu()
    for i, name in enumerate(open_terms, start=1):
        share = getattr(settings, f"{name}_share")
        found[name] = float(share * lengths[0] / lengths[i]) if lengths[i] > 0 else 0.0
    return found
