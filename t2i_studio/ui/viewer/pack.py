"""A run as the player's data: its words, its picture, and its maps packed to 8 bits.

A **source** is one set of maps that can be looked at: all layers together, a group of layers, a layer,
a head of a layer. Each has one scale a noun: byte 255 is that noun's largest value over all steps. Its
numbers over time are exact, taken before packing.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...metrics import entropy, mass, peak
from ...types import Grid, Maps, MapStack, Run, grid_name
from ...visuals.colours import heat
from .. import chips

BUDGET = 620_000
"""Bytes of maps a run. As base64, with the numbers, that stays below the 1 MB a page gets at once."""
FIRST_SHARE = 0.4
"""Of the budget for all layers together; with more steps than that holds, evenly spaced ones are shown."""
SMALLEST = 16
"""Maps that do not fit are halved down to this many cells a side, then left out."""
NUM_PARTS = 3
"""Parts that the layers of a transformer, which has no down and up, are shown in."""
_BLOCK = re.compile(r"^(down|mid|up)_block")
_MODULE = re.compile(r"\.(transformer_blocks\.0\.)?attn\d?$")


@dataclass(frozen=True)
class _Source:
    """A set of maps before packing; `values_TNYX` float32."""

    id: str
    label: str
    kind: str
    "`all`, `group`, `layer` or `head`."
    parent: str
    "Id of a head's layer."
    grid: Grid
    values_TNYX: np.ndarray


def player_data(run: Run, image: str, budget: int = BUDGET) -> dict[str, Any]:
    """What `createPlayer` takes: plain JSON.

    Args:
        image: URL of the picture.
        budget: bytes of packed maps, before base64.
    """
    inspected = "timesteps" in run.settings
    made = "Inspected" if inspected else "Generated"
    return {
        "id": run.id, "image": image, "width": run.image.width, "height": run.image.height,
        "alt": f"{made} picture: {run.prompt.text[:200]}", "notes": list(run.notes), "facts": facts(run),
        "words": _words(run),
        "num_steps": int(run.settings.get("steps") or 0), "each": "noise level" if inspected else "step",
        "palette": palette_text(),
        **(_packed(run.maps, budget) if run.maps and run.maps.nouns else _NO_MAPS),
    }  # fmt: skip


def _words(run: Run) -> list[dict[str, Any]]:
    """The prompt in pieces; `noun` is the index among the mapped nouns, -1 for other words."""
    mapped = run.maps.nouns if run.maps else ()
    ids = run.prompt.ids
    words = []
    for group in chips.value(run.prompt, chips.Choice())["groups"]:
        owner = ids[group["colour"]] if group["colour"] >= 0 else ""
        words.append({"text": group["text"], "noun": mapped.index(owner) if owner in mapped else -1})
    return words


_NO_MAPS: dict[str, Any] = {
    "nouns": [], "timesteps": [], "steps": [], "sources": [], "maps": "", "left_out": 0,
}  # fmt: skip


def facts(run: Run) -> str:
    """One line: model · seed · steps · time."""
    given = run.settings
    parts = [str(given.get("model", "")), f"seed {given.get('seed', 0)}", _how_often(run)]
    if "total" in run.timings:
        parts.append(f"{run.timings['total']:.1f} s")
    return " · ".join(part for part in parts if part)


def _how_often(run: Run) -> str:
    times = run.settings.get("timesteps")
    if times is None:
        return f"{run.settings.get('steps', 0)} steps"
    return f"{len(times)} noise level{'s' if len(times) > 1 else ''}"


def palette_text() -> str:
    """The heat colour map: 256 RGB triples in base64."""
    return base64.b64encode(np.ascontiguousarray(heat(np.linspace(0, 1, 256))).tobytes()).decode()


def _packed(maps: Maps, budget: int) -> dict[str, Any]:
    rows, columns = maps.stacks[maps.main].grid
    most = max(1, int(FIRST_SHARE * budget) // (len(maps.nouns) * rows * columns))
    steps = np.unique(np.linspace(0, maps.num_steps - 1, min(maps.num_steps, most)).round().astype(int))
    sources: list[dict[str, Any]] = []
    parts: list[bytes] = []
    used = left_out = 0
    for source in _sources(maps):
        values_TNYX = source.values_TNYX[steps]
        cells = values_TNYX if source.kind == "all" else fitting(values_TNYX, budget - used)
        if cells is None:
            left_out += 1
            continue
        packed, tops = to_bytes(cells)
        sources.append({
            "id": source.id, "label": source.label, "kind": source.kind, "parent": source.parent, "start": used,
            "rows": cells.shape[-2], "columns": cells.shape[-1], "grid": list(source.grid), "tops": tops,
            **_numbers(values_TNYX),
        })  # fmt: skip
        parts.append(packed)
        used += len(packed)
    return {
        "nouns": [{"id": noun, "colour": index} for index, noun in enumerate(maps.nouns)],
        "timesteps": [maps.timesteps[i] for i in steps], "steps": steps.tolist(),
        "sources": sources, "maps": base64.b64encode(b"".join(parts)).decode(), "left_out": left_out,
    }  # fmt: skip


def _sources(maps: Maps) -> Iterator[_Source]:
    """Everything that can be looked at, the most wanted first."""
    main = maps.stacks[maps.main]
    others = [stack for name, stack in maps.stacks.items() if name != maps.main]
    size = _times(main.grid)
    yield _Source("all", f"all layers at {size}", "all", "", main.grid, _mean(main.values_TSNYX, slice(None)))
    yield from _groups(main)
    yield from _layers(main)
    for stack in others:
        name = grid_name(stack.grid)
        label = f"all layers at {_times(stack.grid)}"
        yield _Source(f"all {name}", label, "group", "", stack.grid, _mean(stack.values_TSNYX, slice(None)))
    yield from _heads(main)
    for stack in others:
        yield from _groups(stack)
    for stack in others:
        yield from _layers(stack)
    for stack in others:
        yield from _heads(stack)


def _groups(stack: MapStack) -> Iterator[_Source]:
    members: dict[str, list[int]] = {}
    for index, site in enumerate(stack.sites):
        found = _BLOCK.match(site)
        members.setdefault(found.group(1) if found else "layers", []).append(index)
    if len(members) == 1:
        (indices,) = members.values()
        if len(indices) <= NUM_PARTS:
            return
        thirds = [part.tolist() for part in np.array_split(np.array(indices), NUM_PARTS)]
        members = {f"layers {part[0] + 1}–{part[-1] + 1}": part for part in thirds}
    name, size = grid_name(stack.grid), _times(stack.grid)
    for group, indices in members.items():
        values = _mean(stack.values_TSNYX, indices)
        yield _Source(f"{group} {name}", f"{group} at {size}", "group", "", stack.grid, values)


def _layers(stack: MapStack) -> Iterator[_Source]:
    for index, site in enumerate(stack.sites):
        yield _Source(site, _short(site), "layer", "", stack.grid, stack.values_TSNYX[:, index])


def _heads(stack: MapStack) -> Iterator[_Source]:
    if stack.heads_TSHNYX is None:
        return
    for index, site in enumerate(stack.sites):
        for head in range(stack.heads_TSHNYX.shape[2]):
            values = stack.heads_TSHNYX[:, index, head]
            yield _Source(f"{site}/{head}", f"head {head + 1}", "head", site, stack.grid, values)


def _mean(values_TSNYX: np.ndarray, sites: Any) -> np.ndarray:
    return values_TSNYX[:, sites].mean(axis=1, dtype=np.float32)


def _short(site: str) -> str:
    return _MODULE.sub("", site)


def _times(grid: Grid) -> str:
    return f"{grid[0]}×{grid[1]}"


def fitting(values_TNYX: np.ndarray, room: int) -> np.ndarray | None:
    """The maps, halved by area mean as often as they need to fit; None where they never do."""
    while values_TNYX.size > room:
        rows, columns = values_TNYX.shape[-2:]
        if rows % 2 or columns % 2 or min(rows, columns) // 2 < SMALLEST:
            return None
        halved = values_TNYX.reshape(*values_TNYX.shape[:2], rows // 2, 2, columns // 2, 2)
        values_TNYX = halved.mean(axis=(3, 5), dtype=np.float32)
    return values_TNYX


def to_bytes(values_TNYX: np.ndarray) -> tuple[bytes, list[float]]:
    """Bytes `[noun, step, y, x]`, and the value of byte 255 by noun."""
    values_NTYX = np.nan_to_num(values_TNYX).swapaxes(0, 1)
    tops_N = np.maximum(values_NTYX.max(axis=(1, 2, 3)), 1e-9)
    scaled = values_NTYX / tops_N[:, None, None, None] * 255
    return scaled.round().astype(np.uint8).tobytes(), [float(top) for top in tops_N]


def _numbers(values_TNYX: np.ndarray) -> dict[str, list[list[float]]]:
    """Peak, mass and entropy as `[noun][step]`, of the maps as recorded."""
    clean = np.nan_to_num(values_TNYX)
    each = {"peak": peak(clean), "mass": mass(clean), "entropy": entropy(clean)}
    return {name: np.round(values_TN.T, 5).tolist() for name, values_TN in each.items()}
