"""Panel: mass, peak, entropy and overlap of the nouns over the timesteps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.lines import Line2D

from ..metrics import MapMetrics, measure
from ..types import Maps, MapStack, Run, grid_name
from .colours import THEMES, Theme, noun_dash
from .page import LABEL, MARGIN, SMALL, TITLE_HEIGHT, Page, drawable, families
from .selection import NounMaps, PanelSettings, recorded, select

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LEFT, _GAP_X, _HEAD, _FOOT = 0.5, 0.62, 0.24, 0.42
_HEIGHT, _LOW = 1.25, 0.95
"""Of a diagram side by side, and stacked; inches."""
_MOST_PAIRS = 3


def curves(run: Run, settings: PanelSettings | None = None) -> Figure:
    """Four small diagrams with one line a noun; x is the timestep, noise left, picture right.

    Up to three nouns show every pair's overlap; more show each noun's largest overlap with another.

    Raises:
        RunError: the run has no maps.
        SettingError: unknown noun, grid or layer.
    """
    settings = settings or PanelSettings()
    chosen = select(run, settings)
    numbers = measure(_as_maps(chosen, recorded(run).timesteps))
    top = MARGIN + (TITLE_HEIGHT if settings.title else 0.0)
    probe = Page(1, 1, settings.theme)
    rows = _legend_rows(probe, chosen, settings.width - 2 * MARGIN)
    per_row = 1 if settings.width < 4.5 else 2
    legend = 0.17 * len(rows) + 0.04
    diagram_rows = 4 // per_row
    low = _LOW if per_row == 1 else _HEIGHT
    height = top + legend + diagram_rows * (_HEAD + low) + (diagram_rows - 1) * 0.2 + _FOOT
    page = Page(settings.width, height, settings.theme)
    if settings.title:
        page.prompt(run)
    _legend(page, rows, top)
    width = (settings.width - _LEFT - 0.12 - (per_row - 1) * _GAP_X) / per_row
    for place, (title, unit, draw) in enumerate(_diagrams(chosen, numbers, settings)):
        row, column = divmod(place, per_row)
        x = _LEFT + column * (width + _GAP_X)
        y = top + legend + row * (_HEAD + low + 0.2)
        page.text(x, y + 0.03, title, LABEL, bold=True)
        offset = page.text_width(title, LABEL, bold=True) + 0.07
        page.text(x + offset, y + 0.04, unit, SMALL, page.theme.muted, room=width - offset)
        axes = page.axes(x, y + _HEAD, width, low)
        draw(axes)
        _dress(page, axes, numbers.timesteps, last=row == diagram_rows - 1)
    return page.figure


def _as_maps(chosen: tuple[NounMaps, ...], timesteps: tuple[float, ...]) -> Maps:
    """The selected maps alone, so that the numbers follow the chosen grid and layers."""
    values_TSNYX = np.stack([noun.maps_TYX for noun in chosen], axis=1)[:, None]
    grid = values_TSNYX.shape[-2], values_TSNYX.shape[-1]
    stack = MapStack(grid, ("mean",), values_TSNYX)
    return Maps(tuple(noun.noun for noun in chosen), timesteps, {grid_name(grid): stack}, grid_name(grid))


def _diagrams(chosen: tuple[NounMaps, ...], numbers: MapMetrics, settings: PanelSettings):
    def lines(values_TN: np.ndarray, bottom: float | None = 0.0, top: float | None = None):
        def draw(axes: Axes) -> None:
            for i, noun in enumerate(chosen):
                _line(axes, numbers.timesteps, values_TN[:, i], noun.colour, noun_dash(noun.index))
            _limits(axes, values_TN, bottom, top)

        return draw

    diagrams = [
        ("mass", "share of all attention", lines(numbers.mass_TN)),
        ("peak", "largest probability of a position", lines(numbers.peak_TN)),
        ("entropy", "0 one cell, 1 spread evenly", lines(numbers.entropy_TN, None)),
    ]
    if len(chosen) > _MOST_PAIRS:
        others = numbers.overlap_TNN - np.eye(len(chosen))
        unit = "largest with another noun; 0 apart, 1 equal"
        return [*diagrams, ("overlap", unit, lines(others.max(axis=2), 0.0, 1.0))]
    unit = "of two nouns; 0 apart, 1 equal" if numbers.pairs else "needs two nouns"
    return [*diagrams, ("overlap", unit, lambda axes: _pairs(axes, chosen, numbers, THEMES[settings.theme]))]


def _pairs(axes: Axes, chosen: tuple[NounMaps, ...], numbers: MapMetrics, theme: Theme) -> None:
    for i, j in numbers.pairs:
        line = _line(axes, numbers.timesteps, numbers.overlap_TNN[:, i, j], chosen[i].colour, (3.0, 3.0))
        line.set_gapcolor(chosen[j].colour)
        line.set_label(drawable(f"{chosen[i].noun} – {chosen[j].noun}"))
    axes.set_ylim(0, 1)
    if numbers.pairs:
        legend = axes.legend(
            loc="best", frameon=False, labelcolor=theme.muted, handlelength=2.6,
            prop={"size": SMALL, "family": families()},
        )  # fmt: skip
        for text in legend.get_texts():
            text.set_parse_math(False)


def _line(axes: Axes, timesteps: tuple[float, ...], values_T: np.ndarray, colour: str, dash) -> Line2D:
    style = (0, dash) if dash else "-"
    marker = {"marker": "o", "markersize": 3.0} if len(timesteps) < 3 else {}
    return axes.plot(timesteps, values_T, color=colour, linewidth=1.3, linestyle=style, **marker)[0]


def _limits(axes: Axes, values_TN: np.ndarray, bottom: float | None, top: float | None) -> None:
    if top is None:
        top = float(np.nanmax(values_TN)) * 1.08 or 1.0
    if bottom is None:
        bottom = max(0.0, float(np.nanmin(values_TN)) - 0.05)
        top = min(1.0, top) + 0.02
    axes.set_ylim(bottom, top)


def _dress(page: Page, axes: Axes, timesteps: tuple[float, ...], last: bool) -> None:
    first, end = timesteps[0], timesteps[-1]
    if first == end:
        first, end = first + 1, end - 1
        axes.set_xticks([timesteps[0]])
    axes.set_xlim(first, end)
    axes.grid(True, color=page.theme.rule, linewidth=0.4)
    axes.set_axisbelow(True)
    axes.locator_params(nbins=4, axis="y")
    axes.spines[["top", "right"]].set_visible(False)
    if last:
        axes.set_xlabel("timestep (noise → picture)", fontsize=SMALL, color=page.theme.muted, fontfamily=families())
    else:
        axes.tick_params(labelbottom=False)


def _legend_rows(page: Page, nouns: tuple[NounMaps, ...], room: float) -> list[list[tuple[float, NounMaps]]]:
    """Entries with their places, broken into rows that fit."""
    rows: list[list[tuple[float, NounMaps]]] = [[]]
    x = 0.0
    for noun in nouns:
        width = min(page.text_width(noun.noun, LABEL, bold=True), 1.5) + 0.48
        if rows[-1] and x + width > room:
            rows.append([])
            x = 0.0
        rows[-1].append((x, noun))
        x += width
    return rows


def _legend(page: Page, rows: list[list[tuple[float, NounMaps]]], top: float) -> None:
    for row, entries in enumerate(rows):
        y = top + row * 0.17 + 0.08
        for offset, noun in entries:
            x, dash = MARGIN + offset, noun_dash(noun.index)
            ends = [x / page.width, (x + 0.22) / page.width]
            line = Line2D(
                ends, [1 - y / page.height] * 2, color=noun.colour, linewidth=1.5,
                linestyle=(0, dash) if dash else "-", transform=page.figure.transFigure,
            )  # fmt: skip
            page.figure.add_artist(line)
            page.text(x + 0.28, y, noun.noun, LABEL, noun.colour, "left", "center", bold=True, room=1.5)
