"""Boxes in pictures: XYXY in pixels, upper end exclusive. Plain arithmetic."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

Box = tuple[float, float, float, float]


def area(box: Sequence[float]) -> float:
    """Square pixels."""
    return (box[2] - box[0]) * (box[3] - box[1])


def shared(one: Sequence[float], other: Sequence[float]) -> float:
    """Square pixels that two boxes have in common."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    return width * height if width > 0 and height > 0 else 0.0


def overlap(one: Sequence[float], other: Sequence[float]) -> float:
    """Intersection over union."""
    both = shared(one, other)
    return both / (area(one) + area(other) - both) if both else 0.0


def overlaps(one: Sequence[float], others: np.ndarray) -> np.ndarray:
    """Intersection over union with each of (N, 4) boxes: (N,)."""
    width = np.minimum(one[2], others[:, 2]) - np.maximum(one[0], others[:, 0])
    height = np.minimum(one[3], others[:, 3]) - np.maximum(one[1], others[:, 1])
    both = np.where((width > 0) & (height > 0), width * height, 0.0)
    return both / (area(one) + (others[:, 2] - others[:, 0]) * (others[:, 3] - others[:, 1]) - both)
