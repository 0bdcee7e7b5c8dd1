"""What the tabs that ask share: how one fills another, which models there are, how quiet events are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import gradio as gr

    from ...config import GenerateSettings
    from ...studio import Studio

PRIVATE: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
"""Of events that are the page's own affair."""


@dataclass(frozen=True)
class Asking:
    """How another tab fills this one's controls, and which parts of this one send a run to another tab."""

    fill: Callable[[str], list[Any]]
    "Takes a run's id."
    outputs: list[gr.Component]
    fill_settings: Callable[[GenerateSettings], list[Any]] | None = None
    "The same for settings that no run was made with yet."
    settings: dict[str, gr.Component] = field(default_factory=dict)
    "Its controls by the names of their settings."
    dials: dict[str, gr.Component] = field(default_factory=dict)
    "Its controls of guidance, which come with a model."
    result: gr.HTML | None = None
    "What it shows; its event `select` may lead on to another tab."
    doors: tuple[gr.HTML, ...] = ()
    "Their event `select` carries `run`, and `to` where a tab is meant."


def model_choices(studio: Studio) -> list[tuple[str, str]]:
    """Listed models, as the drop-down shows them."""
    return [(f"{name} · {known.title}" if known.title else name, name) for name, known in studio.models().items()]
