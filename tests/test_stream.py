"""A stream: what steps give is what one run would, and a state that stays exact for as long as it lasts."""

from __future__ import annotations

from copy import copy
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.nets import branches, conv, dense, due
from tests.nets import given as input_of
from tests.nets import network, stream, three_layers
from tests.strategies import graphs, streams
from tfsnn.compiled.kernel import columns
from tfsnn.errors import InputError, RangeError
from tfsnn.input.encoder import Encoder
from tfsnn.input.events import Events
from tfsnn.network.graph import Graph
from tfsnn.network.nodes import Input, MaxPool
from tfsnn.network.ops import Conv, Pad
from tfsnn.plan.factors import with_factors
from tfsnn.plan.make import make
from tfsnn.simulate import simulate
from tfsnn.stream import Stream

SCHEDULES = ["slot", "spike"]


def video_net(encoder: Encoder) -> Graph:
    """(6, 7, 2) - strided convolution - dense 4, linear."""
    rng = np.random.default_rng(5)
    image = Input("in", (6, 7, 2), encoder)
    first = conv("first", image, Conv(3, (3, 3), (2, 2)), rng.integers(-9, 10, (3, 3, 2, 3)), bias=0.1)
    return network(image, first, dense("out", first, 4, rng.integers(-9, 10, (18, 4)), f="linear"))


def frames(count: int) -> np.ndarray[Any, Any]:
    """Frames of which a few pixels change from one to the next."""
    rng = np.random.default_rng(2)
    video = np.repeat(rng.integers(0, 256, (1, 6, 7, 2)), count, axis=0)
    for i in range(1, count):
        video[i:, rng.integers(6), rng.integers(7)] = rng.integers(0, 256, 2)
    return video


def is_narrow(live: Stream) -> bool:
    """Whether a stream's states are int32 now."""
    return live._session._work.tables.narrow


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("kind", ["graded", "delta"])
def test_frames_are_the_encoded_video(kind: str, schedule: str) -> None:
    graph = video_net(Encoder(kind, threshold=0.1))
    video = frames(8)
    settings: dict[str, Any] = {"threshold": 0.2, "unit": "absolute", "schedule": schedule}
    live = Stream(graph, **settings)
    for frame in video:
        outputs = live.step(frame)
    encoder = Encoder("delta", threshold=0.1 if kind == "delta" else 0.0)
    whole = simulate(graph, encoder.events(video), record=("state",), **settings)
    np.testing.assert_array_equal(outputs, whole.outputs[0])
    np.testing.assert_array_equal(live.total.synaptic_operations, whole.ledger.synaptic_operations)
    assert live.steps == 8 and live.total_seconds >= live.seconds > 0


@given(st.tuples(st.integers(0, 300), st.integers(0, 90)), st.integers(0, 2**32 - 1), st.sampled_from(SCHEDULES), st.booleans())
def test_channels_with_thresholds_of_their_own(levels: tuple[int, int], seed: int, schedule: str, as_bytes: bool) -> None:
    """The encoder in the kernel and the one in NumPy send the same."""
    graph = video_net(Encoder("delta", threshold=[n / 255 for n in levels]))
    video = np.random.default_rng(seed).integers(0, 256, (2, 6, 7, 2)).astype(np.uint8 if as_bytes else np.int64)
    live = Stream(graph, threshold=0.2, schedule=schedule)
    for frame in video:
        outputs = live.step(frame)
    whole = simulate(graph, graph.inputs[0].encoder.events(video), threshold=0.2, schedule=schedule)
    np.testing.assert_array_equal(outputs, whole.outputs[0])
    np.testing.assert_array_equal(live.total.sent, whole.ledger.sent)
    np.testing.assert_array_equal(live.total.synaptic_operations, whole.ledger.synaptic_operations)


def test_channels_with_thresholds_of_their_own_on_the_engine_that_defines() -> None:
    graph, video = video_net(Encoder("delta", threshold=(0.04, 0.3))), frames(4).astype(np.uint8)
    live = Stream(graph, threshold=0.2)
    outputs = [live.step(frame) for frame in video][-1]
    defined = simulate(graph, graph.inputs[0].encoder.events(video), threshold=0.2, engine="eager")
    np.testing.assert_array_equal(outputs, defined.outputs[0])
    np.testing.assert_array_equal(live.total.sent, defined.ledger.sent)
    np.testing.assert_array_equal(live.total.synaptic_operations, defined.ledger.synaptic_operations)


def test_thresholds_by_layer() -> None:
    graph, video = three_layers(), np.random.default_rng(0).integers(0, 2, (5, 3, 3, 1))
    name, other = (node.name for node in graph.nodes[1:3])
    live, known = Stream(graph, threshold={name: 0.4}), Stream(with_factors(graph, {name: 8.0}), threshold=0.05)
    thresholds = {population.name: population.threshold * population.step for population in live.plan.populations}
    assert thresholds == pytest.approx({p.name: p.threshold * p.step for p in known.plan.populations})
    assert thresholds[other] > 0 and Stream(graph, threshold={name: 0.05}).plan.populations[1].threshold > 0
    for frame in video:
        np.testing.assert_allclose(live.step(frame), known.step(frame))
    with pytest.raises(InputError, match="stream: threshold: 'nothing' is no layer with a threshold; there are "):
        Stream(graph, threshold={"nothing": 0.1})
    with pytest.raises(InputError, match=f"stream: threshold: {name} is 0; it must be a positive number"):
        Stream(graph, threshold={name: 0})


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_delayed_frames_begin_from_rest(schedule: str) -> None:
    graph = video_net(Encoder("delay"))
    video = frames(3)
    settings: dict[str, Any] = {"threshold": 0.2, "unit": "absolute", "schedule": schedule}
    live = Stream(graph, **settings)
    found = [live.step(frame).copy() for frame in video]
    np.testing.assert_array_equal(found, simulate(graph, graph.inputs[0].encoder.events(video), **settings).outputs)


@given(st.data())
def test_steps_equal_one_run(data: st.DataObject) -> None:
    graph, schedule = data.draw(graphs(most=3)), data.draw(st.sampled_from(SCHEDULES))
    events = data.draw(streams(graph, samples=1, extreme=False))
    live = Stream(graph, threshold=0.5, schedule=schedule)
    cuts = [0, *(np.flatnonzero(np.diff(events.t)) + 1).tolist(), len(events)]
    for a, b in zip(cuts[:-1], cuts[1:]):
        live.step(Events(events.t[a:b], events.neuron[a:b], events.payload[a:b], [0, b - a], events.shape))
    whole = simulate(graph, events, threshold=0.5, schedule=schedule, record=("state",))
    np.testing.assert_array_equal(live.outputs, whole.outputs[0])
    np.testing.assert_array_equal(live.total.checks, whole.ledger.checks)
    assert whole.state is not None
    for name in ("x", "o"):
        for a, c in zip(getattr(live.state, name), getattr(whole.state, name)):
            np.testing.assert_array_equal(a, c)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_thousands_of_frames_and_no_drift(schedule: str) -> None:
    """The benchmark runs a million; here x = b + W o after each of 2,000."""
    graph = video_net(Encoder("graded"))
    live, rng = Stream(graph, threshold=0.3, unit="absolute", schedule=schedule), np.random.default_rng(0)
    plan = make(graph, live.plan.settings)
    for number in range(2000):
        live.step(rng.integers(0, 256, (6, 7, 2)))
        if number % 100 == 99:
            amounts = {p.name: o for p, o in zip(plan.populations, live.state.o)} | {"in": live.sent[None].astype(np.int64)}
            for population, x in zip(plan.populations[1:], live.state.x[1:]):
                np.testing.assert_array_equal(x, due(plan, population, amounts))


def test_a_step_without_change_costs_nothing() -> None:
    live = Stream(video_net(Encoder("graded")), threshold=0.1)
    first = live.step(frames(1)[0]).copy()
    assert live.ledger.synaptic_operations.sum() > 0
    np.testing.assert_array_equal(live.step(frames(1)[0]), first)
    assert live.ledger.synaptic_operations.sum() == live.ledger.sent.sum() == 0


def test_reset_begins_anew() -> None:
    graph = video_net(Encoder("graded"))
    live, fresh = Stream(graph), Stream(graph)
    at_rest = live.outputs.copy()
    first = live.step(frames(1)[0]).copy()
    live.reset()
    np.testing.assert_array_equal(live.outputs, at_rest)
    assert live.steps == live.total.sent.sum() == live.ledger.sent.sum() == 0
    np.testing.assert_array_equal(live.step(frames(1)[0]), first)
    np.testing.assert_array_equal(fresh.step(frames(1)[0]), first)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_it_goes_on_in_int64_where_int32_ends(schedule: str) -> None:
    graph = three_layers()
    rows = [(0, 0, 3), (0, 1, 400_000_000), (0, 2, 5), (1, 1, -399_999_990), (2, 3, 2)]
    live = Stream(graph, threshold=1000.0, unit="absolute", spikes="graded", schedule=schedule)
    live.step(stream(graph, rows[0]))
    assert is_narrow(live)
    outputs = live.step(stream(graph, *rows[1:]))
    assert not is_narrow(live) and live.carrier == live.plan.carrier == "int32"
    later = stream(graph, rows[0], *((t + 1, neuron, payload) for t, neuron, payload in rows[1:]))
    settings: dict[str, Any] = {"threshold": 1000.0, "unit": "absolute", "spikes": "graded", "schedule": schedule}
    whole = simulate(graph, later, **settings)
    np.testing.assert_array_equal(outputs, whole.outputs[0])
    # What was too large has been taken back: the next step is in int32 again, and all is as if it had never been left.
    live.step(stream(graph, (0, 3, 7)))
    assert is_narrow(live)
    rows = [(0, 0, 3), *((t + 1, neuron, payload) for t, neuron, payload in rows[1:]), (9, 3, 7)]
    whole = simulate(graph, stream(graph, *rows), record=("state",), **settings)
    assert whole.state is not None
    for one, other in zip((*live.state.x[1:], *live.state.o[1:]), (*whole.state.x[1:], *whole.state.o[1:])):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(live.total.synaptic_operations, whole.ledger.synaptic_operations)


def test_int32_again_from_the_start() -> None:
    graph = three_layers()
    live = Stream(graph, threshold=1000.0, unit="absolute")
    for _ in range(2):
        live.step(stream(graph, (0, 0, 400_000_000)))
        assert not is_narrow(live)
        live.step(stream(graph, (0, 1, 5)))
        assert not is_narrow(live)
        live.reset()
        assert is_narrow(live)
    outputs = live.step(stream(graph, (0, 1, 5)))
    np.testing.assert_array_equal(outputs, Stream(graph, threshold=1000.0, unit="absolute").step(stream(graph, (0, 1, 5))))


def cropped() -> Graph:
    """(3, 3, 1) without its last row and column - max pooling - dense 2; what was cut off arrives nowhere."""
    image = input_of(3, 3, 1)
    pool = MaxPool("pool", (1, 1, 1), "in", (2, 2), (2, 2), relays=(Pad(((0, -1), (0, -1), (0, 0))),))
    return network(image, pool, dense("out", pool, 2, [[3, -5]], f="linear"))


def twice_convolved() -> Graph:
    """Wide enough for convolutions to be seen from their targets."""
    image = input_of(5, 6, 3)
    first = conv("first", image, Conv(4, (3, 2), padding=((1, 1), (0, 1))), [[[[1, -2, 3, 1]] * 3] * 2] * 3)
    return network(image, first, conv("out", first, Conv(3, (2, 2), (2, 1)), 2, f="linear"))


def test_what_is_seen_from_targets_is_said_and_changes_no_count() -> None:
    graph = twice_convolved()
    live = Stream(graph, threshold=0.5, unit="absolute")
    frame = np.random.default_rng(0).integers(1, 200, (5, 6, 3)).astype(np.uint8)
    outputs = live.step(frame)
    events = stream(graph, *((0, n, int(k)) for n, k in enumerate(frame.reshape(-1))))
    whole = simulate(graph, events, threshold=0.5, unit="absolute", engine="eager")
    np.testing.assert_array_equal(outputs, whole.outputs[0])
    np.testing.assert_array_equal(live.ledger.synaptic_operations, whole.ledger.synaptic_operations)
    # 30 targets of 3 x 2 x 3 numbers and 4 filters: every pixel has changed. Of what these send on so much need not.
    assert live.dense_macs == live.total_dense_macs and live.dense_macs in (5 * 6 * 18 * 4, 5 * 6 * 18 * 4 + 2 * 5 * 16 * 3)
    frame[0, 0, 0] ^= 1
    live.step(frame)
    # The corner reaches two pixels, which may be looked at, too.
    assert live.dense_macs in (0, 2 * 18 * 4) and live.total_dense_macs > 144 and live.ledger.synaptic_operations.sum() > 0


@pytest.mark.parametrize("depthwise", [False, True])
@pytest.mark.parametrize("initial", ["rest", "bias"])
def test_a_check_that_goes_on_in_int64(initial: str, depthwise: bool) -> None:
    """Of each pixel some payloads fit 16 bits, and some do not: from rest all is taken back and sent once more, from elsewhere what did not
    fit is sent then, and pixels are named twice; the outcome is that of the eager engine."""
    image = input_of(4, 4, 1)
    both = conv("both", image, Conv(2, (1, 1)), [[[[1, 1 if depthwise else 127]]]], bias=[2.0, -1.0])
    last = both
    if depthwise:
        last = conv("apart", both, Conv(2, (3, 3), padding=((1, 1), (1, 1)), groups=2), np.tile([1, 127], (3, 3, 1, 1)), bias=[2.0, -1.0])
    graph = network(image, *dict.fromkeys((both, last)), dense("out", last, 1, f="linear"))
    live = Stream(graph, threshold=0.5, unit="absolute", initial=initial)
    assert is_narrow(live)
    events = stream(graph, *((0, neuron, 4000) for neuron in range(16)))
    outputs = live.step(events)
    assert not is_narrow(live)
    tables, lengths = live._session._work.tables, live._session._work.arrays[columns.LENGTHS]
    number = 2 if depthwise else 1
    listed = lengths.reshape(-1, columns.LENGTH_WIDTH)[number, columns.PIXELS_LISTED]
    assert listed == 16 if initial == "rest" else listed > 16
    assert tables.lists[number, columns.PIXEL_AT] + listed < tables.lists[number + 1, columns.PIXEL_AT]
    whole = simulate(graph, events, threshold=0.5, unit="absolute", initial=initial, engine="eager", record=("state",))
    assert whole.state is not None
    np.testing.assert_array_equal(outputs, whole.outputs[0])
    for found, expected in zip(live.state.x + live.state.o, whole.state.x + whole.state.o):
        np.testing.assert_array_equal(found, expected)
    for name in ("sent", "synaptic_operations", "synaptic_operations_nonzero", "checks"):
        np.testing.assert_array_equal(getattr(live.ledger, name), getattr(whole.ledger, name))


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("graph", [three_layers(), branches(), cropped(), twice_convolved()], ids=["layers", "branches", "cropped", "two"])
def test_wherever_it_leaves_int32_nothing_is_lost_or_counted_twice(graph: Graph, schedule: str) -> None:
    settings: dict[str, Any] = {"threshold": 1e5, "unit": "absolute", "spikes": "valued", "schedule": schedule}
    size, carriers = int(np.prod(graph.inputs[0].shape)), set()
    for amount in (1 << bit for bit in range(12, 31, 2)):
        first = [(0, neuron, amount * (-1) ** (neuron // 3)) for neuron in range(size)]
        rows = [*first, *((1, neuron, amount // 3) for neuron in range(0, size, 2))]
        live, events = Stream(graph, **settings), stream(graph, *rows)
        outputs, whole = live.step(events), simulate(graph, events, record=("state",), **settings)
        carriers.add(is_narrow(live))
        assert whole.state is not None
        np.testing.assert_array_equal(outputs, whole.outputs[0])
        for one, other in zip((*live.state.x[1:], *live.state.o[1:]), (*whole.state.x[1:], *whole.state.o[1:])):
            np.testing.assert_array_equal(one, other)
        for field in fields(whole.ledger):
            np.testing.assert_array_equal(getattr(live.total, field.name), getattr(whole.ledger, field.name), field.name)
    assert carriers == {True, False}


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("graph", [branches(), twice_convolved()], ids=["branches", "two"])
def test_in_and_out_of_int32(graph: Graph, schedule: str) -> None:
    """Amounts that come and go, too large every other time; each step's ledger and state are those of a stream that stays in int64."""
    settings: dict[str, Any] = {"threshold": 1e5, "unit": "absolute", "schedule": schedule}
    live, wide = Stream(graph, **settings), Stream(graph, **settings)
    wide._session._begin(narrow=False)
    wide.reset()
    rng, size, seen = np.random.default_rng(0), int(np.prod(graph.inputs[0].shape)), []
    for number in range(24):
        amount = (1 << 27) * (-1) ** number if number % 8 < 2 else int(rng.integers(1, 200))
        chosen = np.flatnonzero((rng.random(size) < 0.5) | (number % 8 < 2))
        events = stream(graph, *((0, int(neuron), amount) for neuron in chosen))
        np.testing.assert_array_equal(live.step(events), wide.step(events))
        seen.append(is_narrow(live))
        for one, other in zip((*live.state.x, *live.state.o), (*wide.state.x, *wide.state.o)):
            np.testing.assert_array_equal(one, other)
        for field in fields(live.ledger):
            np.testing.assert_array_equal(getattr(live.ledger, field.name), getattr(wide.ledger, field.name), field.name)
    assert not is_narrow(wide) and seen.count(True) > 4 and seen.count(False) > 4 and seen[-1]


def test_leaving_the_range_is_said() -> None:
    graph = three_layers()
    live = Stream(graph, threshold=1e-6, unit="absolute", spikes="direct")
    big = stream(graph, *((0, n, (1 << 31) - 1) for n in range(9)))
    with pytest.raises(RangeError, match=r"stream: the state of first may leave 2\^52.*reset"):
        for _ in range(1000):
            live.step(big)


def test_inputs_that_do_not_fit() -> None:
    graph = video_net(Encoder("graded"))
    live = Stream(graph)
    with pytest.raises(InputError, match=r"frame of shape \(7, 6, 2\); the network's input is \(6, 7, 2\)"):
        live.step(np.zeros((7, 6, 2)))
    with pytest.raises(InputError, match=r"2 samples of shape \(84,\); give one, of 84 input neurons"):
        live.step(Events([], [], [], [0, 0, 0], (84,)))
    with pytest.raises(InputError, match="schedule is 'both'; choose one of slot, spike"):
        Stream(graph, schedule="both")
    one, other = input_of(2, name="a"), input_of(3, name="b")
    merged = dense("out", one, 2, f="linear")
    merged = replace(merged, synapses=(*merged.synapses, *dense("x", other, 2).synapses))
    with pytest.raises(InputError, match="a frame for 2 inputs; give Events"):
        Stream(Graph((one, other, merged), ("out",))).step(np.zeros(2))


def test_what_a_step_returned_is_the_callers() -> None:
    live = Stream(video_net(Encoder("graded")), threshold=0.1)
    first = live.step(frames(1)[0])
    kept = first.copy()
    live.step(255 - frames(1)[0])
    np.testing.assert_array_equal(first, kept)


def test_two_threads_at_once_are_refused() -> None:
    live = Stream(three_layers())
    with live._alone(), pytest.raises(InputError, match="another thread is in the middle of a step; give each thread a stream"):
        live.step(np.zeros((3, 3, 1), np.uint8))
    live.step(np.zeros((3, 3, 1), np.uint8))


def test_a_stream_is_not_copied() -> None:
    with pytest.raises(InputError, match="cannot be copied or pickled, its state lives in it alone"):
        copy(Stream(three_layers()))


@pytest.mark.parametrize("kind", ["graded", "delta"])
def test_bytes_and_other_numbers_give_the_same(kind: str) -> None:
    """Bytes are compared inside the step; whatever else comes takes the encoder's own way, in the middle of a video, too."""
    graph, video = video_net(Encoder(kind, threshold=0.1)), frames(6)
    bytes_alone, mixed = Stream(graph, threshold=0.2), Stream(graph, threshold=0.2)
    for number, frame in enumerate(video):
        kinds = (np.uint8, np.uint8, np.float64, np.uint8, np.int64, np.uint8)
        np.testing.assert_array_equal(bytes_alone.step(frame.astype(np.uint8)), mixed.step(frame.astype(kinds[number])))
        np.testing.assert_array_equal(bytes_alone.sent, mixed.sent)
        np.testing.assert_array_equal(bytes_alone.ledger.sent, mixed.ledger.sent)


def test_room_for_events_grows() -> None:
    graph = three_layers()
    live = Stream(graph, threshold=0.5, unit="absolute")
    many = stream(graph, *((t, t % 9, 1 if t % 18 < 9 else -1) for t in range(1000)))
    np.testing.assert_array_equal(live.step(many), simulate(graph, many, threshold=0.5, unit="absolute").outputs[0])
    assert live.ledger.sent_positive[0, 0] + live.ledger.sent_negative[0, 0] == 1000


def test_a_threshold_beyond_bytes_is_never_reached() -> None:
    """Bytes are compared in vectors of bytes: 300 must not become 44."""
    graph = video_net(Encoder("delta", scale=1.0, threshold=300.0))
    live = Stream(graph, threshold=0.1)
    live.step(np.full(graph.inputs[0].shape, 255, np.uint8))
    assert live.ledger.sent.sum() == 0
