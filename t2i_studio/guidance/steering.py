"""`with guide(pipe, …): pipe(…)`: diffusers' own pipeline runs, and each step's latents are moved first.

Before the denoiser's first call of a step, a hook runs it once more for its maps alone, works out the
losses and their gradient with respect to the denoiser's input, and shifts that input; the same shift
goes into `scheduler.step`. Nothing else is touched, and everything is put back on exit and on error.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch

from ..errors import CaptureError, InputError, PromptError, SettingError
from ..families import family_for
from ..prompts import attributed, parse
from ..types import GuidedStep, ParsedPrompt
from .method import Method
from .methods import choose_method
from .passes import Call, PassMaps, chosen, first, together
from .rows import check_rows
from .schedulers import carries, check_scheduler
from .target import Target, make_target
from .telemetry import Clock, Pending
from .view import View
from .wrapping import frozen, shifted_steps, told_of_starts

if TYPE_CHECKING:
    from ..families import Family
    from ..types import Box

LONGEST_SHIFT = 0.5
"""A shift longer than this share of √dim is shortened: no method means to replace half of the latents."""
HALF_SCALE = 1024.0
"""In float16 the loss is multiplied by this, and its gradient divided: small gradients would vanish."""


@dataclass
class Guidance:
    """What `guide` gives: the telemetry of the run inside it."""

    method: Method | None
    "None where nothing is guided: the strength is 0, or no prompt names anything."
    pending: list[Pending] = field(default_factory=list, repr=False)

    @property
    def steps(self) -> list[GuidedStep]:
        """The guided steps so far. Waits for the device."""
        return [one.read() for one in self.pending]


@contextmanager
def guide(
    pipe: Any,
    prompt: str | Sequence[str] | ParsedPrompt,
    method: str | Method = "ai-t2i",
    *,
    strength: float = 1.0,
    boxes: Mapping[str, Box] | Sequence[Mapping[str, Box]] | None = None,
    attributes: Mapping[str, Sequence[str]] | None = None,
    nouns: Sequence[str] | None = None,
    language: str = "en",
    lenient: bool = False,
    **settings: Any,
) -> Iterator[Guidance]:
    """Guide every picture that `pipe` paints inside the block.

    Args:
        pipe: a diffusers pipeline of a known family.
        prompt: what the pipeline is called with; several for a batch, in its order; or one that is parsed already.
        method: key of `METHODS`, or a method with its dials set.
        strength: factor of the step size; 0 is bit-identical to no guidance.
        boxes: where subjects should stand, by their ids (`cat`, `car#2`); for several prompts one such mapping each.
        attributes: words that describe a subject, by its id, instead of those the parser found.
        nouns: subjects instead of those the parser found.
        language: of the prompt (Stanza code).
        lenient: prompts that name nothing are painted as without guidance, instead of refused.
        settings: dials of the method, by name.

    Raises:
        PromptError, SettingError: nothing to guide; unknown method, dial or box; a scheduler that loses shifts.
        CaptureError: a model or attention that can't be read.
    """
    asked = choose_method(method, **settings) if isinstance(method, str) else method
    if isinstance(method, Method) and settings:
        raise SettingError("Dials are set twice.", "Give a method's name with dials, or a method.", "guide")
    if strength == 0:
        yield Guidance(None)
        return
    check_scheduler(type(pipe.scheduler).__name__)
    family = family_for(pipe)
    check_rows(pipe, family.denoiser(pipe))
    prompts = list(prompt) if isinstance(prompt, list | tuple) else [prompt]
    parsed = [one if isinstance(one, ParsedPrompt) else parse(str(one), language, nouns) for one in prompts]
    parsed = [attributed(one, attributes or {}) for one in parsed]
    targets = [
        make_target(pipe, family, asked, one, own) for one, own in zip(parsed, _each(boxes, len(parsed)), strict=True)
    ]
    if not lenient and (empty := next((o for o, t in zip(parsed, targets, strict=True) if t is None), None)):
        raise PromptError(f"{empty.text[:80]!r} names nothing to guide.", "Name what is to be seen: a cat and a dog.")
    if not any(targets):
        yield Guidance(None)
        return
    guidance = Guidance(asked)
    with ExitStack() as stack:
        running = _Running(pipe, family, asked, targets, strength, guidance, stack)
        stack.enter_context(frozen(running.denoiser))
        hook = running.denoiser.register_forward_pre_hook(running.before, with_kwargs=True)
        stack.callback(hook.remove)
        stack.enter_context(shifted_steps(pipe.scheduler, running.take_latent_shift))
        stack.enter_context(told_of_starts(pipe.scheduler, running.restart))
        yield guidance


def _each(boxes: Any, number: int) -> list[Mapping[str, Box]]:
    """Boxes of each prompt."""
    if boxes is None or isinstance(boxes, Mapping):
        return [boxes or {}] * number
    if len(boxes) != number:
        raise InputError(f"There are boxes for {len(boxes)} prompts, and {number} prompts.", "Give boxes for each.")
    return list(boxes)


class _Running:
    """One `guide` block at work."""

    def __init__(
        self, pipe: Any, family: Family, method: Method, targets: Sequence[Target | None], strength: float,
        guidance: Guidance, stack: ExitStack,
    ) -> None:  # fmt: skip
        self.pipe, self.family, self.method = pipe, family, method
        self.denoiser, self._scheduler = family.denoiser(pipe), pipe.scheduler
        self._targets, self._strength = targets, strength
        self._guidance, self._stack = guidance, stack
        self._passes: list[tuple[list[int], PassMaps]] = []
        "Indices of targets, and their maps."
        self._size: tuple[int, int] | None = None
        self._step, self._last = 0, -1
        "Index of the denoiser's call, and of the last that was guided."
        self._done = False
        "Whether this step's shift was worked out."
        self._input_shift: torch.Tensor | None = None
        self._latent_shift: torch.Tensor | None = None
        self._inside = False
        self._channels = int(pipe.vae.config.latent_channels)
        "Those of the input that are latents; inpainting models get a mask and a picture after them."

    def restart(self) -> None:
        """A new picture begins."""
        self._step, self._last, self._done = 0, -1, False
        self._input_shift = self._latent_shift = None

    def before(self, module: Any, args: tuple, kwargs: dict[str, Any]) -> tuple[tuple, dict[str, Any]] | None:
        """The hook: work the shift out at a step's first call, and apply it at every call."""
        if self._inside:
            return None
        if self.pipe.scheduler is not self._scheduler:
            raise SettingError(
                "The scheduler was exchanged inside guide().", "Exchange it before guide() is opened.", "scheduler"
            )
        name = "sample" if "sample" in kwargs else "hidden_states"
        sample: torch.Tensor = args[0] if args else kwargs[name]
        if not self._done:
            self._done = True
            self._work_out(sample, args, kwargs)
        if self._input_shift is None:
            return None
        repeated = self._input_shift.repeat(len(sample) // len(self._input_shift), 1, 1, 1)
        moved = sample + repeated.to(sample.dtype)
        if args:
            return (moved, *args[1:]), kwargs
        return args, {**kwargs, name: moved}

    def take_latent_shift(self) -> torch.Tensor | None:
        """The shift of this step's latents, once; the step is over then."""
        shift = self._latent_shift
        self._input_shift = self._latent_shift = None
        self._done = False
        self._step += 1
        return shift

    def _work_out(self, sample: torch.Tensor, args: tuple, kwargs: dict[str, Any]) -> None:
        scheduler = self.pipe.scheduler
        # Not the scheduler's list: image to image runs only the end of it.
        num_steps = int(getattr(self.pipe, "num_timesteps", None) or len(scheduler.timesteps))
        length = self._strength * self.method.strength(self._step, num_steps)
        if length == 0 or not carries(scheduler, self._step):
            return
        timestep = args[1] if len(args) > 1 else kwargs["timestep"]
        number = len(sample) // 2 if getattr(self.pipe, "do_classifier_free_guidance", False) else len(sample)
        if number == 0 or len(sample) % number or number % len(self._targets):
            raise InputError(
                f"guide() was given {len(self._targets)} prompts, and the pipeline paints {number} pictures.",
                "Give guide() the same prompts as the pipeline.",
            )
        with torch.inference_mode(False):
            rows = slice(len(sample) - number, None)
            call = Call(
                tuple(chosen(a, len(sample), rows) for a in args[1:]),
                {k: chosen(v, len(sample), rows) for k, v in kwargs.items() if v is not sample},
            )
            start = sample[rows].detach().clone()
            if self._last < 0:
                self._check_prompts(call, number)
            self._open(start)
            shift = self._shift(start, call, length, num_steps, timestep)
            # The denoiser's input has unit variance; latents may be scaled otherwise (Euler).
            scale = torch.ones(1, device=shift.device)
            if hasattr(scheduler, "scale_model_input"):
                scale = scheduler.scale_model_input(scale, first(timestep))
        self._input_shift, self._latent_shift = shift, shift[:, : self._channels] / scale

    def _check_prompts(self, call: Call, number: int) -> None:
        """Pictures that one prompt of guide() stands for must have one text. Asks the device, once a picture."""
        text = call.kwargs.get("encoder_hidden_states")
        if not isinstance(text, torch.Tensor) or len(text) != number or number == len(self._targets):
            return
        each = text.float().unflatten(0, (len(self._targets), -1))
        if bool((each - each[:, :1]).abs().amax() > 0.01 * each.abs().amax()):
            raise InputError(
                f"The pipeline paints other prompts than the {len(self._targets)} that guide() was given.",
                "Give guide() the same prompts as the pipeline, in the same order.",
            )

    def _shift(self, start: torch.Tensor, call: Call, length: float, num_steps: int, timestep: Any) -> torch.Tensor:
        """How far to move the input (B, C, h, w), float32: refinements, then one step along the gradient."""
        clock = Clock(start.device)
        variance = self.family.input_variance(self.pipe, first(timestep))
        now, refinements, found = start.float(), 0, None
        calls, self._last = range(self._last + 1, self._step + 1), self._step
        if self.method.refines(calls, num_steps):
            now, refinements, found = self._refined(now, start.dtype, call, length * variance, calls, num_steps)
        if found is None or self.method.refines_apart:
            found = self._gradient(now.to(start.dtype), call, self.method.total)
        shift = now - length * variance * found.gradient - start.float()
        size, dim = shift.flatten(1).norm(dim=1), float(shift[0, : self._channels].numel()) ** 0.5
        clipped = size > LONGEST_SHIFT * dim
        shift = shift * (LONGEST_SHIFT * dim / size.clamp_min(1e-12)).clamp_max(1).view(-1, 1, 1, 1)
        self._guidance.pending.append(
            Pending(
                self._step, first(timestep), found.losses, found.total, found.gradient.flatten(1).norm(dim=1),
                (start.float() + shift)[:, : self._channels].flatten(1).norm(dim=1) / dim,
                shift.flatten(1).norm(dim=1) / dim,
                found.skipped, clipped, refinements, clock.stop(),
            )
        )  # fmt: skip
        return shift

    def _refined(
        self, now: torch.Tensor, dtype: torch.dtype, call: Call, length: Any, calls: range, num_steps: int
    ) -> tuple[torch.Tensor, int, _Found]:
        """The input after as many moves as its pictures ask for, their number, and what was found there."""
        found, moving = None, list(range(len(self._targets)))
        for done in itertools.count():
            # Where a prompt's pictures have enough, they rest, and what was found of them still holds.
            found = self._gradient(now.to(dtype), call, self.method.refined_total, moving, found)
            wanting = self.method.wanting(found.losses, calls, num_steps, done)
            moving = wanting.view(len(self._targets), -1).any(1).nonzero().flatten().tolist()
            if not moving:
                return now, done, found
            now = now - torch.where(wanting.view(-1, 1, 1, 1), length * found.gradient, 0.0)
        raise AssertionError

    def _gradient(
        self, sample: torch.Tensor, call: Call, total: Callable[..., torch.Tensor],
        of: Sequence[int] | None = None, before: _Found | None = None,
    ) -> _Found:  # fmt: skip
        """Losses of every picture, and the gradient of their `total`.

        Args:
            of: the targets to look at, by index; all where None. Of the others `before` holds.
        """
        per_prompt = len(sample) // len(self._targets)
        found = [_unmoved(sample[:per_prompt])] * len(self._targets)
        if before is not None:
            found = [before.rows(index * per_prompt, per_prompt) for index in range(len(self._targets))]
        for indices, maps in self._passes:
            which = [place for place, index in enumerate(indices) if of is None or index in of]
            if not which:
                continue
            chosen = [indices[place] for place in which]
            rows = [row for index in chosen for row in range(index * per_prompt, (index + 1) * per_prompt)]
            part = sample[rows], call.rows(len(sample), rows)
            for index, one in zip(chosen, self._of_pass(chosen, which, maps, *part, total), strict=True):
                found[index] = one
        return _Found(
            _joined(found), torch.cat([one.total for one in found]),
            torch.cat([one.gradient for one in found]), torch.cat([one.skipped for one in found]),
        )  # fmt: skip

    def _of_pass(
        self, indices: Sequence[int], which: Sequence[int], maps: PassMaps, sample: torch.Tensor, call: Call,
        total: Callable[..., torch.Tensor],
    ) -> list[_Found]:  # fmt: skip
        """The same of some targets, which are those of `maps` at the places `which`: rows do not know of each other."""
        scale = HALF_SCALE if sample.dtype == torch.float16 else 1.0
        each = len(sample) // len(indices)
        with torch.enable_grad():
            leaf = sample.detach().clone().requires_grad_()
            self._inside = True
            try:
                tokens = maps.forward(leaf, call, which)
            finally:
                self._inside = False
            roles = [target.roles for index in indices if (target := self._targets[index]) is not None]
            losses = [self.method.losses(View(one, roles[row // each])) for row, one in enumerate(tokens)]
            totals = torch.stack([total(one) for one in losses])
            (gradient,) = torch.autograd.grad(scale * totals.sum(), leaf)
        gradient = gradient.float() / scale
        gradient[:, self._channels :] = 0
        broken = ~gradient.isfinite().flatten(1).all(1)
        gradient = torch.where(broken.view(-1, 1, 1, 1), 0.0, gradient)
        found = []
        for start in range(0, len(sample), each):
            own = slice(start, start + each)
            names = {name: torch.stack([one[name].detach() for one in losses[own]]) for name in losses[start]}
            found.append(_Found(names, totals[own].detach(), gradient[own], broken[own]))
        return found

    def _open(self, sample: torch.Tensor) -> None:
        """Recordings for latents of this size; opened at the first step, for only then is it known."""
        size = (int(sample.shape[-2]), int(sample.shape[-1]))
        if self._size == size:
            return
        if self._size is not None:
            raise CaptureError("The size of the picture changed inside guide().", "Open guide() once a size.")
        self._size = size
        sites = self.family.default_sites(self.denoiser, *size)
        for indices in together(self._targets, size[0] * size[1] * (len(sample) // len(self._targets))):
            targets = [target for index in indices if (target := self._targets[index]) is not None]
            self._passes.append((indices, PassMaps(self.denoiser, self.family, sites, targets, self._stack)))


@dataclass(frozen=True)
class _Found:
    losses: dict[str, torch.Tensor]
    total: torch.Tensor
    gradient: torch.Tensor
    skipped: torch.Tensor

    def rows(self, start: int, number: int) -> _Found:
        """What was found of some pictures."""
        own = slice(start, start + number)
        losses = {name: values[own] for name, values in self.losses.items()}
        return _Found(losses, self.total[own], self.gradient[own], self.skipped[own])


def _unmoved(sample: torch.Tensor) -> _Found:
    """Of pictures whose prompt names nothing."""
    still = torch.zeros_like(sample, dtype=torch.float32)
    none = still.flatten(1).sum(1)
    return _Found({}, none, still, none.bool())


def _joined(parts: Sequence[_Found]) -> dict[str, torch.Tensor]:
    """Losses of all prompts; a part that one prompt lacks (no adjective, say) counts 0 there."""
    names = dict.fromkeys(name for part in parts for name in part.losses)
    return {name: torch.cat([part.losses.get(name, torch.zeros_like(part.total)) for part in parts]) for name in names}
