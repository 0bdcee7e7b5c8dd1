"""The still figures of a run: nouns × timesteps and curves, for the light and the dark page."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any, Literal

from ..types import Run
from ..visuals import PANELS, PanelSettings, save_figure
from .scratch import Scratch

_drawing = threading.Lock()
"""Two pages that show the same run must not draw the same file at once."""
WIDTH = 8.0
"""Inches; at this width the text of a figure is as large as that of the page."""
PENDING: dict[str, Any] = {"pending": True}


@dataclass(frozen=True)
class Shown:
    """A panel of `visuals` on the page."""

    panel: str
    title: str
    hint: str


SHOWN = (
    Shown("grid", "Where it looked, step by step", "A row a word, noise on the left, picture on the right."),
    Shown("curves", "How strongly, over time", "Peak, mass, entropy and overlap of the maps at each timestep."),
)


def figures(run: Run, scratch: Scratch) -> dict[str, Any] | None:
    """Files of all figures; None where there are no maps to draw."""
    if run.maps is None or not run.maps.nouns:
        return None
    with _drawing:
        return {"figures": [_figure(run, shown, scratch) for shown in SHOWN]}


def _figure(run: Run, shown: Shown, scratch: Scratch) -> dict[str, str]:
    maps = run.maps
    nouns, steps = (", ".join(maps.nouns), maps.num_steps) if maps else ("", 0)
    return {
        "name": shown.panel, "title": shown.title, "hint": shown.hint,
        "light": _file(run, shown, "light", scratch), "dark": _file(run, shown, "dark", scratch),
        "alt": f"{shown.title}: attention to {nouns} over {steps} timesteps.",
    }  # fmt: skip


def _file(run: Run, shown: Shown, theme: Literal["light", "dark"], scratch: Scratch) -> str:
    file = scratch.folder(run.id) / f"{shown.panel}-{theme}.png"
    if not file.exists():
        figure = PANELS[shown.panel](run, PanelSettings(theme=theme, title=False, width=WIDTH))
        # The page's own card shows through.
        for patch in (figure.patch, *(axes.patch for axes in figure.axes)):
            patch.set_alpha(0.0)
        save_figure(figure, file, dpi=200)
    return scratch.url(file)
