"""emoji-unet: a text encoder and a U-Net with cross-attention, trained together on encoded scenes.

v-prediction like SD 2.1, with a schedule that ends at pure noise, so that a sampler which starts
there sees what training saw.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from ..captions import Mixture
from .batches import Batches
from .device import CPU, Device
from .export import write_pipeline
from .latents import LatentPool
from .loop import Plan
from .semantics import WEIGHT, Semantics, Tap
from .thirds import by_third
from .tokenizer import NUM_COLUMNS

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from torch import nn

PLAN = Plan(
    total_steps=60_000, batch_size=16, learning_rate=1e-3, warmup_steps=200, ema_decay=0.998, seed=21,
    weight_decay=0.01, cycle_steps=4_000, cooldown_steps=1_000, optimizer="muon",
)  # fmt: skip
MIXTURE = Mixture(single=0.62, pair=0.28, triple=0.02, count=0.04, relation=0.04, coloured=0.3)
HARD = ("chair", "elephant", "bird", "rabbit", "glasses")
"""Thin, pale or lopsided: at 432,000 samples the matcher found less than a third of those that were asked for."""
LATER = Mixture(single=0.28, pair=0.40, triple=0.05, count=0.12, relation=0.15, coloured=0.4, often=HARD)
LATER_FROM = 42_000
"""First what each noun looks like, then how they stand together: scenes from this number on are of `LATER`."""
TEXT_WIDTH, TEXT_LAYERS = 160, 3


def new_text_encoder(tokenizer: CLIPTokenizer) -> CLIPTextModel:
    """An untrained text encoder: 3 layers, 160 wide."""
    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(tokenizer), hidden_size=TEXT_WIDTH, intermediate_size=4 * TEXT_WIDTH,
            num_hidden_layers=TEXT_LAYERS, num_attention_heads=4, max_position_embeddings=NUM_COLUMNS,
            projection_dim=TEXT_WIDTH, hidden_act="gelu", bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id,
        )
    )  # fmt: skip


def new_unet() -> UNet2DConditionModel:
    """An untrained U-Net: cross-attention at 16×16 and 8×8."""
    return UNet2DConditionModel(
        sample_size=16, in_channels=8, out_channels=8, block_out_channels=(64, 128), layers_per_block=1,
        down_block_types=("CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D"),
        cross_attention_dim=TEXT_WIDTH, attention_head_dim=4, norm_num_groups=16,
    )  # fmt: skip


def new_scheduler() -> DDIMScheduler:
    """SD 2.1's betas, rescaled so that the last step is pure noise."""
    return DDIMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False,
        set_alpha_to_one=True, steps_offset=0, prediction_type="v_prediction",
        rescale_betas_zero_snr=True, timestep_spacing="trailing",
    )  # fmt: skip


def mixture_of(index: int) -> Mixture:
    """The distribution that training scene number `index` is drawn from."""
    return MIXTURE if index < LATER_FROM else LATER


class UnetTask:
    """Mean squared error of v at uniform timesteps, and what stands where; a tenth of the captions empty."""

    def __init__(self, vae: AutoencoderKL, tokenizer: CLIPTokenizer, folder: Path, device: Device = CPU) -> None:
        torch.manual_seed(1)
        self.text_encoder, self.unet = new_text_encoder(tokenizer), new_unet()
        self.semantics = Semantics(self.unet.config.block_out_channels[-1])
        self.modules: dict[str, nn.Module] = {
            "unet": self.unet, "text_encoder": self.text_encoder, "semantics": self.semantics,
        }  # fmt: skip
        self.tap = Tap(self.unet.up_blocks[0], pick=lambda grid: grid.flatten(2).mT)
        self.vae, self.tokenizer, self.scheduler = vae.eval().requires_grad_(False), tokenizer, new_scheduler()
        for module in (*self.modules.values(), self.vae):
            module.to(device.device)
        self._device = device
        pool = LatentPool(folder / "latents", self.vae, mixture_of)
        self.batches = Batches(pool, self.tokens, device.batch_size or PLAN.batch_size, device.device, device.shelf)

    def loss(
        self, rng: np.random.Generator, generator: torch.Generator, step: int
    ) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """Loss of one batch; logs it for low, middle and high noise apart."""
        latents, labels, tokens = self.batches.draw(rng, generator, step)
        latents = latents * self.vae.config.scaling_factor
        timesteps = torch.randint(0, 1000, (len(latents),), generator=generator, device=latents.device)
        noise = torch.randn(latents.shape, generator=generator, device=latents.device)
        noisy = self.scheduler.add_noise(latents, noise, timesteps)
        target = self.scheduler.get_velocity(latents, noise, timesteps)
        with self._device.autocast():
            text = self.text_encoder(tokens["clip"]).last_hidden_state
            out = self.unet(noisy, timesteps, text).sample
        each = F.mse_loss(out.float(), target, reduction="none").mean((1, 2, 3))
        told = self.semantics.loss(self.tap.taken(), labels)
        logged = {"loss": each.detach().mean(), "told": told.detach()}
        logged |= by_third(each, timesteps / 1000)
        return each.mean() + WEIGHT * told, logged

    def tokens(self, captions: list[str]) -> dict[str, torch.Tensor]:
        """int64 (B, K), padded as the pipeline pads."""
        tokens = self.tokenizer(
            captions, padding="max_length", max_length=NUM_COLUMNS, truncation=True, return_tensors="pt"
        )
        return {"clip": tokens.input_ids}

    def pipeline(self) -> StableDiffusionPipeline:
        """The current weights as a plain pipeline."""
        pipe = StableDiffusionPipeline(
            vae=self.vae, text_encoder=self.text_encoder, tokenizer=self.tokenizer, unet=self.unet,
            scheduler=new_scheduler(), safety_checker=None, feature_extractor=None,
            requires_safety_checker=False,
        )  # fmt: skip
        pipe.set_progress_bar_config(disable=True)
        return pipe

    def preview(self, ema: dict[str, nn.Module], folder: Path, step: int) -> None:
        """A contact sheet of fixed prompts and seeds."""
        from .sheets import PREVIEW_PROMPTS, contact_sheet

        contact_sheet(self.pipeline(), PREVIEW_PROMPTS, steps=20, guidance_scale=4.0).save(folder / "sheet.png")


def export(task: UnetTask, folder: Path) -> None:
    """Write the pipeline folder that ships; the tokenizer's own files lie there already."""
    write_pipeline(task.pipeline(), folder)
