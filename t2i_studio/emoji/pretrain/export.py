"""A pipeline as the folder that ships: float16 safetensors, configurations that any loader reads alike."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch


def write_pipeline(pipe: Any, folder: Path) -> None:
    """Write it; files that lie in the folder already and are not the pipeline's stay."""
    pipe.to(torch.float16)
    pipe.save_pretrained(folder, safe_serialization=True)
    for file in folder.glob("*/config.json"):
        config = json.loads(file.read_text(encoding="utf-8"))
        config.pop("_name_or_path", None)
        if "dtype" in config:
            # transformers follows this, diffusers does not: a plain from_pretrained would mix the two.
            config["dtype"] = "float32"
        file.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
