"""One batch: the diffusion loss, and CTCal's terms beside it (arXiv 2603.20741).

The same current network looks at the same picture and noise twice: at the teacher's timestep without
gradient and no further than the last wanted site, and at the student's, where both losses are taken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from ..errors import SettingError
from ..losses import MapCoder, per_sample, pixel, reconstruction, response, semantic
from .data import Encoded, drawn
from .passes import Watch, watching
from .terms import fresh_coder
from .texts import Texts
from .words import most

if TYPE_CHECKING:
    import numpy as np

    from ..families import Family
    from ..types import Site
    from .settings import TrainSettings


@dataclass(frozen=True)
class Batch:
    """What a batch is made of; everything that chance decides is in it."""

    indices: tuple[int, ...]
    noise: torch.Tensor
    "(B, C, h, w)."
    t_stu: torch.Tensor
    "(B,)."
    t_tea: torch.Tensor
    "(B,)."
    unnamed: tuple[bool, ...]
    "Whose captions are left empty."


SHOWN = 0.8
"""Noise level of the student whose maps are shown while training, share of all."""


class Learner:
    """A pipeline of which some weights learn, the autoencoder of its maps, and how a batch becomes losses."""

    def __init__(self, pipe: Any, family: Family, settings: TrainSettings, data: Encoded, device: torch.device) -> None:
        self.pipe, self.family, self.settings, self.data = pipe, family, settings, data
        self.device = device
        self.coder: MapCoder = fresh_coder(settings.seed).to(device)
        self.denoiser: Any = family.denoiser(pipe)
        self.size = tuple(data.latents.shape[-2:])
        self.sites = _sites(family, self.denoiser, self.size, settings.sites)
        scale = int(pipe.vae_scale_factor)
        self.pixels = (self.size[0] * scale, self.size[1] * scale)
        self.autocast: Callable[[], AbstractContextManager[Any]] = nullcontext
        "Opened round passes of the denoiser, not round losses or their gradients."
        wanted = settings.teacher
        if settings.terms and wanted not in ("auto", "random") and float(wanted) >= self._shown():
            raise SettingError(
                f"A teacher at timestep {wanted} sees no more than its student.",
                f"Write one far below {self._shown():g}: 0 is the paper's.", "teacher",
            )  # fmt: skip
        self.texts = Texts(pipe, family, *self.pixels, device, settings.train_text_encoder)

    def batch(self, indices: Sequence[int], step: int, part: int = 0, rank: int = 0) -> Batch:
        """Noise and timesteps of a batch; the teacher's come from a stream of their own, so that a
        training without a teacher sees the same noise."""
        seed = self.settings.seed
        chance = drawn(seed, step, part, rank, 0)
        noise = torch.randn((len(indices), *self.data.latents.shape[1:]), generator=chance)
        t_stu = self.family.draw_timesteps(self.pipe, len(indices), chance)
        t_tea = self._teachers(t_stu, drawn(seed, step, part, rank, 1))
        unnamed = torch.rand(len(indices), generator=drawn(seed, step, part, rank, 4)) < self.settings.caption_dropout
        return Batch(tuple(indices), noise, t_stu, t_tea, tuple(unnamed.tolist()))

    def _teachers(self, t_stu: torch.Tensor, chance: torch.Generator) -> torch.Tensor:
        wanted = self.settings.teacher
        if wanted == "random":
            return self.family.draw_below(self.pipe, t_stu, 1.0, chance)
        if wanted == "auto" and self.family.joint_softmax:
            return self.family.draw_below(self.pipe, t_stu, self.settings.teacher_cap, chance)
        fixed = 0.0 if wanted == "auto" else self.family.timestep(float(wanted))
        return torch.minimum(torch.full_like(t_stu, fixed), t_stu)

    @contextmanager
    def losses(self, batch: Batch) -> Iterator[dict[str, torch.Tensor]]:
        """Each loss of each sample (B,), unweighted: `diffusion`, and the terms that the settings name.

        All carry their graph; terms are 0 where a caption names nothing. Go backward inside the block: with
        gradient checkpointing the sites run again then, and must still be watched.
        """
        rows = list(zip(batch.indices, batch.unnamed, strict=True))
        words = [self.data.words[i].unnamed() if empty else self.data.words[i] for i, empty in rows]
        latents = self.data.latents[list(batch.indices)].to(self.device)
        noise = batch.noise.to(self.device)
        text = self.texts(["" if empty else self.data.captions[i] for i, empty in rows])
        if not self.settings.terms or most(words) == 0:
            found = {"diffusion": self._diffusion(latents, noise, batch.t_stu, text)}
            nothing = found["diffusion"].detach() * 0
            yield found | dict.fromkeys(self.settings.terms, nothing)
            return
        with watching(self.denoiser, self.family, self.sites, words, keep_graph=True) as watch:
            teacher = self.teacher(watch, latents, noise, batch.t_tea, text)
            diffusion = self._diffusion(latents, noise, batch.t_stu, text)
            student = watch.mean()
            yield {"diffusion": diffusion, **self._terms(student, teacher, watch.present.to(self.device))}

    @torch.no_grad()
    def teacher(
        self, watch: Watch, latents: torch.Tensor, noise: torch.Tensor, t_tea: torch.Tensor, text: dict[str, Any]
    ) -> torch.Tensor:
        """The teacher's maps (B, N, Y, X), float32, without a graph."""
        noisy = self.family.noised(self.pipe, latents, noise, t_tea.to(self.device))
        with self.autocast():
            watch(noisy.to(self.denoiser.dtype), t_tea.to(self.device), text)
        return watch.mean().float()

    def pair(self) -> tuple[tuple[str, ...], np.ndarray, np.ndarray] | None:
        """Words, teacher's and student's maps (N, Y, X) of one fixed example, noise and pair of timesteps.

        None where no caption names anything.
        """
        numbers = [len(words.columns) for words in self.data.words]
        if not any(numbers):
            return None
        index = next((i for i, number in enumerate(numbers) if number > 1), numbers.index(max(numbers)))
        return self._pair(index)

    def pairs(self, number: int) -> Iterator[tuple[tuple[str, ...], np.ndarray, np.ndarray]]:
        """The same of the first examples whose captions name something."""
        for index in [i for i, words in enumerate(self.data.words) if words.columns][:number]:
            yield self._pair(index)

    @torch.no_grad()
    def _pair(self, index: int) -> tuple[tuple[str, ...], np.ndarray, np.ndarray]:
        words, latents = self.data.words[index], self.data.latents[index : index + 1].to(self.device)
        noise = torch.randn(latents.shape, generator=drawn(0, 0, 0, 0, 2)).to(self.device)
        text = self.texts([self.data.captions[index]])
        high = self._shown()
        # What training draws for such a student; of those that are drawn, the middle one.
        low = float(self._teachers(torch.full((101,), float(high)), drawn(0, 0, 0, 0, 3)).median())
        with watching(self.denoiser, self.family, self.sites, [words]) as watch:
            both = [self.teacher(watch, latents, noise, torch.tensor([t]), text)[0] for t in (low, high)]
        return words.names, both[0].cpu().numpy(), both[1].cpu().numpy()

    def _shown(self) -> float:
        return self.family.timestep(SHOWN * self.family.last_timestep(self.pipe))

    def _terms(self, student: torch.Tensor, teacher: torch.Tensor, present: torch.Tensor) -> dict[str, torch.Tensor]:
        student = student.float()
        train = self.settings.semantic_trains_encoder
        values = {}
        for name in self.settings.terms:
            if name == "pixel":
                values[name] = pixel(student, teacher)
            elif name == "semantic":
                values[name] = semantic(self.coder, student, teacher, train)
            elif name == "reconstruction":
                values[name] = reconstruction(self.coder, teacher)
            else:
                values[name] = response(student, present)
        return {name: per_sample(value, present) for name, value in values.items()}

    def _diffusion(
        self, latents: torch.Tensor, noise: torch.Tensor, t_stu: torch.Tensor, text: dict[str, Any]
    ) -> torch.Tensor:
        at = t_stu.to(self.device)
        noisy = self.family.noised(self.pipe, latents, noise, at)
        with self.autocast():
            predicted = self.family.predict(self.pipe, noisy.to(self.denoiser.dtype), at, text).float()
        wanted = self.family.target(self.pipe, latents, noise, at).float()
        return (predicted - wanted).square().flatten(1).mean(1)

    def total(self, losses: dict[str, torch.Tensor], batch: Batch, weights: dict[str, float]) -> torch.Tensor:
        """`mean_b reward·(L_diffusion + λ_t·Σ λ·term)`: a scalar."""
        rewards = self.data.rewards[list(batch.indices)].to(self.device) if self.settings.reward_weights else 1.0
        taught = sum((weights[name] * losses[name] for name in self.settings.terms), start=losses["diffusion"] * 0)
        return (rewards * (losses["diffusion"] + self.share(batch) * taught)).mean()

    def share(self, batch: Batch) -> torch.Tensor:
        """λ_t of each sample (B,)."""
        t = batch.t_stu.to(self.device).float()
        return t / int(self.pipe.scheduler.config.num_train_timesteps) if self.settings.adaptive else torch.ones_like(t)


def _sites(family: Family, denoiser: Any, size: tuple[int, ...], wanted: str) -> tuple[Site, ...]:
    """The named sites, or the family's own.

    Raises:
        SettingError: an unknown one, or sites of several sizes, whose maps have no mean.
    """
    names = [name.strip() for name in wanted.split(",") if name.strip()]
    if not names:
        return family.default_sites(denoiser, *size)
    every = {site.name: site for site in family.sites(denoiser, *size)}
    stray = next((name for name in names if name not in every), None)
    if stray is not None:
        raise SettingError(f"The model has no layer {stray!r}.", f"It has: {', '.join(every)}.", "sites")
    if len({every[name].grid for name in names}) > 1:
        raise SettingError("These layers' maps differ in size.", "Name layers of one size.", "sites")
    return tuple(every[name] for name in names)
