"""Whether an accelerator has room for a model: one device serves the pages and a fine-tune.

Predictions are rules of thumb [ours] from the number of weights; they decide who waits, not what may be tried.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from .models import free_memory, pick_device, pick_dtype, resolve, source_of

if TYPE_CHECKING:
    from .config import MapSettings
    from .training.settings import TrainSettings

_DENOISERS = ("unet", "transformer")
_CONTEXT = 600 * 2**20
"""What CUDA takes for itself in a process."""
_HALF, _WHOLE = 2, 4
_MOST = 0.95
"""Of a device: what is predicted to take more may have it alone, and try."""
_VARIANT = re.compile(r"\.(fp16|bf16|non_ema)[.-]")


@dataclass(frozen=True)
class Weights:
    """Numbers of weights of a pipeline."""

    denoiser: int
    rest: int


def weights_of(name: str) -> Weights | None:
    """Weights of a model on this disk, from the headers of its files; None where they are not known."""
    source = source_of(resolve(name))
    folder = Path(source).expanduser()
    if not folder.exists():
        folder = _cached(source) or folder
    if folder.is_file():
        return Weights(_count(folder), 0)
    if not folder.is_dir():
        return None
    by_part = {part.name: _largest_set(part) for part in folder.iterdir() if part.is_dir()}
    denoiser = sum(by_part.get(name, 0) for name in _DENOISERS)
    return Weights(denoiser, sum(by_part.values()) - denoiser) if denoiser else None


def painting_bytes(weights: Weights, settings: MapSettings) -> int:
    """Memory that painting with a model takes beyond what is in use."""
    each = torch.empty(0, dtype=pick_dtype(settings.dtype, pick_device(settings.device))).element_size()
    whole = {"none": weights.denoiser + weights.rest, "model": weights.denoiser}.get(settings.offload, 0)
    return int(1.3 * each * whole) + _CONTEXT


def training_bytes(weights: Weights, settings: TrainSettings) -> int:
    """Memory that a fine-tune takes: weights, what backward keeps of each picture, and the optimizer's moments."""
    each = _WHOLE if settings.mixed_precision == "no" else _HALF
    kept = 0.3 if settings.gradient_checkpointing else 1.0
    activations = kept * each * weights.denoiser * settings.train_batch_size
    learning = weights.denoiser * 4 * _WHOLE if settings.full_finetune else 0
    return int(each * (weights.denoiser + weights.rest) + activations + learning) + _CONTEXT


def lacking(device: str, wanted: int) -> int:
    """Bytes that an accelerator has too few; 0 on the CPU, which shares its memory."""
    kind = pick_device(device)
    if kind.type == "cpu":
        return 0
    free, total = free_memory(str(kind))
    return max(0, min(wanted, int(_MOST * total)) - free)


def _cached(source: str) -> Path | None:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(source, local_files_only=True))
    except (LocalEntryNotFoundError, HfHubHTTPError, ValueError, OSError):
        return None


def _largest_set(part: Path) -> int:
    """Weights in a part's files; the same weights often lie there in two number formats."""
    sets: dict[str, int] = {}
    for file in part.glob("*.safetensors"):
        named = _VARIANT.search(file.name)
        variant = named.group(1) if named else ""
        sets[variant] = sets.get(variant, 0) + _count(file)
    return max(sets.values(), default=0)


def _count(file: Path) -> int:
    """Numbers in a safetensors file, by its header."""
    try:
        with file.open("rb") as opened:
            header = json.loads(opened.read(int.from_bytes(opened.read(8), "little")))
    except (OSError, ValueError, OverflowError, MemoryError):
        return 0
    total = 0
    for name, tensor in header.items():
        if name != "__metadata__":
            size = 1
            for side in tensor["shape"]:
                size *= side
            total += size
    return total
