"""A run's words and numbers as JSON and back; no files, no pictures.

Lists inside settings come back as tuples, which is what `Settings.model_dump()` gives.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

import numpy as np

from ..metrics import MapMetrics
from ..types import GuidedStep, ParsedPrompt, Run, Subject, TokenSpans, Word

SCHEMA = 1
"""Version of the run folder. Raised when an older reader would misread it."""


def to_json(run: Run, metrics: MapMetrics | None, files: tuple[str, ...]) -> str:
    """`run.json` of a run; `files` are those that must lie beside it."""
    record = {
        "schema": SCHEMA,
        "id": run.id,
        "created": run.created,
        "size": run.image.size,
        "settings": run.settings,
        "prompt": {
            "text": run.prompt.text,
            "words": [vars(word) for word in run.prompt.words],
            "subjects": [vars(subject) for subject in run.prompt.subjects],
        },
        "spans": [vars(spans) for spans in run.spans],
        "timings": run.timings,
        "versions": run.versions,
        "notes": run.notes,
        "guidance": [vars(step) for step in run.guidance],
        "metrics": summary(metrics) if metrics else {},
        "files": files,
    }
    return json.dumps(plain(record), ensure_ascii=False, indent=1)


def fields_of(record: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of `Run` that `run.json` holds: all but the picture, the maps and the folder.

    Raises:
        KeyError, TypeError, ValueError: something is missing or of a wrong kind.
    """
    prompt = record["prompt"]
    return {
        "id": str(record["id"]),
        "created": str(record["created"]),
        "settings": {str(k): _frozen(v) for k, v in dict(record["settings"]).items()},
        "prompt": ParsedPrompt(
            text=str(prompt["text"]),
            words=tuple(Word(**word) for word in prompt["words"]),
            subjects=tuple(Subject(**_tuples(subject)) for subject in prompt["subjects"]),
        ),
        "spans": tuple(_spans(spans) for spans in record["spans"]),
        "timings": dict(record["timings"]),
        "versions": dict(record["versions"]),
        "notes": tuple(record["notes"]),
        "guidance": tuple(GuidedStep(**step) for step in record.get("guidance", ())),
    }


def summary(metrics: MapMetrics) -> dict[str, dict[str, Any]]:
    """Means over the steps of each noun's numbers, and of its overlap with every other noun."""
    if not metrics.timesteps:
        return {}
    overlap_NN = metrics.overlap_TNN.mean(axis=0)
    return {
        noun: {
            "mass": float(metrics.mass_TN[:, i].mean()),
            "peak": float(metrics.peak_TN[:, i].mean()),
            "entropy": float(metrics.entropy_TN[:, i].mean()),
            "overlap": {other: float(overlap_NN[i, j]) for j, other in enumerate(metrics.nouns) if j != i},
        }
        for i, noun in enumerate(metrics.nouns)
    }


def plain(value: Any) -> Any:
    """The value in what JSON knows; numbers that are not finite become null.

    Raises:
        TypeError: an object that JSON has no form for.
    """
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(v) for v in value]
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    raise TypeError(f"{type(value).__name__} can't be kept in run.json: {value!r:.80}")


def _spans(spans: Mapping[str, Any]) -> TokenSpans:
    subjects = {str(k): tuple(v) for k, v in spans["subjects"].items()}
    words = tuple(tuple(columns) for columns in spans["words"])
    return TokenSpans(**{**_tuples(spans), "subjects": subjects, "words": words})


def _tuples(values: Mapping[str, Any]) -> dict[str, Any]:
    return {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}


def _frozen(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_frozen(v) for v in value)
    if isinstance(value, dict):
        return {k: _frozen(v) for k, v in value.items()}
    return value
