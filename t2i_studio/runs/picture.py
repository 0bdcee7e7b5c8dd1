"""`image.png` with its text chunks, and the thumbnail beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from ..types import Run
from .record import SCHEMA, plain

THUMBNAIL_SIDE = 256
"""Longest side of a thumbnail, pixels."""


def write_picture(file: Path, run: Run) -> None:
    """Lossless PNG; `parameters` as other programs read it, `t2i_studio` as JSON for this one."""
    chunks = PngInfo()
    chunks.add_text("parameters", _clean(parameters(run)))
    request = {"schema": SCHEMA, "id": run.id, "settings": plain(run.settings)}
    chunks.add_text("t2i_studio", json.dumps(request))
    run.image.convert("RGB").save(file, format="PNG", pnginfo=chunks)


def write_thumbnail(file: Path, image: Image.Image) -> None:
    """WebP of at most `THUMBNAIL_SIDE` pixels a side; small pictures are not enlarged."""
    small = image.convert("RGB")
    small.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE), Image.Resampling.LANCZOS)
    small.save(file, format="WEBP", quality=82, method=4)


def read_picture(file: Path) -> Image.Image:
    """The whole picture in memory, RGB.

    Raises:
        OSError, ValueError, SyntaxError, Image.DecompressionBombError: missing or damaged.
    """
    with Image.open(file, formats=["PNG"]) as opened:
        return opened.convert("RGB")


def parameters(run: Run) -> str:
    """The settings in the lines that AUTOMATIC1111's web UI made common."""
    settings = run.settings
    lines = [str(settings.get("prompt", run.prompt.text))]
    if settings.get("negative_prompt"):
        lines.append(f"Negative prompt: {settings['negative_prompt']}")
    scheduler = settings.get("scheduler") or run.versions.get("scheduler") or "model default"
    times = settings.get("timesteps")
    values = {
        "Steps": settings.get("steps"),
        "Sampler": None if times else scheduler,
        "Timesteps": " ".join(f"{t:g}" for t in times) if times else None,
        "CFG scale": settings.get("guidance_scale"),
        "Seed": settings.get("seed"),
        "Size": f"{run.image.width}x{run.image.height}",
        "Model": model_name(settings),
    }
    known = [f"{name}: {_quoted(value)}" for name, value in values.items() if value is not None]
    return "\n".join([*lines, ", ".join(known)])


def model_name(settings: Mapping[str, Any]) -> str | None:
    """The model without the folders above it: a shared picture tells nothing of its maker's disk."""
    model = str(settings.get("model") or "").rstrip("/\\")
    return model.replace("\\", "/").split("/")[-1].removesuffix(".safetensors") or None


def _quoted(value: object) -> str:
    text = str(value)
    return json.dumps(text, ensure_ascii=False) if any(c in text for c in ',:"\n') else text


def _clean(text: str) -> str:
    """Without what a PNG chunk can't hold: NUL, and halves of surrogate pairs."""
    return text.replace("\0", " ").encode("utf-8", "replace").decode("utf-8")
