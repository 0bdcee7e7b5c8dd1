"""One generation: settings and a loaded model become a picture and its maps.

diffusers' own pipeline runs; capture listens, the step callback reports, cancels and previews.
"""

from __future__ import annotations

import difflib
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import diffusers
import torch

from .config import GenerateSettings, MapSettings
from .errors import InputError, ModelBroken, OutOfMemory, SettingError, UnsafeCheckpoint
from .guidance import Guidance, choose_method, guide, read_attributes, read_boxes, read_weights
from .models import LoadedModel
from .paths import typed
from .recording import BatchMaps, prepare, recorded, ways_of
from .types import Box, GuidedStep, Maps, ParsedPrompt, TokenSpans

if TYPE_CHECKING:
    from PIL import Image

    from .capture import MapStore

_PREVIEW_SHARE = 0.1
"""Previews may take this share of the time spent so far."""


class Listener:
    """What a generation tells while it runs. The default listens to nothing."""

    def step(self, step: int, num_steps: int, timestep: float) -> None:
        """`step` steps are done."""

    def guided(self, step: GuidedStep) -> None:
        """Guidance moved the latents of a step."""

    def preview(self, image: Image.Image) -> None:
        """A small picture of the latents."""

    def check_cancelled(self) -> None:
        """Raise `Cancelled` to stop here."""


@dataclass(frozen=True)
class Generated:
    """A picture with its maps, before it is kept."""

    image: Image.Image
    maps: Maps | None
    timings: dict[str, float]
    scheduler: str
    "Class name of the scheduler that ran."
    ways: tuple[str, ...] = ()
    "How maps were read: see `capture.probabilities.way_of`."
    guidance: tuple[GuidedStep, ...] = ()


def generate(
    model: LoadedModel, settings: GenerateSettings, parsed: ParsedPrompt, spans: Sequence[TokenSpans],
    listener: Listener | None = None,
) -> Generated:  # fmt: skip
    """Run the model's own pipeline once and record the maps of the prompt's subjects.

    Raises:
        Cancelled: the listener asked for it.
        SettingError: a scheduler, LoRA or number of steps that this model can't use; maps too large.
        OutOfMemory: of the device.
    """
    listener = listener or Listener()
    check_size(model, settings)
    with _scheduler(model, settings), lora_loaded(model, settings):
        store, opened = prepare(model, settings, parsed, spans, settings.steps)
        started = time.monotonic()
        with enough_memory(), opened as recording, _guided(model, settings, parsed) as guidance:
            steps = _StepCallback(model, store, listener, guidance)
            image = _call(model, settings, steps)
        ended = time.monotonic()
        scheduler = type(model.pipe.scheduler).__name__
    timings = {"denoise": steps.ended - started, "decode": ended - steps.ended}
    maps = recorded(model, settings, store)
    return Generated(image, maps, timings, scheduler, ways_of(recording), tuple(guidance.steps))


@contextmanager
def _guided(
    model: LoadedModel, settings: GenerateSettings, prompt: ParsedPrompt | list[str],
    boxes: Sequence[Mapping[str, Box]] | None = None,
) -> Iterator[Guidance]:  # fmt: skip
    """The asked guidance, and no gradients but its own. `boxes`: one mapping a prompt, instead of the settings'."""
    if not settings.guide:
        with torch.inference_mode():
            yield Guidance(None)
        return
    method = choose_method(settings.guide, **read_weights(settings.guide_weights))
    # Not inference_mode: weights that offload moves inside it could not be differentiated through.
    with (
        torch.no_grad(),
        guide(
            model.pipe,
            prompt,
            method,
            strength=settings.guide_strength,
            boxes=read_boxes(settings.boxes) if boxes is None else boxes,
            attributes=read_attributes(settings.attributes),
            language=settings.language,
            lenient=isinstance(prompt, list),  # one of a whole suite must not stop the others
        ) as guidance,
    ):
        yield guidance


@contextmanager
def enough_memory(remedy: str = "Use a smaller size, dtype float16, or offload model") -> Iterator[None]:
    """Turn a device that runs out of memory into an error that says what to do."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise OutOfMemory("The device ran out of memory.", f"{remedy}; close other programs on it.") from error


def check_size(model: LoadedModel, settings: MapSettings) -> None:
    """Raise `SettingError` where this model can't paint that size."""
    step = model.family.size_step(model.pipe)
    for name in ("width", "height"):
        value = getattr(settings, name)
        if value % step:
            near = max(step, round(value / step) * step)
            raise SettingError(
                f"{name.capitalize()} is {value}.", f"This model takes multiples of {step}: {near}.", name
            )


def paint(
    model: LoadedModel, settings: GenerateSettings, prompts: Sequence[str], seeds: Sequence[int],
    listener: Listener | None = None, boxes: Sequence[Mapping[str, Box]] | None = None, maps: BatchMaps | None = None,
) -> list[Image.Image]:  # fmt: skip
    """Pictures of several prompts at once; settings but prompt and seed hold for all.

    Args:
        boxes: where the subjects of each prompt should stand, instead of the settings' boxes.
            A prompt that names nothing is painted without guidance.
        maps: records the maps of the sampling passes; nothing is recorded without.

    Raises:
        Cancelled: the listener asked for it, which it is asked after every step.
    """
    listener = listener or Listener()
    check_size(model, settings)

    def stepped(pipe: Any, step: int, timestep: Any, tensors: dict[str, Any]) -> dict[str, Any]:
        if maps is not None:
            maps.end_step(float(timestep))
        listener.check_cancelled()
        return {}

    generators = [torch.Generator("cpu").manual_seed(seed) for seed in seeds]
    negative = [settings.negative_prompt] * len(prompts) if settings.negative_prompt else None
    with (
        _scheduler(model, settings), lora_loaded(model, settings), enough_memory(),
        nullcontext() if maps is None else maps.recording, _guided(model, settings, list(prompts), boxes),
    ):  # fmt: skip
        out = model.pipe(
            prompt=list(prompts), negative_prompt=negative, num_inference_steps=settings.steps,
            guidance_scale=settings.guidance_scale, height=settings.height, width=settings.width, generator=generators,
            callback_on_step_end=stepped, **model.family.call_options(model.pipe),
        )  # fmt: skip
    return list(out.images)


def _call(model: LoadedModel, settings: GenerateSettings, steps: _StepCallback) -> Image.Image:
    generator = torch.Generator("cpu").manual_seed(settings.seed)
    out = model.pipe(
        prompt=settings.prompt,
        negative_prompt=settings.negative_prompt or None,
        num_inference_steps=settings.steps,
        guidance_scale=settings.guidance_scale,
        height=settings.height,
        width=settings.width,
        generator=generator,
        callback_on_step_end=steps,
        callback_on_step_end_tensor_inputs=["latents"],
        **model.family.call_options(model.pipe),
    )
    return out.images[0]


class _StepCallback:
    """Called by the pipeline after each step: closes the maps' step, reports, previews, cancels."""

    def __init__(self, model: LoadedModel, store: MapStore | None, listener: Listener, guidance: Guidance) -> None:
        self.model, self.store, self.listener, self.guidance = model, store, listener, guidance
        self._told = 0
        self.started = self.ended = time.monotonic()
        self._previewing = 0.0

    def __call__(self, pipe: Any, step: int, timestep: Any, tensors: dict[str, Any]) -> dict[str, Any]:
        if self.store is not None:
            self.store.end_step(float(timestep))
        now = time.monotonic()
        num_steps = pipe.num_timesteps
        self.listener.step(step + 1, num_steps, float(timestep))
        for pending in self.guidance.pending[self._told :]:
            self.listener.guided(pending.read())
        self._told = len(self.guidance.pending)
        self.listener.check_cancelled()
        if self._previewing <= _PREVIEW_SHARE * (now - self.started) and step + 1 < num_steps:
            self.listener.preview(self.model.family.decode_preview(pipe, tensors["latents"]))
            self._previewing += time.monotonic() - now
        self.ended = time.monotonic()
        return {}


@contextmanager
def _scheduler(model: LoadedModel, settings: GenerateSettings) -> Iterator[None]:
    """The asked scheduler for one run; the model's own afterwards."""
    pipe = model.pipe
    own = pipe.scheduler
    if settings.scheduler and settings.scheduler != type(own).__name__:
        kind = getattr(diffusers, settings.scheduler, None)
        usable = [c.__name__ for c in own.compatibles]
        if kind is None or settings.scheduler not in usable:
            near = difflib.get_close_matches(settings.scheduler, usable, n=1, cutoff=0.4)
            hint = f"Did you mean {near[0]}?" if near else f"Usable: {', '.join(sorted(usable))}."
            raise SettingError(f"Scheduler {settings.scheduler!r} can't run this model.", hint, "scheduler")
        try:
            pipe.scheduler = kind.from_config(own.config)
        except ImportError as error:  # some need a package of their own
            reason = " ".join(str(error).split())[:200]
            raise SettingError(
                f"{settings.scheduler} can't be used: {reason}", "Install it, or choose another.", "scheduler"
            ) from None
    most = pipe.scheduler.config.get("num_train_timesteps", 1000)
    try:
        if settings.steps > most:
            raise SettingError(f"Steps is {settings.steps}.", f"This model's scheduler takes at most {most}.", "steps")
        yield
    finally:
        pipe.scheduler = own


def check_lora(lora: str) -> None:
    """Raise what can be told of a LoRA before its model is loaded: it is not there, or may run code."""
    path = typed(lora)
    if path.is_file() and path.suffix != ".safetensors":
        raise UnsafeCheckpoint(f"{path.name} is no .safetensors file.", "Use the LoRA's .safetensors version.")
    if not path.exists() and lora.count("/") != 1:
        raise InputError(f"There is no LoRA at {lora!r}.", "Give its folder or .safetensors file.")


@contextmanager
def lora_loaded(model: LoadedModel, settings: MapSettings) -> Iterator[None]:
    """The asked LoRA for one run; none afterwards."""
    if not settings.lora:
        yield
        return
    check_lora(settings.lora)
    path = typed(settings.lora)
    try:
        source = str(path) if path.exists() else settings.lora
        model.pipe.load_lora_weights(source, adapter_name="studio", use_safetensors=True)
        model.pipe.set_adapters(["studio"], [settings.lora_scale])
    except Exception as error:
        model.pipe.unload_lora_weights()
        reason = " ".join(str(error).split())[:200]
        raise ModelBroken(f"The LoRA {path.name} does not fit: {reason}", "Use one made for this model.") from error
    try:
        yield
    finally:
        model.pipe.unload_lora_weights()
