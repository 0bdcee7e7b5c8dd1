"""Evaluations without a model: the studio's own records, pictures of sprites, verdicts by the dice of the seed."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from t2i_studio.config import EvaluateSettings, GenerateSettings
from t2i_studio.evaluating import run_evaluation
from t2i_studio.evaluation import Found, Judged, picture_name
from t2i_studio.evaluation.items import Item
from t2i_studio.generation import Listener
from t2i_studio.judging import Evaluation
from t2i_studio.planning import Plan
from t2i_studio.tasks import Queue, Task
from t2i_studio.ways import safe_name

if TYPE_CHECKING:
    from tests.ui.fakes import FakeStudio


class FakeEvaluation(Evaluation):
    """Paints sprites; guided pictures hold what was asked for more often."""

    studio: FakeStudio

    def run(self, model_of: Any, listener: Listener | None = None) -> None:
        listener = listener or Listener()
        for label, settings in self.ways.items():
            folder = self.folders[label] = self.home / safe_name(f"{label}-{settings.guide}")
            folder.mkdir(parents=True, exist_ok=True)
            for item in self.items:
                for seed in range(self.asked.seeds):
                    listener.check_cancelled()
                    one = self._verdict(item, seed, settings)
                    shown = item.prompt if one.present else item.prompt.split(" and ")[0]
                    small = GenerateSettings(prompt=shown, seed=seed, width=64, height=64, steps=1)
                    self.studio.draw(shown, small).save(folder / picture_name(one))
                    self.found[label].append(one)
                    self._tell(item.prompt)
                    while self.studio.hold_at == len(self.found[label]) and not self.studio.go.wait(0.02):
                        listener.check_cancelled()

    def _verdict(self, item: Item, seed: int, settings: GenerateSettings) -> Judged:
        dice = zlib.crc32(f"{item.prompt} {seed}".encode()) % 10
        there = dice < (7 if settings.guide else 4)
        found = (Found("cat", None, (0, 0, 9, 9), 0.9, 0.1),)
        exact = there and dice % 2 == 0
        one = Judged(item.task, item.split, item.prompt, seed, there, exact, 0.1, found, {}, 0.5, None, 0.25)
        if not self.asked.maps:
            return one
        gathered = [0.4 - 0.01 * dice * step for step in range(3)]
        return replace(one, maps={"timestep": [999.0, 500.0, 1.0], "scatter": gathered, "overlap": gathered})


class FakeEvaluations:
    """What `Studio` can do with suites."""

    def __init__(self, studio: FakeStudio) -> None:
        self.studio = studio

        class Follower(Listener):
            def __init__(self, task: Task) -> None:
                self.check_cancelled: Callable[[], None] = task.check_cancelled  # type: ignore[method-assign]

        self.queue = Queue(lambda task: run_evaluation(task, lambda _: None, Follower(task)))  # type: ignore[arg-type]

    def submit(self, values: dict[str, Any]) -> Task:
        evaluation = self._made(values)
        return self.queue.submit(evaluation.asked, evaluation=evaluation)

    def plan(self, values: dict[str, Any]) -> Plan:
        made = self._made(values)
        return Plan(len(made.items), len(made.ways), made.num_pictures, 0.5 * made.num_pictures)

    def _made(self, values: dict[str, Any]) -> FakeEvaluation:
        asked = EvaluateSettings.checked(**values)
        made = FakeEvaluation(asked, self.studio.settings, self.studio.runs.root / "evaluations")
        made.studio = self.studio
        return made
