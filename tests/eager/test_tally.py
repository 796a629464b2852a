"""The ledger against numbers counted by hand: borders, strides, groups, pooling, skips; and the log's order."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.nets import ONE, conv, dense, given, network, neurons, stream, streams, synapse
from tfsnn.input.events import Events
from tfsnn.network.graph import Graph
from tfsnn.network.nodes import MaxPool, Node
from tfsnn.network.ops import AveragePool, Conv, OneToOne, Upsample
from tfsnn.record import COUNTS
from tfsnn.simulate import Result
from tfsnn.simulate import simulate as with_any_engine

FIELDS = ("sent", "received", "synaptic_operations", "synaptic_operations_nonzero", "checks", "comparisons")


def simulate(graph: Graph, events: Events, **settings: Any) -> Result:
    """By the eager engine, whose bookkeeping this is."""
    return with_any_engine(graph, events, engine="eager", **settings)


def counted(result: Result, name: str, sample: int = 0) -> tuple[int, ...]:
    """One population's line of the ledger, as FIELDS names it."""
    at = [population.name for population in result.plan.populations].index(name)
    return tuple(int(getattr(result.ledger, field)[sample, at]) for field in FIELDS)


def run(graph: Graph, *rows: tuple[int, int, int], threshold: float = 100.0, **settings: Any) -> Result:
    """One sample; at the default threshold no neuron spikes."""
    return simulate(graph, stream(graph, *rows), threshold=threshold, unit="absolute", spikes=settings.pop("spikes", "graded"), **settings)


def ended(*nodes: Node) -> Graph:
    """The last population feeds a dense output of 3."""
    return network(*nodes, dense("out", nodes[-1], 3, f="linear"))


# One event at neuron 0 (a corner), one at neuron 5 (inside, of the second row of 4), at different times.
CORNER, INSIDE = (0, 0, 1), (1, 5, -2)


@pytest.mark.parametrize(
    ("op", "operations", "nonzero", "checks"),
    [
        # 3x3 same, 2 filters: the corner lies under 2x2 windows, the pixel inside under 3x3. The kernel's last tap is 0:
        # the pixel inside lies under it in the window that starts at (-1, -1); for the corner that would start at (-2, -2).
        (Conv(2, (3, 3), padding=ONE), (2 * 2 + 3 * 3) * 2, (2 * 2 + 8) * 2, 26),
        # 3x3 valid on 4x4: the corner lies under 1 window, the inside under 2x2. Windows at rows 0, 1: the last tap of
        # none of them is at (0, 0) or (1, 1), as that would start at -2 or -1.
        (Conv(2, (3, 3)), (1 + 4) * 2, (1 + 4) * 2, 10),
        # 3x3, zeros behind, stride 2 (Keras' same on 4x4): windows start at 0 and 2; the corner lies under the first, as does (1, 1).
        (Conv(2, (3, 3), (2, 2), ((0, 1), (0, 1))), (1 + 1) * 2, (1 + 1) * 2, 4),
        # 1x1, stride 2: (1, 1) is seen by nobody.
        (Conv(2, (1, 1), (2, 2)), 2, 0, 2),
        # 2x2 with holes of 1: windows start at 0 and 1, taps at +0 and +2. The corner is a first tap of one window, (1, 1) of another.
        (Conv(2, (2, 2), dilation=(2, 2)), (1 + 1) * 2, (1 + 1) * 2, 4),
    ],
)
def test_convolutions(op: Conv, operations: int, nonzero: int, checks: int) -> None:
    image = given(4, 4, 1)
    weight = np.ones(op.weight_shape(image.shape), int)
    weight[-1, -1] = 0
    result = run(ended(image, conv("conv", image, op, weight)), CORNER, INSIDE)
    assert counted(result, "in") == (2, 0, 0, 0, 0, 0)
    assert counted(result, "conv") == (0, 2, operations, nonzero, checks, 0)
    assert counted(result, "out") == (0, 0, 0, 0, 0, 0)


def test_events_of_one_time_stamp_are_checked_together_under_slot_alone() -> None:
    image = given(4, 4, 1)
    graph = ended(image, conv("conv", image, Conv(1, (3, 3), padding=ONE)))
    # Pixels (0, 0) and (1, 1) reach 4 and 9 neurons; the first 4 are among the 9.
    rows = (0, 0, 1), (0, 5, 1)
    assert counted(run(graph, *rows), "conv") == (0, 2, 13, 13, 9, 0)
    assert counted(run(graph, *rows, schedule="spike"), "conv") == (0, 2, 13, 13, 13, 0)


def test_depthwise_convolution_reaches_its_own_channel_alone() -> None:
    image = given(3, 3, 2)
    # Multiplier 2, 3x3 same. Neuron 1 is channel 1 of the corner: 2x2 windows, 2 filters of its own.
    graph = ended(image, conv("depthwise", image, Conv(4, (3, 3), padding=ONE, groups=2)))
    assert counted(run(graph, (0, 1, 1)), "depthwise") == (0, 1, 8, 8, 8, 0)


def test_grouped_convolution_reaches_the_filters_of_its_group() -> None:
    image = given(2, 2, 4)
    weight = np.ones((1, 1, 2, 6), int)
    weight[0, 0, 1, 4] = 0
    # Groups of channels 0-1 and 2-3, filters 0-2 and 3-5. Neuron 3 is channel 3 of pixel 0, the second of its group.
    graph = ended(image, conv("grouped", image, Conv(6, (1, 1), groups=2), weight))
    assert counted(run(graph, (0, 3, 1)), "grouped") == (0, 1, 3, 2, 3, 0)


def test_dense_layer_and_an_output_that_is_never_checked() -> None:
    image = given(4)
    # Payload 3 at weight 1 (real 0.25 each): x = 0.75 in both neurons, which send 1 x 0.5 each; 2 events for 3 outputs.
    graph = ended(image, dense("hidden", image, 2, [[1, 1], [0, 1], [1, 1], [0, 0]]))
    result = run(graph, (0, 0, 3), threshold=0.5)
    assert counted(result, "hidden") == (2, 1, 2, 2, 2, 0)
    assert counted(result, "out") == (0, 2, 6, 6, 0, 0)
    # A row with one 0, a row of zeros: operations all the same, none of them non-zero.
    assert counted(run(graph, (0, 1, 1), (1, 3, 1)), "hidden") == (0, 2, 4, 1, 4, 0)


def test_spiking_output_is_checked() -> None:
    image = given(1)
    graph = network(image, dense("out", image, 2, [[4, -4]], f="linear"))
    assert counted(run(graph, (0, 0, 1), threshold=1.0, spiking_output=True), "out") == (2, 1, 2, 2, 2, 0)


def test_signs_of_what_is_sent() -> None:
    image = given(1)
    graph = network(image, dense("hidden", image, 2, [[4, -4]], f="linear"), dense("out", dense("hidden", image, 2), 1))
    result = run(graph, (0, 0, 3), (1, 0, -1), threshold=1.0, spikes="signed")
    # x goes to 3 and -3, then to 2 and -2: up three times and back once, the other the reverse; the input one of each.
    assert (result.ledger.sent_positive[0].tolist(), result.ledger.sent_negative[0].tolist()) == ([1, 4, 0], [1, 4, 0])
    assert result.ledger.sent[0].tolist() == [2, 8, 0]


def test_average_pooling_passes_events_at_no_cost() -> None:
    image = given(4, 4, 1)
    # Any pixel belongs to one window, each window feeds 3 units.
    graph = network(image, dense("out", image, 3, 1, relays=(AveragePool((2, 2), (2, 2)),)))
    result = run(graph, CORNER, INSIDE)
    assert counted(result, "out") == (0, 2, 6, 6, 0, 0)


def test_places_that_an_event_takes_count_each() -> None:
    image = given(2, 2, 1)
    # A corner shows at 4 places of a 4x4 image, on which 3x3 windows have 2x2 positions.
    graph = ended(image, conv("conv", image, Conv(1, (3, 3)), relays=(Upsample((2, 2)),)))
    # Places (0..1, 0..1) of 4x4: (0,0) lies under 1 window, (0,1) and (1,0) under 2, (1,1) under 4; 4 neurons are checked.
    assert counted(run(graph, (0, 0, 1)), "conv") == (0, 1, 9, 9, 4, 0)


def test_max_pooling_compares_each_window_checked() -> None:
    image = given(4, 4, 1)
    pool = MaxPool("pool", (2, 2, 1), "in", (3, 3), (2, 2), ((0, 1), (0, 1)))
    result = run(ended(image, pool), (0, 0, 1), (1, 10, 2), threshold=1.0)
    # Windows start at 0 and 2. Pixel (0, 0) lies under the first window alone, 9 taps: 8 comparisons. Pixel (2, 2) lies
    # under all four, of 9, 6, 6 and 4 taps inside: 8 + 5 + 5 + 3. The first sends 1, then all send: up to 2.
    assert counted(result, "pool") == (1 + 4, 2, 0, 0, 1 + 4, 8 + 21)
    # 5 events of the pool for 3 outputs each.
    assert counted(result, "out") == (0, 5, 15, 15, 0, 0)


def test_max_pooling_is_silent_below_its_maximum() -> None:
    image = given(2, 2, 1)
    pool = MaxPool("pool", (1, 1, 1), "in", (2, 2), (2, 2))
    result = run(ended(image, pool), (0, 0, 5), (1, 1, 4), (2, 0, -3), (3, 1, -4), threshold=1.0)
    # Maxima 5, 5, 4, 2: three changes.
    assert counted(result, "pool") == (3, 4, 0, 0, 4, 12)
    assert result.ledger.sent_negative[0].tolist() == [2, 2, 0]


def test_skip_connection_is_one_operation_an_event() -> None:
    image = given(2, 2, 1)
    hidden = conv("hidden", image, Conv(1, (1, 1)), 4, f="linear")
    added = neurons("added", (2, 2, 1), synapse(hidden, OneToOne(), 4), synapse(image, OneToOne(), 0))
    result = run(ended(image, hidden, added), (0, 1, 2), threshold=1.0)
    # The event reaches hidden, and added with weight 0; hidden sends its 2 in one graded event, which reaches added with
    # weight 4: 2 events, checked once, as both lie at one time stamp.
    assert counted(result, "hidden") == (1, 1, 1, 1, 1, 0)
    assert counted(result, "added") == (1, 2, 2, 1, 1, 0)


def test_every_sample_has_a_line_of_its_own() -> None:
    image = given(2)
    graph = network(image, dense("out", image, 3))
    result = simulate(graph, streams(graph, [(0, 0, 1)], [], [(0, 0, 1), (0, 1, 1), (5, 0, -1)]))
    assert [counted(result, "out", sample)[1:3] for sample in range(3)] == [(1, 3), (0, 0), (3, 9)]
    assert all(getattr(result.ledger, field).shape == (3, 2) for field in COUNTS)


def test_log_keeps_the_order_of_sending() -> None:
    image = given(2)
    hidden = dense("hidden", image, 2, [[4, 0], [4, -8]], f="linear")
    graph = network(image, hidden, dense("out", hidden, 1, f="linear"))
    rows = (0, 0, 2), (0, 1, -1), (3, 1, 1)
    slot, spike = (
        simulate(graph, stream(graph, *rows), threshold=1.0, unit="absolute", spikes="signed", schedule=schedule, record=["events"]).log
        for schedule in ("slot", "spike")
    )
    assert slot is not None and spike is not None
    # x after time 0: 2 - 1 = 1 and 2, after time 3: 2 and 0. Signed: each payload 1, all of one neuron, then the next.
    spikes = [(1, 0, 1), (1, 1, 1), (1, 1, 1)], [(1, 0, 1), (1, 1, -1), (1, 1, -1)]
    inputs = [(0, 0, 2), (0, 1, -1)], [(0, 1, 1)]
    assert list(zip(slot.population, slot.neuron, slot.payload)) == inputs[0] + spikes[0] + inputs[1] + spikes[1]
    # One at a time: 2 up for the first event; then one back, and the other neuron 2 up.
    expected = inputs[0] + [(1, 0, 1), (1, 0, 1), (1, 0, -1), (1, 1, 1), (1, 1, 1)] + inputs[1] + spikes[1]
    assert list(zip(spike.population, spike.neuron, spike.payload)) == expected
    assert slot.t.tolist() == [0] * 5 + [3] * 4 and slot.offsets.tolist() == [0, 9]


def test_trajectory_has_a_row_a_time_stamp() -> None:
    image = given(1)
    graph = network(image, dense("out", image, 2, [[4, -8]], bias=[0.5, 0.0], f="linear"))
    result = simulate(graph, streams(graph, [(2, 0, 1), (2, 0, 1), (7, 0, -1)], [], [(4, 0, 3)]), record=["trajectory"])
    path = result.trajectory
    assert path is not None
    assert (path.offsets.tolist(), path.t.tolist()) == ([0, 2, 2, 3], [2, 7, 4])
    assert path.outputs.tolist() == [[2.5, -4.0], [1.5, -2.0], [3.5, -6.0]]
    assert (path.operations.tolist(), path.spikes.tolist()) == ([4, 6, 2], [2, 3, 1])
    np.testing.assert_array_equal(result.outputs, [[1.5, -2.0], [0.5, 0.0], [3.5, -6.0]])
