"""A figure laid out in inches from its upper left corner, and saved for a paper.

matplotlib's object interface only: no pyplot, no global state, so threads may draw at once.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, fontManager, get_font
from matplotlib.patches import Rectangle
from PIL import Image

from ..errors import SettingError, StorageError
from ..types import Run
from .colours import THEMES, ThemeName, heat

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.text import Text

TITLE, LABEL, SMALL = 8.0, 7.0, 6.0
"""Text sizes, points."""
MARGIN, TITLE_HEIGHT, NOTE_HEIGHT = 0.08, 0.34, 0.12
"""Inches: round the page; of `Page.prompt`; of a line of `Page.notes`."""
_FAMILIES = ("DejaVu Sans", "Noto Sans CJK SC", "Noto Sans CJK JP", "WenQuanYi Zen Hei", "Noto Sans Arabic")
_MISSING = "\N{WHITE VERTICAL RECTANGLE}"
_SAVING = threading.Lock()


class Page:
    """A figure of a fixed size; all places are inches, y downwards."""

    def __init__(self, width: float, height: float, theme: ThemeName) -> None:
        self.width, self.height, self.theme = width, height, THEMES[theme]
        self.figure = Figure(figsize=(width, height), dpi=200, facecolor=self.theme.page)
        self.canvas = FigureCanvasAgg(self.figure)
        # One sheet of axes for all pictures: a hundred axes of their own take seconds.
        self._sheet = self.figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(height, 0))
        self._sheet.set_axis_off()
        self._sheet.set_autoscale_on(False)

    def axes(self, x: float, y: float, width: float, height: float) -> Axes:
        """Empty axes with the theme's colours."""
        place = (x / self.width, 1 - (y + height) / self.height, width / self.width, height / self.height)
        axes = self.figure.add_axes(place, facecolor=self.theme.page)
        for spine in axes.spines.values():
            spine.set(color=self.theme.rule, linewidth=0.6)
        axes.tick_params(colors=self.theme.muted, labelsize=SMALL, width=0.6, length=2.0, labelfontfamily=families())
        return axes

    def image(self, x: float, y: float, width: float, height: float, image: Image.Image) -> None:
        """A picture that fills the box, with a thin edge."""
        self._sheet.imshow(np.asarray(image), extent=(x, x + width, y + height, y), aspect="auto", interpolation="none")
        edge = Rectangle((x, y), width, height, fill=False, edgecolor=self.theme.rule, linewidth=0.5)
        self._sheet.add_patch(edge)

    def text(
        self, x: float, y: float, text: str, size: float = LABEL, colour: str | None = None,
        align: str = "left", baseline: str = "top", bold: bool = False, room: float | None = None,
    ) -> Text:  # fmt: skip
        """One line; shortened with an ellipsis where it is wider than `room` inches."""
        shown = drawable(text)
        if room is not None:
            shown = self.elided(shown, size, room, bold)
        return self.figure.text(
            x / self.width, 1 - y / self.height, shown, fontsize=size, color=colour or self.theme.ink,
            ha=align, va=baseline, fontweight="bold" if bold else "normal", fontfamily=families(),
            parse_math=False,
        )  # fmt: skip

    def text_width(self, text: str, size: float, bold: bool = False) -> float:
        """Width of a line, inches; a little more than exact, since hinting widens text at low resolutions."""
        font = FontProperties(family=families(), size=size, weight="bold" if bold else "normal")
        width, _, _ = self.canvas.get_renderer().get_text_width_height_descent(drawable(text), font, False)
        return 1.05 * width / self.figure.dpi

    def elided(self, text: str, size: float, room: float, bold: bool = False) -> str:
        """The text, or as much of its beginning as fits."""
        if self.text_width(text, size, bold) <= room:
            return text
        low, high = 0, len(text)
        while low < high:
            middle = (low + high + 1) // 2
            fits = self.text_width(text[:middle].rstrip() + "…", size, bold) <= room
            low, high = (middle, high) if fits else (low, middle - 1)
        return text[:low].rstrip() + "…"

    def scale_bar(self, x: float, y: float, height: float, top: float, width: float = 0.07) -> None:
        """A vertical colour scale from 0 to `top`, labelled at its right."""
        self.image(x, y, width, height, Image.fromarray(heat(np.linspace(1, 0, 256)[:, None])))
        if height < 0.22:
            middle = y + height / 2
            self.text(x + width + 0.04, middle, f"0–{number(top)}", SMALL, self.theme.muted, "left", "center")
            return
        self.text(x + width + 0.04, y + 0.005, number(top), SMALL, self.theme.muted)
        self.text(x + width + 0.04, y + height - 0.005, "0", SMALL, self.theme.muted, baseline="bottom")

    def notes(self, lines: Sequence[str]) -> None:
        """Small lines at the bottom, `NOTE_HEIGHT` inches each."""
        for i, line in enumerate(lines):
            y = self.height - 0.07 - NOTE_HEIGHT * (len(lines) - 1 - i)
            self.text(MARGIN, y, line, SMALL, self.theme.muted, baseline="bottom", room=self.width - 2 * MARGIN)

    def prompt(self, run: Run) -> None:
        """At the top: the prompt, with model and seed in a second line."""
        x, y, room = MARGIN, MARGIN, self.width - 2 * MARGIN
        self.text(x, y, run.prompt.text or "(no prompt)", TITLE, room=room)
        self.text(x, y + 0.15, caption(run), SMALL, self.theme.muted, room=room)


def caption(run: Run) -> str:
    """Model, seed, steps and size in one line."""
    settings = run.settings
    model = str(settings.get("model") or "").rstrip("/\\").replace("\\", "/").split("/")[-1]
    steps = run.maps.num_steps if run.maps else settings.get("steps")
    known = [
        model,
        f"seed {settings['seed']}" if "seed" in settings else "",
        _counted(steps) if steps else "",
    ]
    return " · ".join([*filter(None, known), f"{run.image.width}×{run.image.height}"])


def _counted(steps: int) -> str:
    return f"{steps} step{'' if steps == 1 else 's'}"


def number(value: float) -> str:
    """Two significant digits, as `0.31`, `0.0042` or `3.1e-05`."""
    return f"{value:#.2g}"


def timestep_label(timestep: float) -> str:
    """`741`, `0.35`: the scheduler's value without noise digits."""
    return f"{timestep:.0f}" if abs(timestep) >= 10 or timestep == int(timestep) else f"{timestep:.3g}"


@lru_cache(maxsize=1)
def families() -> list[str]:
    """Installed font families by preference; later ones fill in missing glyphs."""
    installed = {font.name for font in fontManager.ttflist}
    return [name for name in _FAMILIES if name in installed]


@lru_cache(maxsize=1)
def _characters() -> frozenset[int]:
    files = [fontManager.findfont(FontProperties(family=name)) for name in families()]
    return frozenset().union(*(get_font(file).get_charmap() for file in files))


def drawable(text: str) -> str:
    """One line of text; what no font can draw becomes a box, so that nothing warns or fails."""
    line = " ".join(text.split())
    return "".join(c if ord(c) in _characters() else _MISSING for c in line if c.isprintable())


def save_figure(figure: Figure, file: Path, dpi: int = 300) -> Path:
    """Write PNG, or vector PDF and SVG with their fonts, by the file's ending.

    Raises:
        SettingError: another ending.
        StorageError: the file can't be written.
    """
    file = Path(file).expanduser()
    kind = file.suffix.lower().lstrip(".")
    if kind not in {"png", "pdf", "svg"}:
        raise SettingError(f"{file.name!r} is no figure file.", "End it in .png, .pdf or .svg.", name="file")
    # TrueType: journals refuse matplotlib's default Type 3. The setting is global, hence the lock.
    with _SAVING, matplotlib.rc_context({"pdf.fonttype": 42, "svg.fonttype": "path"}):
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            figure.savefig(file, format=kind, dpi=dpi, facecolor=figure.get_facecolor())
        except OSError as error:
            reason = error.strerror or str(error)
            raise StorageError(f"{file} can't be written: {reason}.", "Choose another place.") from error
    return file
