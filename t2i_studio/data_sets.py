"""The studio's data sets: made by a model itself, unpacked from a zip, fetched from the hub."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .config import GenerateSettings, MakeDataSettings
from .errors import Cancelled, InputError
from .paths import typed

if TYPE_CHECKING:
    from .generation import Listener
    from .jobs import Job, JobQueue
    from .making import Making
    from .models import LoadedModel
    from .planning import Plan
    from .runs import RunStore
    from .tasks import Queue, Task

Progress = Callable[[int, int, str], None]


class DataSets:
    """What `Studio` can do to come by pictures with captions."""

    model: str
    home: Path
    runs: RunStore
    _queue: Queue
    settings: Callable[..., GenerateSettings]

    if TYPE_CHECKING:

        @property
        def jobs(self) -> JobQueue: ...

    def make_data(
        self, suite: str = "emoji-train", *, out: Path, progress: Progress | None = None,
        tasks: tuple[str, ...] = (), limit: int | None = None, per_prompt: int = 20, first_seed: int = 1_000_000,
        scorer: str = "emoji-detector", keep_top: int | None = None, threshold: float | None = None, **settings: Any,
    ) -> Path:  # fmt: skip
        """Have the model paint its own training pictures: many of each prompt, scored, the best kept.

        Args:
            suite: a key of `evaluation.SUITES`, or the path of a file with a prompt a line.
            out: the data set's folder; what is painted there already is not painted again.
            progress: called with pictures done, all pictures, and the prompt.
            tasks, limit, per_prompt, first_seed, scorer, keep_top, threshold: see `MakeDataSettings`.
            settings: fields of `GenerateSettings` over the model's defaults.

        Returns:
            `out`, which `train` takes as data.

        Raises:
            InputError: unknown prompts or scorer; nothing says what is kept; not one picture was good enough.
        """
        asked = {
            "suite": suite, "tasks": tasks, "limit": limit, "per_prompt": per_prompt, "first_seed": first_seed,
            "scorer": scorer, "keep_top": keep_top, "threshold": threshold,
        }  # fmt: skip
        making_of(self.submit_making(out, progress, shared=settings, **asked))
        return out

    def submit_making(self, out: Path, progress: Progress | None = None, **values: Any) -> Task:
        """Queue the making of data in this process and return at once; `task.making` tells how far it is.

        Args:
            values: fields of `MakeDataSettings`.

        Raises:
            InputError: as `make_data`.
        """
        from .making import Making

        making = Making(self._asked(values), Path(out).expanduser(), progress)
        return self._queue.submit(making.asked, out, making=making)

    def plan_making(self, **values: Any) -> Plan:
        """How many pictures that would be, and how long they would take.

        Raises:
            InputError: as `make_data`.
        """
        from .making import Making
        from .planning import Plan, expected_seconds

        making = Making(self._asked(values), self.home / "unused")
        each = expected_seconds(self.home / "evaluations", self.runs, making.settings, making.asked.scorer)
        number = making.num_pictures
        return Plan(len(making.items), 1, number, None if each is None else each * number)

    def queue_making(self, title: str = "", **values: Any) -> Job:
        """Queue the making of data as a job, which outlives this process; its folder is the job's.

        Raises:
            InputError: as `make_data`.
        """
        from .making import Making

        asked = self._asked(values)
        Making(asked, self.home / "unused")  # tells now what would fail later
        return self.jobs.submit(asked, title or f"data from {Path(asked.suite).stem}")

    def add_data(self, source: Path | str) -> Path:
        """Unpack a zip, or fetch a data set of the hub by its name; returns the folder, which `train` takes as data.

        Raises:
            InputError: neither; or what is in it is no data set: see `archives` and `hub_data`.
            StudioError: the hub can't be reached; the disk.
        """
        from .archives import unpack
        from .hub_data import fetch, hub_name
        from .runs import storing

        file = typed(source)
        name = None if file.is_file() else hub_name(str(source))
        if file.is_dir():
            raise InputError(f"{file} is a folder.", "Give it as data as it is.")
        if not file.is_file() and name is None:
            raise InputError(f"There is no file {file}.", "Give a zip, or a data set of the hub as owner/name.")
        with storing(self.home / "data"):
            folder = self._new_folder(file.stem if name is None else name.replace("/", "-"))
            try:
                return unpack(file, folder) if name is None else fetch(name, folder)
            except BaseException:
                with suppress(OSError):
                    folder.rmdir()  # only where nothing came into it
                raise

    def _new_folder(self, name: str) -> Path:
        """An empty folder of a new name, nobody else's."""
        plain = "".join(c if c.isalnum() or c in "-_." else "-" for c in name).strip("-.")[:60] or "data"
        for number in itertools.count(1):
            folder = self.home / "data" / (plain if number == 1 else f"{plain}-{number}")
            with suppress(FileExistsError):
                folder.mkdir(parents=True)
                return folder
        raise AssertionError("never reached")

    def _asked(self, values: dict[str, Any]) -> MakeDataSettings:
        """Checked settings, in which everything that decides a picture stands."""
        shared = {"model": self.model, **values.get("shared", {})}
        painting = self.settings("", **shared).model_dump(mode="json", exclude={"prompt", "seed"})
        return MakeDataSettings.checked(**{**values, "shared": painting})


def run_making(task: Task, model_of: Callable[[GenerateSettings], LoadedModel], listener: Listener) -> None:
    """Work on a making's task."""
    making: Making = task.making
    also = making.progress

    def progress(done: int, total: int, prompt: str) -> None:
        task.report(f"picture {done}/{total}", done, total)
        if also is not None:
            also(done, total, prompt)

    making.progress = progress
    task.report("loading model and scorer", 0, making.num_pictures)
    making.run(model_of, listener)


def making_of(task: Task) -> Making:
    """The making of a task, once it has ended; its error raised."""
    task.wait()
    if task.error is not None:
        raise task.error
    if task.status == "cancelled":
        raise Cancelled("Cancelled.")
    return task.making
