"""simulate: settings and their messages, batches, carriers, runs that go on, and what a result says."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given as drawn
from hypothesis import settings as profile
from hypothesis import strategies as st

from tests.nets import branches, dense
from tests.nets import events as made
from tests.nets import given, network, neurons, stream, streams, synapse, three_layers
from tests.strategies import graphs
from tests.strategies import streams as drawn_streams
from tfsnn.artifact import Net
from tfsnn.errors import InputError, RangeError
from tfsnn.input.events import Events
from tfsnn.network.graph import Graph
from tfsnn.network.ops import Activation, Dense
from tfsnn.plan.make import make
from tfsnn.plan.settings import INITIAL, SPIKES, Settings
from tfsnn.record import COUNTS, RECORDS, State
from tfsnn.simulate import Result, run, simulate

ROWS = [(0, 0, 3), (0, 4, 1), (2, 8, -2), (2, 0, -1), (7, 4, 2)]


def assert_same(one: Result, other: Result) -> None:
    """Equal in outputs, ledger, and all that was recorded."""
    np.testing.assert_array_equal(one.outputs, other.outputs)
    for name in COUNTS:
        np.testing.assert_array_equal(getattr(one.ledger, name), getattr(other.ledger, name), name)
    assert one.state is not None and other.state is not None and one.log is not None and other.log is not None
    assert one.trajectory is not None and other.trajectory is not None
    for found, expected in zip((*one.state.x, *one.state.o), (*other.state.x, *other.state.o), strict=True):
        np.testing.assert_array_equal(found, expected)
    for name in ("log", "trajectory"):
        kept, wanted = getattr(one, name), getattr(other, name)
        for part in kept.__dataclass_fields__:
            np.testing.assert_array_equal(getattr(kept, part), getattr(wanted, part), part)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"schedule": "frame"}, "schedule is 'frame'; choose one of slot, spike"),
        ({"engine": "gpu"}, "engine is 'gpu'; choose one of .*eager"),
        ({"record": ["weights"]}, "record is 'weights'; choose among trajectory, events, state"),
        ({"record": [0, "events"]}, "record is 0, 'events'; choose among trajectory, events, state"),
        ({"record": "events"}, "record is 'events'; give a list, of any of trajectory, events, state"),
        ({"record": None}, "record is None; give a list, of any of trajectory, events, state"),
        ({"threshold": 0}, "threshold is 0; it must be a positive number"),
        ({"spikes": "binary"}, "spikes is 'binary'; choose one of signed, graded, valued, direct"),
        ({"unit": "mV"}, "unit is 'mV'; choose one of relative, absolute, lsb"),
        ({"initial": "random"}, "initial is 'random'; choose one of rest, bias"),
        ({"batch": 0}, "batch is 0; it must be a whole number, 1 or above"),
        ({"batch": 1.5}, "batch is 1.5; it must be a whole number, 1 or above"),
        ({"batch": True}, "batch is True; it must be a whole number, 1 or above"),
        ({"spiking_output": "no"}, "spiking_output is 'no'; it must be True or False"),
        ({"state": {}}, "state is {}; give the state of a run of the same network and samples"),
    ],
)
def test_settings_that_do_not_fit(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=f"^simulate: {message}"):
        simulate(three_layers(), streams(three_layers(), ROWS), **changes)


def test_a_network_or_events_of_another_type() -> None:
    with pytest.raises(InputError, match="^simulate: the network is 'net.snn.h5'; give what tfsnn.load or tfsnn.convert_model returned"):
        simulate("net.snn.h5", streams(three_layers(), ROWS))  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"^simulate: events are \[\[0, 0, 0\]\]; give tfsnn.Events"):
        simulate(three_layers(), [[0, 0, 0]])  # type: ignore[arg-type]


@pytest.mark.parametrize("batch", [np.int64(1), np.uint8(2)])
def test_whole_numbers_of_numpy_are_whole_numbers(batch: Any) -> None:
    events = streams(three_layers(), ROWS, ROWS)
    assert simulate(three_layers(), events, batch=batch).outputs.tolist() == simulate(three_layers(), events).outputs.tolist()


def test_a_plan_runs_under_its_own_settings() -> None:
    graph = three_layers()
    settings = Settings(0.5, "absolute", "graded", "bias", True, "spike", "eager")
    found = run(make(graph, settings), streams(graph, ROWS), record=RECORDS)
    expected = simulate(
        graph, streams(graph, ROWS), threshold=0.5, unit="absolute", spikes="graded", initial="bias", spiking_output=True,
        schedule="spike", engine="eager", record=RECORDS,
    )  # fmt: skip
    assert_same(found, expected)
    assert (found.schedule, found.engine) == ("spike", "eager")
    with pytest.raises(InputError, match="^evaluate: batch is 0;"):
        run(found.plan, streams(graph, ROWS), batch=0, where="evaluate")


@pytest.mark.parametrize("shape", [(3, 3), (9, 1, 1), (10,), (8,)])
def test_events_of_another_shape(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match=r"^simulate: events of shape .*; the network's input is \(3, 3, 1\): give data of that shape"):
        simulate(three_layers(), made([], [], [], [0, 0], shape))


def test_events_may_come_flat() -> None:
    flat = made([0], [4], [1], [0, 1], (9,))
    assert simulate(three_layers(), flat).outputs.tolist() == simulate(three_layers(), stream(three_layers(), (0, 4, 1))).outputs.tolist()


def test_two_inputs_take_their_neurons_in_a_row() -> None:
    left, right = given(2, 1, 1, name="left"), given(3, name="right")
    graph = network(left, right, neurons("out", (1,), synapse(left, Dense(1), 4), synapse(right, Dense(1), 4), f="linear"))
    assert simulate(graph, made([0, 0], [0, 4], [1, 1], [0, 2], (5,))).outputs.tolist() == [[2.0]]
    with pytest.raises(InputError, match=r"events of shape \(2, 1, 1\); the network's input is \(5,\)"):
        simulate(graph, made([], [], [], [0, 0], (2, 1, 1)))


def test_a_stream_without_samples() -> None:
    with pytest.raises(InputError, match="^simulate: the event stream holds no samples; give at least one"):
        simulate(three_layers(), made([], [], [], [0], (3, 3, 1)))


def test_a_net_is_its_graph() -> None:
    events = streams(branches(), [(0, 3, 2)])
    assert simulate(Net(branches()), events).outputs.tolist() == simulate(branches(), events).outputs.tolist()


@pytest.mark.parametrize("schedule", ["slot", "spike"])
def test_batches_change_nothing(schedule: str) -> None:
    graph = three_layers()
    events = streams(graph, ROWS, [], ROWS[2:], [(1, 1, 1)])
    settings: dict[str, Any] = {"threshold": 0.5, "unit": "absolute", "schedule": schedule, "record": RECORDS}
    whole, alone = (simulate(graph, events, batch=batch, **settings) for batch in (250, 1))
    assert_same(whole, alone)
    for sample in range(events.samples):
        part = simulate(graph, events.sample(sample), **settings)
        np.testing.assert_array_equal(part.outputs[0], whole.outputs[sample])


def test_progress_is_told_after_each_batch() -> None:
    done: list[int] = []
    simulate(three_layers(), streams(three_layers(), *[ROWS] * 5), batch=2, progress=done.append)
    assert done == [2, 2, 1]


def cut(events: Events, at: int) -> tuple[Events, Events]:
    """The events of one sample before a time, and those from it on."""
    n = int(np.searchsorted(events.t, at))
    parts = slice(0, n), slice(n, None)
    first, second = (made(events.t[p], events.neuron[p], events.payload[p], [0, len(events.t[p])], events.shape) for p in parts)
    return first, second


def assert_split_changes_nothing(graph: Graph, events: Events, at: int, **settings: Any) -> None:
    """One run against two, the second from where the first ended."""
    whole = simulate(graph, events, record=RECORDS, **settings)
    before, after = cut(events, at)
    first = simulate(graph, before, record=RECORDS, **settings)
    second = simulate(graph, after, record=RECORDS, state=first.state, **settings)
    np.testing.assert_array_equal(second.outputs, whole.outputs)
    for name in COUNTS:
        both = getattr(first.ledger, name) + getattr(second.ledger, name)
        np.testing.assert_array_equal(both, getattr(whole.ledger, name), name)
    assert first.log is not None and second.log is not None and whole.log is not None
    for name in ("t", "population", "neuron", "payload"):
        np.testing.assert_array_equal(np.concatenate([getattr(first.log, name), getattr(second.log, name)]), getattr(whole.log, name), name)
    assert second.state is not None and whole.state is not None
    for found, expected in zip((*second.state.x, *second.state.o), (*whole.state.x, *whole.state.o), strict=True):
        np.testing.assert_array_equal(found, expected)


@profile(max_examples=20)
@drawn(st.data())
def test_a_run_split_in_two_is_one_run(data: st.DataObject) -> None:
    graph = data.draw(graphs(most=3))
    events = data.draw(drawn_streams(graph, samples=1, most=8, extreme=False))
    mild = made(events.t, events.neuron, np.sign(events.payload), events.offsets, events.shape)
    settings = {"spikes": data.draw(st.sampled_from(sorted(SPIKES))), "initial": data.draw(st.sampled_from(INITIAL))}
    assert_split_changes_nothing(graph, mild, data.draw(st.integers(0, 5)), threshold=0.5, engine="eager", **settings)


@pytest.mark.parametrize("at", [0, 1, 2, 3, 7, 9])
@pytest.mark.parametrize("initial", INITIAL)
def test_a_run_split_in_two_is_one_run_under_spike(at: int, initial: str) -> None:
    graph = three_layers("tanh")
    assert_split_changes_nothing(
        graph, streams(graph, ROWS), at, schedule="spike", initial=initial, threshold=0.3, unit="absolute", engine="eager"
    )


def state_of(graph: Graph, events: Events, **settings: Any) -> State:
    """The state after a run."""
    state = simulate(graph, events, record=["state"], **settings).state
    assert state is not None
    return state


def test_a_state_of_wide_numbers_goes_on_wide() -> None:
    image = given(1)
    graph = network(image, dense("out", image, 1, 100, bias=1 / 16, f="linear"))
    # 400 steps a unit and a bias of 1: an odd number above 2^24, which float32 would round.
    state = state_of(graph, stream(graph, (0, 0, 1 << 20)))
    assert state.x[1].tolist() == [[400 * (1 << 20) + 1]]
    on = simulate(graph, streams(graph, []), state=state)
    assert on.outputs.tolist() == [[25.0 * (1 << 20) + 1 / 16]]


def test_a_state_of_other_samples_or_another_network_is_refused() -> None:
    graph = three_layers()
    state = state_of(graph, streams(graph, ROWS))
    with pytest.raises(
        InputError,
        match=r"^simulate: state of \(samples, neurons\) \(1, 9\), .*; expected 2 samples of in 9, first 8, second 3, out 2",
    ):
        simulate(graph, streams(graph, ROWS, ROWS), state=state)
    with pytest.raises(InputError, match=r"^simulate: state of .* \(1, 3\), \(1, 2\); expected 1 samples of in 32, pool 8"):
        simulate(branches(), streams(branches(), []), state=state)


@pytest.mark.parametrize("odd", [0.5, float("nan"), True])
def test_a_state_that_is_not_of_whole_numbers_is_refused(odd: Any) -> None:
    graph = three_layers()
    state = state_of(graph, streams(graph, ROWS))
    with pytest.raises(InputError, match="^simulate: state holds array.*; it must be arrays of whole numbers: give the state of a run"):
        simulate(graph, streams(graph, ROWS), state=replace(state, x=(np.full((1, 9), odd), *state.x[1:])))


@pytest.mark.parametrize("threshold", [0.5, 1e-7])
def test_the_carrier_is_int32_where_that_is_exact(threshold: float) -> None:
    result = simulate(three_layers(), streams(three_layers(), []), threshold=threshold)
    assert result.carrier == ("int32" if threshold == 0.5 else "int64")


@pytest.mark.parametrize("engine", ["compiled", "eager"])
def test_what_a_run_leaves_behind_changes_no_carrier(engine: str) -> None:
    """The carrier is the plan's, and the state bytes that are reported with it, whichever engine and batch."""
    image = given(1)
    graph = network(image, dense("out", image, 1, 100, f="linear"))
    near, far = (simulate(graph, stream(graph, (0, 0, 1), (1, 0, amount)), engine=engine) for amount in (9, 1 << 24))
    assert (near.carrier, far.carrier) == ("int32", "int32")
    assert far.outputs.tolist() == [[25.0 * (1 + (1 << 24))]]


def test_one_sample_that_needs_int64_leaves_the_others_as_they_are() -> None:
    image = given(1)
    graph = network(image, dense("out", image, 1, 100, f="linear"))
    result = simulate(graph, streams(graph, [(0, 0, 1)], [(0, 0, 1 << 24)], [(0, 0, 2)]), batch=1)
    assert result.outputs.tolist() == [[25.0], [25.0 * (1 << 24)], [50.0]]


def test_leaving_int64_is_one_clear_error() -> None:
    image = given(1)
    # Beside a synapse of a millionth the other's weights are 5e8 steps: (2^31 - 1) units of them are 2^60.
    out = neurons("out", (1,), synapse(image, Dense(1), 1, 1e-6), synapse(image, Dense(1), 127, 1.0))
    graph = network(image, out)
    message = (
        r"^simulate: sample 1: the state of out may leave 2\^52 grid steps, where sums stay exact; raise the threshold, or check"
    )
    for batch in (1, 2):
        with pytest.raises(RangeError, match=message):
            simulate(graph, streams(graph, [(0, 0, 1)], [(0, 0, (1 << 31) - 1)]), batch=batch)


@pytest.mark.parametrize("slope", [3.0, -5.0])
def test_a_slope_that_carries_f_beyond_float32_is_exact(slope: float) -> None:
    image = given(1)
    hidden = dense("hidden", image, 1, 127, bias=1 / 16, f=Activation("relu", slope=slope))
    graph = network(image, hidden, dense("out", hidden, 1, 0))
    # 508 steps of 1/16 a unit: x is odd and within 2^23, f(x) is odd and needs more than 24 bits.
    result = simulate(
        graph, stream(graph, (0, 0, -16_511)), threshold=1 / 16, unit="absolute", spikes="direct", record=["state"], engine="eager"
    )
    assert result.state is not None
    x, o = result.state.x[1], result.state.o[1]
    assert x.tolist() == [[1 - 508 * 16_511]] and o.tolist() == [[slope * x[0, 0]]]


@pytest.mark.parametrize("f", ["linear", "tanh", "relu"])
def test_outputs_are_f_of_x_in_real_units(f: str) -> None:
    image = given(1)
    graph = network(image, dense("out", image, 2, [[2, -2]], bias=[0.0, 0.25], f=f))
    result = simulate(graph, streams(graph, [(0, 0, 1)], []))
    np.testing.assert_array_equal(result.outputs, Activation(f)(np.array([[0.5, -0.25], [0.0, 0.25]])))


def test_softmax_is_left_to_the_reader() -> None:
    image = given(1)
    graph = network(image, dense("out", image, 2, [[2, -2]], f="linear", softmax=True))
    assert simulate(graph, stream(graph, (0, 0, 4))).outputs.tolist() == [[2.0, -2.0]]


def test_spiking_outputs_are_what_they_have_told() -> None:
    image = given(1)
    graph = network(image, dense("out", image, 2, [[3, -3]], f="linear"))
    result = simulate(graph, stream(graph, (0, 0, 3)), threshold=1.0, unit="absolute", spikes="signed", spiking_output=True)
    # x = 2.25 and -2.25.
    assert result.outputs.tolist() == [[2.0, -2.0]] and result.ledger.sent[0].tolist() == [1, 4]


def test_several_outputs_stand_side_by_side() -> None:
    graph = three_layers("linear")
    both = simulate(Graph(graph.nodes, ("out", "second")), streams(graph, ROWS))
    assert both.outputs.shape == (1, 5) and both.outputs[0, :2].tolist() == simulate(graph, streams(graph, ROWS)).outputs[0].tolist()


def test_what_a_result_says() -> None:
    image = given(2)
    graph = network(image, dense("out", image, 3, [[1, 2, 2], [4, 0, 0]], f="linear"))
    result = simulate(graph, streams(graph, [(0, 0, 1), (1, 1, 1)], [(0, 0, 1)]), engine="eager")
    assert result.predictions.tolist() == [0, 1] and result.predictions.dtype == np.int64
    assert result.operations.tolist() == [6, 3]
    # 3 events over 2 samples and 5 neurons, the input's included.
    assert result.spikes_per_neuron == pytest.approx(3 / 2 / 5)
    assert (result.schedule, result.engine, result.plan.settings.spikes) == ("slot", "eager", "valued") and result.seconds >= 0


def test_a_result_prints_in_a_few_lines() -> None:
    graph = three_layers()
    result = simulate(graph, streams(graph, ROWS, ROWS), threshold=0.5, spikes="graded", record=("state",), engine="eager")
    settings = "threshold 0.5 relative, spikes graded, schedule slot, initial rest"
    assert repr(result) == f"<Result of 2 samples, 2 outputs: {settings}>"
    first, second, third, last = str(result).splitlines()
    assert first == "Result of 2 samples, 2 outputs" and second.startswith(f"  {settings}; engine eager, ") and last == "  recorded: state"
    assert third == f"  a sample: {result.operations[0]:,} synaptic operations, {result.spikes_per_neuron:.4g} spikes a neuron"


@pytest.mark.parametrize("record", [(), ("state",), ("events", "trajectory"), iter(["events"])])
def test_only_what_was_asked_for_is_kept(record: Iterable[str]) -> None:
    names = list(record)
    result = simulate(three_layers(), streams(three_layers(), ROWS), record=iter(names))
    kept = {name for name, part in (("trajectory", result.trajectory), ("events", result.log), ("state", result.state)) if part is not None}
    assert kept == set(names)


def test_thresholds_scale_with_the_population() -> None:
    graph = three_layers(scale=3.0)
    relative = simulate(graph, streams(graph, ROWS), threshold=0.1, record=RECORDS)
    absolute = simulate(replace(graph), streams(graph, ROWS), threshold=0.1 * 3.0, unit="absolute", record=RECORDS)
    assert_same(relative, absolute)
