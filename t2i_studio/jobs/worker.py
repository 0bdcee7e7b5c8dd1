"""The process that does the work of one job from its snapshot, at low priority on a CPU.

python -m t2i_studio.jobs.worker FOLDER
"""

from __future__ import annotations

import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from filelock import FileLock, Timeout

from ..errors import Cancelled, StudioError
from .store import LOCK, OUT, PROGRESS, RECORD, SETTINGS, STOP, read_json, write_json
from .supervisor import REASON
from .work import work_of

if TYPE_CHECKING:
    from collections.abc import Callable

NICENESS = 10
ROOM_BEAT = 2.0
"""Seconds between two looks at a device's memory."""


def main() -> int:
    """Work; 0 when it is done, 3 when it was stopped, 1 when it failed."""
    folder = Path(sys.argv[1])
    asked: list[bool] = []
    signal.signal(signal.SIGTERM, lambda *_: asked.append(True))
    try:
        with FileLock(folder / LOCK, timeout=0):  # one worker a folder, whatever became of its supervisor
            _work(folder, asked)
    except Timeout:
        write_json(folder / REASON, {"reason": "Another process still works on this job."})
        return 1
    except Cancelled as error:
        write_json(folder / REASON, {"reason": str(error)})
        return 3
    except StudioError as error:
        write_json(folder / REASON, {"reason": str(error)})
        return 1
    except Exception as error:
        write_json(folder / REASON, {"reason": f"{type(error).__name__}: {' '.join(str(error).split())[:400]}"})
        raise
    return 0


def _work(folder: Path, asked: list[bool]) -> None:
    settings = yaml.safe_load((folder / SETTINGS).read_text(encoding="utf-8"))
    record = read_json(folder / RECORD) or {}
    from ..models import pick_device

    device = settings.get("device") or settings.get("shared", {}).get("device", "auto")
    if pick_device(device).type == "cpu":
        yield_to_the_app()
    parent = os.getppid()

    def tell(progress: dict[str, Any]) -> None:
        with suppress(OSError):  # a full disk is told by what must be written
            write_json(folder / PROGRESS, progress)

    def wants_stop() -> bool:
        # Without its supervisor nobody would tell how it ended.
        return bool(asked) or (folder / STOP).exists() or os.getppid() != parent

    kind = record.get("kind", "fine-tune")
    wait_for_room(folder, str(pick_device(device)), wanted_bytes(kind, settings), wants_stop)
    work_of(kind)(settings, folder / OUT, tell, wants_stop)


def wanted_bytes(kind: str, settings: dict[str, Any]) -> int:
    """Predicted memory of a job on its device; 0 where it is not known."""
    from .. import room
    from ..config import GenerateSettings
    from ..training.settings import TrainSettings

    shared = settings.get("shared", settings)
    weights = room.weights_of(shared["model"]) if shared.get("model") else None
    if weights is None:
        return 0
    if kind == "fine-tune":
        return room.training_bytes(weights, TrainSettings.checked(**settings))
    return room.painting_bytes(weights, GenerateSettings.checked(**shared))


def wait_for_room(folder: Path, device: str, wanted: int, wants_stop: Callable[[], bool]) -> None:
    """Wait until `wanted` bytes are free on an accelerator; whoever is idle there may see `wants_room` in the
    progress and leave.

    Raises:
        Cancelled: stopped meanwhile.
    """
    from .. import room

    kept = read_json(folder / PROGRESS) or {}
    before = {k: v for k, v in kept.items() if k not in ("wants_room", "message")}  # of a wait that was killed
    try:
        while lacks := room.lacking(device, wanted):
            if wants_stop():
                raise Cancelled("Stopped before its first step.", "Start it again when the device has room.")
            told = f"waiting for {lacks / 2**30:.1f} GB more on {device}: about {wanted / 2**30:.1f} GB are needed"
            kept = {**before, "wants_room": True, "message": told}
            write_json(folder / PROGRESS, kept)
            time.sleep(ROOM_BEAT)
    finally:
        if kept != before:
            write_json(folder / PROGRESS, before)


def yield_to_the_app() -> None:
    """Lower priority and half of the threads, so that the page answers meanwhile."""
    import torch

    if hasattr(os, "nice"):
        os.nice(NICENESS)
    torch.set_num_threads(max(1, (os.cpu_count() or 2) // 2))


if __name__ == "__main__":
    code: Any = main()
    raise SystemExit(code)
