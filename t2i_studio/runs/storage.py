"""Files that are whole or absent: temporary siblings, renames, and errors that name the remedy."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..errors import StorageError

TEMPORARY = ".tmp-"
"""Prefix of folders and files that are still being written."""
_STALE_SECONDS = 3600.0
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}
_IN_THE_WAY = {errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ENOTEMPTY}


@contextmanager
def storing(place: Path) -> Iterator[None]:
    """Turn the system's errors while writing below `place` into `StorageError`s."""
    try:
        yield
    except OSError as error:
        raise storage_error(place, error) from error


def storage_error(place: Path, error: OSError) -> StorageError:
    """What an error of the system means for the user who keeps runs at `place`."""
    elsewhere = "choose another place with --out or T2I_STUDIO_HOME"
    if error.errno in _FULL:
        return StorageError(f"The disk that holds {place} is full.", f"Free space, or {elsewhere}.")
    if error.errno in _FORBIDDEN:
        return StorageError(f"{place} can't be written.", f"Change its permissions, or {elsewhere}.")
    if error.errno in _IN_THE_WAY:
        return StorageError(f"Something else is in the way at {place}.", f"Move it, or {elsewhere}.")
    reason = error.strerror or str(error)
    return StorageError(f"{place} can't be written: {reason}.", f"Check the disk, or {elsewhere}.")


def write_new_folder(parent: Path, name: str, fill: Callable[[Path], None]) -> Path:
    """Make the folder `parent/name` with what `fill` writes; it appears at once or not at all.

    Raises:
        StorageError: it can't be written, or something of that name is there already.
    """
    target = parent / name
    with storing(target):
        parent.mkdir(parents=True, exist_ok=True)
        with _temporary_folder(parent) as draft:
            fill(draft)
            _flush(draft)
            _move_new(draft, target)
    return target


def write_out_folder(folder: Path, name: str, last: str, fill: Callable[[Path], None]) -> Path:
    """Write into `folder` itself where it is new or empty, else into `folder/name`.

    Files move in one by one with `last` at the end: a folder without it counts as nothing. The folder
    itself is never replaced, since it may be a mount point or somebody's working directory.

    Raises:
        StorageError: it can't be written.
    """
    made = [p for p in (folder, *folder.parents) if not p.exists()]
    with storing(folder):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with _temporary_folder(folder) as draft:
                fill(draft)
                _flush(draft)
                if list(folder.iterdir()) != [draft]:
                    _move_new(draft, folder / name)
                    return folder / name
                _move_files(draft, folder, last)
        except BaseException:
            for empty in made:
                with suppress(OSError):
                    empty.rmdir()
            raise
    return folder


@contextmanager
def new_file(target: Path) -> Iterator[Path]:
    """A temporary path beside `target` that takes its place when the block ends well.

    Raises:
        StorageError: it can't be written.
    """
    draft = target.with_name(f"{TEMPORARY}{secrets.token_hex(8)}")
    with storing(target.parent):
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield draft
            draft.replace(target)
        finally:
            draft.unlink(missing_ok=True)


def remove_stale(folder: Path) -> None:
    """Delete what a process that died left half-written more than an hour ago."""
    for entry in folder.glob(f"{TEMPORARY}*"):
        try:
            if time.time() - entry.stat().st_mtime < _STALE_SECONDS:
                continue
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        except OSError:
            continue


@contextmanager
def _temporary_folder(parent: Path) -> Iterator[Path]:
    # Not mkdtemp: its 0700 would shut out colleagues who share the disk.
    draft = parent / f"{TEMPORARY}{secrets.token_hex(8)}"
    draft.mkdir()
    try:
        yield draft
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _move_new(draft: Path, target: Path) -> None:
    if target.exists():
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target))
    draft.rename(target)


def _move_files(draft: Path, folder: Path, last: str) -> None:
    moved: list[Path] = []
    try:
        for file in sorted(draft.iterdir(), key=lambda f: f.name == last):
            file.rename(folder / file.name)
            moved.append(folder / file.name)
    except BaseException:
        for file in moved:
            file.unlink(missing_ok=True)
        raise


def _flush(folder: Path) -> None:
    """Push the files to the disk, so that no run of empty files survives a power cut."""
    for file in folder.iterdir():
        with file.open("r+b") as handle:
            os.fsync(handle.fileno())
