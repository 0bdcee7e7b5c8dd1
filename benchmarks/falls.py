"""How often a guided step lowers its own loss on an embedded U-Net: before the shift and after it, in the same step.

    python benchmarks/falls.py [--model emoji-unet] [--steps 20]

Six prompts, one seed each. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).parent.parent))

from t2i_studio.capture import capture
from t2i_studio.config import ASSETS
from t2i_studio.families import FAMILIES
from t2i_studio.guidance import Method, choose_method, guide
from t2i_studio.guidance.target import make_target
from t2i_studio.guidance.view import View
from t2i_studio.prompts import parse

PROMPTS = (
    "a cat and a dog", "a red car and a blue bowl", "a lion and a crown", "a frog and a clock",
    "a bear and a green chair", "a mouse and a bow",
)  # fmt: skip
ROWS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("ai-t2i", {}), ("ai-t2i", {"step_size": 10}), ("ai-t2i", {"step_size": 5}), ("ai-t2i", {"step_size": 1}),
    ("ai-t2i-robust", {}),
    ("attend-and-excite", {"refine": False}), ("attend-and-excite", {"refine": False, "step_size": 5}),
)  # fmt: skip


def falls(pipe: Any, method: Method, prompt: str, seed: int, steps: int) -> list[bool]:
    """For each guided step, whether the pass that follows the shift has a lower loss (or there was none left)."""
    family = FAMILIES["stable-diffusion"]
    target = make_target(pipe, family, method, parse(prompt), {})
    sites = family.default_sites(pipe.unet, 16, 16)
    pending: list[torch.Tensor] = []
    after: list[float] = []

    def end(*_: Any) -> dict:
        maps = torch.stack(pending).mean(0)[0].transpose(0, 1).unflatten(-1, sites[0].grid)
        after.append(float(method.total(method.losses(View(maps, target.roles)))))
        pending.clear()
        return {}

    columns = [(c,) for c in target.columns]
    with (
        guide(pipe, prompt, method) as guidance,
        capture(pipe.unet, family, sites, columns, lambda _, probs: pending.append(probs.mean(1)), num_rows=1),
    ):
        pipe(
            prompt, num_inference_steps=steps, guidance_scale=4.0, height=128, width=128, output_type="latent",
            generator=torch.Generator().manual_seed(seed), callback_on_step_end=end,
        )  # fmt: skip
    return [now < one.total or one.total == 0 for now, one in zip(after, guidance.steps, strict=False)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="emoji-unet", choices=("emoji-unet", "emoji-unet-early"))
    parser.add_argument("--steps", type=int, default=20)
    options = parser.parse_args()
    pipe = FAMILIES["stable-diffusion"].load(ASSETS / options.model, torch.float32)
    pipe.set_progress_bar_config(disable=True)
    print("| method | updates | loss fell |\n|---|---|---|")
    for name, dials in ROWS:
        method = choose_method(name, **dials)
        found = [f for seed, prompt in enumerate(PROMPTS) for f in falls(pipe, method, prompt, seed, options.steps)]
        shown = ", ".join([name, *(f"{k} {v}" for k, v in dials.items())])
        print(f"| {shown} | {len(found)} | {sum(found) / len(found):.2f} |", flush=True)


if __name__ == "__main__":
    main()
