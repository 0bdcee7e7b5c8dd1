"""From a name to a pipeline: what is wrong is said, nothing unsafe is opened."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from t2i_studio.config import GenerateSettings
from t2i_studio.errors import ModelBroken, ModelNotFound, SettingError
from t2i_studio.families import FAMILIES
from t2i_studio.models import LoadedModel, ModelShelf, pick_device, pick_dtype, resolve


def test_unknown_name_suggests_the_nearest() -> None:
    with pytest.raises(ModelNotFound, match="'emoji-unet'"):
        resolve("emoji-unte")


def test_a_folder_of_another_kind_is_named(tmp_path: Path) -> None:
    (tmp_path / "model_index.json").write_text('{"_class_name": "KandinskyPipeline"}')
    with pytest.raises(ModelBroken, match="KandinskyPipeline"):
        resolve(str(tmp_path))


@pytest.mark.parametrize("name", ["cuda:99", "warp", "xpu", "meta"])
def test_devices_that_are_not_here(name: str) -> None:
    with pytest.raises(SettingError) as caught:
        pick_device(name)
    assert caught.value.name == "device"


def test_dtypes() -> None:
    assert pick_dtype("auto", torch.device("cpu")) is torch.float32
    assert pick_dtype("auto", torch.device("cuda")) is torch.float16
    assert pick_dtype("bfloat16", torch.device("cpu")) is torch.bfloat16


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        ("cond_stage_model.transformer.text_model.final_layer_norm.bias", "stable-diffusion"),
        ("cond_stage_model.model.ln_final.bias", "stable-diffusion"),
        ("conditioner.embedders.1.model.ln_final.bias", "stable-diffusion-xl"),
        ("model.diffusion_model.joint_blocks.0.x_block.attn.qkv.weight", "stable-diffusion-3"),
        ("joint_blocks.0.x_block.attn.qkv.weight", "stable-diffusion-3"),
    ],
)
def test_a_single_file_tells_its_family(tmp_path: Path, key: str, kind: str) -> None:
    file = tmp_path / "any.safetensors"
    save_file({key: np.zeros(1), "model.diffusion_model.time_embed.0.bias": np.zeros(1)}, file)
    assert resolve(str(file)).family == kind


def test_a_file_that_is_no_checkpoint_says_so(tmp_path: Path) -> None:
    file = tmp_path / "lora.safetensors"
    save_file({"lora_unet_down_blocks_0.lora_up.weight": np.zeros(1)}, file)
    with pytest.raises(ModelBroken, match="no whole checkpoint") as caught:
        resolve(str(file))
    assert "--lora" in str(caught.value.remedy)
    file.write_bytes(b"not tensors")
    with pytest.raises(ModelBroken, match="can't be read"):
        resolve(str(file))


@pytest.mark.models
def test_shelf_keeps_one_model_and_reloads_when_told_otherwise(tmp_path: Path) -> None:
    FAMILIES["stable-diffusion"].tiny().save_pretrained(tmp_path / "tiny")
    settings = GenerateSettings(prompt="a cat", model=str(tmp_path / "tiny"), device="cpu")
    shelf = ModelShelf()
    first = shelf.get(settings)
    assert shelf.get(settings) is first
    again = shelf.get(settings.model_copy(update={"dtype": "bfloat16"}))
    assert again is not first
    assert again.pipe.unet.dtype is torch.bfloat16
    with pytest.raises(SettingError, match="GPU"):
        shelf.get(settings.model_copy(update={"offload": "model"}))


@pytest.mark.models
def test_a_fingerprint_is_of_the_weights_alone() -> None:
    family = FAMILIES["stable-diffusion"]
    pipe = family.tiny()
    loaded = LoadedModel("tiny", family, pipe, torch.device("cpu"), torch.float32)
    first, threads = loaded.fingerprint(), torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        assert loaded.fingerprint() == first
    finally:
        torch.set_num_threads(threads)
    weight = next(pipe.unet.parameters()).data
    weight.view(-1)[0] = torch.nextafter(weight.view(-1)[0], torch.tensor(1e9))
    assert loaded.fingerprint() != first
    pipe.unet.to(torch.bfloat16)
    assert loaded.fingerprint() not in ("", first)


@pytest.mark.models
def test_weights_that_lie_elsewhere_are_told_by_their_files(tmp_path: Path) -> None:
    family = FAMILIES["stable-diffusion"]
    pipe = family.tiny()
    pipe.save_pretrained(tmp_path)
    pipe.unet.to("meta")  # as sequential offload leaves it
    loaded = LoadedModel(str(tmp_path), family, pipe, torch.device("cpu"), torch.float32)
    first = loaded.fingerprint()
    file = next((tmp_path / "unet").glob("*.safetensors"))
    os.utime(file, (1, 1))
    assert loaded.fingerprint() != first


@pytest.mark.models
def test_a_broken_folder_says_so(tmp_path: Path) -> None:
    FAMILIES["stable-diffusion"].tiny().save_pretrained(tmp_path / "tiny")
    next((tmp_path / "tiny" / "unet").glob("*.safetensors")).write_bytes(b"not weights")
    settings = GenerateSettings(prompt="a cat", model=str(tmp_path / "tiny"), device="cpu")
    with pytest.raises(ModelBroken, match="tiny"):
        ModelShelf().get(settings)
