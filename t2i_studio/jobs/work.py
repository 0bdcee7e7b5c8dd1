"""The kinds of work that a job can be: what each keeps of its settings, and what runs it.

Loads nothing heavy before it works.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..config import ASSETS, MakeDataSettings, known_models
from ..errors import Cancelled, InputError
from ..paths import typed

if TYPE_CHECKING:
    from ..training.settings import TrainSettings

Tell = Callable[[dict[str, Any]], None]
WantsStop = Callable[[], bool]
PATHS = frozenset({"data", "model", "suite", "lora"})
"""Settings that may be paths: whoever starts a job may stand elsewhere."""
BEAT = 0.5
"""Seconds between two writings of how far it is."""


def kind_of(settings: TrainSettings | MakeDataSettings) -> str:
    """Key of `KINDS`."""
    return "make-data" if isinstance(settings, MakeDataSettings) else "fine-tune"


def as_kept(settings: TrainSettings | MakeDataSettings) -> dict[str, Any]:
    """The settings as plain data, paths made whole."""
    kept = settings.model_dump(mode="json")
    if "resume_from_checkpoint" in kept:
        kept["resume_from_checkpoint"] = ""
    if isinstance(kept.get("shared"), dict):
        kept["shared"] = {name: _whole(name, value) for name, value in kept["shared"].items()}
    return {name: _whole(name, value) for name, value in kept.items()}


def _whole(name: str, value: Any) -> Any:
    if name not in PATHS or not isinstance(value, str) or not value or _is_name(name, value):
        return value
    path = typed(value)
    return str(path.resolve()) if path.exists() else value


def _is_name(name: str, value: str) -> bool:
    """Whether it is what ships or is listed: that comes before a folder of the same name, here as elsewhere."""
    if name == "model":
        return value in known_models()
    if name == "suite":
        from ..evaluation import SUITES

        return value in SUITES
    return name == "data" and (ASSETS / "data" / value).is_dir()


def fine_tune(settings: dict[str, Any], out: Path, tell: Tell, wants_stop: WantsStop) -> None:
    """Train from the last checkpoint on, if there is one."""
    from ..finetune import train
    from ..training.loop import Watcher
    from ..training.premise import told
    from ..training.settings import TrainSettings

    given = TrainSettings.checked(**settings)
    resumed = given.model_copy(update={"resume_from_checkpoint": "latest"}) if out.exists() else given

    class Following(Watcher):
        began, first = 0.0, 0

        def premise(self, ratio: float) -> None:
            sys.stderr.write(told(ratio) + "\n")  # into the log that the page shows

        def step(self, step: int, num_steps: int, row: dict[str, float]) -> None:
            if not self.first:
                self.began, self.first = time.monotonic(), step
            each = (time.monotonic() - self.began) / max(1, step - self.first) or row["seconds"]
            tell({"step": step, "num_steps": num_steps, "seconds_left": each * (num_steps - step), **row})

        def wants_stop(self) -> bool:
            return wants_stop()

    train(resumed, Following())


def make_data(settings: dict[str, Any], out: Path, tell: Tell, wants_stop: WantsStop) -> None:
    """Paint, score, select; what is painted already is not painted again."""
    from ..generation import Listener
    from ..making import Making
    from ..models import ModelShelf

    told = 0.0

    def progress(done: int, total: int, prompt: str) -> None:
        nonlocal told
        if time.monotonic() - told > BEAT or done == total:
            kept = sum(one.kept for one in making.selected)
            tell({"step": done, "num_steps": total, "seconds_left": making.seconds_left(), "kept": kept})
            told = time.monotonic()

    class Following(Listener):
        def check_cancelled(self) -> None:
            if wants_stop():
                raise Cancelled("Stopped; what is painted is kept.")

    making = Making(MakeDataSettings.checked(**settings), out, progress)
    tell({"step": 0, "num_steps": making.num_pictures})
    making.run(ModelShelf().get, Following())


KINDS: dict[str, Callable[[dict[str, Any], Path, Tell, WantsStop], None]] = {
    "fine-tune": fine_tune,
    "make-data": make_data,
}


def work_of(kind: str) -> Callable[[dict[str, Any], Path, Tell, WantsStop], None]:
    """What runs a kind.

    Raises:
        InputError: this version knows no such kind.
    """
    if kind not in KINDS:
        raise InputError(f"This version can't do a job of kind {kind!r}.", "Delete it, or use the newer version.")
    return KINDS[kind]
