"""Jobs as data for `board.js`: the list, and all of the one that is looked at."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import StorageError
from ..comparison import data_url
from . import made

if TYPE_CHECKING:
    from ...jobs import Job, JobQueue
    from ..scratch import Scratch

POINTS = 240
"""A curve has at most this many; more are means of neighbours."""
HIDDEN = frozenset({"step", "seconds", "lr"})
LINES = 12
WEIGHTS = {"lora": "pytorch_lora_weights.safetensors", "model": "model/model_index.json"}
"""What a fine-tune may give, and the file by which it is known."""


def value(queue: JobQueue, jobs: Sequence[Job], chosen: str, scratch: Scratch) -> dict[str, Any]:
    """Everything the board shows; equal values need not be sent again."""
    job = next((one for one in jobs if one.id == chosen), jobs[0] if jobs else None)
    rows = [_short(one) for one in jobs]
    return {"jobs": rows, "job": None if job is None else _whole(queue, job, scratch)}


def _short(job: Job) -> dict[str, Any]:
    model = job.settings.get("model") or job.settings["shared"]["model"]
    return {
        "kind": job.kind,
        "id": job.id, "title": job.title, "state": job.state, "step": job.step, "num_steps": job.num_steps,
        "created": job.created, "model": Path(model).name,
    }  # fmt: skip


def _whole(queue: JobQueue, job: Job, scratch: Scratch) -> dict[str, Any]:
    out = queue.out(job.id)
    left = job.progress.get("seconds_left")
    waits = job.state == "running" and job.progress.get("wants_room")
    shared = _short(job) | {
        "reason": job.reason,
        "waits": str(job.progress.get("message", "")) if waits else "",
        "seconds_left": round(left) if job.state == "running" and left is not None else None,
        "log": queue.log(job.id, LINES) if job.state in ("failed", "running", "stopping") else [],
        "folder": str(out),
    }
    return shared | ({"made": made.value(job, out)} if job.kind == "make-data" else _fine_tune(job, out, scratch))


def _fine_tune(job: Job, out: Path, scratch: Scratch) -> dict[str, Any]:
    gives = next((what for what, file in WEIGHTS.items() if (out / file).exists()), "")
    return {
        "seconds_a_step": round(float(job.progress.get("seconds", 0)), 2),
        "data": job.settings["data"],
        "method": _method(job.settings),
        "series": curves(out),
        "samples": _samples(out, job, scratch),
        "prompts": list(job.settings.get("validation_prompts", ())),
        "gives": gives if job.state == "done" else "",
    }


def _method(settings: dict[str, Any]) -> str:
    kind = "full fine-tune" if settings.get("full_finetune") else "LoRA"
    if settings.get("ctcal"):
        return f"CTCal {kind}"
    return f"GORS {kind}" if settings.get("reward_weights") else f"plain {kind}"


def curves(out: Path) -> dict[str, Any]:
    """Steps and numbers from the log, thinned."""
    from ...training.log import read

    rows = read(out)
    names = [name for name in (rows[0] if rows else {}) if name not in HIDDEN]
    every = max(1, -(-len(rows) // POINTS))
    groups = [rows[i : i + every] for i in range(0, len(rows), every)]
    found = {name: [_mean([row[name] for row in group]) for group in groups] for name in names}
    return {"steps": [int(group[-1]["step"]) for group in groups], "numbers": found}


def _mean(texts: Sequence[str]) -> float:
    values = [float(text) for text in texts if text]
    return sum(values) / len(values) if values else 0.0


def _samples(out: Path, job: Job, scratch: Scratch) -> list[dict[str, Any]]:
    """Samples by step: pictures of the fixed prompts, and the maps of the fixed pair."""
    steps: dict[int, dict[str, Any]] = {}
    for file in sorted((out / "samples").glob("step-*-*.png")):
        step, number = (int(part) for part in file.stem.removeprefix("step-").split("-"))
        steps.setdefault(step, {"step": step, "images": {}, "maps": ""})["images"][number] = _url(file, job, scratch)
    for file in sorted((out / "maps").glob("step-*.png")):
        step = int(file.stem.removeprefix("step-"))
        steps.setdefault(step, {"step": step, "images": {}, "maps": ""})["maps"] = _url(file, job, scratch)
    return [
        {**one, "images": [image for _, image in sorted(one["images"].items())]} for _, one in sorted(steps.items())
    ]


def _url(file: Path, job: Job, scratch: Scratch) -> str:
    """The browser's way to a copy of the file: it reaches nothing but the scratch folder."""
    try:
        shown = scratch.keep(job.id, f"{file.parent.name}-{file.name}", lambda draft: shutil.copyfile(file, draft))
    except StorageError:
        return data_url(file.read_bytes(), "image/png")
    return scratch.url(shown)
