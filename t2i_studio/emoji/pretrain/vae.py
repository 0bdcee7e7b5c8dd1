"""The autoencoder of the embedded models: 128 px pictures ↔ 8×16×16 latents.

Two phases: `joint` trains encoder and decoder and fixes the latent space for good; `decoder` then
sharpens the decoder alone, so that models on the same latents stay valid.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL
from PIL import Image

from ...config import ASSETS
from ..captions import Mixture
from ..scenes import SCENE_SIZE, masks, render, sample_scene, scene_of_seed
from .colour_path import carry_colours
from .device import CPU, Device
from .loop import Plan

if TYPE_CHECKING:
    from pathlib import Path

    from torch import nn

    from ..scenes import Scene

CROPS = {"joint": 64, "decoder": SCENE_SIZE}
"""Pixels of a training picture: crops for speed, then whole scenes, whose norms differ from crops'."""
OBJECT_WEIGHTS = {"joint": 3.0, "decoder": 10.0}
"""Of an object's pixels against the background's, which is five sixths of a scene and soon learnt."""
KL_WEIGHT = 2e-3
EDGE_WEIGHTS = {"joint": 0.05, "decoder": 1.0}
LATENT_NOISE = {"joint": 0.0, "decoder": 0.25}
"""Most Gaussian noise on the latents (whose deviation is 1) that the decoder learns to see through: what a
denoiser hands it is never quite a latent of the encoder."""
BOTH_WAYS = Mixture(mirrored=0.5)
"""Whatever is encoded later, objects may stand either way round in it."""
COLOUR_WEIGHT = 2.0
"""Weight of the error averaged over 8×8 pixels: flat colours, which are learnt last otherwise."""

FIRST_SCENE = 5_000_000
"""Scenes that the decoder learns from on a GPU are numbered from here: others than the models learn from."""

PLANS = {
    "joint": Plan(total_steps=2800, batch_size=8, learning_rate=1e-3, schedule="cosine", seed=11, warmup_steps=50),
    "decoder": Plan(
        total_steps=30_000,
        batch_size=4,
        learning_rate=1e-3,
        warmup_steps=100,
        cycle_steps=1_500,
        cooldown_steps=600,
        ema_decay=0.998,
        seed=12,
    ),
}


def new_vae() -> AutoencoderKL:
    """The untrained autoencoder: thin where the resolution is high, no attention."""
    torch.manual_seed(0)
    vae = AutoencoderKL(
        in_channels=3,
        out_channels=3,
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(16, 32, 64, 128),
        layers_per_block=1,
        latent_channels=8,
        norm_num_groups=4,
        mid_block_add_attention=False,
        sample_size=SCENE_SIZE,
    )
    carry_colours(vae)
    return vae.to(memory_format=torch.channels_last)


def shipped_vae() -> Any:
    """The `AutoencoderKL` that ships, float32."""
    return AutoencoderKL.from_pretrained(ASSETS / "emoji-unet" / "vae", dtype=torch.float32).eval()


def to_tensor(pictures: list[Image.Image]) -> torch.Tensor:
    """RGB pictures of one size → float32 (B, 3, Y, X) in [-1, 1], channels last."""
    array = np.stack([np.asarray(p.convert("RGB")) for p in pictures])
    tensor = torch.from_numpy(array).permute(0, 3, 1, 2).float().div(127.5).sub(1.0)
    return tensor.contiguous(memory_format=torch.channels_last)


def to_pictures(images: torch.Tensor) -> list[Image.Image]:
    """float (B, 3, Y, X) in [-1, 1] → RGB pictures."""
    array = images.clamp(-1, 1).add(1).mul(127.5).round().byte().permute(0, 2, 3, 1).numpy()
    return [Image.fromarray(a) for a in array]


class VaeTask:
    """Crops centred on objects; L1 + L2 + edges, object pixels weighted; KL in the joint phase."""

    def __init__(self, phase: str, start: AutoencoderKL | None = None, device: Device = CPU) -> None:
        self.vae = (start or new_vae()).to(device.device)
        self.plan = PLANS[phase]
        self.joint = phase == "joint"
        self.object_weight = OBJECT_WEIGHTS[phase]
        self.crop, self.edge_weight, self.noise = CROPS[phase], EDGE_WEIGHTS[phase], LATENT_NOISE[phase]
        if not self.joint:
            self.vae.encoder.requires_grad_(False)
            self.vae.quant_conv.requires_grad_(False)
        self.modules: dict[str, nn.Module] = {"vae": self.vae}
        self.batch_size = device.batch_size or self.plan.batch_size
        self._scenes = None if device.device.type == "cpu" else _rendered(device)

    def loss(
        self, rng: np.random.Generator, generator: torch.Generator, step: int
    ) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """Loss of one batch of crops; logs the mean absolute error on [-1, 1]."""
        images, weight = self._draw(rng, generator)
        with torch.set_grad_enabled(self.joint):
            posterior = self.vae.encode(images).latent_dist
        latents = posterior.sample(generator)
        if self.noise:
            sigma = self.noise * torch.rand(len(latents), 1, 1, 1, generator=generator, device=latents.device)
            latents = latents + sigma * torch.randn(latents.shape, generator=generator, device=latents.device)
        out = self.vae.decode(latents).sample
        error = out - images
        pixel = (weight * (error.abs() + error.square())).mean()
        edges = (error.diff(dim=-1).abs() * weight[..., 1:]).mean() + (
            error.diff(dim=-2).abs() * weight[..., 1:, :]
        ).mean()
        colour = F.avg_pool2d(error, 8)
        colour = (colour.abs() + 2 * colour.square()).mean()
        loss = pixel + self.edge_weight * edges + COLOUR_WEIGHT * colour
        logged = {"mae": error.detach().abs().mean()}
        if self.joint:
            kl = posterior.kl().mean() / latents[0].numel()
            loss = loss + KL_WEIGHT * kl
            logged["kl"] = kl.detach()
            logged["std"] = posterior.mean.detach().std()
        return loss, logged

    def _draw(self, rng: np.random.Generator, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        """Pictures in [-1, 1] (B, 3, Y, X) and the weight of each pixel (B, 1, Y, X)."""
        if self._scenes is None:
            return _batch(rng, self.batch_size, self.crop, self.object_weight)
        device = self._scenes.device
        chosen = torch.randint(0, len(self._scenes), (self.batch_size,), generator=generator, device=device)
        pixels = self._scenes[chosen].permute(0, 3, 1, 2).float()
        images, solid = pixels[:, :3].div(127.5).sub(1.0), pixels[:, 3:] / 255
        return images.contiguous(memory_format=torch.channels_last), 1.0 + (self.object_weight - 1.0) * solid

    def preview(self, ema: dict[str, nn.Module], folder: Path, step: int) -> None:
        """Pairs of pictures and their reconstructions."""
        save_pairs(self.vae, folder / "pairs.png")


def _rendered(device: Device) -> torch.Tensor:
    """Whole scenes on the device: uint8 (N, Y, X, 4), as `rendering.Rendered` has them."""
    from .rendering import rendered

    numbers = FIRST_SCENE + np.arange(device.shelf)
    return torch.cat([torch.from_numpy(part.pictures).to(device.device) for part in rendered(numbers, _both_ways)])


def _both_ways(_: int) -> Mixture:
    return BOTH_WAYS


def _batch(rng: np.random.Generator, number: int, crop: int, object_weight: float) -> tuple[torch.Tensor, torch.Tensor]:
    pictures, weights = [], []
    for _ in range(number):
        scene = sample_scene(rng, BOTH_WAYS)
        x, y = _corner(scene, rng, crop)
        solid = masks(scene).any(0)[y : y + crop, x : x + crop]
        pictures.append(render(scene).crop((x, y, x + crop, y + crop)))
        weights.append(1.0 + (object_weight - 1.0) * solid)
    weight = torch.from_numpy(np.stack(weights)).float().unsqueeze(1)
    return to_tensor(pictures), weight


def _corner(scene: Scene, rng: np.random.Generator, crop: int) -> tuple[int, int]:
    """Upper left corner of a crop that is centred near one object."""
    box = scene.objects[int(rng.integers(len(scene.objects)))].box
    corner = []
    for low, high in ((box[0], box[2]), (box[1], box[3])):
        centre = (low + high) / 2 + rng.uniform(-16, 16)
        corner.append(int(np.clip(round(centre - crop / 2), 0, SCENE_SIZE - crop)))
    return corner[0], corner[1]


@torch.no_grad()
def measure(vae: AutoencoderKL, number: int = 64, first_seed: int = 10_000_000) -> dict[str, float]:
    """Mean absolute error on [-1, 1] over whole held-out scenes, and on object pixels alone."""
    scenes = [scene_of_seed(first_seed + i, BOTH_WAYS) for i in range(number)]
    images = to_tensor([render(s) for s in scenes])
    error = (reconstruct(vae, images) - images).abs().mean(1)
    solid = torch.from_numpy(np.stack([masks(s).any(0) for s in scenes]))
    return {
        "mae": float(error.mean()),
        "mae_object": float(error[solid].mean()),
        "mae_background": float(error[~solid].mean()),
    }


@torch.no_grad()
def reconstruct(vae: AutoencoderKL, images: torch.Tensor) -> torch.Tensor:
    """Encode to the posterior's mean and decode, in batches of 16."""
    device = next(vae.parameters()).device
    parts = [vae.decode(vae.encode(x.to(device)).latent_dist.mean).sample.cpu() for x in images.split(16)]
    return torch.cat(parts)


def save_pairs(vae: AutoencoderKL, file: Path, number: int = 16) -> None:
    """A sheet: rows of held-out scenes, each above its reconstruction."""
    images = to_tensor([render(scene_of_seed(10_000_000 + i, BOTH_WAYS)) for i in range(number)])
    originals, results = to_pictures(images), to_pictures(reconstruct(vae, images))
    columns = 8
    rows = -(-number // columns)
    sheet = Image.new("RGB", (columns * SCENE_SIZE, rows * 2 * SCENE_SIZE))
    for i, (one, other) in enumerate(zip(originals, results, strict=True)):
        x, y = i % columns * SCENE_SIZE, i // columns * 2 * SCENE_SIZE
        sheet.paste(one, (x, y))
        sheet.paste(other, (x, y + SCENE_SIZE))
    sheet.save(file)
