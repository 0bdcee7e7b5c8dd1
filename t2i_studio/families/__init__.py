"""Model families: one file each, one line here. The only folder that knows a model's inside."""

from __future__ import annotations

from typing import Any

from . import quiet  # isort: skip  # first: see there
from ..errors import ModelBroken
from .base import Family
from .checkpoints import check_source, is_hub_id, read_index
from .stable_diffusion import StableDiffusion
from .stable_diffusion_3 import StableDiffusion3
from .stable_diffusion_xl import StableDiffusionXL

__all__ = ["FAMILIES", "Family", "check_source", "family_for", "family_of", "is_hub_id", "quiet", "read_index"]

FAMILIES: dict[str, Family] = {
    "stable-diffusion": StableDiffusion(),
    "stable-diffusion-xl": StableDiffusionXL(),
    "stable-diffusion-3": StableDiffusion3(),
}


def family_of(index: dict) -> Family | None:
    """The family of a folder with this `model_index.json`, or None."""
    return next((family for family in FAMILIES.values() if family.matches(index)), None)


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
