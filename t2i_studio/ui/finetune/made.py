"""A data set in the making as data for `made.js`: how far it is, and its pictures, kept or not, with the reason."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...pictures import METADATA
from ...selection import SELECTION, read_selection
from ..comparison import thumbnail

if TYPE_CHECKING:
    from ...jobs import Job

A_PAGE = 24


def value(job: Job, folder: Path) -> dict[str, Any]:
    """What the board shows of a job that makes data."""
    told = _rows(folder)
    kept = sum(one["kept"] for one in told)
    return {
        "asked": _asked(job.settings), "kept": kept, "dropped": len(told) - kept,
        "data": str(folder) if (folder / METADATA).is_file() and job.has_ended else "",
    }  # fmt: skip


def pictures(folder: Path, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """One page of its pictures, prompt by prompt, the best first; `wanted`: only (all, kept, dropped), offset."""
    told = _rows(folder)
    only, start = str(wanted.get("only") or "all"), max(0, int(wanted.get("offset") or 0))
    fitting = [one for one in told if only == "all" or one["kept"] is (only == "kept")]
    kept = sum(one["kept"] for one in told)
    return {
        "items": [_card(folder, one) for one in fitting[start : start + A_PAGE]],
        "total": len(fitting),
        "counts": {"all": len(told), "kept": kept, "dropped": len(told) - kept},
    }


def _card(folder: Path, one: Mapping[str, Any]) -> dict[str, Any]:
    seen = ", ".join(" ".join(filter(None, (colour, noun))) for noun, colour, _ in one["found"])
    return {
        "image": thumbnail(folder / one["file_name"]), "prompt": one["text"], "seed": one["seed"],
        "reward": f"{one['reward']:.2f}", "kept": one["kept"], "why": one["why"], "found": seen,
    }  # fmt: skip


def _asked(settings: Mapping[str, Any]) -> str:
    parts = [f"{settings['per_prompt']} pictures a prompt of {Path(settings['suite']).name}"]
    if settings["keep_top"] is not None:
        parts.append(f"the best {settings['keep_top']} kept")
    if settings["threshold"] is not None:
        parts.append(f"from {settings['threshold']:g} on")
    return ", ".join([*parts, f"scored by {settings['scorer']}"])


def _rows(folder: Path) -> list[dict[str, Any]]:
    try:
        stamp = (folder / SELECTION).stat()
    except OSError:
        return []
    return _read(folder, stamp.st_mtime_ns, stamp.st_size)


@lru_cache(maxsize=4)
def _read(folder: Path, changed: int, size: int) -> list[dict[str, Any]]:
    """Read once for every state of the file: the page looks often."""
    return read_selection(folder)
