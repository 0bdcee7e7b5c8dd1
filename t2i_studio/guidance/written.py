"""Boxes, attributes and weights as they are written in settings, on the command line and on the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..errors import SettingError
from ..types import Box

BOX_HINT = 'Write "cat:0.05,0.3,0.45,0.9": left, top, right, bottom as shares of the picture.'


def read_boxes(texts: Sequence[str]) -> dict[str, Box]:
    """`cat:0.05,0.3,0.45,0.9` → where the cat should stand.

    Raises:
        SettingError: not so written, outside the picture, empty, or twice for one subject.
    """
    found: dict[str, Box] = {}
    for text in texts:
        name, _, numbers = text.rpartition(":")
        try:
            left, top, right, bottom = (float(part) for part in numbers.split(","))
        except ValueError:
            raise SettingError(f"{text!r} is no box.", BOX_HINT, "boxes") from None
        name = name.strip().lower()
        if not name or not (0 <= left < right <= 1 and 0 <= top < bottom <= 1):
            raise SettingError(f"{text!r} is no box inside the picture.", BOX_HINT, "boxes")
        if name in found:
            raise SettingError(f"There are two boxes for {name!r}.", "Keep one.", "boxes")
        found[name] = Box(left, top, right, bottom)
    return found


def write_boxes(boxes: Mapping[str, Box]) -> tuple[str, ...]:
    """What `read_boxes` reads."""
    return tuple(f"{name}:{box.left:g},{box.top:g},{box.right:g},{box.bottom:g}" for name, box in boxes.items())


def read_attributes(texts: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """`car:red,shiny` → what describes the car; `car:` → nothing does. Several for one subject add up.

    Raises:
        SettingError: not so written.
    """
    found: dict[str, tuple[str, ...]] = {}
    for text in texts:
        name, colon, words = text.rpartition(":")
        if not colon or not name.strip():
            raise SettingError(f"{text!r} gives no attribute.", 'Write "car:red", or "car:" for none.', "attributes")
        given = tuple(word.strip().lower() for word in words.split(",") if word.strip())
        found[name.strip().lower()] = (*found.get(name.strip().lower(), ()), *given)
    return found


def with_dials(texts: Sequence[str], others: Mapping[str, float | bool]) -> tuple[str, ...]:
    """Dials as written, then those of `others` that they leave open.

    Raises:
        SettingError: not so written.
    """
    written = read_weights(texts)
    return (*texts, *(f"{name}={_plain(value)}" for name, value in others.items() if name not in written))


def _plain(value: float | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else f"{value:g}"


def read_weights(texts: Sequence[str]) -> dict[str, float | bool]:
    """`aggregation=1.25` → dials of a method.

    Raises:
        SettingError: not so written.
    """
    found: dict[str, float | bool] = {}
    for text in texts:
        name, _, value = text.partition("=")
        if value.strip().lower() in ("true", "false"):
            found[name.strip().replace("-", "_")] = value.strip().lower() == "true"
            continue
        try:
            found[name.strip().replace("-", "_")] = float(value)
        except ValueError:
            raise SettingError(f"{text!r} sets no dial.", 'Write "aggregation=1.25".', "guide_weights") from None
    return found
