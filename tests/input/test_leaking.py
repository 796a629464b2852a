"""The compiled loop behind a camera: as in plain Python, in whatever room for what it sends, from memory that may not be written."""

from __future__ import annotations

from collections.abc import Callable

import numba
import numpy as np
import pytest

from tfsnn.aliases import Array
from tfsnn.input import leaking, snapshots
from tfsnn.input.recording import Recording
from tfsnn.input.snapshots import Leak, Population, respond

SETTINGS = np.array([30, 50_000, 300, 2, 2])


def drawn(count: int) -> tuple[Array, Array, Array, Array]:
    rng = np.random.default_rng(count)
    t = np.sort(rng.integers(0, 1_000, count))
    x, y = (rng.integers(0, most, count).astype(np.int32) for most in (4, 6))
    return t, x, y, rng.integers(0, 2, count).astype(np.uint8)


def sent_by(run: Callable[..., int], events: tuple[Array, ...], room: int) -> tuple[list[list[int]], list[int]]:
    """Everything sent before 2,000, call after call, and state and clock at the end."""
    x, sent, clock, found = np.zeros(12, np.int64), np.zeros(12, np.int64), np.array([30, 0, 0, 0]), []
    out = np.empty((3, room), np.int64)
    while clock[leaking.NEXT_LEAK] < 2_000 or clock[leaking.AT] < len(events[0]):
        count = run(x, sent, clock, *events, SETTINGS, 2_000, *out)
        found += out[:, :count].T.tolist()
    return found, [*x.tolist(), *sent.tolist(), *clock.tolist()]


@pytest.mark.parametrize("count", [0, 1, 500])
def test_in_any_room_and_compiled_it_is_the_same(count: int) -> None:
    events = drawn(count)
    expected = sent_by(leaking.carry_on, events, 10_000)
    assert len(expected[0]) >= 2 * count // 5
    for room in (13, 40):
        assert sent_by(leaking.carry_on, events, room) == sent_by(leaking.compiled(), events, room) == expected


def test_events_that_may_not_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    columns = drawn(300)
    expected = respond(Leak(2, 30, 100), Recording(*columns, 4, 6))
    for column in columns:
        column.flags.writeable = False
    recording = Recording(*columns, 4, 6)
    assert not recording.t.flags.writeable
    monkeypatch.setattr(snapshots, "_ROOM", 1)
    found = Population(Leak(2, 30, 100), 4, 6, int(recording.t[0])).advance(recording, int(recording.t[-1]) + 1)
    assert len(found[0]) > 30 > 2 * 12 and found[2].tolist() == expected.events.payload[: len(found[0])].tolist()


def test_where_nothing_can_be_kept_it_is_compiled_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def njit(signature: str, cache: bool = False, **options: object) -> Callable[[object], object]:
        asked.append(cache)
        if cache:
            raise RuntimeError("cannot cache function")
        return lambda function: function

    leaking.compiled.cache_clear()
    monkeypatch.setattr(numba, "njit", njit)
    assert leaking.compiled() is leaking.carry_on and asked == [True, False]
    leaking.compiled.cache_clear()
