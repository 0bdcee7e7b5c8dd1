"""The models that ship: each loads in plain diffusers, is what its card says, and its maps are true."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from diffusers import DiffusionPipeline, StableDiffusion3Pipeline, StableDiffusionPipeline
from safetensors import safe_open

from t2i_studio import Studio
from t2i_studio.capture import MapStore, capture
from t2i_studio.config import ASSETS, ProbeSettings
from t2i_studio.emoji.pretrain.vae import measure
from t2i_studio.families import FAMILIES, family_for
from t2i_studio.training import from_scene, summarise, tabulate
from t2i_studio.training.probe import probe
from tests.capture.reference import Reference

pytestmark = pytest.mark.models
FOLDER = ASSETS / "emoji-unet"
MMDIT = ASSETS / "emoji-mmdit"
FAMILY = FAMILIES["stable-diffusion"]


@pytest.fixture(scope="module")
def pipe() -> StableDiffusionPipeline:
    pipe = StableDiffusionPipeline.from_pretrained(FOLDER)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def test_everything_that_ships_is_small_and_half_precision() -> None:
    assert sum(f.stat().st_size for f in ASSETS.rglob("*") if f.is_file()) < 100e6
    for folder, kind in ((FOLDER, "StableDiffusionPipeline"), (MMDIT, "StableDiffusion3Pipeline")):
        for file in folder.rglob("*.safetensors"):
            with safe_open(file, "pt") as weights:
                assert {weights.get_tensor(k).dtype for k in weights.keys()} <= {torch.float16, torch.int64}, file  # noqa: SIM118
        assert json.loads((folder / "model_index.json").read_text())["_class_name"] == kind
    for name in ("vocab.json", "merges.txt"):
        assert (FOLDER / "tokenizer" / name).is_file()


def test_every_byte_tokenizes(pipe: StableDiffusionPipeline) -> None:
    end = pipe.tokenizer.eos_token_id
    for text in ("Café 2!", "猫", "🐱", "a b c 1 2 3", "\x7f~"):
        ids = pipe.tokenizer(text).input_ids
        assert ids[-1] == end
        assert end not in ids[:-1], text


@pytest.fixture(scope="module")
def mmdit() -> StableDiffusion3Pipeline:
    pipe = StableDiffusion3Pipeline.from_pretrained(MMDIT)
    pipe.set_progress_bar_config(disable=True)
    return pipe


@pytest.mark.parametrize("name", ["pipe", "mmdit"])
def test_it_paints_128_pixels_that_follow_the_prompt(name: str, request: pytest.FixtureRequest) -> None:
    pipe: DiffusionPipeline = request.getfixturevalue(name)
    given = {"num_inference_steps": 15, "guidance_scale": 4.0, "height": 128, "width": 128, "output_type": "np"}
    given |= {"max_sequence_length": 24} if name == "mmdit" else {}
    images = {}
    for prompt in ("a red balloon", "a blue balloon"):
        generators = [torch.Generator().manual_seed(s) for s in range(4)]
        out = pipe([prompt] * 4, generator=generators, **given)
        images[prompt] = out.images
        assert out.images.shape == (4, 128, 128, 3)
    red, blue = (_strongest_colour(i) for i in images.values())
    assert (red[:, 0] > red[:, 2]).sum() >= 3
    assert (blue[:, 2] > blue[:, 0]).sum() >= 3


def _strongest_colour(images: np.ndarray) -> np.ndarray:
    """Mean colour of the tenth of the pixels farthest from the picture's median."""
    flat = images.reshape(len(images), -1, 3)
    distance = np.abs(flat - np.median(flat, axis=1, keepdims=True)).sum(-1)
    chosen = np.argsort(distance, axis=1)[:, -flat.shape[1] // 10 :]
    return np.take_along_axis(flat, chosen[..., None], 1).mean(1)


def test_maps_equal_an_unfused_float64_reference(pipe: StableDiffusionPipeline) -> None:
    sites = FAMILY.sites(pipe.unet, 16, 16)
    every = [(k,) for k in range(pipe.tokenizer.model_max_length)]
    store = MapStore([str(k) for k in range(len(every))], sites, 2)
    with (
        Reference(pipe.unet, [s.name for s in sites]) as reference,
        capture(pipe.unet, FAMILY, sites, every, store.add, num_rows=1),
    ):
        pipe(
            "a cat and a dog", num_inference_steps=2, height=128, width=128, output_type="latent",
            callback_on_step_end=lambda _p, _i, t, _k: (store.end_step(t), {})[1],
        )  # fmt: skip
    maps = store.maps((16, 16))
    for stack in maps.stacks.values():
        np.testing.assert_allclose(stack.values_TSNYX.sum(2), 1.0, atol=1e-5)
        for s, name in enumerate(stack.sites):
            full = torch.stack(reference.passes[name])[:, -1].mean(1)  # (T, Q, K)
            wanted = full.transpose(1, 2).unflatten(-1, stack.grid).numpy()
            np.testing.assert_allclose(stack.values_TSNYX[:, s], wanted, atol=1e-5)


@pytest.mark.parametrize("name", ["emoji-unet", "emoji-unet-early", "emoji-mmdit"])
def test_run_and_replay(name: str) -> None:
    studio = Studio(name)
    run = studio.generate("a cat and a dog", seed=1, steps=6)
    again = studio.replay(run)
    assert np.array_equal(np.asarray(run.image), np.asarray(again.image))
    assert np.array_equal(run.maps["cat"], again.maps["cat"])
    assert run.maps["dog"].shape == (6, 16, 16)


def test_all_paint_with_one_autoencoder() -> None:
    """A decoder that learnt on ships with every model on its latents."""
    weights = {path.read_bytes() for path in ASSETS.glob("emoji-*/vae/*.safetensors")}
    assert len(list(ASSETS.glob("emoji-*/vae"))) == 3
    assert len(weights) == 1


def test_autoencoder_error_is_what_its_card_says(pipe: StableDiffusionPipeline) -> None:
    error = measure(pipe.vae, number=32, first_seed=30_000_000)
    card = json.loads((FOLDER / "measured.json").read_text())["vae"]
    assert error["mae"] < 1.25 * card["mae"]
    assert error["mae_object"] < 1.25 * card["mae_object"]


@pytest.mark.parametrize("name", ["pipe", "mmdit"])
def test_low_noise_maps_peak_on_their_object_far_above_chance(name: str, request: pytest.FixtureRequest) -> None:
    pipe: DiffusionPipeline = request.getfixturevalue(name)
    settings = ProbeSettings(width=128, height=128, timesteps=(50, 990), t_tea=50, t_stu=990)
    probed = [probe(pipe, family_for(pipe), settings, from_scene(i)) for i in range(20)]
    teacher = tabulate([summarise(one) for one in probed]).levels[-1].numbers["peak_in_mask"]
    chance = np.mean([one.inside((16, 16))[0].mean() for one in probed])  # type: ignore[index]
    assert teacher.low > chance + 0.1
