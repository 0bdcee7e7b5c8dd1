"""Figure: how maps decay with noise, and which attention sites carry the meaning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

from .colours import THEMES, ThemeName, noun_colour

SERIES = {
    "peak_in_mask": "peak on the object",
    "mass_in_mask": "mass on the object",
    "concentration": "concentration",
    "distinctness": "distinctness",
}


def decay(
    levels: Sequence[Mapping[str, Any]], sites: Sequence[Mapping[str, Any]], t_tea: float, t_stu: float, measure: str,
    theme: ThemeName = "light",
) -> Figure:  # fmt: skip
    """Curves over timesteps with their 95 % bands, teacher left; sites as pairs of teacher and student.

    Args:
        levels: `timestep`, and (mean, low, high) by name.
        sites: `site`, `teacher`, `student` with `mean`, `low`, `high`.
        measure: the number that sites are shown by.
    """
    look = THEMES[theme]
    with_sites = len(sites) > 1
    fig = Figure(figsize=(7.2 if with_sites else 4.2, 2.9), layout="constrained", facecolor=look.page)
    shape = {"width_ratios": (1.15, 1)} if with_sites else {}
    axes = fig.subplots(1, 2 if with_sites else 1, squeeze=False, gridspec_kw=shape)[0]
    _curves(axes[0], levels, (t_tea, t_stu), theme)
    if with_sites:
        _sites(axes[1], sites, measure, theme)
    for one in axes:
        _dress(one, look)
    return fig


def _curves(axes: Any, levels: Sequence[Mapping[str, Any]], marks: tuple[float, float], theme: ThemeName) -> None:
    look = THEMES[theme]
    x = [level["timestep"] for level in levels]
    for number, (name, label) in enumerate(SERIES.items()):
        if name not in levels[0]:
            continue
        mean, low, high = zip(*(level[name] for level in levels), strict=True)
        colour = noun_colour(number, theme)
        axes.fill_between(x, low, high, color=colour, alpha=0.15, lw=0)
        axes.plot(x, mean, color=colour, lw=1.4, marker="o", ms=2.4, label=label)
    # Each where curves seldom are: at the teacher's they are high or low, at the student's they have fallen.
    for at, text, height in zip(marks, ("teacher", "student"), (0.56, 0.88), strict=True):
        axes.axvline(at, color=look.muted, lw=0.8, ls=(0, (3, 2)))
        axes.annotate(
            text, (at, height), xycoords=("data", "axes fraction"), xytext=(3, 0), textcoords="offset points",
            ha="left", va="center", rotation=90, fontsize=7, color=look.muted,
        )  # fmt: skip
    axes.set(xlabel="timestep  (picture → noise)", ylim=(0, 1.02))
    axes.legend(frameon=False, fontsize=7, labelcolor=look.ink, loc="lower center", ncols=2, bbox_to_anchor=(0.5, 1.0))


def _sites(axes: Any, sites: Sequence[Mapping[str, Any]], measure: str, theme: ThemeName) -> None:
    colours = noun_colour(0, theme), noun_colour(1, theme)
    for row, site in enumerate(sites):
        ends = site["teacher"], site["student"]
        axes.plot([end["mean"] for end in ends], [row, row], color=THEMES[theme].rule, lw=2, zorder=1)
        for end, colour, label in zip(ends, colours, ("teacher", "student"), strict=True):
            axes.plot([end["low"], end["high"]], [row, row], color=colour, lw=1, alpha=0.6, zorder=2)
            axes.plot(end["mean"], row, "o", color=colour, ms=4, zorder=3, label=None if row else label)
    axes.set_yticks(range(len(sites)), [short(site["site"]) for site in sites], fontsize=6.5)
    axes.invert_yaxis()
    axes.set(xlabel=SERIES[measure], xlim=(0, None))
    axes.legend(
        frameon=False, fontsize=7, labelcolor=THEMES[theme].ink, loc="lower center", ncols=2, bbox_to_anchor=(0.5, 1.0)
    )


def short(site: str) -> str:
    """`up_blocks.1.attentions.0.transformer_blocks.0.attn2` → `up 1.0`; `transformer_blocks.3.attn` → `block 3`."""
    parts = site.split(".")
    if parts[0] == "transformer_blocks":
        return f"block {parts[1]}"
    numbers = [part for part in parts if part.isdigit()]
    return f"{parts[0].removesuffix('_blocks').removesuffix('_block')} {'.'.join(numbers)}"


def _dress(axes: Any, look: Any) -> None:
    axes.set_facecolor(look.page)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(look.rule)
    axes.tick_params(colors=look.ink, labelsize=7)
    axes.xaxis.label.set(color=look.ink, fontsize=8)
    axes.grid(axis="x", color=look.rule, lw=0.4)
