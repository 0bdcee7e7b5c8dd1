"""Where a model's files are, and whether it is safe to open them. Knows no architecture."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from ..config import ROOT
from ..errors import ModelBroken, ModelError, ModelNotFound, UnsafeCheckpoint
from ..paths import typed

_PICKLES = {".ckpt", ".pt", ".pth", ".bin", ".pkl", ".pickle"}
TEXT_ENCODERS = ("text_encoder", "text_encoder_2", "text_encoder_3")
_WEIGHT_FOLDERS = ("unet", "transformer", "vae", *TEXT_ENCODERS)


def is_hub_id(source: str) -> bool:
    """Whether a name looks like `owner/model` and is no path on this disk."""
    parts = source.split("/")
    return len(parts) == 2 and all(parts) and not source.startswith((".", "~", "/")) and not typed(source).exists()


def check_source(source: Path | str) -> Path | str:
    """The source as an existing path, or unchanged when it is a hub id.

    Raises:
        ModelNotFound: neither a path here nor a hub id.
        UnsafeCheckpoint: a pickle file, or a folder whose weights are pickles only.
        ModelBroken: a folder without `model_index.json`, or a file of an unknown kind.
    """
    if isinstance(source, str) and is_hub_id(source):
        return source
    path = typed(source)
    if not path.exists():
        raise ModelNotFound(
            f"There is no model at {_shown(path)!r}.",
            "Give a name from the list, a diffusers folder, a .safetensors file or a hub id (owner/model).",
        )
    if path.is_file():
        return _check_file(path)
    read_index(path)
    for part in _WEIGHT_FOLDERS:
        folder = path / part
        if not folder.is_dir():
            continue
        if not any(folder.glob("*.safetensors")) and any(f.suffix in _PICKLES for f in folder.iterdir()):
            raise UnsafeCheckpoint(
                f"{path.name}/{part} holds pickled weights only, which may run code when opened.",
                "Use a version with .safetensors files, or convert it in a place you trust.",
            )
    return path


def _shown(path: Path) -> str:
    """The path as the user knows it: inside the project from its root on."""
    return str(path.relative_to(ROOT) if path.is_relative_to(ROOT) else path)


def _check_file(path: Path) -> Path:
    if path.suffix.lower() in _PICKLES:
        raise UnsafeCheckpoint(
            f"{path.name} is a pickle, which may run code when opened.",
            "Use the .safetensors version of this checkpoint.",
        )
    if path.suffix.lower() != ".safetensors":
        raise ModelBroken(f"{path.name} is no checkpoint.", "Give a .safetensors file or a diffusers folder.")
    return path


def read_index(folder: Path) -> dict[str, Any]:
    """`model_index.json` of a diffusers folder.

    Raises:
        ModelBroken: it is missing or not readable.
    """
    file = folder / "model_index.json"
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelBroken(
            f"{folder} has no model_index.json, so it is no diffusers folder.",
            "Give the folder that holds model_index.json, unet/, vae/ …",
        ) from None
    except (OSError, ValueError) as error:
        raise ModelBroken(f"{file} can't be read: {error}", "Download the model again.") from None


def tensor_names(file: Path) -> frozenset[str]:
    """Names of the tensors in a `.safetensors` file; only its header is read.

    Raises:
        ModelBroken: it is not one.
    """
    try:
        with safe_open(file, framework="numpy") as opened:
            return frozenset(opened.keys())
    except (OSError, SafetensorError) as error:
        raise ModelBroken(f"{file.name} can't be read: {error}", "Download it again.") from None


def load_pipeline(kind: Any, source: Path | str, dtype: Any, **options: Any) -> Any:
    """A diffusers pipeline of class `kind` from a folder, hub id or `.safetensors` file; never a pickle.

    Raises:
        ModelNotFound, ModelBroken, UnsafeCheckpoint: see `errors`.
    """
    source = check_source(source)
    try:
        if isinstance(source, Path) and source.is_file():
            return kind.from_single_file(str(source), dtype=dtype, **options)
        return kind.from_pretrained(source, use_safetensors=True, dtype=dtype, **options)
    except ModelError:
        raise
    except Exception as error:
        raise _load_error(source, error) from error


def _load_error(source: Path | str, error: Exception) -> ModelError:
    reason = " ".join(str(error).split())[:300]
    if not isinstance(source, Path):
        return ModelNotFound(
            f"{source!r} could not be fetched: {reason}",
            "Check the id and the network, log in with `hf auth login` if it is gated, or give a folder.",
        )
    remedy = "Check or download its files again."
    if source.is_file():
        remedy += " A single file needs the layout of its kind, which the hub gives once: be online the first time."
    return ModelBroken(f"{source.name} could not be loaded: {reason}", remedy)
