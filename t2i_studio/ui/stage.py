"""What the place of the picture shows: a task as data for `stage.js`.

Pictures go as files, maps packed to 8 bits with the value at the top of their scale.
"""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import StudioError
from ..types import Maps, Run
from ..visuals.colours import heat
from .scratch import Scratch

if TYPE_CHECKING:
    from PIL import Image

    from ..tasks import Task

MAX_BYTES = 700_000
"""Of packed maps: Gradio compares values as text, so one must stay below 1 MB."""
PREVIEW_SIDE = 320

IDLE: dict[str, Any] = {"state": "idle"}


def palette_text() -> str:
    """The heat colour map: 256 RGB triples in base64."""
    return base64.b64encode(np.ascontiguousarray(heat(np.linspace(0, 1, 256))).tobytes()).decode()


def failed(error: StudioError) -> dict[str, Any]:
    """Something went wrong that no control caused."""
    return {"state": "failed", "problem": error.problem, "remedy": error.remedy}


def view(task: Task, scratch: Scratch, last_preview: int = 0) -> dict[str, Any]:
    """The task now. `last_preview`: id of the preview the page has already."""
    if task.run is not None and task.status in ("done", "failed"):
        seen = {"state": "done", "run": picture(task.run, scratch)}
        return seen | ({"problem": task.error.problem, "remedy": task.error.remedy} if task.error else {})
    if task.status == "failed":
        return failed(task.error or StudioError("The picture could not be made.", "Try again."))
    if task.status == "cancelled":
        at = f" at step {task.step} of {task.num_steps}" if task.step else ""
        return {"state": "cancelled", "problem": f"Cancelled{at}.", "remedy": "Nothing of it was kept."}
    return _under_way(task, last_preview)


def _under_way(task: Task, last_preview: int) -> dict[str, Any]:
    waiting = task.status == "waiting"
    place = f"waiting, {task.position} before it" if task.position else "waiting"
    preview = task.preview
    seen = {
        "state": task.status, "message": place if waiting else _sentence(task.message),
        "step": task.step, "num_steps": task.num_steps, "seconds_left": None if waiting else task.seconds_left,
        "shape": task.settings.width / task.settings.height,
    }  # fmt: skip
    if preview is not None and id(preview) != last_preview:
        seen["preview"] = _small(preview)
    return seen


def _sentence(message: str) -> str:
    return message[:1].upper() + message[1:]


def _small(image: Image.Image) -> str:
    """A data URL, small enough to send several times a second."""
    image = image.convert("RGB")
    image.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=80)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()


def picture(run: Run, scratch: Scratch) -> dict[str, Any]:
    """A run as `look.js` wants it."""
    file = scratch.folder(run.id) / "shown.png"
    if not file.exists():
        run.image.save(file)
    nouns = ", ".join(run.maps.nouns) if run.maps else ""
    return {
        "id": run.id, "image": scratch.url(file), "width": run.image.width, "height": run.image.height,
        "alt": f"Generated picture: {run.prompt.text[:200]}", "notes": list(run.notes), "facts": facts(run),
        "num_steps": run.settings.get("steps", 0), **(packed(run.maps) if nouns and run.maps else NO_MAPS),
    }  # fmt: skip


NO_MAPS: dict[str, Any] = {"nouns": [], "timesteps": [], "steps": [], "rows": 1, "columns": 1, "maps": ""}


def packed(maps: Maps) -> dict[str, Any]:
    """Maps of the main grid as bytes `[noun, step, y, x]`, one scale a noun; thinned out where too many."""
    rows, columns = maps.stacks[maps.main].grid
    most = max(1, MAX_BYTES // (len(maps.nouns) * rows * columns))
    steps = np.unique(np.linspace(0, maps.num_steps - 1, min(maps.num_steps, most)).round().astype(int))
    parts, nouns = [], []
    for index, noun in enumerate(maps.nouns):
        values_TYX = maps[noun][steps]
        top = max(float(values_TYX.max(initial=0.0)), 1e-9)
        parts.append((np.nan_to_num(values_TYX) / top * 255).round().astype(np.uint8))
        nouns.append({"id": noun, "colour": index, "top": top})
    data = base64.b64encode(np.stack(parts).tobytes()).decode()
    times = [maps.timesteps[i] for i in steps]
    return {"nouns": nouns, "timesteps": times, "steps": steps.tolist(), "rows": rows, "columns": columns, "maps": data}


def facts(run: Run) -> str:
    """One line: model · seed · steps · time."""
    given = run.settings
    parts = [str(given.get("model", "")), f"seed {given.get('seed', 0)}", f"{given.get('steps', 0)} steps"]
    if "total" in run.timings:
        parts.append(f"{run.timings['total']:.1f} s")
    return " · ".join(part for part in parts if part)
