"""Where the picture of the tab Teacher–Student comes from: a file, a kept run, or a rendered scene.

A source is plain data that the page holds: `None` for a file that was uploaded, else `{"scene": 3}` or
`{"run": "…"}`.
"""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import InputError, SettingError
from ...flags import as_flags
from ..exports import find_run

if TYPE_CHECKING:
    from ...config import ProbeSettings
    from ...studio import Studio
    from ...training import Picture
    from ..scratch import Scratch

Source = dict[str, Any]


def picture_of(studio: Studio, source: Source | None, file: str | None, caption: str) -> Picture:
    """The picture with its caption, and with its true masks where they are known.

    Raises:
        SettingError: no picture, or one that can't be read; names the control `picture`.
        RunError: the run can't be read.
    """
    from ...training import Picture, from_file, from_scene

    if source and "scene" in source:
        scene = from_scene(int(source["scene"]))
        return Picture(scene.name, scene.image, caption, scene.masks)
    if source and "run" in source:
        run = find_run(studio, str(source["run"]))
        return Picture(run.id, run.image, caption)
    if not file:
        raise SettingError("There is no picture yet.", "Drop one here, paste it, or press New scene.", "picture")
    try:
        return from_file(file, caption)
    except InputError as error:
        raise SettingError(_named(error.problem, file), _named(error.remedy, file), "picture") from None


def _named(text: str, file: str) -> str:
    """The file by the name it was uploaded with; where the server keeps it says nothing to anyone."""
    return text.replace(str(Path(file).expanduser()), Path(file).name)


def new_scene(number: int, scratch: Scratch) -> tuple[Path, str]:
    """A rendered scene as a file for the page, and its caption."""
    from ...training import from_scene

    scene = from_scene(number)
    file = scratch.folder("scenes") / f"scene-{number}.png"
    scene.image.save(file)
    return file, scene.caption


def command(source: Source | None, file: str | None, settings: ProbeSettings) -> str:
    """The shell line that tells the same numbers; a picture of one's own by the name it was uploaded with."""
    plain = {name: field.default for name, field in type(settings).model_fields.items()}
    options = as_flags(settings, {**plain, "width": settings.width, "height": settings.height})
    place = ["--run", str(source["run"])] if source and "run" in source else [Path(file or "picture.png").name]
    caption = [f"--caption={settings.prompt}"] if settings.prompt.startswith("-") else ["--caption", settings.prompt]
    shared = ["--model", settings.model, "--seed", str(settings.seed)]
    return shlex.join(["t2i-studio", "probe", *place, *caption, *shared, *options])
