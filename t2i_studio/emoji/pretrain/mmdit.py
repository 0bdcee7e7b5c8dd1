"""emoji-mmdit: a transformer with joint attention and three text encoders, trained together on encoded scenes.

The architecture of SD 3.5: two CLIP encoders with projection, a small T5, RMS norms on queries and keys;
patches of one latent, so that maps are 16×16. Flow matching at logit-normal timesteps.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from diffusers import (
    AutoencoderKL,
    FlowMatchEulerDiscreteScheduler,
    SD3Transformer2DModel,
    StableDiffusion3Pipeline,
)
from transformers import (
    CLIPTextConfig,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
    T5Config,
    T5EncoderModel,
    T5Tokenizer,
)

from ...families import FAMILIES
from ..vocabulary import COLOURS, NOUNS, NUMBERS, RELATIONS, plural
from .batches import Batches
from .device import CPU, Device
from .export import write_pipeline
from .latents import LatentPool
from .loop import Plan
from .semantics import WEIGHT, Semantics, Tap
from .thirds import by_third
from .unet import mixture_of

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from torch import nn

PLAN = Plan(
    total_steps=60_000, batch_size=16, learning_rate=2e-3, warmup_steps=100, ema_decay=0.998, optimizer="muon",
    weight_decay=0.01, cycle_steps=2_000, cooldown_steps=500, seed=22,
)  # fmt: skip
CLIP_COLUMNS, T5_COLUMNS = 32, 24
WIDTH, HEAD_WIDTH, BLOCKS = 192, 32, 6
TOLD_AFTER = 3
"""Number of blocks after which features must tell what stands where."""
CLIP_WIDTHS, CLIP_LAYERS = (96, 64), 3
"""The pipeline reads the features before the last layer, and the pooled text after it."""


def new_text_encoder(tokenizer: CLIPTokenizer, width: int) -> CLIPTextModelWithProjection:
    """An untrained CLIP text encoder with projection."""
    return CLIPTextModelWithProjection(
        CLIPTextConfig(
            vocab_size=len(tokenizer), hidden_size=width, intermediate_size=4 * width, num_hidden_layers=CLIP_LAYERS,
            num_attention_heads=4, max_position_embeddings=CLIP_COLUMNS, projection_dim=width, hidden_act="gelu",
            bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )  # fmt: skip


def new_t5(tokenizer: T5Tokenizer) -> T5EncoderModel:
    """An untrained T5 encoder as wide as the transformer's text."""
    return T5EncoderModel(
        T5Config(
            vocab_size=len(tokenizer), d_model=WIDTH, d_kv=HEAD_WIDTH, d_ff=2 * WIDTH, num_layers=2, num_heads=4,
            dropout_rate=0.0, is_encoder_decoder=False, use_cache=False,
        )
    )  # fmt: skip


def new_t5_tokenizer() -> T5Tokenizer:
    """Whole words of the captions, letters for all others; unknown signs become `<unk>`."""
    links = [word for wordings in RELATIONS.values() for wording in wordings for word in wording.split()]
    words = [*NOUNS, *map(plural, NOUNS), *COLOURS, *NUMBERS.values(), *links]
    words += ["a", "an", "and", "with", "of", "photo", "picture", "image", "emoji"]
    pieces = [*(f"▁{word}" for word in dict.fromkeys(words)), "▁", *"abcdefghijklmnopqrstuvwxyz0123456789,.!?'-"]
    special = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)]
    scores = [(piece, -1.0 - len(piece) * 0.01 if len(piece) > 1 else -10.0) for piece in dict.fromkeys(pieces)]
    tokenizer = T5Tokenizer(vocab=[*special, *scores], extra_ids=0)
    tokenizer.model_max_length = T5_COLUMNS
    return tokenizer


def new_transformer() -> SD3Transformer2DModel:
    """An untrained MM-DiT: 6 blocks, 192 wide, 16×16 patches."""
    return SD3Transformer2DModel(
        sample_size=16, patch_size=1, in_channels=8, out_channels=8, num_layers=BLOCKS,
        attention_head_dim=HEAD_WIDTH, num_attention_heads=WIDTH // HEAD_WIDTH, joint_attention_dim=WIDTH,
        caption_projection_dim=WIDTH, pooled_projection_dim=sum(CLIP_WIDTHS), pos_embed_max_size=24,
        qk_norm="rms_norm",
    )  # fmt: skip


def new_scheduler() -> FlowMatchEulerDiscreteScheduler:
    """No shift: the latents are small."""
    return FlowMatchEulerDiscreteScheduler(shift=1.0)


class MmditTask:
    """Mean squared error of the velocity `ε − x` at logit-normal timesteps, and what stands where; a tenth of the
    captions empty."""

    def __init__(self, vae: AutoencoderKL, tokenizer: CLIPTokenizer, folder: Path, device: Device = CPU) -> None:
        torch.manual_seed(2)
        tokenizer.model_max_length = CLIP_COLUMNS
        self.tokenizer, self.tokenizer_3 = tokenizer, new_t5_tokenizer()
        first, second = (new_text_encoder(tokenizer, width) for width in CLIP_WIDTHS)
        self.parts: dict[str, nn.Module] = {
            "transformer": new_transformer(), "text_encoder": first, "text_encoder_2": second,
            "text_encoder_3": new_t5(self.tokenizer_3),
        }  # fmt: skip
        self.semantics = Semantics(WIDTH)
        self.modules: dict[str, nn.Module] = {**self.parts, "semantics": self.semantics}
        blocks = self.parts["transformer"].transformer_blocks
        self.tap = Tap(blocks[TOLD_AFTER - 1], pick=lambda streams: streams[1])  # text first, then picture
        # The pipeline shifts latents by what it finds there, and finds nothing in the U-Net's.
        self.vae = vae.eval().requires_grad_(False)
        self.vae.register_to_config(shift_factor=0.0)
        self.family = FAMILIES["stable-diffusion-3"]
        self._pipe = self.pipeline()
        # The same scenes and latents as the U-Net's.
        for module in (*self.modules.values(), self.vae):
            module.to(device.device)
        self._device = device
        pool = LatentPool(folder.parent / "unet" / "latents", self.vae, mixture_of)
        self.batches = Batches(pool, self.tokens, device.batch_size or PLAN.batch_size, device.device, device.shelf)

    def loss(
        self, rng: np.random.Generator, generator: torch.Generator, step: int
    ) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """Loss of one batch; logs it for low, middle and high noise apart."""
        latents, labels, tokens = self.batches.draw(rng, generator, step)
        sigmas = torch.sigmoid(torch.randn(len(latents), generator=generator, device=latents.device))
        noise = torch.randn(latents.shape, generator=generator, device=latents.device)
        times = sigmas * self.family.last_timestep(self._pipe)
        noisy = self.family.noised(self._pipe, latents, noise, times)
        with self._device.autocast():
            out = self.parts["transformer"](noisy, timestep=times, **self.text_inputs(tokens)).sample
        each = F.mse_loss(out.float(), noise - latents, reduction="none").mean((1, 2, 3))
        told = self.semantics.loss(self.tap.taken(), labels)
        logged = {"loss": each.detach().mean(), "told": told.detach()}
        logged |= by_third(each, sigmas)
        return each.mean() + WEIGHT * told, logged

    def tokens(self, captions: list[str]) -> dict[str, torch.Tensor]:
        """int64 (B, K) of both tokenizers, padded as the pipeline pads."""
        sides = {"clip": (self.tokenizer, CLIP_COLUMNS), "t5": (self.tokenizer_3, T5_COLUMNS)}
        return {
            name: tokenizer(
                captions, padding="max_length", max_length=columns, truncation=True, return_tensors="pt"
            ).input_ids
            for name, (tokenizer, columns) in sides.items()
        }

    def text_inputs(self, tokens: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """What the pipeline makes of prompts: CLIP's features side by side, T5's after them, CLIP's pooled text."""
        clips = [
            self.parts[name](tokens["clip"], output_hidden_states=True) for name in ("text_encoder", "text_encoder_2")
        ]
        clip = torch.cat([told.hidden_states[-2] for told in clips], -1)
        clip = F.pad(clip, (0, WIDTH - clip.shape[-1]))
        text = torch.cat([clip, self.parts["text_encoder_3"](tokens["t5"])[0]], -2)
        return {
            "encoder_hidden_states": text,
            "pooled_projections": torch.cat([told.text_embeds for told in clips], -1),
        }

    def pipeline(self) -> StableDiffusion3Pipeline:
        """The current weights as a plain pipeline."""
        pipe = StableDiffusion3Pipeline(
            vae=self.vae, tokenizer=self.tokenizer, tokenizer_2=self.tokenizer, tokenizer_3=self.tokenizer_3,
            scheduler=new_scheduler(), **self.parts,
        )  # fmt: skip
        pipe.set_progress_bar_config(disable=True)
        return pipe

    def preview(self, ema: dict[str, nn.Module], folder: Path, step: int) -> None:
        """A contact sheet of fixed prompts and seeds."""
        from .sheets import PREVIEW_PROMPTS, contact_sheet

        sheet = contact_sheet(
            self.pipeline(), PREVIEW_PROMPTS, steps=20, guidance_scale=4.0, max_sequence_length=T5_COLUMNS
        )
        sheet.save(folder / "sheet.png")


def export(task: MmditTask, folder: Path) -> None:
    """Write the pipeline folder that ships, float16 safetensors."""
    write_pipeline(task.pipeline(), folder)
