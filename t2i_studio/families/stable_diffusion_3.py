"""Stable Diffusion 3 and 3.5: a transformer in which picture and text attend to each other (MM-DiT).

Sites are the joint attentions of its blocks. Rows are image queries, columns the text keys of the
same softmax, which runs over image keys too: CLIP's columns first, then T5's.
"""

from __future__ import annotations

# diffusers annotates its constructors more narrowly than what they take.
# pyright: reportArgumentType=false
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from diffusers import (
    AutoencoderKL,
    FlowMatchEulerDiscreteScheduler,
    SD3Transformer2DModel,
    StableDiffusion3Pipeline,
)
from diffusers.models.attention_processor import JointAttnProcessor2_0
from torch.overrides import TorchFunctionMode
from transformers import CLIPTextModelWithProjection, T5Config, T5EncoderModel

from ..errors import CaptureError
from ..types import Grid, Site
from .base import Attended, CapturingProcessor, ColumnSet, Family, Sink
from .checkpoints import load_pipeline
from .fused import attention_with_lse
from .stable_diffusion import tiny_clip_config
from .tiny_tokenizer import tiny_clip_tokenizer, tiny_t5_tokenizer

if TYPE_CHECKING:
    from pathlib import Path

    from diffusers import DiffusionPipeline
    from torch import nn

T5_COLUMNS = 256
"""`max_sequence_length` of the pipeline where nobody asks for another; a tokenizer may say less."""
MEANINGFUL = {
    (24, False): (5, 7, 8, 9),  # SD3-medium
    (24, True): (5, 7, 8, 9, 10),  # SD3.5-medium, which has dual attention
    (38, False): (16, 18, 20, 21, 24),  # SD3.5-large
    (6, False): (2,),  # emoji-mmdit, measured: docs/maps.md
}
"""(number of blocks, dual attention) → blocks in which words sit best, as several works found for SD 3."""


class JointCapturingProcessor(CapturingProcessor):
    """Runs the original processor, and takes queries, keys and log-sum-exp from its one attention."""

    def __call__(
        self,
        attn: Any,
        hidden_states: torch.Tensor,
        encoder_hidden_states: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
    ) -> Any:
        """The original's output, unchanged."""
        if encoder_hidden_states is None:
            raise CaptureError(f"{self.site.name} got no text.", "This model calls it as self-attention.")
        with _Listening() as heard:
            out = self.original(attn, hidden_states, encoder_hidden_states, attention_mask)
        if heard.query is None or heard.key is None:
            raise CaptureError(
                f"{self.site.name} did not use PyTorch's fused attention.", "Use its default attention processor."
            )
        image = hidden_states.shape[1]
        lse = None if heard.lse is None else heard.lse[:, :, :image]
        self.sink(self.site, Attended(heard.query[:, :, :image], heard.key, image, lse))
        return out


class _Listening(TorchFunctionMode):
    """While open, attention also leaves its queries, keys and log-sum-exp here; the result is the kernel's own."""

    query: torch.Tensor | None = None
    key: torch.Tensor | None = None
    lse: torch.Tensor | None = None

    def __torch_function__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        kwargs = kwargs or {}
        if func is not F.scaled_dot_product_attention:
            return func(*args, **kwargs)
        self.query, self.key, value = args[:3]
        plain = not any(kwargs.get(name) for name in ("dropout_p", "is_causal", "enable_gqa"))
        if len(args) > 3 or kwargs.get("attn_mask") is not None or not plain:
            raise CaptureError("This attention has a mask, dropout or groups.", "Use the model's default attention.")
        out, self.lse = attention_with_lse(self.query, self.key, value, kwargs.get("scale"))
        return out


class StableDiffusion3(Family):
    """SD 3 medium, SD 3.5 medium and large, emoji-mmdit."""

    name = "stable-diffusion-3"
    joint_softmax = True
    denoiser_name = "transformer"
    lora_targets = ("to_q", "to_k", "to_v", "to_out.0", "add_q_proj", "add_k_proj", "add_v_proj", "to_add_out")

    def matches(self, index: dict[str, Any]) -> bool:
        """A `StableDiffusion3Pipeline` folder."""
        return index.get("_class_name") == "StableDiffusion3Pipeline"

    def keeps(self, keys: Collection[str]) -> bool:
        """Blocks of joint attention."""
        return any(key.removeprefix("model.diffusion_model.").startswith("joint_blocks.") for key in keys)

    def is_denoised_by(self, pipe: DiffusionPipeline) -> bool:
        """SD 3's transformer."""
        return isinstance(getattr(pipe, "transformer", None), SD3Transformer2DModel)

    def load(self, source: Path | str, dtype: torch.dtype) -> DiffusionPipeline:
        """Load without ever opening a pickle; parts that the folder leaves out stay out."""
        return load_pipeline(StableDiffusion3Pipeline, source, dtype)

    def tiny(self, seed: int = 0) -> DiffusionPipeline:
        """128 px pictures, 16×16 latents, 8×8 maps; RMS norms and one block of dual attention, as in SD 3.5-medium."""
        torch.manual_seed(seed)
        tokenizer, tokenizer_3 = tiny_clip_tokenizer(num_columns=24), tiny_t5_tokenizer()
        text = CLIPTextModelWithProjection(tiny_clip_config(tokenizer, width=16))
        text_2 = CLIPTextModelWithProjection(tiny_clip_config(tokenizer, width=16))
        text_3 = T5EncoderModel(
            T5Config(
                vocab_size=len(tokenizer_3), d_model=48, d_kv=8, d_ff=32, num_layers=1, num_heads=2,
                is_encoder_decoder=False, use_cache=False,
            )
        )  # fmt: skip
        transformer = SD3Transformer2DModel(
            sample_size=16, patch_size=2, in_channels=4, out_channels=4, num_layers=3, attention_head_dim=8,
            num_attention_heads=2, joint_attention_dim=48, caption_projection_dim=16, pooled_projection_dim=32,
            pos_embed_max_size=24, dual_attention_layers=(0,), qk_norm="rms_norm",
        )  # fmt: skip
        vae = AutoencoderKL(
            block_out_channels=(8, 8, 8, 8), latent_channels=4, norm_num_groups=4, layers_per_block=1,
            down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4,
            sample_size=128, shift_factor=0.06, scaling_factor=1.5, use_quant_conv=False, use_post_quant_conv=False,
        )  # fmt: skip
        pipe = StableDiffusion3Pipeline(
            vae=vae, text_encoder=text, text_encoder_2=text_2, text_encoder_3=text_3, tokenizer=tokenizer,
            tokenizer_2=tokenizer, tokenizer_3=tokenizer_3, transformer=transformer,
            scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0),
        )  # fmt: skip
        for module in (text, text_2, text_3, transformer, vae):
            module.eval()
        return pipe

    def denoiser(self, pipe: DiffusionPipeline) -> nn.Module:
        """The transformer."""
        return pipe.transformer

    def sites(self, denoiser: nn.Module, height: int, width: int) -> tuple[Site, ...]:
        """The joint attention of every block, first to last."""
        grid = self.loss_grid(denoiser, height, width)
        blocks: Any = denoiser.transformer_blocks
        return tuple(
            Site(f"transformer_blocks.{i}.attn", "block", block.attn.heads, grid) for i, block in enumerate(blocks)
        )

    def loss_grid(self, denoiser: nn.Module, height: int, width: int) -> Grid:
        """One cell a patch of latents: 64×64 for SD 3 at 1024 px."""
        patch = int(denoiser.config.patch_size)  # type: ignore[union-attr, arg-type]
        return height // patch, width // patch

    def default_sites(self, denoiser: nn.Module, height: int, width: int) -> tuple[Site, ...]:
        """The blocks in which words are known to sit; in unknown models the middle half."""
        sites = self.sites(denoiser, height, width)
        dual = bool(getattr(denoiser.config, "dual_attention_layers", ()))
        count = len(sites)
        chosen = MEANINGFUL.get((count, dual), range(count // 4, max(count - count // 4, 1)))
        return tuple(sites[i] for i in chosen)

    def processor(self, original: Any, site: Site, sink: Sink) -> JointCapturingProcessor:
        """Wraps diffusers' own processor; refuses those that add other attention."""
        if type(original) is not JointAttnProcessor2_0:
            raise CaptureError(
                f"{type(original).__name__} at {site.name} computes attention that can't be read exactly.",
                "Unload IP-Adapter, or call pipe.transformer.unfuse_qkv_projections() where they were fused.",
            )
        return JointCapturingProcessor(original, site, sink)

    def column_sets(self, pipe: DiffusionPipeline) -> tuple[ColumnSet, ...]:
        """CLIP's columns; T5's after them where the model has it (else zeros stand there: padding)."""
        limit = int(pipe.tokenizer.model_max_length)
        sets = [ColumnSet("clip", pipe.tokenizer, 0, limit)]
        if pipe.text_encoder_3 is not None:
            sets.append(ColumnSet("t5", pipe.tokenizer_3, limit, _t5_columns(pipe)))
        return tuple(sets)

    def text_inputs(self, pipe: DiffusionPipeline, prompts: Sequence[str], height: int, width: int) -> dict[str, Any]:
        """All encoders' features one after the other, and CLIP's pooled text."""
        text, _, pooled, _ = pipe.encode_prompt(
            prompt=list(prompts), prompt_2=None, prompt_3=None, device=pipe._execution_device,
            do_classifier_free_guidance=False, max_sequence_length=_t5_columns(pipe),
        )  # fmt: skip
        return {"encoder_hidden_states": text, "pooled_projections": pooled}

    def noised(self, pipe: DiffusionPipeline, latents: Any, noise: Any, timesteps: torch.Tensor) -> Any:
        """`(1 − σ) x + σ ε` with σ the timestep over 1,000: flow matching on a straight line."""
        sigma = (timesteps / self.last_timestep(pipe)).to(latents.device, torch.float32).view(-1, 1, 1, 1)
        return ((1 - sigma) * latents + sigma * noise).to(latents.dtype)

    def target(self, pipe: DiffusionPipeline, latents: Any, noise: Any, timesteps: torch.Tensor) -> Any:
        """`ε − x`: the flow from picture to noise."""
        return noise - latents

    def draw_timesteps(self, pipe: DiffusionPipeline, number: int, generator: torch.Generator) -> torch.Tensor:
        """Logit-normal, location 0, scale 1 (arXiv 2403.03206, section 3.1)."""
        return torch.randn(number, generator=generator, dtype=torch.float64).sigmoid().float() * self.last_timestep(
            pipe
        )

    def draw_below(
        self, pipe: DiffusionPipeline, limits: torch.Tensor, cap: float, generator: torch.Generator
    ) -> torch.Tensor:
        """Logit-normal, conditioned on being below: by its inverse distribution function."""
        last = self.last_timestep(pipe)
        top = (limits.double() / last).clamp(1e-6, 1 - 1e-6).clamp_max(max(cap, 1e-6))
        share = torch.rand(len(limits), generator=generator, dtype=torch.float64)
        below = share * torch.special.ndtr(top.logit())
        return (torch.special.ndtri(below.clamp_min(1e-12)).sigmoid() * last).float()

    def text_encoders(self, pipe: DiffusionPipeline) -> dict[str, nn.Module]:
        """Both CLIPs; pipelines load no LoRA for T5."""
        return {name: getattr(pipe, name) for name in ("text_encoder", "text_encoder_2") if getattr(pipe, name)}

    def last_timestep(self, pipe: DiffusionPipeline) -> float:
        """1,000."""
        return float(pipe.scheduler.config.num_train_timesteps)

    def input_variance(self, pipe: DiffusionPipeline, timestep: Any) -> Any:
        """`(1 − σ)² + σ²`: between picture and noise the straight line dips below 1."""
        sigma = timestep / self.last_timestep(pipe)
        return (1 - sigma) ** 2 + sigma**2

    def call_options(self, pipe: DiffusionPipeline) -> dict[str, Any]:
        """As many T5 columns as the model was trained with."""
        return {"max_sequence_length": _t5_columns(pipe)}

    def size_step(self, pipe: DiffusionPipeline) -> int:
        """Whole patches of latents: 16 px for SD 3."""
        return int(pipe.vae_scale_factor) * int(pipe.transformer.config.patch_size)


def _t5_columns(pipe: Any) -> int:
    own = getattr(getattr(pipe, "tokenizer_3", None), "model_max_length", T5_COLUMNS)
    return int(min(own, T5_COLUMNS))
