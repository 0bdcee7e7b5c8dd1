"""Pure drawing: a run becomes a picture or a figure. A panel = one file here + one line in `PANELS`.

Knows nothing of models, stores or pages; needs no torch.
"""

from __future__ import annotations

from collections.abc import Callable

from matplotlib.figure import Figure

from ..types import Run
from .animation import animation
from .by_step import steps
from .colours import DASHES, DIFFERENCE, HEAT, PALETTES, THEMES, Theme, difference, heat, noun_colour, noun_dash
from .compared import Row, compared
from .curves import curves
from .decay import decay
from .grid import grid, strip
from .heatmap import heatmap
from .overlay import overlay_image
from .page import save_figure
from .pair import pair_image
from .png_set import write_pngs
from .selection import COLUMN_WIDTH, PAGE_WIDTH, PanelSettings
from .sheet import Pair, Section, contact_sheet
from .training_curves import training_curves

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
    "DIFFERENCE",
    "HEAT",
    "PAGE_WIDTH",
    "PALETTES",
    "PANELS",
    "THEMES",
    "Pair",
    "Panel",
    "PanelSettings",
    "Row",
    "Section",
    "Theme",
    "animation",
    "compared",
    "contact_sheet",
    "decay",
    "difference",
    "heat",
    "noun_colour",
    "noun_dash",
    "overlay_image",
    "pair_image",
    "save_figure",
    "steps",
    "training_curves",
    "write_pngs",
]
