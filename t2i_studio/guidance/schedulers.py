"""Which schedulers carry a shift of the latents through their step, and at which calls.

A shift of `sample` survives one step fully where the next sample is worked out from it. Schedulers of
second order call the model twice a step and start the second call from the sample of the first: they
are shifted at the first. Some rebuild the sample from an older one, so that a shift is lost or halved.
"""

from __future__ import annotations

from typing import Any

from ..errors import SettingError

LOSE = {
    "UniPCMultistepScheduler": "its corrector starts again from the sample before the shift and halves it",
    "DPMSolverSinglestepScheduler": "it starts again from older samples and distorts the shift",
    "SASolverScheduler": "its corrector starts again from the sample before the shift",
}
REMEDY = "Use DDIMScheduler, EulerDiscreteScheduler or DPMSolverMultistepScheduler."


def check_scheduler(name: str) -> None:
    """Raise `SettingError` for classes of schedulers that do not carry a shift."""
    if name in LOSE:
        raise SettingError(f"{name} can't be guided: {LOSE[name]}.", REMEDY, "scheduler")


def carries(scheduler: Any, step: int) -> bool:
    """Whether a shift at this call (0-based index of `scheduler.step`) reaches the next sample."""
    if type(scheduler).__name__ == "PNDMScheduler":
        if scheduler.config.skip_prk_steps:
            return step != 1  # it repeats the first step from the sample it kept
        # Runge-Kutta: four calls a step, all from the sample of the first.
        return step >= len(scheduler.prk_timesteps) or step % 4 == 0
    return bool(getattr(scheduler, "state_in_first_order", True))
