"""What a training on a GPU draws from: rendered by processes, held in a device's memory, tokenized once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from t2i_studio.emoji.captions import Mixture
from t2i_studio.emoji.pretrain import batches
from t2i_studio.emoji.pretrain.batches import Batches
from t2i_studio.emoji.pretrain.latents import CAPTION_BYTES, LatentPool
from t2i_studio.emoji.pretrain.rendering import CHUNK, rendered
from t2i_studio.emoji.pretrain.semantics import labels_of
from t2i_studio.emoji.pretrain.unet import LATER
from t2i_studio.emoji.pretrain.vae import shipped_vae
from t2i_studio.emoji.scenes import masks, render, scene_of_seed

if TYPE_CHECKING:
    from pathlib import Path

NUMBER = 40


def later(_: int) -> Mixture:
    return LATER


def tokens(captions: list[str]) -> dict[str, torch.Tensor]:
    """Letters as numbers."""
    return {"letters": torch.tensor([[ord(c) for c in caption.ljust(CAPTION_BYTES)] for caption in captions])}


def captions_of(ids: torch.Tensor) -> list[str]:
    return ["".join(map(chr, row)).rstrip() for row in ids.tolist()]


def test_processes_render_what_one_would() -> None:
    numbers = np.arange(CHUNK + 3) + 7
    parts = list(rendered(numbers, later, workers=2))
    assert [len(part.indices) for part in parts] == [CHUNK, 3]
    assert np.array_equal(np.concatenate([part.indices for part in parts]), numbers)
    for row in (0, 2):
        scene = scene_of_seed(int(parts[1].indices[row]), LATER)
        assert np.array_equal(parts[1].pictures[row, ..., :3], np.asarray(render(scene)))
        assert np.array_equal(parts[1].pictures[row, ..., 3] > 0, masks(scene).any(0))
        assert np.array_equal(parts[1].labels[row], labels_of(scene))
        assert parts[1].captions[row] == scene.caption


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> LatentPool:
    return LatentPool(tmp_path_factory.mktemp("latents"), shipped_vae(), later, capacity=NUMBER)


@pytest.mark.models
def test_a_pool_filled_ahead_equals_one_that_grows(pool: LatentPool, tmp_path: Path) -> None:
    growing = LatentPool(tmp_path, shipped_vae(), later, capacity=NUMBER)
    growing.ensure(np.arange(5))
    assert growing.num_ready() == growing.num_ready(3) == 5
    pool.fill(NUMBER, workers=1)
    assert pool.num_ready() == NUMBER
    one, other = pool.batch(slice(0, 5)), growing.batch(np.arange(5))
    assert torch.allclose(one[0].float(), other[0].float(), atol=2e-3)
    assert torch.equal(one[1], other[1])
    assert one[2] == other[2] == [scene_of_seed(i, LATER).caption for i in range(5)]


@pytest.mark.models
def test_a_shelf_draws_the_pools_scenes(pool: LatentPool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A GPU's shelf, in a CPU's memory."""
    monkeypatch.setattr(batches, "FIRST_SCENES", 16)
    pool.fill(NUMBER, workers=1)
    shelf = batches._Shelf(pool, tokens, torch.device("cpu"), NUMBER)
    latents, labels, drawn = shelf.draw(torch.Generator().manual_seed(0), 0, 200)
    again = shelf.draw(torch.Generator().manual_seed(0), 1, 200)
    assert torch.equal(latents, again.latents), "the same generator, the same batch"
    assert latents.dtype == torch.float32
    known, known_labels, captions = pool.batch(slice(0, NUMBER))
    told = captions_of(drawn["letters"])
    silent = sum(not text for text in told)
    assert 5 < silent < 45, "a tenth"
    for row, text in enumerate(told):
        if text:
            same = [i for i in range(NUMBER) if torch.equal(known[i].float(), latents[row])]
            assert text in {captions[i] for i in same}
            assert torch.equal(labels[row], known_labels[same[0]])


@pytest.mark.models
def test_on_a_cpu_batches_come_from_the_pool(pool: LatentPool) -> None:
    pool.fill(NUMBER, workers=1)
    source = Batches(pool, tokens, 6, torch.device("cpu"))
    one, other = (source.draw(np.random.default_rng(3), torch.Generator(), 0) for _ in range(2))
    assert torch.equal(one.latents, other.latents)
    assert one.tokens["letters"].shape == (6, CAPTION_BYTES)
