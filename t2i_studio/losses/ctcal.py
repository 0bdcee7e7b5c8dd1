"""CTCal's terms (arXiv 2603.20741): a student's maps at much noise against a teacher's at little.

Maps are (B, N, Y, X) float, N subjects a sample; `present_BN` says which of them there are, for captions
name different numbers. Every term is worked out per subject, (B, N), with 0 where there is none; their mean
over the subjects of a sample is `per_sample`. The teacher's maps carry no graph.
"""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import nn

MARGIN = 0.1
"""τ as a share of the strongest subject's peak [ours]: probabilities differ by orders of magnitude among models."""
_LEAST = 1e-12


def mean_one(maps_BNYX: torch.Tensor) -> torch.Tensor:
    """Each map over its mean, so that terms don't depend on how much attention text gets at all [ours]."""
    return maps_BNYX / maps_BNYX.mean((-2, -1), keepdim=True).clamp_min(_LEAST)


def pixel(student_BNYX: torch.Tensor, teacher_BNYX: torch.Tensor) -> torch.Tensor:
    """`MSE(A_stu, A_tea)` of maps of mean 1: (B, N)."""
    return (mean_one(student_BNYX) - mean_one(teacher_BNYX)).square().mean((-2, -1))


def semantic(
    coder: MapCoder, student_BNYX: torch.Tensor, teacher_BNYX: torch.Tensor, train: bool = True
) -> torch.Tensor:
    """`MSE(E(A_stu), E(A_tea))`: (B, N). With `train=False` the encoder is held still here."""
    student, teacher = (coder.encode(mean_one(maps), train) for maps in (student_BNYX, teacher_BNYX))
    return (student - teacher).square().mean((-3, -2, -1))


def reconstruction(coder: MapCoder, teacher_BNYX: torch.Tensor) -> torch.Tensor:
    """`MSE(Dec(E(A_tea)), A_tea)`: (B, N). Trains the coder alone."""
    teacher = mean_one(teacher_BNYX)
    return (coder.decode(coder.encode(teacher), teacher.shape[-2:]) - teacher).square().mean((-2, -1))


def response(student_BNYX: torch.Tensor, present_BN: torch.Tensor, margin: float = MARGIN) -> torch.Tensor:
    """`ReLU(S − max A_i − τ)` with `S` the strongest subject's peak, held fixed, and `τ = margin·S`: (B, N).

    On raw probabilities: on maps of equal peaks it would be 0 always.
    """
    peaks_BN = student_BNYX.flatten(-2).amax(-1)
    strongest_B1 = peaks_BN.detach().masked_fill(~present_BN, 0).amax(-1, keepdim=True)
    return ((1 - margin) * strongest_B1 - peaks_BN).clamp_min(0).masked_fill(~present_BN, 0)


def per_sample(values_BN: torch.Tensor, present_BN: torch.Tensor) -> torch.Tensor:
    """`1/N Σ_i` over the subjects there are: (B,); 0 for a sample without any."""
    kept = torch.where(present_BN, values_BN, 0.0)
    return kept.sum(-1) / present_BN.sum(-1).clamp_min(1)


class MapCoder(nn.Module):
    """The small autoencoder over one map: three convolutions of stride 2, 1 → 16 → 32 → 64, mirrored [ours].

    Any grid works; 16×16 becomes 64 channels of 2×2.
    """

    def __init__(self, channels: tuple[int, ...] = (16, 32, 64)) -> None:
        super().__init__()
        widths = (1, *channels)
        self.down = nn.ModuleList(nn.Conv2d(a, b, 3, stride=2, padding=1) for a, b in pairwise(widths))
        self.up = nn.ModuleList(nn.Conv2d(a, b, 3, padding=1) for a, b in pairwise(widths[::-1]))

    def encode(self, maps_BNYX: torch.Tensor, train: bool = True) -> torch.Tensor:
        """(B, N, Y, X) → (B, N, C, y, x). With `train=False` gradients reach the maps, not the weights."""
        x = maps_BNYX.flatten(0, 1)[:, None]
        for i, layer in enumerate(self.down):
            weight, bias = (p if train else p.detach() for p in layer.parameters())
            x = F.conv2d(x, weight, bias, stride=2, padding=1)
            x = F.silu(x) if i + 1 < len(self.down) else x
        return x.unflatten(0, maps_BNYX.shape[:2])

    def decode(self, codes: torch.Tensor, size: tuple[int, int] | torch.Size) -> torch.Tensor:
        """(B, N, C, y, x) → (B, N, Y, X) of `size`."""
        x = codes.flatten(0, 1)
        sizes = [tuple(size)]
        for _ in self.up[1:]:
            sizes.append(tuple(-(-s // 2) for s in sizes[-1]))
        for i, layer in enumerate(self.up):
            x = layer(F.interpolate(x, sizes[len(self.up) - 1 - i], mode="nearest"))
            x = F.silu(x) if i + 1 < len(self.up) else x
        return x[:, 0].unflatten(0, codes.shape[:2])
