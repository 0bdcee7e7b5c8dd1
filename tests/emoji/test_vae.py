"""The decoder's own training: latents stay, the decoder learns, a step repeats."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from t2i_studio.emoji.pretrain.vae import LATENT_NOISE, VaeTask, shipped_vae

pytestmark = pytest.mark.models


@pytest.fixture
def task() -> VaeTask:
    return VaeTask("decoder", shipped_vae())


def _loss(task: VaeTask, step: int) -> torch.Tensor:
    return task.loss(np.random.default_rng(step), torch.Generator().manual_seed(step), step)[0]


def test_only_the_decoder_learns(task: VaeTask) -> None:
    _loss(task, 0).backward()
    learnt = {name for name, p in task.vae.named_parameters() if p.grad is not None}
    assert learnt
    assert all(name.startswith(("decoder.", "post_quant_conv.")) for name in learnt)


def test_a_step_repeats_and_sees_noise(task: VaeTask, monkeypatch: pytest.MonkeyPatch) -> None:
    with torch.no_grad():
        loss = _loss(task, 3)
        assert loss == _loss(task, 3)
        monkeypatch.setitem(LATENT_NOISE, "decoder", 0.0)
        assert _loss(VaeTask("decoder", shipped_vae()), 3) < loss
