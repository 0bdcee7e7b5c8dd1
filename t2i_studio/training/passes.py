"""A denoiser's maps of a batch of captions, with or without their graph.

The probe, the teacher and the student all see a model through this one function.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch

from ..capture import Recording, capture
from ..losses import pooled
from .words import Words, most

if TYPE_CHECKING:
    from ..families import Family
    from ..types import Site

_LEAST = 1e-20


class Watch:
    """Maps of each sample's own words, site by site, of whatever pass ran last."""

    def __init__(self, family: Family, sites: Sequence[Site], words: Sequence[Words]) -> None:
        self.sites = tuple(sites)
        self.words = tuple(words)
        self.columns = sorted({c for one in words for group in one.columns for c in group})
        self._relative = family.joint_softmax
        if self._relative:  # the picture shares this softmax: what counts is a word's share among the words
            self.columns = sorted({c for one in words for c in one.content} | set(self.columns))
        place = {c: i for i, c in enumerate(self.columns)}
        pick_BCN = torch.zeros(len(words), len(self.columns), most(words))
        content_BC = torch.zeros(len(words), len(self.columns))
        for b, one in enumerate(words):
            for n, group in enumerate(one.columns):
                pick_BCN[b, [place[c] for c in group], n] = 1
            if self._relative:
                content_BC[b, [place[c] for c in one.content]] = 1
        self._pick_BCN, self._content_BC = pick_BCN, content_BC
        self._maps: dict[str, torch.Tensor] = {}
        self.recording: Recording

    @property
    def present(self) -> torch.Tensor:
        """Which words there are: bool (B, N)."""
        count = most(self.words)
        return torch.tensor([[n < len(one.columns) for n in range(count)] for one in self.words])

    def __call__(self, sample: torch.Tensor, timesteps: torch.Tensor, text: dict[str, Any]) -> None:
        """Run the denoiser for its maps alone: it ends after the last wanted site."""
        self.recording.forward(sample, timestep=timesteps, **text)

    def take(self) -> dict[str, torch.Tensor]:
        """Maps (B, N, Y, X) of each site of the last pass, mean over heads; gone from here then."""
        taken, self._maps = self._maps, {}
        return taken

    def mean(self) -> torch.Tensor:
        """Maps (B, N, Y, X) of the last pass: mean over sites, which must share a grid; pooled where it is large."""
        found = list(self.take().values())
        maps_BNYX = sum(found[1:], found[0]) / len(found)
        return pooled(maps_BNYX)

    def add(self, site: Site, probs_BHQC: torch.Tensor) -> None:
        """One site of the running pass."""
        with torch.autocast(probs_BHQC.device.type, enabled=False):
            self._maps[site.name] = self._picked(probs_BHQC).mean(1).transpose(1, 2).unflatten(-1, site.grid)

    def _picked(self, probs_BHQC: torch.Tensor) -> torch.Tensor:
        """Each sample's own words (B, H, Q, N)."""
        rows = len(probs_BHQC) // len(self.words)  # several noise levels of one caption stand together
        pick = self._pick_BCN.to(probs_BHQC).repeat_interleave(rows, 0)
        maps_BHQN = torch.einsum("bhqc,bcn->bhqn", probs_BHQC, pick)
        if self._relative:
            content = self._content_BC.to(probs_BHQC).repeat_interleave(rows, 0)
            maps_BHQN = maps_BHQN / torch.einsum("bhqc,bc->bhq", probs_BHQC, content)[..., None].clamp_min(_LEAST)
        return maps_BHQN


@contextmanager
def watching(
    denoiser: Any, family: Family, sites: Sequence[Site], words: Sequence[Words], keep_graph: bool = False
) -> Iterator[Watch]:
    """Watch a denoiser while it runs on a batch of captions.

    Args:
        sites: of one or several grids, at the size of the latents.
        words: one a sample; several rows of one sample stand together.
        keep_graph: maps carry the graph of passes that have one.

    Raises:
        CaptureError: no caption has a word, or attention that can't be read.
    """
    watch = Watch(family, sites, words)
    columns = [(c,) for c in watch.columns] if most(words) else []
    with capture(denoiser, family, sites, columns, watch.add, keep_graph=keep_graph) as recording:
        watch.recording = recording
        yield watch
