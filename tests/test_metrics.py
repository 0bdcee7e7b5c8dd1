"""Numbers on toy maps, worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from t2i_studio import metrics
from t2i_studio.types import Maps, MapStack


def test_numbers_of_a_single_cell_and_an_even_map():
    cell = np.zeros((2, 4))
    cell[1, 2] = 0.8
    even = np.full((2, 4), 0.1)
    both = np.stack([cell, even])
    assert metrics.mass(both) == pytest.approx([0.1, 0.1])
    assert metrics.peak(both) == pytest.approx([0.8, 0.1])
    assert metrics.entropy(both) == pytest.approx([0.0, 1.0])
    assert [a.tolist() for a in metrics.peak_position(both)] == [[1, 0], [2, 0]]
    assert metrics.overlap(cell, even) == pytest.approx(1 / 8)
    assert metrics.overlap(cell, cell * 0.5) == pytest.approx(1.0)


def test_entropy_of_two_equal_cells_is_one_bit_of_three():
    two = np.zeros((2, 4))
    two[0, 0] = two[1, 3] = 0.3
    assert metrics.entropy(two) == pytest.approx(1 / 3)


def test_overlap_by_hand():
    first, second = np.array([[0.6, 0.2, 0.0]]), np.array([[0.0, 0.1, 0.1]])
    assert metrics.overlap(first, second) == pytest.approx(0.25)
    assert metrics.overlap(first, np.array([[0.0, 0.0, 1.0]])) == 0.0


def test_edges():
    assert metrics.entropy(np.zeros((3, 3))) == 1.0
    assert metrics.entropy(np.array([[0.7]])) == 0.0
    assert np.isnan(metrics.entropy(np.full((2, 2), np.nan)))
    tiny = np.full((64, 64), 1e-30, dtype=np.float32)
    assert metrics.entropy(tiny) == pytest.approx(1.0)


def test_measure_is_the_mean_over_sites_by_step_and_noun():
    values = np.zeros((2, 2, 3, 1, 4), dtype=np.float32)
    values[0, :, 0, 0, 0] = [0.2, 0.4]
    values[0, 0, 1, 0, 3] = 0.8
    values[1, :, :2, 0, 1] = 0.5
    maps = Maps(("a", "b", "c"), (900.0, 1.0), {"1x4": MapStack((1, 4), ("s", "t"), values)}, "1x4")
    numbers = metrics.measure(maps)
    assert numbers.mass_TN == pytest.approx(np.array([[0.075, 0.1, 0.0], [0.125, 0.125, 0.0]]))
    assert numbers.peak_TN == pytest.approx(np.array([[0.3, 0.4, 0.0], [0.5, 0.5, 0.0]]))
    assert numbers.peak_x_TN.tolist() == [[0, 3, 0], [1, 1, 0]]
    assert numbers.overlap_TNN[0, 0, 1] == 0.0
    assert numbers.overlap_TNN[1, 1, 0] == 1.0
    assert numbers.overlap_TNN[0, 0, 2] == pytest.approx(0.25)
    assert numbers.pairs == ((0, 1), (0, 2), (1, 2))


def test_measure_without_nouns_or_steps():
    for shape, nouns, times in [((2, 1, 0, 3, 3), (), (9.0, 1.0)), ((0, 1, 1, 3, 3), ("a",), ())]:
        stack = MapStack((3, 3), ("s",), np.zeros(shape, np.float32))
        numbers = metrics.measure(Maps(nouns, times, {"3x3": stack}, "3x3"))
        assert numbers.mass_TN.shape == (len(times), len(nouns))
