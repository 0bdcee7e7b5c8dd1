"""What the tab Fine-tune does when something is clicked. Plain values in, plain values and updates out."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import gradio as gr
import yaml

from ...config import CONFIGS
from ...errors import SettingError, StudioError
from ...training.settings import GROUPS, TrainSettings
from .. import follow
from ..controls import label_of
from ..finetune import board as boards
from . import data_events
from .data_events import MAKING

if TYPE_CHECKING:
    from ...jobs import Job
    from ...studio import Studio
    from ..scratch import Scratch

BESIDE = ("model", "data", "max_train_steps", "seed")
NAMES = (*BESIDE, *(name for _, names in GROUPS.values() for name in names))
"""Settings with a control, in order."""
SAMPLES = ("a cat and a dog", "a red car and a blue bowl")


def presets() -> list[str]:
    """Names of the presets, CTCal's first."""
    names = sorted(file.stem for file in (CONFIGS / "training").glob("*.yaml"))
    return sorted(names, key=lambda name: (name.startswith("ablation"), name != "ctcal", name))


def preset_info(name: str) -> str:
    """What a preset teaches: the comment in its file's first line."""
    return _text(name).split("\n", 1)[0].removeprefix("# ")


def preset_settings(name: str, **usual: Any) -> TrainSettings:
    """A preset's settings, with samples to look at, and what is `usual` where it says nothing."""
    return TrainSettings.checked(**{"validation_prompts": SAMPLES, "checkpointing_steps": 50, **usual, **_given(name)})


def _given(preset: str) -> dict[str, Any]:
    return yaml.safe_load(_text(preset)) or {}


def _text(preset: str) -> str:
    return (CONFIGS / "training" / f"{preset}.yaml").read_text(encoding="utf-8")


class FineTuneHandlers:
    """The events of one page over one studio."""

    def __init__(self, studio: Studio, scratch: Scratch) -> None:
        self.studio, self.scratch = studio, scratch
        self._stamps = itertools.count(1)

    # What is asked

    def values_of(self, preset: str) -> list[Any]:
        """The values of all controls for a preset."""
        return as_values(preset_settings(preset, model=self.studio.practice_model).model_dump())

    def use_preset(self, preset: str, model: str, data: str) -> list[Any]:
        """What the preset teaches, and all controls as it has them.

        Model and data stay where it names none, unless another preset brought them.
        """
        given, every = _given(preset), list(map(_given, presets()))
        kept = {"seed"} - given.keys()
        for name, value in (("model", model), ("data", data)):
            if name not in given and all(value != other.get(name) for other in every):
                kept.add(name)
        values = zip(NAMES, self.values_of(preset), strict=True)
        return [gr.update(info=preset_info(preset)), *(gr.skip() if name in kept else value for name, value in values)]

    def cost(self, preset: str, *values: Any) -> str:
        """How long it will take, from jobs of the same kind on this machine; else when it will be known."""
        given = dict(zip(NAMES, values, strict=True))
        like = [job for job in self.studio.jobs.store.all() if _alike(job, given) and job.progress.get("seconds")]
        if not like:
            return "How long it takes is told after the first steps."
        seconds = float(like[-1].progress["seconds"]) * float(given["max_train_steps"] or 0)
        told = f"{seconds / 60:.0f} minutes" if seconds >= 90 else f"{seconds:.0f} seconds"
        return f"About {told}, going by the last one of this kind."

    def start(self, preset: str, *values: Any) -> list[Any]:
        """Queue it. Returns: chosen job, board, problem."""
        try:
            job = self.studio.fine_tune(settings_from(dict(zip(NAMES, values, strict=True))), preset)
        except StudioError as error:
            return [gr.skip(), gr.skip(), self._problem(error)]
        return [job.id, self.board(job.id), None]

    # What is seen

    def open(self) -> list[Any]:
        """The page opens: what runs, else the newest job."""
        jobs = self.studio.jobs.list()
        chosen = next((job.id for job in jobs if not job.has_ended), jobs[0].id if jobs else "")
        return [chosen, self.board(chosen)]

    def refresh(self, chosen: str, shown: Mapping[str, Any] | None) -> list[Any]:
        """What changed since; nothing where nothing did."""
        now = self.board(chosen)
        return [gr.skip(), gr.skip() if now == shown else now]

    def act(self, chosen: str, event: gr.EventData) -> list[Any]:
        """A button of the board. Returns: chosen job, board, preset, every control, every control of the making."""
        action, job_id = str(getattr(event, "action", "")), str(getattr(event, "job", ""))
        still = [gr.skip()] * (1 + len(NAMES) + len(MAKING))
        queue = self.studio.jobs
        try:
            if action == "use":
                return [gr.skip(), gr.skip(), *still]
            if action == "choose":
                return [job_id, self.board(job_id), *still]
            if action == "duplicate":
                return [gr.skip(), gr.skip(), gr.skip(), *_duplicated(queue.get(job_id))]
            if action == "use-data":
                data = [str(queue.out(job_id)) if name == "data" else gr.skip() for name in NAMES]
                return [gr.skip(), gr.skip(), gr.skip(), *data, *still[: len(MAKING)]]
            if action in ("stop", "force"):
                queue.stop(job_id, force=action == "force")
            elif action == "resume":
                queue.resume(job_id)
            elif action == "delete":
                queue.delete(job_id)
                return [*self.open(), *still]
        except StudioError as error:
            raise gr.Error(str(error), print_exception=False) from None
        return [job_id or chosen, self.board(job_id or chosen), *still]

    def board(self, chosen: str) -> dict[str, Any]:
        """What the board shows, one job chosen."""
        queue = self.studio.jobs
        return boards.value(queue, queue.list(), chosen, self.scratch)

    def _problem(self, error: StudioError) -> dict[str, Any]:
        place = follow.place_of(error)
        home = f"tune-{place if place in NAMES else 'go'}"
        return {
            "name": place, "home": home, "problem": error.problem, "remedy": error.remedy,
            "stamp": next(self._stamps),
        }  # fmt: skip


def settings_from(values: Mapping[str, Any]) -> TrainSettings:
    """What the page holds → checked settings.

    Raises:
        SettingError: names the control.
    """
    given: dict[str, Any] = {}
    for name, value in values.items():
        field = TrainSettings.model_fields[name]
        if name == "validation_prompts":
            given[name] = tuple(line.strip() for line in str(value or "").splitlines() if line.strip())
        elif field.annotation in (int, float) and value is None:
            raise SettingError(f"{label_of(name)} is empty.", field.description or "", name)
        elif field.annotation == float | None:
            given[name] = None if value in (None, "") else value
        else:
            given[name] = value.strip() if isinstance(value, str) else value
    return TrainSettings.checked(**given)


def as_values(settings: Mapping[str, Any]) -> list[Any]:
    """Settings as controls hold them; what an older version did not know is as it is by default."""
    settings = {**TrainSettings().model_dump(mode="json"), **settings}
    prompts = "\n".join(settings.get("validation_prompts", ()))
    plain = {name: "" if settings[name] is None else settings[name] for name in NAMES}
    return [prompts if name == "validation_prompts" else plain[name] for name in NAMES]


def _duplicated(job: Job) -> list[Any]:
    """A job's settings for the controls of its kind; the others stay."""
    if job.kind == "make-data":
        model = [job.settings["shared"]["model"] if name == "model" else gr.skip() for name in NAMES]
        return [*model, *data_events.as_values(job.settings)]
    return [*as_values(job.settings), *[gr.skip()] * len(MAKING)]


def _alike(job: Job, given: Mapping[str, Any]) -> bool:
    names: Sequence[str] = (
        "model", "train_batch_size", "gradient_accumulation_steps", "ctcal", "full_finetune", "resolution",
    )  # fmt: skip
    return all(job.settings.get(name) == given.get(name) for name in names)
