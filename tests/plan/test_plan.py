"""The plan: exact thresholds, weights within their bound, a network at rest, and the bound on what quantization costs."""

from __future__ import annotations

from dataclasses import replace
from math import prod

import numpy as np
import pytest
from hypothesis import assume
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.nets import branches, conv, dense, due, given, meant, network, neurons, shown_once, synapse, three_layers
from tests.strategies import graphs, settings_of
from tfsnn.errors import InputError, RangeError
from tfsnn.network.forward import forward
from tfsnn.network.graph import Graph
from tfsnn.network.nodes import MaxPool, Neurons
from tfsnn.network.ops import Activation, AveragePool, Conv, Dense, OneToOne, factor
from tfsnn.plan.make import make
from tfsnn.plan.plan import Plan
from tfsnn.plan.rule import fire
from tfsnn.plan.settings import SPIKES, Settings

EVERY = settings(max_examples=60)


@EVERY
@drawn(graphs(), settings_of())
def test_a_threshold_is_a_whole_number_of_steps_and_payloads(graph: Graph, chosen: Settings) -> None:
    plan = make(graph, chosen)
    for population in plan.populations:
        node = population.node
        if not isinstance(node, Neurons):
            continue
        spikes_at_all = chosen.spiking_output or graph.consumers(node.name)
        if not spikes_at_all:
            assert population.threshold == 0
            continue
        real = chosen.threshold * node.threshold * (node.scale if chosen.unit == "relative" else 1.0)
        assert population.threshold == population.payload << SPIKES[chosen.spikes][0] > 0
        assert population.step * population.threshold == pytest.approx(real, rel=1e-12)
        assert population.unit == pytest.approx(population.step * population.payload, rel=1e-12)


@EVERY
@drawn(graphs(), settings_of())
def test_weights_and_biases_are_the_nearest_on_the_grid(graph: Graph, chosen: Settings) -> None:
    plan = make(graph, chosen)
    for population in plan.populations:
        node = population.node
        if not isinstance(node, Neurons):
            continue
        bias = np.broadcast_to(node.bias, node.shape).reshape(-1)
        assert np.all(np.abs(population.bias * population.step - bias) <= population.step * (0.5 + 1e-6))
        for path, one in zip(population.paths, node.synapses):
            u = plan.populations[path.source].unit
            grain = np.asarray(one.scale, np.float64) * factor(one.relays) * u
            coarse = np.maximum(grain.min(), grain.max() / 4)
            error = np.abs(path.weight * population.step - one.real_weight() * factor(one.relays) * u)
            assert population.step <= coarse / 4 * (1 + 1e-9)
            # The module's promise: an eighth of the int8 step of the finest channel, but no finer than the coarsest's / 4.
            assert np.all(error <= coarse / 8 * (1 + 1e-9))


@EVERY
@drawn(graphs(), settings_of())
def test_at_rest_everything_has_settled(graph: Graph, chosen: Settings) -> None:
    plan = make(graph, replace(chosen, initial="rest"))
    amounts = {population.name: population.rest_o[None] for population in plan.populations}
    for population in plan.populations:
        if population.name in {node.name for node in graph.inputs}:
            assert not population.rest_x.any() and not population.rest_o.any()
            continue
        x = population.rest_x[None]
        np.testing.assert_array_equal(x, due(plan, population, amounts))
        if population.threshold:
            assert np.all(np.abs(meant(population, x) - population.rest_o * population.payload) < population.threshold)


@EVERY
@drawn(graphs(), settings_of())
def test_from_bias_nothing_has_been_told(graph: Graph, chosen: Settings) -> None:
    plan = make(graph, replace(chosen, initial="bias"))
    assert not any(population.rest_o.any() for population in plan.populations)
    for population in plan.populations:
        expected = np.zeros_like(population.rest_x) if isinstance(population.node, MaxPool) else population.bias
        np.testing.assert_array_equal(population.rest_x, expected)


def jumps(graph: Graph) -> bool:
    """Whether an f of the network has a step, which no bound outlives."""
    return any(isinstance(node, Neurons) and node.activation.kind == "relu" and node.activation.start > 0 for node in graph)


def ann(graph: Graph, frame: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
    """x of the int8 network on a frame of payload units."""
    parts = np.split(frame[None], np.cumsum([prod(node.shape) for node in graph.inputs])[:-1], axis=1)
    return {name: x[0] for name, x in forward(graph, {n.name: p * n.encoder.unit_value for n, p in zip(graph.inputs, parts)}).items()}


@EVERY
@drawn(graphs(), settings_of(), st.integers(0, 999))
def test_deviation_bounds_the_distance_to_the_int8_network(graph: Graph, chosen: Settings, seed: int) -> None:
    assume(not jumps(graph))
    plan = make(graph, chosen)
    frame = np.random.default_rng(seed).integers(-9, 10, sum(prod(node.shape) for node in graph.inputs))
    state, exact = shown_once(plan, frame), ann(graph, frame)
    parts = np.split(frame, np.cumsum([prod(node.shape) for node in graph.inputs])[:-1])
    before = {p.name: o[0] for p, o in zip(plan.populations, state.o)} | {n.name: part for n, part in zip(graph.inputs, parts)}
    bound = plan.deviation(before)
    assert set(bound) == {node.name for node in graph if isinstance(node, Neurons)}
    for population, x in zip(plan.populations, state.x):
        if population.name in bound:
            distance = np.abs(x[0] * population.step - exact[population.name])
            assert np.all(distance <= bound[population.name] * (1 + 1e-9) + 1e-9), population.name


def test_deviation_shrinks_with_the_threshold() -> None:
    graph, frame = three_layers(), np.arange(9) - 4
    bounds = []
    for threshold in (1.0, 0.1, 1e-3, 1e-6):
        plan = make(graph, Settings(threshold, "absolute"))
        before = {p.name: o[0] for p, o in zip(plan.populations, shown_once(plan, frame).o)} | {"in": frame}
        bounds.append(float(plan.deviation(before)["out"].max()))
    # What stays is the rounding of the weights, an eighth of an int8 step each.
    assert bounds == sorted(bounds, reverse=True) and bounds[-1] < 0.1 * bounds[0]


def looped(value: int, before: int, payload: int, threshold: int, largest: int) -> tuple[int, int]:
    """The neuron rule as design and papers write it."""
    sent = events = 0
    while abs(value - (before + sent) * payload) >= threshold:
        d = value - (before + sent) * payload
        sent += max(-largest, min(largest, (abs(d) // payload) * (1 if d > 0 else -1)))
        events += 1
    return sent, events


@drawn(st.sampled_from(["signed", "graded", "valued"]), st.integers(-3000, 3000), st.integers(-300, 300), st.integers(1, 40))
def test_firing_is_the_loop_in_closed_form(spikes: str, value: int, before: int, payload: int) -> None:
    bits, largest = SPIKES[spikes]
    plan = make(three_layers(), Settings(1.0, "absolute", spikes))
    population = replace(plan.populations[1], payload=payload, threshold=payload << bits)
    # A smaller K than 32767 shows what lies beyond it, too.
    plan = replace(plan, largest=min(largest, 50))
    sent, events = fire(plan, population, np.array([value]), np.array([before]))
    assert (int(sent[0]), int(events[0])) == looped(value, before, payload, payload << bits, plan.largest)


@drawn(st.integers(-3000, 3000), st.integers(-300, 300), st.integers(1, 40))
def test_direct_firing_sends_the_floor(value: int, before: int, payload: int) -> None:
    plan = make(three_layers(), Settings(1.0, "absolute", "direct"))
    population = replace(plan.populations[1], payload=payload, threshold=payload)
    sent, _ = fire(plan, population, np.array([value]), np.array([before]))
    assert before + int(sent[0]) == value // payload


@pytest.mark.parametrize(
    ("unit", "expected"),
    # scale 4 and factor 2 of the population; the median of its int8 steps is 0.5, the finer synapse counts.
    [("relative", 0.1 * 4 * 2), ("absolute", 0.1 * 2), ("lsb", 0.1 * 0.5 * 2)],
)
def test_units_of_a_threshold(unit: str, expected: float) -> None:
    image = given(3)
    paths = synapse(image, Dense(3), 1, [0.25, 0.5, 8.0]), synapse(image, OneToOne(), 1, 0.75)
    hidden = neurons("hidden", (3,), *paths, scale=4.0, threshold=2.0)
    plan = make(network(image, hidden, dense("out", hidden, 1)), Settings(0.1, unit, "signed"))
    population = plan.populations[1]
    assert population.threshold * population.step == pytest.approx(expected)


def test_in_weight_steps_a_mean_has_the_same_share_of_its_scale_as_what_it_is_of() -> None:
    image = given(4, 4, 1)
    before = neurons("before", (4, 4, 1), synapse(image, OneToOne(), 1, 0.25), scale=10.0)
    halved = neurons("halved", (2, 2, 1), synapse(before, OneToOne(), 1, 0.01, relays=(AveragePool((2, 2), (2, 2)),)), scale=5.0)
    first = neurons("first", (2, 2, 1), synapse(image, OneToOne(), 1, 0.01, relays=(AveragePool((2, 2), (2, 2)),)))
    plan = make(network(image, before, halved, first, dense("out", halved, 1), dense("other", first, 1)), Settings(8, "lsb"))
    assert [p.threshold * p.step for p in plan.populations[1:4]] == pytest.approx([8 * 0.25, 4 * 0.25, 8 * 0.01])


def test_a_population_without_synapses_has_a_grid_all_the_same() -> None:
    constant = neurons("constant", (2,), bias=[1.0, -3.0])
    image = given(2)
    plan = make(
        network(image, constant, neurons("out", (2,), synapse(constant, OneToOne(), 4), synapse(image, OneToOne(), 1))),
        Settings(0.5, "lsb", "signed"),
    )
    assert (plan.populations[1].rest_x * plan.populations[1].step).tolist() == [1.0, -3.0]
    assert (plan.populations[1].rest_o * plan.populations[1].unit).tolist() == [1.0, 0.0]


def test_positions() -> None:
    plan = make(branches(), Settings())
    assert [population.name for population in plan.populations] == ["in", "pool", "merged", "inner", "added", "out"]
    assert (plan.inputs, plan.outputs) == ((0,), (5,))
    assert [plan.consumers(at) for at in range(6)] == [(1, 2), (2,), (3, 4), (4,), (5,), ()]


def test_an_output_may_also_be_heard() -> None:
    graph = three_layers()
    plan = make(Graph(graph.nodes, ("second", "out")), Settings())
    assert plan.outputs == (2, 3) and plan.populations[2].threshold > 0 and plan.populations[3].threshold == 0


def test_spiking_outputs_have_a_threshold() -> None:
    assert make(three_layers(), Settings(spiking_output=True)).populations[3].threshold > 0


def test_max_pooling_speaks_in_the_units_of_its_source() -> None:
    first = conv("first", given(4, 4, 1), Conv(2, (1, 1)))
    graph = network(
        given(4, 4, 1),
        first,
        MaxPool("pool", (2, 2, 2), "first", (2, 2), (2, 2)),
        dense("out", MaxPool("pool", (2, 2, 2), "first", (2, 2), (2, 2)), 1),
    )
    plan = make(graph, Settings(0.3, "absolute", "valued"))
    assert plan.populations[2].unit == plan.populations[1].unit == pytest.approx(0.3 / 16)
    assert (plan.populations[2].payload, plan.populations[2].threshold) == (1, 1)


def test_windows_of_max_pooling_keep_channels_apart() -> None:
    image = given(2, 3, 2)
    pool = MaxPool("pool", (1, 2, 2), "in", (2, 2), (2, 2), ((0, 0), (1, 0)))
    plan = make(network(image, pool, dense("out", pool, 1)), Settings())
    # Pixels 0 1 2 / 3 4 5, two channels each: the first window lies half in the border.
    assert plan.populations[1].windows.tolist() == [[-1, 0, -1, 6], [-1, 1, -1, 7], [2, 4, 8, 10], [3, 5, 9, 11]]


def test_fanout_of_a_path_runs_through_its_relays() -> None:
    image = given(4, 4, 1)
    hidden = dense("hidden", image, 3, [[1, 0, 2]] * 4, relays=(AveragePool((2, 2), (2, 2)),))
    path = make(network(image, hidden), Settings()).populations[1].paths[0]
    assert path.fanout.tolist() == [3] * 16 and path.fanout_nonzero.tolist() == [2] * 16


@EVERY
@drawn(graphs(), st.integers(0, 99))
def test_reach_bounds_what_any_payloads_can_add(graph: Graph, seed: int) -> None:
    plan = make(graph, Settings(0.5))
    rng = np.random.default_rng(seed)
    for population in plan.populations:
        for path in population.paths:
            k = rng.integers(-9, 10, (20, plan.populations[path.source].size)) * (rng.random((20, 1)) > 0.3)
            added = np.abs(
                due(plan, replace(population, bias=population.bias * 0, paths=(path,)), {plan.populations[path.source].name: k})
            ).max(axis=1)
            assert np.all(added <= np.abs(k).max(axis=1) * path.reach[0])
            assert np.all(added <= np.abs(k).sum(axis=1) * path.reach[1])


def test_coarse_thresholds_are_narrow_and_fine_ones_are_not() -> None:
    assert make(three_layers(), Settings(0.1, "absolute")).narrow
    assert not make(three_layers(), Settings(1e-9, "absolute")).narrow


def test_a_population_with_one_fine_channel_keeps_a_narrow_grid() -> None:
    image = given(2)
    hidden = neurons("hidden", (2,), synapse(image, Dense(2), 100, [1e-9, 1.0]))
    plan = make(network(image, hidden, dense("out", hidden, 1)), Settings(1.0, "absolute", "signed"))
    # A quarter of the coarsest grain, 1, and a quarter of that again: 1/16.
    assert plan.narrow and plan.populations[1].payload == 16


@pytest.mark.parametrize("threshold", [0.1, 1e-6])
def test_float_weights_are_refused(threshold: float) -> None:
    graph = three_layers()
    first = graph["first"]
    assert isinstance(first, Neurons)
    floats = replace(first, synapses=(replace(first.synapses[0], scale=None),))
    with pytest.raises(InputError, match="^plan: the weights from in are still in float; quantize the graph first"):
        make(Graph((graph.nodes[0], floats, *graph.nodes[2:]), graph.outputs), Settings(threshold))


@pytest.mark.parametrize(
    ("threshold", "message"),
    [
        (1e-30, r"^plan: first: a bias of \S+ grid steps, at most 2\^52 are allowed; raise the threshold"),
        (1e30, "^plan: first: a threshold of 1[0-9]+ grid steps; lower the threshold, the weights are far finer"),
    ],
)
def test_thresholds_that_leave_the_exact_range(threshold: float, message: str) -> None:
    with pytest.raises(RangeError, match=message):
        make(three_layers(), Settings(threshold, "absolute", "signed"))


def test_weights_that_leave_the_exact_range() -> None:
    image = given(2)
    hidden = dense("hidden", image, 2, 100)
    with pytest.raises(RangeError, match=r"^plan: hidden: a weight of 2.5e\+21 grid steps, at most 2\^52 are allowed; raise the threshold"):
        make(network(image, hidden, dense("out", hidden, 1)), Settings(1e-20, "absolute", "signed"))


def test_slopes_with_a_top_are_refused_with_a_way_out() -> None:
    plan_of = three_layers(Activation("relu", slope=0.1, top=6.0))
    with pytest.raises(InputError, match="^plan: ReLU with slope 0.1, top 6.0 and start 0.0; a slope cannot be combined with top or start"):
        make(plan_of, Settings())


def test_a_plan_is_made_the_same_every_time() -> None:
    first, second = (make(branches(), Settings(0.3)) for _ in range(2))
    assert isinstance(first, Plan)
    for one, other in zip(first.populations, second.populations):
        assert (one.step, one.payload, one.rest_o.tolist()) == (other.step, other.payload, other.rest_o.tolist())
