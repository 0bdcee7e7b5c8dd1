"""LoRA on a pipeline: put on, taken out, written so that it loads anywhere, and read back to be sure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from peft import LoraConfig
from peft.utils import get_peft_model_state_dict, set_peft_model_state_dict
from safetensors.torch import load, save_file

from ..errors import ModelBroken
from .trial import predicted

if TYPE_CHECKING:
    from ..families import Family

ADAPTER = "default"
WEIGHTS = "pytorch_lora_weights.safetensors"
KOHYA = "kohya_lora_weights.safetensors"
_KOHYA_TEXT = {"text_encoder": "lora_te", "text_encoder_2": "lora_te2"}


def put_on(pipe: Any, family: Family, rank: int, text: bool, seed: int) -> dict[str, list[torch.nn.Parameter]]:
    """Freeze a pipeline and put a new LoRA on its denoiser, and on its text encoders where wanted.

    Returns:
        The weights that learn, float32, by the part's name in the pipeline.
    """
    freeze(pipe, family)
    denoiser: Any = family.denoiser(pipe)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        denoiser.add_adapter(_config(rank, family.lora_targets), adapter_name=ADAPTER)
        if text:
            for encoder in family.text_encoders(pipe).values():
                encoder.add_adapter(_config(rank, family.text_lora_targets), adapter_name=ADAPTER)  # type: ignore[operator]
    found = {}
    for name, part in parts(pipe, family).items():
        learning = [p for p in part.parameters() if p.requires_grad]
        for p in learning:
            p.data = p.data.float()
        if learning:
            found[name] = learning
    return found


def freeze(pipe: Any, family: Family) -> None:
    """No part of the pipeline learns from here on."""
    for part in (pipe.vae, family.denoiser(pipe), *family.all_text_encoders(pipe).values()):
        part.requires_grad_(False)


def _config(rank: int, targets: tuple[str, ...]) -> LoraConfig:
    # Alpha is the rank always: loaders that lose it take the rank instead.
    return LoraConfig(r=rank, lora_alpha=rank, target_modules=list(targets), init_lora_weights="gaussian")


def parts(pipe: Any, family: Family) -> dict[str, torch.nn.Module]:
    """Denoiser and text encoders by their names in the pipeline."""
    return {family.denoiser_name: family.denoiser(pipe), **family.text_encoders(pipe)}


def state(pipe: Any, family: Family) -> dict[str, dict[str, torch.Tensor]]:
    """The LoRA's weights of every part that has some, on the CPU; copies."""
    found = {}
    for name, part in parts(pipe, family).items():
        if getattr(part, "peft_config", None):
            weights = get_peft_model_state_dict(part, adapter_name=ADAPTER)
            found[name] = {key: value.detach().cpu().clone() for key, value in weights.items()}
    return found


def set_state(pipe: Any, family: Family, weights: Mapping[str, Mapping[str, torch.Tensor]]) -> None:
    """Put weights that `state` gave back."""
    every = parts(pipe, family)
    for name, values in weights.items():
        set_peft_model_state_dict(every[name], dict(values), adapter_name=ADAPTER)


def save(
    folder: Path, pipe: Any, family: Family, weights: Mapping[str, Mapping[str, torch.Tensor]], about: Mapping[str, str]
) -> None:
    """Write the LoRA as diffusers reads it, and for U-Nets as other programs do.

    Args:
        about: header keys: ModelSpec's and ours.
    """
    layers = {f"{family.denoiser_name}_lora_layers": dict(weights[family.denoiser_name])}
    metadata = {f"{family.denoiser_name}_lora_adapter_metadata": _metadata(parts(pipe, family)[family.denoiser_name])}
    for name in family.text_encoders(pipe):
        if name in weights:
            layers[f"{name}_lora_layers"] = {_text_key(key): value for key, value in weights[name].items()}
            metadata[f"{name}_lora_adapter_metadata"] = _metadata(parts(pipe, family)[name])
    known = _accepted(pipe, {**layers, **metadata})
    pipe.save_lora_weights(folder, **known, safe_serialization=True)
    tensors, kept = load((folder / WEIGHTS).read_bytes()), _header(folder / WEIGHTS)
    save_file({k: v.contiguous() for k, v in tensors.items()}, folder / WEIGHTS, {**kept, **about})
    if family.denoiser_name == "unet":
        save_file(dict(kohya(family, pipe, weights)), folder / KOHYA, dict(about))


def _accepted(pipe: Any, options: dict[str, Any]) -> dict[str, Any]:
    import inspect

    names = inspect.signature(type(pipe).save_lora_weights).parameters
    return {name: value for name, value in options.items() if name in names}


def _metadata(part: Any) -> dict[str, Any]:
    found = part.peft_config[ADAPTER].to_dict()
    return {k: sorted(v) if isinstance(v, set) else v for k, v in found.items() if v is not None}


def _text_key(key: str) -> str:
    """transformers 5 has no `text_model.` in the names of a CLIP; files keep it for everybody else."""
    return key if key.startswith("text_model.") else f"text_model.{key}"


def kohya(
    family: Family, pipe: Any, weights: Mapping[str, Mapping[str, torch.Tensor]]
) -> Iterator[tuple[str, torch.Tensor]]:
    """Keys `lora_unet_…`, `lora_te_…`: down, up and the true alpha."""
    two = len(family.text_encoders(pipe)) > 1
    for name, values in weights.items():
        first = "lora_te1" if two else "lora_te"
        prefix = "lora_unet" if name == family.denoiser_name else {**_KOHYA_TEXT, "text_encoder": first}[name]
        for key, value in values.items():
            path, side = key.removesuffix(".weight").rsplit(".lora_", 1)
            path = path if name == family.denoiser_name else _text_key(path)
            flat = f"{prefix}_{path.replace('.', '_')}"
            yield f"{flat}.{'lora_down' if side == 'A' else 'lora_up'}.weight", value.contiguous()
            if side == "A":
                yield f"{flat}.alpha", torch.tensor(float(value.shape[0]))


def _header(file: Path) -> dict[str, str]:
    with file.open("rb") as opened:
        size = int.from_bytes(opened.read(8), "little")
        return json.loads(opened.read(size)).get("__metadata__", {})


@torch.no_grad()
def check(folder: Path, pipe: Any, family: Family) -> dict[str, float]:
    """Load each written file into `pipe`, which must be without LoRA, and see that its output moves.

    Returns:
        Largest change of the prediction by file, and `kohya_difference`, between both files.

    Raises:
        ModelBroken: a file does not load, or changes nothing.
    """
    base = predicted(pipe, family)
    found: dict[str, torch.Tensor] = {}
    changes = {}
    for name in (WEIGHTS, KOHYA):
        if not (folder / name).exists():
            continue
        try:
            pipe.load_lora_weights(folder, weight_name=name)
        except Exception as error:
            reason = " ".join(str(error).split())[:200]
            raise ModelBroken(f"{name} does not load: {reason}", "Please report it with this message.") from error
        found[name] = predicted(pipe, family)
        pipe.unload_lora_weights()
        changes[name] = float((found[name] - base).abs().max())
        if not changes[name] > 0:  # NaN too
            raise ModelBroken(f"{name} changes nothing.", "Train longer, or with a larger learning rate.")
    if KOHYA in found:
        changes["kohya_difference"] = float((found[KOHYA] - found[WEIGHTS]).abs().max())
    return changes
