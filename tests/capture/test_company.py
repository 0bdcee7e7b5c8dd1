"""Capture in company: offload, autoencoder in slices and tiles, ControlNet; what can't be read is refused."""

from __future__ import annotations

from collections.abc import Callable

import accelerate
import numpy as np
import pytest
import torch
from diffusers import ControlNetModel, StableDiffusionControlNetPipeline
from diffusers.models.attention_processor import IPAdapterAttnProcessor2_0, SD3IPAdapterJointAttnProcessor2_0
from PIL import Image

from t2i_studio.capture import MapStore, capture
from t2i_studio.errors import CaptureError
from t2i_studio.families import FAMILIES, Family
from tests.capture.reference import Reference
from tests.capture.test_capture import COLUMNS, NOUNS, STEPS, inputs, paint

pytestmark = pytest.mark.models


def painted(family: Family, pipe) -> tuple[np.ndarray, np.ndarray]:
    """The picture, and the maps of its cat."""
    denoiser = family.denoiser(pipe)
    sites = family.default_sites(denoiser, 16, 16)
    store = MapStore(NOUNS, sites, STEPS)
    with capture(denoiser, family, sites, COLUMNS, store.add, num_rows=1):
        image = paint(pipe, store)
    return np.asarray(image), store.maps(sites[0].grid)["cat"]


def offload_whole(denoiser: torch.nn.Module) -> None:
    accelerate.cpu_offload_with_hook(denoiser, execution_device="cpu")


def offload_layers(denoiser: torch.nn.Module) -> None:
    accelerate.cpu_offload(denoiser, execution_device=torch.device("cpu"), offload_buffers=True)


@pytest.mark.parametrize("offload", [offload_whole, offload_layers])
def test_offload(family: Family, pipe, offload: Callable[[torch.nn.Module], None]) -> None:
    image, maps = painted(family, pipe)
    denoiser = family.denoiser(pipe)
    offload(denoiser)
    again, same = painted(family, pipe)
    np.testing.assert_array_equal(again, image)
    np.testing.assert_allclose(same, maps, atol=1e-6)
    # A pass that ends early leaves the hooks as they were.
    latents = torch.randn(1, denoiser.config.in_channels, 16, 16)
    sites = family.default_sites(denoiser, 16, 16)
    with (
        torch.no_grad(),
        capture(denoiser, family, sites[:1], COLUMNS, lambda *_: None) as recording,
    ):
        assert recording.forward(**inputs(denoiser, latents)) is None
    np.testing.assert_array_equal(painted(family, pipe)[0], image)


def test_autoencoder_in_slices_and_tiles(family: Family, pipe) -> None:
    _, maps = painted(family, pipe)
    pipe.vae.enable_slicing()
    pipe.vae.enable_tiling()
    np.testing.assert_array_equal(painted(family, pipe)[1], maps)


def test_controlnet() -> None:
    family = FAMILIES["stable-diffusion"]
    plain = family.tiny()
    torch.manual_seed(0)
    control = ControlNetModel.from_unet(plain.unet)
    for block in control.controlnet_down_blocks:
        torch.nn.init.normal_(block.weight, std=0.5)
    pipe = StableDiffusionControlNetPipeline(
        **{name: part for name, part in plain.components.items() if name != "image_encoder"}, controlnet=control,
        requires_safety_checker=False,
    )  # fmt: skip
    pipe.set_progress_bar_config(disable=True)
    hint = Image.fromarray(np.random.default_rng(0).integers(0, 255, (128, 128, 3), dtype=np.uint8))
    sites = family.default_sites(pipe.unet, 16, 16)
    maps: dict[str, list[torch.Tensor]] = {site.name: [] for site in sites}

    def call() -> torch.Tensor:
        generator = torch.Generator().manual_seed(0)
        return pipe("a cat and a dog", hint, num_inference_steps=2, generator=generator, output_type="latent").images

    blind = call()
    with (
        Reference(pipe.unet, [site.name for site in sites]) as reference,
        capture(pipe.unet, family, sites, COLUMNS, lambda site, p: maps[site.name].append(p), num_rows=1),
    ):
        seen = call()
    assert torch.equal(blind, seen)
    for name, recorded in maps.items():
        for got, full in zip(recorded, reference.passes[name], strict=True):
            wanted = torch.stack([full[1:, ..., list(group)].sum(-1) for group in COLUMNS], -1)
            torch.testing.assert_close(got.double(), wanted, atol=1e-6, rtol=1e-5)


def refused(family: Family, pipe, remedy: str) -> None:
    denoiser = family.denoiser(pipe)
    before = {name: id(p) for name, p in denoiser.attn_processors.items()}
    sites = family.default_sites(denoiser, 16, 16)
    with pytest.raises(CaptureError, match=remedy), capture(denoiser, family, sites, COLUMNS, lambda *_: None):
        pass
    assert {name: id(p) for name, p in denoiser.attn_processors.items()} == before


def test_ip_adapter_is_refused(family: Family, pipe) -> None:
    denoiser = family.denoiser(pipe)
    module = denoiser.get_submodule(family.default_sites(denoiser, 16, 16)[-1].name)
    if family.name == "stable-diffusion-3":
        module.set_processor(SD3IPAdapterJointAttnProcessor2_0(16, 16, 8, 8))
    else:
        module.set_processor(IPAdapterAttnProcessor2_0(16, 32))
    refused(family, pipe, "(?i)ip.adapter")


def test_fused_projections_are_refused_until_undone(family: Family, pipe) -> None:
    _, maps = painted(family, pipe)
    owner = pipe.transformer if family.name == "stable-diffusion-3" else pipe
    owner.fuse_qkv_projections()
    refused(family, pipe, "unfuse")
    owner.unfuse_qkv_projections()
    np.testing.assert_allclose(painted(family, pipe)[1], maps, atol=1e-6)
