"""Data sets of the Hugging Face hub by name: those that are folders of pictures with captions.

Parquet is not read: it would take a library as large as all of this.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

from .archives import MOST_BYTES, MOST_FILES, check_pictures
from .errors import InputError, StudioError
from .pictures import ENDINGS, METADATA

_NAME = re.compile(r"[\w.-]{1,96}/[\w.-]{1,96}")
_OFFLINE = frozenset({
    "LocalEntryNotFoundError", "OfflineModeIsEnabled", "ConnectionError", "ConnectError", "TimeoutException",
    "ConnectTimeout", "ReadTimeout", "SSLError", "ProxyError", "MaxRetryError",
})  # fmt: skip
_ADDRESS = re.compile(r"^https?://[^/]+/datasets/")


def hub_name(text: str) -> str | None:
    """`owner/name` of what was typed, an address among it; None where it is no such name."""
    name = _ADDRESS.sub("", text.strip()).rstrip("/")
    by_path = name.lower().endswith(".zip") or (Path(name).parent.is_dir() and Path(name).parent != Path())
    return name if _NAME.fullmatch(name) and ".." not in name and not by_path else None


def fetch(name: str, into: Path) -> Path:
    """Download a data set; returns its folder with pictures, which lies in `into` or is it.

    Raises:
        InputError: no such data set, too large, not of pictures with captions; broken pictures, named.
        StudioError: the hub can't be reached.
    """
    from huggingface_hub import HfApi, snapshot_download

    try:
        files = HfApi().dataset_info(name, files_metadata=True).siblings or []
        inside = _where(name, files)
        patterns = [f"{inside}*{ending}" for ending in sorted({*ENDINGS, *map(str.upper, ENDINGS), ".txt", ".jsonl"})]
        snapshot_download(name, repo_type="dataset", local_dir=into, allow_patterns=patterns)
    except StudioError:
        raise
    except Exception as error:
        shutil.rmtree(into, ignore_errors=True)
        raise _told(name, error) from None
    folder = into / inside if inside else into
    try:
        check_pictures(folder)
    except InputError:
        shutil.rmtree(into, ignore_errors=True)
        raise
    return folder


def _where(name: str, files: list[Any]) -> str:
    """The part of the repository that is the data set: where `metadata.jsonl` lies, train's first; `""` is all."""
    names = [file.rfilename for file in files]
    pictures = [file for file in files if Path(file.rfilename).suffix.lower() in ENDINGS]
    if not pictures:
        parquet = any(one.endswith(".parquet") for one in names)
        raise InputError(
            f"{name} holds {'its pictures in parquet files' if parquet else 'no pictures'}.",
            f"Take one that is a folder of pictures with {METADATA}; or save this one so, and give the folder.",
        )
    size = sum(file.size or 0 for file in pictures)
    if len(pictures) > MOST_FILES or size > MOST_BYTES:
        raise InputError(
            f"{name} has {len(pictures)} pictures of {size >> 20} MB.",
            f"{MOST_FILES} and {MOST_BYTES >> 20} MB are possible.",
        )
    places = sorted(one.removesuffix(METADATA) for one in names if one == METADATA or one.endswith(f"/{METADATA}"))
    return min(places, key=lambda place: (place != "", "train" not in place, place), default="")


def _told(name: str, error: Exception) -> StudioError:
    """What went wrong at the hub, in words."""
    kind = type(error).__name__
    if kind in ("RepositoryNotFoundError", "RevisionNotFoundError", "GatedRepoError"):
        return InputError(f"The hub has no data set {name!r} for you.", "Check the name; private ones need a login.")
    if kind in _OFFLINE:
        return StudioError("The hub can't be reached.", "Go online, or give a folder or a zip.")
    reason = " ".join(str(error).split())[:160] or kind
    return StudioError(f"{name} can't be fetched: {reason}.", "Try again, or give a folder or a zip.")
