"""What can be taken away of a comparison: figures for papers, numbers as a table."""

from __future__ import annotations

import csv
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import InputError
from ...runs import storing
from ...visuals import Row, compared, decay, save_figure
from ..scratch import Scratch
from .pack import table_of

if TYPE_CHECKING:
    from ...training import Probed

Pair = tuple[float, float]
"""Timesteps of teacher and student."""


@dataclass(frozen=True)
class Kind:
    """A file that can be made of a comparison; the ending says how it is written."""

    label: str
    hint: str
    ending: str
    make: Callable[[Sequence[Probed], Pair, Path], Any]


def _decay(probes: Sequence[Probed], pair: Pair, out: Path) -> None:
    data = table_of(probes[-1], *pair).as_json()
    save_figure(decay(data["levels"], data["sites"], data["t_tea"], data["t_stu"], data["measure"]), out)


def _maps(probes: Sequence[Probed], pair: Pair, out: Path) -> None:
    """Of the model that was asked about: with a LoRA, the one that has it."""
    probed = probes[-1]
    times = probed.maps.timesteps
    tea, stu = (probed.main[times.index(t)] for t in pair)
    masks = probed.picture.masks
    rows = [Row(noun, tea[n], stu[n], masks.get(noun)) for n, noun in enumerate(probed.maps.nouns)]
    save_figure(compared(probed.picture.image, rows, *pair), out)


def _numbers(probes: Sequence[Probed], pair: Pair, out: Path) -> None:
    """One row a variant, layer, noun and noise level; NaN is left empty."""
    with out.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        names: list[str] = []
        for variant, probed in zip(("base", "lora"), probes, strict=False):
            for site, found in {"training": probed.numbers(), **probed.by_site()}.items():
                if not names:
                    names = [name for name in found if name not in ("mse", "kl", "cosine", "centre_shift")]
                    rows.writerow(["variant", "site", "noun", "timestep", *names])
                for t, timestep in enumerate(probed.maps.timesteps):
                    for n, noun in enumerate(probed.maps.nouns):
                        values = [found[name][t, n] for name in names]
                        rows.writerow([variant, site, noun, timestep, *("" if np.isnan(v) else v for v in values)])


KINDS = {
    **{
        f"maps-{ending}": Kind(
            f"Maps {ending.upper()}", "Teacher, student, difference and true mask of every word",
            f"-maps.{ending}", _maps,
        )
        for ending in ("png", "svg", "pdf")
    },
    **{
        f"decay-{ending}": Kind(
            f"Decay {ending.upper()}", "Numbers over timesteps, and which layers carry the meaning",
            f"-decay.{ending}", _decay,
        )
        for ending in ("png", "svg", "pdf")
    },
    "numbers": Kind("Numbers CSV", "Every number by layer, word and timestep", "-numbers.csv", _numbers),
}  # fmt: skip


def offered() -> list[dict[str, str]]:
    """The kinds, for the page."""
    return [{"name": name, "label": kind.label, "hint": kind.hint} for name, kind in KINDS.items()]


def make(probes: Sequence[Probed], key: str, pair: Pair, kind: str, scratch: Scratch) -> Path:
    """The file, made at the first call.

    Args:
        key: what names the comparison on this disk.

    Raises:
        InputError: no such kind, or a pair that was not probed.
        StorageError: the disk is full.
    """
    if kind not in KINDS:
        raise InputError(f"No kind of file {kind!r}.", f"Choose one of: {', '.join(KINDS)}.")
    if not pair[0] < pair[1] or not set(pair) <= set(probes[0].maps.timesteps):
        raise InputError("These noise levels were not looked at.", "Move the sliders, then try again.")
    chosen = KINDS[kind]
    file = scratch.folder(f"teacher-{key}") / f"teacher-{pair[0]:g}-student-{pair[1]:g}{chosen.ending}"
    if not file.exists():
        draft = file.with_name(f"{uuid.uuid4().hex}-{file.name}")
        with storing(file.parent):
            chosen.make(probes, pair, draft)
            draft.replace(file)
    return file
