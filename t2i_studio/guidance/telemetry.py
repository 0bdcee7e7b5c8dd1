"""What guidance did at each step. Numbers stay on the device until somebody asks."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import torch

from ..types import GuidedStep


class Clock:
    """Seconds of work between two moments: CUDA events where there is a GPU, so that nothing waits.

    `peak_memory` is the device's highest so far: an evaluation around it reads the same, and resets it.
    """

    def __init__(self, device: torch.device) -> None:
        self._cuda = device.type == "cuda"
        self._device, self._begin = device, self._now()

    def stop(self) -> Clock:
        """The end of the work."""
        self._end = self._now()
        self.peak_memory = torch.cuda.max_memory_allocated(self._device) if self._cuda else 0
        return self

    def seconds(self) -> float:
        """Waits for the device where it must."""
        if not self._cuda:
            return self._end - self._begin
        self._end.synchronize()
        return self._begin.elapsed_time(self._end) / 1000

    def _now(self) -> Any:
        if not self._cuda:
            return time.perf_counter()
        event = torch.cuda.Event(enable_timing=True)
        event.record(torch.cuda.current_stream(self._device))
        return event


@dataclass
class Pending:
    """The same with tensors, one entry a picture of the batch."""

    step: int
    timestep: Any
    losses: dict[str, torch.Tensor]
    total: torch.Tensor
    gradient_norm: torch.Tensor
    latent_norm: torch.Tensor
    shift_norm: torch.Tensor
    skipped: torch.Tensor
    clipped: torch.Tensor
    refinements: int
    clock: Clock

    def read(self) -> GuidedStep:
        """Fetch the numbers; waits for the device."""
        return GuidedStep(
            self.step, float(self.timestep), {name: float(v.mean()) for name, v in self.losses.items()},
            float(self.total.mean()), float(self.gradient_norm.mean()), float(self.latent_norm.mean()),
            float(self.shift_norm.mean()), self.refinements, self.clock.seconds(), self.clock.peak_memory,
            int(self.skipped.sum()), int(self.clipped.sum()),
        )  # fmt: skip
