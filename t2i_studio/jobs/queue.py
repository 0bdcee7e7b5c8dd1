"""The queue: the only door to long work. Any process may open it; what it knows is on disk."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from ..errors import InputError
from .processes import alive, ask_to_stop, kill_tree, start_apart
from .record import ACTIVE, Job
from .store import LOG, OUT, SETTINGS, STOP, JobStore
from .work import as_kept, kind_of

if TYPE_CHECKING:
    from ..config import MakeDataSettings
    from ..training.settings import TrainSettings

SUPERVISOR = "t2i_studio.jobs.supervisor"


class JobQueue:
    """Jobs below `root`; each call first brings their states up to date and starts what may start.

    Args:
        worker: module that does the work of one job, given its folder.
    """

    def __init__(self, root: Path, worker: str = "t2i_studio.jobs.worker") -> None:
        self.store = JobStore(root)
        self._worker = worker

    def submit(self, settings: TrainSettings | MakeDataSettings, title: str = "") -> Job:
        """Queue a fine-tune or the making of data; its settings are kept as they are now."""
        now = _now()
        with self.store.locked():
            job_id = self.store.new_id(title or settings.model, now)
            folder = self.store.folder(job_id)
            folder.mkdir(parents=True)
            kind = kind_of(settings)
            kept = as_kept(settings) | {"output_dir": str(folder / OUT)}
            (folder / SETTINGS).write_text(yaml.safe_dump(kept, sort_keys=False), encoding="utf-8")
            self.store.save(Job(job_id, title or settings.model, kept, _device(settings.device), now, kind))
        self.advance()
        return self.store.load(job_id)

    def list(self) -> list[Job]:
        """All jobs, newest first."""
        self.advance()
        return self.store.all()[::-1]

    def at_work(self) -> Sequence[Job]:
        """Jobs that hold a device, as they were last known; cheap."""
        return [job for job in self.store.all() if job.state in ACTIVE]

    def get(self, job_id: str) -> Job:
        """One job, up to date.

        Raises:
            InputError: there is none.
        """
        self.advance()
        return self.store.load(job_id)

    def out(self, job_id: str) -> Path:
        """The folder of what a job makes."""
        return self.store.folder(job_id) / OUT

    def stop(self, job_id: str, *, force: bool = False) -> Job:
        """Ask a job to write a checkpoint and end; with `force` end it now. A waiting one just ends."""
        with self.store.locked():
            job = self.store.load(job_id)
            if job.state == "waiting":
                self.store.save(job.with_(state="stopped", reason="Stopped before it began.", ended=_now()))
            elif job.state in ACTIVE:
                (self.store.folder(job.id) / STOP).touch()
                self.store.save(job.with_(state="stopping"))
                (kill_tree if force else ask_to_stop)(job.pid, job.pid_born)
        self.advance()
        return self.store.load(job.id)

    def resume(self, job_id: str) -> Job:
        """Queue an ended job again; it goes on from its last checkpoint.

        Raises:
            InputError: it has not ended, or is done.
        """
        with self.store.locked():
            job = self.store.load(job_id)
            if not job.has_ended:
                raise InputError(f"The job is {job.state}.", "Wait until it has ended, or stop it.")
            if job.state == "done":
                raise InputError("The job is done.", "Duplicate it, with other settings.")
            self.store.forget_end(job.id)
            self.store.save(job.with_(state="waiting", reason="", ended="", exit_code=None))
        self.advance()
        return self.store.load(job.id)

    def delete(self, job_id: str) -> None:
        """Remove an ended or waiting job and all it made.

        Raises:
            InputError: it runs, or another one that has not ended uses what it made.
        """
        self.advance()
        with self.store.locked():
            if not self.store.damaged(job_id):
                job = self.store.load(job_id)
                if job.state in ACTIVE:
                    raise InputError("The job runs.", "Stop it first.")
                needing = next((one for one in self.store.all() if self._needs(one, job)), None)
                if needing is not None:
                    raise InputError(f"{needing.title} uses what it made.", "Wait for that job, or take it out.")
                job_id = job.id
            self.store.delete(job_id)

    def _needs(self, other: Job, job: Job) -> bool:
        """Whether another job, waiting or running, was given something in this one's folder."""
        if other.id == job.id or other.has_ended:
            return False
        given = [*other.settings.values(), *(other.settings.get("shared") or {}).values()]
        folder = self.store.folder(job.id).resolve()
        return any(isinstance(one, str) and Path(one).is_absolute() and folder in Path(one).parents for one in given)

    def log(self, job_id: str, lines: int = 40) -> list[str]:
        """The last lines a job printed."""
        return self.store.log(self.store.load(job_id).id, lines)

    def written(self, job: Job) -> int:
        """A number that changes when a job at work prints, or lays a file beside what it made; 0 of all others."""
        return self.store.written(job.id) if job.state in ACTIVE else 0

    def advance(self) -> None:
        """See which jobs ended, and start the oldest waiting one of each free device."""
        if not self.store.ids():
            return
        with self.store.locked():
            jobs = [self._seen(job) for job in self.store.all()]
            busy = {job.device for job in jobs if job.state in ACTIVE}
            for job in jobs:
                if job.state == "waiting" and job.device not in busy:
                    busy.add(job.device)
                    self._start(job)

    def _seen(self, job: Job) -> Job:
        """The job as it really is."""
        if job.state not in ACTIVE:
            return job
        end = self.store.end_of(job.id)
        if end is None and (alive(job.pid, job.pid_born) or self.store.worked_on(job.id)):
            return job  # a worker that lost its supervisor ends at its next step
        if end is None:
            asked = (self.store.folder(job.id) / STOP).exists()
            end = {
                "state": "stopped" if asked else "failed", "exit_code": None,
                "reason": "Ended by force." if asked else "Its process is gone: killed, or the machine went down.",
            }  # fmt: skip
        ended = job.with_(
            state=end["state"], reason=end["reason"], exit_code=end["exit_code"], ended=end.get("ended", _now())
        )
        self.store.save(ended)
        return ended

    def _start(self, job: Job) -> None:
        folder = self.store.folder(job.id)
        self.store.forget_end(job.id)
        try:
            pid, born = start_apart(SUPERVISOR, [str(folder), self._worker], folder / LOG)
        except OSError as error:
            self.store.save(job.with_(state="failed", reason=f"Could not be started: {error.strerror}.", ended=_now()))
            return
        self.store.save(
            job.with_(state="running", pid=pid, pid_born=born, started=_now(), attempts=job.attempts + 1, reason="")
        )


def _device(wanted: str) -> str:
    """One name for one device."""
    from ..models import pick_device

    found = str(pick_device(wanted))
    return "cuda:0" if found == "cuda" else found


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
