"""The probe: one picture, caption and noise at many noise levels; what the maps say at each (CTCal's premise).

The picture is encoded once, the same noise laid over it at every timestep, and the denoiser looks at
several of them at a time, no further than the last wanted site.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ..config import ProbeSettings
from ..errors import PromptError, SettingError
from ..losses import pooled
from ..prompts import parse
from ..types import Maps, MapStack, ParsedPrompt, grid_name
from .alignment import numbers
from .passes import watching
from .pictures import Picture, touched
from .words import words_of

if TYPE_CHECKING:
    from ..families import Family
    from ..types import Site


@dataclass(frozen=True)
class Probed:
    """One picture's maps at every noise level."""

    picture: Picture
    "As the model saw it."
    settings: ProbeSettings
    parsed: ParsedPrompt
    maps: Maps
    default_sites: tuple[str, ...]
    "Those that training uses; their mean is `main`."

    @property
    def teacher(self) -> int:
        """Index of the teacher's noise level."""
        return _nearest(self.maps.timesteps, self.settings.t_tea)

    @property
    def student(self) -> int:
        """Index of the student's noise level."""
        return _nearest(self.maps.timesteps, self.settings.t_stu)

    @property
    def main(self) -> np.ndarray:
        """Maps (T, N, Y, X): mean over the sites that training uses."""
        return self._maps(self.maps.main, self.default_sites)

    def numbers(self) -> dict[str, np.ndarray]:
        """What `alignment` says about the main maps as a loss sees them, no finer than 32×32: (T, N) each."""
        return self._numbers(self.maps.main, self.default_sites)

    def by_site(self) -> dict[str, dict[str, np.ndarray]]:
        """The same for every recorded site, in order of execution."""
        return {site: self._numbers(grid, (site,)) for grid, stack in self.maps.stacks.items() for site in stack.sites}

    def inside(self, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray] | None:
        """Cells of each word's object on a grid, bool (N, Y, X), and which are known (N,); None where no mask is."""
        known = np.array([noun in self.picture.masks for noun in self.maps.nouns])
        if not known.any():
            return None
        empty = np.zeros(size, dtype=bool)
        cells = [touched(self.picture.masks[n], size) if n in self.picture.masks else empty for n in self.maps.nouns]
        return np.stack(cells), known

    def _maps(self, grid: str, sites: tuple[str, ...]) -> np.ndarray:
        return np.stack([self.maps.select(noun, grid, sites) for noun in self.maps.nouns], axis=1)

    def _numbers(self, grid: str, sites: tuple[str, ...]) -> dict[str, np.ndarray]:
        maps_TNYX = pooled(torch.from_numpy(self._maps(grid, sites))).numpy()
        inside = self.inside(maps_TNYX.shape[-2:])
        cells, known = inside if inside is not None else (None, None)
        return numbers(maps_TNYX, cells, known, self.teacher)


def probe(
    pipe: Any, family: Family, settings: ProbeSettings, picture: Picture,
    step: Callable[[int, int, float], None] | None = None,
) -> Probed:  # fmt: skip
    """Look at one picture at every noise level.

    Args:
        pipe: a loaded pipeline of `family`, its LoRA as wanted.
        picture: of `settings.width` × `settings.height` pixels.
        step: called with noise levels done, all of them, and the last timestep; may raise to stop.

    Raises:
        PromptError: the caption names nothing to look for.
        SettingError: a timestep that the model does not have.
    """
    levels = _checked(pipe, family, settings)
    parsed = parse(picture.caption, settings.language, settings.nouns)
    words = words_of(pipe, family, parsed)
    if not words.columns:
        raise PromptError("The caption names nothing to look for.", "Name what is to be seen: a cat and a dog.")
    denoiser = family.denoiser(pipe)
    with torch.inference_mode():
        latents = family.encode_image(pipe, picture.image)
        noise = noise_like(latents, settings.seed)
        rows, columns = latents.shape[-2:]
        default = family.default_sites(denoiser, rows, columns)
        sites = family.sites(denoiser, rows, columns) if settings.sites == "all" else default
        store: dict[str, list[np.ndarray]] = {site.name: [] for site in sites}
        with watching(denoiser, family, sites, [words]) as watch:
            for start in range(0, len(levels), settings.together):
                part = levels[start : start + settings.together]
                at = torch.tensor(part, device=latents.device)
                many = (len(part), *latents.shape[1:])
                noisy = family.noised(pipe, latents.expand(many), noise.expand(many), at)
                text = family.text_inputs(pipe, [picture.caption] * len(part), settings.height, settings.width)
                watch(noisy, at, text)
                for name, maps_TNYX in watch.take().items():
                    store[name].append(maps_TNYX.float().cpu().numpy())
                if step is not None:
                    step(start + len(part), len(levels), part[-1])
    main = grid_name(family.loss_grid(denoiser, rows, columns))
    maps = Maps(words.names, levels, _stacks(sites, store), main)
    return Probed(picture, settings, parsed, maps, tuple(site.name for site in default))


def noise_like(latents: torch.Tensor, seed: int) -> torch.Tensor:
    """The noise of a seed, the same on every device."""
    noise = torch.randn(latents.shape, generator=torch.Generator("cpu").manual_seed(seed))
    return noise.to(latents.device, latents.dtype)


def _stacks(sites: Sequence[Site], store: dict[str, list[np.ndarray]]) -> dict[str, MapStack]:
    grids = dict.fromkeys(site.grid for site in sites)
    stacks = {}
    for grid in grids:
        names = tuple(site.name for site in sites if site.grid == grid)
        values = np.stack([np.concatenate(store[name]) for name in names], axis=1)  # (T, S, N, Y, X)
        stacks[grid_name(grid)] = MapStack(grid, names, values)
    return stacks


def _checked(pipe: Any, family: Family, settings: ProbeSettings) -> tuple[float, ...]:
    """The noise levels as this model counts them."""
    last = family.last_timestep(pipe)
    wrong = next((t for t in settings.levels if t > last), None)
    if wrong is not None:
        raise SettingError(f"Timestep {wrong:g} is too large.", f"This model counts from 0 to {last:g}.", "timesteps")
    if family.timestep(settings.t_tea) >= family.timestep(settings.t_stu):  # a U-Net counts in whole ones
        raise SettingError(
            f"The teacher's timestep {settings.t_tea:g} is not below the student's {settings.t_stu:g}.",
            "The teacher sees less noise: give it the smaller number.", "t_tea",
        )  # fmt: skip
    return tuple(sorted({family.timestep(t) for t in settings.levels}, reverse=True))


def _nearest(timesteps: Sequence[float], wanted: float) -> int:
    return int(np.abs(np.asarray(timesteps) - wanted).argmin())
