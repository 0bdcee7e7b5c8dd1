"""What recording costs: a plain diffusers run against the same run with maps, in one process.

    python benchmarks/generation.py [--model FOLDER] [--steps 30] [--repeats 5]

Prints seconds a picture (best of the repeats, alternating) and their ratio.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

import torch

from t2i_studio.capture import MapStore, capture
from t2i_studio.config import ASSETS
from t2i_studio.families import FAMILIES


def main() -> None:
    """Measure both, print JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=ASSETS / "emoji-unet")
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    family = FAMILIES["stable-diffusion"]
    pipe = family.load(options.model, torch.float32)
    pipe.set_progress_bar_config(disable=True)
    rows = pipe.unet.config.sample_size
    size = rows * pipe.vae_scale_factor

    def paint(store: MapStore | None) -> None:
        def after(_pipe: object, _step: int, timestep: float, _tensors: dict) -> dict:
            if store is not None:
                store.end_step(timestep)
            return {}

        pipe(
            "a cat and a dog", num_inference_steps=options.steps, guidance_scale=4.0, height=size, width=size,
            generator=torch.Generator().manual_seed(0), callback_on_step_end=after,
        )  # fmt: skip

    def recorded(every: bool) -> None:
        sites = (family.sites if every else family.default_sites)(pipe.unet, rows, rows)
        store = MapStore(["cat", "dog"], sites, options.steps)
        with capture(pipe.unet, family, sites, [(2,), (5,)], store.add, num_rows=1):
            paint(store)

    cases: dict[str, Callable[[], None]] = {
        "plain": lambda: paint(None),
        "loss_grid": lambda: recorded(False),
        "every_site": lambda: recorded(True),
    }
    best = dict.fromkeys(cases, float("inf"))
    for turn in range(options.repeats + 1):
        for name, case in cases.items():
            started = time.perf_counter()
            case()
            if turn:  # the first turn warms up
                best[name] = min(best[name], time.perf_counter() - started)
    ratios = {f"{name}_ratio": round(best[name] / best["plain"], 3) for name in cases if name != "plain"}
    print(json.dumps({**{name: round(seconds, 3) for name, seconds in best.items()}, **ratios}))


if __name__ == "__main__":
    main()
