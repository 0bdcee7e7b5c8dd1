"""An evaluation as data for `evaluation.js`: the table so far, and the pictures behind a cell."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

if TYPE_CHECKING:
    from ..evaluation import Compared, Judged
    from ..judging import Evaluation
    from ..tasks import Task

A_PAGE = 12
SIDE = 224
"""Pixels of a thumbnail."""
ALL = "all"
KINDS = (ALL, "present", "missing", "won", "lost")
"""Which pictures of a way are shown."""


def board(task: Task) -> dict[str, Any]:
    """How far it is, and every row that has pictures."""
    evaluation: Evaluation = task.evaluation
    asked = evaluation.asked
    table = evaluation.table()
    parts = [Path(asked.suite).name, f"{len(evaluation.items)} prompts × {asked.seeds} {_s('seed', asked.seeds)}"]
    parts += [f"{len(evaluation.ways)} {_s('way', len(evaluation.ways))}", asked.judge]
    columns = _columns(table)
    seen = {
        "id": task.id, "state": task.status, "title": " · ".join(parts), "base": next(iter(evaluation.ways)),
        "columns": columns, "rows": [_row(row, columns, evaluation) for row in table],
        "done": sum(map(len, evaluation.found.values())), "total": evaluation.num_pictures,
        "laid_out": [str(folder) for folder in evaluation.laid_out],
    }  # fmt: skip
    if task.status == "running":
        return seen | {"message": _sentence(task.message), "seconds_left": evaluation.seconds_left()}
    if task.status == "waiting":
        return seen | {"message": f"Waiting, {task.position} before it" if task.position else "Waiting"}
    if task.status == "cancelled":
        remedy = "What is painted is kept: start the same again and it goes on."
        return seen | {"problem": f"Cancelled at picture {seen['done']} of {seen['total']}.", "remedy": remedy}
    if task.error is not None:
        return seen | {"problem": task.error.problem, "remedy": task.error.remedy}
    return seen | {"maps": asked.maps, "best": _best(evaluation) if evaluation.tried else []}


def _best(evaluation: Evaluation) -> list[dict[str, Any]]:
    return [
        {
            "way": one.way, "tried": one.num_trials, "dials": ", ".join(one.settings.get("guide_weights", ())),
            "measure": one.measure.replace("_", " "), "value": f"{one.value:.3f}",
        }
        for one in evaluation.chosen()
    ]  # fmt: skip


def _columns(table: Sequence[Compared]) -> list[dict[str, Any]]:
    """Those that something was measured for. A share has a bar from 0 to 1."""
    columns: list[dict[str, Any]] = []
    if any(row.present is not None for row in table):
        columns += [{"key": "present", "name": "present", "hint": "All that was asked for is there.", "share": True}]
        columns += [{"key": "exact", "name": "exact", "hint": "That, and nothing else.", "share": True}]
    for name in dict.fromkeys(name for row in table for name in row.numbers):
        columns.append({"key": name, "name": name.replace("_", " "), "hint": "Mean over pictures.", "share": False})
    return columns


def _row(row: Compared, columns: Sequence[Mapping[str, Any]], evaluation: Evaluation) -> dict[str, Any]:
    """A cell a column, None where nothing was measured: rows know their numbers in orders of their own."""
    measured = {name: (value, row.gains.get(name), 3) for name, value in row.numbers.items()}
    if row.present is not None:
        measured["present"] = (row.present, row.present_gain, 2)
        measured["exact"] = (row.exact, row.exact_gain, 2)
    cells = [_cell(*measured[column["key"]]) if column["key"] in measured else None for column in columns]
    each = len({(item.task, item.prompt) for item in evaluation.items if row.group in (ALL, item.group)})
    return {
        "way": row.way, "group": row.group, "pictures": row.num_pictures, "of": each * evaluation.asked.seeds,
        "cells": cells,
        "seconds": None if row.seconds is None else f"{row.seconds:.1f}",
        "memory": None if row.memory is None else f"{row.memory / 2**20:.0f}",
    }  # fmt: skip


def _cell(
    value: tuple[float, float, float] | None, gain: tuple[float, float, float] | None, digits: int
) -> dict[str, Any]:
    """`value` with its interval; a gain is sure where its interval leaves 0 out, and has a width: else all is alike."""
    assert value is not None
    cell: dict[str, Any] = {"text": f"{value[0]:.{digits}f}", "span": list(value), "digits": digits}
    if gain is None or gain[0] != gain[0]:  # NaN: no picture in common yet
        return cell
    sure = 0 if gain[1] == gain[2] else 1 if gain[1] > 0 else -1 if gain[2] < 0 else 0
    return cell | {"gain": f"{gain[0]:+.{digits}f}", "low": f"{gain[1]:+.{digits}f}", "high": f"{gain[2]:+.{digits}f}",
                   "sure": sure}  # fmt: skip


def cards(evaluation: Evaluation, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """One page of the pictures of a way and group, beside those of the first way on the same prompt and seed.

    `only`: all, present, missing, won or lost (against the first way).
    """
    way, group, only = str(wanted["way"]), str(wanted.get("group") or ALL), str(wanted.get("only") or ALL)
    base = next(iter(evaluation.ways))
    before = {(one.task, one.prompt, one.seed): one for one in list(evaluation.found[base])}
    pairs = [
        (before.get((one.task, one.prompt, one.seed)) if way != base else None, one)
        for one in list(evaluation.found[way])
        if group in (ALL, one.group)
    ]
    told = evaluation.changes(way)
    moved = {"won": {id(after) for _, after in told.wins}, "lost": {id(after) for _, after in told.losses}}
    counts = {name: sum(_fits(name, pair[1], moved) for pair in pairs) for name in KINDS}
    fitting = [pair for pair in pairs if _fits(only, pair[1], moved)]
    start = max(0, int(wanted.get("offset") or 0))
    items = [
        {
            "prompt": after.prompt, "seed": after.seed, "way": way, "base": base,
            "after": _side(evaluation, way, after), "before": first and _side(evaluation, base, first),
        }
        for first, after in fitting[start : start + A_PAGE]
    ]  # fmt: skip
    return {"items": items, "total": len(fitting), "counts": counts}


def _fits(only: str, one: Judged, moved: Mapping[str, set[int]]) -> bool:
    if only == ALL:
        return True
    if only in moved:
        return id(one) in moved[only]
    return one.present is (only == "present")


def _side(evaluation: Evaluation, way: str, one: Judged) -> dict[str, Any]:
    """A picture with its verdict; `mark` is yes, no or empty."""
    mark = "" if one.present is None else "yes" if one.present else "no"
    if one.numbers:
        text = ", ".join(f"{name.replace('_', ' ')} {value:.3f}" for name, value in one.numbers.items())
    elif one.present is None:
        text = "not judged"
    else:
        text = "exact" if one.exact else "present, and more" if one.present else "missing"
    seen = ", ".join(" ".join(filter(None, (found.colour, found.noun))) for found in one.found)
    return {"image": thumbnail(evaluation.picture(way, one)), "mark": mark, "text": text, "found": seen}


def thumbnail(file: Path) -> str:
    """A data URL; empty where the picture is gone."""
    try:
        with Image.open(file) as image:
            small = image.convert("RGB")
    except OSError:
        return ""
    small.thumbnail((SIDE, SIDE))
    return _url(small, "JPEG", quality=85)


def png(image: Image.Image) -> str:
    """A whole picture as a data URL."""
    return _url(image, "PNG", optimize=True)


def _url(image: Image.Image, kind: str, **options: Any) -> str:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return data_url(buffer.getvalue(), f"image/{kind.lower()}")


def data_url(data: bytes, mime: str) -> str:
    """A file as an address that holds it."""
    return f"data:{mime};base64," + base64.b64encode(data).decode()


def _sentence(message: str) -> str:
    return message[:1].upper() + message[1:]


def _s(word: str, number: int) -> str:
    return word if number == 1 else f"{word}s"
