"""`maps.safetensors`: float32 tensors, and a header that says what every axis means."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from ..types import Maps, MapStack, grid_name
from .record import SCHEMA

MEAN_AXES = ("step", "site", "noun", "y", "x")
HEAD_AXES = ("step", "site", "head", "noun", "y", "x")


def write_maps(file: Path, maps: Maps) -> None:
    """Write every stack as `maps.<rows>x<columns>`, and its heads as `….heads` where there are any.

    Raises:
        OSError: it can't be written.
        ValueError: a stack is filed under another grid's name.
    """
    tensors, header = to_tensors(maps)
    try:
        save_file(tensors, file, metadata=header)
    except SafetensorError as error:
        raise _system_error(error) from error


def read_maps(file: Path) -> Maps:
    """Read all stacks into memory.

    Raises:
        OSError, SafetensorError, KeyError, TypeError, ValueError: missing, damaged or inconsistent.
    """
    with safe_open(file, framework="numpy") as handle:
        header = handle.metadata() or {}
        tensors = {name: handle.get_tensor(name) for name in handle.keys()}  # noqa: SIM118 (not a dict)
    return from_tensors(tensors, header)


def write_npz(file: Path, maps: Maps) -> None:
    """The same tensors and header for numpy: `np.load(file)["maps.16x16"]`; the header is JSON at `header`.

    Raises:
        OSError: it can't be written.
    """
    tensors, header = to_tensors(maps)
    with file.open("wb") as handle:  # numpy would add an ending of its own
        arrays: dict[str, Any] = {"header": np.array(json.dumps(header)), **tensors}
        np.savez_compressed(handle, **arrays)


def read_npz(file: Path) -> Maps:
    """What `write_npz` wrote.

    Raises:
        OSError, KeyError, TypeError, ValueError: missing, damaged or inconsistent.
    """
    with np.load(file, allow_pickle=False) as archive:
        tensors = {name: archive[name] for name in archive.files}
    return from_tensors(tensors, json.loads(str(tensors.pop("header"))))


def to_tensors(maps: Maps) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """float32 tensors by name, and the header that explains them.

    Raises:
        ValueError: a stack is filed under another grid's name.
    """
    tensors: dict[str, np.ndarray] = {}
    axes: dict[str, tuple[str, ...]] = {}
    for name, stack in maps.stacks.items():
        if name != grid_name(stack.grid):
            raise ValueError(f"maps of {grid_name(stack.grid)} are filed under {name!r}")
        tensors[f"maps.{name}"] = np.ascontiguousarray(stack.values_TSNYX, dtype=np.float32)
        axes[f"maps.{name}"] = MEAN_AXES
        if stack.heads_TSHNYX is not None:
            tensors[f"maps.{name}.heads"] = np.ascontiguousarray(stack.heads_TSHNYX, dtype=np.float32)
            axes[f"maps.{name}.heads"] = HEAD_AXES
    header = {
        "schema": str(SCHEMA),
        "format": "t2i-studio maps",
        "values": "attention probability in [0, 1], softmax over all keys of the layer, in joint "
        "attention the picture's too, or over the prompt's own tokens where the run says renormalise; "
        "mean over heads unless the tensor's name ends in .heads",
        "axes": json.dumps(axes),
        "nouns": json.dumps(maps.nouns),
        "timesteps": json.dumps([float(t) for t in maps.timesteps]),
        "sites": json.dumps({name: stack.sites for name, stack in maps.stacks.items()}),
        "main": maps.main,
    }
    return tensors, header


def from_tensors(tensors: Mapping[str, np.ndarray], header: Mapping[str, str]) -> Maps:
    """The maps that `to_tensors` took apart.

    Raises:
        KeyError, TypeError, ValueError: something is missing or does not fit.
    """
    nouns, timesteps = tuple(json.loads(header["nouns"])), tuple(json.loads(header["timesteps"]))
    stacks = {
        name: _stack(name, tuple(sites), tensors, len(timesteps), len(nouns))
        for name, sites in json.loads(header["sites"]).items()
    }
    if header["main"] not in stacks:
        raise ValueError(f"no tensor of its main grid {header['main']!r}")
    return Maps(nouns=nouns, timesteps=timesteps, stacks=stacks, main=header["main"])


def _stack(
    name: str, sites: tuple[str, ...], tensors: Mapping[str, np.ndarray], num_steps: int, num_nouns: int
) -> MapStack:
    if re.fullmatch(r"\d+x\d+", name) is None:
        raise ValueError(f"{name!r} is no grid")
    rows, columns = map(int, name.split("x"))
    values = tensors[f"maps.{name}"]
    heads = tensors.get(f"maps.{name}.heads")
    expected = (num_steps, len(sites), num_nouns, rows, columns)
    if values.shape != expected or values.dtype != np.float32:
        raise ValueError(f"maps.{name} is {values.dtype} {values.shape}, expected float32 {expected}")
    if heads is not None and (heads.ndim != 6 or heads.shape[:2] + heads.shape[3:] != expected):
        raise ValueError(f"maps.{name}.heads has shape {heads.shape}, which doesn't fit {expected}")
    return MapStack(grid=(rows, columns), sites=sites, values_TSNYX=values, heads_TSHNYX=heads)


def _system_error(error: SafetensorError) -> OSError:
    """The library passes the system's errors on as text only; callers need their number."""
    number = re.search(r"os error (\d+)", str(error))
    return OSError(int(number.group(1)) if number else 0, str(error))
