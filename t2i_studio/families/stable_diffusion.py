"""Stable Diffusion 1.x and 2.x, and the embedded emoji-unet: a U-Net with cross-attention.

Sites are the `attn2` modules; rows are image queries, columns the text encoder's tokens.
"""

from __future__ import annotations

# diffusers annotates its constructors more narrowly than what they take.
# pyright: reportArgumentType=false
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

import torch
from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from diffusers.models.attention_processor import (
    AttnProcessor,
    AttnProcessor2_0,
    SlicedAttnProcessor,
    XFormersAttnProcessor,
)
from transformers import CLIPTextConfig, CLIPTextModel

from ..errors import CaptureError, SettingError
from ..types import Grid, Site
from .base import Attended, CapturingProcessor, ColumnSet, Family, Sink
from .checkpoints import load_pipeline
from .tiny_tokenizer import tiny_clip_tokenizer

if TYPE_CHECKING:
    from pathlib import Path

    from diffusers import DiffusionPipeline
    from torch import nn

_READABLE = (AttnProcessor, AttnProcessor2_0, SlicedAttnProcessor, XFormersAttnProcessor)
_LOSS_CELLS = 16
"""Losses use the coarsest level with at least this many rows at the model's own size."""


class CrossCapturingProcessor(CapturingProcessor):
    """Runs the original processor untouched, and works out queries and keys of the same call once more."""

    def __call__(
        self,
        attn: Any,
        hidden_states: torch.Tensor,
        encoder_hidden_states: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        temb: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """The original's output, unchanged."""
        if encoder_hidden_states is None:
            raise CaptureError(f"{self.site.name} got no text.", "This model calls it as self-attention.")
        if attention_mask is not None:
            raise CaptureError(
                f"{self.site.name} runs with a text mask.", "Run without encoder_attention_mask to record maps."
            )
        out = self.original(attn, hidden_states, encoder_hidden_states, attention_mask, temb)
        query, key = _queries_and_keys(attn, hidden_states, encoder_hidden_states)
        self.sink(self.site, Attended(query, key))
        return out


def _queries_and_keys(attn: Any, hidden: torch.Tensor, text: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """What the processor multiplies: query (B, H, Q, D) and key (B, H, K, D)."""
    if hidden.ndim == 4:
        hidden = hidden.flatten(2).transpose(1, 2)
    if attn.group_norm is not None:
        hidden = attn.group_norm(hidden.transpose(1, 2)).transpose(1, 2)
    if attn.norm_cross:
        text = attn.norm_encoder_hidden_states(text)
    query = attn.to_q(hidden).unflatten(-1, (attn.heads, -1)).transpose(1, 2)
    key = attn.to_k(text).unflatten(-1, (attn.heads, -1)).transpose(1, 2)
    if attn.norm_q is not None:
        query = attn.norm_q(query)
    if attn.norm_k is not None:
        key = attn.norm_k(key)
    return query, key


class StableDiffusion(Family):
    """SD 1.x, 2.x, emoji-unet."""

    name = "stable-diffusion"

    def matches(self, index: dict[str, Any]) -> bool:
        """A `StableDiffusionPipeline` folder."""
        return index.get("_class_name") == "StableDiffusionPipeline"

    def keeps(self, keys: Collection[str]) -> bool:
        """One text encoder beside the U-Net, as its authors named it."""
        return any(key.startswith("cond_stage_model.") for key in keys)

    def is_denoised_by(self, pipe: DiffusionPipeline) -> bool:
        """A U-Net with one text encoder."""
        unet = getattr(pipe, "unet", None)
        return isinstance(unet, UNet2DConditionModel) and getattr(pipe, "text_encoder_2", None) is None

    def load(self, source: Path | str, dtype: torch.dtype) -> DiffusionPipeline:
        """Load without safety checker and without ever opening a pickle."""
        return load_pipeline(StableDiffusionPipeline, source, dtype, safety_checker=None, requires_safety_checker=False)

    def tiny(self, seed: int = 0) -> DiffusionPipeline:
        """64 px pictures, 8×8 latents at two levels of cross-attention; a few 100 kB."""
        torch.manual_seed(seed)
        tokenizer = tiny_clip_tokenizer(num_columns=24)
        text = CLIPTextModel(tiny_clip_config(tokenizer, width=32))
        unet = UNet2DConditionModel(
            sample_size=16, in_channels=4, out_channels=4, block_out_channels=(16, 32), layers_per_block=1,
            down_block_types=("CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D"),
            cross_attention_dim=32, attention_head_dim=2, norm_num_groups=8,
        )  # fmt: skip
        vae = AutoencoderKL(
            block_out_channels=(8, 8, 8, 8), latent_channels=4, norm_num_groups=4, layers_per_block=1,
            down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4,
            sample_size=128,
        )  # fmt: skip
        scheduler = DDIMScheduler(
            beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False,
            set_alpha_to_one=False, steps_offset=1,
        )  # fmt: skip
        pipe = StableDiffusionPipeline(
            vae=vae, text_encoder=text, tokenizer=tokenizer, unet=unet, scheduler=scheduler,
            safety_checker=None, feature_extractor=None, requires_safety_checker=False,
        )  # fmt: skip
        for module in (text, unet, vae):
            module.eval()
        return pipe

    def denoiser(self, pipe: DiffusionPipeline) -> nn.Module:
        """The U-Net."""
        return pipe.unet

    def sites(self, denoiser: nn.Module, height: int, width: int) -> tuple[Site, ...]:
        """Every `attn2`, down to up."""
        modules = dict(denoiser.named_modules())
        found = []
        for name in sorted((n for n in modules if n.endswith(".attn2")), key=_order(denoiser)):
            level = _level(denoiser, name)
            group = name.split("_block", 1)[0]
            grid = _grid(height, width, level)
            found.append(Site(name, group, modules[name].heads, grid))
        if not found:
            raise CaptureError("This U-Net has no cross-attention.", "Choose a text-to-image model.")
        return tuple(found)

    def loss_grid(self, denoiser: nn.Module, height: int, width: int) -> Grid:
        """SD at 512 px: 16×16 (down and up blocks); emoji-unet: 16×16."""
        own = _own_rows(denoiser)
        levels = sorted({_level(denoiser, s.name) for s in self.sites(denoiser, height, width) if s.group != "mid"})
        fine = [level for level in levels if own >> level >= _LOSS_CELLS]
        return _grid(height, width, max(fine) if fine else levels[0])

    def default_sites(self, denoiser: nn.Module, height: int, width: int) -> tuple[Site, ...]:
        """Down and up blocks at the loss grid."""
        grid = self.loss_grid(denoiser, height, width)
        return tuple(s for s in self.sites(denoiser, height, width) if s.grid == grid and s.group != "mid")

    def processor(self, original: Any, site: Site, sink: Sink) -> CrossCapturingProcessor:
        """Wraps diffusers' own processors; refuses those that get more than text."""
        if type(original) not in _READABLE:
            raise CaptureError(
                f"{type(original).__name__} at {site.name} computes attention that can't be read exactly.",
                "Call pipe.unload_ip_adapter() or pipe.unfuse_qkv_projections(), whichever it was.",
            )
        return CrossCapturingProcessor(original, site, sink)

    def column_sets(self, pipe: DiffusionPipeline) -> tuple[ColumnSet, ...]:
        """One set: CLIP's."""
        return (ColumnSet("clip", pipe.tokenizer, 0, int(pipe.tokenizer.model_max_length)),)

    def text_inputs(self, pipe: DiffusionPipeline, prompts: Sequence[str], height: int, width: int) -> dict[str, Any]:
        """The text encoder's features."""
        text, _ = pipe.encode_prompt(list(prompts), pipe._execution_device, 1, do_classifier_free_guidance=False)
        return {"encoder_hidden_states": text}

    def noised(self, pipe: DiffusionPipeline, latents: Any, noise: Any, timesteps: torch.Tensor) -> Any:
        """`√ᾱ x + √(1 − ᾱ) ε`, whatever scheduler samples; timesteps are whole."""
        kept = pipe.scheduler.alphas_cumprod.to(latents.device)[timesteps.long()].view(-1, 1, 1, 1)
        return (kept.sqrt() * latents + (1 - kept).sqrt() * noise).to(latents.dtype)

    def target(self, pipe: DiffusionPipeline, latents: Any, noise: Any, timesteps: torch.Tensor) -> Any:
        """`ε`, or `√ᾱ ε − √(1 − ᾱ) x` for v-prediction (arXiv 2202.00512)."""
        kind = pipe.scheduler.config.prediction_type
        if kind == "epsilon":
            return noise
        kept = pipe.scheduler.alphas_cumprod.to(latents.device)[timesteps.long()].view(-1, 1, 1, 1)
        if kind == "v_prediction":
            return (kept.sqrt() * noise - (1 - kept).sqrt() * latents).to(latents.dtype)
        raise SettingError(f"This model predicts {kind}.", "Models that predict epsilon or v can be taught.", "model")

    def draw_timesteps(self, pipe: DiffusionPipeline, number: int, generator: torch.Generator) -> torch.Tensor:
        """Uniform."""
        return torch.randint(0, int(self.last_timestep(pipe)) + 1, (number,), generator=generator)

    def draw_below(
        self, pipe: DiffusionPipeline, limits: torch.Tensor, cap: float, generator: torch.Generator
    ) -> torch.Tensor:
        """Uniform over whole timesteps below the limit; 0 where none is."""
        top = limits.double().clamp_max(cap * (self.last_timestep(pipe) + 1))
        return (torch.rand(len(limits), generator=generator, dtype=torch.float64) * top).floor().long()

    def text_encoders(self, pipe: DiffusionPipeline) -> dict[str, nn.Module]:
        """CLIP; both of them in SDXL."""
        return {name: getattr(pipe, name) for name in ("text_encoder", "text_encoder_2") if hasattr(pipe, name)}

    def timestep(self, value: float) -> float:
        """Whole ones."""
        return float(round(value))

    def last_timestep(self, pipe: DiffusionPipeline) -> float:
        """999 for the models there are."""
        return float(pipe.scheduler.config.num_train_timesteps - 1)


def tiny_clip_config(tokenizer: Any, width: int) -> CLIPTextConfig:
    """Configuration of a text encoder for tests."""
    return CLIPTextConfig(
        vocab_size=len(tokenizer), hidden_size=width, intermediate_size=2 * width, num_hidden_layers=2,
        num_attention_heads=2, max_position_embeddings=tokenizer.model_max_length, projection_dim=width,
        bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id,
    )  # fmt: skip


def _own_rows(denoiser: Any) -> int:
    size = denoiser.config.sample_size
    return int(size[0] if isinstance(size, list | tuple) else size)


def _level(denoiser: Any, name: str) -> int:
    """How often the latents were halved where this module sits."""
    last = len(denoiser.config.block_out_channels) - 1
    if name.startswith("mid_block"):
        return last
    index = int(name.split(".")[1])
    return index if name.startswith("down_blocks") else last - index


def _order(denoiser: nn.Module) -> Any:
    groups = {"down_blocks": 0, "mid_block": 1, "up_blocks": 2}
    names = {name: i for i, (name, _) in enumerate(denoiser.named_modules())}
    return lambda name: (groups[name.split(".")[0]], names[name])


def _grid(height: int, width: int, level: int) -> Grid:
    """Each stride-2 convolution rounds up."""
    for _ in range(level):
        height, width = -(-height // 2), -(-width // 2)
    return height, width
