"""Maps of pictures that exist already: every family, the library, the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from t2i_studio import Studio
from t2i_studio.capture import capture
from t2i_studio.cli import main
from t2i_studio.emoji.captions import Asked, Request
from t2i_studio.emoji.scenes import compose, masks, render
from t2i_studio.errors import CaptureError, InputError, PromptError, SettingError
from t2i_studio.families import Family
from t2i_studio.types import Run

pytestmark = pytest.mark.models
CAPTION = "a cat and a dog"


def test_text_is_what_the_pipeline_hands_to_the_denoiser(family: Family, pipe) -> None:
    heard: dict = {}
    denoiser = family.denoiser(pipe)
    hook = denoiser.register_forward_pre_hook(lambda m, args, kwargs: heard.update(kwargs), with_kwargs=True)
    pipe(CAPTION, num_inference_steps=1, guidance_scale=0.0, height=128, width=96, output_type="latent")
    hook.remove()
    with torch.no_grad():
        given = family.text_inputs(pipe, [CAPTION], 128, 96)
    flat = {**given, **given.pop("added_cond_kwargs", {})}
    told = {**heard, **(heard.get("added_cond_kwargs") or {})}
    assert flat
    for name, value in flat.items():
        torch.testing.assert_close(value, told[name], msg=name)


def test_noise_is_laid_as_in_training(family: Family, pipe) -> None:
    latents, noise = torch.randn(2, 3, 4, 8, 8).unbind()
    times = torch.tensor([float(family.timestep(t)) for t in (0.4, 333.3, 999.0)])
    got = family.noised(pipe, latents, noise, times)
    scheduler = pipe.scheduler
    if hasattr(scheduler, "scale_noise"):
        scheduler.set_timesteps(1000)
        sigma = (times / 1000).view(-1, 1, 1, 1)
        torch.testing.assert_close(got, torch.lerp(latents, noise, sigma))
        at = scheduler.timesteps[500:501]
        torch.testing.assert_close(
            family.noised(pipe, latents[:1], noise[:1], at), scheduler.scale_noise(latents[:1], at, noise[:1])
        )
    else:
        from diffusers import DDPMScheduler

        torch.testing.assert_close(
            got, DDPMScheduler.from_config(scheduler.config).add_noise(latents, noise, times.long())
        )


def test_a_picture_comes_back_from_its_latents(family: Family, pipe) -> None:
    image = Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 96, 3), dtype=np.uint8))
    latents = family.encode_image(pipe, image)
    assert latents.shape[2:] == family.latent_size(pipe, 64, 96)
    config = pipe.vae.config
    pixels = pipe.image_processor.preprocess(image)
    plain = pipe.vae.encode(pixels).latent_dist.mode()
    torch.testing.assert_close(latents, (plain - (config.get("shift_factor") or 0)) * config.scaling_factor)


def test_maps_are_those_of_a_plain_pass(family: Family, pipe, tmp_path: Path) -> None:
    pipe.save_pretrained(tmp_path / "tiny")
    image = Image.fromarray(np.random.default_rng(1).integers(0, 255, (128, 128, 3), dtype=np.uint8))
    studio = Studio(str(tmp_path / "tiny"), device="cpu")
    run = studio.inspect(image, CAPTION, timesteps=[700, 100], seed=3, width=128, height=128)
    assert run.maps is not None
    assert run.maps.timesteps == (700.0, 100.0)

    denoiser = family.denoiser(pipe)
    sites = family.default_sites(denoiser, *family.latent_size(pipe, 128, 128))
    starts = [one.start for one in family.column_sets(pipe)]
    cat = [start + c for span, start in zip(run.spans, starts, strict=True) for c in span.subjects["cat"]]
    found: list[torch.Tensor] = []
    latents = family.encode_image(pipe, image)
    noise = torch.randn(latents.shape, generator=torch.Generator().manual_seed(3))
    at = torch.tensor([100.0])
    noisy = family.noised(pipe, latents, noise, at)
    with (
        torch.no_grad(),
        capture(denoiser, family, sites, [cat], lambda s, p: found.append(p.mean(1)[0, :, 0])),
    ):
        denoiser(noisy, timestep=at, **family.text_inputs(pipe, [CAPTION], 128, 128))
    plain = torch.stack(found).mean(0).view(sites[0].grid)
    np.testing.assert_allclose(run.maps["cat"][1], plain.numpy(), atol=1e-6)


# On the model that ships


@pytest.fixture(scope="module")
def scene():
    return compose(Request((Asked("cat"), Asked("dog"))), np.random.default_rng(3))


@pytest.fixture
def studio() -> Studio:
    return Studio(device="cpu")


@pytest.fixture
def seen(studio: Studio, scene) -> Run:
    return studio.inspect(render(scene), CAPTION, timesteps=[900, 300, 100])


def test_the_embedded_model_looks_at_the_objects(seen: Run, scene) -> None:
    assert seen.maps is not None
    for i, noun in enumerate(("cat", "dog")):
        row, column = divmod(int(seen.maps[noun][-1].argmax()), 16)
        assert masks(scene)[i][row * 8 : row * 8 + 8, column * 8 : column * 8 + 8].any()


def test_an_inspection_is_kept_and_made_again(studio: Studio, seen: Run) -> None:
    kept = studio.runs.load(seen.id)
    assert kept.settings == seen.settings
    again = studio.replay(seen.id)
    assert np.array_equal(again.maps["cat"], seen.maps["cat"])
    assert np.array_equal(np.asarray(again.image), np.asarray(seen.image))
    assert studio.runs.list()[0].method == "inspection"


def test_the_picture_keeps_its_proportions(studio: Studio) -> None:
    run = studio.inspect(Image.new("RGB", (600, 300), "white"), "a cat", timesteps=[500])
    assert run.image.size == (184, 88)
    assert run.maps["cat"].shape[1:] == (11, 23)


def test_tokens_share_all_attention(studio: Studio, scene) -> None:
    run = studio.inspect(render(scene), CAPTION, timesteps=[500], maps_of="tokens")
    assert run.maps.nouns[:4] == ("<|startoftext|>", "a", "cat", "and")
    assert run.maps.nouns[-1] == "<padding>"
    np.testing.assert_allclose(sum(run.maps[noun] for noun in run.maps.nouns), 1.0, atol=1e-5)
    words = studio.inspect(render(scene), CAPTION, timesteps=[500], maps_of="words")
    assert words.maps.nouns == ("a", "cat", "and", "a#2", "dog")
    np.testing.assert_allclose(words.maps["cat"], run.maps["cat"], atol=1e-7)


@pytest.mark.parametrize(
    ("caption", "values", "error"),
    [
        (" ", {}, PromptError),
        ("very quickly", {}, CaptureError),
        ("a cat", {"timesteps": [1000]}, SettingError),
        ("a cat", {"timesteps": [-1]}, SettingError),
        ("a cat", {"timesteps": []}, SettingError),
        ("a cat", {"timesteps": ["soon"]}, SettingError),
        ("a cat", {"width": 100, "height": 100}, SettingError),
        ("a cat", {"steps": 3}, SettingError),
        ("a cat", {"lora": "nowhere"}, InputError),
    ],
)
def test_what_can_not_be_is_told(studio: Studio, caption: str, values: dict, error: type[Exception]) -> None:
    with pytest.raises(error):
        studio.inspect(Image.new("RGB", (64, 64)), caption, **values)
    assert studio.runs.count() == 0


def test_a_folder_by_command(tmp_path: Path, scene, capsys: pytest.CaptureFixture[str]) -> None:
    render(scene).save(tmp_path / "one.png")
    (tmp_path / "one.txt").write_text(CAPTION)
    (tmp_path / "two.png").write_text("broken")
    (tmp_path / "two.txt").write_text("a frog")
    out = tmp_path / "out"
    assert main(["inspect", str(tmp_path), "--timestep", "300,100", "--json", "--out", str(out)]) == 1
    told = capsys.readouterr()
    (line,) = told.out.splitlines()
    assert json.loads(line)["maps"] == {"16x16": [2, 3, 2, 16, 16]}
    assert "two.png" in told.err
    assert (out / "one" / "maps.safetensors").is_file()


def test_a_folder_by_library(studio: Studio, tmp_path: Path, scene) -> None:
    for name, caption in (("one", CAPTION), ("two", "a frog")):
        render(scene).save(tmp_path / f"{name}.png")
        (tmp_path / f"{name}.txt").write_text(caption)
    runs = list(studio.inspect_folder(tmp_path, timesteps=[500], out=tmp_path / "out"))
    assert [run.maps.nouns for run in runs] == [("cat", "dog"), ("frog",)]
    assert (tmp_path / "out" / "two" / "run.json").is_file()
    (tmp_path / "broken.png").write_text("broken")
    with pytest.raises(InputError, match=r"broken\.png has no caption"):
        list(studio.inspect_folder(tmp_path))
    with pytest.raises(InputError, match=r"broken\.png is no picture"):
        next(studio.inspect_folder(tmp_path, "a cat"))


def test_a_picture_by_command(tmp_path: Path, scene, capsys: pytest.CaptureFixture[str]) -> None:
    render(scene).save(tmp_path / "one.png")
    assert main(["inspect", str(tmp_path / "one.png"), "--caption", CAPTION, "--timesteps", "500"]) == 0
    assert "nouns: cat, dog" in capsys.readouterr().out
    assert main(["inspect", str(tmp_path / "none.png"), "--caption", CAPTION]) == 2
    assert "none.png" in capsys.readouterr().err
