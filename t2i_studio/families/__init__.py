"""Model families: one file each, one line here. The only folder that knows a model's inside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import quiet  # isort: skip  # first: see there
from ..errors import ModelBroken
from .base import Family
from .checkpoints import check_source, is_hub_id, read_index, tensor_names
from .stable_diffusion import StableDiffusion
from .stable_diffusion_3 import StableDiffusion3
from .stable_diffusion_xl import StableDiffusionXL

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "FAMILIES",
    "Family",
    "check_source",
    "family_for",
    "family_of",
    "family_of_file",
    "is_hub_id",
    "quiet",
    "read_index",
]

FAMILIES: dict[str, Family] = {
    "stable-diffusion": StableDiffusion(),
    "stable-diffusion-xl": StableDiffusionXL(),
    "stable-diffusion-3": StableDiffusion3(),
}


def family_of(index: dict) -> Family | None:
    """The family of a folder with this `model_index.json`, or None."""
    return next((family for family in FAMILIES.values() if family.matches(index)), None)


def family_of_file(file: Path) -> Family:
    """The family of a single `.safetensors` checkpoint.

    Raises:
        ModelBroken: it can't be read, or is of no family: a LoRA, a VAE, a checkpoint of another kind.
    """
    names = tensor_names(file)
    found = next((family for family in FAMILIES.values() if family.keeps(names)), None)
    if found is None:
        raise ModelBroken(
            f"{file.name} holds no whole checkpoint of a known family.",
            f"Known: {', '.join(FAMILIES)}. A LoRA goes into --lora.",
        )
    return found


def family_for(pipe: Any) -> Family:
    """The family of a loaded pipeline, whatever it does (ControlNet, image to image …).

    Raises:
        ModelBroken: a denoiser that no family knows.
    """
    index = {"_class_name": type(pipe).__name__}
    found = family_of(index) or next((f for f in FAMILIES.values() if f.is_denoised_by(pipe)), None)
    if found is None:
        raise ModelBroken(f"{type(pipe).__name__} is of no known family.", f"Known: {', '.join(FAMILIES)}.")
    return found
