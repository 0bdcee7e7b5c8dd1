"""The few records that cross folders. Plain data: no torch, no gradio, nothing inside imported.

Shape letters, used as name suffixes (`probs_BHQK`):
    B batch   H heads   Q image positions   K text tokens   N nouns
    T steps   S sites   Y, X map rows and columns

`step` is a 0-based index, `timestep` the scheduler's value at it, counts are `num_*`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from PIL import Image

    from .ui.viewer import Player

Grid = tuple[int, int]
"""Rows and columns of a map."""


def grid_name(grid: Grid) -> str:
    """`(16, 16)` → `"16x16"`: rows first."""
    return f"{grid[0]}x{grid[1]}"


@dataclass(frozen=True)
class Word:
    """One word of a prompt. `start`, `end`: offsets in the prompt's characters, end exclusive."""

    text: str
    start: int
    end: int
    upos: str
    "Universal part of speech: NOUN, ADJ, …"


@dataclass(frozen=True)
class Subject:
    """Something depictable that the prompt names; a compound ("traffic light") is one subject."""

    id: str
    "Its text in lower case; `car#2` where it comes a second time. Keys maps, tables, files."
    text: str
    "As written in the prompt."
    words: tuple[int, ...]
    "Indices of its words in the prompt, head last."
    attributes: tuple[int, ...] = ()
    "Indices of the words that describe it."
    count: int | None = None
    "How many are asked for: 1 for a singular, the number for counts, None for an open plural."


@dataclass(frozen=True)
class ParsedPrompt:
    """A prompt with its words, and the subjects whose maps are wanted."""

    text: str
    words: tuple[Word, ...]
    subjects: tuple[Subject, ...]

    @property
    def ids(self) -> tuple[str, ...]:
        """Ids of the subjects by order of appearance."""
        return tuple(s.id for s in self.subjects)


@dataclass(frozen=True)
class TokenSpans:
    """Where one tokenizer puts the words of a prompt. Columns count from 0, start token included."""

    tokenizer: str
    "Name of the column set: `clip`, `t5`."
    tokens: tuple[str, ...]
    "The text of every column up to the end token, without padding."
    num_columns: int
    "All columns, padding included (77 for SD)."
    words: tuple[tuple[int, ...], ...]
    "Columns of each word; empty for words past the limit."
    subjects: Mapping[str, tuple[int, ...]]
    "Columns of each subject id: all tokens of all its words."
    dropped: tuple[str, ...] = ()
    "Words that fall, in part or whole, past the limit."


@dataclass(frozen=True)
class Site:
    """One attention module whose maps can be recorded."""

    name: str
    "Module path inside the denoiser, e.g. `up_blocks.1.attentions.0.transformer_blocks.0.attn2`."
    group: str
    "`down`, `mid`, `up`, or `block` for transformers."
    num_heads: int
    grid: Grid
    "Rows and columns of its maps at the picture size of the run."


@dataclass(frozen=True)
class MapStack:
    """Maps of one resolution. float32 probabilities in [0, 1] among all keys, or renormalised among the words."""

    grid: Grid
    sites: tuple[str, ...]
    values_TSNYX: np.ndarray
    "Mean over heads: (steps, sites, nouns, Y, X)."
    heads_TSHNYX: np.ndarray | None = None
    "Every head, where asked for: (steps, sites, heads, nouns, Y, X)."

    @property
    def held(self) -> int:
        """Bytes in memory."""
        return self.values_TSNYX.nbytes + (0 if self.heads_TSHNYX is None else self.heads_TSHNYX.nbytes)


@dataclass(frozen=True)
class Maps:
    """All maps of one picture. `maps["cat"]` is (steps, Y, X), the mean over sites of `main`."""

    nouns: tuple[str, ...]
    timesteps: tuple[float, ...]
    "The scheduler's value at each recorded step, noise to picture."
    stacks: Mapping[str, MapStack]
    "By grid name, e.g. `16x16`."
    main: str
    "Grid name of the family's loss grid: what curves and heatmaps show first."

    def __getitem__(self, noun: str) -> np.ndarray:
        return self.select(noun)

    def __contains__(self, noun: object) -> bool:
        return noun in self.nouns

    def select(self, noun: str, grid: str | None = None, sites: tuple[str, ...] | None = None) -> np.ndarray:
        """Maps of a noun over time: float32 (steps, Y, X), mean over `sites` (default: all) of `grid`.

        Raises:
            KeyError: unknown noun, grid or site; the message lists what there is.
        """
        if noun not in self.nouns:
            raise KeyError(f"no maps of {noun!r}; recorded: {', '.join(self.nouns) or 'none'}")
        grid = grid or self.main
        if grid not in self.stacks:
            raise KeyError(f"no maps of size {grid!r}; recorded: {', '.join(self.stacks)}")
        stack = self.stacks[grid]
        values = stack.values_TSNYX[:, :, self.nouns.index(noun)]
        if sites is not None:
            unknown = set(sites) - set(stack.sites)
            if unknown:
                raise KeyError(f"no site {sorted(unknown)}; recorded: {', '.join(stack.sites)}")
            values = values[:, [stack.sites.index(s) for s in sites]]
        return values.mean(axis=1, dtype=np.float32)

    @property
    def num_steps(self) -> int:
        """Recorded steps."""
        return len(self.timesteps)

    def average(self, noun: str, weights: Sequence[float] | None = None, **where: Any) -> np.ndarray:
        """One map over time: float32 (Y, X).

        Args:
            weights: one a recorded step, of any positive scale; default: all steps alike.
            where: `grid`, `sites`: see `select`.

        Raises:
            KeyError: see `select`.
            ValueError: another number of weights than of steps, negative ones, or none above 0.
        """
        values = self.select(noun, **where)
        scale = np.ones(len(values)) if weights is None else np.asarray(weights, dtype=np.float64)
        if scale.shape != (len(values),) or (scale < 0).any() or not scale.sum() > 0:
            raise ValueError(f"weights must be {len(values)} numbers from 0 on, not all 0")
        return np.tensordot(scale / scale.sum(), values, axes=1).astype(np.float32)


@dataclass(frozen=True)
class Box:
    """Where a subject should stand: shares of the picture's width and height, [0, 1]; XYXY."""

    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True)
class GuidedStep:
    """What guidance did at one step: of one picture, or the mean over a batch."""

    step: int
    timestep: float
    losses: Mapping[str, float]
    "Each part before its weight."
    total: float
    "The weighted sum, before the latents were moved."
    gradient_norm: float
    latent_norm: float
    "Of the guided input, over √dim: 1 is what noise of unit variance has."
    shift_norm: float
    "How far the input was moved, over √dim."
    refinements: int
    seconds: float
    peak_memory: int
    "Bytes on a CUDA device; 0 elsewhere."
    skipped: int
    "Pictures of the batch whose gradient was not finite: not moved."
    clipped: int
    "Pictures whose shift was too long and was shortened."


@dataclass(frozen=True)
class Run:
    """One kept generation: what was asked, what came out, and where the model looked."""

    id: str
    created: str
    "ISO 8601, UTC."
    settings: Mapping[str, Any]
    "The whole request (`config.GenerateSettings` as a dict): replaying needs nothing else."
    prompt: ParsedPrompt
    spans: tuple[TokenSpans, ...]
    image: Image.Image
    "RGB."
    maps: Maps | None
    "None where the prompt has no nouns and none were chosen."
    timings: Mapping[str, float] = field(default_factory=dict)
    "Seconds by part: `load`, `denoise`, `decode`, `total`."
    versions: Mapping[str, str] = field(default_factory=dict)
    guidance: tuple[GuidedStep, ...] = ()
    "What guidance did, one record a guided step."
    notes: tuple[str, ...] = ()
    "What the user should know: words past the token limit, nouns not found …"
    folder: Path | None = None
    "Where it is kept; None before it is saved."

    def show(self) -> Player:
        """The map player: shows itself in a notebook; `.save("run.html")` writes it as a page of its own."""
        # The one door from a record to the pages: what a notebook wants is on the record it holds.
        from .ui.viewer import Player, standalone

        return Player(standalone(self))
