"""What the data folds of the tab Fine-tune do. Plain values in, plain values and updates out."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import gradio as gr

from ...config import MakeDataSettings
from ...errors import InputError, SettingError, StudioError
from .. import follow
from ..controls import label_of
from ..finetune import made

if TYPE_CHECKING:
    from ...studio import Studio

MAKING = ("suite", "tasks", "limit", "per_prompt", "keep_top", "threshold", "scorer", "first_seed")
"""Settings of the making of data that have a control, in order."""


class DataHandlers:
    """The events of one page over one studio.

    Args:
        board: what the board shows of a chosen job.
    """

    def __init__(self, studio: Studio, board: Callable[[str], dict[str, Any]]) -> None:
        self.studio, self._board = studio, board
        self._stamps = itertools.count(1)

    def make(self, model: str, *values: Any) -> list[Any]:
        """Queue the making. Returns: chosen job, board, problem."""
        try:
            job = self.studio.queue_making(**asked(model, *values))
        except StudioError as error:
            return [gr.skip(), gr.skip(), self._problem(error, "make", (*MAKING, "go"))]
        return [job.id, self._board(job.id), None]

    def cost(self, model: str, *values: Any) -> str:
        """How many pictures and how long; empty where it can't be told, which the button explains."""
        try:
            plan = self.studio.plan_making(**asked(model, *values))
        except StudioError:
            return ""
        return f"{plan.num_pictures:,} pictures of {plan.num_prompts} prompts{_lasting(plan.seconds)}."

    def tasks_of(self, suite: str) -> Any:
        """The tasks that can be chosen of a suite; none where there is no such suite yet."""
        try:
            found = list(self.studio.suite_tasks(str(suite or "").strip()))
        except StudioError:
            found = []
        return gr.update(choices=found, value=[])

    def bring(self, file: str | None, name: str) -> list[Any]:
        """Unpack or fetch. Returns: the data field, what was brought, problem."""
        source = file or str(name or "").strip()
        try:
            if not source:
                raise InputError("There is nothing to bring.", "Drop a zip, or name a data set of the hub.")
            folder = str(self.studio.add_data(source))
        except StudioError as error:
            problem = self._problem(error, "bring", ())
            return [gr.skip(), "", problem | {"home": "bring-zip" if file else "bring-name"}]
        return [folder, f"The pictures lie in {folder}; the next fine-tune learns from them.", None]

    def pictures(self, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """One page of the pictures of a data set in the making; `wanted`: id, only, offset."""
        try:
            job = self.studio.jobs.get(str(wanted.get("id", "")))
            return made.pictures(self.studio.jobs.out(job.id), wanted)
        except StudioError as error:
            return {"problem": str(error), "items": [], "total": 0}

    def _problem(self, error: StudioError, tab: str, places: tuple[str, ...]) -> dict[str, Any]:
        place = follow.place_of(error)
        home = "tune-model" if place == "model" else f"{tab}-{place if place in places else 'go'}"
        return {
            "name": place, "home": home, "problem": error.problem, "remedy": error.remedy, "stamp": next(self._stamps),
        }  # fmt: skip


def asked(model: str, *values: Any) -> dict[str, Any]:
    """What the controls hold, as arguments of `Studio.queue_making`.

    Raises:
        SettingError: a number is missing.
    """
    given: dict[str, Any] = {}
    for name, value in zip(MAKING, values, strict=True):
        field = MakeDataSettings.model_fields[name]
        if value is None and field.annotation is int:
            raise SettingError(f"{label_of(name)} is empty.", field.description or "", name)
        text = value.strip() if isinstance(value, str) else value
        given[name] = tuple(text or ()) if name == "tasks" else None if text == "" else text
    return {**given, "suite": given["suite"] or "", "shared": {"model": str(model or "").strip()}}


def as_values(settings: Mapping[str, Any]) -> list[Any]:
    """Kept settings as the controls hold them; what an older version did not know is as it is by default."""
    settings = {**MakeDataSettings().model_dump(mode="json"), **settings}
    return [list(settings[name]) if name == "tasks" else "" if settings[name] is None else settings[name]
            for name in MAKING]  # fmt: skip


def _lasting(seconds: float | None) -> str:
    if seconds is None:
        return ""
    if seconds < 5400:
        return f"; about {max(1, round(seconds / 60))} min"
    return f"; about {seconds / 3600:.1f} h"
