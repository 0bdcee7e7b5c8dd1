"""Following a task from a page. The task lives in the studio: a page that goes away ends nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ..errors import ModelError, PromptError, StudioError
from . import stage
from .scratch import Scratch

if TYPE_CHECKING:
    from ..studio import Studio
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


def status(studio: Studio) -> dict[str, Any]:
    """What the status bar shows."""
    active = studio.active()
    running = next((task for task in active if task.status == "running"), None)
    seen: dict[str, Any] = {"device": studio.device, "memory": memory(*studio.free_memory()), "text": "idle"}
    seen["waiting"] = [_short(task) for task in active if task.status == "waiting"]
    job = next((job for job in studio.jobs.store.all() if job.state in ("running", "stopping")), None)
    if running is None and job is not None:
        kind, unit = ("", "picture") if job.kind == "make-data" else ("fine-tune ", "step")
        told = f"{kind}{job.title} · {unit} {job.step}/{job.num_steps or '…'}"
        return seen | {"text": told, "done": job.step, "total": job.num_steps}
    if running is None:
        return seen
    return seen | {"text": f"{_short(running)} · {running.message}", "done": running.step, "total": running.num_steps}


def memory(free: int, total: int) -> str:
    """Bytes as the bar says them."""
    return f"{free / 2**30:.1f} of {total / 2**30:.0f} GB free"


def _short(task: Task) -> str:
    prompt = task.settings.prompt
    return prompt if len(prompt) <= 40 else prompt[:39] + "…"
