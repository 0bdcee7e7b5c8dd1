"""Axes of a comparison: models × LoRAs × guidance, each combination a way of painting with a label.

The guidance axis may also be a file of named ways: label → fields of `GenerateSettings`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import yaml

from .config import GenerateSettings
from .errors import SettingError

NONE = "none"
"""No LoRA, or no guidance."""
_OF_THE_SUITE = frozenset({"prompt", "seed", "nouns", "maps_of", "sites", "heads", "renormalise"})
"""Settings of a picture that a suite decides, or that its pictures have no use for."""
_EVERY_LORA = "pytorch_lora_weights"
"""The name that diffusers gives every LoRA; its folder tells more."""


def ways(
    models: Sequence[str] = (), loras: Sequence[str] = (), guides: Sequence[str] = (),
    named: Mapping[str, Mapping[str, Any]] | None = None,
) -> dict[str, dict[str, Any]]:  # fmt: skip
    """Label → settings of every combination; models change slowest, as loading one takes time.

    An axis without values leaves the setting as it is; the label names the axes that are given.

    Args:
        guides: `none`, `ai-t2i`, `attend-and-excite:refine=false`; several dials are joined by `:`.
        named: ways that have names already, see `read_ways`; they come after `guides`.

    Raises:
        SettingError: a named way says itself what an axis varies, or is called as another guide is.
    """
    for label, way in (named or {}).items():
        _check_named(label, way, {"model": models, "lora": loras}, guides)
    axes = [
        [(name, {"model": model}) for model, name in zip(models, _names(models), strict=True)],
        [(name, {"lora": "" if lora == NONE else lora}) for lora, name in zip(loras, _names(loras), strict=True)],
        [*((guide, _guide(guide)) for guide in guides), *((label, dict(way)) for label, way in (named or {}).items())],
    ]
    found: dict[str, dict[str, Any]] = {}
    if not any(axes):
        return found
    for chosen in product(*(axis for axis in axes if axis)):
        settings = {key: value for _, part in chosen for key, value in part.items()}
        found[" · ".join(label for label, _ in chosen)] = settings
    return found


def _check_named(
    label: str, way: Mapping[str, Any], axes: Mapping[str, Sequence[str]], guides: Sequence[str]
) -> None:  # fmt: skip
    twice = next((key for key, values in axes.items() if values and key in way), None)
    if twice is not None:
        raise SettingError(
            f"The way {label!r} names its own {twice}, and {twice}s are given too.", f"Give one of both: {twice}s, or "
            "the file's.", "ways",
        )  # fmt: skip
    if label in guides and dict(way) != _guide(label):
        raise SettingError(f"Two ways would be called {label!r}.", "Rename the one in the file.", "ways")


def read_ways(file: Path) -> dict[str, dict[str, Any]]:
    """Ways by name from a YAML file: label → fields of `GenerateSettings`; `{}` is without guidance.

    Raises:
        SettingError: no such file, or something in it that is no setting.
    """
    try:
        raw = yaml.safe_load(file.expanduser().read_text(encoding="utf-8"))
    except (OSError, RuntimeError, ValueError, yaml.YAMLError) as error:  # ValueError: no text, no such date
        reason = " ".join(str(error).split())[:200]
        raise SettingError(f"{file} can't be read: {reason}", "Give a YAML file of ways.", "ways") from None
    if not isinstance(raw, dict) or not all(way is None or isinstance(way, dict) for way in raw.values()) or not raw:
        raise SettingError(
            f"{file} holds no ways.", "Write a label, and below it settings such as guide: ai-t2i.", "ways"
        )
    found = {str(label): {**_guide(NONE), **(way or {})} for label, way in raw.items()}
    for label, way in found.items():
        stray = next((key for key in way if not isinstance(key, str) or key in _OF_THE_SUITE), None)
        if stray is not None:
            raise SettingError(
                f"{file.name}, {label!r}: {stray!r} says nothing of how a suite is painted.", "Leave it out.", "ways"
            )
        dials = way["guide_weights"] or ()
        if not isinstance(dials, (str, list, tuple)):
            raise SettingError(
                f"{file.name}, {label!r}: guide_weights is {dials!r}.", "Write a list: [step_size=5].", "ways"
            )
        way["guide_weights"] = (dials,) if isinstance(dials, str) else tuple(map(str, dials))
        try:
            GenerateSettings.checked(**way)
        except SettingError as error:
            raise SettingError(f"{file.name}, {label!r}: {error.problem}", error.remedy, "ways") from None
    return found


def write_ways(file: Path, ways: Mapping[str, Mapping[str, Any]], note: str = "") -> None:
    """The same file; `note` stands above them as comments.

    Raises:
        OSError: it can't be written.
    """
    plain = {label: {k: list(v) if isinstance(v, tuple) else v for k, v in way.items()} for label, way in ways.items()}
    lines = [f"# {line}\n" for line in note.splitlines()]
    text = yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=120)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(lines) + text, encoding="utf-8")


def safe_name(label: str) -> str:
    """A label as the name of a file or folder."""
    return re.sub(r"[^\w.=-]+", "-", label).strip("-.") or "plain"


def _guide(text: str) -> dict[str, Any]:
    name, *dials = text.split(":")
    # Said even where it is none, so that a setting which holds for all ways can't creep in.
    return {"guide": "", "guide_weights": ()} if name == NONE else {"guide": name, "guide_weights": tuple(dials)}


def _names(sources: Sequence[str]) -> list[str]:
    """Short names of models or LoRAs; whole ones where two would be called alike."""
    short = [_short(source) for source in sources]
    count = Counter(short)
    return [name if count[name] == 1 else source for name, source in zip(short, sources, strict=True)]


def _short(source: str) -> str:
    if source == NONE:
        return "no LoRA"
    path = Path(source)
    name = path.stem if path.suffix == ".safetensors" else path.name
    return path.parent.name if name == _EVERY_LORA and path.parent.name else name
