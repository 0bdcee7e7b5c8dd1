"""One probe on a loaded model: its size checked, its LoRA on, its progress told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .generation import Listener, check_size, enough_memory, lora_loaded
from .training.probe import Probed, probe

if TYPE_CHECKING:
    from .config import ProbeSettings
    from .models import LoadedModel
    from .training import Picture


def probed(model: LoadedModel, settings: ProbeSettings, picture: Picture, listener: Listener | None = None) -> Probed:
    """A picture's maps at every noise level.

    Args:
        picture: of `settings.width` × `settings.height` pixels.

    Raises:
        Cancelled: the listener asked for it.
        StudioError: see `training.probe`; out of device memory.
    """
    listener = listener or Listener()
    check_size(model, settings)

    def step(done: int, total: int, timestep: float) -> None:
        listener.step(done, total, timestep)
        listener.check_cancelled()

    with lora_loaded(model, settings), enough_memory():
        return probe(model.pipe, model.family, settings, picture, step)
