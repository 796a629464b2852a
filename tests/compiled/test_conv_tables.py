"""How a convolution is laid out: where events lead, and what output pixels find that look back."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import convolutions, plain_convolutions
from tfsnn.compiled.conv_tables import Axis, Laid
from tfsnn.compiled.kernel import columns as c
from tfsnn.network.arithmetic import linear
from tfsnn.network.fanout import fanout, fanout_nonzero
from tfsnn.network.ops import Conv, window_sources

shapes = st.tuples(st.integers(1, 7), st.integers(1, 7), st.integers(1, 4))


@given(
    size=st.integers(1, 9), window=st.integers(1, 4), stride=st.integers(1, 3), before=st.integers(0, 3), after=st.integers(0, 3),
    dilation=st.integers(1, 3),
)
def test_axis_names_every_tap(size: int, window: int, stride: int, before: int, after: int, dilation: int) -> None:
    outputs = (size + before + after - (window - 1) * dilation - 1) // stride + 1
    if outputs < 1:
        return
    axis = Axis.of(size, outputs, window, stride, before, dilation)
    sources = window_sources((size, 1), (window, 1), (stride, 1), ((before, after), (0, 0)), (dilation, 1))
    expected = {(int(sources[out, tap]), tap, out) for out in range(outputs) for tap in range(window) if sources[out, tap] >= 0}
    found = set()
    for place in range(size):
        taps = axis.phases[axis.phase[place]][axis.skip[place] :][: axis.count[place]]
        assert len(taps) == axis.count[place]
        found |= {(place, tap, int(axis.target[place]) + axis.step * i) for i, tap in enumerate(taps)}
    assert found == expected


@given(st.data())
def test_events_lead_where_the_convolution_does(data: st.DataObject) -> None:
    """Every event by itself, along its runs, is the convolution of a single one."""
    shape = data.draw(shapes)
    op = data.draw(convolutions(shape))
    laid = Laid(op, shape, data.draw(st.booleans()))
    weight = np.random.default_rng(0).integers(-9, 10, op.weight_shape(shape))
    blocks = laid.blocks(weight)
    flat, first = np.concatenate(blocks), laid.first(np.cumsum([0, *map(len, blocks)])[:-1])
    found = np.zeros((laid.target.size, int(np.prod(laid.out))), np.int64)
    for place, (rows, taps, run, row_step, tap_step, row_weight, tap_weight) in enumerate(laid.runs):
        for row in range(rows):
            for tap in range(taps):
                at = laid.target[place] + row * row_step + tap * tap_step
                start = first[place] + row * row_weight + tap * tap_weight
                found[place, at : at + run] += flat[start : start + run]
    np.testing.assert_array_equal(found, linear(op, weight, np.eye(len(found), dtype=np.int64), shape))
    np.testing.assert_array_equal(laid.reached, fanout(op, shape))


@given(st.data())
def test_output_pixels_find_what_they_add(data: st.DataObject) -> None:
    """What events add to output pixels side by side lies side by side: weights, and zeros where an event reaches but others of them."""
    shape = data.draw(shapes)
    op = data.draw(plain_convolutions(shape).filter(lambda op: op.window != (1, 1)))
    laid = Laid(op, shape, True)
    weight = np.random.default_rng(1).integers(-9, 10, op.weight_shape(shape))
    blocks = laid.blocks(weight)
    flat, first = np.concatenate(blocks), laid.first(np.cumsum([0, *map(len, blocks)])[:-1])
    pixels, nonzero = laid.pixels(first, fanout_nonzero(op, weight, shape), 5)
    expected = linear(op, weight, np.eye(laid.target.size, dtype=np.int64), shape).reshape(-1, *laid.out)
    field, wide = laid.field(77, 88), laid.out[1]
    assert field[[c.ALL, c.PIXELS, c.CHANNELS, c.FILTERS, c.WIDE]].tolist() == [77, 88, shape[2], op.filters, shape[1]]
    for pixel, (origin, further, reached, known) in enumerate(pixels):
        u, v = divmod(pixel, shape[1])
        for channel in range(shape[2]):
            place = pixel * shape[2] + channel
            assert (reached, nonzero[known - 5 + channel]) == (laid.reached[place], np.count_nonzero(expected[place]))
            for i in range(laid.out[0]):
                if not 0 <= u - i * field[c.STEP_DOWN] + field[c.BEFORE_DOWN] < field[c.FIELD_HIGH]:
                    continue
                for j in range(0, wide, laid.abreast):
                    stop = min(j + laid.abreast, wide)
                    left = j * field[c.STEP_ACROSS] - field[c.BEFORE_ACROSS]
                    if left <= v < (stop - 1) * field[c.STEP_ACROSS] - field[c.BEFORE_ACROSS] + field[c.FIELD_WIDE]:
                        start = origin + channel * further + i * laid.across + j * op.filters
                        found = flat[start : start + (stop - j) * op.filters]
                        np.testing.assert_array_equal(found, expected[place, i, j:stop].reshape(-1))


def test_only_plain_convolutions_are_seen_from_their_targets() -> None:
    kinds = [Conv(4, (3, 3)), Conv(4, (1, 1)), Conv(4, (3, 3), groups=2), Conv(4, (3, 3), dilation=(1, 2))]
    assert [Laid(op, (8, 8, 4), True).seen for op in kinds] == [True, False, False, False]
    assert not Laid(kinds[0], (8, 8, 4), False).seen
    assert [Laid(Conv(n, (3, 3)), (8, 8, 4), True).abreast for n in (1, 8, 16, 40, 300)] == [6, 6, 6, 2, 1]
    assert Laid(kinds[0], (8, 8, 4), False).abreast == 1
