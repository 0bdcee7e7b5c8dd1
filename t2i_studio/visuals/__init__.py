"""Pure drawing: a run becomes a picture or a figure. A panel = one file here + one line in `PANELS`.

Knows nothing of models, stores or pages; needs no torch.
"""

from __future__ import annotations

from collections.abc import Callable

from matplotlib.figure import Figure

from ..types import Run
from .animation import animation
from .colours import DASHES, HEAT, PALETTES, THEMES, Theme, heat, noun_colour, noun_dash
from .curves import curves
from .decay import decay
from .grid import grid, strip
from .heatmap import heatmap
from .overlay import overlay_image
from .page import save_figure
from .png_set import write_pngs
from .selection import COLUMN_WIDTH, PAGE_WIDTH, PanelSettings
from .sheet import Pair, Section, contact_sheet

Panel = Callable[[Run, PanelSettings | None], Figure]

PANELS: dict[str, Panel] = {
    "heatmap": heatmap,
    "strip": strip,
    "grid": grid,
    "curves": curves,
}

__all__ = [
    "COLUMN_WIDTH",
    "DASHES",
    "HEAT",
    "PAGE_WIDTH",
    "PALETTES",
    "PANELS",
    "THEMES",
    "Pair",
    "Panel",
    "PanelSettings",
    "Section",
    "Theme",
    "animation",
    "contact_sheet",
    "decay",
    "heat",
    "noun_colour",
    "noun_dash",
    "overlay_image",
    "save_figure",
    "write_pngs",
]
