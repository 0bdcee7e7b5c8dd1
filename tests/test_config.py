"""Settings say what is wrong, by name, and what to do."""

from __future__ import annotations

import pytest

from t2i_studio import Studio
from t2i_studio.config import GenerateSettings, ModelSettings, known_models
from t2i_studio.errors import SettingError, StudioError
from t2i_studio.guidance import choose_method


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({"steps": 0}, "steps"),
        ({"steps": 10_000}, "steps"),
        ({"seed": -1}, "seed"),
        ({"seed": 2**32}, "seed"),
        ({"width": 130}, "width"),
        ({"height": 0}, "height"),
        ({"guidance_scale": float("nan")}, "guidance_scale"),
        ({"guidance_scale": "much"}, "guidance_scale"),
        ({"offload": "gpu"}, "offload"),
        ({"prompt": "a" * 30_000}, "prompt"),
    ],
)
def test_bad_values_name_their_setting(values: dict, name: str) -> None:
    with pytest.raises(SettingError) as caught:
        GenerateSettings.checked(**values)
    assert caught.value.name == name
    assert name.split("_", maxsplit=1)[0] in str(caught.value).lower()
    assert "\n" not in str(caught.value)
    assert caught.value.remedy


def test_unknown_key_names_the_nearest() -> None:
    with pytest.raises(SettingError, match="'guidance_scale'"):
        GenerateSettings.checked(guidance_scales=3)


def test_numbers_may_come_as_text_from_the_command_line() -> None:
    settings = GenerateSettings.checked(steps="12", guidance_scale="3.5", seed="7")
    assert (settings.steps, settings.guidance_scale, settings.seed) == (12, 3.5, 7)


def test_listed_models_are_valid_and_their_defaults_too() -> None:
    models = known_models()
    assert "emoji-unet" in models
    for model in models.values():
        GenerateSettings.checked(**model.defaults)
        for method, dials in model.dials.items():
            choose_method(method, **dials)


def test_a_models_dials_fill_what_was_left_open(studio_home) -> None:
    studio = Studio("emoji-unet-early")
    own = studio.dials("ai-t2i")
    assert [text.partition("=")[0] for text in own] == ["step_size", "window"]
    assert studio.settings("a cat", guide="ai-t2i").guide_weights == own
    mixed = studio.settings("a cat", guide="ai-t2i", guide_weights=("step-size=3", "isolation=1"))
    assert mixed.guide_weights == ("step-size=3", "isolation=1", own[1])
    assert studio.settings("a cat").guide_weights == ()
    assert studio.settings("a cat", guide="ai-t2i", model="emoji-unet").guide_weights == ()


@pytest.mark.parametrize(
    ("changes", "told"),
    [({"model": "emoji-unte"}, "emoji-unte"), ({"lora": "/nowhere/x.safetensors"}, "no LoRA"),
     ({"guide": "ai-t2i", "scheduler": "UniPCMultistepScheduler"}, "can't be guided"),
     ({"guide": "ai-t2i", "boxes": ("cat",)}, "box"), ({"guide": "ai-t2i", "attributes": ("red",)}, "attribute")],
)  # fmt: skip
def test_what_would_stop_an_evaluation_is_told_before_it_starts(studio_home, changes: dict, told: str) -> None:
    with pytest.raises(StudioError, match=told):
        Studio().plan_evaluation(suite="attend-and-excite-tuning", ways={"first": {}, "second": changes})


def test_own_models_are_listed(studio_home) -> None:
    (studio_home / "models").mkdir(parents=True)
    (studio_home / "models" / "mine.yaml").write_text("family: stable-diffusion\nsource: /somewhere\n")
    assert known_models()["mine"].source == "/somewhere"


def test_broken_yaml_says_which_file(tmp_path) -> None:
    file = tmp_path / "broken.yaml"
    file.write_text("family: [")
    with pytest.raises(SettingError, match=r"broken\.yaml"):
        ModelSettings.from_yaml(file)
