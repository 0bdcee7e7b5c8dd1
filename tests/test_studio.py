"""The façade, end to end, on a tiny model and the parser that ships."""

from __future__ import annotations

import errno
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file, save_file

from t2i_studio import Studio
from t2i_studio.errors import InputError, PromptError, SettingError, StorageError, UnsafeCheckpoint
from t2i_studio.families import FAMILIES
from t2i_studio.records import taught_on
from t2i_studio.studio import result_of
from t2i_studio.training.settings import IN_LORA, TrainSettings

pytestmark = pytest.mark.models
SMALL = {"steps": 3, "width": 64, "height": 64, "guidance_scale": 4.0}


@pytest.fixture(scope="module")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model") / "tiny"
    FAMILIES["stable-diffusion"].tiny().save_pretrained(folder)
    return folder


@pytest.fixture
def studio(tiny_folder: Path) -> Studio:
    return Studio(str(tiny_folder), device="cpu")


def test_a_prompt_becomes_a_kept_run(studio: Studio) -> None:
    run = studio.generate("a cat and a dog", seed=1, **SMALL)
    assert run.prompt.ids == ("cat", "dog")
    assert run.image.size == (64, 64)
    assert run.maps is not None
    assert run.maps["cat"].shape[0] == 3
    assert run.maps.timesteps == tuple(sorted(run.maps.timesteps, reverse=True))
    assert {p.name for p in run.folder.iterdir()} >= {"run.json", "image.png", "maps.safetensors", "metrics.csv"}
    kept = studio.runs.load(run.id)
    assert np.array_equal(np.asarray(kept.image), np.asarray(run.image))
    assert np.array_equal(kept.maps["dog"], run.maps["dog"])
    assert kept.settings == run.settings


def test_replay_gives_the_same_pixels_and_maps(studio: Studio, tmp_path: Path) -> None:
    run = studio.generate("a cat", seed=5, heads=True, sites="all", scheduler="EulerDiscreteScheduler", **SMALL)
    again = studio.replay(run.id, out=tmp_path / "again")
    assert again.folder == tmp_path / "again"
    assert np.array_equal(np.asarray(run.image), np.asarray(again.image))
    for name, stack in run.maps.stacks.items():
        assert np.array_equal(stack.values_TSNYX, again.maps.stacks[name].values_TSNYX)
        assert np.array_equal(stack.heads_TSHNYX, again.maps.stacks[name].heads_TSHNYX)


def test_capture_does_not_change_the_picture(studio: Studio) -> None:
    seen = studio.generate("a cat and a dog", seed=2, **SMALL)
    blind = studio.generate("a cat and a dog", seed=2, nouns=(), **SMALL)
    assert blind.maps is None
    assert np.array_equal(np.asarray(seen.image), np.asarray(blind.image))


def test_a_prompt_without_nouns_is_painted_and_says_so(studio: Studio) -> None:
    run = studio.generate("very quickly", seed=2, **SMALL)
    assert run.maps is None
    assert any("by hand" in note for note in run.notes)
    chosen = studio.generate("very quickly", seed=2, nouns=("quickly",), **SMALL)
    assert chosen.maps.nouns == ("quickly",)


def test_what_falls_past_the_limit_is_told_by_word(studio: Studio) -> None:
    run = studio.generate("a cat " + "and a dog " * 125, seed=2, **SMALL)
    assert any("limit" in note and "dog" in note for note in run.notes)
    assert "cat" in run.maps.nouns


@pytest.mark.parametrize(
    "prompt", ["🐱 ☃", "חתול וכלב", "a\ncat\tand", "!!!", "Café ñandú", "<script>alert(1)</script>"]
)
def test_any_text_is_painted(studio: Studio, prompt: str) -> None:
    assert studio.generate(prompt, **SMALL).image.size == (64, 64)


@pytest.mark.parametrize("prompt", ["", "   ", "\n\t"])
def test_an_empty_prompt_is_refused(studio: Studio, prompt: str) -> None:
    with pytest.raises(PromptError, match="empty"):
        studio.generate(prompt, **SMALL)


@pytest.mark.parametrize(
    ("values", "name"),
    [({"steps": 0}, "steps"), ({"width": 100}, "width"), ({"seed": -1}, "seed"), ({"scheduler": "Eular"}, "scheduler")],
)
def test_settings_that_can_not_be(studio: Studio, values: dict, name: str) -> None:
    with pytest.raises(SettingError) as caught:
        studio.generate("a cat", **{**SMALL, **values})
    assert caught.value.name == name
    assert studio.runs.count() == 0


def test_a_noun_that_is_not_there(studio: Studio) -> None:
    with pytest.raises(PromptError, match="zebra"):
        studio.generate("a cat", nouns=("zebra",), **SMALL)


def test_loras_that_can_not_be(studio: Studio, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no LoRA"):
        studio.generate("a cat", lora=str(tmp_path / "none"), **SMALL)
    (tmp_path / "lora.pt").write_bytes(b"\x80")
    with pytest.raises(UnsafeCheckpoint):
        studio.generate("a cat", lora=str(tmp_path / "lora.pt"), **SMALL)
    assert studio.generate("a cat", **SMALL).maps is not None


def test_a_lora_changes_the_picture_and_leaves_no_trace(studio: Studio, tiny_folder: Path, tmp_path: Path) -> None:
    import torch
    from peft import LoraConfig
    from peft.utils import get_peft_model_state_dict

    pipe = FAMILIES["stable-diffusion"].load(tiny_folder, torch.float32)
    torch.manual_seed(0)
    pipe.unet.add_adapter(LoraConfig(r=2, lora_alpha=2, init_lora_weights=False, target_modules=["to_q", "to_v"]))
    pipe.save_lora_weights(tmp_path, unet_lora_layers=get_peft_model_state_dict(pipe.unet))
    plain = studio.generate("a cat", seed=3, **SMALL)
    changed = studio.generate("a cat", seed=3, lora=str(tmp_path), **SMALL)
    after = studio.generate("a cat", seed=3, **SMALL)
    assert not np.array_equal(np.asarray(plain.image), np.asarray(changed.image))
    assert np.array_equal(np.asarray(plain.image), np.asarray(after.image))
    assert abs(plain.maps["cat"] - changed.maps["cat"]).max() > 0
    assert not changed.notes
    file = tmp_path / "pytorch_lora_weights.safetensors"
    save_file(load_file(file), file, {IN_LORA: TrainSettings(model="another").model_dump_json()})
    told = studio.generate("a cat", seed=3, lora=str(tmp_path), **SMALL).notes
    assert told[0].startswith("The LoRA was taught on another")


def test_a_lora_of_another_model_is_told(tmp_path: Path) -> None:
    told = {IN_LORA: TrainSettings(model="one").model_dump_json()}
    save_file({"x": np.zeros(1)}, tmp_path / "pytorch_lora_weights.safetensors", told)
    (tmp_path / "broken.safetensors").write_bytes(b"{")
    assert taught_on(str(tmp_path)) == taught_on(str(tmp_path / "pytorch_lora_weights.safetensors")) == "one"
    assert taught_on("") == taught_on("owner/lora") == taught_on(str(tmp_path / "broken.safetensors")) == ""


def test_a_cancelled_generation_leaves_nothing_and_the_next_runs(studio: Studio) -> None:
    task = studio.submit(studio.settings("a cat", **{**SMALL, "steps": 500}))
    while task.step < 2 and not task.wait(0.01):
        pass
    task.cancel()
    assert task.wait(60)
    assert task.status == "cancelled"
    assert task.step < 500
    assert studio.runs.count() == 0
    assert studio.generate("a cat", **SMALL).maps is not None


def test_two_generations_at_once_both_come(studio: Studio) -> None:
    tasks = [studio.submit(studio.settings("a cat", seed=s, **SMALL)) for s in (1, 2)]
    runs = [result_of(t) for t in tasks if t.wait(120)]
    assert len({r.id for r in runs}) == 2
    assert studio.runs.count() == 2


def test_full_disk_keeps_the_picture_in_memory(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Image.Image, *_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", full)
    with pytest.raises(StorageError) as caught:
        studio.generate("a cat", **SMALL)
    assert caught.value.run.image.size == (64, 64)
    monkeypatch.undo()
    assert not list(studio.runs.root.glob("*cat*"))


@pytest.mark.models
@pytest.mark.parametrize("scheduler", ["PNDMScheduler", "HeunDiscreteScheduler", "UniPCMultistepScheduler"])
def test_schedulers_that_call_the_model_more_often_than_they_have_steps(tmp_path: Path, scheduler: str) -> None:
    FAMILIES["stable-diffusion"].tiny().save_pretrained(tmp_path / "tiny")
    run = Studio(str(tmp_path / "tiny"), home=tmp_path).generate("a cat and a dog", steps=6, scheduler=scheduler)
    assert run.maps is not None
    assert run.maps.num_steps >= 6
    assert all((run.maps["cat"].sum((1, 2)) > 0).tolist())


def test_a_guided_run_is_kept_with_what_guidance_did(studio: Studio, tmp_path: Path) -> None:
    given = {**SMALL, "steps": 4, "width": 128, "height": 128, "seed": 1}
    plain = studio.generate("a red cat and a dog", **given)
    run = studio.generate(
        "a red cat and a dog", guide="ai-t2i", guide_weights=("presence=2",), boxes=("cat:0,0,0.5,1",), **given
    )
    assert not np.array_equal(np.asarray(plain.image), np.asarray(run.image))
    assert [step.step for step in run.guidance] == [0, 1]
    assert set(run.guidance[0].losses) == {"aggregation", "isolation", "presence", "attribute", "layout"}
    kept = studio.runs.load(run.id)
    assert kept.guidance == run.guidance
    assert kept.settings == run.settings
    rows = (run.folder / "guidance.csv").read_text().splitlines()
    assert len(rows) == 3
    assert rows[0].startswith("step,timestep,aggregation")
    with zipfile.ZipFile(studio.runs.export(run.id, tmp_path / "run.zip")) as archive:
        assert f"{run.id}/guidance.csv" in archive.namelist()
    assert {one.method for one in studio.runs.list()} == {"ai-t2i", "none"}
    again = studio.replay(run)
    assert np.array_equal(np.asarray(again.image), np.asarray(run.image))
    assert np.array_equal(again.maps["cat"], run.maps["cat"])
    none = studio.generate("a red cat and a dog", guide="ai-t2i", guide_strength=0, **given)
    assert np.array_equal(np.asarray(none.image), np.asarray(plain.image))


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({"guide": "ai"}, "guide"), ({"guide": "ai-t2i", "guide_weights": ("agregation=1",)}, "agregation"),
        ({"guide": "boxdiff"}, "boxes"), ({"guide": "ai-t2i", "boxes": ("cat:1",)}, "boxes"),
        ({"guide": "ai-t2i", "scheduler": "UniPCMultistepScheduler"}, "scheduler"),
        ({"scheduler": "LMSDiscreteScheduler"}, "scheduler"),
    ],
)  # fmt: skip
def test_guidance_that_can_not_be(studio: Studio, values: dict, name: str) -> None:
    with pytest.raises(SettingError) as caught:
        studio.generate("a cat and a dog", **{**SMALL, "width": 128, "height": 128, **values})
    assert caught.value.name == name
