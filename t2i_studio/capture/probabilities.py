"""Attention probabilities of chosen text columns, from queries and keys, exact and without the matrix.

`P[:, c] = exp(q·k_cᵀ·scale − lse)`: only the wanted columns and one number a row exist. Nor does the
gradient need the matrix: queries and keys get the columns' part here, the rest goes back through the
log-sum-exp, `dlse = −Σ_c P∘dP` a row.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch.autograd.function import once_differentiable

from ..families.fused import log_sum_exp, one_hot_probs, tells_log_sum
from ..families.log_sum import wide
from ..families.trust import doubted
from ..losses.picking import indices

SMALL = 160
"""Up to this many keys, all logits are cheaper than a second pass of a fused kernel."""


LOGITS, LOG_SUM, ORACLE = "all logits", "log-sum-exp", "one-hot oracle"
"""The ways in which columns are read; all give the same numbers."""


def way_of(query_BHQD: torch.Tensor, key_BHKD: torch.Tensor, log_sum_BHQ: torch.Tensor | None = None) -> str:
    """How `column_probs` reads them here: the oracle where nothing faster is known or believed."""
    if doubted(query_BHQD, key_BHKD):
        return ORACLE
    if log_sum_BHQ is None and key_BHKD.shape[2] <= SMALL:
        return LOGITS
    return LOG_SUM if log_sum_BHQ is not None or tells_log_sum(query_BHQD, key_BHKD) else ORACLE


def column_probs(
    query_BHQD: torch.Tensor,
    key_BHKD: torch.Tensor,
    columns: Sequence[Sequence[int]],
    *,
    log_sum_BHQ: torch.Tensor | None = None,
    within: Sequence[int] | None = None,
) -> torch.Tensor:
    """Probability that each query row puts on each group of columns.

    A group is the sum of its columns, so a word of several tokens counts whole (methods: a subject is
    the sum of its tokens).

    Args:
        query_BHQD: queries, any float dtype.
        key_BHKD: all keys that the softmax runs over.
        columns: N groups of indices of keys; an empty group gives zeros.
        log_sum_BHQ: log-sum-exp of the rows with its graph, where a kernel told it already.
        within: renormalised view: the softmax runs over these keys alone.

    Returns:
        float32 (float64 for float64) (B, H, Q, N) in [0, 1], with the graph of its inputs.
    """
    factor = query_BHQD.shape[-1] ** -0.5
    if within is not None:
        kept = sorted(set(within) | {c for group in columns for c in group})
        place = {c: i for i, c in enumerate(kept)}
        key_BHKD, log_sum_BHQ = _columns(key_BHKD, 2, kept), None
        columns = [[place[c] for c in group] for group in columns]
    way = way_of(query_BHQD, key_BHKD, log_sum_BHQ)
    if way == LOGITS:
        return _by_logits(query_BHQD, key_BHKD, columns, factor)
    if way == LOG_SUM and log_sum_BHQ is None:
        log_sum_BHQ = log_sum_exp(query_BHQD, key_BHKD, factor)
    if way == ORACLE or log_sum_BHQ is None:
        return wide(one_hot_probs(query_BHQD, key_BHKD, columns, factor))
    flat = [c for group in columns for c in group]
    probs: torch.Tensor = _ColumnProbs.apply(query_BHQD, key_BHKD, log_sum_BHQ, flat, factor)  # type: ignore[assignment]
    return _grouped(probs, columns)


def _by_logits(query: torch.Tensor, key: torch.Tensor, columns: Sequence[Sequence[int]], scale: float) -> torch.Tensor:
    logits_BHQK = (wide(query) * scale) @ wide(key).transpose(-1, -2)
    log_sum = logits_BHQK.logsumexp(-1, keepdim=True)
    flat = [c for group in columns for c in group]
    return _grouped((_columns(logits_BHQK, 3, flat) - log_sum).exp(), columns)


def _grouped(probs_BHQC: torch.Tensor, columns: Sequence[Sequence[int]]) -> torch.Tensor:
    parts = probs_BHQC.split([len(group) for group in columns], dim=-1)
    return torch.stack([part.sum(-1) for part in parts], dim=-1)


def _columns(values: torch.Tensor, axis: int, columns: Sequence[int]) -> torch.Tensor:
    return values.index_select(axis, indices(tuple(columns), values.device))


class _ColumnProbs(torch.autograd.Function):
    """Columns of a softmax whose log-sum-exp is known; see the module's docstring for the gradient."""

    @staticmethod
    def forward(
        ctx: Any, query: torch.Tensor, key: torch.Tensor, log_sum: torch.Tensor, columns: list[int], scale: float
    ) -> torch.Tensor:
        wanted = scale * wide(_columns(key, 2, columns))
        probs = (wide(query) @ wanted.transpose(-1, -2)).sub_(wide(log_sum)[..., None]).exp_()
        ctx.save_for_backward(query, key, probs)
        ctx.columns, ctx.scale = columns, scale
        return probs

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grad_outputs: torch.Tensor) -> tuple[torch.Tensor | None, ...]:  # type: ignore[override]
        (grad,) = grad_outputs
        query, key, probs = ctx.saved_tensors
        weighted_BHQC = probs * grad
        grad_query = weighted_BHQC @ (ctx.scale * wide(_columns(key, 2, ctx.columns)))
        part = weighted_BHQC.transpose(-1, -2) @ wide(query)  # (B, H, C, D)
        grad_key = torch.zeros_like(key)
        grad_key.index_add_(2, indices(tuple(ctx.columns), key.device), (ctx.scale * part).to(key.dtype))
        return grad_query.to(query.dtype), grad_key, -weighted_BHQC.sum(-1), None, None
