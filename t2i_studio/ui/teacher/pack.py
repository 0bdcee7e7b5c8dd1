"""A probe, and with a LoRA a second one, as data for `teacher.js`: all noise levels at once.

Noise levels run from the picture to noise, teacher left. A **variant** is the base model (0) or the one
with the LoRA (1); both share one scale a noun, so that their maps can be compared by eye. Frames of the
packed maps are the base's noise levels, then the LoRA's.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from ...metrics import peak
from ...types import Maps
from ...visuals.colours import difference
from ...visuals.decay import short
from ..viewer.pack import BUDGET, fitting, palette_text, to_bytes

if TYPE_CHECKING:
    from ...training import Probed, Table

NUMBERS = ("mass_in_mask", "peak_in_mask", "concentration", "distinctness", "peak")
MASK_SIDE = 96
"""Cells of a mask's longer side on the page: finer than any map, coarse enough to travel."""
TRAINED = "training"
"""Id of the source that is the mean over the sites training uses."""
_ORDER = {"down_blocks": 0, "mid_block": 1, "up_blocks": 2}


def packed(probes: Sequence[Probed], image: str, budget: int = BUDGET) -> dict[str, Any]:
    """Plain JSON of one picture probed by one or two variants, which share words and noise levels.

    Args:
        image: URL of the picture as the model saw it.
        budget: bytes of packed maps, before base64.
    """
    base = probes[0]
    last = len(base.maps.timesteps) - 1
    maps, left_out = _maps(probes, budget)
    known = _known(base)
    return {
        "image": image, "width": base.picture.image.width, "height": base.picture.image.height,
        "caption": base.picture.caption, "facts": facts(probes),
        "variants": ["base", *(["LoRA"] if len(probes) > 1 else [])],
        "nouns": [{"id": n, "colour": i, "known": bool(known[i])} for i, n in enumerate(base.maps.nouns)],
        "timesteps": list(base.maps.timesteps[::-1]), "teacher": last - base.teacher, "student": last - base.student,
        "maps": maps, "left_out": left_out, "diverging": _diverging(),
        "masks": [_mask(base, n) for n in base.maps.nouns],
        "numbers": _numbers(probes), "terms": [_terms(one) for one in probes],
        "measure": "mass_in_mask" if known.any() else "concentration",
        "verdicts": [verdicts(one) for one in probes],
    }  # fmt: skip


def facts(probes: Sequence[Probed]) -> str:
    """One line: model · seed · how many noise levels · LoRA."""
    given = probes[-1].settings
    lora = f"LoRA {given.lora.rstrip('/').rsplit('/', 1)[-1]} at {given.lora_scale:g}" if len(probes) > 1 else ""
    parts = [given.model, f"noise of seed {given.seed}", f"{len(probes[0].maps.timesteps)} noise levels", lora]
    return " · ".join(part for part in parts if part)


def in_order(maps: Maps) -> list[tuple[str, str]]:
    """Grid name and name of every recorded site, first layer first."""

    def place(site: str) -> tuple[Any, ...]:
        return _ORDER.get(site.split(".")[0], 3), [int(n) for n in re.findall(r"\d+", site)]

    return sorted(
        ((grid, site) for grid, stack in maps.stacks.items() for site in stack.sites), key=lambda g: place(g[1])
    )


def _known(probed: Probed) -> np.ndarray:
    return np.array([noun in probed.picture.masks for noun in probed.maps.nouns], dtype=bool)


def _maps(probes: Sequence[Probed], budget: int) -> tuple[dict[str, Any], int]:
    """What `MapData` reads: training's maps, then those of every site while the budget lasts."""
    base = probes[0]
    sources: list[dict[str, Any]] = []
    parts: list[bytes] = []
    used = left_out = 0
    for id_, label, grid, values_TNYX in _sources(probes):
        cells = fitting(values_TNYX, budget - used)
        if cells is None and sources:
            left_out += 1
            continue
        cells = values_TNYX if cells is None else cells
        bytes_, tops = to_bytes(cells)
        sources.append({
            "id": id_, "label": label, "start": used, "rows": cells.shape[-2], "columns": cells.shape[-1],
            "grid": list(base.maps.stacks[grid].grid), "tops": tops, "default": id_ in base.default_sites,
        })  # fmt: skip
        parts.append(bytes_)
        used += len(bytes_)
    return {
        "nouns": [{"id": noun} for noun in base.maps.nouns],
        "timesteps": list(base.maps.timesteps[::-1]) * len(probes), "sources": sources,
        "width": base.picture.image.width, "height": base.picture.image.height,
        "palette": palette_text(), "maps": base64.b64encode(b"".join(parts)).decode(),
    }, left_out  # fmt: skip


def _sources(probes: Sequence[Probed]) -> list[tuple[str, str, str, np.ndarray]]:
    """Id, label, grid and maps (variants x levels, N, Y, X) of everything that can be looked at."""
    base = probes[0]
    found = [(TRAINED, "the layers training uses", base.maps.main, _together([one.main for one in probes]))]
    for grid, site in in_order(base.maps):
        stacks = [one.maps.stacks[grid] for one in probes]
        values = _together([stack.values_TSNYX[:, stack.sites.index(site)] for stack in stacks])
        found.append((site, short(site), grid, values))
    return found


def _together(variants: Sequence[np.ndarray]) -> np.ndarray:
    return np.concatenate([values_TNYX[::-1] for values_TNYX in variants])


def _numbers(probes: Sequence[Probed]) -> dict[str, dict[str, Any]]:
    """By source and name: `[variant][noun][level]`, None where nothing can be said."""
    found: dict[str, dict[str, Any]] = {}
    each = [{TRAINED: one.numbers(), **one.by_site()} for one in probes]
    for source in each[0]:
        found[source] = {name: [_plain(variant[source][name]) for variant in each] for name in NUMBERS[:-1]}
    for source, _, _, values in _sources(probes):
        levels = len(values) // len(probes)
        parts = [peak(values[i * levels : (i + 1) * levels])[::-1] for i in range(len(probes))]
        found[source]["peak"] = [_plain(part) for part in parts]
    return found


def _plain(values_TN: np.ndarray) -> list[list[float | None]]:
    """`[noun][level]`, the picture first."""
    return [[_short(v) for v in row] for row in values_TN[::-1].T.tolist()]


def _short(value: float) -> float | None:
    return float(f"{value:.4g}") if np.isfinite(value) else None


def _terms(probed: Probed) -> dict[str, Any]:
    """CTCal's terms: `pixel`, `semantic` as `[noun][student][teacher]`, the others as `[noun][level]`."""
    from ...training.terms import every_term

    found = every_term(probed, probed.settings.seed)
    turned = {name: values[:, ::-1, ::-1] if values.ndim == 3 else values[:, ::-1] for name, values in found.items()}
    return {name: np.vectorize(_short, otypes=[object])(values).tolist() for name, values in turned.items()}


def verdicts(probed: Probed) -> list[list[dict[str, Any] | None]]:
    """A verdict for every `[student][teacher]` with less noise for the teacher."""
    from ...training import judge, summarise, tabulate

    summary = summarise(probed)
    last = len(summary.timesteps) - 1
    found: list[list[dict[str, Any] | None]] = []
    for student in range(last + 1):
        row: list[dict[str, Any] | None] = []
        for teacher in range(last + 1):
            if teacher >= student:
                row.append(None)
                continue
            one = judge(tabulate([replace(summary, teacher=last - teacher, student=last - student)]))
            row.append({"good": one.good, "text": one.text, "sites": list(one.sites), "t_tea": one.t_tea})
        found.append(row)
    return found


def table_of(probed: Probed, t_tea: float, t_stu: float) -> Table:
    """What figures and tables show, for a pair of timesteps that were probed."""
    from ...training import summarise, tabulate

    moved = replace(probed, settings=probed.settings.model_copy(update={"t_tea": t_tea, "t_stu": t_stu}))
    return tabulate([summarise(moved)])


def _mask(probed: Probed, noun: str) -> dict[str, Any] | None:
    """The true mask as bits, rows first; None where it is not known."""
    mask: Image.Image | None = probed.picture.masks.get(noun)
    if mask is None:
        return None
    scale = MASK_SIDE / max(mask.size)
    columns, rows = (max(1, round(side * scale)) for side in mask.size)
    inside = np.asarray(mask.convert("L").resize((columns, rows), Image.Resampling.BOX)) > 127
    return {"rows": rows, "columns": columns, "bits": base64.b64encode(np.packbits(inside).tobytes()).decode()}


def _diverging() -> str:
    """The colour map of differences: 256 RGB triples in base64, zero between 127 and 128."""
    return base64.b64encode(np.ascontiguousarray(difference(np.linspace(-1, 1, 256))).tobytes()).decode()
