"""What this process works on, as tasks: queued, followed, cancelled, found again after a reload.

Pages and command line follow a task; its life is not theirs. Knows nothing of models: the work is a
function that gets the task and reports to it.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .errors import Cancelled, StudioError

if TYPE_CHECKING:
    from pathlib import Path

    from PIL import Image

    from .config import EvaluateSettings, GenerateSettings, InspectSettings, MakeDataSettings, ProbeSettings
    from .types import GuidedStep, Run

    Asked = EvaluateSettings | GenerateSettings | InspectSettings | MakeDataSettings | ProbeSettings

KEPT = 50
"""Ended tasks that can still be found."""
KEPT_BYTES = 2**30
"""Of maps in ended tasks: beyond it the oldest go, but for the latest `AT_LEAST`. Runs stay on disk."""
AT_LEAST = 8


class Task:
    """One piece of work: what was asked, how far it is, what came out. Read it from any thread."""

    def __init__(
        self, settings: Asked, out: Path | None = None, image: Image.Image | None = None,
        picture: Any = None, evaluation: Any = None, making: Any = None,
    ) -> None:  # fmt: skip
        self.id = uuid.uuid4().hex[:12]
        self.settings = settings
        self.out = out
        "Folder for the result, instead of the studio's own."
        self.image = image
        "The picture that is inspected."
        self.picture = picture
        "What is probed: a `training.Picture`."
        self.probed: Any = None
        "The result of a probe: a `training.Probed`."
        self.evaluation = evaluation
        "What is evaluated, and how far it is: a `judging.Evaluation`."
        self.making = making
        "The data set that is made, and how far it is: a `making.Making`."
        self.status = "waiting"
        "`waiting`, `running`, `done`, `cancelled` or `failed`."
        self.message = "waiting"
        self.step, self.num_steps = 0, settings.steps
        self.preview: Image.Image | None = None
        self.guidance: list[GuidedStep] = []
        "What guidance did so far."
        self.run: Run | None = None
        "The result; also there when only keeping it failed."
        self.error: StudioError | None = None
        self.position = 0
        "Tasks before this one in the queue."
        self.on_cancel: Callable[[Task], None] | None = None
        "Set by the queue: takes a waiting task out at once."
        self.give_way: Callable[[], None] = _stay
        "Set by the queue, for the work of a long task to call where it can be interrupted: see `Queue`."
        self._started_steps: float | None = None
        self._cancel = threading.Event()
        self._ended = threading.Event()

    @property
    def active(self) -> bool:
        """Waiting or running."""
        return self.status in ("waiting", "running")

    @property
    def long(self) -> bool:
        """Whether it takes so long that single pictures go before what is left of it."""
        return self.evaluation is not None

    @property
    def held(self) -> int:
        """Bytes of maps that its result keeps in memory."""
        maps = self.run.maps if self.run is not None else None
        return sum(stack.held for stack in maps.stacks.values()) if maps is not None else 0

    @property
    def seconds_left(self) -> float | None:
        """Estimate from the steps done so far; None before the first."""
        if self._started_steps is None or self.step == 0 or self.status != "running":
            return None
        per_step = (time.monotonic() - self._started_steps) / self.step
        return per_step * (self.num_steps - self.step)

    def cancel(self) -> None:
        """Ask to stop: at once while waiting, within one step while running."""
        self._cancel.set()
        if self.on_cancel is not None:
            self.on_cancel(self)

    @property
    def cancelled(self) -> bool:
        """Whether somebody asked to stop."""
        return self._cancel.is_set()

    def wait(self, timeout: float | None = None) -> bool:
        """Block until it ends; False when `timeout` seconds passed before."""
        return self._ended.wait(timeout)

    def check_cancelled(self) -> None:
        """Raise `Cancelled` once the user asked to stop."""
        if self._cancel.is_set():
            raise Cancelled("Cancelled.")

    def report(self, message: str, step: int | None = None, num_steps: int | None = None) -> None:
        """Tell followers where the work is."""
        self.message = message
        if step is not None:
            if self._started_steps is None:
                self._started_steps = time.monotonic()
            self.step = step
        if num_steps is not None:
            self.num_steps = num_steps

    def end(self, status: str, error: StudioError | None = None) -> None:
        """Close the task; only its queue calls this."""
        self.error = error
        self.status = status
        self.message = status if error is None else str(error)
        self._ended.set()


def _stay() -> None:
    """Where no queue is, nobody waits."""


class Queue:
    """Runs tasks one at a time, in order, on a thread of its own.

    A long task calls `give_way` between two of its pictures: what waits and is not long is run there, on the same
    thread, so that there is still one at a time.
    """

    def __init__(self, work: Callable[[Task], None]) -> None:
        self._work = work
        self._tasks: OrderedDict[str, Task] = OrderedDict()
        self._waiting: list[Task] = []
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def submit(
        self, settings: Asked, out: Path | None = None, image: Image.Image | None = None,
        picture: Any = None, evaluation: Any = None, making: Any = None,
    ) -> Task:  # fmt: skip
        """Queue a piece of work; returns at once."""
        task = Task(settings, out, image, picture, evaluation, making)
        task.on_cancel = self._leave
        task.give_way = self._let_others
        with self._changed:
            self._tasks[task.id] = task
            self._waiting.append(task)
            self._forget_old()
            self._number()
            if self._thread is None:
                self._thread = threading.Thread(target=self._loop, name="generations", daemon=True)
                self._thread.start()
            self._changed.notify_all()
        return task

    def find(self, task_id: str) -> Task | None:
        """A task by id, or None when it is unknown or long over."""
        return self._tasks.get(task_id)

    @property
    def latest(self) -> Task | None:
        """The task submitted last, of those that end in a run."""
        with self._changed:
            others = ("picture", "evaluation", "making")
            return next((t for t in reversed(self._tasks.values()) if all(getattr(t, o) is None for o in others)), None)

    def active(self) -> list[Task]:
        """What runs and waits, in order."""
        with self._changed:
            return [t for t in self._tasks.values() if t.active]

    def _leave(self, task: Task) -> None:
        with self._changed:
            if task not in self._waiting:
                return
            self._waiting.remove(task)
            self._number()
        task.end("cancelled")

    def _loop(self) -> None:
        while True:
            with self._changed:
                while not self._waiting:
                    self._changed.wait()
                task = self._waiting.pop(0)
                self._number(running=True)
            self._run(task)
            with self._changed:
                self._number()

    def _let_others(self) -> None:
        """Called on the queue's own thread, by the task that runs."""
        while True:
            with self._changed:
                task = next((waiting for waiting in self._waiting if not waiting.long), None)
                if task is None:
                    return
                self._waiting.remove(task)
                self._number(running=True)
            self._run(task)

    def _run(self, task: Task) -> None:
        try:
            task.check_cancelled()
            task.position = 0
            task.status = "running"
            self._work(task)
        except Cancelled:
            task.end("cancelled")
        except StudioError as error:
            task.end("failed", error)
        except Exception as error:
            reason = f"{type(error).__name__}: {' '.join(str(error).split())[:400]}"
            unexpected = StudioError(f"Unexpected failure: {reason}.", "Please report it with this message.")
            unexpected.__cause__ = error
            task.end("failed", unexpected)
        else:
            task.end("done")

    def _number(self, *, running: bool = False) -> None:
        busy = running or any(t.status == "running" for t in self._tasks.values())
        for i, task in enumerate(self._waiting):
            task.position = i + int(busy)
            task.message = f"waiting for {task.position} before it" if task.position else "waiting"

    def _forget_old(self) -> None:
        held = 0
        for place, (task_id, task) in enumerate(reversed(list(self._tasks.items()))):
            held += task.held
            if not task.active and (place >= KEPT or (place >= AT_LEAST and held > KEPT_BYTES)):
                del self._tasks[task_id]
