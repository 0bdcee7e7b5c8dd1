"""What an evaluation will cost, from what earlier pictures of the same model took. Loads no model."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import StudioError
from .runs.folder import read_record

if TYPE_CHECKING:
    from .config import GenerateSettings
    from .runs import RunStore

LATEST = 5
"""Kept runs that are looked at."""
GUIDED = 2.5
"""How much longer a guided picture takes, where none was timed: docs/guidance.md found 1.7 on each guided step, and
refinement repeats some."""


@dataclass(frozen=True)
class Plan:
    """The size of an evaluation before it starts."""

    num_prompts: int
    num_ways: int
    num_pictures: int
    seconds: float | None
    "None where this model was never timed here."


def expected_seconds(evaluations: Path, runs: RunStore, settings: GenerateSettings, judge: str) -> float | None:
    """Of one picture: by an earlier evaluation, else by a kept run; scaled to these steps and this size."""
    timed = _by_evaluation(evaluations, settings, judge) or _by_run(runs, settings, settings.guide or "none")
    if timed is None and settings.guide:
        unguided = settings.model_copy(update={"guide": ""})
        plain = _by_evaluation(evaluations, unguided, "") or _by_run(runs, settings, "none")
        timed = None if plain is None else GUIDED * plain
    return timed


def _by_evaluation(evaluations: Path, settings: GenerateSettings, judge: str) -> float | None:
    files = sorted(evaluations.glob("*/about.json"), key=lambda file: file.stat().st_mtime, reverse=True)
    for file in files:
        try:
            about = json.loads(file.read_text(encoding="utf-8"))
            if (about.get("model"), about.get("guide")) != (settings.model, settings.guide):
                continue
            lines = (file.parent / "judged.jsonl").read_text(encoding="utf-8").splitlines()[-50:]
            kept = [json.loads(line) for line in lines]
        except (OSError, ValueError):
            continue
        spent = [one["seconds"] for one in kept if one.get("seconds")]
        if spent:
            looked = [one.get("judging") or 0.0 for one in kept] if about.get("judge") == judge else [0.0]
            scale = _work(settings.model_dump()) / _work(about)
            return sum(spent) / len(spent) * scale + sum(looked) / len(looked)
    return None


def _by_run(runs: RunStore, settings: GenerateSettings, method: str) -> float | None:
    try:
        for run in runs.list(model=settings.model, method=method, limit=LATEST):
            record = read_record(run.folder)
            seconds = record.get("timings", {}).get("denoise")
            if seconds and "timesteps" not in record.get("settings", {}):
                return float(seconds) * _work(settings.model_dump()) / _work(record["settings"])
    except (StudioError, KeyError):
        return None
    return None


def _work(settings: dict[str, Any]) -> float:
    """Steps times pixels: what painting time grows with."""
    return float(settings["steps"]) * float(settings["width"]) * float(settings["height"])
