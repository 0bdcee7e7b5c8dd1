"""`python -m t2i_studio.evaluation.measure`: how well a judge finds what was rendered.

Scenes clean, after a round trip through the VAE that ships, and blurred. Nothing generated is seen here.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter

from ..emoji.boxes import overlap
from ..emoji.captions import Mixture
from ..emoji.scenes import Scene, render, sample_scene
from . import JUDGES, Judge

MIXTURE = Mixture(single=0.25, pair=0.3, triple=0.15, count=0.2, relation=0.1, mirrored=0.5)
SEED = 992
BLUR = 1.5
"""Standard deviation, pixels of 128."""

Change = Callable[[Image.Image], Image.Image]


@dataclass(frozen=True)
class Measured:
    """Of all objects of some scenes; shares in [0, 1]."""

    num_objects: int
    precision: float
    "Right among the reported. Right: the noun, at a place that overlaps (IoU) by more than half."
    recall: float
    "Right among those there."
    f1: float
    colours: float
    "Right colours among the rightly found."


def measure(judge: Judge, scenes: Sequence[Scene], change: Change = lambda image: image) -> Measured:
    """Judge rendered scenes, each changed first."""
    right = reported = there = coloured = 0
    for scene in scenes:
        found, taken = judge(change(render(scene))), set()
        for one in found:
            for i, placed in enumerate(scene.objects):
                if i not in taken and placed.noun == one.noun and overlap(one.box, placed.box) > 0.5:
                    taken.add(i)
                    coloured += one.colour == placed.colour
                    break
        right, reported, there = right + len(taken), reported + len(found), there + len(scene.objects)
    precision, recall = right / max(1, reported), right / max(1, there)
    return Measured(there, precision, recall, 2 * right / max(1, reported + there), coloured / max(1, right))


def scenes_of(seed: int, number: int) -> list[Scene]:
    """Scenes of all kinds, more objects a scene than in training."""
    return [sample_scene(np.random.default_rng([seed, i]), MIXTURE) for i in range(number)]


def blurred(image: Image.Image) -> Image.Image:
    """Gaussian blur."""
    return image.filter(ImageFilter.GaussianBlur(BLUR))


def vae_round_trip() -> Change:
    """Encoded and decoded by the VAE that ships: what a perfect generator could paint."""
    import torch

    from ..emoji.pretrain.vae import shipped_vae, to_pictures, to_tensor

    vae = shipped_vae()

    def change(image: Image.Image) -> Image.Image:
        with torch.no_grad():
            latents = vae.encode(to_tensor([image])).latent_dist.mean
            return to_pictures(vae.decode(latents).sample)[0]

    return change


def main() -> None:
    """Print a Markdown table."""
    parser = argparse.ArgumentParser(prog="python -m t2i_studio.evaluation.measure", description=__doc__)
    parser.add_argument("--judge", default="emoji-matcher", choices=JUDGES)
    parser.add_argument("--scenes", type=int, default=80)
    parser.add_argument("--seed", type=int, default=SEED)
    options = parser.parse_args()
    judge, scenes = JUDGES[options.judge](), scenes_of(options.seed, options.scenes)
    changes: dict[str, Change] = {
        "rendered": lambda image: image,
        "after the VAE": vae_round_trip(),
        f"blurred (σ {BLUR} px)": blurred,
    }
    print("| pictures | objects | precision | recall | F1 | colours |")
    print("|---|---|---|---|---|---|")
    for name, change in changes.items():
        got = measure(judge, scenes, change)
        shares = " | ".join(f"{share:.3f}" for share in (got.precision, got.recall, got.f1, got.colours))
        print(f"| {name} | {got.num_objects} | {shares} |", flush=True)


if __name__ == "__main__":
    main()
