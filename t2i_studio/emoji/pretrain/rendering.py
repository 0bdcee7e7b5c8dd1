"""Many scenes at once, rendered by several processes. Knows nothing of what they are for."""

from __future__ import annotations

import os
from multiprocessing import get_context
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..scenes import SCENE_SIZE, masks, render, scene_of_seed
from .semantics import labels_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..captions import Mixture

CHUNK = 256


class Rendered(NamedTuple):
    """Scenes in the order of their numbers."""

    indices: np.ndarray
    "int64 (B,): the scenes' numbers."
    pictures: np.ndarray
    "uint8 (B, Y, X, 4): RGB, and 255 where an object is seen."
    labels: np.ndarray
    "uint8 (B, 3, 16, 16), as `labels_of` gives them."
    captions: list[str]


def rendered(
    indices: np.ndarray, mixture_of: Callable[[int], Mixture], workers: int | None = None
) -> Iterator[Rendered]:
    """Chunks of at most `CHUNK` scenes, in order; `workers` processes (by default one a core) work ahead."""
    # A fresh process forks the workers: the caller may hold a CUDA device, which does not survive a fork.
    context = get_context("forkserver")
    context.set_forkserver_preload([__name__])
    wanted = [[(int(i), mixture_of(int(i))) for i in part] for part in _parts(indices)]
    with context.Pool(workers or os.cpu_count()) as pool:
        yield from pool.imap(_render, wanted)


def _parts(indices: np.ndarray) -> list[np.ndarray]:
    return [indices[start : start + CHUNK] for start in range(0, len(indices), CHUNK)]


def _render(wanted: list[tuple[int, Mixture]]) -> Rendered:
    scenes = [scene_of_seed(index, mixture) for index, mixture in wanted]
    pictures = np.empty((len(scenes), SCENE_SIZE, SCENE_SIZE, 4), np.uint8)
    for out, scene in zip(pictures, scenes, strict=True):
        out[..., :3] = np.asarray(render(scene))
        out[..., 3] = 255 * masks(scene).any(0)
    return Rendered(
        np.array([index for index, _ in wanted]),
        pictures,
        np.stack([labels_of(scene) for scene in scenes]),
        [scene.caption for scene in scenes],
    )
