"""Which pipelines can be guided: those that tell which rows are the prompt's, without what breaks gradients."""

from __future__ import annotations

from typing import Any

from ..errors import SettingError

BREAKING = {"layerwise_casting": "Layerwise casting", "group_offloading": "Group offloading"}
"""diffusers' hooks that a pass with gradients or an early exit would break."""


def check_rows(pipe: Any, denoiser: Any) -> None:
    """Refuse pipelines whose batch is not the prompt's rows after the negative prompt's, and what breaks gradients."""
    if getattr(pipe, "do_perturbed_attention_guidance", False) or "PAG" in type(pipe).__name__:
        raise SettingError("Perturbed-attention guidance can't be combined.", "Use the plain pipeline.", "guide")
    if "InstructPix2Pix" in type(pipe).__name__:
        raise SettingError(
            "InstructPix2Pix can't be guided: its rows mean other things.", "Use a text-to-image model.", "guide"
        )
    if not hasattr(type(pipe), "do_classifier_free_guidance"):
        raise SettingError(
            f"{type(pipe).__name__} does not tell which of its rows are the prompt's.",
            "Use a text-to-image, image-to-image, inpainting or ControlNet pipeline.", "guide",
        )  # fmt: skip
    if getattr(denoiser, "is_gradient_checkpointing", False):
        raise SettingError(
            "Gradient checkpointing can't be combined with guidance.", "Call disable_gradient_checkpointing().", "guide"
        )
    hooks = {name for m in denoiser.modules() for name in getattr(getattr(m, "_diffusers_hook", None), "hooks", ())}
    if found := sorted(hooks & BREAKING.keys()):
        raise SettingError(f"{BREAKING[found[0]]} breaks guidance.", "Load the model without it.", "guide")
