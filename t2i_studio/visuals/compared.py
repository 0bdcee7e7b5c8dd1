"""Figure: each noun's map at little and at much noise, their difference, and where the object truly is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure

from .colours import DIFFERENCE, HEAT, THEMES, ThemeName, noun_colour

if TYPE_CHECKING:
    from PIL import Image

SIDE = 1.35
"""Inches of one picture."""


@dataclass(frozen=True)
class Row:
    """One noun: maps (Y, X) of any scale, and its mask as large as the picture, L, white inside."""

    noun: str
    teacher_YX: np.ndarray
    student_YX: np.ndarray
    mask: Image.Image | None = None


def compared(image: Image.Image, rows: Sequence[Row], t_tea: float, t_stu: float, theme: ThemeName = "light") -> Figure:
    """A row a noun: teacher | student | difference of the maps at mean 1 | true mask, where one is known.

    Maps are drawn as cells, teacher and student on one scale; the difference has zero in the middle.
    """
    look = THEMES[theme]
    titles = [f"teacher, t = {t_tea:g}", f"student, t = {t_stu:g}", "student − teacher"]
    titles += ["true mask"] if any(row.mask for row in rows) else []
    shape = image.height / image.width
    size = ((SIDE + 0.35) * len(titles), (SIDE * shape + 0.2) * len(rows) + 0.2)
    fig = Figure(figsize=size, layout="constrained", facecolor=look.page)
    grid = fig.subplots(len(rows), len(titles), squeeze=False)
    for n, (row, axes) in enumerate(zip(rows, grid, strict=True)):
        _maps(fig, axes, row, image)
        if row.mask is not None:
            inside = np.asarray(row.mask.convert("L"))[..., None] / 255
            axes[3].imshow((np.asarray(image.convert("RGB")) * inside + 255 * (1 - inside)).astype(np.uint8))
        axes[0].set_ylabel(row.noun, color=noun_colour(n, theme), fontsize=8, parse_math=False)
        for one, title in zip(axes, titles, strict=True):
            one.set(xticks=[], yticks=[], frame_on=False)
            if n == 0:
                one.set_title(title, fontsize=7.5, color=look.ink)
    for bar in fig.axes[len(rows) * len(titles) :]:
        bar.tick_params(labelsize=5.5, colors=look.muted, width=0.4, length=1.5)
        bar.spines[:].set_visible(False)
    return fig


def _maps(fig: Figure, axes: Any, row: Row, image: Image.Image) -> None:
    tall: dict[str, Any] = {"extent": (0, image.width, image.height, 0), "interpolation": "nearest"}
    top = float(max(row.teacher_YX.max(), row.student_YX.max()))
    axes[0].imshow(row.teacher_YX, cmap=HEAT, vmin=0, vmax=top, **tall)
    drawn = axes[1].imshow(row.student_YX, cmap=HEAT, vmin=0, vmax=top, **tall)
    fig.colorbar(drawn, ax=axes[1], fraction=0.05, pad=0.03)
    change_YX = row.student_YX / max(row.student_YX.mean(), 1e-12) - row.teacher_YX / max(row.teacher_YX.mean(), 1e-12)
    most = float(np.abs(change_YX).max()) or 1.0
    drawn = axes[2].imshow(change_YX, cmap=DIFFERENCE, vmin=-most, vmax=most, **tall)
    fig.colorbar(drawn, ax=axes[2], fraction=0.05, pad=0.03)
