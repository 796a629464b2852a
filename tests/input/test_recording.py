"""Recordings: what they hold, and what becomes of wrapped stamps, disorder and places outside the sensor."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfsnn.errors import FileError, InputError
from tfsnn.input.recording import Found, Part, Recording, Source, in_blocks, whole

GOOD: dict[str, Any] = {"t": [0, 5, 5], "x": [0, 3, 1], "y": [2, 0, 1], "p": [1, 0, 1], "width": 4, "height": 3}


def source(t: Any, x: Any, *, wraps: bool = False, block: int = 1 << 20) -> Source:
    """Events in row 0 of a sensor of 4x1, in parts."""
    t, x = np.asarray(t), np.asarray(x)
    cuts = range(0, len(t), block)
    parts = (Part(t[i : i + block], x[i : i + block], 0 * x[i : i + block], 0 * x[i : i + block]) for i in cuts)
    return Source(4, 1, wraps, parts)


def test_columns_get_one_type_each() -> None:
    recording = Recording(**GOOD)
    assert [getattr(recording, name).dtype for name in "txyp"] == [np.int64, np.int32, np.int32, np.uint8]
    assert len(recording) == 3 and not recording.found.damage


def test_between_takes_the_start_and_not_the_stop() -> None:
    part = Recording(**GOOD).between(0, 5)
    assert (part.t.tolist(), part.x.tolist(), part.width, part.height) == ([0], [0], 4, 3)
    assert len(Recording(**GOOD).between(5, 6)) == 2 and len(Recording(**GOOD).between(6, 9)) == 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"t": [0.0, 1.0, 2.0]}, r"t is float64 of shape \(3,\); give one whole number for each event"),
        ({"x": [[0, 3, 1]]}, r"x is int64 of shape \(1, 3\); give one whole number"),
        ({"t": [0, 1]}, "2 times, 3 columns, 3 rows, 3 polarities; give one of each an event"),
        ({"width": 0}, "a sensor of 0x3; it has at least one pixel"),
        ({"t": [0, 5, 4]}, "time runs backwards; sort the events by time"),
        ({"x": [0, 4, 1]}, "columns 0 to 4, rows 0 to 2, polarities 0 to 1; the sensor has 4x3 pixels"),
        ({"y": [0, -1, 1]}, "rows -1 to 1"),
        ({"p": [0, 2, 1]}, "polarities 0 to 2; .* a polarity is 0 or 1"),
    ],
)
def test_recordings_that_do_not_fit(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=f"^recording: .*{message}"):
        Recording(**GOOD | changes)


def test_events_out_of_order_are_refused_sorted_or_held_back() -> None:
    t, x = [10, 40, 20, 30, 50], [0, 1, 2, 3, 0]
    with pytest.raises(FileError, match="file: found 2 events stamped earlier than one before them; get it again, or .* lenient=True"):
        whole(source(t, x), "file", False)
    ordered = whole(source(t, x), "file", True)
    assert (ordered.t.tolist(), ordered.x.tolist(), ordered.found) == ([10, 20, 30, 40, 50], [0, 2, 3, 1, 0], Found(backwards=2))
    (arrived,) = in_blocks(source(t, x), "file", True)
    assert (arrived.t.tolist(), arrived.x.tolist(), arrived.found) == ([10, 40, 40, 40, 50], x, Found(backwards=2))


@pytest.mark.parametrize("start", [0, (1 << 31) - 20, -20, (1 << 32) - 20])
@pytest.mark.parametrize("signed", [False, True])
def test_stamps_that_start_again_are_carried_on(start: int, signed: bool) -> None:
    true = start + np.arange(0, 60, 10)
    stamps = (true % (1 << 32)).astype(np.uint32)
    for block in (1, 2, 100):
        read = whole(source(stamps.view(np.int32) if signed else stamps, 0 * true, wraps=True, block=block), "file", False)
        assert np.diff(read.t).tolist() == [10] * 5
        assert read.found == Found(wraps=int(start == (1 << 31) - 20 if signed else start in (-20, (1 << 32) - 20)))


def test_a_late_event_across_a_wrap_is_late_and_no_wrap_of_its_own() -> None:
    stamps = np.array([0xFFFFFFF0, 5, 0xFFFFFFFA, 8], np.uint32)
    read = whole(source(stamps, [0, 1, 2, 3], wraps=True), "file", True)
    assert (read.x.tolist(), np.diff(read.t).tolist()) == ([0, 2, 1, 3], [10, 11, 3])
    assert read.found.backwards == 1


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(-2, 6)), max_size=20), st.integers(1, 7))
def test_blocks_say_and_count_the_same_as_the_whole(events: list[tuple[int, int]], block: int) -> None:
    t, x = [e[0] for e in events], [e[1] for e in events]
    together = whole(source(t, x), "file", True)
    blocks = list(in_blocks(source(t, x, block=block), "file", True))
    assert sum((b.found for b in blocks), Found()) == together.found
    assert together.found.outside == sum(not 0 <= place < 4 for place in x)
    assert sorted(i for b in blocks for i in b.x.tolist()) == sorted(together.x.tolist())
    assert np.all(np.diff([i for b in blocks for i in b.t.tolist()]) >= 0)


def test_damage_is_said_in_words() -> None:
    assert Found(invalid=3, skipped=2, wraps=1).damage == ""
    said = ["1 events outside the sensor", "1,000 events stamped earlier than one before them", "3 bytes that make no event"]
    assert Found(1, 1000, 3, 4).damage.split(", ") == [*said, "4 bytes missing at the end"]
