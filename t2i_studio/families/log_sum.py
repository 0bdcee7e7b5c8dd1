"""Gradients through a fused kernel's log-sum-exp: attention as a function that gives two things, not one.

With `dS = P∘(dO·Vᵀ − Δ + dL)`, where `L` is the log-sum-exp and `Δ` the row sum of `dO∘O`, the logits'
gradient differs from that of attention alone in one number a row. Kernels work `Δ` out from the output
that they are given: handed an output with `Δ − dL`, one and the same backward serves both. Where that is
not to be had (half precision would round it, other devices' kernels want states of their own), blocks of
rows of `P` are made and forgotten one after the other. The matrix exists nowhere.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.autograd.function import once_differentiable

BLOCK_ROWS = 512
BLOCK, BLOCK_CPU = 64_000_000, 2_500_000
"""Probabilities that exist at once; on a CPU they should stay in its cache."""
FAINT = 1e-24
"""An output gradient below this share of `dL` is raised to it: nothing that float32 could tell."""


def merges(query: torch.Tensor) -> bool:
    """Whether one backward of the kernel can serve output and log-sum-exp."""
    return query.device.type == "cpu" and query.dtype in (torch.float32, torch.float64)


class CpuAttention(torch.autograd.Function):
    """PyTorch's own fused attention on a CPU: output (B, H, Q, D) and log-sum-exp (B, H, Q), both with a graph."""

    @staticmethod
    def forward(
        ctx: Any, kernel: Any, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scale: float | None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        out, log_sum = kernel(query, key, value, scale)
        ctx.save_for_backward(query, key, value, out, log_sum)
        ctx.set_materialize_grads(False)
        ctx.scale = scale
        return out, log_sum

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: torch.Tensor | None) -> tuple[torch.Tensor | None, ...]:  # type: ignore[override]
        grad_out, grad_log_sum = grads
        query, key, value, out, log_sum = ctx.saved_tensors
        unused = grad_out is None
        if grad_out is None:
            if grad_log_sum is None:
                return None, None, None, None, None
            # With values of zero, dL is all that is left.
            grad_out, out, value = _first(out, -grad_log_sum), _first(out, 1.0), torch.zeros_like(value)
        elif grad_log_sum is not None:
            grad_out, out = _merged(grad_out, out, grad_log_sum)
        grad_query, grad_key, grad_value = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward(
            grad_out.contiguous(), query, key, value, out, log_sum, 0.0, False, scale=ctx.scale
        )
        return None, grad_query, grad_key, None if unused else grad_value, None


def _merged(grad_out: torch.Tensor, out: torch.Tensor, grad_log_sum: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The output's gradient, and an output whose products with it sum to `Δ − dL` in every row."""
    grad_1 = grad_log_sum[..., None]
    changed = grad_out.abs()
    place = changed.argmax(-1, keepdim=True)  # where dividing by it is safest
    changed.copy_(out)
    at = grad_out.gather(-1, place)
    least = (grad_1.abs() * FAINT).clamp_min(torch.finfo(out.dtype).tiny)
    faint = (at.abs() < least) & (grad_1 != 0)
    if bool(faint.any()):
        at = torch.where(faint, least, at)
        grad_out = grad_out.scatter(-1, place, at)
    share = torch.where(grad_1 == 0, torch.zeros_like(at), -grad_1 / at)
    return grad_out, changed.scatter_add_(-1, place, share)


def _first(like: torch.Tensor, value: torch.Tensor | float) -> torch.Tensor:
    """Zeros, but for the first entry of every row."""
    rows = torch.zeros_like(like)
    rows[..., 0] = value
    return rows


class LogSum(torch.autograd.Function):
    """A log-sum-exp (B, H, Q) that a kernel told without a graph, with one: its gradient by blocks of rows."""

    @staticmethod
    def forward(ctx: Any, query: torch.Tensor, key: torch.Tensor, log_sum: torch.Tensor, scale: float) -> torch.Tensor:
        ctx.save_for_backward(query, key, log_sum)
        ctx.scale = scale
        return log_sum.clone()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor | None, ...]:  # type: ignore[override]
        (grad,) = grads
        query, key, log_sum = ctx.saved_tensors
        mean_key, back = _pulled(query, key, log_sum, grad[..., None].to(wide(log_sum).dtype), ctx.scale)
        grad_query = ctx.scale * grad[..., None] * mean_key
        return grad_query.to(query.dtype), (ctx.scale * back).to(key.dtype), None, None


def _pulled(
    query: torch.Tensor, key: torch.Tensor, log_sum: torch.Tensor, row_BHQ1: torch.Tensor, scale: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """`P·k` and `Pᵀ·(r∘q)`, from blocks of rows of P."""
    batch_heads = query.shape[0] * query.shape[1]
    wide_key, queries = (wide(x).flatten(0, 1) for x in (key, query))  # (B·H, K or Q, D)
    offset, rows_ = -wide(log_sum).flatten(0, 1)[..., None], row_BHQ1.flatten(0, 1)
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


def wide(values: torch.Tensor) -> torch.Tensor:
    """float32, or float64 where it is that already."""
    return values if values.dtype == torch.float64 else values.float()
