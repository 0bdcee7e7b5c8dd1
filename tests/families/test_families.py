"""Contract of every family, on its `tiny()` model."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from t2i_studio import Studio
from t2i_studio.config import GenerateSettings
from t2i_studio.errors import SettingError
from t2i_studio.families import Family, family_of, read_index
from t2i_studio.generation import check_size
from t2i_studio.models import LoadedModel

pytestmark = pytest.mark.models
SIZES = [(128, 128), (128, 192), (64, 80)]


def test_tiny_is_the_same_each_time(family: Family) -> None:
    one, other = (family.denoiser(family.tiny(seed=3)).state_dict() for _ in range(2))
    assert all(torch.equal(one[key], other[key]) for key in one)


@pytest.mark.parametrize("size", SIZES)
def test_grids_are_those_of_the_queries(family: Family, pipe, size: tuple[int, int]) -> None:
    denoiser = family.denoiser(pipe)
    latents = family.latent_size(pipe, *size)
    seen: dict[str, int] = {}
    handles = [
        denoiser.get_submodule(site.name).register_forward_hook(
            lambda module, args, kwargs, out, name=site.name: seen.__setitem__(
                name, (out[0] if isinstance(out, tuple) else out).shape[1]
            ),
            with_kwargs=True,
        )
        for site in family.sites(denoiser, *latents)
    ]
    pipe("a cat", num_inference_steps=1, height=size[0], width=size[1], output_type="latent")
    for handle in handles:
        handle.remove()
    assert seen == {s.name: s.grid[0] * s.grid[1] for s in family.sites(denoiser, *latents)}


def test_sites_are_in_order_of_execution(family: Family, pipe) -> None:
    denoiser = family.denoiser(pipe)
    order: list[str] = []
    sites = family.sites(denoiser, 16, 16)
    handles = [
        denoiser.get_submodule(s.name).register_forward_hook(lambda *_, name=s.name: order.append(name)) for s in sites
    ]
    pipe("a cat", num_inference_steps=1, height=128, width=128, output_type="latent", guidance_scale=1.0)
    for handle in handles:
        handle.remove()
    assert order == [s.name for s in sites]


def test_default_sites_have_the_loss_grid(family: Family, pipe) -> None:
    denoiser = family.denoiser(pipe)
    sites = family.default_sites(denoiser, 16, 24)
    assert sites
    assert {s.grid for s in sites} == {family.loss_grid(denoiser, 16, 24)}


def test_sizes_the_model_can_not_paint_are_told(family: Family, pipe) -> None:
    step = family.size_step(pipe)
    loaded = LoadedModel("tiny", family, pipe, torch.device("cpu"), torch.float32)
    settings = GenerateSettings.checked(prompt="a cat", width=128, height=128 + step)
    check_size(loaded, settings)
    if step > 8:
        with pytest.raises(SettingError, match=f"multiples of {step}"):
            check_size(loaded, settings.model_copy(update={"width": 136}))


def test_a_folder_of_this_family_is_known_as_such_and_painted(family: Family, pipe, tmp_path: Path) -> None:
    pipe.save_pretrained(tmp_path / "tiny")
    run = Studio(str(tmp_path / "tiny"), home=tmp_path).generate("a cat and a dog", seed=1, steps=2)
    assert family_of(read_index(tmp_path / "tiny")) is family
    assert run.image.size == (128, 128)
    assert run.maps is not None
    assert run.maps.nouns == ("cat", "dog")
    assert [span.tokenizer for span in run.spans] == [one.name for one in family.column_sets(pipe)]
    assert 0 < run.maps["cat"].max() < 1
    renormalised = Studio(str(tmp_path / "tiny"), home=tmp_path).generate(
        "a cat and a dog", seed=1, steps=2, renormalise=True
    )
    assert renormalised.maps is not None
    assert (renormalised.maps["cat"] > run.maps["cat"]).all()
