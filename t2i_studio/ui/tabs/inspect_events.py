"""What the tab Inspect does when something is clicked. Plain values in, plain values and updates out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import gradio as gr

from ...config import GenerateSettings, InspectSettings, settings_kept
from ...errors import SettingError, StudioError
from .. import chips, exports, follow, stage
from ..chips import Choice
from ..controls import cleaned, numbers, settings_from
from .reading import Reading

if TYPE_CHECKING:
    from ...studio import Studio
    from ...tasks import Task
    from ...types import Run
    from ..scratch import Scratch

MODEL_SETS = ("steps", "guidance_scale", "width", "height", "scheduler")
"""Settings that choosing a model sets."""


class Handlers(Reading):
    """The events of one page over one studio."""

    def __init__(self, studio: Studio, scratch: Scratch) -> None:
        super().__init__(studio)
        self.scratch = scratch

    # The model

    def use_model(self, model: str) -> list[Any]:
        """The settings a model brings, and the message beside it where it can't be used."""
        try:
            given = self.studio.defaults(model)
        except StudioError as error:
            return [*(gr.skip() for _ in MODEL_SETS), self.problem(error, "model")]
        return [*(getattr(given, name) for name in MODEL_SETS), None]

    # Tasks

    def start(self, names: Sequence[str], choice: Choice | None, *values: Any) -> list[Any]:
        """Submit. Returns: task id, problem, stage, Generate, Cancel."""
        given = dict(zip(names, values, strict=True))
        return self._begun(names, lambda: self.studio.submit(settings_from(given, self.nouns(given, choice))))

    def look(
        self, names: Sequence[str], choice: Choice | None, picture: str | None, timesteps: str, *values: Any
    ) -> list[Any]:
        """Submit the user's own picture. Returns as `start`."""
        given = dict(zip(names, values, strict=True))

        def submit() -> Task:
            if not picture:
                raise SettingError("There is no picture yet.", "Drop one here, paste it, or choose a file.", "picture")
            shared = {k: v for k, v in cleaned(given).items() if k in InspectSettings.model_fields}
            for name in ("width", "height"):
                del shared[name]  # those of the picture, not of what would be painted
            nouns = self.nouns(given, choice)
            shared["nouns"] = None if nouns is None else tuple(nouns)
            times = numbers(timesteps, "timesteps")
            return self.studio.submit_inspection(picture, shared.pop("prompt"), timesteps=times, **shared)

        return self._begun([*names, "timesteps", "picture"], submit)

    def _begun(self, places: Sequence[str], submit: Callable[[], Task]) -> list[Any]:
        try:
            task = submit()
        except StudioError as error:
            place = follow.place_of(error)
            if place in places:
                return [None, self.problem(error, place), gr.skip(), gr.skip(), gr.skip()]
            return [None, None, stage.failed(error), gr.skip(), gr.skip()]
        return [task.id, None, stage.view(task, self.scratch), *_buttons(busy=True)]

    def follow(self, task_id: str | None) -> Iterator[list[Any]]:
        """Stage, Generate, Cancel, problem, keep, shown: until the task has ended."""
        task = self.studio.task(task_id) if task_id else None
        if task is None:
            yield [gr.skip()] * 6
            return
        buttons = _buttons(busy=True)
        for view in follow.watch(task, self.scratch):
            if view["state"] in ("waiting", "running"):
                yield [view, *buttons, *([gr.skip()] * 3)]
                buttons = [gr.skip(), gr.skip()]
        yield self._ended(task)

    def _ended(self, task: Task) -> list[Any]:
        view = stage.view(task, self.scratch)
        # An end told late must not wipe off what a later start found wrong; `start` clears what stood there.
        problem: Any = gr.skip()
        if view["state"] == "failed" and task.error is not None and follow.place_of(task.error):
            problem, view = self.problem(task.error, follow.place_of(task.error)), stage.IDLE
        keep = self.keep(task.run) if task.run is not None else gr.skip()
        return [view, *_buttons(busy=False), problem, keep, task.id]

    def heal(self, task_id: str | None, shown: str | None) -> list[Any]:
        """What the page shows of a task whose stream was lost (a reload, a laptop that slept)."""
        task = self.studio.task(task_id) if task_id and task_id != shown else None
        if task is None:
            return [gr.skip()] * 6
        if task.wait(0):
            return self._ended(task)
        # Should this arrive after the end, an empty `shown` lets the next look send the end again.
        busy = [gr.update(visible=False), gr.update(visible=True)]
        return [stage.view(task, self.scratch), *busy, gr.skip(), gr.skip(), ""]

    def keep(self, run: Run) -> dict[str, Any]:
        """Files to take away and the command that remakes the run."""
        return exports.card(self.studio, run)

    def use(self, names: Sequence[str], run_id: str) -> list[Any]:
        """Choice, chips and every control as a kept run had them."""
        try:
            return self.asked(names, settings_of(self.studio.runs.load(run_id)))
        except StudioError as error:
            raise gr.Error(str(error), print_exception=False) from None

    def cancel(self, task_id: str | None) -> Any:
        """Ask the task to stop; following it shows the end. Returns the button."""
        task = self.studio.task(task_id) if task_id else None
        if task is None or task.wait(0):
            return gr.skip()
        task.cancel()
        return gr.update(value="Cancelling…", interactive=False)

    def attach(self, names: Sequence[str]) -> list[Any]:
        """A page was opened: task id, choice, chips, then every setting of what it goes on with."""
        task = self._latest()
        run = None if task else self._last_run()
        if task is None and run is None:
            return [None, Choice(), *([gr.skip()] * (len(names) + 1))]
        found = task.id if task else None
        try:
            return [found, *self.asked(names, task.settings if task else settings_of(run))]
        except StudioError:  # its language or model is not here: the picture is shown all the same
            return [found, Choice(), *([gr.skip()] * (len(names) + 1))]

    def show_last(self) -> list[Any]:
        """Stage and keep of a page opened while nothing was started: the newest kept run, where there is one."""
        run = None if self._latest() else self._last_run()
        if run is None:
            return [gr.skip()] * 2
        return [{"state": "done", "run": stage.picture(run, self.scratch)}, self.keep(run)]

    def asked(self, names: Sequence[str], given: GenerateSettings | InspectSettings) -> list[Any]:
        """Choice, chips and every control, as settings that were asked before."""
        choice = chips.choice_of(self.studio.parse(given.prompt, None, given.language), given.nouns)
        shown = self.parsed(given.prompt, given.model, given.language, choice)
        return [choice, shown, *(_filling(given, name) for name in names)]

    def _latest(self) -> Task | None:
        task = self.studio.latest
        return task if task is not None and task.status in ("waiting", "running", "done") else None

    def _last_run(self) -> Run | None:
        try:
            newest = self.studio.runs.list(limit=1)
            run = self.studio.runs.load(newest[0].id) if newest else None
            if run is not None:
                settings_of(run)
            return run
        except StudioError:
            return None  # the welcome then; the tab Runs says what is wrong


def settings_of(run: Run) -> GenerateSettings | InspectSettings:
    """The settings a run was made with, checked as if typed now."""
    return settings_kept(run.settings)


def _buttons(busy: bool) -> list[Any]:
    return [gr.update(visible=not busy), gr.update(visible=busy, value="Cancel", interactive=True)]


def _filling(given: GenerateSettings | InspectSettings, name: str) -> Any:
    """The value for a control; an inspected picture's size and what painting alone needs stay as they are."""
    if isinstance(given, InspectSettings) and (name in ("width", "height") or name not in InspectSettings.model_fields):
        return gr.skip()
    return getattr(given, name)
