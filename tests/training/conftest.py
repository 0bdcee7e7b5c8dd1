"""Small models and pictures on disk, as a user has them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from t2i_studio.families import FAMILIES

CAPTIONS = ("a cat and a dog", "a red car", "a bird on a bench", "two apples and a bowl", "very beautiful")


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a family's tiny model."""
    made: dict[str, Path] = {}

    def get(name: str) -> Path:
        if name not in made:
            made[name] = tmp_path_factory.mktemp(name)
            FAMILIES[name].tiny().save_pretrained(made[name])
        return made[name]

    return get


@pytest.fixture(scope="session")
def picture_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Captioned pictures with rewards."""
    folder = tmp_path_factory.mktemp("pictures")
    chance = np.random.default_rng(0)
    rows = []
    for number, caption in enumerate(CAPTIONS):
        picture = chance.integers(0, 255, (8, 8, 3), dtype=np.uint8)
        Image.fromarray(picture).resize((128, 128)).save(folder / f"{number}.png")
        rows.append({"file_name": f"{number}.png", "text": caption, "reward": 0.2 + 0.2 * number})
    (folder / "metadata.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return folder
