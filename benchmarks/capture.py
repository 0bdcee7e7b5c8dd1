"""What exact maps cost, as ratios against the same work without them, in one process. Prints a Markdown table.

    python benchmarks/capture.py [--cases joint joint-backward blocks blocks-float32 sd21 sd21-every] [--repeats 5]
    python benchmarks/capture.py --plot docs/figures/capture-cost.png     # cost against nouns, positions and steps

Plain and recorded alternate, each first in turn. A ratio is that of the fastest two (what else the machine does
only adds time); beside it that of the medians. Random weights: time does not depend on them.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import gc
import statistics
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
import torch
import torch.nn.functional as F
from diffusers import SD3Transformer2DModel, UNet2DConditionModel

sys.path.insert(0, str(Path(__file__).parent.parent))

from t2i_studio.capture import MapStore, capture, column_probs
from t2i_studio.families import FAMILIES
from t2i_studio.families.fused import attention_with_lse
from t2i_studio.types import Site

IMAGE, TEXT, HEADS, DEPTH = 4096, 333, 24, 64
"""Joint attention of SD3-medium at 1024 px with T5."""
NOUNS = [(IMAGE + 5,), (IMAGE + 9,)]


class Peak:
    """Largest resident memory while open, bytes above what was there before."""

    def __enter__(self) -> Peak:
        gc.collect()
        with contextlib.suppress(OSError, AttributeError):  # glibc: what was freed goes back, so that it counts anew
            ctypes.CDLL("libc.so.6").malloc_trim(0)
        self._process, self._stop = psutil.Process(), threading.Event()
        self._before = self._most = self._process.memory_info().rss
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def _watch(self) -> None:
        while not self._stop.wait(0.002):
            self._most = max(self._most, self._process.memory_info().rss)

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self.extra = self._most - self._before


@dataclass(frozen=True)
class Cost:
    """Seconds of the fastest plain run; recorded over plain, of fastest and of medians; extra bytes at the peak."""

    plain: float
    fastest: float
    median: float
    extra: int


def measured(plain: Callable[[], object], recorded: Callable[[], object], repeats: int) -> Cost:
    """What recording adds. The first turn warms up."""
    times: dict[str, list[float]] = {"plain": [], "recorded": []}
    peaks = {"plain": 0, "recorded": 0}
    pair = [("plain", plain), ("recorded", recorded)]
    for turn in range(repeats + 1):
        for name, work in pair if turn % 2 else reversed(pair):
            with Peak() as peak:
                begin = time.perf_counter()
                work()
                seconds = time.perf_counter() - begin
            if turn:
                times[name].append(seconds)
                peaks[name] = max(peaks[name], peak.extra)
    ratios = [pick(times["recorded"]) / pick(times["plain"]) for pick in (min, statistics.median)]
    return Cost(min(times["plain"]), *ratios, peaks["recorded"] - peaks["plain"])


def joint(repeats: int, *, backward: bool) -> Cost:
    """One joint attention: fused alone against fused with two columns."""
    rng = torch.Generator().manual_seed(0)
    shape = (1, HEADS, IMAGE + TEXT, DEPTH)
    q, k, v = (torch.randn(shape, generator=rng).requires_grad_(backward) for _ in range(3))

    def plain() -> None:
        out = F.scaled_dot_product_attention(q, k, v)
        if backward:
            torch.autograd.grad(out.sum(), (q, k, v))

    def recorded() -> None:
        out, lse = attention_with_lse(q, k, v)
        probs = column_probs(q[:, :, :IMAGE], k, NOUNS, log_sum_BHQ=None if lse is None else lse[:, :, :IMAGE])
        if backward:
            torch.autograd.grad(out.sum() + probs.sum(), (q, k, v))

    with torch.set_grad_enabled(backward):
        return measured(plain, recorded, repeats)


def blocks(repeats: int, dtype: torch.dtype, rows: int) -> Cost:
    """Four blocks of SD3-medium at 512 px on a batch of `rows`; all four recorded for its last row."""
    family = FAMILIES["stable-diffusion-3"]
    torch.manual_seed(0)
    with torch.device("meta"):
        model = SD3Transformer2DModel(
            sample_size=128, num_layers=4, caption_projection_dim=1536, num_attention_heads=24, pos_embed_max_size=192
        )
    model = model.to(dtype).to_empty(device="cpu").eval()
    for p in (*model.parameters(), *model.buffers()):
        p.data.normal_(0, 0.02)
    args = {
        "hidden_states": torch.randn(rows, 16, 64, 64, dtype=dtype),
        "timestep": torch.tensor([500.0] * rows, dtype=dtype),
        "encoder_hidden_states": torch.randn(rows, TEXT, 4096, dtype=dtype),
        "pooled_projections": torch.randn(rows, 2048, dtype=dtype),
    }  # fmt: skip
    sites = family.sites(model, 64, 64)

    def recorded() -> None:
        with capture(model, family, sites, [(5,), (9,)], lambda *_: None, num_rows=1):
            model(**args)

    with torch.inference_mode():
        return measured(lambda: model(**args), recorded, repeats)


def sd21(repeats: int, *, every: bool) -> Cost:
    """One step of SD 2.1's U-Net at 512 px with guidance: loss grid and two nouns, or every site and all tokens."""
    family = FAMILIES["stable-diffusion"]
    torch.manual_seed(0)
    unet = UNet2DConditionModel(
        sample_size=64, block_out_channels=(320, 640, 1280, 1280), cross_attention_dim=1024,
        attention_head_dim=(5, 10, 20, 20), use_linear_projection=True,
    ).eval()  # fmt: skip
    args = (torch.randn(2, 4, 64, 64), torch.tensor(500), torch.randn(2, 77, 1024))
    sites = family.sites(unet, 64, 64) if every else family.default_sites(unet, 64, 64)
    columns = [(c,) for c in range(77)] if every else [(2,), (5,)]

    def recorded() -> None:
        with capture(unet, family, sites, columns, lambda _s, probs: probs.mean(1), num_rows=1):
            unet(*args)

    with torch.inference_mode():
        return measured(lambda: unet(*args), recorded, repeats)


def recording_seconds(nouns: int, positions: int, steps: int, repeats: int) -> float:
    """Median seconds of what recording adds, one site of SD3-medium: columns, mean over heads, storing."""
    rng = torch.Generator().manual_seed(0)
    side = round(positions**0.5)
    q, k = (torch.randn((1, HEADS, n, DEPTH), generator=rng) for n in (side * side, side * side + TEXT))
    lse = (q[:, :, :, :1] * 0).squeeze(-1) + 10.0  # its value does not change the time
    site = Site("block", "block", HEADS, (side, side))
    columns = [(side * side + c,) for c in range(nouns)]
    times = []
    for _ in range(repeats + 1):
        store = MapStore([str(n) for n in range(nouns)], [site], steps)
        begin = time.perf_counter()
        for step in range(steps):
            store.add(site, column_probs(q, k, columns, log_sum_BHQ=lse))
            store.end_step(float(step))
        times.append(time.perf_counter() - begin)
    return statistics.median(times[1:])


AXES = {
    "nouns": ((1, 2, 4, 8, 16), (1, 4096, 2)),
    "positions": ((256, 1024, 2304, 4096), (2, 4096, 2)),
    "steps": ((2, 4, 8, 16), (2, 1024, 2)),
}
"""Axis → values, and the nouns, positions and steps held fixed elsewhere."""


def plot(file: Path, repeats: int) -> None:
    """A panel an axis: seconds, and the straight line through them."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 2.3), layout="constrained")
    for i, (name, (values, fixed)) in enumerate(AXES.items()):
        seconds = []
        for value in values:
            given = list(fixed)
            given[i] = value
            seconds.append(recording_seconds(*given, repeats))
        slope, start = np.polyfit(values, seconds, 1)
        spread = 1 - np.var(np.polyval((slope, start), values) - seconds) / np.var(seconds)
        measured = ", ".join(f"{value}: {taken:.4f}" for value, taken in zip(values, seconds, strict=True))
        print(f"{name}: {slope:.2e} s each, R² {spread:.4f} ({measured})")
        axis = figure.add_subplot(1, len(AXES), i + 1)
        axis.plot(values, np.polyval((slope, start), values), color="#888", linewidth=1)
        axis.plot(values, seconds, "o", color="#3415FE", markersize=4)
        axis.set(xlabel=name, ylim=(0, None), xlim=(0, None))
        axis.set_title(f"R² {spread:.3f}", fontsize=8)
        if i == 0:
            axis.set_ylabel("seconds of recording")
        axis.spines[["top", "right"]].set_visible(False)
    figure.savefig(file, dpi=160)


CASES: dict[str, tuple[str, Callable[[int], Cost]]] = {
    "joint": ("joint attention, 4096 + 333 tokens, 24 heads, 2 nouns", lambda n: joint(n, backward=False)),
    "joint-backward": ("the same with backward", lambda n: joint(n, backward=True)),
    "blocks": (
        "four SD3-medium blocks, 512 px, bfloat16, 2 nouns, all recorded",
        lambda n: blocks(n, torch.bfloat16, 1),
    ),
    "blocks-float32": ("the same in float32, with guidance", lambda n: blocks(n, torch.float32, 2)),
    "sd21": ("SD 2.1 U-Net, 512 px, guidance, 16×16 sites, 2 nouns", lambda n: sd21(n, every=False)),
    "sd21-every": ("the same, every site, all tokens, mean heads", lambda n: sd21(n, every=True)),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--plot", type=Path, default=None, metavar="FILE")
    options = parser.parse_args()
    if options.plot:
        plot(options.plot, options.repeats)
        return
    print("| case | plain, s | recorded / plain | of medians | extra peak memory, MB |\n|---|---|---|---|---|")
    for name in options.cases:
        title, work = CASES[name]
        cost = work(options.repeats)
        ratios = f"{cost.fastest:.2f} | {cost.median:.2f}"
        print(f"| {title} | {cost.plain:.2f} | {ratios} | {cost.extra / 1e6:.0f} |", flush=True)
    print(f"\nThe full matrix of that joint attention takes {HEADS * IMAGE * (IMAGE + TEXT) * 4 / 1e6:.0f} MB.")


if __name__ == "__main__":
    main()
