"""Linear operations against their equations in loops; sums over index maps; maxima over windows."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.strategies import convolutions
from tfsnn.network.arithmetic import gather_sum, linear, window_maximum
from tfsnn.network.ops import NO_PADDING, Conv, Dense, OneToOne, Shape


def looped(op: Conv, weight: NDArray[Any], x: NDArray[Any]) -> NDArray[Any]:
    """A convolution of one image as its docstring writes it."""
    rows, columns, filters = op.output(x.shape)
    y = np.zeros((rows, columns, filters), np.int64)
    inner, outer = x.shape[2] // op.groups, filters // op.groups
    for r, c, o, i, j, k in product(range(rows), range(columns), range(filters), *map(range, op.window), range(inner)):
        row, column = r * op.strides[0] + i * op.dilation[0] - op.padding[0][0], c * op.strides[1] + j * op.dilation[1] - op.padding[1][0]
        if 0 <= row < x.shape[0] and 0 <= column < x.shape[1]:
            y[r, c, o] += weight[i, j, k, o] * x[row, column, o // outer * inner + k]
    return y


@settings(max_examples=30)
@given(st.tuples(st.integers(1, 4), st.integers(1, 5), st.sampled_from([1, 2, 3])), st.data())
def test_convolution_against_loops(shape: Shape, data: st.DataObject) -> None:
    op = data.draw(convolutions(shape))
    rng = np.random.default_rng(0)
    weight, x = rng.integers(-9, 10, op.weight_shape(shape)), rng.integers(-9, 10, shape)
    np.testing.assert_array_equal(linear(op, weight, x.reshape(1, -1), shape)[0], looped(op, weight, x).reshape(-1))


def test_dense_reads_row_major() -> None:
    assert linear(Dense(2), np.array([[1, 10], [2, 20], [3, 30], [4, 40]]), np.array([[1, 0, 0, 1]]), (2, 2)).tolist() == [[5, 50]]


def test_one_to_one_has_a_weight_a_channel_or_a_map() -> None:
    x = np.arange(8).reshape(1, 8)
    assert linear(OneToOne(), np.array([2, -1]), x, (2, 2, 2)).tolist() == [[0, -1, 4, -3, 8, -5, 12, -7]]
    assert linear(OneToOne(), np.arange(8).reshape(2, 2, 2), x, (2, 2, 2)).tolist() == [[n * n for n in range(8)]]


def test_gather_sum_adds_the_terms_and_leaves_out_the_border() -> None:
    assert gather_sum(np.array([[1, 10, 100]]), np.array([[0, 2], [-1, 1], [-1, -1], [2, 2]])).tolist() == [[101, 10, 0, 200]]


def test_gathering_one_term_each_keeps_the_numbers() -> None:
    assert gather_sum(np.array([[1.5, 2.5]]), np.array([[1], [0], [1]])).tolist() == [[2.5, 1.5, 2.5]]


def test_the_border_never_wins_a_maximum() -> None:
    x = -np.arange(1.0, 10).reshape(1, 9)
    # Rows -1..0 and 1..2, columns 0..1 and 2..3 of -1 -2 -3 / -4 -5 -6 / -7 -8 -9.
    assert window_maximum(x, (3, 3, 1), (2, 2), (2, 2), ((1, 0), (0, 1))).tolist() == [[-1, -3, -4, -6]]


def test_overlapping_windows_share_their_maximum() -> None:
    assert window_maximum(np.array([[1.0, 6, 2, 5, 0, 4]]), (1, 3, 2), (1, 2), (1, 1), NO_PADDING).tolist() == [[2, 6, 2, 5]]
