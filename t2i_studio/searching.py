"""Search over the dials of guidance: the same settings tried for every method, the best of each kept.

The trials are ways of one evaluation, so they are resumed, followed and tabled like any other. Search on prompts
that no table is made of (`attend-and-excite-tuning`), then evaluate with what was chosen (`--ways`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

from .errors import SettingError
from .evaluation import value_of
from .guidance import choose_method, read_weights

if TYPE_CHECKING:
    from .evaluation import Judged

Ways = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Chosen:
    """The best settings that were found for one way."""

    way: str
    trial: str
    "Label of the trial."
    num_trials: int
    measure: str
    value: float
    "Mean over all pictures."
    settings: dict[str, Any]


def read_axes(texts: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """`step_size=5,10,20` → the values that are tried.

    Raises:
        SettingError: not so written, or one dial twice.
    """
    axes: dict[str, tuple[str, ...]] = {}
    for text in texts:
        name, _, values = text.partition("=")
        name, given = name.strip().replace("-", "_"), tuple(v.strip() for v in values.split(",") if v.strip())
        if not name or not given or name in axes:
            raise SettingError(f"{text!r} is no axis.", 'Write "step_size=5,10,20", each dial once.', "search")
        axes[name] = given
    return axes


def trials(ways: Ways, axes: Mapping[str, Sequence[str]]) -> dict[str, Ways]:
    """For each way the settings that are tried: all combinations for a guided one, itself for another.

    Raises:
        SettingError: a method has no such dial, or the value is out of its range.
    """
    found: dict[str, Ways] = {}
    for label, way in ways.items():
        if not way.get("guide"):
            found[label] = {label: dict(way)}
            continue
        kept = [dial for dial in way.get("guide_weights", ()) if dial.partition("=")[0].replace("-", "_") not in axes]
        found[label] = {}
        for values in product(*axes.values()):
            dials = [f"{name}={value}" for name, value in zip(axes, values, strict=True)]
            try:
                choose_method(way["guide"], **read_weights([*kept, *dials]))
            except SettingError as error:
                place = "search" if error.name in axes else error.name
                raise SettingError(error.problem, error.remedy, place) from None
            found[label][" ".join([label, *dials])] = {**way, "guide_weights": (*kept, *dials)}
    return found


def all_trials(tried: Mapping[str, Ways]) -> Ways:
    """The ways of the evaluation that tries them."""
    return {label: way for one in tried.values() for label, way in one.items()}


def choose(tried: Mapping[str, Ways], found: Mapping[str, Sequence[Judged]]) -> list[Chosen]:
    """The best trial of each way: by `exact`, then `present`, then distance; by a scorer's first number.

    Of trials that are alike the first one is kept.

    Raises:
        SettingError: the pictures were not judged.
    """
    some = next((one for judged in found.values() for one in judged), None)
    if some is None or (some.exact is None and not some.numbers):
        raise SettingError("The pictures were not judged, so none is best.", "Search with a judge or scorer.", "judge")
    measures = ("exact", "present", "quality") if some.exact is not None else (next(iter(some.numbers)),)
    chosen = []
    for way, ways in tried.items():
        scores = {label: _score(found[label], measures) for label in ways}
        best = max(scores, key=lambda label: scores[label])
        chosen.append(Chosen(way, best, len(ways), measures[0], scores[best][0], ways[best]))
    return chosen


def _score(judged: Sequence[Judged], measures: Sequence[str]) -> tuple[float, ...]:
    means = []
    for name in measures:
        values = [value for one in judged if (value := value_of(one, name)) is not None]
        mean = sum(values) / len(values) if values else float("-inf")
        means.append(-mean if name == "quality" and values else mean)  # a distance: less is better
    return tuple(means)


def chosen_markdown(chosen: Sequence[Chosen]) -> str:
    """A row a way."""
    lines = [f"| way | tried | chosen | {chosen[0].measure.replace('_', ' ')} |", "|---|---|---|---|"]
    for one in chosen:
        dials = ", ".join(one.settings.get("guide_weights", ())) or "–"
        lines.append(f"| {one.way} | {one.num_trials} | {dials} | {one.value:.3f} |")
    return "\n".join(lines)
