"""Masks that were painted in the page: kept by picture, handed on as the true ones.

The page holds them as plain data: key of a picture → subject id → a PNG as a data URL, white on black.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import io
from pathlib import Path

from PIL import Image

from ...errors import SettingError

Painted = dict[str, dict[str, str]]
PREFIX = "data:image/png;base64,"
LARGEST = 400_000
"""Characters of a mask; the page's own take a hundredth."""


def key_of(file: str | None) -> str:
    """What names a picture, wherever its file lies; empty for none."""
    try:
        return hashlib.sha256(Path(file).read_bytes()).hexdigest()[:16] if file else ""
    except OSError:
        return ""


def with_mask(painted: Painted | None, key: str, noun: str, mask: str) -> Painted:
    """With one mask more, or with that one away where `mask` is empty."""
    own = {**(painted or {}).get(key, {}), noun: mask}
    return {**(painted or {}), key: {name: url for name, url in own.items() if url}}


def listed(painted: Painted | None, file: str | None) -> dict[str, str]:
    """Those of a picture as the page holds them."""
    return dict(painted.get(key_of(file), {})) if painted else {}


def masks_of(painted: Painted | None, file: str | None, size: tuple[int, int]) -> dict[str, Image.Image]:
    """Masks painted on a picture: L, white inside, `size` pixels wide and high.

    Raises:
        SettingError: one that is no picture; names the control `picture`.
    """
    own = listed(painted, file)
    return {noun: _opened(noun, url).resize(size, Image.Resampling.BILINEAR) for noun, url in own.items()}


def _opened(noun: str, url: str) -> Image.Image:
    try:
        if not url.startswith(PREFIX) or len(url) > LARGEST:
            raise ValueError
        content = base64.b64decode(url.removeprefix(PREFIX), validate=True)
        with Image.open(io.BytesIO(content), formats=["PNG"]) as opened:
            return opened.convert("L")
    except (ValueError, OSError, SyntaxError, binascii.Error, Image.DecompressionBombError):
        raise SettingError(
            f"The mask painted for {noun} can't be read.", "Clear it and paint again.", "picture"
        ) from None
