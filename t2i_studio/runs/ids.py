"""Names of runs: sortable by time, readable, safe as a folder's name anywhere."""

from __future__ import annotations

import re
import secrets
import unicodedata
from datetime import UTC, datetime
from pathlib import Path

from ..errors import RunNotFound

_SLUG_LENGTH = 40
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,119}")


def new_run_id(prompt: str, now: datetime | None = None) -> str:
    """`20261122-104512-a-cat-and-a-dog-3f2a`: UTC time, the prompt's beginning, four random digits."""
    now = (now or datetime.now(UTC)).astimezone(UTC)
    return f"{now:%Y%m%d-%H%M%S}-{_slug(prompt)}-{secrets.token_hex(2)}"


def _slug(prompt: str) -> str:
    plain = unicodedata.normalize("NFKD", prompt[:1000]).encode("ascii", "ignore").decode().lower()
    slug = ""
    for word in re.findall(r"[a-z0-9]+", plain):
        longer = f"{slug}-{word}" if slug else word[:_SLUG_LENGTH]
        if len(longer) > _SLUG_LENGTH:
            break
        slug = longer
    return slug or "run"


def is_run_id(text: str) -> bool:
    """Whether the text can be an id: no separators, no leading dot, ASCII, at most 120 characters."""
    return _ID.fullmatch(text) is not None


def run_reference(text: str) -> str | Path:
    """What somebody at a command line means by RUN: a folder's path, else an id.

    Not for text from a page: it would open any folder of the machine.
    """
    path = Path(text).expanduser()
    return path if path.name != text or (path / "run.json").is_file() else text


def check_id(text: str) -> str:
    """The id itself.

    Raises:
        RunNotFound: it can't be an id; whoever passes it on to a path would leave the runs' folder.
    """
    if not is_run_id(text):
        raise RunNotFound(
            f"{text[:80]!r} is no run id.",
            "Ids have letters, digits, dots and dashes; see `t2i-studio runs list`.",
        )
    return text
