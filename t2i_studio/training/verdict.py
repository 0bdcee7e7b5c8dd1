"""From probed pictures to a table with intervals, and to a verdict: would a teacher help, and where?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ..intervals import wilson
from .alignment import MASKED, OWN, TO_TEACHER
from .probe import Probed

BETTER = 1.15
"""A teacher whose maps are less than this many times as concentrated as the student's is not worth following."""
NEAR_BEST = 0.9
"""Sites within this share of the best one carry the meaning; timesteps within it of the best teach as well."""
RESAMPLES = 1000


@dataclass(frozen=True)
class Estimate:
    """A mean over pictures with its 95 % interval (percentile bootstrap over pictures)."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Level:
    """One noise level: every number over all pictures; numbers that can't be told are left out."""

    timestep: float
    numbers: dict[str, Estimate]


@dataclass(frozen=True)
class SiteRow:
    """One attention site: concentration, or mass in mask where masks are known, of teacher and student."""

    site: str
    grid: str
    teacher: Estimate
    student: Estimate
    default: bool
    "Whether training uses it unless told otherwise."


@dataclass(frozen=True)
class Summary:
    """One probed picture without its maps: mean over its words, NaN where nothing can be told."""

    timesteps: tuple[float, ...]
    teacher: int
    student: int
    numbers: dict[str, np.ndarray]
    "By name: (T,)."
    by_site: dict[str, dict[str, np.ndarray]]
    "By site and name: (T,)."
    grids: dict[str, str]
    default_sites: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """What a set of probed pictures says."""

    num_pictures: int
    measure: str
    "Number that teacher and student are judged by: `mass_in_mask` where masks are known, else `concentration`."
    t_tea: float
    t_stu: float
    levels: tuple[Level, ...]
    sites: tuple[SiteRow, ...]
    ratio: Estimate
    "Teacher's concentration over student's."

    def as_json(self) -> dict[str, Any]:
        """Plain data; `levels` are flat: timestep and a triple (mean, low, high) a number."""
        flat = [
            {"timestep": one.timestep, **{n: [e.mean, e.low, e.high] for n, e in one.numbers.items()}}
            for one in self.levels
        ]
        return asdict(self) | {"levels": flat, "verdict": asdict(judge(self))}


@dataclass(frozen=True)
class Verdict:
    """In words, with what a fine-tune should be set to."""

    good: bool
    "Whether the teacher is worth following."
    text: str
    t_tea: float
    sites: tuple[str, ...]


def summarise(probed: Probed) -> Summary:
    """What a table needs of a picture; its maps may go."""
    grids = {site: grid for grid, stack in probed.maps.stacks.items() for site in stack.sites}
    return Summary(
        probed.maps.timesteps, probed.teacher, probed.student,
        {name: _words(values) for name, values in probed.numbers().items()},
        {
            site: {name: _words(found[name]) for name in (*OWN, *MASKED)}
            for site, found in probed.by_site().items()
        },
        grids, probed.default_sites,
    )  # fmt: skip


def tabulate(pictures: Sequence[Summary]) -> Table:
    """All pictures' numbers: mean over the words of a picture, then over pictures.

    Raises:
        ValueError: no picture, or pictures probed at different noise levels.
    """
    if len({(one.timesteps, one.teacher, one.student) for one in pictures}) != 1:
        raise ValueError("no pictures, or pictures probed at different noise levels")
    first = pictures[0]
    over = {n: np.stack([one.numbers[n] for one in pictures]) for n in (*OWN, *MASKED, *TO_TEACHER)}  # (P, T)
    known = {name: values for name, values in over.items() if not np.isnan(values).all()}
    measure = "mass_in_mask" if "mass_in_mask" in known else "concentration"
    levels = tuple(
        Level(t, {name: estimate(values[:, i], hits=name == "peak_in_mask") for name, values in known.items()})
        for i, t in enumerate(first.timesteps)
    )
    tea, stu = first.teacher, first.student
    ratio = ratio_of(over["concentration"][:, tea], over["concentration"][:, stu])
    return Table(
        len(pictures), measure, first.timesteps[tea], first.timesteps[stu], levels, _sites(pictures, measure), ratio
    )


def _sites(pictures: Sequence[Summary], measure: str) -> tuple[SiteRow, ...]:
    first = pictures[0]
    rows = []
    for site, grid in first.grids.items():
        over = np.stack([one.by_site[site][measure] for one in pictures])
        ends = estimate(over[:, first.teacher]), estimate(over[:, first.student])
        rows.append(SiteRow(site, grid, *ends, site in first.default_sites))
    return tuple(rows)


def judge(table: Table) -> Verdict:
    """What the table says about CTCal's premise for this model, in words with their numbers."""
    name = {"mass_in_mask": "of a word's attention lies on its object", "concentration": "concentration"}[table.measure]
    by_time = {level.timestep: level.numbers[table.measure].mean for level in table.levels}
    tea, stu = by_time[table.t_tea], by_time[table.t_stu]
    good = table.ratio.mean >= BETTER and tea > stu
    best = max(value for t, value in by_time.items() if t < table.t_stu)
    chosen = min(t for t, value in by_time.items() if t < table.t_stu and value >= NEAR_BEST * best)
    onset = _onset(by_time, table.t_tea)
    sites = carrying(table)
    if table.measure == "mass_in_mask":
        told = f"{tea:.0%} {name} at t = {table.t_tea:g}, {stu:.0%} at t = {table.t_stu:g}"
    else:
        told = f"{name} {tea:.3f} at t = {table.t_tea:g}, {stu:.3f} at t = {table.t_stu:g}"
    of = table.ratio
    spread = f" ({of.low:.2f} to {of.high:.2f})" if table.num_pictures > 1 else ""  # one picture has no interval
    ratio = f"the teacher's maps are {of.mean:.2f} times as concentrated{spread}"
    if good:
        since = f" The teacher is clearly better from t = {onset:g} on." if onset is not None else ""
        text = f"The teacher is better: {told}; {ratio}.{since} Train with t_tea = {chosen:g}."
    elif table.ratio.mean >= BETTER:
        text = (
            f"The teacher's maps are sharper but not better placed: {told}; {ratio}. CTCal may teach the wrong places."
        )
    else:
        text = (
            f"The premise does not hold: {told}; {ratio}, and {BETTER:.2f} is wanted. CTCal is unlikely to help here."
        )
        if chosen > table.t_tea and best > 1.05 * tea:
            text += f" At t = {chosen:g} the maps are better: try that as teacher."
    return Verdict(good, text, chosen, sites)


def carrying(table: Table) -> tuple[str, ...]:
    """Sites whose teacher is near the best one's, and better than its student."""
    top = max((row.teacher.mean for row in table.sites), default=0.0)
    return tuple(
        row.site for row in table.sites
        if row.teacher.mean >= NEAR_BEST * top and row.teacher.mean > row.student.mean
    )  # fmt: skip


def _onset(by_time: dict[float, float], t_tea: float) -> float | None:
    """The least timestep from which on every level is worse than the teacher by the wanted factor."""
    onset = None
    for t in sorted(by_time, reverse=True):
        if t <= t_tea or by_time[t] * BETTER > by_time[t_tea]:
            break
        onset = t
    return onset


def estimate(values_P: np.ndarray, *, hits: bool = False) -> Estimate:
    """Mean over pictures, those without a number left out; `hits` are shares of hits, which may agree by chance."""
    kept = values_P[~np.isnan(values_P)]
    if not len(kept):
        return Estimate(float("nan"), float("nan"), float("nan"))
    if len(kept) == 1:  # resampling would only take time: a page judges every pair of noise levels
        return Estimate(float(kept[0]), float(kept[0]), float(kept[0]))
    if hits and (kept == kept[0]).all() and kept[0] in (0.0, 1.0):  # all hit or none: resampling would claim certainty
        return Estimate(float(kept[0]), *wilson(float(kept[0]), len(kept)))
    means = kept[_resampled(len(kept))].mean(1)
    return Estimate(float(kept.mean()), *map(float, np.percentile(means, (2.5, 97.5))))


def ratio_of(above_P: np.ndarray, below_P: np.ndarray) -> Estimate:
    """Ratio of two means over the same pictures, resampled together."""
    middle = above_P.mean() / max(below_P.mean(), 1e-12)
    if len(above_P) == 1:
        return Estimate(float(middle), float(middle), float(middle))
    picks = _resampled(len(above_P))
    ratios = above_P[picks].mean(1) / np.maximum(below_P[picks].mean(1), 1e-12)
    return Estimate(float(middle), *map(float, np.percentile(ratios, (2.5, 97.5))))


def _resampled(number: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, number, (RESAMPLES, number))


def _words(values_TN: np.ndarray) -> np.ndarray:
    """Mean over words (T,), those without a number left out."""
    known = ~np.isnan(values_TN)
    total = np.where(known, values_TN, 0).sum(-1)
    return np.where(known.any(-1), total / np.maximum(known.sum(-1), 1), np.nan)
