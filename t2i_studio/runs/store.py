"""The place where runs are kept: save, find, delete, restore, export.

The folders are the truth, the index a cache of them; several threads and processes may work at once.
"""

from __future__ import annotations

import difflib
import errno
import os
import shutil
import sqlite3
import uuid
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from .. import config
from ..errors import RunBroken, RunNotFound, StorageError
from ..types import Run
from . import index
from .folder import GUIDANCE, IMAGE, MAPS, METRICS, RECORD, THUMBNAIL, read_record, read_run, write_files
from .ids import check_id, is_run_id
from .index import Filter, RunSummary
from .picture import read_picture, write_thumbnail
from .storage import new_file, remove_stale, storing, write_new_folder, write_out_folder
from .sync import ELSEWHERE, bring_in_step, read_pointer, scan, write_pointer

_INDEX = "index.sqlite"
_TRASH = ".trash"
T = TypeVar("T")


class RunStore:
    """All runs below one folder, and pointers to those kept elsewhere.

    A `str` names a run by its id, or by a beginning of it that no other run shares; a `Path` is a run
    folder anywhere. So nothing that is typed into a page reaches outside the root.
    """

    def __init__(self, root: Path | None = None) -> None:
        self.root = Path(root or config.home() / "runs").expanduser().absolute()

    def save(self, run: Run, out: Path | None = None) -> Run:
        """Keep a run below the root, or in `out`: there itself if it is new or empty, else in `out/<id>`.

        The folder appears whole or not at all. Returns the run with `folder` set.

        Raises:
            StorageError: disk full, folder not writable, or the id is taken; `run` is as it was.
        """
        check_id(run.id)
        out = None if out is None else Path(out).expanduser().absolute()
        if out is None or out == self.root:
            folder = write_new_folder(self.root, run.id, lambda draft: write_files(draft, run))
            kept = replace(run, folder=folder)
        else:
            folder = write_out_folder(out, run.id, RECORD, lambda draft: write_files(draft, run))
            kept = self._point_to(replace(run, folder=folder))
        self._use_index(lambda _: None)
        return kept

    def load(self, run: str | Path) -> Run:
        """The whole run with picture and maps.

        Raises:
            RunNotFound: no such run; the message names the nearest id.
            RunBroken: a file is missing or damaged; the message names it.
        """
        return read_run(self.folder(run))

    def folder(self, run: str | Path) -> Path:
        """Where a run is kept.

        Raises:
            RunNotFound: no such run.
        """
        if isinstance(run, Path):
            return run.expanduser().absolute()
        return self._resolve(run)[1]

    def list(
        self, query: str = "", model: str = "", method: str = "",
        since: datetime | None = None, until: datetime | None = None,
        offset: int = 0, limit: int | None = 50,
    ) -> tuple[RunSummary, ...]:  # fmt: skip
        """One page of the runs that pass the filter (see `Filter`), newest first; opens no run folder."""
        wanted = Filter(query, model, method, since, until)
        return self._use_index(lambda c: index.find(c, wanted, self.root, offset, limit))

    def count(
        self, query: str = "", model: str = "", method: str = "",
        since: datetime | None = None, until: datetime | None = None,
    ) -> int:  # fmt: skip
        """How many runs pass the filter."""
        wanted = Filter(query, model, method, since, until)
        return self._use_index(lambda c: index.count(c, wanted))

    def models(self) -> tuple[str, ...]:
        """Models that runs were made with."""
        return self._use_index(lambda c: index.distinct(c, "model"))

    def methods(self) -> tuple[str, ...]:
        """Methods that runs were made with; `none` is plain sampling."""
        return self._use_index(lambda c: index.distinct(c, "method"))

    def delete(self, run: str) -> Path:
        """Take a run off the list; `restore` undoes it. Returns where its files now lie.

        A folder below the root goes to the trash; one that was kept elsewhere stays untouched.

        Raises:
            RunNotFound: no such run.
            StorageError: it can't be moved.
        """
        run_id, folder = self._resolve(run)
        inside = folder.parent == self.root
        source = folder if inside else self.root / ELSEWHERE / run_id
        target = self.root / _TRASH / run_id
        with storing(self.root):
            target.parent.mkdir(exist_ok=True)
            taken = target.with_name(f".{run_id}.{uuid.uuid4().hex[:8]}")  # whoever comes second finds nothing to take
            try:
                source.rename(taken)
            except FileNotFoundError:
                raise RunNotFound(f"The run {run_id!r} is gone already.") from None
            _remove(target)
            taken.rename(target)
            os.utime(target)
        self._use_index(lambda _: None)
        return target if inside else folder

    def restore(self, run_id: str) -> Path:
        """Bring a deleted run back. Returns its folder.

        Raises:
            RunNotFound: it is not in the trash.
            StorageError: it can't be moved, or its id is taken again.
        """
        source = self.root / _TRASH / check_id(run_id)
        if not source.exists():
            raise RunNotFound(f"{run_id!r} is not in the trash.", _nearest(run_id, self.deleted()))
        inside = source.is_dir()
        target = self.root / run_id if inside else self.root / ELSEWHERE / run_id
        with storing(target):
            if target.exists():
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target))
            source.rename(target)
        self._use_index(lambda _: None)
        return target if inside else Path(read_pointer(target) or target)

    def deleted(self) -> tuple[str, ...]:
        """Ids in the trash, the last deleted first."""
        entries = scan(self.root / _TRASH)
        return tuple(e.name for e in sorted(entries, key=lambda e: -e.stat().st_mtime) if is_run_id(e.name))

    def purge(self, before: datetime | None = None) -> int:
        """Destroy what was deleted (before a time); returns how many runs. This can't be undone.

        Raises:
            StorageError: something can't be removed.
        """
        limit = index.seconds(before) if before else float("inf")
        doomed = [e for e in scan(self.root / _TRASH) if e.stat().st_mtime < limit]
        with storing(self.root):
            for entry in doomed:
                _remove(Path(entry.path))
        remove_stale(self.root)
        return len(doomed)

    def export(self, run: str | Path, out_file: Path) -> Path:
        """Write the run as a zip that unpacks to a folder named by its id; returns the file.

        An existing file is replaced; a folder gets `<id>.zip` in it.

        Raises:
            RunNotFound, RunBroken: as `load`.
            StorageError: it can't be written.
        """
        folder = self.folder(run)
        run_id = read_record(folder)["id"]
        out_file = Path(out_file).expanduser().absolute()
        if out_file.is_dir():
            out_file = out_file / f"{run_id}.zip"
        with new_file(out_file) as draft, zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED) as archive:
            for name in (RECORD, IMAGE, MAPS, METRICS, GUIDANCE, THUMBNAIL):
                if (folder / name).is_file():
                    archive.write(folder / name, f"{run_id}/{name}")
        return out_file

    def thumbnail(self, run: str | Path) -> Path:
        """A small picture of the run; made anew where it is missing.

        Raises:
            RunNotFound, RunBroken: no such run, or its picture is gone.
        """
        folder = self.folder(run)
        file = folder / THUMBNAIL
        if file.is_file():
            return file
        if not (folder / IMAGE).is_file():
            raise RunBroken(f"{folder / IMAGE} is missing.", "Restore it from a backup, or delete the run.")
        try:
            with new_file(file) as draft:
                write_thumbnail(draft, read_picture(folder / IMAGE))
        except StorageError:
            return folder / IMAGE
        return file

    def reindex(self) -> int:
        """Forget the index and read every folder again; returns how many runs are listed."""
        remove_stale(self.root)

        def forget(connection: sqlite3.Connection) -> None:
            index.drop(connection, index.places(connection))

        self._use_index(forget, sync=False)
        return self.count()

    def problems(self) -> tuple[str, ...]:
        """What is wrong with folders that can't be listed; `reindex` looks again."""
        return self._use_index(index.problems)

    def _use_index(self, work: Callable[[sqlite3.Connection], T], sync: bool = True) -> T:
        def in_step(connection: sqlite3.Connection) -> T:
            if sync:
                bring_in_step(connection, self.root)
            return work(connection)

        return index.use(self.root / _INDEX, in_step)

    def _point_to(self, run: Run) -> Run:
        """Make a run outside the root findable; where that fails it is still kept, and says so."""
        assert run.folder is not None
        if run.folder.parent == self.root:
            return run
        try:
            write_pointer(self.root, run.id, run.folder)
        except StorageError as error:
            return replace(run, notes=(*run.notes, f"Not listed among the runs: {error.problem}"))
        return run

    def _resolve(self, text: str) -> tuple[str, Path]:
        """Id and folder of the one run that `text` names."""
        if (self.root / check_id(text) / RECORD).is_file():
            return text, self.root / text
        found = self._use_index(lambda c: index.with_prefix(c, text, 6))
        exact = [row for row in found if row[0] == text]
        if len(exact or found) == 1:
            run_id, place = (exact or found)[0]
            return run_id, self.root / place
        if found:
            names = ", ".join(run_id for run_id, _ in found)
            raise RunNotFound(f"{text!r} begins several ids: {names}.", "Type more of it.")
        if (self.root / _TRASH / text).exists():
            raise RunNotFound(f"The run {text!r} was deleted.", "Restore it to use it again.")
        raise RunNotFound(
            f"There is no run {text!r}.", _nearest(text, self._use_index(lambda c: index.distinct(c, "id")))
        )


def _nearest(text: str, ids: Sequence[str]) -> str:
    """What to try instead of an unknown id."""
    near = difflib.get_close_matches(text, ids[-5000:], n=1, cutoff=0.5)
    return f"Did you mean {near[0]!r}?" if near else "`t2i-studio runs list` shows all runs."


def _remove(entry: Path) -> None:
    if entry.is_dir() and not entry.is_symlink():
        shutil.rmtree(entry)
    else:
        entry.unlink(missing_ok=True)
