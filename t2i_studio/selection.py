"""Which pictures of a prompt are kept, and why. Knows rewards and rules, no pictures and no models."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from .config import MakeDataSettings

SELECTION = "selection.jsonl"


@dataclass(frozen=True)
class Made:
    """One picture with its reward."""

    file_name: str
    "Below the data set's folder."
    text: str
    seed: int
    task: str
    reward: float
    present: bool | None = None
    exact: bool | None = None
    found: tuple[tuple[str, str | None, float], ...] = ()
    "Noun, colour and certainty of each object that a judge saw."
    numbers: dict[str, float] = field(default_factory=dict)
    "What a scorer gave."


@dataclass(frozen=True)
class Selected:
    """What became of a picture."""

    made: Made
    kept: bool
    why: str

    def as_json(self) -> dict[str, Any]:
        """A line of `selection.jsonl`."""
        return {**asdict(self.made), "reward": round(self.made.reward, 4), "kept": self.kept, "why": self.why}


def as_metadata(row: Mapping[str, Any]) -> dict[str, Any]:
    """A line of `metadata.jsonl` from one of `selection.jsonl`."""
    return {name: row[name] for name in ("file_name", "text", "reward", "seed")}


def select(asked: MakeDataSettings, made: Sequence[Made]) -> list[Selected]:
    """All pictures of one prompt, the best first, each with what becomes of it and why.

    Equal rewards go by seed. What is rewarded with 0 or less shows nothing of the prompt and is never kept.
    """
    ranked = sorted(made, key=lambda one: (-one.reward, one.seed))
    return [Selected(one, *_fate(asked, one.reward, rank)) for rank, one in enumerate(ranked, start=1)]


def _fate(asked: MakeDataSettings, reward: float, rank: int) -> tuple[bool, str]:
    place = f"number {rank} of {asked.per_prompt}"
    if reward <= 0:
        return False, "shows nothing of the prompt"
    if asked.threshold is not None and reward < asked.threshold:
        return False, f"{reward:.2f} is below {asked.threshold:g}"
    if asked.keep_top is not None and rank > asked.keep_top:
        return False, f"{place}, {asked.keep_top} are kept"
    if asked.keep_top is not None:
        return True, place
    return True, "all are kept" if asked.threshold is None else f"{reward:.2f} reaches {asked.threshold:g}"


def read_selection(folder: Path) -> list[dict[str, Any]]:
    """What a data set tells of its pictures, as `Selected.as_json`; nothing where it was not made so."""
    file = folder / SELECTION
    if not file.is_file():
        return []
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
