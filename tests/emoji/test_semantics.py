"""What stands where: labels equal the scene's masks, and a layer that knows them loses nothing."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from t2i_studio.emoji.captions import Mixture
from t2i_studio.emoji.pretrain.semantics import GRID, Semantics, Tap, labels_of
from t2i_studio.emoji.scenes import masks, scene_of_seed
from t2i_studio.emoji.vocabulary import COLOURS, NOUNS

PAIRS = Mixture(single=0, pair=1, triple=0, count=0, relation=0, coloured=0.5)


@pytest.mark.parametrize("seed", range(5))
def test_labels_are_the_masks(seed: int) -> None:
    scene = scene_of_seed(seed, PAIRS)
    noun, colour, covered = labels_of(scene)
    for asked, mask in zip(scene.request.asked, masks(scene), strict=True):
        inside = mask[4::8, 4::8] & (covered == 255)
        assert inside.any()
        assert set(noun[inside]) == {NOUNS.index(asked.noun)}
        assert set(colour[inside]) == {1 + list(COLOURS).index(asked.colour) if asked.colour else 0}
    empty = ~masks(scene).any(0).reshape(GRID, 8, GRID, 8).any((1, 3))
    assert not covered[empty].any()


def test_loss_is_of_noun_and_colour_where_an_object_is() -> None:
    labels = torch.from_numpy(labels_of(scene_of_seed(3, PAIRS)))[None]
    head = Semantics(4)
    features = torch.zeros(1, GRID * GRID, 4)
    with torch.no_grad():
        for p in head.parameters():
            p.zero_()
    assert float(head.loss(features, labels).detach()) == pytest.approx(
        np.log(len(NOUNS) + 1) + np.log(len(COLOURS) + 1)
    )
    empty = labels.clone()
    empty[:, 2] = 0
    with torch.no_grad():
        head.nouns.bias[-1] = 30
    assert float(head.loss(features, empty).detach()) == pytest.approx(0, abs=1e-6)
    assert float(head.loss(features, labels).detach()) > 1


def test_a_tap_gives_what_passed_once_and_keeps_nothing_without_gradients() -> None:
    layer = torch.nn.Linear(2, 2)
    tap = Tap(layer, pick=lambda out: out * 2)
    out = layer(torch.ones(1, 2))
    assert torch.equal(tap.taken(), out * 2)
    assert tap.features is None
    with torch.no_grad():
        layer(torch.ones(1, 2))
    assert tap.features is None
