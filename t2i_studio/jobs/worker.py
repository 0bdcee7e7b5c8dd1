"""The work of one job: a fine-tune from its snapshot, at low priority on a CPU.

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
from .store import LOCK, OUT, PROGRESS, SETTINGS, STOP, read_json, write_json
from .supervisor import REASON

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..training.settings import TrainSettings

NICENESS = 10
ROOM_BEAT = 2.0
"""Seconds between two looks at a device's memory."""


def main() -> int:
    """Train; 0 when it is done, 3 when it was stopped, 1 when it failed."""
    folder = Path(sys.argv[1])
    asked: list[bool] = []
    signal.signal(signal.SIGTERM, lambda *_: asked.append(True))
    try:
        with FileLock(folder / LOCK, timeout=0):  # one worker a folder, whatever became of its supervisor
            _train(folder, asked)
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


def _train(folder: Path, asked: list[bool]) -> None:
    settings = yaml.safe_load((folder / SETTINGS).read_text(encoding="utf-8"))
    from ..models import pick_device
    from ..training.settings import TrainSettings

    given = TrainSettings.checked(**settings)
    if pick_device(given.device).type == "cpu":
        yield_to_the_app()
    resumed = given.model_copy(update={"resume_from_checkpoint": "latest"}) if (folder / OUT).exists() else given

    from ..finetune import train
    from ..training.loop import Watcher

    parent = os.getppid()

    def wants_stop() -> bool:
        # Without its supervisor nobody would tell how it ended.
        return bool(asked) or (folder / STOP).exists() or os.getppid() != parent

    wait_for_room(folder, given, wants_stop)

    class Following(Watcher):
        began, first = 0.0, 0

        def step(self, step: int, num_steps: int, row: dict[str, float]) -> None:
            if not self.first:
                self.began, self.first = time.monotonic(), step
            each = (time.monotonic() - self.began) / max(1, step - self.first) or row["seconds"]
            told = {"step": step, "num_steps": num_steps, "seconds_left": each * (num_steps - step), **row}
            with suppress(OSError):  # a full disk is told by what must be written
                write_json(folder / PROGRESS, told)

        def wants_stop(self) -> bool:
            return wants_stop()

    train(resumed, Following())


def wait_for_room(folder: Path, given: TrainSettings, wants_stop: Callable[[], bool]) -> None:
    """Wait until a fine-tune's predicted memory is free on its accelerator; whoever is idle there may see
    `wants_room` in the progress and leave.

    Raises:
        Cancelled: stopped meanwhile.
    """
    from .. import room

    weights = room.weights_of(given.model)
    wanted = 0 if weights is None else room.training_bytes(weights, given)
    before = read_json(folder / PROGRESS) or {}
    waited = False
    while lacks := room.lacking(given.device, wanted):
        if wants_stop():
            raise Cancelled("Stopped before its first step.", "Start it again when the device has room.")
        told = f"waiting for {lacks / 2**30:.1f} GB more on {given.device}: about {wanted / 2**30:.1f} GB are needed"
        write_json(folder / PROGRESS, {**before, "wants_room": True, "message": told})
        waited = True
        time.sleep(ROOM_BEAT)
    if waited:
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
