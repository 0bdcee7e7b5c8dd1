"""A growing pool of specimens that went through the autoencoder that ships, on disk.

Most latents get a little noise: decoded, they look as a generator's do. Some get so much, or are cut and
shuffled, that nothing is left to find. Number i is the same on every machine; the pool only saves time.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image

from ..scenes import SCENE_SIZE
from .specimens import Specimen, specimen
from .vae import shipped_vae, to_pictures, to_tensor

if TYPE_CHECKING:
    from ..detector import Seen

SEED = 41
CYCLE = ("scene", "plain", "scene", "spoilt", "scene", "plain", "drowned", "shuffled")
"""Kinds by number: with a little noise, without, spoilt objects, drowned in noise, latents in another order."""
LITTLE, DROWNED = (0.15, 0.5), (0.0, 0.4)
"""Noise added to latents of deviation 1; the share of the scene that is left of drowned ones."""


class RoundTrips:
    """Pictures 0 … capacity − 1, made when first wanted."""

    def __init__(self, folder: Path, capacity: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        shape = (capacity, SCENE_SIZE, SCENE_SIZE, 3)
        file, done = folder / "pictures.u1", folder / "done.u1"
        if not file.exists():
            np.memmap(file, np.uint8, "w+", shape=shape).flush()
        if not done.exists():
            done.write_bytes(bytes(capacity))
        self._pictures = np.memmap(file, np.uint8, "r+", shape=shape)
        self._done = np.memmap(done, np.uint8, "r+", shape=(capacity,))
        self._objects: dict[int, tuple[Seen, ...]] = {}
        self._vae = shipped_vae().requires_grad_(False).to(memory_format=torch.channels_last)
        self.capacity = capacity

    def specimens(self, indices: np.ndarray) -> list[Specimen]:
        """Those pictures with what is in them."""
        for start in range(0, len(indices), 8):
            part = np.unique(indices[start : start + 8])
            missing = [int(i) for i in part if not self._done[i]]
            if missing:
                self._make(missing)
        return [Specimen(Image.fromarray(self._pictures[i]), self._of(int(i))) for i in indices]

    def _of(self, index: int) -> tuple[Seen, ...]:
        if index not in self._objects:
            self._objects[index] = _before(index)[1]
        return self._objects[index]

    @torch.no_grad()
    def _make(self, indices: list[int]) -> None:
        befores = [_before(i) for i in indices]
        means = self._vae.encode(to_tensor([one.picture for one, _, _ in befores])).latent_dist.mean
        latents = torch.stack([_changed(z, i, rng) for z, i, (_, _, rng) in zip(means, indices, befores, strict=True)])
        for i, picture in zip(indices, to_pictures(self._vae.decode(latents).sample), strict=True):
            self._pictures[i] = np.asarray(picture)
            self._done[i] = 1


def _before(index: int) -> tuple[Specimen, tuple[Seen, ...], np.random.Generator]:
    """The picture before its round trip, what will be in it afterwards, and the generator to go on with."""
    rng = np.random.default_rng([SEED, index])
    kind = CYCLE[index % len(CYCLE)]
    one = specimen(rng, "spoilt" if kind == "spoilt" else "scene")
    return one, () if kind in ("drowned", "shuffled") else one.objects, rng


def _changed(latents_CYX: torch.Tensor, index: int, rng: np.random.Generator) -> torch.Tensor:
    kind = CYCLE[index % len(CYCLE)]
    if kind == "plain":
        return latents_CYX
    noise = _noise(latents_CYX.shape, 1 if kind == "drowned" else int(rng.choice([1, 2, 4])), rng)
    if kind == "drowned":
        left = float(rng.uniform(*DROWNED))
        return left * latents_CYX + (1 - left**2) ** 0.5 * noise
    if kind == "shuffled":
        side = int(rng.choice([1, 2, 2]))
        grid = latents_CYX.unfold(1, side, side).unfold(2, side, side)  # (C, rows, columns, side, side)
        order = torch.from_numpy(rng.permutation(grid.shape[1] * grid.shape[2]))
        mixed = grid.reshape(len(latents_CYX), -1, side, side)[:, order].reshape(grid.shape)
        return mixed.permute(0, 1, 3, 2, 4).reshape(latents_CYX.shape)
    return latents_CYX + float(rng.uniform(*LITTLE)) * noise


def _noise(shape: torch.Size, coarse: int, rng: np.random.Generator) -> torch.Tensor:
    """White, or smooth over `coarse` cells: a generator's mistakes are not those of single cells."""
    small = rng.standard_normal((1, shape[0], shape[1] // coarse, shape[2] // coarse), dtype=np.float32)
    return torch.nn.functional.interpolate(torch.from_numpy(small), shape[1:], mode="bicubic")[0]
