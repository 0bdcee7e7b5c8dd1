"""Following a task from a page. The task lives in the studio: a page that goes away ends nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ..errors import ModelError, PromptError, StudioError
from . import stage
from .scratch import Scratch

if TYPE_CHECKING:
    from ..tasks import Task

INTERVAL = 0.2
"""Seconds between two looks at a running task."""


def watch(task: Task, scratch: Scratch) -> Iterator[dict[str, Any]]:
    """The stage's value whenever it changes, the end last.

    A reload of the page throws `GeneratorExit` in here; the task goes on, and `demo.load` finds it.
    """
    seen: dict[str, Any] = {}
    preview = 0
    ended = False
    while not ended:
        ended = task.wait(0 if not seen else INTERVAL)
        now = stage.view(task, scratch, preview)
        if now != seen:
            seen = now
            preview = id(task.preview)
            yield now


def place_of(error: StudioError) -> str:
    """The setting whose control caused an error; empty where none did."""
    name = getattr(error, "name", "")
    if name:
        return name
    if isinstance(error, PromptError):
        return "prompt"
    return "model" if isinstance(error, ModelError) else ""
