"""Controls follow the settings; what they hold comes back as settings or as a message that names one."""

from __future__ import annotations

import gradio as gr
import pytest

from t2i_studio.config import GenerateSettings
from t2i_studio.errors import SettingError
from t2i_studio.ui.controls import BESIDE, GROUPS, control, settings_from


def test_every_setting_has_one_place() -> None:
    folded = [name for _, names in GROUPS.values() for name in names]
    assert sorted([*folded, *BESIDE]) == sorted(GenerateSettings.model_fields)


@pytest.mark.parametrize("name", sorted(set(GenerateSettings.model_fields) - {"nouns"}))
def test_control_tells_what_the_field_says(name: str) -> None:
    field = GenerateSettings.model_fields[name]
    made = control(name)
    assert made.info == field.description  # type: ignore[attr-defined]
    assert made.elem_id == f"setting-{name}"
    assert made.label


@pytest.mark.parametrize(
    ("name", "kind"), [("steps", gr.Number), ("heads", gr.Checkbox), ("sites", gr.Dropdown), ("lora", gr.Textbox)]
)
def test_control_fits_the_type(name: str, kind: type) -> None:
    assert isinstance(control(name), kind)


def test_pattern_becomes_choices() -> None:
    made = control("dtype")
    assert isinstance(made, gr.Dropdown)
    assert [value for _, value in made.choices] == ["auto", "float32", "float16", "bfloat16"]
    assert not made.allow_custom_value


@pytest.mark.parametrize(
    ("name", "value"),
    [("steps", 0), ("steps", 10_000), ("steps", None), ("steps", 3.5), ("seed", -1), ("seed", 2**32), ("width", 130),
     ("height", None), ("guidance_scale", float("nan")), ("device", "auto"), ("language", "klingon!"), ("model", " ")],
)  # fmt: skip
def test_bad_values_name_their_control(name: str, value: object) -> None:
    if name == "device":
        assert settings_from({name: value}).device == "auto"
        return
    with pytest.raises(SettingError) as told:
        settings_from({"prompt": "a cat", name: value})
    assert told.value.name == name
    assert told.value.remedy


def test_whole_floats_of_a_number_box_are_integers() -> None:
    assert settings_from({"steps": 30.0, "seed": 7.0}).steps == 30
