"""What the tab Evaluate does when something is clicked. Plain values in, plain values and updates out."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from ...config import GenerateSettings
from ...errors import InputError, SettingError, StudioError
from ...flags import words
from ...guidance import METHODS, write_boxes
from ...visuals import steps
from ...ways import NONE, read_ways, safe_name, ways
from .. import follow
from ..comparison import board, cards, data_url, png
from ..controls import cleaned
from .reading import Reading

if TYPE_CHECKING:
    from ...studio import Studio
    from ...tasks import Task

FIELDS = (
    "suite", "tasks", "models", "guides", "loras", "seeds", "limit", "judge", "layout", "steps", "guidance_scale",
    "named", "search", "maps",
)  # fmt: skip
METHODS_OFFERED = (
    ("none · as the model paints", NONE),
    *((f"{name} · {kind.title}", name) for name, kind in METHODS.items()),
)
PLACES = {"ways": "named", "guide": "guides", "model": "models", "lora": "loras"}
"""Settings whose control has another name here."""


class EvaluateHandlers(Reading):
    """The events of one page over one studio."""

    def __init__(self, studio: Studio) -> None:
        super().__init__(studio)
        self._latest = ""

    # Asking

    def asked(self, *values: Any) -> dict[str, Any]:
        """What the controls hold, as fields of `EvaluateSettings`.

        Raises:
            SettingError: a number is missing, or nothing is left to compare.
        """
        given = dict(zip(FIELDS, values, strict=True))
        file = str(given["named"] or "").strip()
        named = read_ways(Path(file)) if file else {}
        if not (given["guides"] or named) or not given["models"]:
            empty = "guides" if given["models"] else "models"
            raise SettingError("Nothing is chosen.", "Choose at least one.", empty)
        shared = cleaned({name: given[name] for name in ("steps", "guidance_scale")})
        painting = {*given["models"], *(way["model"] for way in named.values() if "model" in way)}
        if len(painting) > 1:  # each model's own, where the numbers are not one model's
            shared = {}
        if given["seeds"] is None:
            raise SettingError("Seeds is empty.", "Give 1 or more.", "seeds")
        models = given["models"]
        if len(models) == 1:  # what all ways have in common is not part of their names
            models, shared["model"] = (), models[0]
        axes = ways(models, words(str(given["loras"] or "")), given["guides"], named)
        return {
            "suite": str(given["suite"] or "").strip(), "judge": str(given["judge"] or "").strip(),
            "tasks": tuple(given["tasks"] or ()), "seeds": given["seeds"], "limit": given["limit"] or None,
            "layout": given["layout"] or "", "ways": axes, "search": tuple(str(given["search"] or "").split()),
            "maps": bool(given["maps"]), "shared": shared,
        }  # fmt: skip

    def use_models(self, models: list[str]) -> list[Any]:
        """Steps and guidance scale of the one model that is chosen."""
        try:
            given = self.studio.defaults(models[0]) if len(models or []) == 1 else None
        except StudioError:  # said when it is started
            given = None
        return [gr.skip()] * 2 if given is None else [given.steps, given.guidance_scale]

    def tasks_of(self, suite: str) -> Any:
        """The tasks that can be chosen of a suite; none where there is no such suite yet."""
        try:
            found = list(self.studio.suite_tasks(str(suite or "").strip()))
        except StudioError:
            found = []
        return gr.update(choices=found, value=[])

    def plan(self, *values: Any) -> dict[str, Any]:
        """How much was asked for; nothing where it can't be told, which Start explains."""
        try:
            plan = self.studio.plan_evaluation(**self.asked(*values))
        except StudioError:
            return {}
        return {
            "prompts": plan.num_prompts, "ways": plan.num_ways, "pictures": plan.num_pictures, "seconds": plan.seconds,
        }  # fmt: skip

    # The work

    def start(self, *values: Any) -> list[Any]:
        """Submit. Returns: task id, board, Evaluate, Cancel, problem."""
        try:
            task = self.studio.submit_evaluation(**self.asked(*values))
        except StudioError as error:
            place = follow.place_of(error)
            place = PLACES.get(place, place)
            place = place if place in FIELDS else "suite"
            return [gr.skip()] * 4 + [self.problem(error, place) | {"home": f"eval-{place}"}]
        self._latest = task.id
        return [task.id, *self._seen(task)]

    def attach(self) -> list[Any]:
        """A page was opened: the evaluation it goes on with. Returns as `start`."""
        task = self.studio.task(self._latest) if self._latest else None
        return [gr.skip()] * 5 if task is None else [task.id, *self._seen(task)]

    def look(self, task_id: str | None, shown: Mapping[str, Any] | None) -> list[Any]:
        """What the page shows now; nothing where it shows that already. Returns: board, two buttons, problem.

        Args:
            shown: the board as the page has it: on a slow page the answer to Start comes after the first looks.
        """
        task_id = task_id or (shown or {}).get("id")  # a page may outlive what the server remembers of it
        task = self.studio.task(task_id) if task_id else None
        if task is None or (shown or {}).get("stamp") == _stamp(task):
            return [gr.skip()] * 4
        return self._seen(task)

    def _seen(self, task: Task) -> list[Any]:
        stamp = _stamp(task)  # before the table: what comes while it is made is shown at the next look
        busy = task.active
        buttons = [gr.update(visible=not busy), gr.update(visible=busy, value="Cancel", interactive=True)]
        return [board(task) | {"stamp": stamp}, *buttons, None]

    def cancel(self, task_id: str | None, shown: Mapping[str, Any] | None = None) -> Any:
        """Ask it to stop; what is painted stays. Returns the button."""
        task_id = task_id or (shown or {}).get("id")
        task = self.studio.task(task_id) if task_id else None
        if task is None or not task.active:
            return gr.skip()
        task.cancel()
        return gr.update(value="Cancelling…", interactive=False)

    # Its pictures

    def pictures(self, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """One page of a cell's pictures; `wanted`: id, way, group, only, offset."""
        try:
            return cards(self._evaluation(wanted), wanted)
        except StudioError as error:
            return {"problem": str(error)}

    def sheet(self, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """The contact sheet of a way against the first one, as a file to keep; `wanted`: id, way."""
        try:
            evaluation, way = self._evaluation(wanted), str(wanted["way"])
            if not evaluation.found[way]:
                raise InputError("This way has no pictures yet.", "Wait for some.")
            return {"file": png(evaluation.sheet(way)), "name": f"changes-{safe_name(way)}.png"}
        except StudioError as error:
            return {"problem": str(error)}

    def maps(self, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """The maps over the steps, as a file to keep; `wanted`: id, kind (png, pdf, csv), dark."""
        from ...evaluation import by_step_csv, lines_by_step  # torch, which opening the page does not wait for

        try:
            rows = self._evaluation(wanted).by_step()
        except StudioError as error:
            return {"problem": str(error)}
        kind = str(wanted.get("kind", "png"))
        if kind == "csv":
            return {"file": data_url(by_step_csv(rows).encode(), "text/csv"), "name": "maps-by-step.csv"}
        figure = steps(lines_by_step(rows), "dark" if wanted.get("dark") else "light")
        buffer = io.BytesIO()
        figure.savefig(buffer, format="pdf" if kind == "pdf" else "png", dpi=160)
        mime = "application/pdf" if kind == "pdf" else "image/png"
        return {"file": data_url(buffer.getvalue(), mime), "name": f"maps-by-step.{kind}"}

    def best(self, task_id: str) -> list[Any]:
        """Keep the best trials of a search as a file of ways.

        Returns:
            What the controls then hold: models, guides, LoRAs, named ways, search. Axes that the file has are emptied.

        Raises:
            StudioError: that evaluation is not known any more, or the file can't be written.
        """
        file = self.studio.home / "evaluations" / f"best-{task_id}.yaml"
        kept = [one.settings for one in self._evaluation({"id": task_id}).keep_chosen(file)]
        models = [way["model"] for way in kept if "model" in way][:1] or gr.skip()
        return [models, [], "" if any("lora" in way for way in kept) else gr.skip(), str(file), ""]

    def settings_of(self, wanted: Mapping[str, Any]) -> GenerateSettings:
        """What one of its pictures was painted with: way, prompt, seed.

        Raises:
            InputError: that evaluation is not known any more.
        """
        evaluation = self._evaluation(wanted)
        way, prompt = evaluation.ways[str(wanted["way"])], str(wanted["prompt"])
        own = {"prompt": prompt, "seed": int(wanted["seed"])}
        boxes = next((item.boxes for item in evaluation.items if item.prompt == prompt and item.boxes), None)
        return way.model_copy(update=own | ({"boxes": write_boxes(boxes)} if boxes else {}))

    def _evaluation(self, wanted: Mapping[str, Any]) -> Any:
        task = self.studio.task(str(wanted.get("id", "")))
        evaluation = None if task is None else task.evaluation
        if evaluation is None or str(wanted.get("way", next(iter(evaluation.ways)))) not in evaluation.ways:
            raise InputError("This evaluation is not open any more.", "Start it again: its pictures are kept.")
        return evaluation


def _stamp(task: Task) -> str:
    return f"{task.id} {task.status} {task.message}".replace("\n", " ")
