"""Controls made from settings: label, one-line info, kind and default come from the field."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import gradio as gr

from ..config import GenerateSettings, Settings
from ..errors import SettingError

LABELS = {
    "lora": "LoRA",
    "lora_scale": "LoRA strength",
    "guide": "Method",
    "guide_strength": "Strength",
    "maps_of": "Maps of",
    "sites": "Layers to record",
    "heads": "Keep every head",
    "renormalise": "Among the words only",
    "t_tea": "Teacher's timestep",
    "t_stu": "Student's timestep",
    "dtype": "Number format",
}
LINES = {"prompt": 3, "negative_prompt": 2, "validation_prompts": 2}
SUGGESTIONS = {
    "scheduler": [
        ("the model's own", ""),
        *((name, name) for name in (
            "DDIMScheduler", "DPMSolverMultistepScheduler", "EulerDiscreteScheduler",
            "EulerAncestralDiscreteScheduler", "DDPMScheduler", "UniPCMultistepScheduler", "PNDMScheduler",
        )),
    ],
    "device": ["auto", "cpu", "cuda", "mps"],
    "language": [("English", "en"), ("Deutsch", "de"), ("Français", "fr"), ("Español", "es"), ("中文", "zh")],
}  # fmt: skip
GROUPS: dict[str, tuple[str, tuple[str, ...]]] = {
    "Picture": (
        "steps, size, prompt weight",
        ("steps", "guidance_scale", "width", "height", "negative_prompt", "scheduler"),
    ),
    "Attention maps": ("what is recorded", ("maps_of", "sites", "heads", "renormalise")),
    "LoRA": ("a fine-tuned add-on", ("lora", "lora_scale")),
    "Machine": ("device, language", ("device", "dtype", "offload", "language")),
}  # fmt: skip
"""Title → (one-line info, names): what folds away, in the order of the page."""
BESIDE = frozenset(
    {"prompt", "model", "seed", "nouns", "guide", "guide_strength", "guide_weights", "attributes", "boxes"}
)
"""Settings that are always in sight, or have a place of their own: what guides is the tab Guide's."""


def label_of(name: str) -> str:
    """`guidance_scale` → `Guidance scale`."""
    return LABELS.get(name) or name.replace("_", " ").capitalize()


def control(name: str, value: Any = None, settings: type[Settings] = GenerateSettings, **options: Any) -> gr.Component:
    """The control of one setting.

    Ranges are told, not enforced: a value out of range must reach the settings, which say beside
    the control what is wrong; Gradio's own limits answer with a toast.
    """
    field = settings.model_fields[name]
    kind = field.annotation
    shared: dict[str, Any] = {
        "label": label_of(name), "info": field.description, "elem_id": f"setting-{name}",
        "value": field.default if value is None else value, "interactive": True, **options,
    }  # fmt: skip
    own = shared.pop("choices", None) or SUGGESTIONS.get(name)
    choices = own or _choices(field.metadata)
    if choices:
        return gr.Dropdown(choices, allow_custom_value=own is not None, **shared)
    if kind is bool:
        return gr.Checkbox(**shared)
    if kind in (int, float):
        step = next((m.multiple_of for m in field.metadata if hasattr(m, "multiple_of")), None)
        return gr.Number(step=step or (1 if kind is int else _step(field.default)), **shared)
    lines = LINES.get(name, 1)
    return gr.Textbox(lines=lines, max_lines=max(lines, 6) if lines > 1 else 1, **shared)


def _step(default: float) -> float:
    """What an arrow adds to a number: half, or a tenth of a default that is smaller."""
    return 0.5 if default >= 0.5 or not default else 10.0 ** math.floor(math.log10(default) - 1)


def _choices(metadata: list[Any]) -> list[str]:
    """`^(a|b)$` → a, b."""
    for constraint in metadata:
        found = re.fullmatch(r"\^\(([\w |]+)\)\$", str(getattr(constraint, "pattern", "")))
        if found:
            return found.group(1).split("|")
    return []


def settings_from(values: Mapping[str, Any], nouns: list[str] | None = None) -> GenerateSettings:
    """What the page holds → checked settings. Raises `SettingError` that names the control."""
    return GenerateSettings.checked(**cleaned(values), nouns=None if nouns is None else tuple(nouns))


def cleaned(values: Mapping[str, Any]) -> dict[str, Any]:
    """What controls hold, without blanks round it. Raises `SettingError` for a number that is missing."""
    given = dict(values)
    for name, value in given.items():
        kind = GenerateSettings.model_fields[name].annotation
        if value is None and kind in (int, float):
            info = GenerateSettings.model_fields[name].description or ""
            raise SettingError(f"{label_of(name)} is empty.", info, name=name)
        if kind is str:
            given[name] = "" if value is None else str(value) if name == "prompt" else str(value).strip()
    return given


def as_text(values: Sequence[float]) -> str:
    """Numbers as they are typed: `900, 700, 500`."""
    return ", ".join(f"{value:g}" for value in values)


def numbers(text: str, name: str) -> list[float]:
    """Typed numbers, separated by commas or blanks. Raises `SettingError` that names the control."""
    try:
        return [float(part) for part in text.replace(",", " ").split()]
    except ValueError:
        raise SettingError(f"{label_of(name)}: {text[:60]!r} are no numbers.", "Write 900, 700, 500.", name) from None
