"""Panels: nouns × timesteps with the picture at the end, and one noun's strip over the picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PIL import Image

from ..types import Run
from .overlay import blend, heat_image
from .page import LABEL, MARGIN, SMALL, TITLE_HEIGHT, Page, timestep_label
from .selection import COLUMN_WIDTH, NounMaps, PanelSettings, recorded, select, spread

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_GAP, _BAR, _HEAD, _NOTE = 0.035, 0.48, 0.2, 0.36
_MAX_HEIGHT = 9.0
_MAX_CELL_HEIGHT = 1.6
_CELL_PIXELS = 192


@dataclass(frozen=True)
class _Layout:
    """Inches."""

    steps: tuple[int, ...]
    labels: float
    cell_width: float
    cell_height: float
    picture_rows: int
    top: float

    @property
    def bars(self) -> float:
        return self.labels + len(self.steps) * (self.cell_width + _GAP) + 0.02

    @property
    def picture_height(self) -> float:
        return self.picture_rows * (self.cell_height + _GAP) - _GAP


def grid(run: Run, settings: PanelSettings | None = None) -> Figure:
    """A row for each noun, a column for each timestep, noise left, picture right.

    Raises:
        RunError: the run has no maps.
        SettingError: unknown noun, grid or layer.
    """
    settings = settings or PanelSettings()
    return _draw(run, settings, select(run, settings), over_picture=False)


def strip(run: Run, settings: PanelSettings | None = None) -> Figure:
    """One noun, the first of those asked for, over the picture as time runs from noise to picture.

    Raises:
        RunError: the run has no maps.
        SettingError: unknown noun, grid or layer.
    """
    settings = settings or PanelSettings()
    return _draw(run, settings, select(run, settings)[:1], over_picture=True)


def _draw(run: Run, settings: PanelSettings, chosen: tuple[NounMaps, ...], over_picture: bool) -> Figure:
    timesteps = recorded(run).timesteps
    probe = Page(1, 1, settings.theme)
    widest = max(probe.text_width(noun.noun, LABEL, bold=True) for noun in chosen)
    layout = _layout(run, settings, len(chosen), max(probe.text_width("timestep", SMALL), min(widest, 1.1)))
    height = layout.top + max(
        len(chosen) * (layout.cell_height + _GAP), layout.picture_height + _GAP
    ) + _NOTE  # fmt: skip
    end = layout.bars + _BAR + layout.picture_height * run.image.width / run.image.height + MARGIN
    page = Page(min(settings.width, max(COLUMN_WIDTH, end)), height, settings.theme)
    if settings.title:
        page.prompt(run)
    _head(page, layout, timesteps)
    for row, noun in enumerate(chosen):
        _row(page, layout, row, noun, settings, run.image if over_picture else None)
    x = layout.bars + _BAR
    width = layout.picture_height * run.image.width / run.image.height
    page.text(x + width / 2, layout.top - 0.05, "picture", SMALL, page.theme.muted, "center", "bottom")
    page.image(x, layout.top, width, layout.picture_height, run.image.convert("RGB"))
    _notes(page, settings, len(layout.steps), len(timesteps), len(chosen))
    return page.figure


def _layout(run: Run, settings: PanelSettings, num_rows: int, labels: float) -> _Layout:
    """Cells as large as the width allows, smaller where the page would grow too high."""
    aspect = run.image.height / run.image.width
    picture_rows = min(num_rows, 2)
    wanted = settings.columns or max(3, round(settings.width * 1.15))
    steps = tuple(spread(recorded(run).num_steps, wanted))
    labels = MARGIN + labels + 0.08
    top = MARGIN + (TITLE_HEIGHT if settings.title else 0.0) + _HEAD
    gaps = len(steps) * _GAP + (picture_rows - 1) * _GAP / aspect
    room = settings.width - labels - _BAR - MARGIN - 0.02 - gaps
    cell_width = room / (len(steps) + picture_rows)
    highest = min(_MAX_CELL_HEIGHT, (_MAX_HEIGHT - top - _NOTE) / num_rows - _GAP)
    cell_width = max(0.05, min(cell_width, highest / aspect))
    return _Layout(steps, labels, cell_width, cell_width * aspect, picture_rows, top)


def _head(page: Page, layout: _Layout, timesteps: tuple[float, ...]) -> None:
    y = layout.top - 0.05
    page.text(layout.labels - 0.08, y, "timestep", SMALL, page.theme.muted, "right", "bottom")
    taken = 0.0
    for column, step in enumerate(layout.steps):
        middle = layout.labels + column * (layout.cell_width + _GAP) + layout.cell_width / 2
        text = timestep_label(timesteps[step])
        half = page.text_width(text, SMALL) / 2
        if middle - half < taken:
            continue
        page.text(middle, y, text, SMALL, page.theme.muted, "center", "bottom")
        taken = middle + half + 0.04


def _row(
    page: Page, layout: _Layout, row: int, noun: NounMaps, settings: PanelSettings, under: Image.Image | None
) -> None:
    y = layout.top + row * (layout.cell_height + _GAP)
    page.text(
        layout.labels - 0.08, y + layout.cell_height / 2, noun.noun, LABEL, noun.colour, "right", "center",
        bold=True, room=layout.labels - MARGIN - 0.06,
    )  # fmt: skip
    scale = _CELL_PIXELS / max(layout.cell_width, layout.cell_height)
    pixels = (max(1, round(layout.cell_width * scale)), max(1, round(layout.cell_height * scale)))
    small = under.convert("RGB").resize(pixels, Image.Resampling.LANCZOS) if under else None
    for column, step in enumerate(layout.steps):
        values_YX = noun.scaled(step, settings.per_frame)
        x = layout.labels + column * (layout.cell_width + _GAP)
        cell = (
            blend(small, values_YX, settings.opacity, settings.raw)
            if small
            else heat_image(values_YX, pixels, settings.raw)
        )
        page.image(x, y, layout.cell_width, layout.cell_height, cell)
    if not settings.per_frame:
        page.scale_bar(layout.bars, y, layout.cell_height, noun.top)


def _notes(page: Page, settings: PanelSettings, shown: int, total: int, num_nouns: int) -> None:
    some = f" {shown} of {total} steps, evenly spaced." if shown < total else ""
    time = f"Time runs left to right, noise to picture.{some}" if total > 1 else "A single step."
    if settings.per_frame:
        colour = "Colour: attention probability, every cell from 0 to its own maximum."
    else:
        of = "each noun on one scale" if num_nouns > 1 else "one scale"
        colour = f"Colour: attention probability, {of} for all steps."
    page.notes([time, colour])
