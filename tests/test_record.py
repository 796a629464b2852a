"""What a run leaves behind: batches joined as one, and the outputs in real units."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
import pytest

from tests.nets import dense, given, network, three_layers
from tfsnn.network.graph import Graph
from tfsnn.network.ops import Activation
from tfsnn.plan.make import make
from tfsnn.plan.settings import Settings
from tfsnn.record import COUNTS, EventLog, Ledger, OutOfRange, State, Trajectory, joined, readout


def offsets(*lengths: int) -> Any:
    return np.cumsum([0, *lengths])


def test_a_ledger_starts_at_nothing() -> None:
    ledger = Ledger.zeros(2, 3)
    assert [field.name for field in fields(ledger)] == list(COUNTS)
    assert all(getattr(ledger, name).tolist() == [[0] * 3] * 2 and getattr(ledger, name).dtype == np.int64 for name in COUNTS)


def test_counts_of_a_ledger_are_arrays_of_their_own() -> None:
    ledger = Ledger.zeros(1, 1)
    ledger.checks[0, 0] = 5
    assert ledger.received.tolist() == [[0]]


def test_sent_is_both_signs() -> None:
    ledger = Ledger.zeros(1, 2)
    ledger.sent_positive[0] = [3, 0]
    ledger.sent_negative[0] = [1, 2]
    assert ledger.sent.tolist() == [[4, 2]]


def test_ledgers_join_by_sample() -> None:
    one, other = Ledger.zeros(1, 2), Ledger.zeros(2, 2)
    other.checks[1, 0] = 7
    assert joined([one, other]).checks.tolist() == [[0, 0], [0, 0], [7, 0]]


def test_logs_join_with_their_offsets() -> None:
    def log(*lengths: int) -> EventLog:
        column = np.arange(sum(lengths))
        return EventLog(offsets(*lengths), column, column + 1, column + 2, column + 3)

    whole = joined([log(2, 0), log(), log(1), log(0, 3)])
    assert whole.offsets.tolist() == [0, 2, 2, 3, 3, 6] and whole.offsets.dtype == np.int64
    assert whole.t.tolist() == [0, 1, 0, 0, 1, 2] and whole.payload.tolist() == [3, 4, 3, 3, 4, 5]


def test_trajectories_join_with_their_outputs() -> None:
    def path(rows: int) -> Trajectory:
        return Trajectory(offsets(rows), np.arange(rows), np.full((rows, 2), float(rows)), np.arange(rows), np.arange(rows))

    whole = joined([path(1), path(0), path(2)])
    assert whole.offsets.tolist() == [0, 1, 1, 3] and whole.outputs.tolist() == [[1.0, 1.0], [2.0, 2.0], [2.0, 2.0]]


def test_states_join_by_population() -> None:
    def state(*numbers: int) -> State:
        x = np.array(numbers)[:, None]
        return State((x, np.repeat(x, 2, axis=1)), (x * 10, x * 100))

    whole = joined([state(1), state(2, 3)])
    assert [x.tolist() for x in whole.x] == [[[1], [2], [3]], [[1, 1], [2, 2], [3, 3]]]
    assert [o.tolist() for o in whole.o] == [[[10], [20], [30]], [[100], [200], [300]]]


def test_one_batch_is_the_whole() -> None:
    ledger = Ledger.zeros(2, 1)
    assert joined([ledger]).checks.tolist() == ledger.checks.tolist()


@pytest.mark.parametrize("f", [Activation("linear"), Activation("relu", slope=(0.5, 2.0)), Activation("sigmoid")])
def test_readout_is_f_of_x_not_rounded_to_the_grid(f: Activation) -> None:
    image = given(1)
    plan = make(network(image, dense("out", image, 2, f=f)), Settings())
    x = np.array([[3, -5], [0, 8]])
    expected = f(x * plan.populations[1].step)
    np.testing.assert_array_equal(readout(plan, [x[:, :1], x], [x[:, :1], x]), expected)


def test_readout_puts_outputs_side_by_side_in_the_order_named() -> None:
    graph = three_layers("linear")
    plan = make(Graph(graph.nodes, ("out", "first")), Settings())
    x = [np.full((1, population.size), at) for at, population in enumerate(plan.populations)]
    assert readout(plan, x, x).tolist() == [[3 * plan.populations[3].step] * 2 + [plan.populations[1].step] * 8]


def test_readout_of_a_spiking_output_is_what_it_has_told() -> None:
    plan = make(three_layers(), Settings(0.5, "absolute", "graded", spiking_output=True))
    x = [np.zeros((1, population.size), int) for population in plan.populations]
    assert readout(plan, x, [values + 3 for values in x]).tolist() == [[1.5, 1.5]]


def test_out_of_range_says_where() -> None:
    error = OutOfRange(2, np.array([4, 7]))
    assert (error.population, error.samples.tolist()) == (2, [4, 7])
