"""Each term of the CTCal loss for every teacher and student of a probe, as the first step of a training has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from ..losses import MapCoder, pixel, reconstruction, response, semantic
from ..losses.geometry import pooled

if TYPE_CHECKING:
    import numpy as np

    from .probe import Probed


def fresh_coder(seed: int) -> MapCoder:
    """The autoencoder that a training with this seed starts from."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return MapCoder()


@torch.no_grad()
def every_term(probed: Probed, seed: int = 0) -> dict[str, np.ndarray]:
    """`pixel`, `semantic` (N, student, teacher), `reconstruction`, `response` (N, T): float32, unweighted."""
    maps_TNYX = pooled(torch.from_numpy(probed.main).float())  # as the loss sees them
    coder = fresh_coder(seed)
    many = len(maps_TNYX)
    pairs = [(maps_TNYX, maps_TNYX[t : t + 1].expand_as(maps_TNYX)) for t in range(many)]
    present = torch.ones(maps_TNYX.shape[:2], dtype=torch.bool)
    return {
        "pixel": torch.stack([pixel(*pair) for pair in pairs], -1).transpose(0, 1).numpy(),
        "semantic": torch.stack([semantic(coder, *pair) for pair in pairs], -1).transpose(0, 1).numpy(),
        "reconstruction": reconstruction(coder, maps_TNYX).T.numpy(),
        "response": response(maps_TNYX, present).T.numpy(),
    }
