"""The loop of a fine-tune: order, steps, checkpoints, samples; stops when asked, goes on exactly.

Nothing that chance decides has a state: order, noise and timesteps of a step are functions of the seed
and its number, so a checkpoint needs only weights, optimizer and count.
"""

from __future__ import annotations

import math
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from ..errors import Cancelled, InputError, StudioError
from ..runs import storing
from . import checkpoints, lora, whole
from .calibration import SHARES, calibrated
from .learner import Batch, Learner
from .log import Log
from .premise import premise

if TYPE_CHECKING:
    from accelerate import Accelerator

    from ..families import Family
    from .data import Encoded
    from .settings import TrainSettings

CALIBRATION_STEP = 2**31
"""Batches of the calibration stand beyond all steps, so that no step repeats them."""
EMA_DECAY = 0.99


class Watcher:
    """What a training tells while it runs. The default listens to nothing."""

    def step(self, step: int, num_steps: int, row: dict[str, float]) -> None:
        """`step` steps are done; `row` is what the log got."""

    def sample(self, step: int, pipe: Any) -> None:
        """Time for samples; called on the first process, what was learnt on."""

    def premise(self, ratio: float) -> None:
        """Teacher's concentration over the student's before the first step; see `premise`."""

    def wants_stop(self) -> bool:
        """Whether the user asked to stop."""
        return False


class Training:
    """One fine-tune at work. `run` does it; afterwards the pipeline wears what was learnt.

    `student` says what learns: `lora`, or `whole`, the denoiser itself.
    """

    def __init__(
        self, pipe: Any, family: Family, settings: TrainSettings, data: Encoded, folder: Path, accelerator: Accelerator
    ) -> None:
        self.settings, self.folder, self.accelerator = settings, folder, accelerator
        self.pipe, self.family = pipe, family
        self.student = whole if settings.full_finetune else lora
        self.learning = self.student.put_on(pipe, family, settings.rank, settings.train_text_encoder, settings.seed)
        self.parameters = [p for group in self.learning.values() for p in group]
        if settings.gradient_checkpointing:
            family.denoiser(pipe).enable_gradient_checkpointing()  # type: ignore[operator]
            family.denoiser(pipe).train()
        self.learner = Learner(pipe, family, settings, data, accelerator.device)
        self.learner.autocast = self.learner.texts.autocast = lambda: accelerator.autocast()
        groups = [
            {
                "params": found,
                "lr": settings.learning_rate if name == family.denoiser_name else settings.text_encoder_lr,
            }
            for name, found in self.learning.items()
        ]
        if settings.terms:
            groups.append({"params": list(self.learner.coder.parameters()), "lr": 1e-3, "weight_decay": 0.0})
        self._rates = [group["lr"] for group in groups]
        optimizer = torch.optim.AdamW(groups, weight_decay=settings.adam_weight_decay)
        self.optimizer: Any = accelerator.prepare(optimizer)
        self.weights: dict[str, float] = {}
        self.ema = [p.detach().clone() for p in self.parameters] if settings.use_ema else []
        self.done = 0

    def resume(self) -> None:
        """Go back to the wanted checkpoint, if there is one."""
        found = checkpoints.read(self.folder, self.settings.resume_from_checkpoint)
        if found is None:
            return
        self.done, state = found
        if state["world"] != self.accelerator.num_processes or bool(state["ema"]) != self.settings.use_ema:
            raise InputError(
                f"The checkpoint was made by {state['world']} processes, {'with' if state['ema'] else 'without'} EMA.",
                "Resume in the same way.",
            )
        if state.get("data", now := self.learner.data.fingerprint()) != now:
            raise InputError(
                f"{self.settings.data} has other captions or rewards than when the checkpoint was written.",
                "Bring them back, or begin anew in another folder.",
            )
        if self.accelerator.is_main_process:  # what came after it is another branch
            for later in checkpoints.listed(self.folder):
                if checkpoints.step_of(later) > self.done:
                    shutil.rmtree(later, ignore_errors=True)
        self.accelerator.wait_for_everyone()
        if self.accelerator.scaler is not None and state["scaler"]:
            self.accelerator.scaler.load_state_dict(state["scaler"])
        learnt = state["learnt"] if "learnt" in state else state["lora"]  # as older ones call it
        self.student.set_state(self.pipe, self.family, learnt)
        self.learner.coder.load_state_dict(state["coder"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.weights = dict(state["weights"])
        self.ema = [mean.to(self.accelerator.device) for mean in state["ema"]]

    def run(self, watcher: Watcher) -> None:
        """All steps that are left.

        Raises:
            Cancelled: the watcher asked for it; a checkpoint was written.
            InputError: a checkpoint that was made in another way.
            StudioError: a loss or gradient was not finite; nothing was learnt from it.
            StorageError: a checkpoint could not be written.
        """
        settings = self.settings
        if settings.resume_from_checkpoint:
            self.resume()
        self.learner.texts.settle([*self.learner.data.captions, *([""] if settings.caption_dropout else [])])
        if settings.terms and not self.weights:
            self._calibrate()
        log = Log(self.folder, self.done) if self.accelerator.is_main_process else None
        if self.done == 0:
            ratio = premise(self.learner) if settings.terms and log is not None else None
            if ratio is not None:
                watcher.premise(ratio)
            self._sample(watcher)
        while self.done < settings.max_train_steps:
            started = time.monotonic()
            row = self._step(self.done)
            self.done += 1
            row = {"step": self.done, **row, "seconds": time.monotonic() - started}
            if log is not None:
                with storing(self.folder):
                    log.write(row)
            stopping = self._anyone(watcher.wants_stop())
            last = self.done == settings.max_train_steps
            if stopping or last or self.done % settings.checkpointing_steps == 0:
                self._checkpoint()
            watcher.step(self.done, settings.max_train_steps, row)
            if last:
                self._wear_mean()  # the samples below are of what is given out
            if self.done % settings.validation_steps == 0 or last:
                self._sample(watcher)
            if stopping and not last:  # on every process, whichever was asked
                raise Cancelled("Stopped; a checkpoint is written.", "Go on with --resume-from-checkpoint latest.")
        self._wear_mean()  # also where all steps were done before
        self.learner.texts.release()

    def _wear_mean(self) -> None:
        for mean, p in zip(self.ema, self.parameters, strict=True) if self.ema else ():
            p.data.copy_(mean)

    def _batch(self, step: int, part: int) -> Batch:
        from .data import order

        settings, world = self.settings, self.accelerator.num_processes
        size, rank = settings.train_batch_size, self.accelerator.process_index
        first = ((step * settings.gradient_accumulation_steps + part) * world + rank) * size
        indices = order(settings.seed, len(self.learner.data.captions), first, size)
        return self.learner.batch(indices, step, part, rank)

    def _step(self, step: int) -> dict[str, float]:
        """One optimizer step; the numbers for the log."""
        settings = self.settings
        parts = settings.gradient_accumulation_steps
        sums: dict[str, torch.Tensor] = {}
        self.optimizer.zero_grad()
        for part in range(parts):
            batch = self._batch(step, part)
            with self.learner.losses(batch) as losses:
                total = self.learner.total(losses, batch, self.weights)
                self.accelerator.backward(total / parts)
            found = {"loss": total, **losses, "lambda_t": self.learner.share(batch)}
            for name, value in found.items():
                sums[name] = sums.get(name, 0) + value.detach().float().mean() / parts
        means = self._gathered(torch.stack(list(sums.values())))
        row = dict(zip(sums, (means / self.accelerator.num_processes).tolist(), strict=True))
        if not all(math.isfinite(value) for value in row.values()):
            raise StudioError(
                f"The loss is not finite at step {step + 1}.",
                "Lower the learning rate or the terms' weights, and resume from the last checkpoint.",
            )
        row["grad_norm"] = self._update(step)
        row["lr"] = self.optimizer.param_groups[0]["lr"]
        return row

    def _update(self, step: int) -> float:
        every = [p for group in self.optimizer.param_groups for p in group["params"]]
        if self.accelerator.num_processes > 1:
            # Averaged by hand: a pass has more outputs than a wrapper sees.
            for p in every:
                p.grad = torch.zeros_like(p) if p.grad is None else p.grad
                p.grad = self._gathered(p.grad) / self.accelerator.num_processes
        for group, rate in zip(self.optimizer.param_groups, self._rates, strict=True):
            group["lr"] = rate * rate_at(step, self.settings)
        norm = self.accelerator.clip_grad_norm_(self.parameters, self.settings.max_grad_norm)
        length = float(norm) if norm is not None else float("nan")
        if self.accelerator.scaler is None and not math.isfinite(length):  # averaged: the same on every process
            raise StudioError(
                f"The gradient is not finite at step {step + 1}.",
                "Lower the learning rate or the terms' weights, and resume from the last checkpoint.",
            )
        self.optimizer.step()
        for mean, p in zip(self.ema, self.parameters, strict=True) if self.ema else ():
            mean.lerp_(p.detach(), 1 - min(EMA_DECAY, (1 + step) / (10 + step)))
        return length

    def _calibrate(self) -> None:
        settings = self.settings
        if any(name in settings.terms and getattr(settings, f"{name}_weight") is None for name in SHARES):
            batches = [self._batch(CALIBRATION_STEP + i, 0) for i in range(settings.calibration_batches)]
        else:
            batches = []
        self.weights = calibrated(self.learner, self.parameters, batches, self._gathered)

    def _gathered(self, values: torch.Tensor) -> torch.Tensor:
        if self.accelerator.num_processes == 1:
            return values
        return self.accelerator.reduce(values, "sum")  # type: ignore[return-value]

    def _anyone(self, asked: bool) -> bool:
        """Whether any process was asked: all must stop at the same step."""
        return bool(self._gathered(torch.tensor(float(asked), device=self.accelerator.device)) > 0)

    def _checkpoint(self) -> None:
        if self.accelerator.is_main_process:
            state = {
                "learnt": self.student.state(self.pipe, self.family),
                "coder": {k: v.cpu() for k, v in self.learner.coder.state_dict().items()},
                "optimizer": self.optimizer.state_dict(),
                "weights": self.weights,
                "ema": [mean.cpu() for mean in self.ema],
                "scaler": self.accelerator.scaler.state_dict() if self.accelerator.scaler is not None else {},
                "world": self.accelerator.num_processes,
                "data": self.learner.data.fingerprint(),
            }
            checkpoints.write(self.folder, self.done, state, self.settings.checkpoints_total_limit)
        self.accelerator.wait_for_everyone()

    def _sample(self, watcher: Watcher) -> None:
        if self.accelerator.is_main_process:
            denoiser: Any = self.family.denoiser(self.pipe)
            was_training = denoiser.training
            denoiser.eval()
            # Half a pipeline learns in float32 where all of its weights do.
            with torch.no_grad(), self.learner.autocast(), self.learner.texts.awake(), storing(self.folder):
                watcher.sample(self.done, self.pipe)
            denoiser.train(was_training)
        self.accelerator.wait_for_everyone()


def rate_at(step: int, settings: TrainSettings) -> float:
    """Factor of the learning rates at a step, counted from 0."""
    if step < settings.lr_warmup_steps:
        return (step + 1) / settings.lr_warmup_steps
    if settings.lr_scheduler == "constant":
        return 1.0
    rest = max(1, settings.max_train_steps - settings.lr_warmup_steps)
    return 0.5 * (1 + math.cos(math.pi * (step - settings.lr_warmup_steps) / rest))
