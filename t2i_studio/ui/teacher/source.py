"""Where the picture of the tab Teacher–Student comes from: a file, a kept run, or a rendered scene.

A source is plain data that the page holds: `None` for a file that was uploaded, else `{"scene": 3}` or
`{"run": "…"}`.
"""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import InputError, SettingError
from ...flags import as_flags
from ..exports import find_run
from .painted import Painted, masks_of

if TYPE_CHECKING:
    from ...config import ProbeSettings
    from ...studio import Studio
    from ...training import Picture
    from ..scratch import Scratch

Source = dict[str, Any]


def picture_of(
    studio: Studio, source: Source | None, file: str | None, caption: str, painted: Painted | None = None
) -> Picture:
    """The picture with its caption, and with its true masks where they are known: what was painted comes first.

    Raises:
        SettingError: no picture, or one that can't be read; names the control `picture`.
        RunError: the run can't be read.
    """
    found = _given(studio, source, file, caption)
    return replace(found, masks={**found.masks, **masks_of(painted, file, found.image.size)})


def _given(studio: Studio, source: Source | None, file: str | None, caption: str) -> Picture:
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


def name_of(source: Source | None, file: str | None) -> str:
    """What the picture's file is called, or would be: `scene-3.png`."""
    if source and "scene" in source:
        return f"scene-{source['scene']}.png"
    return f"{source['run']}.png" if source and "run" in source else Path(file or "picture.png").name


def command(source: Source | None, file: str | None, settings: ProbeSettings, painted: bool = False) -> str:
    """The shell line that tells the same numbers; a picture of one's own by the name it was uploaded with.

    Args:
        painted: whether masks were painted: they lie beside a file, so the picture must be one.
    """
    plain = {name: field.default for name, field in type(settings).model_fields.items()}
    options = as_flags(settings, {**plain, "width": settings.width, "height": settings.height})
    place = [name_of(source, file)]
    if source and not painted:
        place = ["--run", str(source["run"])] if "run" in source else ["--scene", str(source["scene"])]
    caption = [f"--caption={settings.prompt}"] if settings.prompt.startswith("-") else ["--caption", settings.prompt]
    shared = ["--model", settings.model, "--seed", str(settings.seed)]
    return shlex.join(["t2i-studio", "probe", *place, *caption, *shared, *options])
