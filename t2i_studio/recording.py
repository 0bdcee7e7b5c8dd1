"""What a run records: settings and a prompt become columns, sites and a store for their maps.

Knows nothing of what calls the model.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import numpy as np
import psutil

from .capture import MapStore, Recording, capture
from .config import MapSettings
from .errors import SettingError
from .models import LoadedModel
from .prompts import all_spans, content_columns, parse, subject_columns, word_columns
from .types import Maps, ParsedPrompt, TokenSpans

PADDING = "<padding>"


def prepare(
    model: LoadedModel, settings: MapSettings, parsed: ParsedPrompt, spans: Sequence[TokenSpans], num_steps: int
) -> tuple[MapStore | None, Any]:
    """A store for `num_steps` and a capture to open, or nothing where no word has a column.

    Raises:
        SettingError: the maps would not fit into memory.
    """
    family, denoiser = model.family, model.family.denoiser(model.pipe)
    starts = [one.start for one in family.column_sets(model.pipe)]
    columns = {name: found for name, found in wanted_columns(settings, parsed, spans, starts).items() if found}
    within = content_columns(spans, starts) if settings.renormalise else None
    if within is not None:  # shares among the prompt's own words: padding has none
        columns = {name: found for name, found in columns.items() if set(found) <= set(within)}
    if not columns:
        return None, nullcontext()
    rows, cols = family.latent_size(model.pipe, settings.height, settings.width)
    choose = family.sites if settings.sites == "all" else family.default_sites
    sites = choose(denoiser, rows, cols)
    store = MapStore(tuple(columns), sites, num_steps, heads=settings.heads)
    _check_memory(store.predicted_bytes)
    opened = capture(denoiser, family, sites, list(columns.values()), store.add, num_rows=1, within=within)
    return store, opened


class BatchMaps:
    """The maps of every picture of a batch, each on the subjects of its own prompt.

    `recording` is a context to paint in; `end_step` closes a step.
    """

    def __init__(self, model: LoadedModel, settings: MapSettings, prompts: Sequence[str], num_steps: int) -> None:
        family, denoiser = model.family, model.family.denoiser(model.pipe)
        sets = family.column_sets(model.pipe)
        rows, columns = family.latent_size(model.pipe, settings.height, settings.width)
        self._subjects: list[dict[str, tuple[int, ...]]] = []
        for prompt in prompts:
            parsed = parse(prompt, settings.language)
            spans = all_spans(parsed, sets)
            found = subject_columns(parsed, spans, [one.start for one in sets])
            self._subjects.append({name: group for name, group in found.items() if group})
        self._columns = sorted({c for one in self._subjects for group in one.values() for c in group})
        sites = family.default_sites(denoiser, rows, columns)
        self._main = family.loss_grid(denoiser, rows, columns)
        self._store = MapStore([str(c) for c in self._columns], sites, num_steps, num_images=len(prompts))
        _check_memory(self._store.predicted_bytes)
        wanted = [(c,) for c in self._columns]
        add, number = self._store.add, len(prompts)
        self.recording: Any = (
            capture(denoiser, family, sites, wanted, add, num_rows=number) if wanted else nullcontext()
        )

    def end_step(self, timestep: float) -> None:
        """The pipeline is done with a step."""
        if self._columns:
            self._store.end_step(timestep)

    def of(self, image: int) -> Maps | None:
        """The maps of one picture, mean over heads; None where its prompt names nothing."""
        if not self._subjects[image]:
            return None
        columns = self._store.maps(self._main, image)
        place = {column: i for i, column in enumerate(self._columns)}
        stacks = {}
        for name, stack in columns.stacks.items():
            groups = [[place[c] for c in group] for group in self._subjects[image].values()]
            values_TSNYX = np.stack([stack.values_TSNYX[:, :, group].sum(2) for group in groups], axis=2)
            stacks[name] = replace(stack, values_TSNYX=values_TSNYX)
        return replace(columns, nouns=tuple(self._subjects[image]), stacks=stacks)


def recorded(model: LoadedModel, settings: MapSettings, store: MapStore | None) -> Maps | None:
    """What a store holds after the run."""
    if store is None:
        return None
    rows, columns = model.family.latent_size(model.pipe, settings.height, settings.width)
    return store.maps(model.family.loss_grid(model.family.denoiser(model.pipe), rows, columns))


def ways_of(recording: Recording | None) -> tuple[str, ...]:
    """How a recording read its columns; nothing where there was none."""
    return () if recording is None else tuple(sorted(set(recording.ways.values())))


def wanted_columns(
    settings: MapSettings, parsed: ParsedPrompt, spans: Sequence[TokenSpans], starts: Sequence[int]
) -> dict[str, tuple[int, ...]]:
    """Text columns by the id of their map; `starts` is the first column of each tokenizer."""
    if settings.maps_of == "tokens":
        return _token_columns(spans, starts)
    if settings.maps_of == "words":
        return _word_columns(parsed, spans, starts)
    return subject_columns(parsed, spans, starts)


def _word_columns(
    parsed: ParsedPrompt, spans: Sequence[TokenSpans], starts: Sequence[int]
) -> dict[str, tuple[int, ...]]:
    found: dict[str, tuple[int, ...]] = {}
    for index, word in enumerate(parsed.words):
        if word.upos != "PUNCT":
            found[_new(found, word.text.lower())] = word_columns(index, spans, starts)
    return found


def _token_columns(spans: Sequence[TokenSpans], starts: Sequence[int]) -> dict[str, tuple[int, ...]]:
    """Each token alone; all padding of a tokenizer together. Tokenizers after the first name themselves."""
    found: dict[str, tuple[int, ...]] = {}
    for number, (span, start) in enumerate(zip(spans, starts, strict=True)):
        prefix = f"{span.tokenizer}:" if number else ""
        for column, token in enumerate(span.tokens):
            text = token.removesuffix("</w>").removeprefix("▁") or token
            found[_new(found, prefix + text)] = (start + column,)
        found[prefix + PADDING] = tuple(range(start + len(span.tokens), start + span.num_columns))
    return found


def _new(taken: dict[str, Any], name: str) -> str:
    """`cat`, then `cat#2`, `cat#3` …"""
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name}#{number}"
    return free


def _check_memory(needed: int) -> None:
    free = psutil.virtual_memory().available
    if needed > free // 2:
        raise SettingError(
            f"The maps would take {needed / 2**30:.1f} GB; {free / 2**30:.1f} GB of memory are free.",
            "Use fewer steps, sites grid instead of all, or leave the heads out.",
            "sites",
        )
