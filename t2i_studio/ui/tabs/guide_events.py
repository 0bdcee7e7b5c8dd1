"""What the tab Guide does when something is clicked. Plain values in, plain values and updates out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import gradio as gr

from ...config import GenerateSettings, settings_kept
from ...errors import SettingError, StudioError
from ...guidance import METHODS, choose_method, read_attributes, read_boxes, read_weights
from ...guidance.schedulers import check_scheduler
from .. import attributes, chips, follow, stage
from ..chips import Choice
from ..controls import label_of, settings_from
from ..losses import series
from .several import Several

if TYPE_CHECKING:
    from ...studio import Studio
    from ...tasks import Task
    from ..scratch import Scratch

SETTINGS = (
    "prompt", "model", "guide", "seed", "guide_strength", "boxes", "steps", "guidance_scale", "width", "height",
    "scheduler", "language", "lora", "lora_scale",
)  # fmt: skip
BROUGHT = ("steps", "guidance_scale", "width", "height")
"""Settings that come with a model; so do its dials."""
DIALS = tuple(f"{method}.{name}" for method, kind in METHODS.items() for name in kind.model_fields)
ALL: dict[str, tuple[str, tuple[str, ...]]] = {
    **{name: (name, ()) for name, kind in METHODS.items() if not kind.needs_boxes},
    "attend-and-excite, no refinement": ("attend-and-excite", ("refine=false",)),
}
"""Label → method and dials, in the order of the grid."""
NONE = "without guidance"
_GUIDING = frozenset({"nouns", "guide", "guide_strength", "guide_weights", "attributes", "boxes"})
KEPT = 50
"""Unguided pictures that are remembered."""


class GuideHandlers(Several):
    """The events of one page over one studio. A comparison is a list of tasks, the unguided one first."""

    def __init__(self, studio: Studio, scratch: Scratch) -> None:
        super().__init__(studio, scratch)
        self._plain: dict[tuple[GenerateSettings, tuple[Any, ...]], str] = {}
        "Unguided settings → the task that painted them: the same picture is not painted twice."
        self._labels: dict[str, str] = {}

    # Starting

    def start(self, choice: Choice | None, rest: dict[str, Any] | None, *values: Any) -> list[Any]:
        """Submit without and with. Returns: task ids, problem, pair, both, every, Cancel."""

        def tasks() -> list[Task]:
            plain, method, dials = self._asked(choice, rest, values)
            guided = GenerateSettings.checked(**{**plain.model_dump(), **method, "guide_weights": dials})
            return [self._unguided(plain), self._submit(guided, str(method["guide"]))]

        return self._begun(tasks)

    def start_all(self, choice: Choice | None, rest: dict[str, Any] | None, *values: Any) -> list[Any]:
        """Submit without, and every method that needs no boxes. Returns as `start`."""

        def tasks() -> list[Task]:
            plain, method, _ = self._asked(choice, rest, values, alone=False)
            found = [self._unguided(plain)]
            for label, (name, dials) in ALL.items():
                every = self.studio.dials(name, plain.model, dials)
                given = {**plain.model_dump(), **method, "guide": name, "guide_weights": every}
                found.append(self._submit(GenerateSettings.checked(**given), label))
            return found

        return self._begun(tasks)

    def _asked(
        self, choice: Choice | None, rest: dict[str, Any] | None, values: Sequence[Any], alone: bool = True
    ) -> tuple[GenerateSettings, dict[str, Any], tuple[str, ...]]:
        """Settings without guidance, what the method adds, and the dials that differ from its own, or the model's own.

        `rest`: settings without a control here (negative prompt, dtype …) of a run that is used again. `alone`:
        whether the chosen method is the one that paints, so that what it needs must be there.

        Raises:
            StudioError: anything that would fail once the unguided picture is painted.
        """
        given = dict(zip((*SETTINGS, *DIALS), values, strict=True))
        name = given["guide"]
        kind = METHODS.get(name)
        own = {field: given[f"{name}.{field}"] for field in kind.model_fields} if kind else {}
        usual = read_weights(self.studio.dials(name, given["model"]))
        dials = tuple(
            f"{field}={str(value).lower() if isinstance(value, bool) else value}"
            for field, value in own.items()
            if kind is not None and (value != kind.model_fields[field].default or value != usual.get(field, value))
        )
        boxes = tuple(part.strip() for part in str(given["boxes"] or "").split(";") if part.strip())
        typed = {n: given[n] for n in SETTINGS if n not in ("guide", "guide_strength", "boxes")}
        base = {n: v for n, v in self.studio.defaults(given["model"]).model_dump().items() if n not in _GUIDING}
        settings = settings_from({**base, **(rest or {}), **typed}, self.nouns(given, choice))
        self._check(settings, name, own, boxes, alone)
        _, shown = self.read(settings.prompt, settings.language, choice)
        method = {
            "guide": name, "guide_strength": given["guide_strength"], "boxes": boxes,
            "attributes": attributes.written(shown, choice or Choice()),
        }  # fmt: skip
        return settings, method, dials

    def _check(
        self, settings: GenerateSettings, name: str, own: dict[str, Any], boxes: Sequence[str], alone: bool
    ) -> None:  # fmt: skip
        empty = next((field for field, value in own.items() if value is None), None)
        if empty is not None:
            raise SettingError(f"{label_of(empty)} is empty.", "Give a number.", empty)
        method = choose_method(name, **own)
        parsed = self.studio.parse(settings.prompt, settings.nouns, settings.language)
        found = read_boxes(boxes)
        if alone and method.needs_boxes and not found:
            raise SettingError("This method needs boxes.", "Draw one for a noun, or type it.", "boxes")
        stray = next((noun for noun in found if noun not in parsed.ids), None)
        if stray is not None:
            raise SettingError(
                f"The prompt has no {stray!r}.", f"It has: {', '.join(parsed.ids) or 'no noun'}.", "boxes"
            )
        check_scheduler(settings.scheduler)

    def _unguided(self, settings: GenerateSettings) -> Task:
        key = settings, self.studio.stamp(settings)
        known = self.studio.task(self._plain.get(key, ""))
        if known is not None and known.status == "done":  # one under way is another page's to cancel
            return known
        task = self._submit(settings, NONE)
        self._plain[key] = task.id
        for old in list(self._plain)[:-KEPT]:
            del self._plain[old]
        return task

    def _submit(self, settings: GenerateSettings, label: str) -> Task:
        task = self.studio.submit(settings)
        self._labels[task.id] = label
        for old in list(self._labels)[: -4 * KEPT]:
            del self._labels[old]
        return task

    def _begun(self, submit: Any) -> list[Any]:
        try:
            tasks = submit()
        except StudioError as error:
            return [None, self._beside(error), *([gr.skip()] * 4)] if follow.place_of(error) else self._failed(error)
        self.latest = [task.id for task in tasks]
        return [self.latest, None, self.view(tasks), *self.buttons(busy=True)]

    # Following

    def buttons(self, busy: bool) -> list[Any]:
        """Paint both, Try all methods, Cancel."""
        return [
            gr.update(visible=not busy), gr.update(interactive=not busy),
            gr.update(visible=busy, value="Cancel", interactive=True),
        ]  # fmt: skip

    def trouble(self, tasks: list[Task]) -> Any:
        """The message for the control that caused a failure, or None."""
        task = next((one for one in tasks if one.error is not None and follow.place_of(one.error)), None)
        return None if task is None or task.error is None else self._beside(task.error, task.settings.guide)

    def _beside(self, error: StudioError, method: str = "") -> dict[str, Any]:
        """The message for the control that caused an error; a dial's is named after its method."""
        place = follow.place_of(error)
        if place in SETTINGS:
            return self.problem(error, place) | {"home": f"guide-{place}"}
        methods = [method] if method else [name for name, kind in METHODS.items() if place in kind.model_fields]
        return self.problem(error, place) | {"home": f"guide-{methods[0]}-{place}" if methods else "guide-guide"}

    def _failed(self, error: StudioError) -> list[Any]:
        return [None, None, stage.failed(error), *([gr.skip()] * 3)]

    def view(self, tasks: list[Task]) -> dict[str, Any]:
        """All tasks as data for `pair.js`."""
        running = next((task for task in tasks if not task.wait(0)), None)
        done = sum(task.wait(0) for task in tasks)
        losses = [
            series(self._labels.get(task.id, ""), list(task.guidance), task.num_steps)
            for task in tasks
            if task.guidance
        ]
        if running is not None:
            now = stage.view(running, self.scratch)
            label = self._labels.get(running.id, NONE)
            now["message"] = f"{label} · {now.get('message', '')}" + (
                f" · picture {done + 1} of {len(tasks)}" if len(tasks) > 1 else ""
            )
            return {**now, "state": "running", "losses": losses}
        failed = next((task for task in tasks if task.run is None), None)
        trouble = stage.view(failed, self.scratch) if failed else {}
        pictures = [self._picture(task) for task in tasks if task.run]
        if failed and not pictures:
            return {**trouble, "losses": losses}
        address = "#compare=" + ",".join(picture["id"] for picture in pictures[:2])
        seen = {"state": "done", "pictures": pictures, "losses": losses, "address": address}
        return seen | {key: trouble[key] for key in ("problem", "remedy") if key in trouble}

    def _picture(self, task: Task) -> dict[str, Any]:
        assert task.run is not None
        seconds = task.run.timings.get("denoise", 0.0)
        return {
            "label": self._labels.get(task.id, NONE), "id": task.run.id, "seconds": seconds,
            "run": stage.picture(task.run, self.scratch),
        }  # fmt: skip

    # Controls

    def show_dials(self, method: str) -> list[Any]:
        """The dials of the chosen method."""
        return [gr.update(visible=name == method) for name in METHODS]

    def use_model(self, model: str) -> list[Any]:
        """The settings and dials a model brings."""
        try:
            given = self.studio.defaults(model)
        except StudioError:  # said when it is asked to paint
            return [gr.skip()] * (len(BROUGHT) + len(DIALS))
        return [*(getattr(given, name) for name in BROUGHT), *dials_of(self.studio, model)]

    def described(self, prompt: str, language: str, choice: Choice | None) -> dict[str, Any]:
        """The value of the attributes."""
        try:
            _, shown = self.read(prompt, language, choice) if (prompt or "").strip() else (None, None)
        except StudioError:  # the chips say so
            shown = None
        return attributes.value(shown, choice or Choice()) if shown else {"nouns": [], "free": [], "edited": False}

    def describe(self, prompt: str, model: str, language: str, choice: Choice | None, event: gr.EventData) -> Any:
        """A word was given to a noun, or taken from it. Returns choice, chips."""
        choice = choice or Choice()
        try:
            _, shown = self.read(prompt, language, choice)
        except StudioError:
            return choice, gr.skip()
        told = {name: str(getattr(event, name, "")) for name in ("noun", "key")}
        choice = attributes.describe(shown, choice, told["noun"], told["key"], bool(getattr(event, "on", False)))
        return choice, self.parsed(prompt, model, language, choice)

    def undescribe(self, prompt: str, model: str, language: str, choice: Choice | None) -> Any:
        """Back to the attributes that the parser finds. Returns choice, chips."""
        choice = replace(choice or Choice(), attributes=())
        return choice, self.parsed(prompt, model, language, choice)

    def canvas(self, prompt: str, model: str, language: str, choice: Choice | None, boxes: str) -> dict[str, Any]:
        """What the canvas draws: the nouns, and the boxes that can be read."""
        try:
            _, shown = self.read(prompt, language, choice) if (prompt or "").strip() else (None, None)
            found = read_boxes([part.strip() for part in (boxes or "").split(";") if part.strip()])
        except StudioError:
            return {"nouns": [], "boxes": []}
        nouns = list(shown.ids) if shown else []
        return {
            "nouns": nouns,
            "boxes": [
                {"noun": name, "left": b.left, "top": b.top, "right": b.right, "bottom": b.bottom}
                for name, b in found.items()
            ],
        }  # fmt: skip

    def drawn(self, event: gr.EventData) -> str:
        """Boxes drawn on the canvas, as they would be typed."""
        rows = getattr(event, "boxes", None) or []
        return "; ".join(
            f"{row['noun']}: {row['left']:.2f}, {row['top']:.2f}, {row['right']:.2f}, {row['bottom']:.2f}"
            for row in rows
        )

    def use(self, run_id: str) -> list[Any]:
        """Choice, chips, settings without a control, and every control as a kept run had them."""
        try:
            run = self.studio.runs.load(run_id)
            given = settings_kept(run.settings)
            if not isinstance(given, GenerateSettings):
                return [gr.skip()] * (3 + len(SETTINGS) + len(DIALS))
            return self.filled(given)
        except StudioError as error:
            raise gr.Error(str(error), print_exception=False) from None

    def filled(self, given: GenerateSettings) -> list[Any]:
        """As `use`, from settings."""
        found = self.studio.parse(given.prompt, None, given.language)
        choice = chips.choice_of(found, given.nouns, read_attributes(given.attributes))
        plain = [("; ".join(given.boxes) if name == "boxes" else getattr(given, name)) for name in SETTINGS]
        brought = zip(DIALS, dials_of(self.studio, given.model), strict=True)  # of other methods than the run's
        dials = [_dial(given, place) if place.startswith(f"{given.guide}.") else value for place, value in brought]
        known = {*SETTINGS, *_GUIDING}
        rest = {name: value for name, value in given.model_dump().items() if name not in known}
        return [choice, self.parsed(given.prompt, given.model, given.language, choice), rest, *plain, *dials]


def dials_of(studio: Studio, model: str) -> list[Any]:
    """Every dial as a model has it, else its method."""
    every = {name: GenerateSettings(guide=name, guide_weights=studio.dials(name, model)) for name in METHODS}
    return [_dial(every[place.split(".")[0]], place) for place in DIALS]


def _dial(given: GenerateSettings, place: str) -> Any:
    method, name = place.split(".")
    field = METHODS[method].model_fields[name]
    written = read_weights(given.guide_weights) if method == given.guide else {}
    value = written.get(name, field.default)
    return bool(value) if field.annotation is bool else value
