"""The work of one job: a fine-tune from its snapshot, at low priority on a CPU.

python -m t2i_studio.jobs.worker FOLDER
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import yaml

from ..errors import Cancelled, StudioError
from .store import OUT, PROGRESS, SETTINGS, write_json
from .supervisor import REASON

NICENESS = 10


def main() -> int:
    """Train; 0 when it is done, 3 when it was stopped, 1 when it failed."""
    folder = Path(sys.argv[1])
    asked: list[bool] = []
    signal.signal(signal.SIGTERM, lambda *_: asked.append(True))
    try:
        _train(folder, asked)
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

    class Following(Watcher):
        began = time.monotonic()
        first = 0

        def step(self, step: int, num_steps: int, row: dict[str, float]) -> None:
            if not self.first:
                self.first = step
            done = step - self.first + 1
            each = (time.monotonic() - self.began) / done
            write_json(
                folder / PROGRESS,
                {"step": step, "num_steps": num_steps, "seconds_left": each * (num_steps - step), **row},
            )

        def wants_stop(self) -> bool:
            return bool(asked) or os.getppid() != parent  # nobody would tell how it ended

        def check_stop(self) -> None:
            if self.wants_stop():
                raise Cancelled("Stopped; a checkpoint is written.")

    train(resumed, Following())


def yield_to_the_app() -> None:
    """Lower priority and half of the threads, so that the page answers meanwhile."""
    import torch

    if hasattr(os, "nice"):
        os.nice(NICENESS)
    torch.set_num_threads(max(1, (os.cpu_count() or 2) // 2))


if __name__ == "__main__":
    code: Any = main()
    raise SystemExit(code)
