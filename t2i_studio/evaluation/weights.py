"""Weights of a scorer, which the user brings: a folder, or a hub id that is in the cache or can be fetched."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from ..errors import InputError, ModelNotFound
from ..paths import typed

T = TypeVar("T")


def loaded(scorer: str, weights: str, example: str, load: Callable[[str], T]) -> T:
    """What `load` makes of the weights.

    Raises:
        InputError: none were named.
        ModelNotFound: nothing usable lies there, or the hub can't be reached.
    """
    if not weights:
        raise InputError(f"{scorer} needs weights.", f"Name a folder or hub id after a colon: {scorer}:{example}.")
    folder = typed(weights)
    try:
        return load(str(folder) if folder.is_dir() else weights)
    except (OSError, ValueError, KeyError) as error:  # transformers' own words for missing, offline, another model
        reason = " ".join(str(error).split())[:200]
        raise ModelNotFound(
            f"{scorer} can't use {weights!r}: {reason}",
            f"Give a folder with the weights, or fetch them once while online, e.g. {scorer}:{example}.",
        ) from None


def device() -> str:
    """Where scorers run: the first GPU, else the CPU."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"
