"""What the tabs that ask share: how one fills another, which models there are, how quiet events are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import gradio as gr

    from ...config import GenerateSettings
    from ...studio import Studio

PRIVATE: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
"""Of events that are the page's own affair."""


@dataclass(frozen=True)
class Asking:
    """How another tab fills this one's controls: `fill` takes a run's id."""

    fill: Callable[[str], list[Any]]
    outputs: list[gr.Component]
    fill_settings: Callable[[GenerateSettings], list[Any]]
    "The same for settings that no run was made with yet."


def model_choices(studio: Studio) -> list[tuple[str, str]]:
    """Listed models, as the drop-down shows them."""
    return [(f"{name} · {known.title}" if known.title else name, name) for name, known in studio.models().items()]
