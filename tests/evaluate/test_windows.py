"""Inference windows: what is presented, what is decided, and intervals that know which windows belong together."""

from __future__ import annotations

import numpy as np
import pytest

from tests.nets import network, neurons, synapse
from tfsnn.errors import InputError
from tfsnn.evaluate.windows import (
    SNAPSHOTS,
    cuts,
    frame_based,
    measured,
    outputs_at,
    over_recordings,
    present,
    stable_after,
)
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


def test_cuts() -> None:
    assert cuts(RECORDINGS[2][1], 5_000, 4_000) == [(0, 5_000), (5_000, 10_000)]
    assert cuts(RECORDINGS[2][1], None, 4_000) == [(0, 11_001)] and cuts(RECORDINGS[2][1], 12_000, 4_000) == []
    assert cuts(RECORDINGS[2][1], SNAPSHOTS, 4_000) == [(0, 12_000)] == cuts(RECORDINGS[2][1], SNAPSHOTS, 6_000)
    assert cuts(recording([]), None, 4_000) == []


def test_each_window_begins_at_rest() -> None:
    shown = present(ENCODER, RECORDINGS, 10_000)
    assert shown.labels.tolist() == [0] * 3 + [1] * 3 + [1] and shown.recording.tolist() == [0] * 3 + [1] * 3 + [2]
    assert shown.seconds == pytest.approx(0.07) and shown.counts.additions == 70
    alone = respond(ENCODER, RECORDINGS[1][1], 10_000, 20_000)
    np.testing.assert_array_equal(shown.events.sample(4).payload, alone.events.payload)
    assert shown.counts.leak_updates == 7 * alone.counts.leak_updates and alone.counts.leak_updates == 4
    with pytest.raises(InputError, match="--windows 90 ms: no recording is as long; give shorter ones"):
        present(ENCODER, RECORDINGS, 90_000)


@pytest.mark.parametrize("schedule", ["slot", "spike"])
@pytest.mark.parametrize("engine", ["eager", "compiled"])
def test_decided_by_the_state_at_the_end(schedule: str, engine: str) -> None:
    plan = make(votes(), Settings(0.05, "absolute", schedule=schedule, engine=engine, where="test"))
    row = measured(plan, present(ENCODER, RECORDINGS, 10_000), 10_000)
    # Of the second recording, the last window sees darkening pixels alone.
    assert (row["windows"], row["accuracy"], row["window_ms"]) == (7, 6 / 7, 10.0)
    whole = measured(plan, present(ENCODER, RECORDINGS, None), None)
    assert whole["window_ms"] is None and whole["accuracy"] == 2 / 3
    shown = present(ENCODER, RECORDINGS, None)
    assert whole["operations_a_second"] == pytest.approx(2 * len(shown.events) / shown.seconds)
    assert whole["accuracy_ci95_recordings"] == [0.0, 1.0]


@pytest.mark.parametrize("schedule", ["slot", "spike"])
@pytest.mark.parametrize("engine", ["eager", "compiled"])
def test_on_the_same_snapshots_as_the_frame_based_network(schedule: str, engine: str) -> None:
    plan = make(votes(), Settings(0.01, "absolute", schedule=schedule, engine=engine, where="test"))
    frames, decided = frame_based(votes(), ENCODER, RECORDINGS)
    shown = present(ENCODER, RECORDINGS, SNAPSHOTS)
    row = measured(plan, shown, SNAPSHOTS, None, decided)
    assert shown.recording.tolist() == [0] * 4 + [1] * 4 + [2] * 2 and shown.events.samples == 3
    assert row["windows"] == frames["snapshots"] and row["same_as_frame_based"] == 1.0 and row["accuracy"] == frames["value"] < 1
    assert row["window"] == "snapshots" and row["window_ms"] is None and shown.seconds == pytest.approx(0.1)


def test_outputs_at_instants() -> None:
    outputs = np.array([[1.0], [2.0], [3.0], [9.0]])
    trajectory = Trajectory(np.array([0, 3, 3, 4]), np.array([5, 10, 20, 7]), outputs, np.arange(4), np.arange(4))
    instants = [np.array([5, 6, 20, 21]), np.array([1]), np.array([7, 8])]
    # What is stamped as the instant comes after it.
    assert outputs_at(trajectory, instants, np.array([-1.0])).ravel().tolist() == [-1, 1, 2, 3, -1, -1, 9]


def test_stable_decisions() -> None:
    outputs = np.array([[1, 0], [0, 1], [1, 0], [2, 0], [0, 1]], float)
    trajectory = Trajectory(np.array([0, 4, 5, 5]), np.array([5, 10, 20, 30, 7]), outputs, np.arange(5), np.arange(5))
    assert stable_after(trajectory).tolist() == [20.0, 0.0, 0.0]


def test_an_interval_over_recordings_is_wider() -> None:
    right, recordings = np.repeat([True, False, True, True], 50), np.repeat([0, 1, 2, 3], 50)
    low, high = over_recordings(right, recordings)
    assert (low, high) == (0.25, 1.0)
    assert over_recordings(right, np.arange(200))[0] > 0.65


def test_frames() -> None:
    found, decided = frame_based(votes(), ENCODER, RECORDINGS)
    assert len(decided) == 10
    assert found["snapshots"] == 4 + 4 + 2 and found["macs_a_frame"] == 8 and found["macs_a_second"] == 480
    # The snapshot in the middle of either of the last two recordings still holds more of what came before.
    assert 0.5 <= found["value"] < 1
