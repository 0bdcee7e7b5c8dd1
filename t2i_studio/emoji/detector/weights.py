"""The folder that ships: `model.safetensors` (float16) and `config.json`; a detector ready to be asked."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from ...config import ASSETS
from ...errors import ModelNotFound
from ..scenes import SCENE_SIZE
from ..vocabulary import COLOURS, NOUNS
from .decoding import Seen, decode
from .network import Network, Shape

FOLDER = ASSETS / "emoji-detector"


class Detector:
    """A trained network with the certainty from which on it reports an object."""

    def __init__(self, network: Network, threshold: float) -> None:
        self.network, self.threshold = network.eval().requires_grad_(False), threshold

    @torch.no_grad()
    def __call__(self, images: Sequence[Image.Image]) -> list[tuple[Seen, ...]]:
        """Objects of each picture, boxes in pixels of 128; pictures of other sizes are scaled to that first."""
        return decode(self.network(as_tensor(images)), self.threshold)


def as_tensor(images: Sequence[Image.Image]) -> torch.Tensor:
    """Pictures of any size → float32 (B, 3, 128, 128) in [-1, 1], channels last."""
    side = (SCENE_SIZE, SCENE_SIZE)
    scaled = [image.convert("RGB") for image in images]
    scaled = [one if one.size == side else one.resize(side, Image.Resampling.BICUBIC) for one in scaled]
    array = np.stack([np.asarray(one) for one in scaled])
    tensor = torch.from_numpy(array).permute(0, 3, 1, 2).float().div(127.5).sub(1.0)
    return tensor.contiguous(memory_format=torch.channels_last)


def load_detector(folder: Path = FOLDER) -> Detector:
    """The detector of a folder.

    Raises:
        ModelNotFound: its files are not there.
    """
    files = folder / "config.json", folder / "model.safetensors"
    if not all(file.is_file() for file in files):
        raise ModelNotFound(
            f"There is no emoji-detector in {folder}.",
            "Get the folder again, or train it: python -m t2i_studio.emoji.pretrain detector.",
        )
    config = json.loads(files[0].read_text(encoding="utf-8"))
    network = Network(Shape(tuple(config["widths"]), tuple(config["blocks"])))
    network.load_state_dict({key: value.float() for key, value in load_file(files[1]).items()})
    return Detector(network.to(memory_format=torch.channels_last), float(config["threshold"]))  # type: ignore[call-overload]


def save_detector(detector: Detector, folder: Path = FOLDER) -> None:
    """Write a detector's folder; other files in it stay."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = {key: value.half().contiguous() for key, value in detector.network.state_dict().items()}
    save_file(weights, folder / "model.safetensors")
    config = {
        **asdict(detector.network.shape), "threshold": detector.threshold, "size": SCENE_SIZE,
        "nouns": list(NOUNS), "colours": list(COLOURS),
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
