"""Capture: exact, invisible in the picture, and gone afterwards. On every family's tiny model."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from t2i_studio.capture import MapStore, capture, column_probs
from t2i_studio.capture.tape import _TAPES
from t2i_studio.errors import CaptureError
from t2i_studio.families import Family
from t2i_studio.families.fused import attention_with_lse, one_hot_probs

from .reference import Reference

COLUMNS = [(2,), (4, 5)]
NOUNS = ["cat", "dog"]
STEPS = 3


def test_column_probs_sum_to_one_over_all_columns() -> None:
    query, key = torch.randn(2, 3, 10, 8), torch.randn(2, 3, 7, 8)
    probs = column_probs(query, key, [(k,) for k in range(7)])
    torch.testing.assert_close(probs.sum(-1), torch.ones(2, 3, 10))
    merged = column_probs(query, key, [(0, 3), ()])
    torch.testing.assert_close(merged[..., 0], probs[..., 0] + probs[..., 3])
    assert merged[..., 1].abs().max() == 0


def test_column_probs_gradient() -> None:
    query = torch.randn(1, 2, 4, 3, requires_grad=True)
    key = torch.randn(1, 2, 5, 3, requires_grad=True)
    column_probs(query, key, [(1,), (2, 3)]).square().sum().backward()
    got = query.grad, key.grad
    query.grad = key.grad = None
    full = (query @ key.transpose(-1, -2) / 3**0.5).softmax(-1)
    torch.stack([full[..., 1], full[..., 2] + full[..., 3]], -1).square().sum().backward()
    torch.testing.assert_close(got[0], query.grad)
    torch.testing.assert_close(got[1], key.grad)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("within", [None, list(range(200, 320))], ids=["raw", "renormalised"])
def test_many_keys_never_make_the_matrix_and_agree_with_it(dtype: torch.dtype, within: list[int] | None) -> None:
    rng = torch.Generator().manual_seed(1)
    query, key = (torch.randn(2, 3, n, 16, generator=rng).to(dtype) for n in (300, 420))
    columns = [(205,), (210, 211), ()]
    logits = query.double() @ key.double().transpose(-1, -2) / 4
    kept = list(range(420)) if within is None else within
    full = torch.zeros_like(logits)
    full[..., kept] = logits[..., kept].softmax(-1)
    wanted = torch.stack([full[..., list(c)].sum(-1) for c in columns], -1)
    near = {torch.float64: 1e-12, torch.float32: 1e-6}.get(dtype, 2e-3)
    torch.testing.assert_close(column_probs(query, key, columns, within=within).double(), wanted, atol=near, rtol=near)
    oracle = one_hot_probs(query, key, [(205,), (210, 211), ()], 0.25).double()
    if within is None:
        torch.testing.assert_close(oracle, wanted, atol=max(near, 1e-5), rtol=max(near, 1e-2))


def test_gradient_without_the_matrix_passes_gradcheck() -> None:
    rng = torch.Generator().manual_seed(1)
    query, key = (torch.randn(1, 2, n, 4, generator=rng, dtype=torch.float64, requires_grad=True) for n in (5, 170))
    assert torch.autograd.gradcheck(lambda q, k: column_probs(q, k, [(1,), (7, 9)]), (query, key))
    assert torch.autograd.gradcheck(lambda q, k: column_probs(q, k, [(1,)], within=[0, 1, 5, 8]), (query, key))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("use", ["both", "faint", "half unused", "unused", "unasked"])
def test_attention_and_its_log_sum_share_one_exact_gradient(dtype: torch.dtype, use: str) -> None:
    rng = torch.Generator().manual_seed(1)
    q, k, v = (torch.randn(1, 2, n, 16, generator=rng).to(dtype).requires_grad_() for n in (60, 200, 200))
    weights = torch.randn(1, 2, 60, 16, generator=rng).double() * (1e-30 if use == "faint" else 1.0)
    rows = torch.randn(1, 2, 60, generator=rng).double() * (0.0 if use == "unasked" else 1.0)
    if use == "half unused":
        weights[:, :, ::2], rows[:, :, ::3] = 0, 0

    def loss(out: torch.Tensor, log_sum: torch.Tensor) -> torch.Tensor:
        alone = (log_sum.double() * rows).sum()
        return alone if use == "unused" else alone + (out.double() * weights).sum()

    def grads(out: torch.Tensor, log_sum: torch.Tensor, inputs: tuple) -> tuple:
        return torch.autograd.grad(loss(out, log_sum), inputs, allow_unused=True, materialize_grads=True)

    out, log_sum = attention_with_lse(q, k, v)
    assert log_sum is not None
    true = tuple(x.detach().double().requires_grad_() for x in (q, k, v))
    logits = true[0] @ true[1].transpose(-1, -2) / 4
    wanted = grads(logits.softmax(-1) @ true[2], logits.logsumexp(-1), true)
    near = 1e-6 if dtype is torch.float32 else 3e-2
    for got, other in zip(grads(out, log_sum, (q, k, v)), wanted, strict=True):
        torch.testing.assert_close(got.double(), other, atol=near, rtol=near)


def test_attention_that_nobody_asks_for_columns_has_its_own_gradient_bit_for_bit() -> None:
    q, k, v = (torch.randn(1, 2, n, 16).requires_grad_() for n in (60, 200, 200))
    plain = torch.autograd.grad(torch.nn.functional.scaled_dot_product_attention(q, k, v).square().sum(), (q, k, v))
    ours = torch.autograd.grad(attention_with_lse(q, k, v)[0].square().sum(), (q, k, v))
    assert all(torch.equal(one, other) for one, other in zip(plain, ours, strict=True))


def test_same_numbers_where_no_kernel_tells_its_log_sum(monkeypatch: pytest.MonkeyPatch) -> None:
    query = torch.randn(1, 2, 30, 8, requires_grad=True)
    key = torch.randn(1, 2, 300, 8, requires_grad=True)
    columns = [(3,), (290, 291), *((k,) for k in range(20, 31))]
    one = column_probs(query, key, columns)
    grads = torch.autograd.grad(one.square().sum(), (query, key))
    monkeypatch.setattr("t2i_studio.families.fused._kernel", lambda *_: None)
    other = column_probs(query, key, columns)
    torch.testing.assert_close(one, other, atol=1e-6, rtol=1e-4)
    for got, wanted in zip(torch.autograd.grad(other.square().sum(), (query, key)), grads, strict=True):
        torch.testing.assert_close(got, wanted, atol=1e-6, rtol=1e-3)


def test_a_kernel_that_tells_it_wrong_is_not_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    aten = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu

    def wrong(q, k, v, scale):
        out, lse = aten(q, k, v, scale=scale)
        return out, lse + 0.1

    monkeypatch.setattr("t2i_studio.families.fused._kernel", lambda *_: wrong)
    monkeypatch.setattr("t2i_studio.families.fused._trusted", {})
    query, key = torch.randn(1, 2, 30, 8), torch.randn(1, 2, 300, 8)
    with pytest.warns(UserWarning, match="no usable log-sum-exp"):
        probs = column_probs(query, key, [(3,)])
    full = (query @ key.transpose(-1, -2) / 8**0.5).softmax(-1)
    torch.testing.assert_close(probs[..., 0], full[..., 3], atol=1e-6, rtol=1e-4)


def paint(pipe, store: MapStore | None = None, *, prompt="a cat and a dog", size=(128, 128), scale=7.5):
    def after(_pipe, _step, timestep, _tensors):
        if store is not None:
            store.end_step(timestep)
        return {}

    return pipe(
        prompt, num_inference_steps=STEPS, height=size[0], width=size[1], guidance_scale=scale, output_type="np",
        generator=torch.Generator().manual_seed(1), callback_on_step_end=after,
    ).images  # fmt: skip


def processors(denoiser: torch.nn.Module) -> dict[str, int]:
    return {name: id(m.processor) for name, m in denoiser.named_modules() if hasattr(m, "processor")}


@pytest.mark.models
@pytest.mark.parametrize("size", [(128, 128), (128, 192)])
@pytest.mark.parametrize("scale", [7.5, 1.0])
@pytest.mark.parametrize("heads", [False, True])
@pytest.mark.parametrize("within", [None, list(range(12))], ids=["raw", "renormalised"])
def test_maps_equal_the_reference_and_the_picture_is_untouched(
    family: Family, pipe, size, scale, heads, within
) -> None:
    denoiser = family.denoiser(pipe)
    rows, columns = family.latent_size(pipe, *size)
    sites = family.sites(denoiser, rows, columns)
    plain = paint(pipe, size=size, scale=scale)
    before = processors(denoiser)
    store = MapStore(NOUNS, sites, STEPS, heads=heads)
    with (
        Reference(denoiser, [s.name for s in sites], within) as reference,
        capture(denoiser, family, sites, COLUMNS, store.add, num_rows=1, within=within),
    ):
        captured = paint(pipe, store, size=size, scale=scale)
    assert np.array_equal(plain, captured)
    assert processors(denoiser) == before
    maps = store.maps(family.loss_grid(denoiser, rows, columns))
    for stack in maps.stacks.values():
        for s, name in enumerate(stack.sites):
            full = torch.stack(reference.passes[name])[:, -1]  # (T, H, Q, K), conditional half
            assert len(full) == STEPS
            wanted = torch.stack([full[..., list(c)].sum(-1) for c in COLUMNS], 2)  # (T, H, N, Q)
            wanted = wanted.unflatten(-1, stack.grid).numpy()
            np.testing.assert_allclose(stack.values_TSNYX[:, s], wanted.mean(1), atol=1e-5)
            if heads:
                np.testing.assert_allclose(stack.heads_TSHNYX[:, s], wanted, atol=1e-5)
    kept = sum(
        s.values_TSNYX.nbytes + (s.heads_TSHNYX.nbytes if heads else 0) for s in maps.stacks.values()
    )  # fmt: skip
    assert kept == store.predicted_bytes


@pytest.mark.models
def test_a_batch_keeps_each_picture_apart(family: Family, pipe) -> None:
    denoiser = family.denoiser(pipe)
    sites = family.default_sites(denoiser, 16, 16)
    grid = family.loss_grid(denoiser, 16, 16)
    store = MapStore(NOUNS, sites, STEPS, num_images=2)
    with capture(denoiser, family, sites, COLUMNS, store.add, num_rows=2):
        paint(pipe, store, prompt=["a cat and a dog", "dog dog dog dog dog"])
    single = MapStore(NOUNS, sites, STEPS)
    with capture(denoiser, family, sites, COLUMNS, single.add, num_rows=1):
        pipe(
            "a cat and a dog", num_inference_steps=STEPS, height=128, width=128, guidance_scale=7.5,
            latents=torch.randn(2, 4, 16, 16, generator=torch.Generator().manual_seed(1))[:1],
            callback_on_step_end=lambda _p, _i, t, _k: (single.end_step(t), {})[1],
        )  # fmt: skip
    one, two, alone = store.maps(grid, 0), store.maps(grid, 1), single.maps(grid)
    np.testing.assert_allclose(one["cat"], alone["cat"], atol=1e-5)
    assert abs(one["cat"] - two["cat"]).max() > 1e-4


@pytest.mark.models
def test_everything_is_restored_after_an_error(family: Family, pipe) -> None:
    denoiser = family.denoiser(pipe)
    before = processors(denoiser)
    sites = family.default_sites(denoiser, 16, 16)
    inside = {}

    def record(*_: object) -> None:
        inside.update(processors(denoiser))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), capture(denoiser, family, sites, COLUMNS, record):
        paint(pipe)
    assert inside != before
    assert processors(denoiser) == before


@pytest.mark.models
def test_two_recordings_share_one_tape(family: Family, pipe) -> None:
    denoiser = family.denoiser(pipe)
    before = processors(denoiser)
    sites = family.sites(denoiser, 16, 16)
    some, rest = MapStore(NOUNS, sites[:2], STEPS), MapStore(NOUNS, sites, STEPS)
    with capture(denoiser, family, sites, COLUMNS, rest.add, num_rows=1):
        inside = processors(denoiser)
        with capture(denoiser, family, sites[:2], COLUMNS, some.add, num_rows=1):
            assert processors(denoiser) == inside
            paint(pipe, _Both(some, rest))
        assert processors(denoiser) == inside
    assert processors(denoiser) == before
    grid = sites[0].grid
    one = some.maps(grid).select("cat", sites=(sites[0].name,))
    other = rest.maps(grid).select("cat", sites=(sites[0].name,))
    assert np.array_equal(one, other)


class _Both:
    def __init__(self, *stores: MapStore) -> None:
        self.stores = stores

    def end_step(self, timestep: float) -> None:
        for store in self.stores:
            store.end_step(timestep)


def inputs(denoiser, latents: torch.Tensor) -> dict:
    """What a denoiser of any family takes, beside the latents."""
    config, rng = denoiser.config, torch.Generator().manual_seed(2)
    common = {"timestep": torch.tensor([500]), "return_dict": True}
    if "joint_attention_dim" in config:
        text = torch.randn(1, 40, config.joint_attention_dim, generator=rng)
        return common | {
            "hidden_states": latents, "encoder_hidden_states": text,
            "pooled_projections": torch.randn(1, config.pooled_projection_dim, generator=rng),
        }  # fmt: skip
    text = torch.randn(1, 24, config.cross_attention_dim, generator=rng)
    more = {}
    if config.addition_embed_type == "text_time":
        more["added_cond_kwargs"] = {"text_embeds": torch.randn(1, 32, generator=rng), "time_ids": torch.ones(1, 6)}
    return common | {"sample": latents, "encoder_hidden_states": text, **more}


@pytest.mark.models
def test_a_pass_of_ones_own_ends_early_and_keeps_the_graph(family: Family, pipe) -> None:
    denoiser = family.denoiser(pipe)
    sites = family.default_sites(denoiser, 16, 16)
    first = sites[:1]
    latents = torch.randn(1, denoiser.config.in_channels, 16, 16, requires_grad=True)
    args = inputs(denoiser, latents)
    got: list[torch.Tensor] = []
    others: list[torch.Tensor] = []
    ran: list[str] = []
    handle = denoiser.get_submodule(sites[-1].name).register_forward_hook(lambda *_: ran.append("last"))
    with (
        capture(denoiser, family, first, COLUMNS, lambda _s, p: got.append(p), keep_graph=True) as recording,
        capture(denoiser, family, first, COLUMNS, lambda _s, p: others.append(p)) as other,
    ):
        assert recording.forward(**args) is None
        assert (len(got), len(others), ran) == (1, 0, [])
        full = recording.forward(**args, stop_after_last_site=False)
        assert full.sample.shape == latents.shape
        assert other.forward(**args) is None
    handle.remove()
    torch.testing.assert_close(got[0], got[1])
    assert not others[0].requires_grad
    (gradient,) = torch.autograd.grad(got[0].square().sum(), latents)
    assert gradient.abs().max() > 0


@pytest.mark.models
def test_capturing_nothing_is_an_error(family: Family, pipe) -> None:
    denoiser = family.denoiser(pipe)
    sites = family.default_sites(denoiser, 16, 16)
    with pytest.raises(CaptureError, match="No attention map"), capture(denoiser, family, sites, COLUMNS, print):
        pass
    for bad in ([], [()]):
        with pytest.raises(CaptureError, match="Nothing"), capture(denoiser, family, sites, bad, print):
            pass


@pytest.mark.models
def test_wrong_size_is_told(family: Family, pipe) -> None:
    denoiser = family.denoiser(pipe)
    sites = family.default_sites(denoiser, 8, 8)
    with pytest.raises(CaptureError, match="positions"), capture(denoiser, family, sites, COLUMNS, print):
        paint(pipe)


@pytest.mark.models
def test_unreadable_attention_is_refused(family: Family, pipe) -> None:
    denoiser = family.denoiser(pipe)
    sites = family.default_sites(denoiser, 16, 16)
    module = denoiser.get_submodule(sites[-1].name)
    original = module.processor

    class Foreign:
        def __call__(self, attn, hidden_states, encoder_hidden_states=None, attention_mask=None, temb=None):
            return hidden_states, encoder_hidden_states

    module.set_processor(Foreign())
    before = processors(denoiser)
    try:
        with pytest.raises(CaptureError, match="Foreign"), capture(denoiser, family, sites, COLUMNS, print):
            pass
        assert denoiser not in _TAPES, "a refused capture would hold the model for ever"
        assert processors(denoiser) == before
    finally:
        module.set_processor(original)
