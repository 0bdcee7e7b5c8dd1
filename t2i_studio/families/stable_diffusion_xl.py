"""Stable Diffusion XL: a U-Net whose text comes from two CLIP encoders, joined feature by feature.

Both tokenizers put a word at the same column, so there is one column set; what SDXL adds (pooled
text, sizes) the pipeline passes by itself.
"""

from __future__ import annotations

# diffusers annotates its constructors more narrowly than what they take.
# pyright: reportArgumentType=false
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

import torch
from diffusers import AutoencoderKL, EulerDiscreteScheduler, StableDiffusionXLPipeline, UNet2DConditionModel
from transformers import CLIPTextModel, CLIPTextModelWithProjection

from .checkpoints import load_pipeline
from .stable_diffusion import StableDiffusion, tiny_clip_config
from .tiny_tokenizer import tiny_clip_tokenizer

if TYPE_CHECKING:
    from pathlib import Path

    from diffusers import DiffusionPipeline


class StableDiffusionXL(StableDiffusion):
    """SDXL base and its fine-tunes. Loss grid at 1024 px: 32×32."""

    name = "stable-diffusion-xl"

    def matches(self, index: dict[str, Any]) -> bool:
        """A `StableDiffusionXLPipeline` folder."""
        return index.get("_class_name") == "StableDiffusionXLPipeline"

    def keeps(self, keys: Collection[str]) -> bool:
        """Two text encoders; the refiner has one."""
        return any(key.startswith("conditioner.embedders.1.") for key in keys)

    def is_denoised_by(self, pipe: DiffusionPipeline) -> bool:
        """A U-Net with two text encoders."""
        unet = getattr(pipe, "unet", None)
        return isinstance(unet, UNet2DConditionModel) and getattr(pipe, "text_encoder_2", None) is not None

    def load(self, source: Path | str, dtype: torch.dtype) -> DiffusionPipeline:
        """Load without ever opening a pickle; without the invisible watermark, which needs a package of its own."""
        return load_pipeline(StableDiffusionXLPipeline, source, dtype, add_watermarker=False)

    def tiny(self, seed: int = 0) -> DiffusionPipeline:
        """128 px pictures, 16×16 latents; attention from the second level on, as in SDXL."""
        torch.manual_seed(seed)
        tokenizer = tiny_clip_tokenizer(num_columns=24)
        text = CLIPTextModel(tiny_clip_config(tokenizer, width=16))
        text_2 = CLIPTextModelWithProjection(tiny_clip_config(tokenizer, width=32))
        unet = UNet2DConditionModel(
            sample_size=16, in_channels=4, out_channels=4, block_out_channels=(16, 32), layers_per_block=1,
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
            transformer_layers_per_block=(1, 2), cross_attention_dim=48, attention_head_dim=(2, 4), norm_num_groups=8,
            use_linear_projection=True, addition_embed_type="text_time", addition_time_embed_dim=8,
            projection_class_embeddings_input_dim=6 * 8 + 32,
        )  # fmt: skip
        vae = AutoencoderKL(
            block_out_channels=(8, 8, 8, 8), latent_channels=4, norm_num_groups=4, layers_per_block=1,
            down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4,
            sample_size=128, force_upcast=True,
        )  # fmt: skip
        scheduler = EulerDiscreteScheduler(
            beta_start=0.00085,
            beta_end=0.012,
            beta_schedule="scaled_linear",
            timestep_spacing="leading",
            steps_offset=1,
        )
        pipe = StableDiffusionXLPipeline(
            vae=vae, text_encoder=text, text_encoder_2=text_2, tokenizer=tokenizer, tokenizer_2=tokenizer, unet=unet,
            scheduler=scheduler, add_watermarker=False,
        )  # fmt: skip
        for module in (text, text_2, unet, vae):
            module.eval()
        return pipe

    def text_inputs(self, pipe: DiffusionPipeline, prompts: Sequence[str], height: int, width: int) -> dict[str, Any]:
        """Joined text features; the pooled text and the sizes of an uncropped picture beside them."""
        text, _, pooled, _ = pipe.encode_prompt(
            prompt=list(prompts), device=pipe._execution_device, do_classifier_free_guidance=False
        )
        size = (height, width)
        times = pipe._get_add_time_ids(size, (0, 0), size, text.dtype, int(pipe.text_encoder_2.config.projection_dim))
        added = {"text_embeds": pooled, "time_ids": times.to(text.device).repeat(len(prompts), 1)}
        return {"encoder_hidden_states": text, "added_cond_kwargs": added}
