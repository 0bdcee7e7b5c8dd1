"""The studio's evaluations: a suite painted in one or several ways, as a task like any other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .config import EvaluateSettings, GenerateSettings
from .errors import Cancelled

if TYPE_CHECKING:
    from .evaluation import Compared, Row
    from .generation import Listener
    from .judging import Evaluation
    from .models import LoadedModel
    from .planning import Plan
    from .runs import RunStore
    from .tasks import Queue, Task

Progress = Callable[[int, int, str], None]


class Evaluating:
    """What `Studio` can do with suites."""

    model: str
    home: Path
    runs: RunStore
    _queue: Queue
    settings: Callable[..., GenerateSettings]

    def submit_evaluation(self, out: Path | None = None, progress: Progress | None = None, **values: Any) -> Task:
        """Queue an evaluation and return at once; `task.evaluation` tells how far it is.

        Args:
            out: folder with one folder a way; what is there already is not made again.
            progress: called with pictures done, all pictures, and the prompt.
            values: fields of `EvaluateSettings`.

        Raises:
            InputError: unknown suite, judge, task or setting; a prompt that the judge can't read.
        """
        evaluation = self._evaluation(out, progress, values)
        return self._queue.submit(evaluation.asked, out, evaluation=evaluation)

    def plan_evaluation(self, **values: Any) -> Plan:
        """How many pictures an evaluation would be, and how long they would take.

        Raises:
            InputError: as `submit_evaluation`.
        """
        from .planning import Plan, expected_seconds

        found = self._evaluation(None, None, values)
        judge = found.asked.judge
        each = [expected_seconds(found.home, self.runs, settings, judge) for settings in found.ways.values()]
        known = [seconds for seconds in each if seconds is not None]
        total = None if len(known) < len(each) else sum(known) * found.num_pictures / len(each)
        return Plan(len(found.items), len(found.ways), found.num_pictures, total)

    def suite_tasks(self, suite: str) -> tuple[str, ...]:
        """The tasks of a suite, in order.

        Raises:
            InputError: unknown suite.
        """
        from .evaluation import choose_items

        return tuple(dict.fromkeys(item.task for item in choose_items(suite)))

    def _evaluation(self, out: Path | None, progress: Progress | None, values: Mapping[str, Any]) -> Evaluation:
        from .families import is_hub_id
        from .judging import Evaluation
        from .models import resolve

        def settings(prompt: str, **given: Any) -> GenerateSettings:
            return self.settings(prompt, **{"model": self.model, **given})

        asked = EvaluateSettings.checked(**values)
        evaluation = Evaluation(asked, settings, self.home / "evaluations", out, progress)
        for model in {one.model for one in evaluation.ways.values()}:
            if not is_hub_id(model):  # those are asked for when they are loaded
                resolve(model)
        return evaluation

    def evaluate(
        self, suite: str, *, judge: str = "emoji-matcher", num_seeds: int = 4, tasks: Sequence[str] = (),
        limit: int | None = None, out: Path | None = None, progress: Progress | None = None,
        **settings: Any,
    ) -> list[Row]:  # fmt: skip
        """Paint a suite's prompts with seeds 0 to `num_seeds` − 1, have them judged, and tell the shares.

        Args:
            suite: key of `evaluation.SUITES`, or a path: see `evaluation.choose_items`.
            judge: key of `evaluation.JUDGES`, with weights after a colon where it needs some; or `none`.
            tasks: only these; all where empty.
            limit: prompts a task and split, the first ones of each.
            out, progress: see `submit_evaluation`.
            settings: fields of `GenerateSettings` over the model's defaults.

        Raises:
            InputError: unknown suite, judge or task; `out` holds the evaluation of something else.
        """
        from .evaluation import rows

        task = self.submit_evaluation(
            out, progress, suite=suite, judge=judge, seeds=num_seeds, tasks=tuple(tasks), limit=limit, shared=settings
        )
        return rows(evaluation_of(task).found[""])

    def compare(
        self, suite: str, ways: Mapping[str, Mapping[str, Any]], *, judge: str = "emoji-matcher", num_seeds: int = 4,
        tasks: Sequence[str] = (), limit: int | None = None, out: Path | None = None,
        progress: Progress | None = None, **settings: Any,
    ) -> list[Compared]:  # fmt: skip
        """The same prompts and seeds painted in several ways; differences to the first are paired.

        Args:
            ways: label → fields of `GenerateSettings` that make it what it is, e.g. `{"guide": "ai-t2i"}`.
            suite, judge, num_seeds, tasks, limit, out, progress, settings: see `evaluate`; they hold for all ways.

        Raises:
            InputError: as `evaluate`; or no way at all.
        """
        task = self.submit_evaluation(
            out, progress, suite=suite, judge=judge, seeds=num_seeds, tasks=tuple(tasks), limit=limit, shared=settings,
            ways={label: dict(way) for label, way in ways.items()},
        )  # fmt: skip
        return evaluation_of(task).table()


def run_evaluation(task: Task, model_of: Callable[[GenerateSettings], LoadedModel], listener: Listener) -> None:
    """Work on an evaluation's task."""
    evaluation: Evaluation = task.evaluation
    also = evaluation.progress

    def progress(done: int, total: int, prompt: str) -> None:
        task.report(f"picture {done}/{total}", done, total)
        if also is not None:
            also(done, total, prompt)
        if done < total and not task.cancelled:
            task.give_way()

    evaluation.progress = progress
    task.report("loading model and judge", 0, evaluation.num_pictures)
    evaluation.run(model_of, listener)


def evaluation_of(task: Task) -> Evaluation:
    """The evaluation of a task, once it has ended; its error raised."""
    task.wait()
    if task.error is not None:
        raise task.error
    if task.status == "cancelled":
        raise Cancelled("Cancelled.")
    return task.evaluation
