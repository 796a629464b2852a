"""The dvs encoder: recordings and their snapshots are two views of one thing, for the ANN and in both engines."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.data_folder import folder
from tests.nets import network, neurons, synapse
from tfsnn.aliases import Floats
from tfsnn.artifact import Net
from tfsnn.errors import InputError
from tfsnn.input.encoder import Dvs, Encoder
from tfsnn.input.event_camera import read
from tfsnn.input.events import Events
from tfsnn.input.generated import Camera, gesture
from tfsnn.input.recording import Recording
from tfsnn.input.snapshots import Leak, respond
from tfsnn.network.graph import Graph
from tfsnn.network.nodes import Input
from tfsnn.network.ops import Conv, OneToOne
from tfsnn.simulate import simulate

SMALL = Dvs(downsample=2, threshold=0.75, snapshot=50_000)
CAMERA = Camera(8, 8, frame=8_000, noise=20.0)


def before(events: Events, time: int) -> Events:
    """The events of a single stream that are stamped earlier."""
    count = int(np.searchsorted(events.t, time))
    return Events(events.t[:count], events.neuron[:count], events.payload[:count], [0, count], events.shape, tick=1.0, unit="us")


def relay(encoder: Encoder, shape: tuple[int, ...]) -> Graph:
    """A network whose output is what its input holds, and a convolution that shows that it is used."""
    image = Input("in", shape, encoder)
    return network(image, neurons("out", shape, synapse(image, OneToOne(), 1, 1.0), f="linear"))


def held(graph: Graph, events: Events, engine: str, schedule: str) -> Floats:
    return np.asarray(simulate(graph, events, threshold=0.5, engine=engine, schedule=schedule).outputs[0])


@pytest.mark.parametrize("engine", ["eager", "compiled"])
@pytest.mark.parametrize("schedule", ["slot", "spike"])
def test_the_network_holds_the_frame_that_the_ann_is_fed(engine: str, schedule: str) -> None:
    recording = gesture(7, 2, 200_000, CAMERA)
    frames, events = SMALL.frames(recording), SMALL.events(recording)
    graph = relay(SMALL, events.shape)
    assert len(frames) == 4 and np.count_nonzero(frames[1]) > 5
    for number, frame in enumerate(frames, 1):
        state = held(graph, before(events, number * 50_000), engine, schedule)
        np.testing.assert_array_equal(state.reshape(frame.shape), frame)


def test_engines_agree_on_a_recording() -> None:
    image = Input("in", (4, 4, 2), SMALL)
    weight = np.random.default_rng(0).integers(-9, 10, (3, 3, 2, 3))
    first = neurons("first", (2, 2, 3), synapse(image, Conv(3, (3, 3)), weight, 0.05), bias=[0.1, -0.2, 0.3])
    graph = network(image, first, neurons("out", (2, 2, 3), synapse(first, OneToOne(), [3, -2, 1]), f="linear"))
    events = SMALL.events([gesture(label, label, 120_000, CAMERA) for label in (0, 4)])
    assert (events.samples, events.unit) == (2, "us")
    slow, fast = (simulate(graph, events, threshold=0.3, engine=engine) for engine in ("eager", "compiled"))
    np.testing.assert_array_equal(slow.outputs, fast.outputs)
    for name in ("sent_positive", "sent_negative", "synaptic_operations"):
        np.testing.assert_array_equal(getattr(slow.ledger, name), getattr(fast.ledger, name))


def test_a_snapshot_may_come_at_once() -> None:
    recordings = [gesture(label, 0, 100_000, CAMERA) for label in range(2)]
    raw = SMALL.whole(recordings)
    assert raw.shape == (4, 4, 4, 2)
    np.testing.assert_array_equal(SMALL.frames(raw), SMALL.frames(recordings))
    np.testing.assert_array_equal(raw[:2], respond(Leak(2, threshold=0.75, snapshot=50_000), recordings[0]).snapshots)
    events = SMALL.events(raw)
    assert events.samples == 4 and not events.t.any()
    for sample, frame in enumerate(SMALL.frames(raw)):
        state = held(relay(SMALL, events.shape), events.sample(sample), "compiled", "slot")
        np.testing.assert_array_equal(state.reshape(frame.shape), frame)


def test_settings_are_stored() -> None:
    encoder = Dvs(downsample=1, tau=20_000)
    assert encoder.unit_value == 1 / 256 and Encoder("dvs") == Dvs()
    settings = encoder.to_json()
    assert settings == {"kind": "dvs", "downsample": 1, "leak_period": 6400, "tau": 20_000, "threshold": 0.5, "snapshot": 64_000}
    assert Encoder.from_json(settings) == encoder
    with pytest.raises(InputError, match="leaky population: tau is 0; it must be a whole number, 1 or more"):
        Dvs(tau=0)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (np.zeros((2, 2), np.float32), r"raw input of kind 'dvs' is float32 of shape \(2, 2\); give recordings, or whole snapshots"),
        (np.zeros(3, int), r"raw input of kind .dvs. is int64 of shape \(3,\)"),
        (np.full((1, 2), 1 << 25), r"snapshots from 33554432 to 33554432; they must lie within 2\^24"),
        ([Recording([], [], [], [], 2, 2), 3], "recordings and something else, mixed; give recordings only"),
    ],
)
def test_raw_input_that_is_refused(raw: Any, message: str) -> None:
    with pytest.raises(InputError, match=f"encoder: {message}"):
        Dvs().frames(raw)


def test_a_network_takes_recordings_of_its_sensor() -> None:
    recording = gesture(2, 3, 120_000, CAMERA)
    net = Net(relay(SMALL, (4, 4, 2)))
    inputs: list[Any] = [recording, [recording]]
    for raw in inputs:
        np.testing.assert_array_equal(net.events(raw).payload, SMALL.events(raw).payload)
    assert net.events(SMALL.whole(recording)).samples == 3
    with pytest.raises(InputError, match=r"net.events: data of shape .* for input in; give \(samples, 4, 4, 2\)"):
        net.events(np.zeros((1, 3, 4, 2), int))


def test_snapshots_go_in_one_after_the_other() -> None:
    frames = SMALL.whole(gesture(5, 1, 200_000, CAMERA))
    sent = np.zeros(frames[0].size, np.int32)
    for frame in frames:
        SMALL.changes(frame, sent)
        np.testing.assert_array_equal(sent.reshape(frame.shape), frame)


def test_sensors_of_different_size() -> None:
    sensors = [Recording([], [], [], [], size, size) for size in (2, 8)]
    with pytest.raises(InputError, match=r"recordings of sensors that give inputs of \[\(1, 1, 2\), \(4, 4, 2\)\]; give recordings of one"):
        Dvs().events(sensors)


def test_a_real_recording() -> None:
    recording = read(folder("dvs128", "alexouyang_neal_walking.aedat"))
    start = int(recording.t[0])
    part = replace(recording.between(start, start + 300_000))
    encoder = Dvs(downsample=8)
    frames, events = encoder.frames(part), encoder.events(part)
    state = held(relay(encoder, events.shape), before(events, 4 * 64_000), "compiled", "slot")
    np.testing.assert_array_equal(state.reshape(frames[3].shape), frames[3])
