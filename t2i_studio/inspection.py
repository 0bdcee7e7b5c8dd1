"""One inspection: a picture that exists already becomes maps, at chosen noise levels.

The picture is encoded, one and the same noise is laid over it at each timestep, and the denoiser looks
once; it ends after the last wanted site. Nothing is sampled, and nothing is guided.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch

from .config import InspectSettings
from .errors import CaptureError, SettingError
from .generation import Generated, Listener, check_size, enough_memory, lora_loaded
from .recording import prepare, recorded, ways_of

if TYPE_CHECKING:
    from PIL import Image

    from .capture import MapStore, Recording
    from .models import LoadedModel
    from .types import ParsedPrompt, TokenSpans


def inspect(
    model: LoadedModel, settings: InspectSettings, image: Image.Image, parsed: ParsedPrompt,
    spans: Sequence[TokenSpans], listener: Listener | None = None,
) -> Generated:  # fmt: skip
    """Where the model looks for each noun of the caption in this picture.

    Args:
        image: RGB, of `settings.width` × `settings.height` pixels.

    Raises:
        Cancelled: the listener asked for it.
        CaptureError: the caption has no word to map.
        SettingError: a timestep, size or LoRA that this model can't use; maps too large.
        StudioError: out of device memory.
    """
    listener = listener or Listener()
    check_size(model, settings)
    timesteps = _checked(model, settings)
    started = time.monotonic()
    with lora_loaded(model, settings):
        store, opened = prepare(model, settings, parsed, spans, len(timesteps))
        if store is None:
            raise CaptureError("The caption names nothing to look for.", "Name what is to be seen: a cat and a dog.")
        with enough_memory(), torch.inference_mode(), opened as recording:
            _look(model, settings, timesteps, image, store, recording, listener)
    seconds = {"denoise": time.monotonic() - started}
    return Generated(image, recorded(model, settings, store), seconds, "none", ways_of(recording))


def _look(
    model: LoadedModel, settings: InspectSettings, timesteps: Sequence[float], image: Image.Image, store: MapStore,
    recording: Recording, listener: Listener,
) -> None:  # fmt: skip
    family, pipe = model.family, model.pipe
    latents = family.encode_image(pipe, image)
    generator = torch.Generator("cpu").manual_seed(settings.seed)
    noise = torch.randn(latents.shape, generator=generator).to(latents.device, latents.dtype)
    text = family.text_inputs(pipe, [settings.prompt], settings.height, settings.width)
    for step, timestep in enumerate(timesteps):
        listener.check_cancelled()
        at = torch.tensor([timestep], device=latents.device)
        recording.forward(family.noised(pipe, latents, noise, at), timestep=at, **text)
        store.end_step(timestep)
        listener.step(step + 1, len(timesteps), timestep)


def _checked(model: LoadedModel, settings: InspectSettings) -> tuple[float, ...]:
    """The timesteps as this model counts them."""
    last = model.family.last_timestep(model.pipe)
    wrong = next((t for t in settings.timesteps if t > last), None)
    if wrong is not None:
        raise SettingError(f"Timestep {wrong:g} is too large.", f"This model counts from 0 to {last:g}.", "timesteps")
    return tuple(sorted({model.family.timestep(t) for t in settings.timesteps}, reverse=True))
