"""The definition itself: whatever the network and the stream, states are exact, everything has settled, T to 0 is the ANN."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import assume
from hypothesis import given as drawn
from hypothesis import settings as profile
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.nets import (
    branches,
    conv,
    dense,
    dense_integers,
    due,
)
from tests.nets import events as made
from tests.nets import given, inflow, meant, network, neurons, stream, streams, sums, synapse, three_layers, touched
from tests.strategies import convolutions, graphs, settings_of
from tests.strategies import streams as drawn_streams
from tfsnn.eager import engine as eager
from tfsnn.eager.tally import Tally
from tfsnn.input.events import Events
from tfsnn.network import arithmetic
from tfsnn.network import forward as reference
from tfsnn.network.graph import Graph
from tfsnn.network.nodes import MaxPool, Neurons, Synapse
from tfsnn.network.ops import ACTIVATIONS, Activation, Conv, Dense, OneToOne, Shape, factor
from tfsnn.plan.make import make
from tfsnn.plan.plan import Plan
from tfsnn.plan.settings import SPIKES, Settings
from tfsnn.record import RECORDS, Outcome, OutOfRange, State

# An event under "spike" takes the eager engine some milliseconds, so its networks and streams are the smallest.
SLOT, SPIKE = profile(max_examples=30), profile(max_examples=15)
SCHEDULES = pytest.mark.parametrize("schedule", ["slot", "spike"])


def run(plan: Plan, events: Events, schedule: str = "slot", state: State | None = None) -> Outcome:
    """All that the engine reports, exact in float64; under "spike" sample by sample is the caller's business."""
    return eager.run(plan, events, schedule, "float64", RECORDS, state)


def mild(events: Events) -> Events:
    """The same events with payloads of 1 to 4: signed spikes carry no more than 1 each, and each takes its time."""
    payload = np.sign(events.payload) * (np.abs(events.payload) % 4 + 1)
    return made(events.t, events.neuron, payload, events.offsets, events.shape)


@st.composite
def cases(draw: st.DrawFn, schedule: str = "slot") -> tuple[Plan, Events]:
    """A plan and a stream for it."""
    spike = schedule == "spike"
    graph = draw(graphs(most=2 if spike else 4))
    plan = make(graph, draw(settings_of(2.0 if spike else draw(st.sampled_from([0.5, 2.0])))))
    return plan, mild(draw(drawn_streams(graph, samples=1 if spike else 3, most=4 if spike else 10)))


def assert_settled(plan: Plan, events: Events, outcome: Outcome) -> None:
    """x = b + W o to the last bit, and |f(x) - o P| < T wherever an event has been; from rest: everywhere."""
    assert outcome.state is not None and outcome.log is not None
    amounts, reached = sums(plan, outcome.state, events), touched(plan, outcome.log)
    for at, population in enumerate(plan.populations):
        if at in plan.inputs:
            continue
        x, o = outcome.state.x[at], outcome.state.o[at]
        np.testing.assert_array_equal(x, due(plan, population, amounts), population.name)
        if population.threshold:
            gap = np.abs(meant(population, x) - o * population.payload)
            where = np.ones_like(gap, bool) if plan.settings.initial == "rest" else reached[population.name]
            assert np.all(gap[where] < population.threshold), population.name


@SLOT
@drawn(cases("slot"))
def test_everything_has_settled_under_slot(case: tuple[Plan, Events]) -> None:
    assert_settled(*case, run(*case))


@SPIKE
@drawn(cases("spike"))
def test_everything_has_settled_under_spike(case: tuple[Plan, Events]) -> None:
    assert_settled(*case, run(*case, "spike"))


@SLOT
@drawn(cases())
def test_direct_spikes_tell_the_floor(case: tuple[Plan, Events]) -> None:
    plan = make(case[0].graph, replace(case[0].settings, spikes="direct", initial="rest"))
    state = run(plan, case[1]).state
    assert state is not None
    for population, x, o in zip(plan.populations, state.x, state.o):
        if isinstance(population.node, Neurons) and population.threshold:
            np.testing.assert_array_equal(o, population.function(x) // population.payload)


@SLOT
@drawn(cases())
def test_payloads_stay_within_their_kind(case: tuple[Plan, Events]) -> None:
    plan, events = case
    log = run(plan, events).log
    assert log is not None
    sent_by_neurons = np.isin(log.population, [at for at, p in enumerate(plan.populations) if isinstance(p.node, Neurons)])
    payloads = np.abs(log.payload[sent_by_neurons])
    bits, largest = SPIKES[plan.settings.spikes]
    # A change is sent once it reaches T, that is 2^r payload units.
    assert np.all((payloads >= 1 << bits) & (payloads <= largest))


@pytest.mark.parametrize(
    ("spikes", "largest", "turns"), [("signed", 1, 1000), ("graded", 127, 8), ("valued", 16000, 1), ("direct", 1000, 1)]
)
def test_a_large_change_takes_as_many_events_as_its_kind_needs(spikes: str, largest: int, turns: int) -> None:
    image = given(1)
    hidden = dense("hidden", image, 1, 4, f="linear")
    plan = make(network(image, hidden, dense("out", hidden, 1)), Settings(1.0, "absolute", spikes))
    log = run(plan, stream(plan.graph, (0, 0, -1000))).log
    assert log is not None
    payloads = log.payload[log.population == 1]
    # 1000 = 7 x 127 + 111.
    assert (len(payloads), int(-payloads[0]), bool(np.all(payloads < 0))) == (turns, largest, True)
    assert payloads.sum() == -1000 << SPIKES[spikes][0]


@SLOT
@drawn(cases())
def test_from_bias_a_neuron_that_hears_nothing_never_speaks(case: tuple[Plan, Events]) -> None:
    plan = make(case[0].graph, replace(case[0].settings, initial="bias"))
    outcome = run(plan, case[1])
    assert outcome.state is not None and outcome.log is not None
    reached = touched(plan, outcome.log)
    for at, population in enumerate(plan.populations):
        if at not in plan.inputs:
            assert not outcome.state.o[at][~reached[population.name]].any()


@pytest.mark.parametrize(("initial", "spiking"), [("bias", False), ("rest", True)])
def test_a_large_bias_spikes_at_rest_alone(initial: str, spiking: bool) -> None:
    image = given(2)
    hidden = neurons("hidden", (2,), synapse(image, OneToOne(), 1), bias=[50.0, 0.0])
    plan = make(network(image, hidden, dense("out", hidden, 1, 4, f="linear")), Settings(1.0, "absolute", "graded", initial))
    outcome = run(plan, stream(plan.graph, (0, 1, 8)))
    # Neuron 1 sends 2; what neuron 0 would send, 50, is there from the start or never.
    assert outcome.outputs.tolist() == [[52.0 if spiking else 2.0]]
    assert outcome.ledger.sent[0].tolist() == [1, 1, 0]


def grain(synapse: Synapse) -> float:
    """The int8 step that the grid is made for: the finest channel's, but no finer than a quarter of the coarsest's."""
    scale = np.asarray(synapse.scale, np.float64)
    return float(max(scale.min(), scale.max() / 4))


def one_step(graph: Graph) -> Graph:
    """The graph with thresholds of one grid step each, at an absolute threshold of 1."""
    unit: dict[str, float] = {}
    nodes = []
    for node in graph:
        if isinstance(node, Neurons):
            grains = [grain(s) * factor(s.relays) * unit[s.source] for s in node.synapses]
            node = replace(node, threshold=min(grains) / 4 * (1 - 1e-12))
            unit[node.name] = node.threshold
        else:
            unit[node.name] = unit[node.source] if isinstance(node, MaxPool) else node.encoder.unit_value
        nodes.append(node)
    return Graph(tuple(nodes), graph.outputs)


def assert_is_the_ann(plan: Plan, events: Events, outcome: Outcome) -> None:
    """The state is the dense forward pass of the plan's own integers, to the last bit."""
    assert outcome.state is not None and {p.payload for p in plan.populations} == {1}
    expected = dense_integers(
        plan, {name: o for name, o in sums(plan, outcome.state, events).items() if name in {n.name for n in plan.graph.inputs}}
    )
    for population, x in zip(plan.populations, outcome.state.x):
        if population.name in expected:
            np.testing.assert_array_equal(x, expected[population.name], population.name)


@SLOT
@drawn(st.data())
def test_at_a_threshold_of_one_step_the_network_is_the_ann(data: st.DataObject) -> None:
    graph = one_step(data.draw(graphs(most=1)))
    plan = make(graph, Settings(1.0, "absolute", "direct"))
    events = mild(data.draw(drawn_streams(graph)))
    assert_is_the_ann(plan, events, run(plan, events))


@pytest.mark.parametrize("graph", [three_layers(), three_layers("tanh"), branches()], ids=["chain", "tanh", "branches"])
@pytest.mark.parametrize("spikes", ["graded", "direct"])
def test_at_one_step_deep_networks_are_the_ann(graph: Graph, spikes: str) -> None:
    plan = make(one_step(graph), Settings(1.0, "absolute", spikes))
    events = streams(graph, [(0, 0, 2), (0, 4, 1), (3, 8, -1), (3, 0, -1)], [(1, 5, 3)])
    assert_is_the_ann(plan, events, run(plan, events))


def test_at_one_step_signed_spikes_are_the_ann_one_by_one() -> None:
    image = given(2, 2, 1)
    hidden = conv("hidden", image, Conv(1, (2, 2), padding=((1, 0), (0, 1))), [[[[1]], [[-2]]], [[[0]], [[1]]]])
    plan = make(one_step(network(image, hidden, dense("out", hidden, 2, [[1, 2]] * 4))), Settings(1.0, "absolute", "signed"))
    events = stream(plan.graph, (0, 0, 1), (1, 2, 1))
    for schedule in ("slot", "spike"):
        assert_is_the_ann(plan, events, run(plan, events, schedule))


def smooth(graph: Graph) -> bool:
    """Whether no f of the network has a jump: across one, nothing bounds the distance."""
    return not any(isinstance(node, Neurons) and node.activation.start > 0 for node in graph)


def bounds(plan: Plan, events: Events, state: State) -> list[dict[str, NDArray[np.float64]]]:
    """What Plan.deviation states, sample by sample."""
    amounts = sums(plan, state, events)
    return [plan.deviation({name: o[sample] for name, o in amounts.items()}) for sample in range(events.samples)]


@SLOT
@drawn(cases())
def test_the_int8_network_is_as_near_as_the_plan_states(case: tuple[Plan, Events]) -> None:
    assume(smooth(case[0].graph))
    plan, events = make(case[0].graph, replace(case[0].settings, initial="rest")), case[1]
    state = run(plan, events).state
    assert state is not None
    parts = np.split(inflow(plan, events), np.cumsum([plan.populations[at].size for at in plan.inputs])[:-1], axis=1)
    exact = reference.forward(plan.graph, {n.name: part * n.encoder.unit_value for n, part in zip(plan.graph.inputs, parts)})
    for sample, bound in enumerate(bounds(plan, events, state)):
        for population, x in zip(plan.populations, state.x):
            if population.name in bound:
                distance = np.abs(x[sample] * population.step - exact[population.name][sample])
                assert np.all(distance <= bound[population.name] * (1 + 1e-9) + 1e-9), population.name


@SPIKE
@drawn(cases("spike"))
def test_slot_and_spike_end_within_the_bound_of_one_another(case: tuple[Plan, Events]) -> None:
    assume(smooth(case[0].graph))
    plan, events = make(case[0].graph, replace(case[0].settings, initial="rest")), case[1]
    one, other = (run(plan, events, schedule).state for schedule in ("slot", "spike"))
    assert one is not None and other is not None
    (near,), (far,) = bounds(plan, events, one), bounds(plan, events, other)
    for population, x, y in zip(plan.populations, one.x, other.x):
        if population.name in near:
            # Each is within its bound of the same int8 network.
            limit = near[population.name] + far[population.name]
            assert np.all(np.abs(x[0] - y[0]) * population.step <= limit * (1 + 1e-9) + 1e-9), population.name


def assert_equal(one: Any, other: Any) -> None:
    """Equal in every array of every part."""
    for part in fields(one):
        found, expected = getattr(one, part.name), getattr(other, part.name)
        if hasattr(found, "__dataclass_fields__"):
            assert_equal(found, expected)
        elif isinstance(found, tuple):
            for a, b in zip(found, expected, strict=True):
                np.testing.assert_array_equal(a, b, part.name)
        else:
            np.testing.assert_array_equal(found, expected, part.name)


@SLOT
@drawn(cases(), st.randoms(use_true_random=False))
def test_simultaneous_events_in_any_order_change_nothing_under_slot(case: tuple[Plan, Events], random: Any) -> None:
    plan, events = case
    # Stable by sample and time of shuffled events: those that meet change places.
    rows = list(range(len(events)))
    random.shuffle(rows)
    sample = np.repeat(np.arange(events.samples), np.diff(events.offsets))
    order = np.array(rows, np.int64)[np.lexsort((events.t[rows], sample[rows]))] if rows else np.zeros(0, np.int64)
    shuffled = made(events.t[order], events.neuron[order], events.payload[order], events.offsets, events.shape)
    one, other = (replace(run(plan, given_events), log=None) for given_events in (events, shuffled))
    assert_equal(one, other)


def test_under_slot_a_change_that_is_taken_back_at_once_is_never_told() -> None:
    image = given(1)
    hidden = dense("hidden", image, 1, 4)
    plan = make(network(image, hidden, dense("out", hidden, 1)), Settings(1.0, "absolute", "signed"))
    rows = (0, 0, 5), (0, 0, -5)
    slot, spike = (run(plan, stream(plan.graph, *rows), schedule).ledger.sent[0].tolist() for schedule in ("slot", "spike"))
    assert slot == [2, 0, 0] and spike == [2, 10, 0]


@SLOT
@drawn(st.data())
def test_float32_and_float64_give_the_same(data: st.DataObject) -> None:
    graph = data.draw(graphs())
    plan = make(graph, data.draw(settings_of()))
    assume(plan.narrow)
    events = mild(data.draw(drawn_streams(graph)))
    try:
        narrow = eager.run(plan, events, "slot", "float32", RECORDS)
    except OutOfRange:
        assume(False)
    assert_equal(narrow, run(plan, events))


def test_sums_that_may_leave_float32_are_noticed_before_they_do() -> None:
    image = given(3)
    plan = make(network(image, dense("out", image, 1, 100)), Settings())
    # Steps of 1/16, so 400 a payload unit: 2^23 steps are reached at 20,972 units.
    near, beyond = (streams(plan.graph, [(0, 0, 1)], [(0, 0, amount)]) for amount in (20_971, 20_972))
    assert eager.run(plan, near, "slot", "float32", ()).outputs.tolist() == [[25.0], [524275.0]]
    with pytest.raises(OutOfRange, match=r"\(1, array\(\[1\]\)\)") as caught:
        eager.run(plan, beyond, "slot", "float32", ())
    assert (caught.value.population, caught.value.samples.tolist()) == (1, [1])


def test_what_max_pooling_has_heard_is_watched_too() -> None:
    image = given(2, 1, 1)
    pool = MaxPool("pool", (1, 1, 1), "in", (2, 1), (2, 1))
    plan = make(network(image, pool, dense("out", pool, 1, 0)), Settings())
    with pytest.raises(OutOfRange, match=r"\(1, array\(\[0\]\)\)"):
        eager.run(plan, stream(plan.graph, (0, 0, 1 << 23)), "slot", "float32", ())


@SLOT
@drawn(st.tuples(st.integers(1, 4), st.integers(1, 4), st.sampled_from([1, 2, 3])), st.data())
def test_convolutions_are_those_of_the_reference(shape: Shape, data: st.DataObject) -> None:
    op = data.draw(convolutions(shape))
    rng = np.random.default_rng(1)
    weight, x = rng.integers(-99, 99, op.weight_shape(shape)), rng.integers(-99, 99, (2, int(np.prod(shape))))
    found = eager.linear(op, weight.astype(np.float32), x.astype(np.float32), shape)
    np.testing.assert_array_equal(np.asarray(found), arithmetic.linear(op, weight, x, shape))


@pytest.mark.parametrize("op", [Dense(2), OneToOne(), Conv(2, (3, 3), (2, 2), ((1, 1), (1, 1)), groups=2), Conv(4, (1, 2), groups=2)])
def test_reached_are_those_with_a_connection_even_of_weight_zero(op: Any) -> None:
    image = given(2, 3, 2)
    plan = make(network(image, neurons("out", op.output(image.shape), synapse(image, op, 0))), Settings())
    for neuron in range(12):
        log = run(plan, stream(plan.graph, (0, neuron, 1))).log
        assert log is not None
        event = np.eye(12, dtype=np.float32)[neuron][None]
        found = np.asarray(eager.reach(plan.populations[1].paths[0], event))
        np.testing.assert_array_equal(found, touched(plan, log)["out"])


@pytest.mark.parametrize(
    "f",
    [*map(Activation, ACTIVATIONS), Activation("relu", slope=0.3), Activation("relu", top=6.0), Activation("relu", slope=(-1.5, 0.25))],
    ids=str,
)
def test_f_is_the_function_of_the_plan(f: Activation) -> None:
    image = given(2)
    plan = make(network(image, dense("out", image, 2, f=f)), Settings())
    x = np.stack([np.arange(-300, 300), np.arange(300, -300, -1)], axis=1)
    for carrier in ("float32", "float64"):
        engine = eager.Eager(plan, len(x), carrier, Tally(plan, len(x), ()))
        engine.x[1] = x.astype(carrier)
        found = engine.value(1)
        assert found.dtype == carrier
        np.testing.assert_array_equal(found, plan.populations[1].function(x))


def test_events_reach_consumers_in_topological_order_and_leave_in_neuron_order() -> None:
    image = given(1)
    first, second = dense("first", image, 2, [[4, -4]], f="linear"), dense("second", image, 1, 4)
    graph = network(image, first, second, neurons("out", (1,), synapse(first, Dense(1), 1), synapse(second, Dense(1), 1)))
    log = run(make(graph, Settings(1.0, "absolute", "signed")), stream(graph, (5, 0, 2)), "spike").log
    assert log is not None
    sent = list(zip(log.population.tolist(), log.neuron.tolist(), log.payload.tolist()))
    # The event; the first population's neurons in order, each with all its turns; then the second's.
    assert sent == [(0, 0, 2), (1, 0, 1), (1, 0, 1), (1, 1, -1), (1, 1, -1), (2, 0, 1), (2, 0, 1)]


def test_two_inputs_are_numbered_one_behind_the_other() -> None:
    left, right = given(2, name="left"), given(3, name="right")
    out = neurons("out", (1,), synapse(left, Dense(1), [[4], [8]]), synapse(right, Dense(1), [[12], [16], [20]]), f="linear")
    graph = network(left, right, out)
    outcome = run(make(graph, Settings()), streams(graph, *([(0, neuron, 1)] for neuron in range(5))))
    assert outcome.outputs[:, 0].tolist() == [1, 2, 3, 4, 5]
    assert outcome.ledger.sent.tolist() == [[1, 0, 0]] * 2 + [[0, 1, 0]] * 3


@SCHEDULES
def test_no_events_leave_everything_at_rest(schedule: str) -> None:
    plan = make(branches(), Settings(0.2))
    outcome = run(plan, streams(plan.graph, []), schedule)
    assert outcome.state is not None
    for population, x, o in zip(plan.populations, outcome.state.x, outcome.state.o):
        assert (x[0].tolist(), o[0].tolist()) == (population.rest_x.tolist(), population.rest_o.tolist())
    assert not outcome.ledger.sent.any() and not outcome.ledger.checks.any()
