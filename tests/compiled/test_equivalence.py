"""The compiled engine equals the eager one bit for bit: outputs, ledger, trajectory, log and state, on drawn networks."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.nets import conv, dense
from tests.nets import given as input_of
from tests.nets import network, stream
from tests.strategies import graphs, plain_convolutions, settings_of, streams
from tfsnn.compiled import engine as compiled
from tfsnn.compiled.kernel import columns as c
from tfsnn.compiled.work import prepared
from tfsnn.eager import engine as eager
from tfsnn.input.events import Events
from tfsnn.network.nodes import Node
from tfsnn.network.ops import Activation, AveragePool, Conv
from tfsnn.plan.make import make
from tfsnn.plan.plan import Plan
from tfsnn.plan.settings import Settings
from tfsnn.record import RECORDS, Outcome, OutOfRange

CARRIERS = ("int32", "int64")
NEVER = 1 << 40
"""Operations for each target, more than a network has."""
CHOICES = ("by counts", "events", "targets", "mixed")
# The eager engine takes some milliseconds for each event that it delivers alone, and for each turn of its loop.
MOST_EVENTS, MOST_TURNS = 400, 2000
BOUNDED = Activation("relu", top=6.0)
MANY_EVENTS = [
    ("graded", 2, Activation("relu")), ("graded", 6, Activation("relu")), ("valued", 4, Activation("relu")),
    ("valued", 10, Activation("relu")), ("valued", 13, BOUNDED), ("graded", 18, BOUNDED), ("valued", 22, BOUNDED),
]  # fmt: skip
"""Kinds of spikes, bits of the input's payloads, f."""


def outcome(plan: Plan, events: Events, schedule: str, carrier: str, state: Any = None) -> Outcome | tuple[int, list[int]] | None:
    """What the engine makes of a batch in one carrier: an outcome, where it left the exact range, or None if int32 did not suffice."""
    try:
        return compiled.run_in(plan, events, schedule, RECORDS, state, narrow=carrier == "int32")
    except OutOfRange as error:
        return error.population, error.samples.tolist()


def choose(plan: Plan, choice: str, seed: int) -> None:
    """Force which paths are seen from their targets, where that is possible: as counts say, none, all, or some by a seed."""
    paths = prepared(plan, True).tables.arrays[c.PATH_TABLE].reshape(-1, c.PATH_WIDTH)
    able = np.flatnonzero(paths[:, c.FIELD] >= 0)
    if choice != "by counts":
        drawn = np.random.default_rng(seed).integers(0, 4, len(able))
        paths[able, c.FIELD_FROM] = {"events": NEVER, "targets": 0, "mixed": np.where(drawn == 0, NEVER, drawn - 1)}[choice]


def defined(plan: Plan, events: Events, schedule: str, state: Any = None) -> Outcome | tuple[int, list[int]]:
    """What the eager engine makes of it."""
    try:
        result: Outcome = eager.run(plan, events, schedule, "float64", RECORDS, state)
    except OutOfRange as error:
        return error.population, error.samples.tolist()
    return result


def assert_same(found: Any, expected: Any, where: str = "") -> None:
    """Equal in type, shape and every bit, through all parts."""
    assert type(found) is type(expected), where
    if isinstance(found, np.ndarray):
        assert (found.dtype, found.shape) == (expected.dtype, expected.shape), where
        np.testing.assert_array_equal(found, expected, where, strict=True)
    elif isinstance(found, tuple) and found and isinstance(found[0], np.ndarray):
        for number, (a, b) in enumerate(zip(found, expected, strict=True)):
            assert_same(a, b, f"{where}[{number}]")
    elif hasattr(found, "__dataclass_fields__"):
        # The eager engine sees nothing from its targets.
        for part in (part for part in fields(found) if part.name != "dense_macs"):
            assert_same(getattr(found, part.name), getattr(expected, part.name), f"{where}.{part.name}")
    else:
        assert found == expected, where


def assert_as_eager(found: Any, plan: Plan, events: Events, schedule: str) -> None:
    """The same as the eager engine has, where that does not take it minutes: its loop takes a turn for each K of a change."""
    assume(found is not None)
    assume(not isinstance(found, Outcome) or found.ledger.sent.sum() <= (MOST_EVENTS if schedule == "spike" else MOST_TURNS))
    assert_same(found, defined(plan, events, schedule))


@given(st.data())
def test_slot(data: st.DataObject) -> None:
    graph = data.draw(graphs())
    plan, carrier = make(graph, data.draw(settings_of())), data.draw(st.sampled_from(CARRIERS))
    assume(carrier in ("int64", plan.carrier))
    choose(plan, data.draw(st.sampled_from(CHOICES)), data.draw(st.integers(0, 99)))
    # Small payloads at K take the eager engine's loop as many turns as there are events.
    events = data.draw(streams(graph, extreme=plan.largest > 127))
    assert_as_eager(outcome(plan, events, "slot", carrier), plan, events, "slot")


@given(st.data())
def test_many_events_at_once(data: st.DataObject) -> None:
    """Most of the input in one time stamp; payloads up to where sums leave the range of 32 bits.

    Where they are that large f is bounded: the eager engine's loop takes a turn for every K that a neuron changes by.
    """
    shape = data.draw(st.tuples(st.integers(3, 9), st.integers(3, 9), st.integers(1, 3)))
    nodes: list[Node] = [input_of(*shape)]
    rng = np.random.default_rng(data.draw(st.integers(0, 1 << 20)))
    spikes, bits, f = data.draw(st.sampled_from(MANY_EVENTS))
    for name in ("first", "second"):
        op = data.draw(plain_convolutions(nodes[-1].shape))
        weight = rng.integers(-3, 4, op.weight_shape(nodes[-1].shape))
        nodes.append(conv(name, nodes[-1], op, weight, f=f))
    graph = network(*nodes, dense("out", nodes[-1], 2, f="linear"))
    plan = make(graph, Settings(0.25, "absolute", spikes))
    carrier = data.draw(st.sampled_from(CARRIERS))
    assume(carrier in ("int64", plan.carrier))
    choose(plan, data.draw(st.sampled_from(CHOICES)), data.draw(st.integers(0, 99)))
    size = int(np.prod(shape))
    rows = [(t, n, int(rng.integers(1, 1 << bits)) * int(rng.choice([-1, 1]))) for t in range(2) for n in range(size) if rng.random() < 0.8]
    received = stream(graph, *rows)
    assert_as_eager(outcome(plan, received, "slot", carrier), plan, received, "slot")


@given(st.data())
def test_spike(data: st.DataObject) -> None:
    graph = data.draw(graphs(most=3))
    plan, carrier = make(graph, data.draw(settings_of())), data.draw(st.sampled_from(CARRIERS))
    assume(carrier in ("int64", plan.carrier))
    events = data.draw(streams(graph, samples=1, most=6, extreme=False))
    assert_as_eager(outcome(plan, events, "spike", carrier), plan, events, "spike")


@pytest.mark.parametrize("schedule", ["slot", "spike"])
def test_events_that_arrive_nowhere(schedule: str) -> None:
    """Both taps of the dilated kernel lie in the border; the overlapping windows give an event several places, and none."""
    image = input_of(2, 3, 2)
    pooled = (AveragePool((2, 2), (1, 1)),)
    blind = conv("blind", image, Conv(2, (2, 1), padding=((1, 1), (0, 0)), dilation=(2, 1), groups=2), 3, pooled)
    graph = network(image, blind, dense("out", blind, 2, f="linear"))
    plan, events = make(graph, Settings(0.5, "absolute")), stream(graph, (0, 0, 3), (0, 5, -2), (1, 11, 1))
    for carrier in CARRIERS:
        assert_same(outcome(plan, events, schedule, carrier), defined(plan, events, schedule))


@pytest.mark.parametrize("op", [
    Conv(8, (3, 3), padding=((1, 1), (1, 1)), groups=8),
    Conv(8, (3, 3), padding=((2, 2), (1, 1)), dilation=(2, 1), groups=8),
    Conv(8, (2, 5), padding=((1, 1), (2, 2)), dilation=(2, 1), groups=8),
    Conv(8, (1, 9), padding=((0, 0), (4, 4)), groups=8),
])  # fmt: skip
def test_depthwise_windows_of_nine_or_ten_taps(op: Conv) -> None:
    rng, image = np.random.default_rng(7), input_of(6, 9, 2)
    before = conv("before", image, Conv(8, (1, 1)), rng.integers(-9, 10, (1, 1, 2, 8)))
    wide = conv("wide", before, op, rng.integers(-9, 10, op.weight_shape(before.shape)))
    graph = network(image, before, wide, dense("out", wide, 2, f="linear"))
    plan = make(graph, Settings(0.25, "absolute", "valued"))
    choose(plan, "targets", 0)
    rows = [(t, n, int(rng.integers(-9, 10)) or 1) for t in range(2) for n in range(6 * 9 * 2)]
    events = stream(graph, *rows)
    found = outcome(plan, events, "slot", "int32")
    assert isinstance(found, Outcome) and found.dense_macs is not None and found.dense_macs.any()
    assert_same(found, defined(plan, events, "slot"))


@pytest.mark.parametrize("schedule", ["slot", "spike"])
@pytest.mark.parametrize("taps", [53, 54, 64, 100])
def test_a_pixel_that_leads_to_many_columns(schedule: str, taps: int) -> None:
    """More of them than the 53 bits of a double tell apart."""
    image = input_of(1, 140, 1)
    wide = conv("wide", image, Conv(1, (1, taps)), np.resize([9, 1, -9, 2, 1], (1, taps, 1, 1)))
    graph = network(image, wide, dense("out", wide, 2, f="linear"))
    plan = make(graph, Settings(2.0, "absolute", "valued"))
    for events in (stream(graph, (0, 53, 1)), stream(graph, (0, 63, 1), (1, 120, -1))):
        for carrier in CARRIERS:
            assert_same(outcome(plan, events, schedule, carrier), defined(plan, events, schedule), carrier)


def test_depthwise_on_an_input_whose_events_add_up_to_nothing() -> None:
    """Seen from its targets alone, what such events have reached would not be counted."""
    rng, image = np.random.default_rng(3), input_of(5, 6, 8)
    op = Conv(8, (3, 3), padding=((1, 1), (1, 1)), groups=8)
    wide = conv("wide", image, op, rng.integers(-9, 10, op.weight_shape(image.shape)))
    graph = network(image, wide, dense("out", wide, 2, f="linear"))
    plan = make(graph, Settings(0.25, "absolute", "valued"))
    choose(plan, "targets", 0)
    rising = [(0, n, int(rng.integers(1, 10))) for n in range(0, 240, 3)]
    for rows, dense_layers in ((rising, True), ([*rising, (0, 100, 3), (0, 100, -3)], False)):
        found = outcome(plan, stream(graph, *rows), "slot", "int32")
        assert isinstance(found, Outcome) and found.dense_macs is not None and found.dense_macs[:, 1].any() == dense_layers
        assert_same(found, defined(plan, stream(graph, *rows), "slot"))
