"""A contact sheet: the same prompt and seed painted two ways, side by side, where the verdict changed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from matplotlib.font_manager import FontProperties, findfont
from PIL import Image, ImageDraw, ImageFont

SIDE, GAP, MARGIN, COLUMNS = 160, 6, 28, 3
_TITLE, _HEAD, _TEXT = 26, 20, 14
_INK, _SOFT, _PAPER, _WON, _LOST = "#1d1f24", "#5d5c57", "#f7f6f2", "#1f7a4d", "#a4262c"
_CELL = 2 * SIDE + GAP
_ROW = SIDE + 66


@dataclass(frozen=True)
class Pair:
    """One prompt and seed, two pictures."""

    label: str
    "Prompt and seed."
    before: Image.Image
    after: Image.Image
    note: str = ""
    "What the verdict was and became."


@dataclass(frozen=True)
class Section:
    """What one way won or lost against the first."""

    title: str
    won: bool
    num_all: int
    "Of them, `pairs` are shown."
    pairs: Sequence[Pair]


def contact_sheet(title: str, before: str, after: str, sections: Sequence[Section]) -> Image.Image:
    """All sections below each other, RGB. `before` and `after` name the left and the right picture."""
    width = 2 * MARGIN + COLUMNS * _CELL + (COLUMNS - 1) * MARGIN
    heights = [_HEAD + 22 + (_ROW * math.ceil(len(one.pairs) / COLUMNS) if one.pairs else 34) for one in sections]
    sheet = Image.new("RGB", (width, MARGIN * 2 + 78 + sum(heights)), _PAPER)
    draw = ImageDraw.Draw(sheet)
    draw.text((MARGIN, MARGIN), _fitted(title, _TITLE, width - 2 * MARGIN, True), _INK, _font(_TITLE, bold=True))
    told = f"Left: {before}. Right: {after}. Same prompt, same seed."
    draw.text((MARGIN, MARGIN + 40), _fitted(told, _TEXT, width - 2 * MARGIN), _SOFT, _font(_TEXT))
    top = MARGIN + 78
    for section, height in zip(sections, heights, strict=True):
        _section(sheet, draw, section, top)
        top += height
    return sheet


def _section(sheet: Image.Image, draw: ImageDraw.ImageDraw, section: Section, top: int) -> None:
    shown = len(section.pairs)
    some = f", {shown} of them shown" if shown < section.num_all else ""
    colour = _WON if section.won else _LOST
    draw.text((MARGIN, top), f"{section.title}: {section.num_all}{some}", colour, _font(_HEAD, bold=True))
    top += _HEAD + 14
    if not section.pairs:
        draw.text((MARGIN, top), "None.", _SOFT, _font(_TEXT))
    for i, pair in enumerate(section.pairs):
        x, y = MARGIN + (i % COLUMNS) * (_CELL + MARGIN), top + (i // COLUMNS) * _ROW
        for offset, image in ((0, pair.before), (SIDE + GAP, pair.after)):
            sheet.paste(_square(image), (x + offset, y))
        draw.rectangle((x + SIDE + GAP, y, x + _CELL - 1, y + SIDE - 1), outline=colour, width=3)
        draw.text((x, y + SIDE + 6), _fitted(pair.label, _TEXT, _CELL), _INK, _font(_TEXT))
        draw.text((x, y + SIDE + 25), _fitted(pair.note, _TEXT, _CELL), _SOFT, _font(_TEXT))


def _square(image: Image.Image) -> Image.Image:
    """Whole and undistorted on a square of `SIDE`."""
    small = image.convert("RGB")
    small.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    if max(small.size) < SIDE:  # thumbnail never enlarges
        scale = SIDE / max(small.size)
        small = small.resize((round(small.width * scale), round(small.height * scale)), Image.Resampling.LANCZOS)
    square = Image.new("RGB", (SIDE, SIDE), _PAPER)
    square.paste(small, ((SIDE - small.width) // 2, (SIDE - small.height) // 2))
    return square


def _fitted(text: str, size: int, room: float, bold: bool = False) -> str:
    font, shown = _font(size, bold=bold), text
    while shown and font.getlength(shown) > room:
        text = text[:-1]
        shown = text.rstrip() + "…"
    return shown


@cache
def _font(size: int, bold: bool = False) -> ImageFont.FreeTypeFont:
    # The font that matplotlib brings along: the same on every machine.
    return ImageFont.truetype(findfont(FontProperties(family="DejaVu Sans", weight="bold" if bold else "normal")), size)
