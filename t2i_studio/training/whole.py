"""Full fine-tuning: all weights of the denoiser learn, and a whole pipeline comes out. Has `lora`'s functions."""

from __future__ import annotations

import gc
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from ..errors import ModelBroken
from .lora import freeze, parts
from .trial import predicted

if TYPE_CHECKING:
    from ..families import Family

MODEL = "model"
"""Folder of the pipeline, in that of the training."""


def put_on(pipe: Any, family: Family, rank: int, text: bool, seed: int) -> dict[str, list[torch.nn.Parameter]]:
    """Let all weights of the denoiser learn, and those of its text encoders where wanted; the rest is frozen.

    Args:
        rank: of a LoRA; means nothing here.
        seed: likewise: nothing is new.

    Returns:
        The weights that learn, float32, by the part's name in the pipeline.
    """
    freeze(pipe, family)
    found = {}
    for name, part in parts(pipe, family).items():
        if text or name == family.denoiser_name:
            part.float().requires_grad_(True)
            found[name] = list(part.parameters())
    return found


def state(pipe: Any, family: Family) -> dict[str, dict[str, torch.Tensor]]:
    """The weights that learn, by part, on the CPU; copies."""
    found = {}
    for name, part in parts(pipe, family).items():
        learning = {key: p.detach().cpu().clone() for key, p in part.named_parameters() if p.requires_grad}
        if learning:
            found[name] = learning
    return found


@torch.no_grad()
def set_state(pipe: Any, family: Family, weights: Mapping[str, Mapping[str, torch.Tensor]]) -> None:
    """Put weights that `state` gave back."""
    every = parts(pipe, family)
    for name, values in weights.items():
        known = dict(every[name].named_parameters())
        for key, value in values.items():
            known[key].copy_(value)


def save(
    folder: Path, pipe: Any, family: Family, weights: Mapping[str, Mapping[str, torch.Tensor]], about: Mapping[str, str]
) -> None:
    """Write the pipeline with what it learnt, in the number format it was loaded in.

    Args:
        weights: of `state`; the pipeline wears them already.
        about: header keys of a LoRA; a pipeline folder has no place for them, the card beside it tells.
    """
    for name in weights:
        parts(pipe, family)[name].to(pipe.vae.dtype)
    pipe.save_pretrained(folder / MODEL, safe_serialization=True)


@torch.no_grad()
def check(folder: Path, pipe: Any, family: Family) -> dict[str, float]:
    """Load the written pipeline and see that it predicts other than `pipe`, the one it began as.

    Returns:
        Largest change of the prediction by file.

    Raises:
        ModelBroken: it does not load, or changes nothing.
    """
    base = predicted(pipe, family)
    device, dtype = pipe.vae.device, pipe.vae.dtype
    pipe.to("cpu")  # room for the other one
    gc.collect()
    try:
        learnt: Any = family.load(folder / MODEL, dtype)
        learnt.to(device)
    except Exception as error:
        reason = " ".join(str(error).split())[:200]
        raise ModelBroken(f"{MODEL} does not load: {reason}", "Please report it with this message.") from error
    change = float((predicted(learnt, family) - base).abs().max())
    if not change > 0:  # NaN too
        raise ModelBroken(f"{MODEL} predicts what the model did before.", "Train longer, or with a larger rate.")
    return {MODEL: change}
