"""Jobs on disk: `jobs/ID/` with `job.json`, `settings.yaml`, `progress.json`, `end.json`, `log.txt` and `out/`.

`job.json` is written by whoever holds the queue's lock; progress and end by the job's own processes.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import fields
from pathlib import Path, PureWindowsPath
from typing import Any

from filelock import FileLock, Timeout

from ..errors import InputError, StorageError
from .record import Job

RECORD, SETTINGS, PROGRESS, END, LOG, STOP, OUT, LOCK = (
    "job.json", "settings.yaml", "progress.json", "end.json", "log.txt", "stop", "out", ".worker"
)  # fmt: skip


class JobStore:
    """The jobs below one folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def folder(self, job_id: str) -> Path:
        """Where a job is kept.

        Raises:
            InputError: no name that a job could have; ids come from pages, and a path would lead elsewhere.
        """
        if not job_id or job_id.startswith(".") or PureWindowsPath(job_id).name != job_id:
            raise InputError(f"There is no job {job_id!r}.", "See t2i-studio jobs list.")
        return self.root / job_id

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Nobody else, in any process, changes jobs meanwhile."""
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            with FileLock(self.root / ".lock", timeout=30):
                yield
        except OSError as error:
            raise StorageError(f"{self.root} can't be written: {error.strerror}.", "Check the disk.") from error

    def new_id(self, title: str, now: str) -> str:
        """Readable and new: `20261122-153000-ctcal-4f2a`."""
        stamp = now[:19].replace("-", "").replace(":", "").replace("T", "-")
        name = "".join(c if c.isalnum() else "-" for c in title.lower()).strip("-")[:30] or "job"
        return f"{stamp}-{name}-{secrets.token_hex(2)}"

    def save(self, job: Job) -> None:
        """Write a job's record."""
        folder = self.folder(job.id)
        folder.mkdir(parents=True, exist_ok=True)
        record = {k: v for k, v in job.as_json().items() if k != "progress"}
        write_json(folder / RECORD, record)

    def load(self, job_id: str) -> Job:
        """A job by its id, or the beginning of it.

        Raises:
            InputError: there is none, or several.
        """
        found = [job_id] if (self.folder(job_id) / RECORD).is_file() else self._beginning(job_id)
        if len(found) != 1:
            many = f"{len(found)} jobs begin with" if found else "There is no job"
            raise InputError(f"{many} {job_id!r}.", "See t2i-studio jobs list.")
        folder = self.folder(found[0])
        record = read_json(folder / RECORD)
        if record is None:
            raise InputError(f"The record of {found[0]} is damaged.", "Delete the job.")
        known = {field.name for field in fields(Job)} - {"progress"}
        try:
            kept: dict[str, Any] = {k: v for k, v in record.items() if k in known} | {"id": found[0]}
            return Job(**kept, progress=read_json(folder / PROGRESS) or {})
        except TypeError:
            raise InputError(f"The record of {found[0]} is damaged.", "Delete the job.") from None

    def _beginning(self, start: str) -> list[str]:
        return [name for name in self.ids() if start and name.startswith(start)]

    def ids(self) -> list[str]:
        """All jobs, oldest first."""
        if not self.root.is_dir():
            return []
        return sorted(f.name for f in self.root.iterdir() if (f / RECORD).is_file())

    def all(self) -> list[Job]:
        """All jobs that can be read, oldest first."""
        found = []
        for name in self.ids():
            with suppress(InputError, TypeError):
                found.append(self.load(name))
        return found

    def end_of(self, job_id: str) -> dict[str, Any] | None:
        """What the supervisor told last; None while it has not."""
        return read_json(self.folder(job_id) / END)

    def forget_end(self, job_id: str) -> None:
        """Before another attempt."""
        for name in (END, STOP):
            (self.folder(job_id) / name).unlink(missing_ok=True)

    def worked_on(self, job_id: str) -> bool:
        """Whether a worker still holds its folder."""
        try:
            with FileLock(self.folder(job_id) / LOCK, timeout=0):
                return False
        except (Timeout, OSError):
            return True

    def damaged(self, job_id: str) -> bool:
        """Whether there is such a job, but no record to read."""
        return (self.folder(job_id) / RECORD).is_file() and read_json(self.folder(job_id) / RECORD) is None

    def delete(self, job_id: str) -> None:
        """Remove a job and all it made."""
        shutil.rmtree(self.folder(job_id), ignore_errors=True)

    def log(self, job_id: str, lines: int = 40) -> list[str]:
        """The last lines of its output."""
        file = self.folder(job_id) / LOG
        if not file.is_file():
            return []
        return file.read_text(encoding="utf-8", errors="replace").replace("\r", "\n").splitlines()[-lines:]

    def written(self, job_id: str) -> int:
        """A number that changes when its output grows, or the folder of what it makes, or one directly in there."""
        out = self.folder(job_id) / OUT
        stamp = 0
        with suppress(OSError):  # not there yet, or gone meanwhile
            stamp += (self.folder(job_id) / LOG).stat().st_size
            stamp += sum(one.stat().st_mtime_ns for one in (out, *out.iterdir()) if one.is_dir())
        return stamp


def write_json(file: Path, data: dict[str, Any]) -> None:
    """Whole or not at all."""
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    draft.write_text(json.dumps(data, indent=1), encoding="utf-8")
    draft.replace(file)


def read_json(file: Path) -> dict[str, Any] | None:
    """None where there is none, or it is damaged."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None
