"""Capture at the size of the models that people use, with random weights: exact there too, and in bfloat16."""

from __future__ import annotations

import gc

import psutil
import pytest
import torch
from diffusers import SD3Transformer2DModel, UNet2DConditionModel

from t2i_studio.capture import capture
from t2i_studio.families import FAMILIES
from tests.capture.reference import Reference

pytestmark = [pytest.mark.slow, pytest.mark.models]
COLUMNS = [(2,), (5, 6)]


def need(gigabytes: float) -> None:
    gc.collect()
    if psutil.virtual_memory().available < gigabytes * 2**30:
        pytest.skip(f"needs {gigabytes} GB of free memory")


def exact(got: dict[str, torch.Tensor], reference: Reference, first: int, near: float) -> None:
    for name, probs in got.items():
        (full,) = reference.passes[name]
        wanted = torch.stack([full[first:, ..., list(group)].sum(-1) for group in COLUMNS], -1)
        torch.testing.assert_close(probs.double(), wanted, atol=near, rtol=20 * near)


def test_the_unet_of_sd_2_1() -> None:
    need(10)
    family = FAMILIES["stable-diffusion"]
    torch.manual_seed(0)
    unet = UNet2DConditionModel(
        sample_size=64, block_out_channels=(320, 640, 1280, 1280), cross_attention_dim=1024,
        attention_head_dim=(5, 10, 20, 20), use_linear_projection=True,
    ).eval()  # fmt: skip
    args = (torch.randn(1, 4, 64, 64), torch.tensor(500), torch.randn(1, 77, 1024))
    sites = family.default_sites(unet, 64, 64)
    assert {site.grid for site in sites} == {(16, 16)}
    assert len(sites) == 5
    got: dict[str, torch.Tensor] = {}
    with torch.inference_mode():
        plain = unet(*args).sample
        with (
            Reference(unet, [sites[0].name, sites[-1].name]) as reference,
            capture(unet, family, sites, COLUMNS, lambda s, p: got.__setitem__(s.name, p), num_rows=1),
        ):
            assert torch.equal(unet(*args).sample, plain)
    exact({name: got[name] for name in reference.names}, reference, 0, 1e-6)


def test_blocks_of_sd3_medium_in_bfloat16() -> None:
    need(8)
    family = FAMILIES["stable-diffusion-3"]
    torch.manual_seed(0)
    with torch.device("meta"):
        model = SD3Transformer2DModel(
            sample_size=128, num_layers=2, caption_projection_dim=1536, num_attention_heads=24, pos_embed_max_size=192
        )
    model = model.to_empty(device="cpu").to(torch.bfloat16).eval()
    for p in (*model.parameters(), *model.buffers()):
        p.data.normal_(0, 0.02)
    args = {
        "hidden_states": torch.randn(1, 16, 64, 64), "timestep": torch.tensor([500.0]),
        "encoder_hidden_states": torch.randn(1, 333, 4096), "pooled_projections": torch.randn(1, 2048),
    }  # fmt: skip
    args = {name: value.to(torch.bfloat16) for name, value in args.items()}
    sites = family.sites(model, 64, 64)
    assert {site.grid for site in sites} == {(32, 32)}
    got: dict[str, torch.Tensor] = {}
    with (
        torch.inference_mode(),
        Reference(model, [site.name for site in sites[:1]]) as reference,
        capture(model, family, sites, COLUMNS, lambda s, p: got.__setitem__(s.name, p), num_rows=1),
    ):
        model(**args)
    assert all(bool(probs.isfinite().all()) for probs in got.values())
    exact({sites[0].name: got[sites[0].name]}, reference, 0, 2e-4)
