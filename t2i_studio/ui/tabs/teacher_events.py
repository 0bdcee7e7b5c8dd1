"""What the tab Teacher–Student does when something is clicked. Plain values in, plain values and updates out.

A comparison is one task, or two with a LoRA: the base model's first. What the sliders do afterwards
happens in the page.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from ...config import ProbeSettings
from ...errors import SettingError, StudioError
from ...pictures import open_picture
from .. import exports, follow, stage
from ..chips import Choice
from ..controls import label_of
from ..scratch import Scratch
from ..teacher import files
from ..teacher.pack import packed
from ..teacher.painted import Painted, key_of, listed, with_mask
from ..teacher.source import Source, command, name_of, new_scene, picture_of
from .several import Several

if TYPE_CHECKING:
    from ...studio import Studio
    from ...tasks import Task

SETTINGS = ("prompt", "model", "seed", "t_tea", "t_stu", "lora", "lora_scale", "language")
LORA = ("lora", "lora_scale")
KEPT = 20
"""Comparisons whose data stays ready for a reload."""


@dataclass(frozen=True)
class Asked:
    """What a comparison was started with."""

    choice: Choice | None
    source: Source | None
    file: str | None
    painted: Painted | None
    values: list[Any]
    "Of `SETTINGS`."


class TeacherHandlers(Several):
    """The events of one page over one studio."""

    def __init__(self, studio: Studio, scratch: Scratch) -> None:
        super().__init__(studio, scratch)
        self._asked: OrderedDict[str, Asked] = OrderedDict()
        "By the id of the first task."
        self._data: OrderedDict[str, dict[str, Any]] = OrderedDict()
        self._small: OrderedDict[str, tuple[float, str]] = OrderedDict()
        "Key of a picture → width over height, and a small picture as a data URL."

    # Starting

    def start(
        self, choice: Choice | None, source: Source | None, file: str | None, painted: Painted | None, *values: Any
    ) -> list[Any]:
        """Submit. Returns: task ids, problem, view, Compare, Cancel."""
        asked = Asked(choice, source, file, painted, list(values))
        try:
            tasks = self._submitted(asked)
        except StudioError as error:
            place = follow.place_of(error)
            told = [None, stage.failed(error)] if not place else [self._beside(error), gr.skip()]
            return [None, *told, gr.skip(), gr.skip()]
        self.latest = [task.id for task in tasks]
        self._asked[tasks[0].id] = asked
        while len(self._asked) > KEPT:
            self._asked.popitem(last=False)
        return [self.latest, None, self.view(tasks), *self.buttons(busy=True)]

    def _submitted(self, asked: Asked) -> list[Task]:
        given = _cleaned(dict(zip(SETTINGS, asked.values, strict=True)))
        picture = picture_of(self.studio, asked.source, asked.file, given["prompt"], asked.painted)
        nouns = self.nouns(given, asked.choice) if given["prompt"].strip() else None
        if nouns is not None and not nouns:
            raise SettingError("No word is chosen.", "Click a word of the caption.", "prompt")
        own = {name: value for name, value in given.items() if name not in ("prompt", *LORA)}
        own |= {"sites": "all", "nouns": None if nouns is None else tuple(nouns)}
        tasks = [self.studio.submit_probe(picture, **own)]
        if given["lora"]:
            try:
                tasks.append(self.studio.submit_probe(picture, **own, **{name: given[name] for name in LORA}))
            except StudioError:
                tasks[0].cancel()
                raise
        return tasks

    def _beside(self, error: StudioError, home: str = "") -> dict[str, Any]:
        place = home or follow.place_of(error)
        if place == "timesteps":  # the usual ones fit every model: only the pair can be too large
            place = "t_stu"
        return self.problem(error, place) | {"home": f"teacher-{place}"}

    # Following

    def buttons(self, busy: bool) -> list[Any]:
        """Compare and Cancel."""
        return [gr.update(visible=not busy), gr.update(visible=busy, value="Cancel", interactive=True)]

    def trouble(self, tasks: list[Task]) -> Any:
        """Beside the control that caused it; what only the LoRA's task meets is the LoRA's."""
        failed = next((task for task in tasks if task.error is not None), None)
        if failed is None or failed.error is None:
            return None
        if failed is not tasks[0]:
            return self._beside(failed.error, "lora")
        return self._beside(failed.error) if follow.place_of(failed.error) else None

    def view(self, tasks: list[Task]) -> dict[str, Any]:
        """All tasks as data for `teacher.js`."""
        running = next((task for task in tasks if not task.wait(0)), None)
        if running is not None:
            return self._under_way(running, tasks)
        probes = [task.probed for task in tasks if task.probed is not None]
        if tasks[0].probed is None:
            failed = tasks[0]
            if failed.status == "cancelled":
                return {"state": "cancelled", "problem": "Cancelled.", "remedy": "Nothing of it was kept."}
            return stage.failed(failed.error or StudioError("The picture could not be looked at.", "Try again."))
        key = "-".join(task.id for task in tasks)
        if key not in self._data:
            self._data[key] = self._packed(key, tasks, probes)
            while len(self._data) > KEPT:
                self._data.popitem(last=False)
        self._shown(key, probes)  # packed long ago, its picture may have gone
        lost = next((task for task in tasks if task.probed is None), None)
        if lost is None:
            return self._data[key]
        problem = lost.error or StudioError("The LoRA's maps were cancelled.", "Here are the base model's.")
        return self._data[key] | {"problem": problem.problem, "remedy": problem.remedy}

    def _under_way(self, task: Task, tasks: list[Task]) -> dict[str, Any]:
        now = stage.view(task, self.scratch) | {"state": "running", "preview": stage.small(task.picture.image)}
        if task.step:
            now["message"] = f"Noise level {task.step} of {task.num_steps}"
        if len(tasks) > 1:
            now["message"] += " · with the LoRA" if task is not tasks[0] else " · base model"
        return now

    def _packed(self, key: str, tasks: list[Task], probes: list[Any]) -> dict[str, Any]:
        asked = self._asked.get(tasks[0].id, Asked(None, None, None, None, []))
        painted = bool(listed(asked.painted, asked.file))
        return {
            "state": "done", "ids": [task.id for task in tasks], "kinds": files.offered(),
            "command": command(asked.source, asked.file, tasks[-1].settings, painted),
            **packed(probes, self._shown(key, probes)),
        }  # fmt: skip

    def _shown(self, key: str, probes: list[Any]) -> str:
        """Where the browser finds the picture."""
        return stage.address(self.scratch, f"teacher-{key}", probes[0].picture.image)

    def attach(self) -> list[Any]:
        """A page was opened: task ids, next scene, source, picture, choice, painted masks, and every setting."""
        ids = self.attached()
        if not ids or ids[0] not in self._asked:
            return [ids, *([gr.skip()] * (5 + len(SETTINGS)))]
        asked = self._asked[ids[0]]
        shown = asked.file if asked.file and Path(asked.file).is_file() else gr.skip()
        number = int(asked.source["scene"]) + 1 if asked.source and "scene" in asked.source else gr.skip()
        return [ids, number, asked.source, shown, asked.choice or Choice(), asked.painted or {}, *asked.values]

    # Controls

    def scene(self, number: int) -> list[Any]:
        """Number, source, picture, caption and choice of the next scene of the embedded world."""
        file, caption = new_scene(number, self.scratch)
        return [number + 1, {"scene": number}, str(file), caption, Choice()]

    def use(self, run_id: str) -> list[Any]:
        """Source, picture, choice, caption and model of a run that was sent here."""
        try:
            run = exports.find_run(self.studio, run_id)
        except StudioError as error:
            raise gr.Error(str(error), print_exception=False) from None
        file = str(self.scratch.picture(run.id, run.image))
        model = run.settings.get("model") or gr.skip()
        return [{"run": run.id}, file, Choice(), run.prompt.text, model]

    def brush(
        self, prompt: str, language: str, choice: Choice | None, source: Source | None, file: str | None,
        painted: Painted | None,
    ) -> dict[str, Any]:  # fmt: skip
        """What masks are painted on: the picture in sight, small, and the words whose objects it shows."""
        nothing = {"key": "", "image": "", "name": "", "shape": 1.0, "nouns": [], "masks": {}}
        key = key_of(file)
        if not key or file is None:
            return nothing
        try:
            nouns = self.read(prompt, language, choice)[1].ids if prompt.strip() else ()
            if key not in self._small:
                image = open_picture(file)
                self._small[key] = image.width / image.height, stage.small(image)
                while len(self._small) > KEPT:
                    self._small.popitem(last=False)
        except StudioError:  # told where it is asked for
            return nothing
        shape, small = self._small[key]
        return {
            "key": key, "image": small, "name": Path(name_of(source, file)).stem, "shape": shape,
            "nouns": list(nouns), "masks": listed(painted, file),
        }  # fmt: skip

    def paint(self, painted: Painted | None, event: gr.EventData) -> Painted:
        """A stroke ended: all masks with this one."""
        key, noun, mask = (str(getattr(event, name, "") or "") for name in ("key", "noun", "mask"))
        return with_mask(painted, key, noun, mask) if key and noun else painted or {}

    def make_file(self, wanted: Sequence[Any]) -> dict[str, str]:
        """Where a file of a comparison lies for the browser, or what is in its way.

        Args:
            wanted: task ids with the two timesteps; the kind of file.
        """
        try:
            (ids, t_tea, t_stu), kind = wanted
            tasks = [task for task in self.tasks_of(list(ids)) if task.probed is not None]
            probes = [task.probed for task in tasks if task.probed is not None]
            if not probes:
                return {"problem": "This comparison is long over.", "remedy": "Press Compare again."}
            file = files.make(
                probes, "-".join(task.id for task in tasks), (float(t_tea), float(t_stu)), str(kind), self.scratch
            )
        except StudioError as error:
            return {"problem": error.problem, "remedy": error.remedy}
        return {"url": self.scratch.url(file), "name": file.name}


def _cleaned(given: dict[str, Any]) -> dict[str, Any]:
    """What the controls hold, without blanks round it.

    Raises:
        SettingError: a number is missing.
    """
    found = dict(given)
    for name, value in given.items():
        kind = ProbeSettings.model_fields[name].annotation
        if value is None and kind in (int, float):
            raise SettingError(f"{label_of(name)} is empty.", ProbeSettings.model_fields[name].description or "", name)
        if kind is str:
            found[name] = "" if value is None else str(value) if name == "prompt" else str(value).strip()
    return found
