"""A sprite that the model never saw, learnt as a token, and then asked for beside a noun that it knows.

    python benchmarks/personalised.py [--model emoji-unet-early] [--steps 1500] [--seeds 4] [--out DIR]

The sprite is a house, drawn here. Its token `<house>` is learnt by textual inversion (Gal et al., arXiv
2208.01618): one embedding, and, as a model of 24 sprites has no house in it, a LoRA of the U-Net's attention with it
(`--rank 0`: the embedding alone). Half of each batch are scenes of the model's own world, so that it stays. Both are
saved as diffusers saves them and loaded into a fresh pipeline. Then "a photo of a <house> and a cat" and its 23
siblings, without guidance and guided with `<house>` as a subject like any other, judged by the emoji-matcher, which
is given the house's picture. Prints a Markdown table; what is learnt and painted in DIR is not made again.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import torch
import torch.nn.functional as F
from peft import LoraConfig
from peft.utils import get_peft_model_state_dict
from PIL import Image, ImageDraw
from safetensors.torch import load_file, save_file

sys.path.insert(0, str(Path(__file__).parent.parent))

from t2i_studio import Studio
from t2i_studio.config import PRACTICE_MODEL
from t2i_studio.emoji.captions import Asked, Request
from t2i_studio.emoji.make_sprites import fitted
from t2i_studio.emoji.pretrain.vae import to_tensor
from t2i_studio.emoji.scenes import compose, render, sample_scene
from t2i_studio.emoji.sprites import add_sprite
from t2i_studio.emoji.vocabulary import NOUNS
from t2i_studio.evaluation import Item, Judged, Painted, compare, compared_markdown, evaluate
from t2i_studio.evaluation.emoji_matcher import EmojiMatcher
from t2i_studio.evaluation.evaluate import picture_name
from t2i_studio.families import FAMILIES
from t2i_studio.guidance import choose_method, guide, read_weights
from t2i_studio.models import resolve, source_of
from t2i_studio.ways import read_ways, ways

NOUN, TOKEN = "house", "<house>"
POOL = 256
"""Scenes with the house, and as many without."""
BATCH = 16
EMBEDDING_RATE, LORA_RATE = 5e-3, 5e-4
SHOWN = 12
"""Nouns of the figure."""
EMPTY = 0.1
"""Share of captions left empty, for classifier-free guidance."""
EMBEDDING_FILE, LORA_FILE = "learned_embeds.safetensors", "pytorch_lora_weights.safetensors"


def draw_house() -> Image.Image:
    """A house in the style of the set: cream wall, dark roof with a light edge, door, window, chimney."""
    scale = 4
    canvas = Image.new("RGBA", (136 * scale, 136 * scale), (0, 0, 0, 0))
    pen = ImageDraw.Draw(canvas)

    def bar(x0: float, y0: float, x1: float, y1: float, fill: str, radius: float = 2) -> None:
        pen.rounded_rectangle([v * scale for v in (x0, y0, x1, y1)], radius=radius * scale, fill=fill)

    def shape(fill: str, *points: tuple[float, float]) -> None:
        pen.polygon([(x * scale, y * scale) for x, y in points], fill=fill)

    bar(96, 12, 112, 52, "#7B4A3A")
    bar(20, 60, 116, 128, "#F3E3C3")
    bar(20, 118, 116, 128, "#CDB88F")
    shape("#5B3A6E", (68, 6), (134, 68), (2, 68))
    shape("#7C5594", (68, 6), (75, 12.5), (16, 68), (2, 68))
    bar(32, 84, 58, 128, "#3F7A62", 3)
    pen.ellipse([v * scale for v in (50, 104, 55, 109)], fill="#F2C84B")
    bar(74, 82, 104, 108, "#FFFFFF", 3)
    bar(77, 85, 101, 105, "#7CC3E8")
    bar(88, 85, 90, 105, "#FFFFFF", 0)
    bar(77, 94, 101, 96, "#FFFFFF", 0)
    return canvas.resize((136, 136), Image.Resampling.LANCZOS)


def pool(pipe: Any) -> tuple[torch.Tensor, list[str]]:
    """Latents (2·POOL, 4, h, w) scaled as the U-Net reads them, and captions: first those with the house."""
    scenes = []
    for i in range(POOL):
        scene = compose(Request((Asked(NOUN),)), np.random.default_rng([31, i]))
        scenes.append((scene, scene.caption.replace("an house", "a house").replace(NOUN, TOKEN)))
    for i in range(POOL):
        scene = sample_scene(np.random.default_rng([32, i]))
        scenes.append((scene, scene.caption))
    parts = []
    with torch.no_grad():
        for start in range(0, len(scenes), BATCH):
            images = to_tensor([render(scene) for scene, _ in scenes[start : start + BATCH]])
            parts.append(pipe.vae.encode(images).latent_dist.mean * pipe.vae.config.scaling_factor)
    return torch.cat(parts), [text for _, text in scenes]


def learn(pipe: Any, folder: Path, steps: int, rank: int) -> None:
    """Teach the pipeline the token; keep embedding and LoRA in `folder` as diffusers reads them."""
    torch.manual_seed(0)
    latents, captions = pool(pipe)
    table = add_token(pipe)
    number = pipe.tokenizer.convert_tokens_to_ids(TOKEN)
    for module in (pipe.unet, pipe.text_encoder, pipe.vae):
        module.requires_grad_(False)
    groups: list[dict[str, Any]] = [{"params": [table.weight.requires_grad_()], "lr": EMBEDDING_RATE}]
    if rank:
        targets = ["to_q", "to_k", "to_v", "to_out.0"]
        pipe.unet.add_adapter(LoraConfig(r=rank, lora_alpha=rank, target_modules=targets, init_lora_weights="gaussian"))
        groups.append({"params": [p for p in pipe.unet.parameters() if p.requires_grad], "lr": LORA_RATE})
    optimizer = torch.optim.AdamW(groups, weight_decay=0.0)
    rng, recent = np.random.default_rng(0), []
    for step in range(steps):
        chosen = np.concatenate([rng.integers(0, POOL, BATCH // 2), rng.integers(POOL, 2 * POOL, BATCH // 2)])
        texts = ["" if rng.random() < EMPTY else captions[i] for i in chosen]
        loss = denoising_loss(pipe, latents[chosen], texts)
        loss.backward()
        others = torch.arange(len(table.weight)) != number
        assert table.weight.grad is not None
        table.weight.grad[others] = 0  # of all words, only the new one is learnt
        optimizer.step()
        optimizer.zero_grad()
        recent.append(float(loss.detach()))
        if (step + 1) % 100 == 0 or step + 1 == steps:
            print(f"step {step + 1}/{steps}  loss {np.mean(recent[-100:]):.4f}", file=sys.stderr, flush=True)
    folder.mkdir(parents=True, exist_ok=True)
    save_file({TOKEN: table.weight[number].detach().clone()}, folder / EMBEDDING_FILE)
    if rank:
        type(pipe).save_lora_weights(folder, unet_lora_layers=get_peft_model_state_dict(pipe.unet))


def add_token(pipe: Any) -> torch.nn.Embedding:
    """The new token starts as the mean of the nouns the model knows; returns the embedding table."""
    pipe.tokenizer.add_tokens(TOKEN)
    pipe.text_encoder.resize_token_embeddings(len(pipe.tokenizer), mean_resizing=False)
    table = pipe.text_encoder.get_input_embeddings()
    known = [pipe.tokenizer(noun, add_special_tokens=False).input_ids[0] for noun in NOUNS]
    with torch.no_grad():
        table.weight[pipe.tokenizer.convert_tokens_to_ids(TOKEN)] = table.weight[known].mean(0)
    return table


def denoising_loss(pipe: Any, latents: torch.Tensor, texts: Sequence[str]) -> torch.Tensor:
    """Mean squared error of v at uniform timesteps, as the model was trained."""
    tokens = pipe.tokenizer(
        list(texts), padding="max_length", max_length=pipe.tokenizer.model_max_length, truncation=True,
        return_tensors="pt",
    )  # fmt: skip
    states = pipe.text_encoder(tokens.input_ids).last_hidden_state
    timesteps, noise = torch.randint(0, 1000, (len(latents),)), torch.randn_like(latents)
    target = pipe.scheduler.get_velocity(latents, noise, timesteps)
    return F.mse_loss(pipe.unet(pipe.scheduler.add_noise(latents, noise, timesteps), timesteps, states).sample, target)


def taught(folder: Path, model: str) -> Any:
    """A fresh pipeline that was given what was learnt, through diffusers' own loaders."""
    pipe = loaded(model)
    pipe.load_textual_inversion(load_file(folder / EMBEDDING_FILE))
    if (folder / LORA_FILE).exists():
        pipe.load_lora_weights(folder, weight_name=LORA_FILE)
    return pipe


def loaded(model: str) -> Any:
    pipe = FAMILIES["stable-diffusion"].load(source_of(resolve(model)), torch.float32)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def items(limit: int | None) -> list[Item]:
    """The house alone, and with each noun of the model's own."""
    alone = Item("alone", "", f"a photo of a {TOKEN}", Request((Asked(NOUN),)))
    article = {noun: "an" if noun[0] in "aeiou" else "a" for noun in NOUNS}
    return [alone] + [
        Item(
            "with another", "", f"a photo of a {TOKEN} and {article[noun]} {noun}", Request((Asked(NOUN), Asked(noun)))
        )
        for noun in NOUNS[:limit]
    ]


def judged(
    pipe: Any, way: dict[str, Any], asked: Sequence[Item], options: argparse.Namespace, folder: Path
) -> list[Judged]:
    """All pictures of one way of painting, judged."""
    name = way.get("guide", "")
    dials = Studio(options.model).dials(name, given=way.get("guide_weights", ()))
    method = choose_method(name, **read_weights(dials)) if name else None

    def paint(part: Sequence[Item], seeds: Sequence[int]) -> list[Painted]:
        prompts = [item.prompt for item in part]
        call = {
            "num_inference_steps": options.sampling, "guidance_scale": 4.0, "height": 128, "width": 128,
            "generator": [torch.Generator().manual_seed(seed) for seed in seeds],
        }  # fmt: skip
        if method is None:
            return [Painted(image) for image in pipe(prompts, **call).images]
        with torch.no_grad(), guide(pipe, prompts, method):
            return [Painted(image) for image in pipe(prompts, **call).images]

    judge = EmojiMatcher(nouns=(*NOUNS, NOUN))
    about = {name: getattr(options, name) for name in ("model", "steps", "rank", "sampling")} | {"way": repr(method)}
    return list(evaluate(asked, paint, judge, options.seeds, folder, about))


def draw(found: dict[str, list[Judged]], folder: Path, file: Path) -> None:
    """A row a way, a column each of the first nouns by the alphabet; seed 0."""
    nouns = sorted(NOUNS)[:SHOWN]
    figure, axes = plt.subplots(len(found), SHOWN, figsize=(12.4, 1.09 * len(found)), squeeze=False)
    for place, noun in zip(axes[0], nouns, strict=True):
        place.set_title(noun, fontsize=8.5)
    for row, (way, ones) in zip(axes, found.items(), strict=True):
        kept = {one.prompt.split()[-1]: one for one in ones if one.seed == 0 and one.task != "alone"}
        for noun, place in zip(nouns, row, strict=True):
            with Image.open(folder / way / picture_name(kept[noun])) as picture:
                place.imshow(picture.convert("RGB"), interpolation="nearest")
            place.set(xticks=[], yticks=[])
            place.spines[:].set_visible(False)
        row[0].set_ylabel(textwrap.fill(way, 12), fontsize=8.5)
    figure.subplots_adjust(left=0.06, right=0.998, top=0.94, bottom=0.005, wspace=0.04, hspace=0.04)
    figure.savefig(file, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default=PRACTICE_MODEL, help="one of the embedded U-Nets")
    parser.add_argument("--steps", type=int, default=1500, help="of learning")
    parser.add_argument("--rank", type=int, default=8, help="of the LoRA; 0: the embedding alone")
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--sampling", type=int, default=30, help="steps of a picture")
    parser.add_argument("--limit", type=int, default=None, help="prompts with another noun")
    parser.add_argument("--ways", type=Path, help="YAML of ways, as t2i-studio evaluate --best writes it")
    parser.add_argument("--out", type=Path, help="default: a temporary folder")
    parser.add_argument("--figure", type=Path, help="draw the first nouns here: PNG, PDF, SVG")
    options = parser.parse_args()
    add_sprite(NOUN, fitted(draw_house()))
    named = read_ways(options.ways) if options.ways else ways(guides=["none", "ai-t2i", "ai-t2i-robust"])
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.out or Path(temporary)
        if not (folder / EMBEDDING_FILE).exists():
            learn(loaded(options.model), folder, options.steps, options.rank)
        pipe, asked = taught(folder, options.model), items(options.limit)
        found = {label: judged(pipe, way, asked, options, folder / label) for label, way in named.items()}
        if options.figure:
            draw(found, folder, options.figure)
    print(compared_markdown(compare(found)))


if __name__ == "__main__":
    main()
