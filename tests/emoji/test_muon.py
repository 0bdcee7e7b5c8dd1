"""Muon turns matrices, AdamW everything else, and both resume exactly."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from torch import nn

from t2i_studio.emoji.pretrain import loop
from t2i_studio.emoji.pretrain.muon import RMS, Muon, orthogonalised

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

PLAN = loop.Plan(
    total_steps=30, batch_size=16, learning_rate=0.02, warmup_steps=5, ema_decay=0.9, optimizer="muon"
)  # fmt: skip


def network() -> nn.Sequential:
    """Of each kind: an embedding, a matrix to turn, a modulation, a way out."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Embedding(64, 48), nn.Linear(48, 64), nn.Linear(64, 512), nn.Linear(512, 4))


class Mapping:
    """Learns which of four classes each token has."""

    def __init__(self) -> None:
        self.modules = {"network": network()}

    def loss(self, rng: np.random.Generator, generator: torch.Generator, step: int):
        tokens = torch.randint(0, 64, (PLAN.batch_size,), generator=generator)
        return nn.functional.cross_entropy(self.modules["network"](tokens), tokens % 4), {"noise": float(rng.normal())}

    def preview(self, ema, folder: Path, step: int) -> None:
        pass


@pytest.mark.parametrize("shape", [(48, 48), (64, 40), (40, 160)])
def test_singular_values_near_one(shape: tuple[int, int]) -> None:
    drawn = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    left, _, right = torch.linalg.svd(drawn, full_matrices=False)
    turned = orthogonalised((left * torch.logspace(-0.5, 0.5, min(shape)) @ right)[None])[0]
    assert 0.6 < torch.linalg.svdvals(turned).min() < torch.linalg.svdvals(turned).max() < 1.25
    assert torch.nn.functional.cosine_similarity(turned.flatten(), (left @ right).flatten(), dim=0) > 0.97


def test_only_matrices_within_are_turned() -> None:
    net = network()
    optimizer = Muon([net], lr=0.01, weight_decay=0.0)
    before = [p.detach().clone() for p in net.parameters()]
    net(torch.arange(64)).square().mean().backward()
    optimizer.step()
    moved = {name: p.detach() - old for (name, p), old in zip(net.named_parameters(), before, strict=True)}
    values = torch.linalg.svdvals(moved["1.weight"]) / (0.01 * RMS * 64**0.5)
    assert 0.6 < values[3] < values[0] < 1.25, "four outputs, four directions: they move alike"
    for name in ("0.weight", "2.weight", "3.weight", "1.bias"):
        assert moved[name].abs().max() == pytest.approx(0.01, rel=1e-3), f"{name}: AdamW's first step is the rate"


def test_resumed_equals_uninterrupted(tmp_path: Path) -> None:
    loop.train(Mapping(), PLAN, tmp_path / "whole", resume=False)
    loop.train(Mapping(), loop.Plan(**{**PLAN.__dict__, "total_steps": 20}), tmp_path / "parts", resume=False)
    loop.train(Mapping(), PLAN, tmp_path / "parts", resume=True)
    one, other = (
        torch.load(tmp_path / n / "state.pt", weights_only=True)["modules"]["network"] for n in ("whole", "parts")
    )
    assert all(torch.equal(one[name], other[name]) for name in one)
    net = network()
    net.load_state_dict(one)
    right = net(torch.arange(64)).argmax(1) == torch.arange(64) % 4
    assert right.float().mean() > 0.8
