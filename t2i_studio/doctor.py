"""What this machine has: versions, devices, free memory, models and languages found."""

from __future__ import annotations

import os
import platform
import shutil
from pathlib import Path
from typing import Any

import psutil

from .config import home, known_models
from .families import is_hub_id
from .families.trust import records
from .models import source_of
from .studio import versions


def report() -> dict[str, dict[str, Any]]:
    """Sections of name → value, ready to print."""
    return {"versions": versions(), "devices": _devices(), "memory": _memory(), "maps": _maps(), "models": _models()}


def _devices() -> dict[str, Any]:
    import torch

    found: dict[str, Any] = {"cpu": f"{platform.machine()}, {os.cpu_count()} cores, {torch.get_num_threads()} threads"}
    for i in range(torch.cuda.device_count()):
        free, total = torch.cuda.mem_get_info(i)
        name = torch.cuda.get_device_name(i)
        found[f"cuda:{i}"] = f"{name}, {free / 2**30:.1f} of {total / 2**30:.1f} GB free"
    if not torch.cuda.is_available():
        found["cuda"] = "none found"
    if torch.backends.mps.is_available():
        found["mps"] = "available"
    return found


def _maps() -> dict[str, Any]:
    """What self-tests found, by backend."""
    found = {
        str(trust.backend): f"{'right' if trust.passed else 'WRONG, so the oracle records them'}: {trust.finding} "
        f"({trust.model}, {trust.tested[:10]})"
        for trust in records().values()
    }
    return found or {"self-test": "not run yet: t2i-studio doctor --self-test"}


def _memory() -> dict[str, Any]:
    memory = psutil.virtual_memory()
    place = home()
    while not place.exists():
        place = place.parent
    disk = shutil.disk_usage(place)
    return {
        "memory": f"{memory.available / 2**30:.1f} of {memory.total / 2**30:.1f} GB free",
        "disk for runs": f"{disk.free / 2**30:.1f} GB free at {home()}",
    }


def _models() -> dict[str, Any]:
    rows = {}
    for name, model in known_models().items():
        source = source_of(model)
        if Path(source).exists():
            state = "found"
        elif is_hub_id(source):
            state = "in the hub cache" if _cached(source) else "not fetched yet (hub)"
        else:
            state = f"missing: {source}"
        rows[name] = f"{state}; {model.title}"
    return rows


def _cached(hub_id: str) -> bool:
    from huggingface_hub import try_to_load_from_cache

    return isinstance(try_to_load_from_cache(hub_id, "model_index.json"), str)
