"""Synthetic runs: no model, exact numbers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from t2i_studio.config import GenerateSettings
from t2i_studio.runs import RunStore, new_run_id
from t2i_studio.types import Maps, MapStack, ParsedPrompt, Run, Subject, TokenSpans, Word

MakeRun = Callable[..., Run]


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    return RunStore(tmp_path / "runs")


@pytest.fixture
def make_run() -> MakeRun:
    return _make_run


def _maps(rng: np.random.Generator, nouns: tuple[str, ...]) -> Maps:
    count = len(nouns)
    big, small = rng.random((3, 2, count, 4, 6)), rng.random((3, 1, count, 2, 3))
    heads = rng.random((3, 2, 5, count, 4, 6))
    return Maps(
        nouns=nouns,
        timesteps=(999.0, 500.5, 1.0),
        stacks={
            "4x6": MapStack((4, 6), ("up.0.attn2", "up.1.attn2"), big.astype(np.float32), heads.astype(np.float32)),
            "2x3": MapStack((2, 3), ("mid.attn2",), small.astype(np.float32)),
        },
        main="4x6",
    )


def _make_run(prompt: str = "a cat and a dog", maps: bool = True, seed: int = 1, **changes: Any) -> Run:
    rng = np.random.default_rng(seed)
    words = (Word("a", 0, 1, "DET"), Word("cat", 2, 5, "NOUN"), Word("dog", 12, 15, "NOUN"))
    subjects = (Subject("cat", "cat", (1,), (0,), 1), Subject("dog", "dog", (2,)))
    settings = GenerateSettings.checked(prompt=ascii(prompt), seed=seed, width=96, height=64, nouns=("cat", "dog"))
    pixels = rng.integers(0, 256, (64, 96, 3), dtype=np.uint8)
    values: dict[str, Any] = {
        "id": new_run_id(prompt),
        "created": "2026-11-22T10:45:12+00:00",
        "settings": settings.model_dump(),
        "prompt": ParsedPrompt(prompt, words, subjects),
        "spans": (TokenSpans("clip", ("<s>", "a", "cat"), 77, ((1,), (2,), ()), {"cat": (2,)}, ("dog",)),),
        "image": Image.fromarray(pixels),
        "maps": _maps(rng, ("cat", "dog")) if maps else None,
        "timings": {"denoise": 1.25},
        "versions": {"torch": "2"},
        "notes": ("dog lies past the limit",),
    }
    return Run(**{**values, **changes})
