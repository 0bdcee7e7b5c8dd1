"""The page's pulse: what the status bar shows, and whether anything has changed that a tab shows.

A look at a component costs the browser much more than the server (Gradio walks its whole tree for each output
of each event), so a page at rest only asks, by a plain call, and wakes the tabs that something concerns.
"""

from __future__ import annotations

import uuid
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from zlib import crc32

from ..errors import StudioError
from .parts import part

if TYPE_CHECKING:
    from collections.abc import Sequence

    import gradio as gr

    from ..jobs import Job
    from ..studio import Studio
    from ..tasks import Task

BEAT = 2.0
"""Seconds between two looks at what runs."""


def bar(studio: Studio) -> gr.HTML:
    """The status bar, which beats: parts that call `onPulse("tasks")` or `onPulse("jobs")` get its ticks."""
    page = uuid.uuid4().hex  # another one after a restart: what the browser holds is of no use then

    def pulse(_: Any) -> dict[str, Any]:
        return look(studio) | {"page": page}

    return part("statusbar", look(studio)["status"], server_functions=[pulse], beat=BEAT, page=page)


def look(studio: Studio) -> dict[str, Any]:
    """The bar's value, and by topic a number that changes with what the tabs show of it."""
    queue = studio.jobs
    with suppress(StudioError, OSError):  # a full disk is told where jobs are shown; the page lives on
        queue.advance()
    jobs, active, latest = queue.store.all(), studio.active(), studio.latest
    tasks = [*active, *([latest] if latest else [])]
    return {
        "status": status(studio, active, jobs),
        "stamps": {
            "tasks": _stamp([(task.id, task.status, task.message) for task in tasks]),
            "jobs": _stamp([(job.id, job.state, job.attempts, job.progress, queue.written(job)) for job in jobs]),
        },
    }


def _stamp(known: object) -> int:
    return crc32(repr(known).encode())


def status(studio: Studio, active: Sequence[Task], jobs: Sequence[Job]) -> dict[str, Any]:
    """What the status bar shows of tasks that have not ended, and of jobs, oldest first."""
    running = next((task for task in active if task.status == "running"), None)
    seen: dict[str, Any] = {"device": studio.device, "memory": memory(*studio.free_memory()), "text": "idle"}
    seen["waiting"] = [_short(task) for task in active if task.status == "waiting"]
    job = next((job for job in jobs if job.state in ("running", "stopping")), None)
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
