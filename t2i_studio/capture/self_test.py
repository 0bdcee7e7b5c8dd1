"""Is what we record right on this device? Captured columns against an oracle, a gradient against autograd.

Run by `t2i-studio doctor --self-test`. It is how devices and kernels that we do not have are kept honest.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from ..families.base import Attended
from ..families.fused import one_hot_probs
from .probabilities import column_probs

if TYPE_CHECKING:
    from ..families import Family
    from ..types import Site

NUM_COLUMNS = 4
ROWS = 512
"""Rows of the float64 comparison: enough to see an error, few enough for any memory."""
TOLERANCE = {torch.float64: 1e-9, torch.float32: 1e-5, torch.float16: 2e-3, torch.bfloat16: 1e-2}
"""Largest difference of a probability that the dtype of queries and keys explains."""
GRADIENT_TOLERANCE = 50
"""Times the above, relative to the largest entry of the gradient."""


@dataclass(frozen=True)
class Check:
    """One site: largest differences of probabilities and of gradients."""

    site: str
    dtype: str
    num_keys: int
    exact: float
    "Against float64 attention worked out in full, on some rows."
    oracle: float
    "Against fused attention on one-hot values, all rows."
    gradient: float
    "Against autograd through the oracle, relative to its largest entry."
    passed: bool


def self_test(pipe: Any, family: Family, height: int, width: int) -> list[Check]:
    """Run one step of a pipeline at a size, and check every default site."""
    denoiser = family.denoiser(pipe)
    sites = family.default_sites(denoiser, *family.latent_size(pipe, height, width))
    heard: dict[str, Attended] = {}
    with _listening(denoiser, family, sites, heard), torch.no_grad():
        pipe(
            "a cat and a dog", num_inference_steps=1, height=height, width=width, output_type="latent",
            generator=torch.Generator().manual_seed(0),
        )  # fmt: skip
    return [_check(site.name, heard[site.name].rows(1)) for site in sites]


def _check(site: str, seen: Attended) -> Check:
    query, key = seen.query_BHQD.detach(), seen.key_BHKD.detach()
    columns = [(seen.first_text + c,) for c in range(NUM_COLUMNS)]
    scale = query.shape[-1] ** -0.5
    got = column_probs(query, key, columns, log_sum_BHQ=seen.log_sum_BHQ)
    some = query[:, :, :ROWS].double()
    logits = some @ key.double().transpose(-1, -2) * scale
    exact = logits.softmax(-1)[..., [c for (c,) in columns]]
    oracle = one_hot_probs(query, key, columns, scale)
    near = TOLERANCE[query.dtype]
    differences = (
        float((got[:, :, :ROWS].double() - exact).abs().max()),
        float((got - oracle.float()).abs().max()),
        _gradient_difference(query, key, columns, scale),
    )
    passed = max(differences[:2]) <= near and differences[2] <= GRADIENT_TOLERANCE * near
    return Check(site, str(query.dtype).removeprefix("torch."), key.shape[2], *differences, passed)


def _gradient_difference(query: torch.Tensor, key: torch.Tensor, columns: list[tuple[int]], scale: float) -> float:
    """Of a smooth function of the probabilities, with respect to queries and keys; in float32."""
    grads = []
    for work in (column_probs, lambda q, k, c: one_hot_probs(q, k, c, scale)):
        q, k = (x.float().requires_grad_() for x in (query, key))
        # Probabilities are small where keys are many; their roots make a loss that is not.
        loss = (work(q, k, columns) + 1e-8).sqrt().sum()
        grads.append(torch.autograd.grad(loss, (q, k)))
    return max(
        float((one - other).abs().max() / other.abs().max().clamp_min(1e-12)) for one, other in zip(*grads, strict=True)
    )


@contextmanager
def _listening(denoiser: Any, family: Family, sites: tuple[Site, ...], heard: dict[str, Attended]) -> Iterator[None]:
    originals: dict[str, Any] = {}
    try:
        for site in sites:
            module = denoiser.get_submodule(site.name)
            originals[site.name] = module.processor
            module.set_processor(family.processor(module.processor, site, lambda s, a: heard.__setitem__(s.name, a)))
        yield
    finally:
        for name, original in originals.items():
            denoiser.get_submodule(name).set_processor(original)
