"""One prompt of a suite, and what a picture of it must hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..emoji.captions import Request
from ..types import Box


@dataclass(frozen=True)
class Item:
    """One prompt of a suite."""

    task: str
    split: str
    "`seen` or `unseen` in the embedded world's training; empty where that says nothing."
    prompt: str
    request: Request | None = None
    "What must be in the picture; None where the prompt is not in the embedded world's language."
    metadata: Mapping[str, Any] | None = None
    "GenEval's own line about it, for GenEval's own evaluator."
    number: int = 0
    "Its line in the file it comes from, from 0."
    boxes: Mapping[str, Box] = field(default_factory=dict)
    "Where its nouns should stand; empty where nothing is asked."

    @property
    def group(self) -> str:
        """Task and split: a block of rows."""
        return f"{self.task}, {self.split}" if self.split else self.task
