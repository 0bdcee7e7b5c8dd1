"""Fused attention that also tells the log-sum-exp of its rows, so that no matrix has to exist.

With `lse`, the probabilities of any columns are `exp(q·kᵀ·scale − lse)`. PyTorch's kernels compute it
anyway and hand it out; `log_sum` gives it a gradient. Each kind of kernel is checked once against a plain
computation before it is trusted; what is unknown or wrong gives no `lse`, and `one_hot_probs` stands in:
slower, everywhere.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F

from .log_sum import CpuAttention, LogSum, merges
from .trust import choice_of, doubted

_CHECK_TOLERANCE = {torch.float64: 1e-9, torch.float32: 1e-4}
_trusted: dict[tuple[str, torch.dtype, int], bool] = {}
"""(device type, dtype, kernel) → whether its log-sum-exp agreed with a plain one."""


def attention_with_lse(
    query_BHQD: torch.Tensor, key_BHKD: torch.Tensor, value_BHKD: torch.Tensor, scale: float | None = None
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """`F.scaled_dot_product_attention` by the very kernel it would choose, and its log-sum-exp.

    Returns:
        Output (B, H, Q, D), and the rows' log-sum-exp (B, H, Q), both with the graph of their inputs;
        None instead of the second where the kernel does not tell it or told it wrong.
    """
    choice = choice_of(query_BHQD, key_BHKD, value_BHKD, scale)
    kernel = _kernel(query_BHQD.device.type, choice)
    if kernel is None or not _is_trusted(query_BHQD, choice) or doubted(query_BHQD, key_BHKD):
        return F.scaled_dot_product_attention(query_BHQD, key_BHKD, value_BHKD, scale=scale), None
    return _both(kernel, query_BHQD, key_BHKD, value_BHKD, scale)


def _both(
    kernel: Any, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scale: float | None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Output and log-sum-exp of a kernel, with gradients where they are wanted."""
    wanted = torch.is_grad_enabled() and (query.requires_grad or key.requires_grad or value.requires_grad)
    if wanted and merges(query):
        return CpuAttention.apply(kernel, query, key, value, scale)  # type: ignore[return-value]
    out, told = kernel(query, key, value, scale)
    lse = told[..., : query.shape[2]].detach()
    if wanted:
        lse = LogSum.apply(query, key, lse, query.shape[-1] ** -0.5 if scale is None else scale)
    return out, lse  # type: ignore[return-value]


def log_sum_exp(query_BHQD: torch.Tensor, key_BHKD: torch.Tensor, scale: float) -> torch.Tensor | None:
    """Log-sum-exp of the rows (B, H, Q), with the graph of its inputs; None where no kernel tells it."""
    return attention_with_lse(query_BHQD, key_BHKD, key_BHKD, scale)[1]


def tells_log_sum(query_BHQD: torch.Tensor, key_BHKD: torch.Tensor) -> bool:
    """Whether `log_sum_exp` has an answer for these."""
    choice = choice_of(query_BHQD, key_BHKD, key_BHKD)
    kernel = _kernel(query_BHQD.device.type, choice)
    return kernel is not None and _is_trusted(query_BHQD, choice) and not doubted(query_BHQD, key_BHKD)


def one_hot_probs(
    query_BHQD: torch.Tensor, key_BHKD: torch.Tensor, columns: Sequence[Sequence[int]], scale: float
) -> torch.Tensor:
    """Probabilities (B, H, Q, N) of groups of columns by attention on one-hot values: the portable oracle.

    Any backend, with its own gradient, never the full matrix; costs one more attention.
    """
    batch, heads, num_keys, depth = key_BHKD.shape
    parts = []
    for start in range(0, len(columns), depth):  # kernels want values as wide as queries
        values = query_BHQD.new_zeros(num_keys, depth)
        for i, group in enumerate(columns[start : start + depth]):
            values[list(group), i] = 1.0
        expanded = values.expand(batch, heads, num_keys, depth)
        out = F.scaled_dot_product_attention(query_BHQD, key_BHKD, expanded, scale=scale)
        parts.append(out[..., : len(columns[start : start + depth])])
    return torch.cat(parts, dim=-1)


def _kernel(device: str, choice: int) -> Any:
    """The operator behind PyTorch's choice (1 flash, 2 memory-efficient), or None."""
    aten = torch.ops.aten
    if device == "cpu" and choice == 1:
        return lambda q, k, v, scale: aten._scaled_dot_product_flash_attention_for_cpu(q, k, v, scale=scale)
    if device == "cuda" and choice == 1:
        return lambda q, k, v, scale: aten._scaled_dot_product_flash_attention(q, k, v, scale=scale)[:2]
    if device == "cuda" and choice == 2:
        return lambda q, k, v, scale: aten._scaled_dot_product_efficient_attention(q, k, v, None, True, scale=scale)[:2]
    return None


def _is_trusted(query: torch.Tensor, choice: int) -> bool:
    key = (query.device.type, query.dtype, choice)
    if key not in _trusted:
        _trusted[key] = _agrees(query, choice)
        if not _trusted[key]:
            warnings.warn(
                f"The attention kernel for {query.dtype} on {query.device.type} tells no usable log-sum-exp: "
                "maps are recorded by a slower, portable way.",
                stacklevel=2,
            )
    return _trusted[key]


def _agrees(query: torch.Tensor, choice: int) -> bool:
    """Compare the kernel and its gradients with a float64 computation on small random numbers."""
    generator = torch.Generator().manual_seed(0)
    with torch.inference_mode(False), torch.enable_grad():
        q, k, v = (torch.randn(1, 2, n, query.shape[-1], generator=generator) for n in (70, 90, 90))
        own = [x.to(query.device, query.dtype).requires_grad_() for x in (q, k, v)]
        true = [x.detach().double().requires_grad_() for x in own]
        try:
            got = _both(_kernel(query.device.type, choice), own[0], own[1], own[2], None)
        except RuntimeError:
            return False
        logits = true[0] @ true[1].transpose(-1, -2) * query.shape[-1] ** -0.5
        wanted = logits.softmax(-1) @ true[2], logits.logsumexp(-1)
        grads = [torch.autograd.grad((a.double().sin() + b.double().sin()[..., None]).sum(), inputs)
                 for (a, b), inputs in ((got, own), (wanted, true))]  # fmt: skip
    near = _CHECK_TOLERANCE.get(query.dtype, 2e-2)
    pairs = [(got[1], wanted[1], near), (got[0], wanted[0], max(near, 1e-3))]
    pairs += [(one, other, 10 * near) for one, other in zip(*grads, strict=True)]
    return all(torch.allclose(one.double(), other, atol=loose, rtol=near) for one, other, loose in pairs)
