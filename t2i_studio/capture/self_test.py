"""Is what we record right on this device? Captured columns against an oracle, a gradient against autograd.

Run by `t2i-studio doctor --self-test`. It is how devices and kernels that we do not have are kept honest:
what it finds is kept, and a backend that failed is recorded by the oracle from then on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from ..families.base import Attended
from ..families.fused import one_hot_probs
from ..families.trust import Backend, Trust, backend_of, keep, under_test
from .probabilities import column_probs, way_of

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
    backend: Backend
    num_keys: int
    way: str
    "How columns are read when nothing is doubted: see `probabilities.way_of`."
    exact: float
    "Against float64 attention worked out in full, on some rows."
    oracle: float
    "Against fused attention on one-hot values, all rows."
    gradient: float
    "Against autograd through the oracle, relative to its largest entry."
    oracle_exact: float
    "The oracle's own difference from float64, on some rows."
    passed: bool

    @property
    def oracle_right(self) -> bool:
        """Whether the oracle can take its place."""
        return self.oracle_exact <= TOLERANCE[getattr(torch, self.backend.dtype)]

    @property
    def finding(self) -> str:
        """Its numbers in one line."""
        return (
            f"maps by {self.way} differ by {self.exact:.1e} from float64, by {self.oracle:.1e} from the oracle; "
            f"gradients by {self.gradient:.1e}"
        )


def self_test(pipe: Any, family: Family, height: int, width: int) -> list[Check]:
    """Run one step of a pipeline at a size, and check every default site, whatever was found before."""
    denoiser = family.denoiser(pipe)
    sites = family.default_sites(denoiser, *family.latent_size(pipe, height, width))
    heard: dict[str, Attended] = {}
    with under_test(), _listening(denoiser, family, sites, heard), torch.no_grad():
        pipe(
            "a cat and a dog", num_inference_steps=1, height=height, width=width, output_type="latent",
            generator=torch.Generator().manual_seed(0),
        )  # fmt: skip
    with under_test():
        return [_check(site.name, heard[site.name].rows(1)) for site in sites]


def keep_found(checks: Sequence[Check], model: str) -> list[Trust]:
    """Write down for every backend what its worst check found.

    Raises:
        StorageError: it can't be written.
    """
    kept = []
    for backend in dict.fromkeys(check.backend for check in checks):
        own = [check for check in checks if check.backend == backend]
        worst = min(own, key=lambda check: (check.passed, -check.exact))
        kept.append(keep(backend, passed=worst.passed, model=model, finding=worst.finding))
    return kept


def _check(site: str, seen: Attended) -> Check:
    query, key = seen.query_BHQD.detach(), seen.key_BHKD.detach()
    columns = [(seen.first_text + c,) for c in range(NUM_COLUMNS)]
    scale = query.shape[-1] ** -0.5
    got = column_probs(query, key, columns, log_sum_BHQ=seen.log_sum_BHQ)
    some = _exact(query[:, :, :ROWS])
    logits = some @ _exact(key).transpose(-1, -2) * scale
    exact = logits.softmax(-1)[..., [c for (c,) in columns]]
    oracle = one_hot_probs(query, key, columns, scale)
    near = TOLERANCE[query.dtype]
    differences = (
        float((_exact(got[:, :, :ROWS]) - exact).abs().max()),
        float((got - oracle.float()).abs().max()),
        _gradient_difference(query, key, columns, scale),
    )
    limits = (near, near, GRADIENT_TOLERANCE * near)
    passed = all(one <= limit for one, limit in zip(differences, limits, strict=True))  # NaN is below nothing
    own = float((_exact(oracle[:, :, :ROWS]) - exact).abs().max())
    way = way_of(query, key, seen.log_sum_BHQ)
    return Check(site, backend_of(query, key), key.shape[2], way, *differences, own, passed)


def _exact(values: torch.Tensor) -> torch.Tensor:
    """float64 on the CPU: some devices (MPS) have none."""
    return values.detach().cpu().double()


def _gradient_difference(query: torch.Tensor, key: torch.Tensor, columns: list[tuple[int]], scale: float) -> float:
    """Of a smooth function of the probabilities, with respect to queries and keys."""
    grads = []
    for work in (column_probs, lambda q, k, c: one_hot_probs(q, k, c, scale)):
        q, k = (x.clone().requires_grad_() for x in (query, key))
        # Probabilities are small where keys are many; their roots make a loss that is not.
        loss = (work(q, k, columns).float() + 1e-8).sqrt().sum()
        grads.append([_exact(grad) for grad in torch.autograd.grad(loss, (q, k))])
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
