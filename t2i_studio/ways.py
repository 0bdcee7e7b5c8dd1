"""Axes of a comparison: models × LoRAs × guidance, each combination a way of painting with a label."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

NONE = "none"
"""No LoRA, or no guidance."""
_EVERY_LORA = "pytorch_lora_weights"
"""The name that diffusers gives every LoRA; its folder tells more."""


def ways(
    models: Sequence[str] = (), loras: Sequence[str] = (), guides: Sequence[str] = ()
) -> dict[str, dict[str, Any]]:
    """Label → settings of every combination; models change slowest, as loading one takes time.

    An axis without values leaves the setting as it is; the label names the axes that are given.

    Args:
        guides: `none`, `ai-t2i`, `attend-and-excite:refine=false`; several dials are joined by `:`.
    """
    axes = [
        [(name, {"model": model}) for model, name in zip(models, _names(models), strict=True)],
        [(name, {"lora": "" if lora == NONE else lora}) for lora, name in zip(loras, _names(loras), strict=True)],
        [(guide, _guide(guide)) for guide in guides],
    ]
    found: dict[str, dict[str, Any]] = {}
    if not any(axes):
        return found
    for chosen in product(*(axis for axis in axes if axis)):
        settings = {key: value for _, part in chosen for key, value in part.items()}
        found[" · ".join(label for label, _ in chosen)] = settings
    return found


def _guide(text: str) -> dict[str, Any]:
    name, *dials = text.split(":")
    # Said even where it is none, so that a setting which holds for all ways can't creep in.
    return {"guide": "", "guide_weights": ()} if name == NONE else {"guide": name, "guide_weights": tuple(dials)}


def _names(sources: Sequence[str]) -> list[str]:
    """Short names of models or LoRAs; whole ones where two would be called alike."""
    short = [_short(source) for source in sources]
    count = Counter(short)
    return [name if count[name] == 1 else source for name, source in zip(short, sources, strict=True)]


def _short(source: str) -> str:
    if source == NONE:
        return "no LoRA"
    path = Path(source)
    name = path.stem if path.suffix == ".safetensors" else path.name
    return path.parent.name if name == _EVERY_LORA and path.parent.name else name
