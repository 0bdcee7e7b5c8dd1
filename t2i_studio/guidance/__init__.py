"""Steering a picture while it is made, by losses on its attention maps.

    from t2i_studio.guidance import guide

    with guide(pipe, "a cat and a dog", method="ai-t2i"):
        image = pipe("a cat and a dog").images[0]

diffusers' own pipelines run; there is no sampling loop of ours. Importing this package loads neither
torch nor diffusers: pages ask it for names and dials.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .method import Method
from .methods import METHODS, choose_method
from .written import read_attributes, read_boxes, read_weights, with_dials, write_boxes

if TYPE_CHECKING:
    from .steering import Guidance, guide

__all__ = [
    "METHODS", "Guidance", "Method", "choose_method", "guide", "read_attributes", "read_boxes", "read_weights",
    "with_dials", "write_boxes",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in ("Guidance", "guide"):
        from importlib import import_module

        return getattr(import_module(f"{__name__}.steering"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
