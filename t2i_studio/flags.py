"""Settings as command-line flags, there and back: one definition for what is typed and for what is told."""

from __future__ import annotations

import argparse
from collections.abc import Collection, Mapping
from typing import Any

from .config import MapSettings

_METAVARS = {"model": "MODEL", "negative_prompt": "TEXT", "lora": "PATH", "scheduler": "CLASS"}
_REPEATED = {"guide_weights": "--guide-weight", "attributes": "--attribute", "boxes": "--box"}
"""Settings of several values whose flag is given once for each."""


def add_flags(command: Any, kind: type[MapSettings], names: Collection[str] | None = None) -> None:
    """A flag for every field but the prompt, or for those of `names`; none has a default of its own."""
    for name, field in kind.model_fields.items():
        if name == "prompt" or (names is not None and name not in names):
            continue
        flag = "--" + name.replace("_", "-")
        text = (field.description or "").replace("%", "%%")
        if field.annotation is bool:
            command.add_argument(flag, action=argparse.BooleanOptionalAction, default=None, help=text)
        elif name == "nouns":
            text += " Separated by commas; empty records none."
            command.add_argument(flag, metavar="WORDS", type=words, default=None, help=text)
        elif name in _REPEATED:
            text += " Once for each."
            command.add_argument(_REPEATED[name], dest=name, metavar="TEXT", action="append", default=None, help=text)
        elif name == "timesteps":
            text += " Separated by commas."
            command.add_argument(flag, "--timestep", metavar="NUMBERS", type=words, default=None, help=text)
        else:
            command.add_argument(flag, metavar=_METAVARS.get(name, "VALUE"), default=None, help=text)


def given(options: argparse.Namespace, kind: type[MapSettings], names: Collection[str] | None = None) -> dict[str, Any]:
    """The settings that were given as flags."""
    wanted = [name for name in kind.model_fields if name != "prompt" and (names is None or name in names)]
    return {name: getattr(options, name) for name in wanted if getattr(options, name) is not None}


def as_flags(settings: MapSettings, defaults: Mapping[str, Any]) -> list[str]:
    """Flags for what differs from the defaults; prompt, model and seed stand elsewhere."""
    options: list[str] = []
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if name in ("prompt", "model", "seed") or value == defaults[name]:
            continue
        flag = f"--{name.replace('_', '-')}"
        if isinstance(value, bool):
            options += [flag] if value else [f"--no-{flag[2:]}"]
        elif name in _REPEATED:
            options += [part for one in value for part in _with_value(_REPEATED[name], one)]
        elif isinstance(value, tuple):
            options += [flag, ",".join(f"{v:g}" if isinstance(v, float) else v for v in value)]
        else:
            options += _with_value(flag, str(value))
    return options


def _with_value(flag: str, value: str) -> list[str]:
    """As two words, or as one where the value would be taken for a flag."""
    return [f"{flag}={value}"] if value.startswith("-") else [flag, value]


def words(text: str) -> tuple[str, ...]:
    """`cat, dog` → its parts."""
    return tuple(word.strip() for word in text.split(",") if word.strip())
