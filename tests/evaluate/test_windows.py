"""Inference windows: what is decided, what it costs, and intervals that know which windows belong together."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.nets import network, neurons, synapse
from tfsnn.errors import InputError
from tfsnn.evaluate.presented import SNAPSHOTS, cuts
from tfsnn.evaluate.windows import frame_based, measured, outputs_at, over_recordings, stable_after, until
from tfsnn.input.encoder import Dvs
from tfsnn.input.recording import Recording
from tfsnn.input.snapshots import respond
from tfsnn.network.graph import Graph
from tfsnn.network.nodes import Input
from tfsnn.network.ops import Dense
from tfsnn.plan.make import make
from tfsnn.plan.settings import Settings
from tfsnn.record import Trajectory

ENCODER = Dvs(downsample=1, threshold=0.25, snapshot=10_000)


def votes() -> Graph:
    """Class 0 is what becomes darker, class 1 what becomes brighter."""
    image = Input("in", (1, 2, 2), ENCODER)
    return network(image, neurons("out", (2,), synapse(image, Dense(2), [[3, 0], [0, 3], [3, 0], [0, 3]], 1.0), f="linear"))


def recording(p: list[int], step: int = 1_000) -> Recording:
    count = len(p)
    return Recording(np.arange(count) * step, np.arange(count) % 2, np.zeros(count, int), p, width=2, height=1)


RECORDINGS = [(0, recording([0] * 40)), (1, recording([1] * 20 + [0] * 15)), (1, recording([0] * 5 + [1] * 7))]


def measure(schedule: str, engine: str, *windows: int | str | None, recordings: Any = RECORDINGS, threshold: float = 0.05) -> Any:
    plan = make(votes(), Settings(threshold, "absolute", schedule=schedule, engine=engine, where="test"))
    _, decided = frame_based(votes(), ENCODER, recordings)
    return [rows[0] for rows in measured([plan], ENCODER, recordings, windows, None, decided)]


RUN_BY = [("slot", "eager"), ("slot", "compiled"), ("spike", "eager"), ("spike", "compiled")]
SPEEDS = ("seconds", "camera_events_a_second_sustained", "times_real_time")


@pytest.mark.parametrize(("schedule", "engine"), RUN_BY)
def test_decided_by_the_state_at_the_end(schedule: str, engine: str) -> None:
    row, whole = measure(schedule, engine, 10_000, None)
    # Of the second recording, the last window sees darkening pixels alone.
    assert (row["windows"], row["accuracy"], row["window_ms"]) == (7, 6 / 7, 10.0)
    assert row["population_a_second"]["additions"] == pytest.approx(70 / 0.07)
    assert whole["window_ms"] is None and whole["accuracy"] == 2 / 3
    sent = [len(respond(ENCODER, each, *cuts(each, None, 10_000)[0]).events) for _, each in RECORDINGS]
    seconds = sum(int(each.t[-1]) + 1 for _, each in RECORDINGS) / 1e6
    assert whole["input_events_a_second"] == pytest.approx(sum(sent) / seconds)
    assert whole["operations_a_second"] == pytest.approx(2 * sum(sent) / seconds)
    assert whole["operations_a_window"] == pytest.approx(2 * sum(sent) / 3)
    assert whole["accuracy_ci95_recordings"] == [0.0, 1.0]


@pytest.mark.parametrize(("schedule", "engine"), RUN_BY)
def test_windows_read_off_one_replay_are_those_of_replays_of_their_own(schedule: str, engine: str) -> None:
    lengths = (5_000, 10_000, 20_000, None, SNAPSHOTS)
    for together, window in zip(measure(schedule, engine, *lengths), lengths):
        (alone,) = measure(schedule, engine, window)
        assert [(name, alone[name]) for name in alone if name not in SPEEDS] == [
            (name, together[name]) for name in alone if name not in SPEEDS
        ]


@pytest.mark.parametrize(("schedule", "engine"), RUN_BY)
def test_on_the_same_snapshots_as_the_frame_based_network(schedule: str, engine: str) -> None:
    frames, _ = frame_based(votes(), ENCODER, RECORDINGS)
    (row,) = measure(schedule, engine, SNAPSHOTS, threshold=0.01)
    assert row["windows"] == frames["snapshots"] and row["same_as_frame_based"] == 1.0 and row["accuracy"] == frames["value"] < 1
    assert row["window"] == "snapshots" and row["window_ms"] is None
    assert row["camera_events_a_second"] == pytest.approx((40 + 35 + 12) / 0.1)


def test_a_recording_without_events_is_left_out() -> None:
    with_an_empty_one = [(0, recording([])), *RECORDINGS]
    (row,), (same,) = (measure("slot", "compiled", SNAPSHOTS, recordings=each) for each in (with_an_empty_one, RECORDINGS))
    assert row["windows"] == 10 and row["accuracy"] == same["accuracy"] and row["same_as_frame_based"] == same["same_as_frame_based"]


def test_a_window_longer_than_any_recording() -> None:
    with pytest.raises(InputError, match="--windows 90 ms: no recording is as long; give shorter ones"):
        measure("slot", "compiled", 10_000, 90_000)


OUTPUTS = np.array([[1, 0], [0, 1], [1, 0], [2, 0], [0, 1]], float)
TWO = Trajectory(np.array([0, 4, 4, 5]), np.array([5, 10, 20, 30, 7]), OUTPUTS, np.arange(5), np.arange(5))


def test_outputs_at_instants() -> None:
    first = until(TWO, 0, 30)
    # What is stamped as the instant comes after it.
    assert first.t.tolist() == [5, 10, 20] and first.operations.tolist() == [0, 1, 2] and first.offsets.tolist() == [0, 3]
    assert outputs_at(first, np.array([5, 6, 20, 21]), np.array([-1, -2])).tolist() == [[-1, -2], [1, 0], [0, 1], [1, 0]]
    assert until(TWO, 1, 99).t.tolist() == [] and until(TWO, 2, 8).t.tolist() == [7]
    assert outputs_at(until(TWO, 1, 99), np.array([3]), np.array([-1, -2])).tolist() == [[-1, -2]]


def test_stable_decisions() -> None:
    assert [stable_after(until(TWO, stream, 99)) for stream in range(3)] == [20.0, 0.0, 0.0]
    assert stable_after(until(TWO, 0, 20)) == 10.0


def test_an_interval_over_recordings_is_wider() -> None:
    right, recordings = np.repeat([True, False, True, True], 50), np.repeat([0, 1, 2, 3], 50)
    low, high = over_recordings(right, recordings)
    assert (low, high) == (0.25, 1.0)
    assert over_recordings(right, np.arange(200))[0] > 0.65


def test_frames() -> None:
    found, decided = frame_based(votes(), ENCODER, RECORDINGS)
    assert [len(each) for each in decided] == [4, 4, 2]
    assert found["snapshots"] == 4 + 4 + 2 and found["macs_a_frame"] == 8 and found["macs_a_second"] == 480
    # The snapshot in the middle of either of the last two recordings still holds more of what came before.
    assert 0.5 <= found["value"] < 1
