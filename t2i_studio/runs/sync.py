"""Brings the index in step with what lies on the disk: new folders in, vanished ones out.

Known folders are not opened, so thousands of them cost one look at the root's entries.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from ..errors import RunError
from . import index
from .folder import IMAGE, RECORD, read_record
from .ids import is_run_id
from .storage import new_file

ELSEWHERE = ".elsewhere"
"""One small file for each run kept outside the root: its name is the id, its text the folder."""


def bring_in_step(connection: sqlite3.Connection, root: Path) -> None:
    """Compare the index with the root's folders and pointers, and mend the differences."""
    # Read before looking at the disk: a run saved in between is then found, never forgotten.
    known = index.places(connection)
    inside = {e.name for e in scan(root) if is_run_id(e.name) and e.is_dir()}
    outside = read_pointers(root)
    new = (inside | outside.keys()) - known.keys()
    gone = [p for p in known.keys() - inside - outside.keys() if Path(p).is_absolute() or not (root / p).exists()]
    present = {p: Path(p, RECORD).is_file() for p in outside}
    changed = [(p, on) for p, on in present.items() if known.get(p, True) != on]
    if not (new or gone or changed):
        return
    lines = {place: _read(root, place) for place in sorted(new) if present.get(place, True)}
    with index.transaction(connection):
        index.drop(connection, gone)
        index.mark_present(connection, changed)
        for place, line in lines.items():
            if isinstance(line, index.RunSummary):
                index.put(connection, place, line)
            elif line:
                index.put_problem(connection, place, outside.get(place, place), line)


def _read(root: Path, place: str) -> index.RunSummary | str:
    """The line of the run there, or what is wrong with it; empty where no run lies."""
    folder = root / place
    if not (folder / RECORD).exists() and not (folder / IMAGE).exists():
        return ""
    try:
        summary = index.summary_of(read_record(folder), folder)
    except RunError as error:
        return error.problem
    except (LookupError, TypeError, ValueError, AttributeError):
        return f"{folder / RECORD} is no record of a run."
    if folder.parent == root and folder.name != summary.id and (root / summary.id).exists():
        return f"{folder} is a copy of the run {summary.id}."
    return summary


def scan(folder: Path) -> list[os.DirEntry[str]]:
    """Entries of a folder; none where it can't be read or doesn't exist."""
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:
        return []


def read_pointers(root: Path) -> dict[str, str]:
    """Folder → id of the runs kept outside the root."""
    pointers = {read_pointer(Path(e.path)): e.name for e in scan(root / ELSEWHERE) if is_run_id(e.name)}
    return {str(folder): run_id for folder, run_id in pointers.items() if folder is not None}


def read_pointer(file: Path) -> Path | None:
    """The folder a pointer names; None where it can't be read."""
    try:
        folder = Path(os.fsdecode(file.read_bytes()))
    except OSError:
        return None
    return folder if folder.is_absolute() else None


def write_pointer(root: Path, run_id: str, folder: Path) -> None:
    """Make a run outside the root findable; earlier runs of the same folder are gone from there.

    Raises:
        StorageError: it can't be written.
    """
    for other in scan(root / ELSEWHERE):
        if read_pointer(Path(other.path)) == folder:
            Path(other.path).unlink(missing_ok=True)
    with new_file(root / ELSEWHERE / run_id) as draft:
        draft.write_bytes(os.fsencode(folder))
