"""What `guide` lays around a pipeline's denoiser and scheduler, and takes away again."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ..errors import SettingError

if TYPE_CHECKING:
    import torch


@contextmanager
def frozen(denoiser: Any) -> Iterator[None]:
    """No gradients of weights while guiding: they would cost memory for nothing."""
    moving = [p for p in denoiser.parameters() if p.requires_grad]
    for p in moving:
        p.requires_grad_(False)
    try:
        yield
    finally:
        for p in moving:
            p.requires_grad_(True)


@contextmanager
def shifted_steps(scheduler: Any, take_shift: Callable[[], torch.Tensor | None]) -> Iterator[None]:
    """This scheduler object's `step` takes the sample shifted by what `take_shift` gives, until the block ends."""
    if "step" in vars(scheduler):
        raise SettingError(
            "This pipeline is guided already.", "Open one guide() at a time, or combine weights in it.", "guide"
        )
    original = scheduler.step

    @functools.wraps(original)
    def step(model_output: Any, timestep: Any, sample: Any, *args: Any, **kwargs: Any) -> Any:
        shift = take_shift()
        if shift is not None:
            sample = sample + shift.to(sample.device, sample.dtype)
        return original(model_output, timestep, sample, *args, **kwargs)

    scheduler.step = step
    try:
        yield
    finally:
        del scheduler.step


@contextmanager
def told_of_starts(scheduler: Any, restart: Callable[[], None]) -> Iterator[None]:
    """Each call of the pipeline sets its timesteps first: then guidance begins anew, by `restart`."""
    original = scheduler.set_timesteps

    @functools.wraps(original)
    def set_timesteps(*args: Any, **kwargs: Any) -> Any:
        restart()
        return original(*args, **kwargs)

    scheduler.set_timesteps = set_timesteps
    try:
        yield
    finally:
        del scheduler.set_timesteps
