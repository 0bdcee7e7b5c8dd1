"""One run's folder: what is written into it, and how it is read back.

Knows nothing of where folders lie or of the index.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image
from safetensors import SafetensorError

from ..errors import RunBroken, RunNotFound
from ..metrics import measure
from ..types import Run
from .ids import is_run_id
from .maps_file import read_maps, write_maps
from .picture import read_picture, write_picture, write_thumbnail
from .record import SCHEMA, fields_of, to_json
from .tables import write_guidance, write_metrics

RECORD, IMAGE, MAPS, METRICS, GUIDANCE, THUMBNAIL = (
    "run.json",
    "image.png",
    "maps.safetensors",
    "metrics.csv",
    "guidance.csv",
    "thumbnail.webp",
)


def write_files(folder: Path, run: Run) -> None:
    """Write all files of a run into an existing folder, `run.json` last.

    Raises:
        OSError: the disk is full or the folder can't be written.
    """
    files = [IMAGE, THUMBNAIL]
    write_picture(folder / IMAGE, run)
    write_thumbnail(folder / THUMBNAIL, run.image)
    metrics = None
    if run.maps is not None:
        metrics = measure(run.maps)
        write_maps(folder / MAPS, run.maps)
        write_metrics(folder / METRICS, metrics)
        files += [MAPS, METRICS]
    if run.guidance:
        write_guidance(folder / GUIDANCE, run.guidance)
        files.append(GUIDANCE)
    text = to_json(run, metrics, tuple(files))
    # A half of a surrogate pair, as broken terminals send them, becomes its JSON escape and comes back.
    (folder / RECORD).write_bytes(text.encode("utf-8", "backslashreplace"))


def read_run(folder: Path) -> Run:
    """The whole run, its maps in memory.

    Raises:
        RunNotFound: no `run.json` there.
        RunBroken: a file is missing, damaged or of a newer version; the message names it.
    """
    record = read_record(folder)
    with _reading(folder / RECORD):
        fields = fields_of(record)
        has_maps = MAPS in record["files"]
    with _reading(folder / IMAGE):
        image = read_picture(folder / IMAGE)
    maps = None
    if has_maps:
        with _reading(folder / MAPS):
            maps = read_maps(folder / MAPS)
    return Run(**fields, image=image, maps=maps, folder=folder)


def read_record(folder: Path) -> dict[str, Any]:
    """What `run.json` says.

    Raises:
        RunNotFound: no `run.json` there.
        RunBroken: it can't be read, or is of a newer version.
    """
    file = folder / RECORD
    if not file.is_file():
        if (folder / IMAGE).exists() or (folder / MAPS).exists():
            raise RunBroken(f"{file} is missing.", "Restore it from a backup, or delete the folder.")
        raise RunNotFound(f"{folder} is no run folder: it has no {RECORD}.", "See `t2i-studio runs list`.")
    with _reading(file):
        record = json.loads(file.read_text(encoding="utf-8"))
        if not isinstance(record, dict) or not isinstance(record["schema"], int):
            raise ValueError("not the record of a run")
        if not is_run_id(str(record["id"])):
            raise ValueError(f"{str(record['id'])[:80]!r} is no run id")
    if record["schema"] > SCHEMA:
        raise RunBroken(
            f"{file} is of version {record['schema']}; this program reads up to {SCHEMA}.",
            "Update T2I Studio.",
        )
    return record


@contextmanager
def _reading(file: Path) -> Iterator[None]:
    """Turn whatever a damaged file makes its reader raise into `RunBroken`."""
    wrong = (
        OSError, SafetensorError, LookupError, TypeError, ValueError, AttributeError, SyntaxError,
        RecursionError, Image.DecompressionBombError,
    )  # fmt: skip
    try:
        yield
    except RunBroken:
        raise
    except FileNotFoundError:
        raise RunBroken(f"{file} is missing.", "Restore it from a backup, or make the run again.") from None
    except wrong as error:
        reason = str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
        raise RunBroken(
            f"{file} can't be read: {reason.rstrip('.')}.", "Restore it from a backup, or make the run again."
        ) from error
