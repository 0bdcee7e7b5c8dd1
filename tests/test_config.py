"""Settings say what is wrong, by name, and what to do."""

from __future__ import annotations

import pytest

from t2i_studio.config import GenerateSettings, ModelSettings, known_models
from t2i_studio.errors import SettingError


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


def test_own_models_are_listed(studio_home) -> None:
    (studio_home / "models").mkdir(parents=True)
    (studio_home / "models" / "mine.yaml").write_text("family: stable-diffusion\nsource: /somewhere\n")
    assert known_models()["mine"].source == "/somewhere"


def test_broken_yaml_says_which_file(tmp_path) -> None:
    file = tmp_path / "broken.yaml"
    file.write_text("family: [")
    with pytest.raises(SettingError, match=r"broken\.yaml"):
        ModelSettings.from_yaml(file)
