"""The probe: its maps are those of a plain pass, its numbers those worked out by hand, its verdict follows them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from t2i_studio import Studio
from t2i_studio.cli import main
from t2i_studio.config import ProbeSettings
from t2i_studio.errors import InputError, PromptError, SettingError
from t2i_studio.families import Family
from t2i_studio.losses import pixel
from t2i_studio.training import Picture, from_file, from_scene, judge, summarise, tabulate
from t2i_studio.training.alignment import numbers
from t2i_studio.training.passes import watching
from t2i_studio.training.pictures import touched
from t2i_studio.training.probe import noise_like, probe
from t2i_studio.training.terms import every_term
from t2i_studio.training.words import words_of

SMALL = {"width": 128, "height": 128, "timesteps": (900, 500, 0), "t_tea": 0, "t_stu": 900}
PICTURE = Picture("grey", Image.new("RGB", (128, 128), "grey"), "a cat and a dog")


def test_maps_are_those_of_a_plain_pass(family: Family, pipe) -> None:
    probed = probe(pipe, family, ProbeSettings(**SMALL), PICTURE)
    denoiser = family.denoiser(pipe)
    with torch.no_grad():
        latents = family.encode_image(pipe, PICTURE.image)
        sites = family.default_sites(denoiser, *latents.shape[-2:])
        at = torch.tensor([500.0])
        noisy = family.noised(pipe, latents, noise_like(latents, 0), at)
        with watching(denoiser, family, sites, [words_of(pipe, family, PICTURE.caption)]) as watch:
            denoiser(noisy, timestep=at, **family.text_inputs(pipe, [PICTURE.caption], 128, 128))
        plain = watch.mean()[0].numpy()
    assert probed.maps.nouns == ("cat", "dog")
    np.testing.assert_allclose(probed.main[1], plain, atol=1e-6)


def test_words_of_a_joint_softmax_share_their_columns_among_themselves(family: Family, pipe) -> None:
    """Where the picture shares the softmax, maps are renormalised; elsewhere they are raw."""
    denoiser = family.denoiser(pipe)
    sites = family.default_sites(denoiser, 16, 16)[:1]
    captions = ["a cat", "a small dog and a bird on a long bench"]
    every = [words_of(pipe, family, caption, "all") for caption in captions]
    text = family.text_inputs(pipe, captions, 128, 128)
    channels = denoiser.config.in_channels  # type: ignore[union-attr]
    sample = torch.randn(2, int(channels), 16, 16, generator=torch.Generator().manual_seed(0))
    with torch.no_grad(), watching(denoiser, family, sites, every) as watch:
        watch(sample, torch.tensor([300.0, 300.0]), text)
        together = watch.mean()
    for row, words in enumerate(every):
        with torch.no_grad(), watching(denoiser, family, sites, [words]) as watch:
            own = family.text_inputs(pipe, [captions[row]], 128, 128)
            watch(sample[row : row + 1], torch.tensor([300.0]), own)
            alone = watch.mean()
        assert torch.allclose(together[row, : len(words.columns)], alone[0], atol=1e-5)
        assert together[row, len(words.columns) :].abs().sum() == 0
        assert alone.sum(1).max() < 1 + 1e-5


def test_numbers_by_hand() -> None:
    point, flat = np.zeros((4, 4)), np.ones((4, 4))
    point[1, 2] = 1
    maps = np.stack([[flat, point], [point, point]])  # (T, N, Y, X)
    inside = np.zeros((2, 4, 4), dtype=bool)
    inside[0, 1, 2] = inside[1, 0, 0] = True
    found = numbers(maps, inside)
    assert found["concentration"].tolist() == [[0, 1], [1, 1]]
    assert found["distinctness"] == pytest.approx(np.array([[0.75, 0.75], [0, 0]]))
    assert found["peak_in_mask"].tolist() == [[0, 0], [1, 0]]
    assert found["mass_in_mask"] == pytest.approx(np.array([[1 / 16, 0], [1, 0]]))
    assert found["mse"] == pytest.approx(np.array([[15, 0], [0, 0]]))
    assert found["kl"][0, 0] == pytest.approx(np.log(16))
    assert found["cosine"] == pytest.approx(np.array([[0.25, 1], [1, 1]]))
    shift = np.hypot(0.5, 0.5) / np.hypot(4, 4)
    assert found["centre_shift"] == pytest.approx(np.array([[shift, 0], [0, 0]]))


def test_what_is_not_known_is_nan() -> None:
    maps = np.random.default_rng(0).random((2, 1, 4, 4))
    found = numbers(maps)
    assert np.isnan(found["distinctness"]).all()
    assert np.isnan(found["peak_in_mask"]).all()


def test_a_mask_touches_its_cells() -> None:
    mask = Image.new("L", (128, 128), 0)
    mask.paste(255, (8, 16, 9, 25))
    assert np.argwhere(touched(mask, (16, 16))).tolist() == [[2, 1], [3, 1]]


@pytest.mark.models
def test_terms_are_the_losses_of_training() -> None:
    studio = Studio(device="cpu")
    probed = studio.probe(from_scene(0), timesteps=(900, 400, 0))
    terms = every_term(probed)
    maps = torch.from_numpy(probed.main)
    assert terms["pixel"].shape == (2, 3, 3)
    assert terms["pixel"][1, 0, 2] == pytest.approx(float(pixel(maps[:1], maps[2:])[0, 1]))
    assert terms["pixel"][0, 2, 2] == terms["semantic"][0, 2, 2] == 0
    assert terms["semantic"][0, 0, 2] > 0
    assert (terms["reconstruction"] > 0).all()
    assert terms["response"].min() == 0


def _probed(student_YX: np.ndarray, teacher_YX: np.ndarray, masked: bool):
    from t2i_studio.training.probe import Probed
    from t2i_studio.types import Maps, MapStack, ParsedPrompt, grid_name

    size = student_YX.shape
    values = np.stack([student_YX, teacher_YX])[:, None, None].astype(np.float32)
    mask = Image.new("L", (128, 128), 0)
    mask.paste(255, (16, 16, 40, 40))
    picture = Picture("made", Image.new("RGB", (128, 128)), "a cat", {"cat": mask} if masked else {})
    stack = {grid_name(size): MapStack(size, ("one",), values)}
    settings = ProbeSettings(timesteps=(900, 0), t_tea=0, t_stu=900)
    maps = Maps(("cat",), (900, 0), stack, grid_name(size))
    return Probed(picture, settings, ParsedPrompt("a cat", (), ()), maps, ("one",))


def test_fine_maps_are_measured_as_a_loss_sees_them() -> None:
    fine = np.random.default_rng(0).random((2, 64, 64)) ** 8
    coarse = fine.reshape(2, 32, 2, 32, 2).mean((2, 4))
    got, wanted = _probed(*fine, masked=True), _probed(*coarse, masked=True)
    for name, values in got.numbers().items():
        np.testing.assert_allclose(values, wanted.numbers()[name], rtol=1e-4)
        np.testing.assert_allclose(values, got.by_site()["one"][name])


def _summary(teacher: float, student: float, masked: bool):
    def maps(sharpness: float) -> np.ndarray:
        y, x = np.mgrid[:16, :16]
        return np.exp(-sharpness * ((y - 3) ** 2 + (x - 3) ** 2))

    return summarise(_probed(maps(student), maps(teacher), masked))


def test_a_sharper_teacher_is_worth_following() -> None:
    table = tabulate([_summary(0.3, 0.01, masked=True)] * 3)
    verdict = judge(table)
    assert table.measure == "mass_in_mask"
    assert verdict.good
    assert verdict.sites == ("one",)
    assert "t_tea = 0" in verdict.text


def test_all_hits_are_no_certainty() -> None:
    from t2i_studio.training.verdict import Estimate, estimate

    assert estimate(np.ones(10), hits=True).low == pytest.approx(0.722, abs=0.001)  # Wilson, 10 of 10
    assert estimate(np.zeros(10)) == Estimate(0, 0, 0), "a distance that is 0 everywhere is no share of hits"
    assert estimate(np.array([np.nan, 0.2, 0.4])).mean == pytest.approx(0.3)


def test_an_inverted_premise_warns() -> None:
    verdict = judge(tabulate([_summary(0.01, 0.3, masked=False)] * 3))
    assert not verdict.good
    assert "does not hold" in verdict.text
    assert verdict.sites == ()


@pytest.mark.models
def test_single_scenes_by_command(capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["--timesteps", "500,100", "--t-tea", "100", "--t-stu", "500", "--json"]
    assert main(["probe", "--scene", "3", "--scene", "5-6,9", *asked]) == 0
    assert json.loads(capsys.readouterr().out)["num_pictures"] == 4
    for wrong in ("cat", "3-", "6-5", "-1", ""):
        with pytest.raises(SystemExit):
            main(["probe", f"--scene={wrong}", *asked])
    assert "no indices of scenes" in capsys.readouterr().err


def test_scenes_by_command(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    figure = tmp_path / "decay.png"
    asked = ["--timesteps", "950,600", "--t-tea", "50", "--figure", str(figure)]
    assert main(["probe", "--scenes", "3", "--json", *asked]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [one["timestep"] for one in told["levels"]] == [950, 900, 600, 50]
    mean, low, high = told["levels"][-1]["peak_in_mask"]
    assert 0.5 < mean <= 1
    assert low <= mean <= high
    assert told["verdict"]["good"] is True
    assert Image.open(figure).width > 500


@pytest.mark.models
def test_a_folder_with_masks_by_command(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for i in range(2):
        scene = from_scene(i)
        scene.image.save(tmp_path / f"{i}.png")
        (tmp_path / f"{i}.txt").write_text(scene.caption)
        for noun, mask in scene.masks.items():
            mask.save(tmp_path / f"{i}.mask-{noun}.png")
    kept = from_file(tmp_path / "0.png", "x").masks
    assert kept.keys() == from_scene(0).masks.keys()
    assert main(["probe", str(tmp_path), "--csv", "--timesteps", "900,0"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("timestep,concentration,concentration_low")
    assert "mass_in_mask" in lines[0]
    assert len(lines) == 3


@pytest.mark.models
def test_a_lora_is_worn_while_probing_and_gone_after(tmp_path: Path) -> None:
    from peft import LoraConfig

    studio = Studio(device="cpu")
    from diffusers import StableDiffusionPipeline

    from t2i_studio.config import ASSETS

    pipe = StableDiffusionPipeline.from_pretrained(ASSETS / "emoji-unet")
    torch.manual_seed(0)
    pipe.unet.add_adapter(LoraConfig(r=2, target_modules=["to_q", "to_k"], init_lora_weights=False))
    from peft.utils import get_peft_model_state_dict

    pipe.save_lora_weights(tmp_path, unet_lora_layers=get_peft_model_state_dict(pipe.unet))
    base = studio.probe(from_scene(0), timesteps=(900, 0))
    worn = studio.probe(from_scene(0), timesteps=(900, 0), lora=str(tmp_path))
    again = studio.probe(from_scene(0), timesteps=(900, 0))
    assert np.abs(base.main - worn.main).max() > 1e-4
    assert np.array_equal(base.main, again.main)


@pytest.mark.models
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "Say what to probe"),
        (["--scenes", "0"], "0 scenes"),
        (["--scenes", "1", "--t-tea", "950"], "not below the student"),
        (["--scenes", "1", "--timesteps", "1200,0"], "too large"),
    ],
)
def test_bad_requests_say_what_to_do(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["probe", *arguments]) != 0
    assert said in capsys.readouterr().err


def test_a_caption_without_nouns_is_refused(pipe, family: Family) -> None:
    with pytest.raises(PromptError, match="names nothing"):
        probe(pipe, family, ProbeSettings(**SMALL), Picture("x", PICTURE.image, "very beautiful"))
    with pytest.raises(SettingError, match="too large"):
        probe(pipe, family, ProbeSettings(**{**SMALL, "timesteps": (5000, 0)}), PICTURE)


def test_a_broken_picture_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "broken.png"
    file.write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    with pytest.raises(InputError):
        from_file(file, "a cat")
