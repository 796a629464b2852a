"""Curves against an obvious loop over samples, intervals against known values, bytes and energies counted by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.nets import branches, conv, dense
from tests.nets import given as image
from tests.nets import network, stream, streams, three_layers
from tfsnn.errors import InputError
from tfsnn.evaluate.measure import curves, energy, neurobench, score, sizes
from tfsnn.evaluate.measure.task import Task
from tfsnn.network.nodes import MaxPool
from tfsnn.network.ops import AveragePool, Conv
from tfsnn.plan.make import make
from tfsnn.plan.settings import Settings
from tfsnn.record import Ledger, Trajectory
from tfsnn.simulate import simulate

KINDS = ("classes", "values")
START = np.array([0.3, 0.2, 0.1])


@st.composite
def trajectories(draw: st.DrawFn) -> tuple[Trajectory, Any]:
    """Trajectories of samples, some without rows, some whose operations stand still; and labels."""
    rows, offsets = [], [0]
    for _ in range(draw(st.integers(1, 5))):
        times = sorted(draw(st.sets(st.integers(0, 8), max_size=6)))
        spent = np.cumsum(draw(st.lists(st.integers(0, 4), min_size=len(times), max_size=len(times))))
        said = draw(st.lists(st.permutations([1.0, 2.0, 3.0]), min_size=len(times), max_size=len(times)))
        rows += [(t, outputs, n, 2 * n + 1) for t, outputs, n in zip(times, said, spent)]
        offsets.append(len(rows))
    outputs = np.array([row[1] for row in rows], np.float64).reshape(-1, 3)
    columns = [np.array([row[i] for row in rows], np.int64) for i in (0, 2, 3)]
    labels = np.array(draw(st.lists(st.integers(0, 2), min_size=len(offsets) - 1, max_size=len(offsets) - 1)))
    return Trajectory(np.array(offsets), columns[0], outputs, columns[1], columns[2]), labels


def stopped(trajectory: Trajectory, labels: Any, measure: str, spent: Any, limit: float) -> tuple[float, float, float]:
    """Mean score, operations and spikes of samples that stop before a row would exceed the limit."""
    found = []
    for sample, label in enumerate(labels):
        at, operations, spikes, outputs = trajectory.offsets[sample], 0, 0, START
        while at < trajectory.offsets[sample + 1] and spent[at] <= limit:
            operations, spikes, outputs = trajectory.operations[at], trajectory.spikes[at], trajectory.outputs[at]
            at += 1
        right = float(np.argmax(outputs) == label) if measure == "accuracy" else float(np.mean((outputs - label) ** 2))
        found.append((right, operations, spikes))
    score, operations, spikes = np.mean(found, axis=0)
    return float(score if measure == "accuracy" else np.sqrt(score)), float(operations), float(spikes)


@pytest.mark.parametrize(
    ("right", "samples", "low", "high"), [(9919, 10000, 0.98994, 0.99348), (0, 10, 0, 0.27754), (10, 10, 0.72246, 1)]
)
def test_wilson(right: int, samples: int, low: float, high: float) -> None:
    found = score.share(right, samples)
    assert (found.value, found.samples) == (right / samples, samples)
    assert (found.low, found.high) == pytest.approx((low, high), abs=2e-5)


@given(st.integers(1, 1000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_interval_holds_its_share(counts: tuple[int, int]) -> None:
    found = score.share(*counts)
    assert 0 <= found.low <= found.value + 1e-12 and found.value - 1e-12 <= found.high <= 1


def test_no_samples() -> None:
    with pytest.raises(InputError, match="no samples; an accuracy needs at least one"):
        score.share(0, 0)


@settings(max_examples=200)
@given(trajectories(), st.sampled_from(KINDS))
def test_curve_is_every_cut(drawn: tuple[Trajectory, Any], kind: str) -> None:
    trajectory, labels = drawn
    task, targets = Task(kind, (3,)), labels if kind == "classes" else np.repeat(labels[:, None], 3, axis=1)
    curve, measure = curves.curve(trajectory, task, targets, START), task.measure
    assert curve.time.tolist() == [min(trajectory.t, default=1) - 1, *np.unique(trajectory.t)]
    for at, time in enumerate(curve.time):
        expected = stopped(trajectory, labels, measure, trajectory.t, time)
        assert (curve.score[at], curve.operations[at], curve.spikes[at]) == pytest.approx(expected)


@settings(max_examples=200)
@given(trajectories(), st.sampled_from(KINDS))
def test_budget_is_every_budget(drawn: tuple[Trajectory, Any], kind: str) -> None:
    trajectory, labels = drawn
    task, targets = Task(kind, (3,)), labels if kind == "classes" else np.repeat(labels[:, None], 3, axis=1)
    (steps, score), measure = curves.budget(trajectory, task, targets, START), task.measure
    assert steps[0] == 0 and np.all(np.diff(steps) > 0)
    for limit in range(25):
        found = score[np.searchsorted(steps, limit, side="right") - 1]
        assert found == pytest.approx(stopped(trajectory, labels, measure, trajectory.operations, limit)[0])


def test_thinning_keeps_the_ends() -> None:
    curve = curves.Curve(np.arange(1000), *(np.arange(1000.0),) * 3)
    thin = curve.thinned(7)
    assert len(thin.time) == 7 and thin.time[[0, -1]].tolist() == [0, 999] and (thin.score == thin.time).all()
    assert curve.thinned(5000).time.tolist() == curve.time.tolist()


def test_targets_and_kind_must_fit() -> None:
    trajectory = Trajectory(
        np.array([0, 0]), *(np.zeros(0, np.int64),), np.zeros((0, 3)), *(np.zeros(0, np.int64),) * 2
    )
    for count, kind in ((2, "classes"), (1, "mask")):
        with pytest.raises(InputError, match=rf"{count} targets of kind {kind} for 1 samples; give one a sample, and no masks"):
            curves.curve(trajectory, Task(kind, (3,)), np.zeros(count, np.int64), START)


@pytest.mark.parametrize("initial", ["rest", "bias"])
@pytest.mark.parametrize("spiking_output", [False, True])
def test_curves_of_a_run(initial: str, spiking_output: bool) -> None:
    graph = three_layers()
    events = streams(graph, [(0, 0, 3), (0, 4, 2), (2, 8, 5)], [], [(1, 3, 9), (5, 3, -9)])
    result = simulate(
        graph,
        events,
        threshold=0.2,
        unit="absolute",
        initial=initial,
        spiking_output=spiking_output,
        record=("trajectory",),
    )
    assert result.trajectory is not None
    labels, at_start = result.predictions, curves.start(result.plan)
    curve = curves.curve(result.trajectory, Task("classes", (2,)), labels, at_start)
    assert curve.score[-1] == 1 and curve.time.tolist() == [-1, 0, 1, 2, 5]
    assert curve.operations[-1] == result.operations.mean() and curve.spikes[-1] == result.ledger.sent.sum() / 3
    # The sample without events says what the network says at its start.
    assert np.array_equal(at_start, result.outputs[1])


def test_frames_of_a_stream() -> None:
    graph = three_layers()
    events = stream(graph, (0, 0, 3), (2, 4, 5))
    result = simulate(graph, events, threshold=0.2, unit="absolute", record=("trajectory",))
    assert result.trajectory is not None
    outputs, operations, spikes = curves.frames_of(result.trajectory, curves.start(result.plan), 4)
    rows = result.trajectory.outputs
    assert np.array_equal(outputs, rows[[0, 0, 1, 1]])
    assert operations.sum() == result.operations[0] and spikes.sum() == result.ledger.sent.sum()
    assert operations[[1, 3]].tolist() == spikes[[1, 3]].tolist() == [0, 0]
    late = replace(result.trajectory, t=result.trajectory.t + 1)
    assert np.array_equal(curves.frames_of(late, np.array([7.0, 8.0]), 1)[0], [[7.0, 8.0]])


def test_state_bytes() -> None:
    graph = three_layers()
    assert sizes.state_bytes(graph) == 4 * (2 * 8 + 2 * 3 + 2)
    assert sizes.state_bytes(graph, "float64", spiking_output=True) == 8 * 2 * (8 + 3 + 2)
    pooled = image(4, 4, 2)
    pool = MaxPool("pool", (2, 2, 2), "in", (2, 2), (2, 2))
    assert sizes.state_bytes(network(pooled, pool, dense("out", pool, 3))) == 4 * (32 + 8 + 3)


def test_weight_bytes() -> None:
    # int8 weights; a float32 scale a synapse; float32 biases.
    assert sizes.weight_bytes(three_layers()) == (8 + 24 + 6) + 4 * 3 + 4 * (2 + 3 + 2)


def test_connections() -> None:
    assert sizes.connections(make(three_layers(), Settings(1.0))) == 4 * 8 + 8 * 3 + 3 * 2
    # Each of the four pixels under an average reaches what the average reaches.
    source = image(4, 4, 1)
    layer = conv("out", source, Conv(3, (1, 1)), relays=(AveragePool((2, 2), (2, 2)),))
    assert sizes.connections(make(network(source, layer), Settings(1.0))) == 16 * 3


def test_neurobench() -> None:
    graph = three_layers()
    events = streams(graph, [(0, 0, 3)], [(0, 1, 2), (4, 2, 1)])
    for spikes, stamps in (("valued", 3), ("signed", 3), ("graded", None)):
        result = simulate(graph, events, threshold=0.2, unit="absolute", spikes=spikes)
        found = neurobench.neurobench(result.plan, result.ledger, stamps, 100, 2)
        effective = result.ledger.synaptic_operations_nonzero.sum() / 2
        assert found["Effective_ACs"] == (effective if spikes == "signed" else 0)
        assert found["Effective_MACs"] == (0 if spikes == "signed" else effective)
        assert found["Footprint"] == 100
        sparsity = 1 - result.ledger.sent[:, 1:3].sum() / (3 * 11)
        assert found["ActivationSparsity"] == (pytest.approx(sparsity) if spikes == "valued" else None)


def ledger(**counts: int) -> Ledger:
    """A ledger of one population with these counts, over two frames."""
    return replace(Ledger.zeros(2, 1), **{name: np.array([[count], [count]]) for name, count in counts.items()})


@pytest.mark.parametrize(
    ("preset", "spikes", "counts", "picojoules"),
    [
        (0, "signed", {"synaptic_operations": 10}, 1.0),
        (0, "graded", {"synaptic_operations": 10}, 3.0),
        (0, "valued", {"synaptic_operations": 10}, 5.0),
        (1, "valued", {"synaptic_operations": 10}, 46.0),
        (2, "signed", {"synaptic_operations": 10}, 10 * (0.1 + 11.25)),
        (0, "valued", {"checks": 10}, 2.0),
        (2, "valued", {"checks": 10}, 10 * (0.2 + 5)),
        (2, "valued", {"sent_positive": 6, "sent_negative": 4}, 10 * (0.1 + 25)),
        (2, "valued", {"comparisons": 10}, 10 * (0.1 + 5)),
        (4, "signed", {"synaptic_operations": 10}, 10 * (0.1 + 1.35)),
        (6, "signed", {"synaptic_operations": 10}, 10 * (0.9 + 8.1)),
    ],
)
def test_energy(preset: int, spikes: str, counts: dict[str, int], picojoules: float) -> None:
    assert energy.energy(energy.PRESETS[preset], ledger(**counts), 2, spikes, 0) == pytest.approx(picojoules / 1000)


def test_energy_of_macs_and_pixels() -> None:
    energies = [energy.mac_energy(preset, 1000) for preset in energy.PRESETS]
    # The last four: 80 bits at 1.2 pJ for 64 of them, 128 bits at 5.4 pJ for 64, and 100 times as much for DRAM.
    assert energies == pytest.approx([0.3, 4.6, 0.3 + 2.5, 0.3 + 12.5, 0.3 + 1.5, 0.3 + 150, 4.6 + 10.8, 4.6 + 1080])
    assert energy.energy(energy.PRESETS[2], ledger(), 2, "signed", 10) == pytest.approx(10 * 5.1 / 1000)
    assert energy.encoder_comparisons(branches()) == 32


def test_below_which_density_events_win() -> None:
    # 1,000 additions of 0.1 pJ and nothing else beside 0.3 pJ a multiply-accumulate: even at three operations for each of them.
    assert energy.break_even(energy.PRESETS[0], 0.1, 1000) == pytest.approx(3)
    assert energy.break_even(energy.PRESETS[0], 0.0, 0) is None
