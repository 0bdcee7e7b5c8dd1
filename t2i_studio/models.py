"""From a model's name to a loaded pipeline on its device. Keeps the last one loaded.

Knows names, devices, dtypes and offload; what is inside a model, only its family knows.
"""

from __future__ import annotations

import difflib
import gc
import hashlib
import json
import threading
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import torch

from .config import ROOT, MapSettings, ModelSettings, known_models
from .errors import ModelBroken, ModelNotFound, SettingError
from .families import FAMILIES, Family, check_source, family_of, family_of_file, is_hub_id, read_index
from .paths import typed

if TYPE_CHECKING:
    from diffusers import DiffusionPipeline


@dataclass(frozen=True)
class LoadedModel:
    """A pipeline ready to run."""

    name: str
    family: Family
    pipe: Any
    "A diffusers pipeline."
    device: torch.device
    dtype: torch.dtype

    def fingerprint(self) -> str:
        """Hexadecimal name of these weights: changes whenever any parameter of denoiser or text encoder does."""
        parts = [self.family.denoiser(self.pipe), *self.family.all_text_encoders(self.pipe).values()]
        every = [p.detach() for part in parts for p in part.parameters()]
        if any(p.is_meta for p in every):  # sequential offload keeps them elsewhere
            told: Any = stamp(source_of(resolve(self.name)))
        else:
            told = [_bits(p) for p in every]
        return hashlib.sha256(repr(told).encode()).hexdigest()[:16]


def _bits(weights: torch.Tensor) -> int:
    """The sum of the weights' bits, as integers: the same in any order, with any number of threads."""
    whole = weights.cpu() if weights.device.type == "mps" else weights
    as_integers = {1: torch.int8, 2: torch.int16, 4: torch.int32, 8: torch.int64}[weights.element_size()]
    return int(whole.contiguous().view(as_integers).sum(dtype=torch.int64))


def resolve(name: str) -> ModelSettings:
    """A listed model, or settings made up for a folder, a `.safetensors` file or a hub id.

    Raises:
        ModelNotFound, ModelBroken, UnsafeCheckpoint: see `errors`.
    """
    models = known_models()
    if name in models:
        return models[name]
    if not is_hub_id(name) and "/" not in name and "\\" not in name and not typed(name).exists():
        near = difflib.get_close_matches(name, models, n=1, cutoff=0.5)
        hint = f"Did you mean {near[0]!r}?" if near else f"Known: {', '.join(models)}."
        raise ModelNotFound(f"There is no model called {name!r}.", f"{hint} A folder, file or hub id works too.")
    source = check_source(name)
    if isinstance(source, Path) and source.is_file():
        return ModelSettings(family=family_of_file(source).name, source=str(source), title=str(name))
    family = "stable-diffusion"
    index = read_index(source) if isinstance(source, Path) and source.is_dir() else _hub_index(str(source))
    if index is not None:
        found = family_of(index)
        if found is None:
            kind = index.get("_class_name", "unknown")
            raise ModelBroken(f"{Path(source).name} is a {kind}.", f"Families supported: {', '.join(FAMILIES)}.")
        family = found.name
    return ModelSettings(family=family, source=str(source), title=str(name))


def _hub_index(source: str) -> dict[str, Any] | None:
    """`model_index.json` of a hub id, fetched or from the cache; None where it can't be had, which loading tells."""
    if not is_hub_id(source):
        return None
    try:
        return _fetched_index(source)
    except Exception:
        return None


@lru_cache(maxsize=64)
def _fetched_index(source: str) -> dict[str, Any]:
    """Once a process: the hub is asked at each download, and a suite asks once a batch."""
    from huggingface_hub import hf_hub_download

    return json.loads(Path(hf_hub_download(source, "model_index.json")).read_text(encoding="utf-8"))


def own_size(name: str) -> dict[str, int]:
    """Width and height that a diffusers folder was made for, pixels; nothing where it does not say."""
    folder = typed(name)
    try:
        latents = _config(folder / "unet").get("sample_size") or _config(folder / "transformer")["sample_size"]
        side = int(latents) * 2 ** (len(_config(folder / "vae")["block_out_channels"]) - 1)
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return {"width": side, "height": side}


def _config(folder: Path) -> dict[str, Any]:
    file = folder / "config.json"
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}


def source_of(model: ModelSettings) -> str:
    """The source with folders of the project made absolute."""
    inside = ROOT / model.source
    return str(inside) if inside.exists() else model.source


def pick_device(wanted: str) -> torch.device:
    """`auto` is the first of CUDA, MPS, CPU.

    Raises:
        SettingError: that device is not here.
    """
    if wanted == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(wanted)
    except RuntimeError:
        raise SettingError(f"Device {wanted!r} is unknown.", "Use auto, cpu, cuda, cuda:1 or mps.", "device") from None
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise SettingError(f"Device {wanted!r} is not here.", f"CUDA devices: {torch.cuda.device_count()}.", "device")
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise SettingError("Device 'mps' is not here.", "Use auto.", "device")
    if device.type not in ("cpu", "cuda", "mps"):
        raise SettingError(f"Device {wanted!r} can't be used.", "Use auto, cpu, cuda or mps.", "device")
    return device


def free_memory(device: str) -> tuple[int, int]:
    """Free and whole memory of a device, bytes; other devices than CUDA share the machine's."""
    if torch.device(device).type == "cuda":
        return torch.cuda.mem_get_info(device)
    memory = psutil.virtual_memory()
    return memory.available, memory.total


def pick_dtype(wanted: str, device: torch.device) -> torch.dtype:
    """`auto` is float16 on CUDA, else float32."""
    if wanted == "auto":
        return torch.float16 if device.type == "cuda" else torch.float32
    return {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}[wanted]


class ModelShelf:
    """Loads pipelines and keeps the one used last; another one takes its place."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._key: tuple[Any, ...] | None = None
        self._loaded: LoadedModel | None = None

    def get(self, settings: MapSettings) -> LoadedModel:
        """The pipeline for these settings, loaded if it isn't already.

        Raises:
            ModelNotFound, ModelBroken, UnsafeCheckpoint, SettingError.
        """
        model, device = resolve(settings.model), pick_device(settings.device)
        dtype = pick_dtype(settings.dtype, device)
        if settings.offload != "none" and device.type == "cpu":
            raise SettingError("Offload needs a GPU.", "Set offload to none on the CPU.", "offload")
        key = _key(model, device, dtype, settings.offload)
        with self._lock:
            if key != self._key or self._loaded is None:
                self.clear()
                family = FAMILIES[model.family]
                pipe = family.load(source_of(model), dtype)
                pipe.set_progress_bar_config(disable=True)
                _place(pipe, device, settings.offload)
                self._key, self._loaded = key, LoadedModel(settings.model, family, pipe, device, dtype)
            return self._loaded

    def holds(self, settings: MapSettings) -> bool:
        """Whether the pipeline for these settings is loaded."""
        if self._loaded is None:
            return False
        device = pick_device(settings.device)
        dtype = pick_dtype(settings.dtype, device)
        return self._key == _key(resolve(settings.model), device, dtype, settings.offload)

    def is_on(self, device: str) -> bool:
        """Whether a pipeline is loaded on a device."""
        loaded = self._loaded
        return loaded is not None and same_device(str(loaded.device), device)

    def clear(self) -> None:
        """Let the loaded pipeline go, and its device memory."""
        with self._lock:
            self._key = self._loaded = None
            gc.collect()
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
            elif torch.backends.mps.is_available():
                torch.mps.empty_cache()


def _key(model: ModelSettings, device: torch.device, dtype: torch.dtype, offload: str) -> tuple[Any, ...]:
    source = source_of(model)
    return (source, stamp(source), model.family, str(device), dtype, offload)


def stamp(source: str) -> tuple[tuple[str, int, int], ...]:
    """Name, bytes and time of each file of weights: of a model or LoRA that lies here; empty for a hub id.

    What was trained on at the same place is another model.
    """
    path = typed(source) if source else None
    if path is None or not path.exists():
        return ()
    files = [path] if path.is_file() else sorted(path.rglob("*.safetensors"))
    return tuple((str(file), stat.st_size, stat.st_mtime_ns) for file in files for stat in [file.stat()])


def same_device(one: str, other: str) -> bool:
    """`cuda` is `cuda:0`."""
    return one.removesuffix(":0") == other.removesuffix(":0")


def _place(pipe: DiffusionPipeline, device: torch.device, offload: str) -> None:
    if offload == "model":
        pipe.enable_model_cpu_offload(device=device)
    elif offload == "sequential":
        pipe.enable_sequential_cpu_offload(device=device)
    else:
        pipe.to(device)
