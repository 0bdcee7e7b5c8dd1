"""A growing pool of encoded training scenes, on disk. Scene number i is the same on every machine.

The pool only saves time: it can be deleted and is then encoded again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import torch

from ..captions import Mixture
from ..scenes import Scene, render, scene_of_seed
from .rendering import rendered
from .semantics import GRID, labels_of
from .vae import to_tensor

if TYPE_CHECKING:
    from pathlib import Path

    from diffusers import AutoencoderKL

SHAPE = (8, 16, 16)
LABELS = (3, GRID, GRID)
CAPACITY = 640_000
CAPTION_BYTES = 128
FIRST_POOL, FRESH = 400, 4
"""Scenes of step 0, and new ones each step until the pool is full."""
EMPTY_CAPTIONS = 0.1


class LatentPool:
    """Latents (posterior means, unscaled, float16), labels and captions of scenes 0 … size − 1."""

    def __init__(
        self, folder: Path, vae: AutoencoderKL, mixture_of: Callable[[int], Mixture], capacity: int = CAPACITY
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._latents = _mapped(folder / "latents.f16", np.float16, (capacity, *SHAPE))
        self._labels = _mapped(folder / "labels.u1", np.uint8, (capacity, *LABELS))
        self._captions = _mapped(folder / "captions.s", np.dtype(f"S{CAPTION_BYTES}"), (capacity,))
        self._ready = _mapped(folder / "ready.u1", np.uint8, (capacity,))
        self._vae, self._mixture_of, self.capacity = vae, mixture_of, capacity

    def ensure(self, indices: np.ndarray) -> None:
        """Encode those scenes that are not in the pool yet."""
        missing = np.array([i for i in np.unique(indices) if not self._ready[i]], dtype=np.int64)
        for start in range(0, len(missing), 16):
            part = missing[start : start + 16]
            scenes = [self._scene(int(i)) for i in part]
            labels = np.stack([labels_of(scene) for scene in scenes])
            self._put(part, to_tensor([render(scene) for scene in scenes]), labels, [s.caption for s in scenes])

    def fill(self, number: int, workers: int | None = None) -> None:
        """Encode scenes 0 … `number` − 1 where they are missing: rendered by processes, encoded on the VAE's device."""
        device = next(self._vae.parameters()).device
        for part in rendered(np.flatnonzero(self._ready[:number] == 0), self._mixture_of, workers):
            pixels = torch.from_numpy(part.pictures[..., :3]).to(device).permute(0, 3, 1, 2)
            self._put(part.indices, pixels.float().div(127.5).sub(1.0), part.labels, part.captions)

    def num_ready(self, start: int = 0) -> int:
        """How many scenes are ready without a gap, where those before `start` are known to be."""
        gaps = np.flatnonzero(self._ready[start:] == 0)
        return start + int(gaps[0]) if len(gaps) else self.capacity

    @torch.no_grad()
    def _put(self, indices: np.ndarray, images: torch.Tensor, labels: np.ndarray, captions: list[str]) -> None:
        means = self._vae.encode(images).latent_dist.mean
        self._latents[indices] = means.cpu().numpy().astype(np.float16)
        self._labels[indices] = labels
        coded = [caption.encode() for caption in captions]
        assert max(map(len, coded)) <= CAPTION_BYTES
        self._captions[indices] = coded
        self._ready[indices] = 1

    def batch(self, indices: np.ndarray | slice) -> tuple[torch.Tensor, torch.Tensor, list[str]]:
        """Latents float16 (B, 8, 16, 16), labels uint8 (B, 3, 16, 16) and captions of scenes that are ready."""
        latents, labels = np.array(self._latents[indices]), np.array(self._labels[indices])
        return torch.from_numpy(latents), torch.from_numpy(labels), [c.decode() for c in self._captions[indices]]

    def draw(self, rng: np.random.Generator, step: int, number: int) -> tuple[torch.Tensor, torch.Tensor, list[str]]:
        """The batch of a step: `FRESH` new scenes while there is room, the others are old; some captions are empty.

        Returns:
            As `batch`, latents float32.
        """
        size = min(self.capacity, FIRST_POOL + FRESH * step)
        fresh = np.arange(size, min(self.capacity, size + FRESH))
        old = rng.integers(0, size, number - len(fresh))
        indices = np.concatenate([fresh, old])
        self.ensure(indices)
        latents, labels, captions = self.batch(indices)
        return latents.float(), labels, ["" if rng.random() < EMPTY_CAPTIONS else c for c in captions]

    def _scene(self, index: int) -> Scene:
        return scene_of_seed(index, self._mixture_of(index))


def _mapped(file: Path, kind: type[np.generic] | np.dtype, shape: tuple[int, ...]) -> np.memmap:
    """A file as an array; what is not written yet is zero and takes no room on most disks."""
    size = int(np.prod(shape)) * np.dtype(kind).itemsize
    with file.open("ab") as handle:
        handle.truncate(max(size, file.stat().st_size))
    return np.memmap(file, kind, "r+", shape=shape)


@torch.no_grad()
def normalise_latents(vae: AutoencoderKL, mixture: Mixture, number: int = 512) -> None:
    """Fold mean 0 and deviation 1 of every latent channel into the two 1×1 convolutions, exactly.

    diffusers' pipelines know one factor for all channels; ours differ in mean and spread, which would
    leave the noise schedule wrong for each. Afterwards `scaling_factor` is 1.
    """
    parts = []
    for start in range(0, number, 16):
        images = to_tensor([render(scene_of_seed(i, mixture)) for i in range(start, start + 16)])
        parts.append(vae.encode(images).latent_dist.mean)
    latents = torch.cat(parts)
    mean, std = latents.mean((0, 2, 3)), latents.std((0, 2, 3))
    channels = len(mean)
    into, out = vae.quant_conv, vae.post_quant_conv
    into.weight[:channels] /= std.view(-1, 1, 1, 1)
    into.bias[:channels] = (into.bias[:channels] - mean) / std
    into.bias[channels:] -= 2 * std.log()
    out.bias += (out.weight[..., 0, 0] * mean).sum(1)
    out.weight *= std.view(1, -1, 1, 1)
    vae.register_to_config(scaling_factor=1.0)
