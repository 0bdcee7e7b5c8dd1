"""What the place of the picture shows: a task as data for `stage.js`."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING, Any

from ..errors import StorageError, StudioError
from ..types import Run
from .comparison import png
from .scratch import Scratch
from .viewer import player_data

if TYPE_CHECKING:
    from PIL import Image

    from ..tasks import Task

PREVIEW_SIDE = 320

IDLE: dict[str, Any] = {"state": "idle"}


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
        seen["preview"] = small(preview)
    return seen


def _sentence(message: str) -> str:
    return message[:1].upper() + message[1:]


def small(image: Image.Image) -> str:
    """A data URL, small enough to send several times a second."""
    image = image.convert("RGB")
    image.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=80)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()


def picture(run: Run, scratch: Scratch) -> dict[str, Any]:
    """A run as the player wants it, its picture where the browser may fetch it."""
    return player_data(run, address(scratch, run.id, run.image))


def address(scratch: Scratch, name: str, image: Image.Image) -> str:
    """Where the browser finds a picture: in the scratch folder, or on a full disk in the address itself."""
    try:
        return scratch.url(scratch.picture(name, image))
    except StorageError:
        return png(image)
