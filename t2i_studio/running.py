"""What a task does when its turn in the studio's queue comes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .config import EvaluateSettings, GenerateSettings, InspectSettings, MakeDataSettings, MapSettings, ProbeSettings
from .data_sets import run_making
from .evaluating import run_evaluation
from .guidance import read_attributes
from .prompts import all_spans, attributed, parse
from .records import record
from .runs import RunStore
from .tasks import Task
from .types import GuidedStep

if TYPE_CHECKING:
    from .jobs import JobQueue
    from .models import LoadedModel, ModelShelf


class Running:
    """Called with a task, does what its settings ask for and leaves the result on it.

    Args:
        models: gives the shelf of loaded models; imports torch, so it is asked late.
        runs: where runs are kept.
        jobs: gives the fine-tunes, which may hold the memory that a model needs.
    """

    def __init__(self, models: Callable[[], ModelShelf], runs: RunStore, jobs: Callable[[], JobQueue]) -> None:
        self._models = models
        self._runs = runs
        self._jobs = jobs

    def __call__(self, task: Task) -> None:
        """Raises: StudioError: see `errors`; `Cancelled` when the task was cancelled."""
        settings = task.settings
        if isinstance(settings, ProbeSettings):
            self._probe(task, settings)
        elif isinstance(settings, EvaluateSettings):
            run_evaluation(task, self._models_for(task), _follower(task))
        elif isinstance(settings, MakeDataSettings):
            run_making(task, self._models_for(task), _follower(task))
        else:
            self._paint(task, settings)

    def _paint(self, task: Task, settings: GenerateSettings | InspectSettings) -> None:
        from .generation import generate
        from .inspection import inspect

        started = time.monotonic()
        task.report("reading the prompt")
        parsed = parse(settings.prompt, language=settings.language, nouns=settings.nouns)
        if isinstance(settings, GenerateSettings):
            parsed = attributed(parsed, read_attributes(settings.attributes))
        model = self._loaded(task, settings)
        loaded = time.monotonic()
        task.check_cancelled()
        spans = all_spans(parsed, model.family.column_sets(model.pipe))
        task.report("step 0", 0, settings.steps)
        if isinstance(settings, InspectSettings):
            assert task.image is not None
            made = inspect(model, settings, task.image, parsed, spans, _follower(task))
        else:
            made = generate(model, settings, parsed, spans, _follower(task))
        task.report("saving")
        run = record(settings, parsed, spans, made, loaded - started, time.monotonic() - started)
        task.run = run  # there to be seen even where it can't be kept
        task.run = self._runs.save(run, task.out)

    def _probe(self, task: Task, settings: ProbeSettings) -> None:
        from .probing import probed

        assert task.picture is not None
        model = self._loaded(task, settings)
        task.report("noise level 0", 0, settings.steps)
        task.probed = probed(model, settings, task.picture, _follower(task))

    def _loaded(self, task: Task, settings: MapSettings) -> LoadedModel:
        self._wait_for_room(task, settings)
        task.report(f"loading {settings.model}")
        return self._models_for(task)(settings)

    def _models_for(self, task: Task) -> Callable[[MapSettings], LoadedModel]:
        """Loads what a task's pictures need, where there is room for it."""
        from .generation import enough_memory

        def get(settings: MapSettings) -> LoadedModel:
            self._wait_for_room(task, settings)
            with enough_memory():
                return self._models().get(settings)

        return get

    def _wait_for_room(self, task: Task, settings: MapSettings) -> None:
        """Wait while a fine-tune on the same accelerator leaves too little memory for a model not yet loaded.

        The model that is loaded goes first: it would go anyway, and a fine-tune may wait for its memory.
        """
        from . import room
        from .models import pick_device, same_device

        device = str(pick_device(settings.device))
        if device == "cpu" or self._models().holds(settings):
            return
        self._models().clear()
        weights = room.weights_of(settings.model)
        if weights is None:
            return
        wanted = room.painting_bytes(weights, settings)
        while room.lacking(device, wanted):
            self._jobs().advance()  # one that died holds nothing
            busy = [
                job for job in self._jobs().at_work()
                if same_device(job.device, device) and not job.progress.get("wants_room")
            ]  # fmt: skip
            if not busy:  # the memory is somebody else's: try it
                return
            task.report(f"waiting for memory: the fine-tune {busy[0].title} runs on {device}")
            task.check_cancelled()
            time.sleep(0.5)


def _follower(task: Task) -> Any:
    """What a generation tells while it runs, told to its task."""
    from .generation import Listener

    class Follower(Listener):
        def step(self, step: int, num_steps: int, timestep: float) -> None:
            task.report(f"step {step}/{num_steps}", step, num_steps)

        def guided(self, step: GuidedStep) -> None:
            task.guidance.append(step)

        def preview(self, image: Any) -> None:
            task.preview = image

        def check_cancelled(self) -> None:
            task.check_cancelled()

    return Follower()
