"""Figure: the losses of a fine-tune over its steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator

from .colours import THEMES, ThemeName, noun_colour

LEFT_OUT = frozenset({"step", "seconds", "lr", "lambda_t", "loss"})


def training_curves(series: Mapping[str, Sequence[float]], theme: ThemeName = "light", *, log: bool = False) -> Figure:
    """One small diagram a number: every step thin, the running mean over a twentieth of them thick.

    Args:
        series: numbers by name, `step` among them.
        log: draw them on logarithmic axes; they are positive then.
    """
    look = THEMES[theme]
    names = [name for name in series if name not in LEFT_OUT]
    columns = min(3, len(names))
    rows = -(-len(names) // columns)
    fig = Figure(figsize=(2.5 * columns, 1.7 * rows), layout="constrained", facecolor=look.page)
    for number, (axes, name) in enumerate(zip(fig.subplots(rows, columns, squeeze=False).flat, names, strict=False)):
        values = np.asarray(series[name], dtype=float)
        colour = noun_colour(number, theme)
        axes.plot(series["step"], values, color=colour, lw=0.6, alpha=0.35)
        wide = max(1, len(values) // 20)
        smooth = np.convolve(values, np.ones(wide) / wide, mode="valid")
        axes.plot(list(series["step"])[wide - 1 :], smooth, color=colour, lw=1.5)
        if log:
            axes.set_yscale("log")
            axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 5)))
            axes.yaxis.set_major_formatter("{x:g}")
            axes.yaxis.set_minor_locator(NullLocator())
        axes.set_title(name.replace("_", " "), fontsize=8, color=look.ink)
        axes.set_facecolor(look.page)
        axes.tick_params(labelsize=6.5, colors=look.ink)
        axes.spines[["top", "right"]].set_visible(False)
    for axes in list(fig.axes)[len(names) :]:
        axes.remove()
    return fig
