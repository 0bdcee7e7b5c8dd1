"""Paths as users type them."""

from __future__ import annotations

from pathlib import Path

from .errors import InputError


def typed(text: Path | str) -> Path:
    """What was typed as a path, `~` made whole; whether anything lies there is not asked.

    Raises:
        InputError: it can be no path here: a whole prompt, nobody's home, a folder that may not be entered.
    """
    try:
        path = Path(text).expanduser()
        path.exists()  # tells what can't even be looked for
    except (OSError, RuntimeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        shown = str(text) if len(str(text)) <= 60 else f"{str(text)[:59]}…"
        raise InputError(f"{shown!r} can be no path here: {reason}.", "Check what was typed.") from None
    return path
