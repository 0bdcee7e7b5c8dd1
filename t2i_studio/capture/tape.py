"""The tape: capturing processors on one denoiser, shared by any number of recordings.

    with capture(unet, family, sites, columns, record) as recording:
        pipe(...)                       # or recording.forward(...) for a pass of one's own

No class is patched and no forward replaced; on exit and on error the very same processor objects
are back. The tape never detaches by itself: `keep_graph` decides.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import torch

from ..errors import CaptureError
from .probabilities import column_probs, way_of

if TYPE_CHECKING:
    from torch import nn

    from ..families import Family
    from ..families.base import Attended
    from ..types import Site

Record = Callable[["Site", torch.Tensor], None]
"""Receives `(site, probs_BHQN)`; see `capture`."""


class _Enough(BaseException):
    """Ends a forward after the last wanted site. No `Exception`: model code must not catch it."""


class Recording:
    """One consumer of a tape: which sites and columns it wants, and where they go."""

    def __init__(
        self, tape: _Tape, sites: Sequence[Site], columns: Sequence[Sequence[int]], record: Record,
        num_rows: int | None, keep_graph: bool, within: Sequence[int] | None,
    ) -> None:  # fmt: skip
        self.sites = {site.name for site in sites}
        self.last_site = tape.last_of(self.sites)
        self.num_records = 0
        self.ways: dict[str, str] = {}
        "Site → how its columns were read: see `probabilities.way_of`."
        self.paused = False
        "True while passes should not be recorded here, e.g. those of guidance."
        self._tape, self._columns, self._record = tape, columns, record
        self._num_rows, self._keep_graph, self._within = num_rows, keep_graph, within

    def forward(self, *args: Any, stop_after_last_site: bool = True, **kwargs: Any) -> Any:
        """Call the denoiser for the maps alone; nobody else on this tape records this pass.

        Returns:
            The denoiser's output, or None when the pass ended after the last wanted site.
        """
        tape = self._tape
        if tape.exclusive is not None:
            raise CaptureError("A pass for maps is already running.", "Let it end first.")
        tape.exclusive, tape.stop = self, stop_after_last_site
        try:
            return tape.denoiser(*args, **kwargs)
        except _Enough:
            return None
        finally:
            tape.exclusive, tape.stop = None, False

    def take(self, site: Site, attended: Attended) -> None:
        """One site of one pass: the last `num_rows` rows of the batch are the conditional half."""
        if self._num_rows is not None:
            attended = attended.rows(self._num_rows)
        first = attended.first_text
        # Probabilities are float32 also where the model itself runs under autocast.
        plain = torch.autocast(attended.query_BHQD.device.type, enabled=False)
        with plain, torch.set_grad_enabled(self._keep_graph and torch.is_grad_enabled()):
            probs = column_probs(
                attended.query_BHQD,
                attended.key_BHKD,
                [[first + c for c in group] for group in self._columns],
                log_sum_BHQ=attended.log_sum_BHQ,
                within=None if self._within is None else [first + c for c in self._within],
            )
        if site.name not in self.ways:
            key, told = attended.key_BHKD, attended.log_sum_BHQ
            if self._within is not None:  # the softmax runs over so many keys, whatever the kernel told
                key, told = key[:, :, : len(self._within)], None
            self.ways[site.name] = way_of(attended.query_BHQD, key, told)
        self._record(site, probs)
        self.num_records += 1


class _Tape:
    """Processors on one denoiser, and who listens."""

    def __init__(self, denoiser: nn.Module, family: Family) -> None:
        self.denoiser = denoiser
        self.family = family
        self.recordings: list[Recording] = []
        self.exclusive: Recording | None = None
        self.stop = False
        self._originals: dict[str, Any] = {}
        self._order: dict[str, int] = {}

    def last_of(self, names: set[str]) -> str:
        return max(names, key=lambda name: self._order[name])

    def install(self, sites: Sequence[Site], order: dict[str, int]) -> None:
        self._order = order
        for site in sites:
            if site.name in self._originals:
                continue
            module = self._module(site.name)
            original = module.processor
            module.set_processor(self.family.processor(original, site, self._sink))
            self._originals[site.name] = original

    def restore_unwanted(self) -> None:
        wanted = set().union(*(r.sites for r in self.recordings)) if self.recordings else set()
        for name in [n for n in self._originals if n not in wanted]:
            self._module(name).set_processor(self._originals.pop(name))

    def _module(self, name: str) -> Any:
        return self.denoiser.get_submodule(name)

    def _sink(self, site: Site, attended: Attended) -> None:
        num_rows = attended.query_BHQD.shape[2]
        if num_rows != site.grid[0] * site.grid[1]:
            raise CaptureError(
                f"{site.name} has {num_rows} positions, expected {site.grid[0]}×{site.grid[1]}.",
                "Open the capture for the size of the picture that is made.",
            )
        for recording in [self.exclusive] if self.exclusive else self.recordings:
            if site.name in recording.sites and not recording.paused:
                recording.take(site, attended)
        if self.stop and self.exclusive and site.name == self.exclusive.last_site:
            raise _Enough


_TAPES: WeakKeyDictionary[nn.Module, _Tape] = WeakKeyDictionary()
_LOCK = threading.Lock()


@contextmanager
def capture(
    denoiser: nn.Module,
    family: Family,
    sites: Sequence[Site],
    columns: Sequence[Sequence[int]],
    record: Record,
    *,
    num_rows: int | None = None,
    keep_graph: bool = False,
    within: Sequence[int] | None = None,
) -> Iterator[Recording]:
    """Record attention on `columns` at `sites` while the block runs.

    Args:
        denoiser: the module that the pipeline calls.
        family: of that model.
        sites: from `family.sites(...)`, for the size of the picture to be made.
        columns: N groups of token columns, one a subject.
        record: called with `(site, probs_BHQN)`, float32, for each site of each pass.
        num_rows: record only the last rows of the batch: with guidance on, the conditional half.
        keep_graph: leave the maps in autograd's graph.
        within: renormalised view: probabilities among these text columns alone (those without padding,
            say), instead of among all keys.

    Raises:
        CaptureError: no site or column wanted, attention that can't be read, or no map came.
    """
    if not sites or not columns or not any(len(group) for group in columns):
        raise CaptureError("Nothing to record.", "Choose at least one word and one layer.")
    with _LOCK:
        tape = _TAPES.setdefault(denoiser, _Tape(denoiser, family))
    try:
        order = {name: i for i, name in enumerate(_execution_order(denoiser, family, sites))}
        tape.install(sites, order)
        recording = Recording(tape, sites, columns, record, num_rows, keep_graph, within)
        tape.recordings.append(recording)
    except BaseException:
        tape.restore_unwanted()
        _forget_idle(tape)
        raise
    try:
        yield recording
    finally:
        tape.recordings.remove(recording)
        tape.restore_unwanted()
        _forget_idle(tape)
    if recording.num_records == 0:
        raise CaptureError("No attention map was recorded.", "Run the model inside the capture block.")


def _forget_idle(tape: _Tape) -> None:
    """A tape without recordings holds the denoiser, which must go with its pipeline."""
    with _LOCK:
        if not tape.recordings:
            _TAPES.pop(tape.denoiser, None)


def _execution_order(denoiser: nn.Module, family: Family, sites: Sequence[Site]) -> list[str]:
    height, width = sites[0].grid
    return [site.name for site in family.sites(denoiser, height, width)]
