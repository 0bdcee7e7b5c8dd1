"""Maps as distributions that should agree or differ: SynGen (arXiv 2306.08877, equations 2 to 5)."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from .geometry import EPSILON


def symmetric_kl(one_YX: torch.Tensor, other_YX: torch.Tensor) -> torch.Tensor:
    """`½ KL(p‖q) + ½ KL(q‖p)` of two maps, each divided by its sum."""
    p, q = ((m + EPSILON) / (m + EPSILON).sum() for m in (one_YX, other_YX))
    return 0.5 * ((p - q) * (p.log() - q.log())).sum()


def syngen(
    subjects_NYX: torch.Tensor, attributes: Sequence[tuple[int, torch.Tensor]], others_KYX: torch.Tensor
) -> torch.Tensor:
    """Nouns close to their own modifiers, both far from all words that are unrelated.

    `Σ_(m,n) F(A_m, A_n) − Σ_(m,n) 1/|U| Σ_u ½[F(A_m, A_u) + F(A_n, A_u)]`, F the symmetric KL. A noun
    without modifiers only stays away from what is not its own.

    Args:
        attributes: (index of the subject, map of one of its modifiers).
        others_KYX: maps of words that are neither a subject nor its modifier.
    """
    own: dict[int, list[torch.Tensor]] = {i: [] for i in range(len(subjects_NYX))}
    for index, map_YX in attributes:
        own[index].append(map_YX)
    total = subjects_NYX.sum() * 0
    for index, noun in enumerate(subjects_NYX):
        strangers = [*others_KYX, *(m for i, m in enumerate(subjects_NYX) if i != index)]
        strangers += [m for i, found in own.items() if i != index for m in found]
        for mine in own[index]:
            total = total + symmetric_kl(mine, noun)
        if strangers:
            members = [[mine, noun] for mine in own[index]] or [[noun]]
            for group in members:
                apart = [torch.stack([symmetric_kl(m, u) for m in group]).mean() for u in strangers]
                total = total - torch.stack(apart).mean()
    return total
