"""Attention probabilities of chosen text columns, from queries and keys. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence

import torch


def column_probs(query_BHQD: torch.Tensor, key_BHKD: torch.Tensor, columns: Sequence[Sequence[int]]) -> torch.Tensor:
    """Probability that each query row puts on each group of columns.

    The softmax runs over all K keys (padding included) in float32; a group is the sum of its
    columns, so a word of several tokens counts whole (methods: a subject is the sum of its tokens).

    Args:
        query_BHQD: queries, any float dtype.
        key_BHKD: keys of the text.
        columns: N groups of column indices; an empty group gives zeros.

    Returns:
        float32 (B, H, Q, N) in [0, 1], with the graph of its inputs.
    """
    scale = query_BHQD.shape[-1] ** -0.5
    logits_BHQK = (query_BHQD.float() * scale) @ key_BHKD.float().transpose(-1, -2)
    log_sum = logits_BHQK.logsumexp(-1, keepdim=True)
    flat = [c for group in columns for c in group]
    probs = (logits_BHQK[..., flat] - log_sum).exp()
    parts = probs.split([len(group) for group in columns], dim=-1)
    return torch.stack([part.sum(-1) for part in parts], dim=-1)
