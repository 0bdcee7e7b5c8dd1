"""Every action under a name, for `gradio_client` and plain HTTP: the page without its looks.

Settings are the fields of `GenerateSettings`; one left out takes the model's default.
"""

from __future__ import annotations

import asyncio
import base64
import inspect
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import gradio as gr
from gradio.data_classes import FileData
from PIL import Image

from ..config import GenerateSettings, InspectSettings, MapSettings
from ..errors import InputError, StudioError
from ..pictures import FORMATS
from ..types import ParsedPrompt, Run
from . import exports
from .scratch import Scratch
from .tabs.runs_events import filters, summary
from .viewer.pack import facts

if TYPE_CHECKING:
    from ..studio import Studio
    from ..tasks import Task

LOOK = 0.05
"""Seconds between two looks at a task that is waited for."""
ENDED = ("done", "cancelled", "failed")
NAMES = (
    "models", "parse", "generate", "inspect", "start", "status", "cancel", "runs", "run", "export", "delete", "restore",
)  # fmt: skip

SETTINGS: dict[str, type[MapSettings]] = {
    "generate": GenerateSettings, "start": GenerateSettings, "inspect": InspectSettings,
}  # fmt: skip
"""Endpoints whose parameters are the fields of settings."""


def add(studio: Studio, scratch: Scratch) -> None:
    """Name all endpoints inside the `gr.Blocks` that is open."""
    calls = Calls(studio, scratch)
    for name in NAMES:
        call = getattr(calls, name)
        kind = SETTINGS.get(name)
        gr.api(
            _typed(call, kind) if kind else _told(call), api_name=name, api_description=inspect.getdoc(call),
            concurrency_limit=None,
        )  # fmt: skip


def _told(call: Callable[..., Any]) -> Callable[..., Any]:
    """The call, its errors told in one line instead of a stack trace."""

    def told(*args: Any, **kwargs: Any) -> Any:
        with _in_one_line():
            return call(*args, **kwargs)

    async def waited(*args: Any, **kwargs: Any) -> Any:
        with _in_one_line():
            return await call(*args, **kwargs)

    told = waited if inspect.iscoroutinefunction(call) else told

    told.__signature__ = inspect.signature(call, eval_str=True)  # type: ignore[attr-defined]
    told.__annotations__ = {p.name: p.annotation for p in told.__signature__.parameters.values()}  # type: ignore[attr-defined]
    told.__name__ = call.__name__
    return told


@contextmanager
def _in_one_line() -> Iterator[None]:
    try:
        yield
    except StudioError as error:
        raise gr.Error(str(error), print_exception=False) from None


def _typed(call: Callable[..., Any], settings: type[MapSettings]) -> Callable[..., Any]:
    """The call with the settings spelled out as parameters: one definition, three front doors."""
    told = _told(call)
    plain = [p for p in told.__signature__.parameters.values() if p.name != "settings"]  # type: ignore[attr-defined]
    names = list(settings.model_fields)

    def sorted_out(values: tuple[Any, ...]) -> tuple[Any, ...]:
        given = dict(zip(names, values[len(plain) :], strict=False))
        return (*values[: len(plain)], {name: value for name, value in given.items() if value is not None})

    def spread(*values: Any) -> Any:
        return told(*sorted_out(values))

    async def waited(*values: Any) -> Any:
        return await told(*sorted_out(values))

    spread = waited if inspect.iscoroutinefunction(call) else spread

    parameters = plain
    for name, field in settings.model_fields.items():
        kind = _LISTS.get(name, field.annotation)
        empty = {"default": inspect.Parameter.empty, "annotation": str} if name == "prompt" else {}
        of = {"default": None, "annotation": kind | None} | empty  # type: ignore[operator]
        parameters = [*parameters, inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD, **of)]
    spread.__signature__ = told.__signature__.replace(parameters=parameters)  # type: ignore[attr-defined]
    spread.__annotations__ = {p.name: p.annotation for p in parameters}
    spread.__name__ = call.__name__
    return spread


_LISTS: dict[str, Any] = {
    "nouns": list[str], "timesteps": list[float], "guide_weights": list[str], "attributes": list[str],
    "boxes": list[str],
}  # fmt: skip


class Calls:
    """The endpoints, one method each; their docstrings are the API's descriptions."""

    def __init__(self, studio: Studio, scratch: Scratch) -> None:
        self._studio, self._scratch = studio, scratch

    def models(self) -> dict:
        """Known models: title and defaults by name."""
        return {name: {"title": m.title, "defaults": m.defaults} for name, m in self._studio.models().items()}

    def parse(self, prompt: str, nouns: list[str] | None = None, language: str = "en") -> dict:
        """Words of a prompt and the nouns whose maps would be recorded."""
        return _parsed(self._studio.parse(prompt, nouns, language))

    async def generate(self, settings: dict) -> tuple[dict, str, dict]:
        """Make a picture with its maps and wait for it. Returns the picture, the run's id and facts."""
        return await self._ended(self._submit(settings))

    async def inspect(self, image: str, settings: dict) -> tuple[dict, str, dict]:
        """Record the maps of a picture that exists, given as base64 or data URL; `prompt` is its caption.

        Waits for it. Returns the picture as the model saw it, the run's id and facts.
        """
        given = dict(settings)
        return await self._ended(self._studio.submit_inspection(_decoded(image), given.pop("prompt", ""), **given))

    def start(self, settings: dict) -> str:
        """Make a picture, without waiting. Returns the task's id for `/status` and `/cancel`."""
        return self._submit(settings).id

    def status(self, task_id: str = "") -> dict:
        """How a task is doing; the latest one without an id. `run_id` is there once it is done."""
        return _state(self._task(task_id))

    def cancel(self, task_id: str = "") -> dict:
        """Ask a task to stop, the latest one without an id; it ends within a step."""
        task = self._task(task_id)
        task.cancel()
        task.wait(2)
        return _state(task)

    def runs(
        self, query: str = "", model: str = "", method: str = "", since: str = "", until: str = "",
        offset: int = 0, limit: int = 50,
    ) -> dict:  # fmt: skip
        """Kept runs, newest first: those whose prompt has all words of `query`; times are ISO 8601."""
        given = filters({"query": query, "model": model, "method": method, "since": since, "until": until})
        found = self._studio.runs.list(**given, offset=offset, limit=limit)
        return {"runs": [summary(item) for item in found], "total": self._studio.runs.count(**given)}

    def delete(self, run_id: str) -> str:
        """Take a run off the list. Returns where its files now lie; `/restore` undoes it."""
        return str(self._studio.runs.delete(run_id))

    def restore(self, run_id: str) -> str:
        """Bring a deleted run back. Returns its folder."""
        return str(self._studio.runs.restore(run_id))

    def run(self, run_id: str) -> tuple[dict, str, dict]:
        """A kept run: picture, id and facts."""
        run = self._studio.runs.load(run_id)
        return (*self._shown(run), _facts(run))

    def export(self, run_id: str, kind: str = "zip") -> dict:
        """A file of a run.

        Kinds: picture, maps, npz, pngs, metrics, html, grid-png, grid-pdf, curves-png, curves-pdf, animation, zip.
        """
        return _file(exports.make(self._studio, self._studio.runs.load(run_id), kind, self._scratch))

    def _submit(self, given: dict[str, Any]) -> Task:
        return self._studio.submit(self._studio.settings(**{"prompt": "", "model": self._studio.model, **given}))

    async def _ended(self, task: Task) -> tuple[dict, str, dict]:
        """What came of it, once it has ended; holds no thread meanwhile, for Gradio has few."""
        while not task.wait(0):
            await asyncio.sleep(LOOK)
        if task.error is not None:  # also where the picture is there but could not be kept
            raise task.error
        if task.run is None:
            raise InputError(f"It was {task.status}.", "Start it again.")
        return (*self._shown(task.run), _facts(task.run))

    def _task(self, task_id: str) -> Task:
        task = self._studio.task(task_id) if task_id else self._studio.latest
        if task is None:
            raise InputError(f"No task {task_id!r}." if task_id else "Nothing was started yet.", "Call /start first.")
        return task

    def _shown(self, run: Run) -> tuple[dict, str]:
        return _file(self._scratch.picture(run.id, run.image)), run.id


def _decoded(image: str) -> Image.Image:
    try:
        data = base64.b64decode(image.partition("base64,")[2] or image, validate=True)
        return Image.open(io.BytesIO(data), formats=FORMATS)
    except (ValueError, OSError, Image.DecompressionBombError):
        raise InputError("The picture can't be read.", "Send a PNG or JPEG in base64, or as a data URL.") from None


def _file(path: Any) -> dict:
    return FileData(path=str(path), orig_name=path.name).model_dump()


def _parsed(parsed: ParsedPrompt) -> dict:
    words = [{"text": w.text, "upos": w.upos, "start": w.start, "end": w.end} for w in parsed.words]
    subjects = [
        {"id": s.id, "text": s.text, "words": list(s.words), "attributes": list(s.attributes), "count": s.count}
        for s in parsed.subjects
    ]
    return {"words": words, "subjects": subjects}


def _facts(run: Run) -> dict:
    maps = run.maps
    shapes = {grid: list(stack.values_TSNYX.shape) for grid, stack in maps.stacks.items()} if maps else {}
    return {
        "nouns": list(maps.nouns) if maps else [], "timesteps": list(maps.timesteps) if maps else [], "maps": shapes,
        "notes": list(run.notes), "timings": dict(run.timings), "settings": _plain(run.settings), "facts": facts(run),
    }  # fmt: skip


def _plain(settings: Any) -> dict:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in settings.items()}


def _state(task: Task) -> dict:
    return {
        "task_id": task.id, "status": task.status, "message": task.message, "step": task.step,
        "num_steps": task.num_steps, "seconds_left": task.seconds_left, "position": task.position,
        "run_id": task.run.id if task.run else None, "problem": str(task.error) if task.error else None,
    }  # fmt: skip
