"""What the tab Runs asks for. Plain values in, plain values out; problems are told in `problem`."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ...errors import InputError, RunError, StudioError
from ...runs import RunSummary
from ...types import Run
from .. import exports, stage
from ..losses import series

if TYPE_CHECKING:
    from ...studio import Studio
    from ..scratch import Scratch

MOST = 100
"""Runs a page at most: thumbnails travel with the answer."""


class RunsHandlers:
    """The events of the tab over one studio."""

    def __init__(self, studio: Studio, scratch: Scratch) -> None:
        self.studio, self.scratch = studio, scratch

    def find(self, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """One page of runs, newest first; `wanted`: query, model, method, since, until, offset, limit."""
        try:
            given = filters(wanted)
            runs = self.studio.runs
            limit = min(MOST, max(1, int(wanted.get("limit") or 24)))
            items = runs.list(**given, offset=max(0, int(wanted.get("offset") or 0)), limit=limit)
            return {
                "items": [self._card(item) for item in items], "total": runs.count(**given),
                "models": list(runs.models()), "methods": list(runs.methods()),
            }  # fmt: skip
        except (StudioError, ValueError, TypeError) as error:
            return {"problem": str(error)}

    def _card(self, item: RunSummary) -> dict[str, Any]:
        parts = [item.model, f"seed {item.seed}", f"{item.num_steps} steps"]
        if item.method != "none":
            parts.insert(1, item.method)
        return {
            "id": item.id, "prompt": item.prompt, "created": item.created, "facts": " · ".join(parts),
            "thumbnail": self._thumbnail(item),
        }  # fmt: skip

    def _thumbnail(self, item: RunSummary) -> str:
        """A data URL; empty where the picture is gone, which opening the run explains."""
        try:
            file = self.studio.runs.thumbnail(item.folder)
            return f"data:image/{file.suffix[1:]};base64," + base64.b64encode(file.read_bytes()).decode()
        except (RunError, OSError):
            return ""

    def open_run(self, run_id: str) -> dict[str, Any]:
        """A run for the player, what can be taken of it, and what was asked."""

        def opened() -> dict[str, Any]:
            run = self.studio.runs.load(str(run_id))
            return {
                "look": stage.picture(run, self.scratch), "keep": exports.card(self.studio, run),
                "losses": guided(run), "prompt": run.prompt.text, "asked": asked(run), "facts": outcome(run),
            }  # fmt: skip

        return _told(opened)

    def delete_run(self, run_id: str) -> dict[str, Any]:
        """Take a run off the list; `restore_run` brings it back."""
        return _told(lambda: {"folder": str(self.studio.runs.delete(str(run_id)))})

    def restore_run(self, run_id: str) -> dict[str, Any]:
        """Bring a deleted run back."""
        return _told(lambda: {"folder": str(self.studio.runs.restore(str(run_id)))})


def _told(work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    try:
        return work()
    except StudioError as error:
        return {"problem": str(error)}


def filters(wanted: Mapping[str, Any]) -> dict[str, Any]:
    """What `RunStore.list` and `count` take of it; times are ISO 8601.

    Raises:
        InputError: a time can't be read.
    """
    try:
        times = {name: datetime.fromisoformat(wanted[name]) for name in ("since", "until") if wanted.get(name)}
    except ValueError as error:
        raise InputError(f"Not a time: {error}.", "Write e.g. 2026-01-31 or 2026-01-31T12:00:00.") from None
    return {name: str(wanted.get(name) or "") for name in ("query", "model", "method")} | times


def guided(run: Run) -> list[dict[str, Any]]:
    """What guidance did, where there was any."""
    if not run.guidance:
        return []
    return [series(str(run.settings.get("guide") or ""), run.guidance, int(run.settings.get("steps") or 0))]


def asked(run: Run) -> list[tuple[str, str]]:
    """Name and value of every setting that was asked for."""
    shown = [("prompt", run.prompt.text)]
    for name, value in run.settings.items():
        if name != "prompt" and value not in (None, "", ()):
            text = ", ".join(map(str, value)) if isinstance(value, (tuple, list)) else str(value)
            shown.append((name.replace("_", " "), text))
    return shown


def outcome(run: Run) -> list[tuple[str, str]]:
    """Name and value of what came of it: layers recorded, seconds, versions."""
    stacks = run.maps.stacks if run.maps else {}
    return [
        ("run", run.id), ("created", run.created),
        *((f"layers at {name.replace('x', '×')}", str(len(stack.sites))) for name, stack in stacks.items()),
        *((f"seconds: {part}", f"{seconds:.1f}") for part, seconds in run.timings.items()),
        *((f"version of {name}", text) for name, text in run.versions.items()),
    ]  # fmt: skip


def summary(item: RunSummary) -> dict[str, Any]:
    """A line of the list as JSON."""
    return {**asdict(item), "nouns": list(item.nouns), "folder": str(item.folder)}
