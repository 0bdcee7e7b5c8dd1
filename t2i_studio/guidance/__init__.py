"""Steering a picture while it is made, by losses on its attention maps.

    from t2i_studio.guidance import guide

    with guide(pipe, "a cat and a dog", method="ai-t2i"):
        image = pipe("a cat and a dog").images[0]

diffusers' own pipelines run; there is no sampling loop of ours.
"""

from __future__ import annotations

from .guide import Guidance, guide
from .method import Method
from .methods import METHODS, choose_method
from .written import read_boxes, read_weights

__all__ = ["METHODS", "Guidance", "Method", "choose_method", "guide", "read_boxes", "read_weights"]
