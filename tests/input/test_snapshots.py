"""The leaky population against its definition, event by event; and its snapshots, which are what the network received."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.data_folder import folder
from tests.nets import network, neurons, synapse
from tfsnn.errors import BudgetError, InputError
from tfsnn.input.encoder import Encoder
from tfsnn.input.event_camera import read
from tfsnn.input.events import Events
from tfsnn.input.generated import Camera, gesture
from tfsnn.input.recording import Recording
from tfsnn.input.snapshots import ONE, Leak, Population, Response, respond
from tfsnn.network.nodes import Input
from tfsnn.network.ops import OneToOne
from tfsnn.simulate import simulate


def recorded(events: list[tuple[int, int, int, int]]) -> Recording:
    t, x, y, p = np.array(sorted(events, key=lambda event: event[0]), np.int64).reshape(-1, 4).T
    return Recording(t, x, y, p, width=4, height=3)


RECORDINGS = st.lists(st.tuples(st.integers(0, 300), st.integers(0, 3), st.integers(0, 2), st.integers(0, 1)), max_size=40).map(recorded)
LEAKS = st.builds(
    Leak,
    downsample=st.sampled_from([1, 2, 3]),
    leak_period=st.sampled_from([13, 20, 64]),
    tau=st.sampled_from([15, 40, 100]),
    threshold=st.sampled_from([1 / ONE, 0.3, 0.5, 1, 1.7, 3]),
    snapshot=st.sampled_from([10, 64, 140]),
)


def defined(leak: Leak, recording: Recording, stop: int) -> list[tuple[int, int, int]]:
    """The definition as the module states it, one event after another."""
    rows, columns, _ = leak.shape(recording.width, recording.height)
    x, sent, out, time = [0] * (rows * columns * 2), [0] * (rows * columns * 2), [], leak.leak_period

    def check(t: int, neuron: int) -> None:
        if abs(x[neuron] - sent[neuron]) >= leak.threshold * ONE:
            out.append((t, neuron, x[neuron] - sent[neuron]))
            sent[neuron] = x[neuron]

    def decay(before: int) -> None:
        nonlocal time
        while time <= before:
            for neuron in range(len(x)):
                x[neuron] = x[neuron] * leak.kept // 65536
                check(time, neuron)
            time += leak.leak_period

    for t, column, row, p in zip(*(getattr(recording, name).tolist() for name in "txyp")):
        decay(t)
        neuron = (row // leak.downsample * columns + column // leak.downsample) * 2 + p
        x[neuron] += ONE
        check(t, neuron)
    decay(stop - 1)
    return out


def sent_by(response: Response) -> list[tuple[int, ...]]:
    events = response.events
    return list(zip(events.t.tolist(), events.neuron.tolist(), events.payload.tolist()))


@given(LEAKS, RECORDINGS)
def test_every_event_is_the_defined_one(leak: Leak, recording: Recording) -> None:
    assert sent_by(respond(leak, recording, 0, 400)) == defined(leak, recording, 400)


@given(LEAKS, RECORDINGS)
def test_a_snapshot_is_what_was_received_before_it(leak: Leak, recording: Recording) -> None:
    response = respond(leak, recording, 0, 400)
    assert len(response.snapshots) == 400 // leak.snapshot
    for i, snapshot in enumerate(response.snapshots):
        total = np.zeros(snapshot.size, np.int64)
        before = response.events.t < (i + 1) * leak.snapshot
        np.add.at(total, response.events.neuron[before], response.events.payload[before])
        np.testing.assert_array_equal(snapshot.reshape(-1), total)


@given(LEAKS, RECORDINGS, st.lists(st.integers(0, 400), max_size=4))
def test_in_pieces_it_is_the_same(leak: Leak, recording: Recording, cuts: list[int]) -> None:
    population, parts, at = Population(leak, 4, 3, 0), [], 0
    for until in [*sorted(cuts), 400]:
        parts.append(population.advance(recording.between(at, until), until))
        at = until
    joined = [row for part in parts for row in zip(*(column.tolist() for column in part))]
    whole = respond(leak, recording, 0, 400)
    assert joined == sent_by(whole)
    assert whole.counts.leak_updates == population.leaks * population.x.size == 399 // leak.leak_period * population.x.size
    assert whole.counts.comparisons == whole.counts.leak_updates + len(recording) and whole.counts.additions == len(recording)
    assert whole.counts == population.counts


@given(LEAKS, RECORDINGS, st.lists(st.integers(0, 400), max_size=3))
def test_its_ledger_at_a_mark_is_that_of_a_window_that_ends_there(leak: Leak, recording: Recording, marks: list[int]) -> None:
    marked, plain = respond(leak, recording, 0, 400, marks), respond(leak, recording, 0, 400)
    assert marked.marks == tuple(respond(leak, recording, 0, mark).counts for mark in marks)
    assert sent_by(marked) == sent_by(plain) and marked.counts == plain.counts
    np.testing.assert_array_equal(marked.snapshots, plain.snapshots)


def test_leaks_of_states_that_are_not_zero_are_counted_apart() -> None:
    # 256 becomes 128, ... 1 and then 0: nine leaks; the other neurons, and whatever comes later, leak nothing.
    leak = Leak(1, 100, 144, 8.0)
    assert leak.kept == 32_726
    counts = respond(leak, Recording([0], [1], [1], [1], width=4, height=3), 0, 5_000).counts
    assert counts == (1, 49 * 24, 8, 49 * 24 + 1)


@given(RECORDINGS)
def test_at_the_finest_threshold_nothing_stays_behind(recording: Recording) -> None:
    response = respond(Leak(1, 6, 32, 1 / ONE), recording, 0, 2000)
    total = np.zeros(24, np.int64)
    np.add.at(total, response.events.neuron, response.events.payload)
    assert not total.any()


def test_the_decay_of_the_paper() -> None:
    leak = Leak(threshold=1 / ONE)
    # exp(-6.4 / 32) = 0.818731; rounding towards zero loses less than a 256th at each leak.
    assert leak.kept == 53_656
    x = [ONE * 100 * np.exp(-0.2 * k) for k in range(1, 40)]
    response = respond(leak, Recording([0] * 100, [0] * 100, [0] * 100, [1] * 100, width=2, height=2), 0, 64_000 * 4)
    state = np.cumsum(response.events.payload[100:])[: len(x)] + 100 * ONE
    assert np.all(np.abs(state - x[: len(state)]) < 6)


def test_two_pixels_wide_and_two_polarities() -> None:
    recording = Recording([0, 1, 2, 3], [0, 1, 127, 126], [0, 1, 127, 127], [0, 0, 1, 1], width=128, height=128)
    response = respond(Leak(threshold=1), recording, 0, 1000)
    assert response.events.shape == (64, 64, 2) and response.events.neuron.tolist() == [0, 0, 8191, 8191]
    assert (response.events.unit, response.events.tick) == ("us", 1.0)
    assert Leak().shape(34, 35) == (18, 17, 2)


def test_a_window_begins_at_rest_and_at_its_own_zero() -> None:
    recording = Recording([5, 100, 150], [0, 0, 0], [0, 0, 0], [1, 1, 1], width=1, height=1)
    window = respond(Leak(1, 30, 40, 1.0, 50), recording, 90, 150)
    assert window.events.t.tolist()[0] == 10 and len(window.snapshots) == 1
    whole = respond(Leak(1, 30, 40, 1.0, 50), recording)
    assert len(whole.snapshots) == 3 and whole.events.t[0] == 0


def test_next_to_nothing() -> None:
    nothing = respond(Leak(), Recording([], [], [], [], width=2, height=2))
    assert (len(nothing.events), len(nothing.snapshots), nothing.counts.comparisons) == (0, 0, 0)
    one = respond(Leak(threshold=1), Recording([7], [0], [0], [0], width=2, height=2))
    assert one.events.payload.tolist() == [ONE] and one.snapshots.tolist() == [[[[ONE, 0]]]]


def test_long_silence_costs_no_time() -> None:
    recording = Recording([0, 1 << 40], [0, 0], [0, 0], [1, 1], width=1, height=1)
    response = respond(Leak(snapshot=1 << 39), recording)
    assert response.counts.leak_updates == 2 * (((3 << 39) - 1) // 6400) and len(response.snapshots) == 3


def test_a_recording_of_centuries_is_refused() -> None:
    recording = Recording([0, 1 << 58], [0, 0], [0, 0], [1, 1], width=128, height=128)
    with pytest.raises(BudgetError, match="leaky population: snapshots of 288,230,376,152 s would take .* give a window with start"):
        respond(Leak(), recording)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"downsample": 0}, "downsample is 0; it must be a whole number, 1 or more"),
        ({"leak_period": 6.4}, "leak_period is 6.4; it must be a whole number"),
        ({"tau": True}, "tau is True; it must be a whole number"),
        ({"snapshot": -1}, "snapshot is -1; it must be a whole number"),
        ({"threshold": "1"}, "threshold is '1'; it must be a number"),
        ({"threshold": 0}, "threshold is 0 events; the grid reaches from 1/256"),
        ({"threshold": float("nan")}, "threshold is nan; it must be a number"),
        ({"leak_period": 1, "tau": 1 << 30}, "a leak keeps 65536 of 65536 parts with leak_period 1"),
        ({"leak_period": 1 << 30, "tau": 1}, "a leak keeps 0 of 65536 parts"),
    ],
)
def test_settings_that_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=f"leaky population: {message}"):
        Leak(**settings)


def test_windows_and_sensors_that_do_not_fit() -> None:
    with pytest.raises(InputError, match="a mark at 21 us; it must lie in the window, from 5 to 20"):
        respond(Leak(), recorded([]), 5, 20, [5, 21])
    recording = Recording([], [], [], [], width=2, height=2)
    with pytest.raises(InputError, match="a window from 5 to 3 us; it must not end before it begins"):
        respond(Leak(), recording, 5, 3)
    with pytest.raises(InputError, match="events of a sensor of 2x2; it stands behind one of 3x2"):
        Population(Leak(), 3, 2, 0).advance(recording, 10)


@pytest.mark.parametrize("engine", ["eager", "compiled"])
@pytest.mark.parametrize("schedule", ["slot", "spike"])
def test_a_network_holds_the_frame_that_the_ann_is_fed(engine: str, schedule: str) -> None:
    response = respond(Leak(2, threshold=0.75, snapshot=50_000), gesture(7, 2, 200_000, Camera(8, 8, frame=8_000, noise=20.0)))
    events, frames = response.events, Encoder("graded", scale=1 / ONE).frames(response.snapshots)
    image = Input("in", events.shape, Encoder("graded", scale=1 / ONE))
    graph = network(image, neurons("out", events.shape, synapse(image, OneToOne(), 1, 1.0), f="linear"))
    assert len(frames) == 4 and np.count_nonzero(frames[1]) > 5
    for number, frame in enumerate(frames, 1):
        n = int(np.searchsorted(events.t, number * 50_000))
        before = Events(events.t[:n], events.neuron[:n], events.payload[:n], [0, n], events.shape, tick=1.0, unit="us")
        state = simulate(graph, before, threshold=0.5, engine=engine, schedule=schedule).outputs[0]
        np.testing.assert_array_equal(np.reshape(state, frame.shape), frame)


def test_a_real_recording() -> None:
    recording = read(folder("dvs128", "alexouyang_neal_walking.aedat"))
    response = respond(Leak(), recording)
    span = int(recording.t[-1] - recording.t[0])
    assert response.snapshots.shape == (span // 64_000 + 1, 64, 64, 2)
    leaks = (len(response.snapshots) * 64_000 - 1) // 6400
    assert response.counts.leak_updates == leaks * 8192 and response.counts.comparisons == response.counts.leak_updates + len(recording)
    total = np.zeros(8192, np.int64)
    np.add.at(total, response.events.neuron, response.events.payload)
    np.testing.assert_array_equal(total, response.snapshots[-1].reshape(-1))
