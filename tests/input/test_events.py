"""Event streams: what they hold, how they are cut, and one message for each way in which one does not fit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.nets import events as made
from tfsnn.errors import InputError
from tfsnn.input.events import Events

GOOD: dict[str, Any] = {"t": [0, 1, 1, 0], "neuron": [0, 5, 2, 1], "payload": [1, -1, 7, 1], "offsets": [0, 3, 4], "shape": (2, 3)}


def test_arrays_get_the_types_that_engines_read() -> None:
    stream = Events(**GOOD)
    assert [getattr(stream, name).dtype for name in ("t", "neuron", "payload", "offsets")] == [np.int64, np.int32, np.int32, np.int64]
    assert all(getattr(stream, name).flags.c_contiguous for name in ("t", "neuron", "payload", "offsets"))
    assert (len(stream), stream.samples, stream.shape, stream.tick, stream.unit) == (4, 2, (2, 3), 1.0, "TU")


def test_shape_may_come_as_a_list_of_numpy_numbers() -> None:
    assert made([], [], [], [0], list(np.array([2, 3]))).shape == (2, 3)  # type: ignore[arg-type]


def test_strided_and_unsigned_arrays_are_taken() -> None:
    stream = made(np.arange(8, dtype=np.uint64)[::2], np.arange(4, dtype=np.uint8), np.ones(4, np.int16), [0, 4], (4,))
    assert stream.t.tolist() == [0, 2, 4, 6]


@pytest.mark.parametrize("offsets", [[0], [0, 0], [0, 0, 0]])
def test_no_events_at_all(offsets: list[int]) -> None:
    stream = made([], [], [], offsets, (1,))
    assert (len(stream), stream.samples) == (0, len(offsets) - 1)


def test_time_may_start_again_with_each_sample() -> None:
    assert made([5, 1], [0, 0], [1, 1], [0, 1, 2], (1,)).samples == 2
    assert made([5, 1], [0, 0], [1, 1], [0, 1, 1, 2], (1,)).samples == 3


def test_times_before_zero_are_times() -> None:
    assert made([-3, -1], [0, 0], [1, -1], [0, 2], (1,)).t.tolist() == [-3, -1]


def test_a_sample_is_a_stream_of_its_own() -> None:
    part = Events(**GOOD, tick=2.0, unit="us").sample(1)
    assert (part.t.tolist(), part.neuron.tolist(), part.payload.tolist(), part.offsets.tolist()) == ([0], [1], [1], [0, 1])
    assert (part.shape, part.tick, part.unit) == ((2, 3), 2.0, "us")


@given(st.lists(st.integers(0, 4), max_size=6), st.data())
def test_samples_cut_out_and_joined_give_the_stream(sizes: list[int], data: st.DataObject) -> None:
    n = sum(sizes)
    stream = made(np.zeros(n, int), np.arange(n), np.ones(n, int), np.cumsum([0, *sizes]), (max(n, 1),))
    cut = data.draw(st.integers(0, len(sizes)))
    parts = [stream.sample(0, cut), stream.sample(cut, len(sizes))]
    assert np.concatenate([part.neuron for part in parts]).tolist() == stream.neuron.tolist()
    assert [n for part in parts for n in np.diff(part.offsets)] == sizes


@pytest.mark.parametrize(("start", "stop"), [(2, None), (-1, 1), (1, 0), (0, 3)])
def test_samples_that_are_not_there(start: int, stop: int | None) -> None:
    with pytest.raises(InputError, match=r"samples -?\d to \d of a stream that holds 2: choose within 0 to 2"):
        Events(**GOOD).sample(start, stop)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"t": [[0, 1, 1, 0]]}, r"t is int64 of shape \(1, 4\); it must be one-dimensional and of integers"),
        ({"t": [0.0, 1.0, 1.0, 0.0]}, r"t is float64 of shape \(4,\); it must be one-dimensional and of integers"),
        ({"payload": [True] * 4}, r"payload is bool of shape \(4,\); it must be one-dimensional and of integers"),
        ({"neuron": None}, r"neuron is object of shape \(\); it must be one-dimensional"),
        ({"neuron": [0, 1, 2, 1 << 31]}, "neuron reaches from 0 to 2147483648; it must fit int32"),
        ({"payload": [1, 1, 1, -(1 << 31) - 1]}, "payload reaches from -2147483649 to 1; it must fit int32"),
        ({"t": np.array([0, 1, 1, 1 << 63], np.uint64)}, "t reaches from 0 to 9223372036854775808; it must fit int64"),
        ({"t": [0, 1, 1]}, "3 times, 4 neurons, 4 payloads; give one of each for every event"),
        ({"payload": [1]}, "4 times, 4 neurons, 1 payloads; give one of each for every event"),
        ({"offsets": []}, "offsets must rise from 0 to the number of events, 4, one more than there are samples"),
        ({"offsets": [1, 4]}, "offsets must rise from 0 to the number of events, 4"),
        ({"offsets": [0, 3]}, "offsets must rise from 0 to the number of events, 4"),
        ({"offsets": [0, 4, 3, 4]}, "offsets must rise from 0 to the number of events, 4"),
        ({"unit": "ms"}, "a tick of 1.0 'ms'; it must be positive, in one of TU, us"),
        ({"tick": 0.0}, "a tick of 0.0 'TU'; it must be positive, in one of TU, us"),
        ({"tick": float("nan")}, "a tick of nan 'TU'; it must be positive, in one of TU, us"),
        ({"tick": float("inf")}, "a tick of inf 'TU'; it must be positive, in one of TU, us"),
        ({"neuron": [0, 5, 6, 1]}, r"neuron 0 to 6; the input of shape \(2, 3\) has neurons 0 to 5"),
        ({"neuron": [0, -1, 2, 1]}, r"neuron -1 to 2; the input of shape \(2, 3\) has neurons 0 to 5"),
        ({"payload": [1, 1, 0, 1]}, "payload 0 at event 2; an event carries a change; leave out events that carry none"),
        ({"t": [0, 2, 1, 0]}, "time runs backwards at event 2; sort each sample by time"),
        ({"offsets": [0, 2, 4]}, "time runs backwards at event 3; sort each sample by time"),
        ({"shape": (-2, -3)}, r"shape \(-2, -3\); every axis must be 1 or longer"),
        ({"shape": (0,)}, r"shape \(0,\); every axis must be 1 or longer"),
    ],
)
def test_streams_that_do_not_fit(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=f"^events: {message}"):
        Events(**GOOD | changes)
