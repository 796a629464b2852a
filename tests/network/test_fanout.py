"""Fan-out: counted against one event sent by each source, alone, through ones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfsnn.aliases import Integers
from tfsnn.network.arithmetic import gather_sum, linear
from tfsnn.network.fanout import column_sum, fanout, fanout_nonzero, per_source
from tfsnn.network.ops import (
    AveragePool,
    Conv,
    Dense,
    Linear,
    OneToOne,
    Pad,
    Relay,
    Shape,
    Upsample,
    relayed,
    route,
    same_padding,
)

OPERATIONS: list[tuple[Linear, Shape]] = [
    (Dense(3), (2, 2, 1)),
    (OneToOne(), (2, 2, 3)),
    (Conv(2, (3, 3)), (4, 5, 2)),
    (Conv(2, (3, 3), padding=((1, 1), (1, 1))), (4, 4, 1)),
    (Conv(3, (3, 2), (2, 1), (same_padding(5, 3, 2), same_padding(4, 2, 1))), (5, 4, 2)),
    (Conv(1, (1, 1), (3, 3)), (4, 4, 1)),
    (Conv(2, (2, 2), dilation=(2, 3), padding=((2, 0), (0, 3))), (4, 4, 1)),
    (Conv(4, (3, 3), (2, 2), groups=2), (5, 5, 4)),
    (Conv(6, (2, 3), padding=((0, 1), (1, 1)), groups=3), (3, 3, 3)),
]


def alone(op: Linear, weight: Integers, shape: Shape) -> Integers:
    """Targets with a contribution from each input place, (places): its event is sent alone."""
    size = int(np.prod(shape))
    through = linear(op, np.abs(weight).astype(np.int64), np.eye(size, dtype=np.int64), shape)
    reached: Integers = np.count_nonzero(through, axis=1).astype(np.int64)
    return reached


@pytest.mark.parametrize(("op", "shape"), OPERATIONS)
def test_fanout_is_the_number_of_targets_reached(op: Linear, shape: Shape) -> None:
    expected = alone(op, np.ones(op.weight_shape(shape), np.int64), shape)
    np.testing.assert_array_equal(fanout(op, shape), expected)


@pytest.mark.parametrize(("op", "shape"), OPERATIONS)
@given(seed=st.integers(0, 99))
def test_nonzero_fanout_leaves_out_weights_that_are_zero(op: Linear, shape: Shape, seed: int) -> None:
    weight = np.random.default_rng(seed).integers(-1, 2, op.weight_shape(shape))
    np.testing.assert_array_equal(fanout_nonzero(op, weight, shape), alone(op, weight, shape))


@pytest.mark.parametrize(("op", "shape"), OPERATIONS)
def test_column_sum_bounds_every_target(op: Linear, shape: Shape) -> None:
    weight = np.random.default_rng(5).integers(-9, 10, op.weight_shape(shape))
    signs = np.random.default_rng(6).choice([-1, 1], (50, int(np.prod(shape))))
    assert np.abs(linear(op, weight, signs, shape)).max() <= column_sum(op, weight)


def test_column_sum_is_reached_by_a_dense_layer() -> None:
    assert column_sum(Dense(2), np.array([[1, -7], [-2, 4]])) == 11


def test_corner_edge_and_middle_of_a_padded_convolution() -> None:
    # 3x3, same: a corner lies under 2x2 windows, an edge under 2x3, the middle under 3x3; 2 filters each.
    reached = fanout(Conv(2, (3, 3), padding=((1, 1), (1, 1))), (3, 3, 1)).reshape(3, 3)
    assert reached.tolist() == [[8, 12, 8], [12, 18, 12], [8, 12, 8]]


def test_a_stride_leaves_some_pixels_unheard() -> None:
    # 1x1 windows at every second pixel.
    assert fanout(Conv(5, (1, 1), (2, 2)), (3, 3, 1)).reshape(3, 3).tolist() == [[5, 0, 5], [0, 0, 0], [5, 0, 5]]


@pytest.mark.parametrize(
    ("relays", "expected"),
    [
        # Each pixel belongs to one window, each window feeds 3 units.
        ((AveragePool((2, 2), (2, 2)),), [3] * 16),
        # Each pixel shows at 4 places.
        ((Upsample((2, 2)),), [12] * 16),
        # Cropped to the middle: the border feeds nothing.
        ((Pad(((-1, -1), (-1, -1), (0, 0))),), [0] * 5 + [3, 3, 0, 0, 3, 3] + [0] * 5),
        # Windows that overlap: the corner lies in 1, an edge in 2, the middle in 4.
        ((AveragePool((2, 2), (1, 1)),), [3, 6, 6, 3, 6, 12, 12, 6, 6, 12, 12, 6, 3, 6, 6, 3]),
    ],
)
def test_per_source_adds_what_each_place_reaches(relays: tuple[Relay, ...], expected: list[int]) -> None:
    shape = relayed(relays, (4, 4, 1))
    index = route(relays, (4, 4, 1))
    amount = fanout(Dense(3), shape)
    assert per_source(index, 16, amount).tolist() == expected
    np.testing.assert_array_equal(per_source(index, 16, amount), gather_sum(np.eye(16, dtype=np.int64), index) @ amount)
