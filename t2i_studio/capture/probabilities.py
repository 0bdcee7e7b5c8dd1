"""Attention probabilities of chosen text columns, from queries and keys, exact and without the matrix.

`P[:, c] = exp(q·k_cᵀ·scale − lse)`: only the wanted columns and one number a row exist. The gradient
needs no matrix either: with `r = Σ_c P∘dP` a row, `dQ` is the columns' part less `r·(P·k)`, and `dK` the
columns' part less `Pᵀ·(r∘q)`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch.autograd.function import once_differentiable

from ..families.fused import log_sum_exp, one_hot_probs

SMALL = 160
"""Up to this many keys, all logits are cheaper than a second pass of a fused kernel."""
BLOCK_ROWS = 512
BLOCK, BLOCK_CPU = 64_000_000, 2_500_000
"""Probabilities that exist at once during a backward pass; on a CPU they should stay in its cache."""


def column_probs(
    query_BHQD: torch.Tensor,
    key_BHKD: torch.Tensor,
    columns: Sequence[Sequence[int]],
    *,
    log_sum_BHQ: torch.Tensor | None = None,
    within: Sequence[int] | None = None,
    scale: float | None = None,
) -> torch.Tensor:
    """Probability that each query row puts on each group of columns.

    A group is the sum of its columns, so a word of several tokens counts whole (methods: a subject is
    the sum of its tokens).

    Args:
        query_BHQD: queries, any float dtype.
        key_BHKD: all keys that the softmax runs over.
        columns: N groups of indices of keys; an empty group gives zeros.
        log_sum_BHQ: log-sum-exp of the rows, where a kernel told it already.
        within: renormalised view: the softmax runs over these keys alone.
        scale: of the logits; default `D ** -0.5`.

    Returns:
        float32 (float64 for float64) (B, H, Q, N) in [0, 1], with the graph of its inputs.
    """
    factor = query_BHQD.shape[-1] ** -0.5 if scale is None else scale
    if within is not None:
        kept = sorted(set(within) | {c for group in columns for c in group})
        place = {c: i for i, c in enumerate(kept)}
        key_BHKD, log_sum_BHQ = key_BHKD[:, :, kept], None
        columns = [[place[c] for c in group] for group in columns]
    if log_sum_BHQ is None and key_BHKD.shape[2] <= SMALL:
        return _by_logits(query_BHQD, key_BHKD, columns, factor)
    if log_sum_BHQ is None:
        log_sum_BHQ = log_sum_exp(query_BHQD, key_BHKD, factor)
    if log_sum_BHQ is None:
        return _wide(one_hot_probs(query_BHQD, key_BHKD, columns, factor))
    flat = [c for group in columns for c in group]
    probs: torch.Tensor = _ColumnProbs.apply(query_BHQD, key_BHKD, log_sum_BHQ, flat, factor)  # type: ignore[assignment]
    return _grouped(probs, columns)


def _by_logits(query: torch.Tensor, key: torch.Tensor, columns: Sequence[Sequence[int]], scale: float) -> torch.Tensor:
    logits_BHQK = (_wide(query) * scale) @ _wide(key).transpose(-1, -2)
    log_sum = logits_BHQK.logsumexp(-1, keepdim=True)
    flat = [c for group in columns for c in group]
    return _grouped((logits_BHQK[..., flat] - log_sum).exp(), columns)


def _grouped(probs_BHQC: torch.Tensor, columns: Sequence[Sequence[int]]) -> torch.Tensor:
    parts = probs_BHQC.split([len(group) for group in columns], dim=-1)
    return torch.stack([part.sum(-1) for part in parts], dim=-1)


def _wide(values: torch.Tensor) -> torch.Tensor:
    return values if values.dtype == torch.float64 else values.float()


class _ColumnProbs(torch.autograd.Function):
    """Columns of a softmax whose log-sum-exp is known; see the module's docstring for the gradient."""

    @staticmethod
    def forward(
        ctx: Any, query: torch.Tensor, key: torch.Tensor, log_sum: torch.Tensor, columns: list[int], scale: float
    ) -> torch.Tensor:
        wanted = key[:, :, columns]
        logits = (_wide(query) * scale) @ _wide(wanted).transpose(-1, -2)
        probs = (logits - _wide(log_sum)[..., None]).exp()
        ctx.save_for_backward(query, key, log_sum, probs)
        ctx.columns, ctx.scale = columns, scale
        return probs

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grad_outputs: torch.Tensor) -> tuple[torch.Tensor | None, ...]:  # type: ignore[override]
        (grad,) = grad_outputs
        query, key, log_sum, probs = ctx.saved_tensors
        weighted_BHQC = probs * grad
        row_BHQ1 = weighted_BHQC.sum(-1, keepdim=True)
        mean_key, back = _pulled(query, key, log_sum, row_BHQ1, ctx.scale)
        grad_query = weighted_BHQC @ _wide(key[:, :, ctx.columns]) - row_BHQ1 * mean_key
        grad_key = -back
        part = weighted_BHQC.transpose(-1, -2) @ _wide(query)  # (B, H, C, D)
        grad_key.index_add_(2, torch.tensor(ctx.columns, device=key.device), part)
        return (ctx.scale * grad_query).to(query.dtype), (ctx.scale * grad_key).to(key.dtype), None, None, None


def _pulled(
    query: torch.Tensor, key: torch.Tensor, log_sum: torch.Tensor, row_BHQ1: torch.Tensor, scale: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """`P·k` and `Pᵀ·(r∘q)`, from blocks of rows of P that are made and forgotten one after the other.

    Cheaper than a second fused forward and backward, whose other results would be thrown away.
    """
    batch_heads = query.shape[0] * query.shape[1]
    wide_key, queries = (_wide(x).flatten(0, 1) for x in (key, query))  # (B·H, K or Q, D)
    offset, rows_ = -_wide(log_sum).flatten(0, 1)[..., None], row_BHQ1.flatten(0, 1)
    mean_key, back = torch.empty_like(queries), torch.zeros_like(wide_key)
    budget = BLOCK_CPU if key.device.type == "cpu" else BLOCK
    together = max(1, budget // (BLOCK_ROWS * key.shape[2]))
    for first in range(0, batch_heads, together):
        heads = slice(first, first + together)
        transposed = wide_key[heads].transpose(-1, -2)
        for start in range(0, queries.shape[1], BLOCK_ROWS):
            part = slice(start, start + BLOCK_ROWS)
            block = queries[heads, part]
            probs = torch.baddbmm(offset[heads, part], block, transposed, alpha=scale).exp_()  # (heads, rows, K)
            mean_key[heads, part] = probs @ wide_key[heads]
            back[heads].baddbmm_(probs.transpose(-1, -2), rows_[heads, part] * block)
    return mean_key.view(query.shape), back.view(key.shape)
