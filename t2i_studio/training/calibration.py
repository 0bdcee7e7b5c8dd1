"""How much each term weighs: measured once, by the length of its gradient on what learns, before training [ours].

Raw terms have units of their own: without this an ablation compares units, not ideas.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import torch

from ..errors import StudioError

if TYPE_CHECKING:
    from .learner import Batch, Learner

SHARES = ("pixel", "semantic", "response")
"""Terms that move the model; `reconstruction` moves the autoencoder alone and keeps its weight."""


def calibrated(
    learner: Learner, parameters: Sequence[torch.nn.Parameter], batches: Sequence[Batch],
    gathered: Callable[[torch.Tensor], torch.Tensor] = lambda sums: sums,
) -> dict[str, float]:  # fmt: skip
    """Weights λ such that, at λ_t = 1, each term's gradient has its share of the diffusion loss's.

    Weights that the settings give are taken as they are. A term without any gradient in these batches gets 0,
    and a warning says so; the model card names all weights.

    Args:
        parameters: those that learn.
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
                    lengths[i] += _length(loss, parameters)
    lengths = gathered(lengths.to(learner.device)).cpu()
    for i, name in enumerate(open_terms, start=1):
        share = getattr(settings, f"{name}_share")
        found[name] = float(share * lengths[0] / lengths[i]) if lengths[i] > 0 else 0.0
        if share and not lengths[i] > 0:
            warnings.warn(f"The {name} term has no gradient in the first batches: its weight is 0.", stacklevel=2)
    return found


def _length(loss: torch.Tensor, parameters: Sequence[torch.nn.Parameter]) -> float:
    """Length of a loss's gradient. Lifted while it is worked out, for half precision would lose small ones.

    Raises:
        StudioError: it is not finite at any scale.
    """
    for power in (16, 8, 0):
        gradients = torch.autograd.grad(loss * 2.0**power, parameters, retain_graph=True, allow_unused=True)
        length = torch.stack([g.float().norm() for g in gradients if g is not None]).norm() / 2.0**power
        if bool(length.isfinite()):
            return float(length)
    raise StudioError("A term's gradient is not finite.", "Use bf16, or full precision.")
