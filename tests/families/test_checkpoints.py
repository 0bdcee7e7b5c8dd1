"""What is not a model, or not a safe one, is refused by name before anything is opened."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from t2i_studio.errors import ModelBroken, ModelNotFound, UnsafeCheckpoint
from t2i_studio.families import check_source, is_hub_id


def test_missing_path() -> None:
    with pytest.raises(ModelNotFound, match="no model"):
        check_source("/nowhere/at/all")


@pytest.mark.parametrize("suffix", [".ckpt", ".pt", ".bin", ".PTH"])
def test_pickles_are_refused(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"model{suffix}"
    file.write_bytes(b"\x80\x04")
    with pytest.raises(UnsafeCheckpoint, match="safetensors"):
        check_source(file)


def test_folder_of_pickles_is_refused(tmp_path: Path) -> None:
    (tmp_path / "unet").mkdir()
    (tmp_path / "unet" / "diffusion_pytorch_model.bin").write_bytes(b"\x80\x04")
    (tmp_path / "model_index.json").write_text(json.dumps({"_class_name": "StableDiffusionPipeline"}))
    with pytest.raises(UnsafeCheckpoint, match="unet"):
        check_source(tmp_path)


def test_folder_without_index(tmp_path: Path) -> None:
    with pytest.raises(ModelBroken, match=r"model_index\.json"):
        check_source(tmp_path)


def test_broken_index(tmp_path: Path) -> None:
    (tmp_path / "model_index.json").write_text("{")
    with pytest.raises(ModelBroken):
        check_source(tmp_path)


def test_other_file(tmp_path: Path) -> None:
    file = tmp_path / "picture.png"
    file.write_bytes(b"png")
    with pytest.raises(ModelBroken):
        check_source(file)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("owner/model", True), ("model", False), ("./a/b", False), ("a/b/c", False), ("/a", False), ("~/m", False)],
)
def test_hub_ids(name: str, expected: bool) -> None:
    assert is_hub_id(name) is expected
