"""CTCal's terms on maps small enough to work them out by hand."""

from __future__ import annotations

import math

import pytest
import torch

from t2i_studio.losses import MapCoder, mean_one, per_sample, pixel, reconstruction, response, semantic

FLAT = torch.full((1, 1, 2, 2), 0.25)
CORNER = torch.tensor([[[[1.0, 0.0], [0.0, 0.0]]]])


def test_pixel_compares_maps_of_mean_one() -> None:
    # Over its mean the corner is (4, 0, 0, 0), the flat map (1, 1, 1, 1): squares 9, 1, 1, 1.
    assert pixel(FLAT, CORNER).item() == pytest.approx(3.0)
    assert pixel(FLAT * 1e-4, CORNER * 3e-5).item() == pytest.approx(3.0)
    assert pixel(CORNER, CORNER).item() == 0


def test_a_map_of_zeros_is_finite() -> None:
    zeros = torch.zeros(1, 1, 4, 4, requires_grad=True)
    pixel(zeros, torch.rand(1, 1, 4, 4)).sum().backward()
    assert zeros.grad is not None
    assert zeros.grad.isfinite().all()


def test_response_asks_of_each_subject_the_strongest_ones_peak() -> None:
    maps = torch.zeros(1, 3, 2, 2)
    maps[0, :, 0, 0] = torch.tensor([0.5, 0.2, 0.9])
    present = torch.tensor([[True, True, False]])
    # The third is no subject: S = 0.5, τ = 0.05.
    assert response(maps, present).tolist()[0] == pytest.approx([0.0, 0.25, 0.0])


def test_response_pulls_only_the_weak_one() -> None:
    maps = torch.rand(1, 2, 4, 4)
    maps[0, 0] *= 3
    maps.requires_grad_()
    response(maps, torch.ones(1, 2, dtype=torch.bool)).sum().backward()
    assert maps.grad is not None
    assert maps.grad[0, 0].abs().sum() == 0
    assert maps.grad[0, 1].sum() == -1


def test_a_sample_is_the_mean_of_its_own_subjects() -> None:
    values = torch.tensor([[1.0, 3.0], [5.0, math.nan], [7.0, 7.0]])
    present = torch.tensor([[True, True], [True, False], [False, False]])
    assert per_sample(values, present).tolist() == [2.0, 5.0, 0.0]


def test_terms_are_differentiable() -> None:
    torch.manual_seed(0)
    coder = MapCoder((4, 6)).double()
    teacher = torch.rand(1, 2, 4, 4, dtype=torch.float64) + 0.2
    maps = torch.rand(1, 2, 4, 4, dtype=torch.float64).add(0.2).requires_grad_()
    present = torch.ones(1, 2, dtype=torch.bool)
    assert torch.autograd.gradcheck(lambda m: pixel(m, teacher), maps)
    assert torch.autograd.gradcheck(lambda m: semantic(coder, m, teacher), maps)
    # S is held fixed, which numeric differences don't know: only the weaker subject may vary.
    weak = maps.detach()[:, 1:].requires_grad_()
    strong = 3 + maps.detach()[:, :1]
    assert torch.autograd.gradcheck(lambda m: response(torch.cat([strong, m], 1), present), weak)


def test_the_semantic_term_moves_the_encoder_only_where_its_switch_says() -> None:
    torch.manual_seed(0)
    coder, teacher, student = MapCoder(), torch.rand(2, 3, 16, 16), torch.rand(2, 3, 16, 16)
    student.requires_grad_()
    semantic(coder, student, teacher, train=False).sum().backward()
    assert student.grad is not None
    assert student.grad.abs().sum() > 0
    assert all(p.grad is None for p in coder.parameters())
    semantic(coder, student, teacher, train=True).sum().backward()
    assert all(layer.weight.grad is not None and layer.weight.grad.abs().sum() > 0 for layer in coder.down)
    assert all(p.grad is None for p in coder.up.parameters())
    reconstruction(coder, teacher).sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in coder.parameters())


@pytest.mark.parametrize("size", [(16, 16), (8, 8), (12, 20), (7, 9), (32, 32)])
def test_the_coder_takes_any_grid(size: tuple[int, int]) -> None:
    coder, maps = MapCoder(), torch.rand(1, 2, *size)
    codes = coder.encode(maps)
    assert codes.shape[:3] == (1, 2, 64)
    assert coder.decode(codes, size).shape == maps.shape
    if size == (16, 16):
        assert codes.shape[-2:] == (2, 2)


def test_mean_one() -> None:
    maps = torch.rand(2, 3, 5, 7)
    assert torch.allclose(mean_one(maps).mean((-2, -1)), torch.ones(2, 3))
