"""Checkpoints of a fine-tune: one file each with all that going on exactly needs; written whole or not at all."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import Any

import torch

from ..errors import InputError, StorageError

STATE = "state.pt"
_NAME = re.compile(r"^checkpoint-(\d+)$")


def listed(folder: Path) -> list[Path]:
    """Checkpoints in a training's folder, oldest first."""
    found = [f for f in folder.glob("checkpoint-*") if _NAME.match(f.name) and (f / STATE).is_file()]
    return sorted(found, key=step_of)


def step_of(checkpoint: Path) -> int:
    """Steps that were done when it was written."""
    match = _NAME.match(checkpoint.name)
    return int(match.group(1)) if match else -1


def write(folder: Path, step: int, state: dict[str, Any], keep: int) -> Path:
    """Write a checkpoint, then remove all but the newest `keep`.

    Raises:
        StorageError: the disk is full or the folder read-only; older checkpoints are untouched then.
    """
    target, unfinished = folder / f"checkpoint-{step}", folder / f".checkpoint-{step}.tmp"
    try:
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        with (unfinished / STATE).open("wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
        shutil.rmtree(target, ignore_errors=True)
        unfinished.replace(target)
    except (OSError, RuntimeError) as error:  # torch reports a full disk as RuntimeError
        shutil.rmtree(unfinished, ignore_errors=True)
        reason = " ".join(str(error).split())[:200]
        raise StorageError(
            f"The checkpoint can't be written: {reason}", f"Free space on the disk of {folder}."
        ) from error
    for old in listed(folder)[:-keep]:
        shutil.rmtree(old, ignore_errors=True)
    return target


def read(folder: Path, wanted: str) -> tuple[int, dict[str, Any]] | None:
    """A checkpoint's step and state; None where `latest` is wanted and there is none.

    Raises:
        InputError: no such checkpoint, a damaged one, or another training's.
    """
    if wanted == "latest":
        every = listed(folder)
        if not every:
            return None
        chosen = every[-1]
    else:
        chosen = Path(wanted).expanduser().resolve()
        if not (chosen / STATE).is_file() or step_of(chosen) < 0:  # its step is in its name
            raise InputError(f"There is no checkpoint at {wanted!r}.", "Give a checkpoint-N folder, or latest.")
        if chosen.parent != folder.resolve():
            raise InputError(
                f"{chosen} is of another training than {folder}.", f"Name its own folder: --output-dir {chosen.parent}."
            )
    try:
        return step_of(chosen), torch.load(chosen / STATE, map_location="cpu", weights_only=True)
    except Exception as error:
        raise InputError(f"{chosen.name} is damaged.", "Delete it and resume from the one before.") from error
