"""Losses against values worked out by hand, and gradients against finite differences in float64."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from t2i_studio.losses import (
    aggregation,
    boxdiff,
    excited,
    gather,
    isolation,
    middle,
    outside,
    overlap,
    peaks,
    pooled,
    presence,
    symmetric_kl,
    syngen,
    transport,
)
from t2i_studio.losses.boxes import NEAR, cells
from t2i_studio.losses.geometry import centre
from t2i_studio.losses.transport import foreground, heaviest, otsu
from t2i_studio.types import Box

SIDE = 16


def spikes(*places: tuple[int, int, float], side: int = SIDE) -> torch.Tensor:
    """A map of zeros with a few cells (row, column, value)."""
    map_YX = torch.zeros(side, side, dtype=torch.float64)
    for row, column, value in places:
        map_YX[row, column] = value
    return map_YX


def blob(row: float, column: float, sigma: float = 1.5, side: int = SIDE) -> torch.Tensor:
    axis = torch.arange(side, dtype=torch.float64)
    return torch.exp(-((axis[:, None] - row) ** 2 + (axis[None] - column) ** 2) / (2 * sigma**2))


def noise(seed: int, side: int = SIDE) -> torch.Tensor:
    return torch.rand(side, side, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * 0.2


# Aggregation


def test_peaks_lie_outside_the_discs_of_those_before() -> None:
    map_YX = spikes((2, 2, 1.0), (2, 4, 0.9), (12, 2, 0.8), (13, 13, 0.7))
    assert peaks(map_YX).tolist() == [[2, 2], [12, 2], [13, 13]]


def test_aggregation_of_three_spikes() -> None:
    # Each disc holds one spike: the m are the spikes. ‖p1−m2‖ = 10, ‖p1−m3‖ = 15, ‖m2−m3‖ = √(10² + 15²).
    map_YX = spikes((0, 0, 1.0), (10, 0, 0.5), (0, 15, 0.25))
    wanted = (10 + 15 + (10**2 + 15**2) ** 0.5) / (15 * 2**0.5)
    assert float(aggregation(map_YX)) == pytest.approx(wanted, rel=1e-12)


def test_aggregation_of_two_cells_in_one_disc() -> None:
    # p1 = (8, 8); its disc holds (8, 8): 3 and (8, 10): 1, so m1 = (8, 8.5). Elsewhere is nothing: m2 = p2, m3 = p3.
    map_YX = spikes((8, 8, 3.0), (8, 10, 1.0))
    p1, p2, p3 = peaks(map_YX)
    wanted = (0.5 + (p1 - p2).norm() + (p1 - p3).norm() + (p2 - p3).norm()) / (15 * 2**0.5)
    assert float(aggregation(map_YX)) == pytest.approx(float(wanted), rel=1e-12)


def test_aggregation_has_its_known_floor_and_ceiling() -> None:
    clean = [float(aggregation(blob(4 + i, 11 - i))) for i in range(6)]
    scattered = [float(aggregation(noise(seed))) for seed in range(20)]
    assert 0.2 < sum(clean) / len(clean) < 0.5
    assert 0.9 < sum(scattered) / len(scattered) < 1.3


def test_gather_pulls_towards_its_target() -> None:
    map_YX = blob(4, 4)
    near, far = (gather(map_YX, torch.tensor(place, dtype=torch.float64)) for place in ((4.0, 4.0), (12.0, 12.0)))
    assert near < far


# Isolation, overlap


def test_isolation_by_hand() -> None:
    maps = torch.stack([spikes((0, 0, 1.0)), spikes((3, 4, 2.0)), spikes((0, 8, 1.0))])
    diagonal = 16 * 2**0.5
    pairs = [5 / diagonal, 8 / diagonal, 5 / diagonal]
    assert float(isolation(maps[:2])) == pytest.approx(1 - 5 / diagonal)
    assert float(isolation(maps)) == pytest.approx(1 - sum(pairs) / 3)
    assert float(isolation(maps[:1])) == 0


def test_overlap_is_zero_apart_and_one_and_more_together() -> None:
    left, right = blob(8, 2, 1.0), blob(8, 13, 1.0)
    assert float(overlap(torch.stack([left, right]))) == pytest.approx(0, abs=1e-6)
    assert float(overlap(torch.stack([left, left]))) == pytest.approx(1 + 0.35, rel=1e-6)
    assert float(overlap(left[None])) == 0


# Transport


def test_foreground_is_what_stands_above_the_median() -> None:
    map_YX = torch.full((4, 4), 0.1, dtype=torch.float64)
    map_YX[0, 0], map_YX[3, 3] = 0.4, 0.2
    shares = foreground(map_YX)
    assert float(shares[0, 0]) == pytest.approx(0.75)
    assert float(shares[3, 3]) == pytest.approx(0.25)
    assert float(shares.sum()) == pytest.approx(1)


def test_otsu_parts_two_classes() -> None:
    values = torch.tensor([[0.1, 0.11, 0.12, 0.8, 0.9]], dtype=torch.float64)
    assert 0.12 <= float(otsu(values)) < 0.8


def test_heaviest_is_a_component_with_corners_joined() -> None:
    map_YX = spikes((1, 1, 1.0), (2, 2, 1.0), (10, 10, 1.5))
    assert heaviest(map_YX).nonzero().tolist() == [[1, 1], [2, 2]]


def test_heaviest_follows_a_winding_way() -> None:
    map_YX = torch.zeros(SIDE, SIDE, dtype=torch.float64)
    map_YX[::4, :] = 1.0
    map_YX[2::8, -1] = map_YX[1::8, -1] = map_YX[3::8, -1] = 1.0
    map_YX[5::8, 0] = map_YX[6::8, 0] = map_YX[7::8, 0] = 1.0
    assert bool((heaviest(map_YX) == (map_YX > 0)).all())


def test_transport_by_hand() -> None:
    # Foreground: 4 cells of .2 in a square, one of .2 five cells to the right of it. D = 16√2.
    map_YX = spikes((4, 4, 1.0), (4, 5, 1.0), (5, 4, 1.0), (5, 5, 1.0), (4, 10, 1.0))
    assert float(transport(map_YX)) == pytest.approx(0.2 * 5 / (16 * 2**0.5))
    assert float(transport(spikes((4, 4, 1.0), (4, 5, 0.9)))) == pytest.approx(0)


# Presence


def test_presence_asks_for_the_most_neglected() -> None:
    maps = torch.stack([spikes((3, 3, 0.9)), spikes((9, 9, 0.3))])
    assert float(presence(maps)) == pytest.approx(0.7)
    assert float(presence(torch.ones(2, 4, 4))) == 0


def test_excited_is_a_softmax_smoothed() -> None:
    tokens = torch.rand(5, SIDE, SIDE, dtype=torch.float64) * 0.02
    whole = excited(tokens, [(0,), (1,), (2,), (3,), (4,)])
    torch.testing.assert_close(whole.sum(0), torch.ones(SIDE, SIDE, dtype=torch.float64))
    both = excited(tokens, [(0, 1)])
    torch.testing.assert_close(both[0], whole[0] + whole[1])


# SynGen


def test_symmetric_kl_by_hand() -> None:
    p, q = torch.tensor([[0.8, 0.2]]), torch.tensor([[0.5, 0.5]])
    wanted = 0.5 * (0.8 * torch.tensor(1.6).log() + 0.2 * torch.tensor(0.4).log())
    wanted = wanted + 0.5 * (0.5 * torch.tensor(0.625).log() + 0.5 * torch.tensor(2.5).log())
    assert float(symmetric_kl(p, q)) == pytest.approx(float(wanted), abs=1e-5)
    assert float(symmetric_kl(p, p)) == pytest.approx(0, abs=1e-7)


def test_syngen_binds_and_parts() -> None:
    cat, red, dog = blob(4, 4), blob(4, 6), blob(12, 12)
    others = torch.stack([noise(1)])
    value = syngen(torch.stack([cat, dog]), [(0, red)], others)
    strangers = [others[0], dog]
    bound = symmetric_kl(red, cat)
    apart = torch.stack([(symmetric_kl(red, u) + symmetric_kl(cat, u)) / 2 for u in strangers]).mean()
    alone = torch.stack([symmetric_kl(dog, u) for u in (others[0], cat, red)]).mean()
    assert float(value) == pytest.approx(float(bound - apart - alone))


# Boxes


def test_box_cells_and_centre() -> None:
    box, map_YX = Box(0.25, 0.0, 0.5, 1.0), torch.zeros(8, 16)
    assert cells(map_YX, box) == (slice(0, 8), slice(4, 8))
    assert middle(map_YX, box).tolist() == [3.5, 5.5]
    assert cells(map_YX, Box(0.99, 0.99, 0.995, 0.995)) == (slice(7, 8), slice(15, 16))


def test_outside_is_a_share() -> None:
    map_YX = spikes((0, 0, 3.0), (15, 15, 1.0))
    assert float(outside(map_YX, Box(0, 0, 0.5, 0.5))) == pytest.approx(0.25)


def test_boxdiff_by_hand() -> None:
    # A map that is 1 in the box and 0 elsewhere has no loss; the opposite loses all.
    box = Box(0.25, 0.25, 0.75, 0.75)
    right = torch.zeros(SIDE, SIDE, dtype=torch.float64)
    right[cells(right, box)] = 1
    assert float(boxdiff(right, box)) == pytest.approx(0)
    wide = max(1, round(NEAR * SIDE))
    near = sum(abs(i - 4) <= wide or abs(i - 11) <= wide for i in range(SIDE))
    # The box is empty, all else full: every row and column has a 1, so only cells outside the box are wrong.
    wrong = sum((abs(i - 4) <= wide or abs(i - 11) <= wide) and not 4 <= i < 12 for i in range(SIDE))
    assert float(boxdiff(1 - right, box)) == pytest.approx(1 + 1 + 2 * wrong / near)


# Gradients

SMALL = 6
LOSSES: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "aggregation": lambda m: aggregation(m[0], 0.25),
    "aggregation to a box": lambda m: aggregation(m[0], 0.25, middle(m[0], Box(0, 0, 0.5, 0.5))),
    "gather": lambda m: gather(m[0], peaks(m[1], 0.25)[0], 0.3),
    "isolation": isolation,
    "overlap": overlap,
    "transport": lambda m: transport(m[0]),
    "presence": lambda m: presence(excited(m / 20, [(0,), (1, 2)])),
    "syngen": lambda m: syngen(m[:2], [(0, m[2])], m[2:]),
    "outside": lambda m: outside(m[0], Box(0, 0, 0.5, 1)),
    "boxdiff": lambda m: boxdiff(m[0], Box(0, 0, 0.5, 1)),
}


@pytest.mark.parametrize("name", LOSSES)
def test_gradients(name: str) -> None:
    """On the cells that stand out: the ground, whose median is detached, stays as it is."""
    maps = torch.stack([noise(seed, SMALL) + blob(1 + seed, 4 - seed, 0.8, SMALL) for seed in range(3)])
    level = maps.flatten(1).quantile(0.7, dim=1).view(-1, 1, 1)
    above = maps > level
    ground = torch.full_like(maps, 0.01)

    def loss(values: torch.Tensor) -> torch.Tensor:
        return LOSSES[name](ground.masked_scatter(above, values))

    assert torch.autograd.gradcheck(loss, maps[above].clone().requires_grad_(), eps=1e-7, atol=1e-5)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("kind", ["empty", "uniform", "one cell", "faint"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_strange_maps_give_finite_gradients(name: str, kind: str, dtype: torch.dtype) -> None:
    maps = torch.zeros(3, SIDE, SIDE, dtype=dtype)
    if kind == "uniform":
        maps += 1 / 77
    elif kind == "one cell":
        maps[:, 5, 5] = 1
    elif kind == "faint":
        maps += 1e-12 * torch.rand(3, SIDE, SIDE, dtype=dtype)
    maps.requires_grad_()
    value = LOSSES[name](maps)
    (gradient,) = torch.autograd.grad(value, maps, allow_unused=True)
    assert bool(value.isfinite())
    assert gradient is None or bool(gradient.isfinite().all())


@pytest.mark.parametrize("side", [4, 7, 32])
@pytest.mark.parametrize("name", LOSSES)
def test_any_size(name: str, side: int) -> None:
    maps = torch.rand(3, side, side + 3, generator=torch.Generator().manual_seed(0))
    assert bool(LOSSES[name](maps).isfinite())


class Waiting(TorchDispatchMode):
    """Fails where a number is fetched from the device: there the host would wait."""

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        assert func is not torch.ops.aten._local_scalar_dense.default, "waits for the device"
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("name", LOSSES)
def test_nothing_waits_for_the_device(name: str) -> None:
    maps = torch.rand(3, SIDE, SIDE, generator=torch.Generator().manual_seed(0)).requires_grad_()
    with Waiting():
        torch.autograd.grad(LOSSES[name](maps), maps)


def test_pooling_keeps_centres_where_cells_do_not_divide() -> None:
    """76 columns become 26: cells of one size, not two whole ones and a third of one."""
    maps = torch.zeros(1, 1, 52, 76)
    maps[..., :38] = 1
    small = pooled(maps)[0, 0]
    assert small.shape == (18, 26)
    assert float((centre(small)[1] + 0.5) / 26) == pytest.approx(0.25, abs=2e-3)


def test_indices_that_were_first_asked_for_in_inference_mode_serve_gradients() -> None:
    maps = torch.rand(7, SIDE, SIDE)
    with torch.inference_mode():
        excited(maps, [(0, 2, 6)])
    leaf = maps.clone().requires_grad_()
    excited(leaf, [(0, 2, 6)]).square().sum().backward()
    assert bool(leaf.grad.abs().sum() > 0)
