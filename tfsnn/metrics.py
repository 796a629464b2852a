"""What a run is worth and what it costs: accuracy over the course of a frame, bytes, NeuroBench's names, energy.

A *cut* asks what a network would have said, had it been stopped there. Between two time stamps nothing changes, so
every curve is a staircase and is computed exactly, over all samples, from what a trajectory holds:

* cut at time t: each sample has settled its time stamps up to t. Score, operations and events are means over samples;
  drawn against each other they are the papers' figures (AICAS Figs. 3 and 4, JETCAS Fig. 3).
* cut at a budget B: each sample has settled as many time stamps as B synaptic operations pay for.

Before its first event a sample says what the network says at its start, :func:`start`.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfsnn.errors import InputError
from tfsnn.graph import Graph, MaxPool, Neurons
from tfsnn.ops import relayed
from tfsnn.plan import Plan
from tfsnn.record import Ledger, Trajectory, readout

Floats = NDArray[np.float64]
MEASURES = ("accuracy", "error")
NORMAL_95 = 1.959963984540054


@dataclass(frozen=True)
class Accuracy:
    """A share of right answers, and its Wilson 95 % interval.

    Parameters
    ----------
    value, low, high
        From 0 to 1.
    samples
        How many answers there were.
    """

    value: float
    low: float
    high: float
    samples: int


@dataclass(frozen=True, eq=False)
class Curve:
    """Means over samples, all stopped at the same time; the first entry is the start, a tick ahead of the first event.

    Parameters
    ----------
    time
        int64 (cuts): time stamps, in ticks.
    score
        float64 (cuts): share of right answers, or mean absolute error.
    operations, spikes
        float64 (cuts): synaptic operations, and events sent (the input's included), a sample has spent by then.
    """

    time: NDArray[np.int64]
    score: Floats
    operations: Floats
    spikes: Floats

    def thinned(self, points: int) -> Curve:
        """At most so many of its cuts, the first and the last among them; each as exact as before."""
        kept = np.unique(np.rint(np.linspace(0, len(self.time) - 1, points)).astype(np.int64))
        return Curve(self.time[kept], self.score[kept], self.operations[kept], self.spikes[kept])


def accuracy(outputs: Floats, labels: NDArray[np.int64]) -> Accuracy:
    """Share of samples whose largest output is the labelled one; of equal outputs the first counts.

    Parameters
    ----------
    outputs
        (samples, classes)
    labels
        int64 (samples)

    Examples
    --------
    >>> accuracy(np.array([[0.1, 0.9], [0.6, 0.4]]), np.array([1, 1]))
    Accuracy(value=0.5, low=0.0945..., high=0.9054..., samples=2)
    """
    return share(float(scores(outputs, labels, "accuracy").sum()), len(labels))


def share(right: float, samples: int) -> Accuracy:
    """So many right of so many, with the Wilson score interval; it stays within 0 and 1 and needs no large sample."""
    if samples < 1:
        raise InputError("metrics: no samples; an accuracy needs at least one")
    value, z = right / samples, NORMAL_95 * NORMAL_95 / samples
    middle, half = value + z / 2, NORMAL_95 * sqrt(value * (1 - value) / samples + z / samples / 4)
    return Accuracy(value, max(0.0, (middle - half) / (1 + z)), min(1.0, (middle + half) / (1 + z)), samples)


def scores(outputs: Floats, labels: NDArray[Any], measure: str) -> Floats:
    """float64 (samples): 1 or 0 for a right or wrong answer, or with ``"error"`` how far off the one output is."""
    if measure == "accuracy":
        return np.asarray(np.argmax(outputs, axis=1) == labels, np.float64)
    return np.asarray(np.abs(outputs[:, 0] - labels), np.float64)


def start(plan: Plan) -> Floats:
    """float64 (outputs): what the network says before any event."""
    populations = plan.populations
    said = readout(plan, [p.rest_x[None] for p in populations], [p.rest_o[None] for p in populations])
    return np.asarray(said[0], np.float64)


def curve(trajectory: Trajectory, labels: NDArray[Any], at_start: Floats, measure: str = "accuracy") -> Curve:
    """Score, operations and events against time.

    Parameters
    ----------
    trajectory
        Of all samples.
    labels
        (samples): what is right.
    at_start
        (outputs): :func:`start`.
    measure
        One of :data:`MEASURES`.
    """
    rows, first = _scored(trajectory, labels, at_start, measure)
    nothing = np.zeros(len(first))
    columns = [
        _staircase(trajectory.t, trajectory.offsets, values, before)
        for values, before in ((rows, first), (trajectory.operations, nothing), (trajectory.spikes, nothing))
    ]
    stamps = columns[0][0]
    time = np.concatenate([stamps[:1] - 1 if len(stamps) else [0], stamps]).astype(np.int64)
    return Curve(time, *(np.concatenate([[mean], after]) for (_, after), mean in zip(columns, (first.mean(), 0, 0))))


def budget(
    trajectory: Trajectory, labels: NDArray[Any], at_start: Floats, measure: str = "accuracy"
) -> tuple[Floats, Floats]:
    """Score against the synaptic operations that each sample may spend.

    Parameters
    ----------
    trajectory, labels, at_start, measure
        As for :func:`curve`.

    Returns
    -------
    float64 (steps), float64 (steps)
        Budgets at which the score changes, from 0, and the mean score from each of them on.
    """
    rows, first = _scored(trajectory, labels, at_start, measure)
    spent, score = _staircase(trajectory.operations, trajectory.offsets, rows, first)
    keep = np.concatenate([[True], np.diff(score) != 0]) if len(score) else np.zeros(0, np.bool_)
    ahead = int(not len(spent) or bool(spent[0] > 0))
    return np.append([0.0] * ahead, spent[keep]), np.append([first.mean()] * ahead, score[keep])


def frames_of(
    trajectory: Trajectory, at_start: Floats, frames: int
) -> tuple[Floats, NDArray[np.int64], NDArray[np.int64]]:
    """One stream of frames, a time stamp each, taken apart: what was said after each frame, and what it took.

    Parameters
    ----------
    trajectory
        Of one sample, whose time stamps number the frames from 0; a frame without events has none.
    at_start
        (outputs): :func:`start`.
    frames
        How many there were.

    Returns
    -------
    float64 (frames, outputs), int64 (frames), int64 (frames)
        Outputs; synaptic operations and events sent in each frame.
    """
    row = np.searchsorted(trajectory.t, np.arange(frames), side="right")
    outputs = np.concatenate([at_start[None], trajectory.outputs])[row]
    operations, spikes = (
        np.diff(np.append(0, values)[row], prepend=0) for values in (trajectory.operations, trajectory.spikes)
    )
    return outputs, operations, spikes


def state_bytes(graph: Graph, carrier: str = "float32", *, spiking_output: bool = False) -> int:
    """Bytes of state that a run keeps for one sample.

    x and o of every neuron, what a max-pooling population has heard and told; an output that does not spike has no o.

    Parameters
    ----------
    graph
        The network.
    carrier
        ``"float32"`` or ``"float64"``: what the run kept its integers in.
    spiking_output
        Whether outputs spike.
    """
    words = 0
    for node in graph.nodes:
        if isinstance(node, MaxPool):
            words += prod(relayed(node.relays, graph[node.source].shape)) + prod(node.shape)
        elif isinstance(node, Neurons):
            words += prod(node.shape) * (2 if spiking_output or graph.consumers(node.name) else 1)
    return words * np.dtype(carrier).itemsize


def weight_bytes(graph: Graph) -> int:
    """Bytes of weights, their scales, and biases."""
    total = 0
    for node in graph.nodes:
        if isinstance(node, Neurons):
            total += node.bias.nbytes
            total += sum(s.weight.nbytes + (s.scale.nbytes if s.scale is not None else 0) for s in node.synapses)
    return total


def connections(plan: Plan) -> int:
    """Pairs of neurons of which one hears the other, shared weights counted wherever they stand."""
    return sum(int(path.fanout.sum()) for population in plan.populations for path in population.paths)


def neurobench(plan: Plan, ledger: Ledger, stamps: int | None, footprint: int, frames: int) -> dict[str, float | None]:
    """NeuroBench's metrics, under its names, per frame; None where its definition does not fit.

    Its effective operations leave out weights of zero. Its activation sparsity is the share of (neuron, time step) in
    which a neuron stays silent: time steps are time stamps, and it fits where a neuron sends at most one spike in each.

    Parameters
    ----------
    plan
        What ran.
    ledger
        What it did.
    stamps
        Time stamps of all samples together; None where a neuron may send more than once in one (``spike`` schedule).
    footprint
        Bytes of parameters and state.
    frames
        How many frames there were.
    """
    operations = float(ledger.synaptic_operations_nonzero.sum()) / frames
    signed = plan.settings.spikes == "signed"
    speaking = [at for at, p in enumerate(plan.populations) if isinstance(p.node, Neurons) and p.threshold]
    chances = (stamps or 0) * sum(plan.populations[at].size for at in speaking)
    sent = float(ledger.sent[:, speaking].sum())
    return {
        "Effective_ACs": operations if signed else 0.0,
        "Effective_MACs": 0.0 if signed else operations,
        "ActivationSparsity": None if signed or not chances else 1 - sent / chances,
        "Footprint": float(footprint),
    }


@dataclass(frozen=True)
class Preset:
    """What elementary operations are taken to cost, in picojoules.

    Parameters
    ----------
    name
        What is assumed, in a few words.
    add, multiply, multiply_wide
        An addition, subtraction or comparison; the multiplication of a weight of 8 bits (or in float) by a number of 8
        bits, and by one of 16.
    bit
        Moving one bit between memory and arithmetic; 0 leaves memory out.
    mac_bits
        Bits that a multiply-accumulate of the ANN moves.
    """

    name: str
    add: float
    multiply: float
    multiply_wide: float
    bit: float = 0.0
    mac_bits: int = 0


_SRAM = 10 / 64
PRESETS = (
    Preset("int8, arithmetic alone", 0.1, 0.2, 0.4),
    Preset("float32, arithmetic alone", 0.9, 3.7, 3.7),
    Preset("int8 and memory, the ANN adds up in registers", 0.1, 0.2, 0.4, _SRAM, 16),
    Preset("int8 and memory, every operand from memory", 0.1, 0.2, 0.4, _SRAM, 80),
)
ENERGY_ASSUMPTIONS = (
    "Energies: M. Horowitz, Computing's energy problem (and what we can do about it), ISSCC 2014: 45 nm, 0.9 V; "
    "additions 0.1 pJ (32-bit integer) and 0.9 pJ (float32), multiplications 0.2 pJ (8-bit) and 3.7 pJ (float32), "
    "64 bits of an 8 KB SRAM 10 pJ (32 KB: twice, 1 MB: ten times as much).",
    "A synaptic operation is one addition; graded spikes add one 8-bit multiplication, valued and direct spikes "
    "(16 bits) two. It moves 72 bits: a weight of 8, a state of 32 there and back.",
    "A neuron check is two additions and 32 bits; a sent spike one addition, 32 bits of state, and 64 bits into a "
    "queue and out again; a comparison of encoder or max pooling one addition and 32 bits.",
    "A multiply-accumulate of the ANN moves 16 bits (weight and activation of 8) or, as JETCAS section IV assumes, "
    "also its sum of 32 there and back; finding zeros is free, and so is writing results.",
    "Left out on both sides: clocks, control, wires between cores, leakage, the simulation itself. Estimates to "
    "compare, not measurements.",
)


def energy(preset: Preset, ledger: Ledger, frames: int, spikes: str, encoder_comparisons: int) -> float:
    """Nanojoules that the event-driven network takes for a frame; :data:`ENERGY_ASSUMPTIONS` has the model.

    Parameters
    ----------
    preset
        One of :data:`PRESETS`.
    ledger
        What was done, over all frames.
    frames
        How many there were.
    spikes
        Their kind.
    encoder_comparisons
        Pixels compared in a frame.
    """
    scaling = {"signed": 0.0, "graded": preset.multiply}.get(spikes, preset.multiply_wide)
    costs = (
        (ledger.synaptic_operations, preset.add + scaling + 72 * preset.bit),
        (ledger.checks, 2 * preset.add + 32 * preset.bit),
        (ledger.sent, preset.add + 160 * preset.bit),
        (ledger.comparisons, preset.add + 32 * preset.bit),
    )
    total = sum(float(counts.sum()) * cost for counts, cost in costs)
    return (total / frames + encoder_comparisons * (preset.add + 32 * preset.bit)) / 1000


def mac_energy(preset: Preset, macs: float) -> float:
    """Nanojoules of so many multiply-accumulates of an ANN."""
    return macs * (preset.multiply + preset.add + preset.mac_bits * preset.bit) / 1000


def encoder_comparisons(graph: Graph) -> int:
    """Pixels that the encoders compare with their threshold in a frame: every one."""
    return sum(prod(node.shape) for node in graph.inputs)


def _scored(trajectory: Trajectory, labels: NDArray[Any], at_start: Floats, measure: str) -> tuple[Floats, Floats]:
    """Score of each row of the trajectory, and of each sample before its first."""
    lengths = np.diff(trajectory.offsets)
    if len(labels) != len(lengths) or measure not in MEASURES:
        raise InputError(
            f"metrics: {len(labels)} labels for {len(lengths)} samples, measure {measure!r}; "
            f"give a label a sample, and one of {', '.join(MEASURES)}"
        )
    rows = scores(trajectory.outputs, np.repeat(labels, lengths), measure)
    return rows, scores(np.broadcast_to(at_start, (len(labels), len(at_start))), labels, measure)


def _staircase(
    position: NDArray[np.int64], offsets: NDArray[np.int64], values: NDArray[Any], before: Floats
) -> tuple[NDArray[np.int64], Floats]:
    """Mean over samples of a quantity that each row sets: where it may change, and its value from there on.

    Parameters
    ----------
    position
        int64 (rows), not decreasing within a sample: where a row takes effect.
    offsets
        int64 (samples + 1)
    values
        (rows): the quantity from there on.
    before
        (samples): and before the first row.
    """
    previous = np.roll(np.asarray(values, np.float64), 1)
    filled = np.diff(offsets) > 0
    previous[offsets[:-1][filled]] = before[filled]
    where, index = np.unique(position, return_inverse=True)
    change = np.bincount(index, values - previous, len(where))
    return where, (before.sum() + np.cumsum(change)) / len(before)
