"""What a panel shows: its settings, and the maps they pick from a run."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import Field

from ..config import Settings
from ..errors import RunError, SettingError
from ..types import Maps, Run
from .colours import ThemeName, noun_colour

COLUMN_WIDTH = 3.3
PAGE_WIDTH = 7.0
"""Widths of one column and of both columns of a paper, inches."""


class PanelSettings(Settings):
    """How a panel is drawn; every panel takes what concerns it."""

    nouns: tuple[str, ...] | None = Field(default=None, description="Nouns to show; all where not given.")
    step: int | None = Field(default=None, ge=0, description="One step (0 is the first); the mean where not given.")
    grid: str | None = Field(default=None, description="Resolution, e.g. 16x16; the family's loss grid if not given.")
    sites: tuple[str, ...] | None = Field(default=None, description="Layers to average; all of the grid if not given.")
    raw: bool = Field(default=False, description="Show the cells as they are, not interpolated.")
    per_frame: bool = Field(default=False, description="Scale every step by itself, not by its noun's maximum.")
    opacity: float = Field(default=0.7, ge=0.0, le=1.0, description="Strength of the heat over the picture, 0 to 1.")
    theme: ThemeName = Field(default="light", description="Page: light or dark.")
    width: float = Field(default=PAGE_WIDTH, ge=2.0, le=24.0, description="Width of the figure, inches.")
    columns: int | None = Field(
        default=None, ge=1, le=40, description="Timesteps side by side; as many as fit if not given."
    )
    title: bool = Field(default=True, description="Write the prompt above.")


@dataclass(frozen=True)
class NounMaps:
    """One noun's maps with its colour and scale."""

    noun: str
    index: int
    "Place among all nouns of the run: decides its colour."
    colour: str
    maps_TYX: np.ndarray
    "float32 probabilities; NaNs are gone."
    top: float
    "Largest value over all steps: the upper end of the colour scale."

    def scaled(self, step: int | None, per_frame: bool = False) -> np.ndarray:
        """The map of a step, or the mean over all, in [0, 1] of the scale: float32 (Y, X)."""
        values_YX = self.maps_TYX.mean(axis=0) if step is None else self.maps_TYX[step]
        return values_YX / self.scale(step, per_frame)

    def scale(self, step: int | None, per_frame: bool = False) -> float:
        """The value that the brightest colour stands for.

        A mean over the steps is always scaled by its own maximum: it is no frame of the noun's film.
        """
        if step is None:
            return float(self.maps_TYX.mean(axis=0).max()) or 1.0
        return (float(self.maps_TYX[step].max()) if per_frame else self.top) or 1.0


def recorded(run: Run) -> Maps:
    """The run's maps.

    Raises:
        RunError: it has none to draw.
    """
    maps = run.maps
    if maps is None or not maps.nouns or not maps.num_steps:
        raise RunError("This run has no attention maps.", "Make it again with words chosen to look for.")
    return maps


def select(run: Run, settings: PanelSettings) -> tuple[NounMaps, ...]:
    """The maps of the wanted nouns, in the order asked for.

    Raises:
        RunError: the run has no maps.
        SettingError: an unknown noun, grid or layer, or a step past the end; names what there is.
    """
    maps = recorded(run)
    wanted = settings.nouns or maps.nouns
    for noun in wanted:
        _known("nouns", "noun", noun, maps.nouns)
    grid = settings.grid or maps.main
    _known("grid", "grid", grid, tuple(maps.stacks))
    for site in settings.sites or ():
        _known("sites", "layer", site, maps.stacks[grid].sites)
    if settings.step is not None and settings.step >= maps.num_steps:
        raise SettingError(
            f"There is no step {settings.step}.", f"The run has steps 0 to {maps.num_steps - 1}.", name="step"
        )
    return tuple(_of_noun(maps, noun, grid, settings) for noun in wanted)


def _of_noun(maps: Maps, noun: str, grid: str, settings: PanelSettings) -> NounMaps:
    maps_TYX = np.nan_to_num(maps.select(noun, grid, settings.sites), nan=0.0, posinf=0.0, neginf=0.0)
    index = maps.nouns.index(noun)
    colour = noun_colour(index, settings.theme)
    return NounMaps(noun, index, colour, maps_TYX, float(maps_TYX.max()))


def _known(name: str, kind: str, value: str, known: Sequence[str]) -> None:
    if value not in known:
        near = difflib.get_close_matches(value, known, n=1)
        hint = f"Did you mean {near[0]!r}?" if near else f"Recorded: {', '.join(known)}."
        raise SettingError(f"The run has no {kind} {value!r}.", hint, name=name)


def spread(num_steps: int, columns: int) -> list[int]:
    """At most `columns` steps, evenly spaced, the first and the last among them."""
    if columns == 1:
        return [num_steps - 1]
    return sorted({round(i) for i in np.linspace(0, num_steps - 1, min(num_steps, columns))})
