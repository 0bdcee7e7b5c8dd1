"""The page. Knows the studio's façade and how to draw; knows no model, no torch."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

# Read by Gradio when it is imported.
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

if TYPE_CHECKING:
    import gradio as gr

    from ..studio import Studio

__all__ = ["build_app"]


def build_app(studio: Studio) -> gr.Blocks:
    """The whole page over one studio; `page.launch` shows it."""
    from .page import build

    return build(studio)
