"""Windows of a recording: where they begin and end, which share a replay, and what a leaky population makes of them."""

from __future__ import annotations

import numpy as np
import pytest

from tests.evaluate.test_windows import ENCODER, RECORDINGS, recording
from tfsnn.evaluate.presented import SNAPSHOTS, cuts, present, streams
from tfsnn.input.snapshots import respond


def test_cuts() -> None:
    assert cuts(RECORDINGS[2][1], 5_000, 4_000) == [(0, 5_000), (5_000, 10_000)]
    assert cuts(RECORDINGS[2][1], None, 4_000) == [(0, 11_001)] and cuts(RECORDINGS[2][1], 12_000, 4_000) == []
    assert cuts(RECORDINGS[2][1], SNAPSHOTS, 4_000) == [(0, 12_000)] == cuts(RECORDINGS[2][1], SNAPSHOTS, 6_000)
    assert cuts(recording([]), None, 4_000) == []


def test_windows_that_begin_together_are_one_stream() -> None:
    some = RECORDINGS[1][1]
    found = streams(some, (10_000, 20_000, None, SNAPSHOTS, 90_000), ENCODER.snapshot)
    assert found == {0: [10_000, 20_000, 34_001, 40_000], 10_000: [20_000], 20_000: [30_000]}
    shown = present(ENCODER, some, (10_000, 20_000, None, SNAPSHOTS))
    assert shown is not None and shown.events.samples == 3 and shown.seconds == pytest.approx(0.06)
    assert shown.received == 35 + 10 + 10
    reads = [[(read.stream, read.instants.tolist()) for read in of] for of in shown.reads]
    tenths = [10_000, 20_000, 30_000, 40_000]
    assert reads == [[(0, [10_000]), (1, [10_000]), (2, [10_000])], [(0, [20_000])], [(0, [34_001])], [(0, tenths)]]
    # A window is the same alone.
    for read, (start, stop) in zip(shown.reads[0], cuts(some, 10_000, ENCODER.snapshot)):
        alone, part = respond(ENCODER, some, start, stop), shown.events.sample(read.stream)
        assert read.counts == alone.counts and alone.counts.leak_updates == 4
        np.testing.assert_array_equal(part.payload[part.t < 10_000], alone.events.payload)
    assert present(ENCODER, some, (90_000,)) is None and present(ENCODER, recording([]), (None,)) is None
