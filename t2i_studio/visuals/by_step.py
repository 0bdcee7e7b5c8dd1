"""Figure: scatter of the subjects' maps and their overlap over the steps, a line a way of painting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from .colours import THEMES, ThemeName, noun_colour, noun_dash
from .page import drawable

PANELS = {
    "scatter": "scatter of a subject\n0 one cell, 0.29 spread evenly",
    "overlap": "overlap of two subjects\n0 apart, 1 equal",
}


def steps(lines: Mapping[str, Sequence[Mapping[str, Any]]], theme: ThemeName = "light") -> Figure:
    """Two diagrams side by side, with 95 % bands.

    Args:
        lines: way → per step `scatter` and `overlap` as (mean, low, high); NaN is not drawn.
    """
    look = THEMES[theme]
    fig = Figure(figsize=(7.2, 3.1), layout="constrained", facecolor=look.page)
    for axes, (name, title) in zip(fig.subplots(1, 2), PANELS.items(), strict=True):
        for number, (way, rows) in enumerate(lines.items()):
            values_T3 = np.array([row[name] for row in rows], dtype=float).reshape(-1, 3)
            colour, dash = noun_colour(number, theme), noun_dash(number)
            step_T = np.arange(len(values_T3))
            axes.fill_between(step_T, values_T3[:, 1], values_T3[:, 2], color=colour, alpha=0.13, lw=0)
            axes.plot(step_T, values_T3[:, 0], color=colour, lw=1.4, ls=(0, dash) if dash else "-", label=way)
        axes.set_title(title, fontsize=8, color=look.ink)
        axes.set_xlabel("step  (noise → picture)", fontsize=7.5, color=look.ink)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_facecolor(look.page)
        axes.tick_params(colors=look.muted, labelsize=7, width=0.5, length=2)
        axes.spines[["top", "right"]].set_visible(False)
        axes.spines[["left", "bottom"]].set_color(look.rule)
        axes.grid(True, color=look.rule, lw=0.4)
    handles, labels = fig.axes[0].get_legend_handles_labels()
    legend = fig.legend(
        handles, [drawable(label) for label in labels], loc="outside lower center", ncols=3, frameon=False,
        fontsize=7.5, labelcolor=look.ink,
    )  # fmt: skip
    for text in legend.get_texts():
        text.set_parse_math(False)
    return fig
