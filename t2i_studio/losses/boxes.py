"""Subjects inside their boxes: BoxDiff (arXiv 2307.10816, equations 4 to 7), and the share of mass outside."""

from __future__ import annotations

import torch

from ..types import Box
from .geometry import EPSILON

TOP = 0.2
"""Share of the cells of a region whose largest values count."""
NEAR = 6 / 64
"""How far from a border the corner term looks, as a share of the map's side."""


def cells(map_YX: torch.Tensor, box: Box) -> tuple[slice, slice]:
    """Rows and columns of a map whose middles lie inside; at least one of each."""
    height, width = map_YX.shape[-2:]
    return _span(box.top, box.bottom, height), _span(box.left, box.right, width)


def middle(map_YX: torch.Tensor, box: Box) -> torch.Tensor:
    """(row, column) of the box's middle, cells."""
    height, width = map_YX.shape[-2:]
    place = ((box.top + box.bottom) / 2 * height - 0.5, (box.left + box.right) / 2 * width - 0.5)
    return torch.stack([map_YX.new_full((), one) for one in place])


def _mask(map_YX: torch.Tensor, box: Box) -> torch.Tensor:
    inside = torch.zeros_like(map_YX, dtype=torch.bool)
    inside[cells(map_YX, box)] = True
    return inside


def outside(map_YX: torch.Tensor, box: Box) -> torch.Tensor:
    """Share of the map's mass that lies outside the box, [0, 1]."""
    return (map_YX * ~_mask(map_YX, box)).sum() / map_YX.sum().clamp_min(EPSILON)


def inside(map_YX: torch.Tensor, box: Box) -> torch.Tensor:
    """Mean of the largest fifth of the values inside."""
    values = map_YX[cells(map_YX, box)].flatten()
    return _top(values, len(values))


def boxdiff(map_YX: torch.Tensor, box: Box) -> torch.Tensor:
    """`(1 − top-k inside) + top-k outside + corners` of one subject; k is a fifth of a region's cells.

    The corner term compares the map's largest values along each axis with the box, near its borders.
    """
    rows, columns = cells(map_YX, box)
    num_outside = map_YX.numel() - map_YX[rows, columns].numel()
    outer = map_YX.sum() * 0
    if num_outside:
        rest = map_YX.masked_fill(_mask(map_YX, box), float("-inf")).flatten()
        outer = _top(rest, num_outside)
    return 1 - inside(map_YX, box) + outer + _corner(map_YX.amax(1), rows) + _corner(map_YX.amax(0), columns)


def _span(low: float, high: float, number: int) -> slice:
    start = min(number - 1, max(0, round(low * number)))
    return slice(start, min(number, max(start + 1, round(high * number))))


def _top(values: torch.Tensor, number: int) -> torch.Tensor:
    return values.topk(max(1, int(TOP * number))).values.mean()


def _corner(line: torch.Tensor, span: slice) -> torch.Tensor:
    """Mean distance to the box's own projection over the cells near its two borders."""
    places = torch.arange(len(line), device=line.device)
    wanted = ((places >= span.start) & (places < span.stop)).to(line.dtype)
    wide = max(1, round(NEAR * len(line)))
    near = ((places - span.start).abs() <= wide) | ((places - span.stop + 1).abs() <= wide)
    return ((line - wanted).abs() * near).sum() / near.sum()
