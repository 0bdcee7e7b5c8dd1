"""What the tab Guide does when something is clicked. Plain values in, plain values and updates out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import gradio as gr

from ...config import GenerateSettings, settings_kept
from ...errors import StudioError
from ...guidance import METHODS, read_boxes
from .. import chips, follow, stage
from ..chips import Choice
from ..controls import settings_from
from ..losses import series
from .reading import Reading

if TYPE_CHECKING:
    from ...studio import Studio
    from ...tasks import Task
    from ..scratch import Scratch

SETTINGS = (
    "prompt", "model", "guide", "seed", "guide_strength", "boxes", "steps", "guidance_scale", "width", "height",
    "scheduler", "language",
)  # fmt: skip
DIALS = tuple(f"{method}.{name}" for method, kind in METHODS.items() for name in kind.model_fields)
ALL: dict[str, tuple[str, tuple[str, ...]]] = {
    **{name: (name, ()) for name, kind in METHODS.items() if not kind.needs_boxes},
    "attend-and-excite, no refinement": ("attend-and-excite", ("refine=false",)),
}
"""Label → method and dials, in the order of the grid."""
NONE = "without guidance"


class GuideHandlers(Reading):
    """The events of one page over one studio. A comparison is a list of tasks, the unguided one first."""

    def __init__(self, studio: Studio, scratch: Scratch) -> None:
        super().__init__(studio)
        self.scratch = scratch
        self._plain: dict[GenerateSettings, str] = {}
        "Unguided settings → the task that painted them: the same picture is not painted twice."
        self._labels: dict[str, str] = {}
        self._latest: list[str] = []

    # Starting

    def start(self, choice: Choice | None, *values: Any) -> list[Any]:
        """Submit without and with. Returns: task ids, problem, pair, both, every, Cancel."""

        def tasks() -> list[Task]:
            plain, method, dials = self._asked(choice, values)
            guided = GenerateSettings.checked(**{**plain.model_dump(), **method, "guide_weights": dials})
            return [self._unguided(plain), self._submit(guided, str(method["guide"]))]

        return self._begun(tasks)

    def start_all(self, choice: Choice | None, *values: Any) -> list[Any]:
        """Submit without, and every method that needs no boxes. Returns as `start`."""

        def tasks() -> list[Task]:
            plain, method, _ = self._asked(choice, values)
            found = [self._unguided(plain)]
            for label, (name, dials) in ALL.items():
                given = {**plain.model_dump(), **method, "guide": name, "guide_weights": dials}
                found.append(self._submit(GenerateSettings.checked(**given), label))
            return found

        return self._begun(tasks)

    def _asked(
        self, choice: Choice | None, values: Sequence[Any]
    ) -> tuple[GenerateSettings, dict[str, Any], tuple[str, ...]]:
        """Settings without guidance, what the method adds, and the dials that differ from its own."""
        given = dict(zip((*SETTINGS, *DIALS), values, strict=True))
        name = given["guide"]
        kind = METHODS.get(name)
        own = {field: given[f"{name}.{field}"] for field in kind.model_fields} if kind else {}
        dials = tuple(
            f"{field}={str(value).lower() if isinstance(value, bool) else value}"
            for field, value in own.items()
            if kind is not None and value != kind.model_fields[field].default
        )
        boxes = tuple(part.strip() for part in str(given["boxes"] or "").split(";") if part.strip())
        read_boxes(boxes)
        plain = {n: given[n] for n in SETTINGS if n not in ("guide", "guide_strength", "boxes")}
        settings = settings_from(plain, self.nouns(given, choice))
        return settings, {"guide": name, "guide_strength": given["guide_strength"], "boxes": boxes}, dials

    def _unguided(self, settings: GenerateSettings) -> Task:
        known = self.studio.task(self._plain.get(settings, ""))
        if known is not None and known.status in ("waiting", "running", "done"):
            return known
        task = self._submit(settings, NONE)
        self._plain[settings] = task.id
        return task

    def _submit(self, settings: GenerateSettings, label: str) -> Task:
        task = self.studio.submit(settings)
        self._labels[task.id] = label
        return task

    def _begun(self, submit: Any) -> list[Any]:
        try:
            tasks = submit()
        except StudioError as error:
            place = follow.place_of(error)
            home = f"guide-{'guide' if place == 'guide_weights' else place}"
            problem = self.problem(error, place) | {"home": home}
            return [None, problem, *([gr.skip()] * 4)]
        self._latest = [task.id for task in tasks]
        return [self._latest, None, self._view(tasks), *_buttons(busy=True)]

    # Following

    def follow(self, ids: list[str] | None) -> Iterator[list[Any]]:
        """Pair, both, every, Cancel, problem: until all tasks have ended."""
        tasks = [task for task in map(self.studio.task, ids or []) if task is not None]
        if not tasks:
            yield [gr.skip()] * 5
            return
        buttons = _buttons(busy=True)
        for task in tasks:
            for _ in follow.watch(task, self.scratch):
                if not all(one.wait(0) for one in tasks):
                    yield [self._view(tasks), *buttons, gr.skip()]
                    buttons = [gr.skip()] * 3
        yield [self._view(tasks), *_buttons(busy=False), self._trouble(tasks)]

    def _trouble(self, tasks: list[Task]) -> Any:
        error = next((task.error for task in tasks if task.error is not None), None)
        if error is None or not follow.place_of(error):
            return None
        return self.problem(error, follow.place_of(error)) | {"home": f"guide-{follow.place_of(error)}"}

    def _view(self, tasks: list[Task]) -> dict[str, Any]:
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
        for task in tasks:
            if task.status in ("cancelled", "failed") and task.run is None:
                return {**stage.view(task, self.scratch), "losses": losses}
        pictures = [self._picture(task) for task in tasks]
        address = "#compare=" + ",".join(task.run.id for task in tasks[:2] if task.run)
        return {"state": "done", "pictures": pictures, "losses": losses, "address": address}

    def _picture(self, task: Task) -> dict[str, Any]:
        assert task.run is not None
        seconds = task.run.timings.get("denoise", 0.0)
        return {
            "label": self._labels.get(task.id, NONE), "id": task.run.id, "seconds": seconds,
            "run": stage.picture(task.run, self.scratch),
        }  # fmt: skip

    def cancel(self, ids: list[str] | None) -> Any:
        """Ask all tasks of the comparison to stop. Returns the button."""
        tasks = [task for task in map(self.studio.task, ids or []) if task is not None and not task.wait(0)]
        for task in reversed(tasks):
            task.cancel()
        return gr.update(value="Cancelling…", interactive=False) if tasks else gr.skip()

    def attach(self) -> list[str] | None:
        """A page was opened: the comparison it goes on with."""
        return self._latest if any(self.studio.task(one) for one in self._latest) else None

    # Controls

    def show_dials(self, method: str) -> list[Any]:
        """The dials of the chosen method."""
        return [gr.update(visible=name == method) for name in METHODS]

    def use_model(self, model: str) -> list[Any]:
        """The settings a model brings."""
        try:
            given = self.studio.defaults(model)
        except StudioError:  # said when it is asked to paint
            return [gr.skip()] * 4
        return [getattr(given, name) for name in ("steps", "guidance_scale", "width", "height")]

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
        """Choice, chips and every control as a kept run had them."""
        try:
            run = self.studio.runs.load(run_id)
            given = settings_kept(run.settings)
            if not isinstance(given, GenerateSettings):
                return [gr.skip()] * (2 + len(SETTINGS) + len(DIALS))
            choice = chips.choice_of(self.studio.parse(given.prompt, None, given.language), given.nouns)
        except StudioError as error:
            raise gr.Error(str(error), print_exception=False) from None
        plain = [("; ".join(given.boxes) if name == "boxes" else getattr(given, name)) for name in SETTINGS]
        dials = [_dial(given, place) for place in DIALS]
        return [choice, self.parsed(given.prompt, given.model, given.language, choice), *plain, *dials]


def _dial(given: GenerateSettings, place: str) -> Any:
    method, name = place.split(".")
    written = dict(text.split("=", 1) for text in given.guide_weights if "=" in text) if method == given.guide else {}
    default = METHODS[method].model_fields[name].default
    if name not in written:
        return default
    return written[name].lower() == "true" if isinstance(default, bool) else float(written[name])


def _buttons(busy: bool) -> list[Any]:
    return [
        gr.update(visible=not busy), gr.update(interactive=not busy),
        gr.update(visible=busy, value="Cancel", interactive=True),
    ]  # fmt: skip
