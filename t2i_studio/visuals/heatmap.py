"""Panel: the picture, and each noun's map over it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..types import Run
from .overlay import blend
from .page import LABEL, MARGIN, TITLE_HEIGHT, Page, timestep_label
from .selection import COLUMN_WIDTH, NounMaps, PanelSettings, recorded, select

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from PIL import Image

_GAP, _BAR, _LABEL, _NOTES = 0.1, 0.48, 0.2, 0.32
_LARGEST, _HIGHEST = 2.6, 3.2


def heatmap(run: Run, settings: PanelSettings | None = None) -> Figure:
    """The picture, then one cell a noun: its map at `step`, or the mean over all steps.

    Each noun has a scale of its own, from 0 to the value at the top of its bar.

    Raises:
        RunError: the run has no maps.
        SettingError: unknown noun, grid, layer or step.
    """
    settings = settings or PanelSettings()
    chosen = select(run, settings)
    aspect = run.image.height / run.image.width
    per_row = min(len(chosen) + 1, max(2, round(settings.width / 1.75)))
    rows = -(-(len(chosen) + 1) // per_row)
    # A single row gives the room of the picture's missing scale bar to the cells.
    spare = _BAR if rows == 1 else 0.0
    room = settings.width - 2 * MARGIN - per_row * (_BAR + _GAP) + _GAP + spare
    side = min(room / per_row, _LARGEST, _HIGHEST / aspect)
    top = MARGIN + (TITLE_HEIGHT if settings.title else 0.0)
    pitch_x, pitch_y = side + _BAR + _GAP, _LABEL + side * aspect + _GAP
    width = min(settings.width, max(COLUMN_WIDTH, 2 * MARGIN + per_row * pitch_x - _GAP - spare))
    page = Page(width, top + rows * pitch_y + _NOTES, settings.theme)
    if settings.title:
        page.prompt(run)
    picture = run.image.convert("RGB")
    page.text(MARGIN, top, "picture", LABEL, page.theme.muted, room=side)
    page.image(MARGIN, top + _LABEL, side, side * aspect, picture)
    for place, noun in enumerate(chosen, start=1):
        row, column = divmod(place, per_row)
        x = MARGIN + column * pitch_x - (spare if column else 0.0)
        _cell(page, noun, settings, (x, top + row * pitch_y, side, side * aspect), picture)
    page.notes(_notes(run, settings))
    return page.figure


def _cell(
    page: Page, noun: NounMaps, settings: PanelSettings,
    box: tuple[float, float, float, float], picture: Image.Image,
) -> None:  # fmt: skip
    x, y, width, height = box
    page.text(x, y, noun.noun, LABEL, noun.colour, bold=True, room=width)
    values_YX = noun.scaled(settings.step, settings.per_frame)
    page.image(x, y + _LABEL, width, height, blend(picture, values_YX, settings.opacity, settings.raw))
    page.scale_bar(x + width + 0.05, y + _LABEL, height, noun.scale(settings.step, settings.per_frame))


def _notes(run: Run, settings: PanelSettings) -> list[str]:
    maps = recorded(run)
    if settings.step is None:
        when = f"mean over {maps.num_steps} steps" if maps.num_steps > 1 else "1 step"
    else:
        timestep = timestep_label(maps.timesteps[settings.step])
        when = f"timestep {timestep}, step {settings.step + 1} of {maps.num_steps}"
    cells = "Cells of" if settings.raw else "Interpolated from"
    rows, columns = maps.stacks[settings.grid or maps.main].grid
    return [
        f"Colour: attention probability, {when}.",
        f"{cells} {rows}×{columns} positions; a scale for each noun.",
    ]
