"""The loop that all pre-trainings share: EMA, schedule, checkpoints that resume exactly, a CSV of losses.

All randomness of step `s` comes from `(seed, s)`, so a resumed run repeats the same numbers.
Knows nothing of what is trained.
"""

from __future__ import annotations

import csv
import fcntl
import math
import shutil
import signal
import threading
import time
from dataclasses import asdict, dataclass
from typing import IO, TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
import torch

from .muon import Muon

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from torch import nn

    Logged = Mapping[str, torch.Tensor | float]

STATE, DESCENDED = "state.pt", "descended.pt"
"""Where a training stands, and where the rate last ended a descent: weights to ship."""


@dataclass(frozen=True)
class Plan:
    """Dials of one training. Kept in the checkpoint; a resumed run reports differences."""

    total_steps: int
    batch_size: int
    learning_rate: float
    warmup_steps: int = 200
    schedule: str = "constant"
    "`constant`, or `cosine` down to `final_ratio` at `total_steps`."
    final_ratio: float = 0.02
    cooldown_steps: int = 0
    "With `constant`: linear descent to `final_ratio` over the last steps."
    cooldown_share: float = 0.4
    "Where a training descends by the clock: the last part of its time."
    cycle_steps: int = 0
    """Descend so at every multiple of this and go on from there at the full rate: weights worth
    shipping come out on the way (WSD-S, Wen et al. 2024). 0: only at `total_steps`."""
    ema_decay: float = 0.999
    optimizer: str = "adamw"
    "`adamw`, or `muon` for the matrices and AdamW for the rest."
    weight_decay: float = 0.0
    clip: float = 1.0
    seed: int = 0
    checkpoint_seconds: float = 200.0
    preview_seconds: float = 900.0

    def rate(self, step: int, first: int = 0) -> float:
        """Learning rate of a step, of a training whose optimizer was new at step `first`."""
        rate = self.learning_rate * min(1.0, (step + 1 - first) / max(1, self.warmup_steps))
        if self.schedule == "cosine":
            phase = min(1.0, step / max(1, self.total_steps))
            factor = 0.5 * (1 + math.cos(math.pi * phase))
            return rate * (self.final_ratio + (1 - self.final_ratio) * factor)
        left = self.total_steps - step
        if self.cycle_steps:
            left = min(left, self.cycle_steps - step % self.cycle_steps)
        if self.cooldown_steps and left < self.cooldown_steps:
            return rate * max(self.final_ratio, left / self.cooldown_steps)
        return rate

    def rate_by_clock(self, step: int, first: int, spent: float) -> float:
        """Learning rate where the time is given and not the steps: linear descent to `final_ratio` at its end.

        Args:
            spent: share of the time.
        """
        rate = self.learning_rate * min(1.0, (step + 1 - first) / max(1, self.warmup_steps))
        return rate * min(1.0, max(self.final_ratio, (1 - spent) / self.cooldown_share))


class Start(NamedTuple):
    """What trained weights are of: steps, seconds of training, samples."""

    step: int = 0
    seconds: float = 0.0
    samples: int = 0


class Task(Protocol):
    """What is trained: modules by name, and the loss of a step."""

    modules: dict[str, nn.Module]

    def loss(self, rng: np.random.Generator, generator: torch.Generator, step: int) -> tuple[torch.Tensor, Logged]:
        """Loss of one step and what to log beside it; a `loss` in it is logged in its stead.

        `generator` is of the device of the modules, which the step need not wait for.
        """
        ...

    def preview(self, ema: dict[str, nn.Module], folder: Path, step: int) -> None:
        """Write something to look at."""
        ...


class Ema:
    """Exponential moving average of the trained parameters, with a warm start of the decay."""

    def __init__(self, modules: dict[str, nn.Module], decay: float) -> None:
        self.decay = decay
        self.values = {
            f"{name}.{key}": p.detach().clone()
            for name, module in modules.items()
            for key, p in module.named_parameters()
        }

    @torch.no_grad()
    def update(self, modules: dict[str, nn.Module], step: int) -> None:
        """One step towards the current weights."""
        decay = min(self.decay, (1 + step) / (10 + step))
        current = {f"{name}.{key}": p for name, module in modules.items() for key, p in module.named_parameters()}
        torch._foreach_lerp_([self.values[key] for key in current], list(current.values()), 1 - decay)

    @torch.no_grad()
    def swap(self, modules: dict[str, nn.Module]) -> None:
        """Exchange averaged and current weights in place; call twice to restore."""
        for name, module in modules.items():
            for key, p in module.named_parameters():
                kept = self.values[f"{name}.{key}"]
                current = p.detach().clone()
                p.copy_(kept)
                kept.copy_(current)


def train(
    task: Task,
    plan: Plan,
    folder: Path,
    *,
    resume: bool,
    stop_after: float | None = None,
    descend: bool = False,
    start: Start | None = None,
) -> None:
    """Run `task` to `plan.total_steps`, or for `stop_after` seconds; the state lies in `folder`.

    Args:
        descend: the rate descends towards the end of `stop_after` and not by steps. Such a training follows the
            clock: its rates are logged, for they are not the same again.
        start: where the weights in `task` come from, if there is no state. The optimizer is new then, and
            the rate warms up again.

    Raises:
        FileExistsError: there is a state and `resume` is False, or another training runs in `folder`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = _only_one(folder)  # noqa: F841 (held until the end)
    state_file = folder / STATE
    optimizer = _optimizer(task, plan)
    ema = Ema(task.modules, plan.ema_decay)
    step, seconds, samples = start or Start()
    first, device = step, _device(task)
    if state_file.exists():
        if not resume:
            raise FileExistsError(f"{state_file} exists: add --resume, or delete the folder.")
        step, seconds, first, samples = _load(state_file, task, optimizer, ema, plan)
    log = _Log(folder / "loss.csv", step)
    asked_to_stop = _stop_on_sigterm()
    started = saved = previewed = time.monotonic()
    while step < plan.total_steps:
        rng = np.random.default_rng([plan.seed, step])
        generator = torch.Generator(device).manual_seed(plan.seed * 1_000_003 + step)
        rate = plan.rate(step, first)
        if descend and stop_after:
            rate = plan.rate_by_clock(step, first, (time.monotonic() - started) / stop_after)
        for group in optimizer.param_groups:
            group["lr"] = rate
        loss, extra = task.loss(rng, generator, step)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_([p for g in optimizer.param_groups for p in g["params"]], plan.clip)
        # On a GPU nobody waits for one number a step: the log looks at them, twenty steps at once.
        if device.type != "cpu" or torch.isfinite(norm):
            optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        ema.update(task.modules, step)
        step, samples = step + 1, samples + plan.batch_size
        now = time.monotonic()
        total = seconds + now - started
        log.add(step, samples, total, {"rate": rate, "loss": loss.detach(), "grad_norm": norm.detach(), **extra})
        late = stop_after is not None and now - started > stop_after
        if plan.cycle_steps and not descend and step % plan.cycle_steps == 0:
            _save(folder / DESCENDED, task, optimizer, ema, plan, Start(step, total, samples), first)
        done = step >= plan.total_steps or late or asked_to_stop.is_set()
        if done or now - saved > plan.checkpoint_seconds:
            log.flush()
            _save(state_file, task, optimizer, ema, plan, Start(step, total, samples), first)
            if done and descend:
                shutil.copyfile(state_file, folder / DESCENDED)
            saved = time.monotonic()
            if done or saved - previewed > plan.preview_seconds:
                _preview(task, ema, folder, step)
                saved = previewed = time.monotonic()
        if done:
            break


def _optimizer(task: Task, plan: Plan) -> torch.optim.Optimizer:
    options: dict[str, Any] = {"lr": plan.learning_rate, "weight_decay": plan.weight_decay, "betas": (0.9, 0.99)}
    if plan.optimizer == "muon":
        return Muon(task.modules.values(), **options)
    return torch.optim.AdamW([p for m in task.modules.values() for p in m.parameters() if p.requires_grad], **options)


def _only_one(folder: Path) -> IO[str]:
    """Hold the folder: two trainings would write one state over the other's."""
    handle = (folder / "lock").open("w")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        handle.close()
        raise FileExistsError(f"Another training runs in {folder}: stop it first.") from None
    return handle


def _stop_on_sigterm() -> threading.Event:
    """Set when the process is asked to end: the loop then saves its state first."""
    event = threading.Event()
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, lambda *_: event.set())
    return event


def _preview(task: Task, ema: Ema, folder: Path, step: int) -> None:
    ema.swap(task.modules)
    try:
        with torch.no_grad():
            task.preview(task.modules, folder, step)
    finally:
        ema.swap(task.modules)


def _save(
    file: Path,
    task: Task,
    optimizer: torch.optim.Optimizer,
    ema: Ema,
    plan: Plan,
    at: Start,
    first: int,
) -> None:
    state = {
        "modules": {name: m.state_dict() for name, m in task.modules.items()},
        "optimizer": optimizer.state_dict(),
        "ema": ema.values,
        "plan": asdict(plan),
        **at._asdict(),
        "first": first,
    }
    partial = file.with_suffix(".part")
    torch.save(state, partial)
    partial.replace(file)


def _device(task: Task) -> torch.device:
    return next(p.device for module in task.modules.values() for p in module.parameters())


def _load(
    file: Path, task: Task, optimizer: torch.optim.Optimizer, ema: Ema, plan: Plan
) -> tuple[int, float, int, int]:
    """Step, seconds, first step and samples."""
    state = torch.load(file, weights_only=True, map_location=_device(task))
    for name, module in task.modules.items():
        module.load_state_dict(state["modules"][name])
    if state["plan"].get("optimizer", "adamw") == plan.optimizer:
        optimizer.load_state_dict(state["optimizer"])
    ema.values = state["ema"]
    for key, value in asdict(plan).items():
        if state["plan"].get(key) != value:
            print(f"resume: {key} was {state['plan'].get(key)}, is now {value}", flush=True)
    samples = state.get("samples", state["step"] * plan.batch_size)
    return state["step"], state["seconds"], state.get("first", 0), samples


class _Log:
    """Means of the loss over 20 steps, appended to a CSV; rows after the resumed step are dropped."""

    EVERY = 20

    def __init__(self, file: Path, step: int) -> None:
        self.file = file
        self.rows: list[dict[str, float]] = []
        self.window: list[Logged] = []
        if file.exists():
            with file.open(newline="") as handle:
                kept = [row for row in csv.DictReader(handle) if int(float(row["step"])) <= step]
            self._write(kept, "w")

    def add(self, step: int, samples: int, seconds: float, values: Logged) -> None:
        self.window.append(values)
        if step % self.EVERY == 0:
            means = {k: float(sum(r[k] for r in self.window)) / len(self.window) for k in self.window[0]}
            self.rows.append({"step": step, "samples": samples, "seconds": round(seconds, 1), **means})
            self.window = []
            print(" ".join(f"{k} {v:.5g}" for k, v in self.rows[-1].items()), flush=True)
            if not math.isfinite(means["loss"]):
                raise FloatingPointError(f"The loss is {means['loss']} at step {step}: resume from the last state.")

    def flush(self) -> None:
        self._write(self.rows, "a")
        self.rows = []

    def _write(self, rows: list[dict], mode: str) -> None:
        if not rows and mode == "a":
            return
        fresh = mode == "w" or not self.file.exists()
        with self.file.open(mode, newline="") as handle:
            if rows:
                writer = csv.DictWriter(handle, fieldnames=list(rows[0]))
                if fresh:
                    writer.writeheader()
                writer.writerows(rows)


def load_average(folder: Path, modules: dict[str, nn.Module]) -> int:
    """Put averaged weights into modules: of the last descent's end, else of where the training stands.

    Returns:
        The step they are of.
    """
    descended = folder / DESCENDED
    state = torch.load(descended if descended.exists() else folder / STATE, weights_only=True, map_location="cpu")
    with torch.no_grad():
        for name, module in modules.items():
            for key, p in module.named_parameters():
                p.copy_(state["ema"][f"{name}.{key}"])
    return int(state["step"])


def write_curve(
    rows: list[dict[str, str]], file: Path, points: int = 250, before: Sequence[dict[str, str]] = ()
) -> None:
    """The curve that ships beside weights: `before` as it is, then a log's rows, thinned to about `points` means."""
    losses = [name for name in rows[0] if name not in ("step", "samples", "seconds", "rate", "grad_norm")]
    stride = -(-len(rows) // points)
    with file.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(["step", *losses])
        writer.writerows([row["step"], *(row.get(name, "nan") for name in losses)] for row in before)
        for start in range(0, len(rows), stride):
            part = rows[start : start + stride]
            means = [sum(float(row[name]) for row in part) / len(part) for name in losses]
            writer.writerow([part[-1]["step"], *(f"{mean:.4f}" for mean in means)])
