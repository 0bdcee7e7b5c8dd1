"""What is learnt from: captioned pictures, encoded once; and which of them come at which step."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ..config import ASSETS
from ..errors import InputError
from ..paths import typed
from ..pictures import METADATA, captioned, cut, open_picture
from .words import Words, words_of

if TYPE_CHECKING:
    from PIL import Image

    from ..families import Family

SCENES = "scenes:"
FIRST_SCENE = 50_000_000
"""Scenes of fine-tunes start here: pre-training never sees these numbers."""
_MOST_SCENES = 100_000
SHIPPED = ASSETS / "data"
"""Data sets that ship, each in a folder of its name."""


@dataclass(frozen=True)
class Example:
    """One picture with its caption."""

    image: Image.Image
    caption: str
    reward: float = 1.0
    "How well the picture shows its caption, from 0; weighs its loss in GORS."


@dataclass(frozen=True)
class Encoded:
    """All examples as the model takes them, on the CPU."""

    latents: torch.Tensor
    "(P, C, h, w)."
    captions: tuple[str, ...]
    words: tuple[Words, ...]
    rewards: torch.Tensor
    "(P,), mean 1."

    def fingerprint(self) -> str:
        """Hexadecimal name of captions, rewards and their order: what the order of training follows."""
        told = json.dumps([self.captions, [round(float(r), 6) for r in self.rewards]])
        return hashlib.sha256(told.encode()).hexdigest()[:16]


def folder_of(source: str) -> Path:
    """The folder of a data source: one that ships by its name, else the user's own."""
    path = typed(source)
    named = SHIPPED / source
    return named if Path(source).name == source and named.is_dir() else path


def examples(source: str) -> Iterator[Example]:
    """The pictures of a data source.

    Args:
        source: the name of a data set that ships; a folder (`metadata.jsonl` with `file_name`, `text`, and `reward`
            where it is known; or `.txt` files beside the pictures); or `scenes:N`.

    Raises:
        InputError: no such folder, nothing in it, a damaged picture, or not a number of scenes.
    """
    if source.startswith(SCENES):
        yield from _scenes(source)
        return
    folder = folder_of(source)
    rewards = _rewards(folder / METADATA)
    for one in captioned(folder):
        yield Example(open_picture(one.file), one.caption, rewards.get(one.file.resolve(), 1.0))


def count_examples(source: str) -> int:
    """How many there are, no picture opened.

    Raises:
        InputError: no such folder, nothing in it, or not a number of scenes.
    """
    if not source.startswith(SCENES):
        return len(captioned(folder_of(source)))
    text = source.removeprefix(SCENES)
    if not text.isdigit() or not 1 <= int(text) <= _MOST_SCENES:
        raise InputError(f"{source!r} names no scenes.", f"Write scenes:400; 1 to {_MOST_SCENES} are possible.")
    return int(text)


def _scenes(source: str) -> Iterator[Example]:
    from ..emoji.scenes import render, scene_of_seed

    for number in range(count_examples(source)):
        scene = scene_of_seed(FIRST_SCENE + number)
        yield Example(render(scene), scene.caption)


def has_rewards(source: str) -> bool:
    """Whether the pictures of a source have rewards that differ: GORS means nothing without."""
    if source.startswith(SCENES):
        return False
    return len(set(_rewards(folder_of(source) / METADATA).values())) > 1


def _rewards(file: Path) -> dict[Path, float]:
    """By resolved path; `captioned` has read the file already, so its lines are whole."""
    if not file.is_file():
        return {}
    text = file.read_text(encoding="utf-8-sig", errors="replace")
    rows = [json.loads(line) for line in text.split("\n") if line.strip()]
    found = {}
    for row in rows:
        try:
            reward = float(row.get("reward", 1.0))
        except (TypeError, ValueError):
            reward = float("nan")
        if not (math.isfinite(reward) and reward >= 0):
            raise InputError(
                f"The reward of {row['file_name']} is {str(row['reward'])[:40]!r}.",
                "Write a number from 0 on; scores that can be negative want shifting first.",
            )
        found[(file.parent / str(row["file_name"])).resolve()] = reward
    return found


@torch.no_grad()
def encode(
    pipe: Any, family: Family, source: str, width: int, height: int, tokens: str = "nouns", language: str = "en"
) -> Encoded:
    """Encode every picture of a source once; the same pictures and captions give the same latents.

    Raises:
        InputError: see `examples`.
    """
    latents, captions, words, rewards = [], [], [], []
    known: dict[str, Words] = {}
    for one in examples(source):
        latents.append(family.encode_image(pipe, cut(one.image, width, height)).float().cpu())
        if one.caption not in known:
            known[one.caption] = words_of(pipe, family, one.caption, tokens, language)
        captions.append(one.caption)
        words.append(known[one.caption])
        rewards.append(one.reward)
    weights = torch.tensor(rewards)
    if not float(weights.sum()) > 0:
        raise InputError("All rewards are 0.", "Give at least one picture a reward above 0.")
    return Encoded(torch.cat(latents), tuple(captions), tuple(words), weights / weights.mean())


def order(seed: int, number: int, start: int, count: int) -> list[int]:
    """Examples `start` to `start + count` of an endless reading that shuffles anew each round.

    Needs no state: any stretch of it can be read alone, so a resumed training goes on exactly.
    """
    chosen = []
    for position in range(start, start + count):
        epoch, place = divmod(position, number)
        chosen.append(int(_shuffled(seed, epoch, number)[place]))
    return chosen


_ROUNDS: dict[tuple[int, int, int], np.ndarray] = {}


def _shuffled(seed: int, epoch: int, number: int) -> np.ndarray:
    key = (seed, epoch, number)
    if key not in _ROUNDS:
        _ROUNDS.clear()
        _ROUNDS[key] = np.random.default_rng([seed, 1, epoch]).permutation(number)
    return _ROUNDS[key]


def drawn(seed: int, step: int, part: int, rank: int, stream: int) -> torch.Generator:
    """The source of chance of one batch: a function of its place alone."""
    state = np.random.SeedSequence([seed, step, part, rank, stream]).generate_state(2, np.uint32)
    return torch.Generator("cpu").manual_seed(int(state[0]) << 32 | int(state[1]))
