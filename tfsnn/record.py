"""What a run leaves behind, the same from either engine: the ledger, trajectories, the event log, the state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from tfsnn.aliases import Integers
from tfsnn.plan.plan import Plan

RECORDS = ("trajectory", "events", "state")
COUNTS = ("sent_positive", "sent_negative", "received", "synaptic_operations", "synaptic_operations_nonzero", "checks", "comparisons")


class OutOfRange(Exception):
    """An engine could not prove that the next sum stays exact; ``samples`` of the batch are concerned, at ``population``."""

    def __init__(self, population: int, samples: Integers) -> None:
        super().__init__(population, samples)
        self.population, self.samples = population, samples


@dataclass(frozen=True, eq=False)
class Ledger:
    """Every operation of a run, int64 (samples, populations), populations in the plan's order.

    Parameters
    ----------
    sent_positive, sent_negative
        Events sent, by the sign of their payload; of an input, the events that came in.
    received
        Events that arrived, however many neurons each reached.
    synaptic_operations
        Target neurons reached by those events, borders and strides exact (JETCAS "synaptic updates").
    synaptic_operations_nonzero
        Those through a non-zero weight.
    checks
        Evaluations of the neuron rule, of max pooling: of a window.
    comparisons
        Max pooling alone: window size - 1 for each window checked.
    """

    sent_positive: Integers
    sent_negative: Integers
    received: Integers
    synaptic_operations: Integers
    synaptic_operations_nonzero: Integers
    checks: Integers
    comparisons: Integers

    @classmethod
    def zeros(cls, samples: int, populations: int) -> Ledger:
        """A ledger in which nothing has happened yet."""
        return cls(*(np.zeros((samples, populations), np.int64) for _ in COUNTS))

    @property
    def sent(self) -> Integers:
        """Events sent, of either sign."""
        return self.sent_positive + self.sent_negative


@dataclass(frozen=True, eq=False)
class Trajectory:
    """The outputs after each time stamp of a sample, once that time stamp has settled; samples one behind the other.

    Parameters
    ----------
    offsets
        int64 (samples + 1)
    t
        int64 (rows): time stamp.
    outputs
        float64 (rows, outputs), in real units.
    operations, spikes
        int64 (rows): synaptic operations and events sent so far in the sample, the input's included.
    """

    offsets: Integers
    t: Integers
    outputs: NDArray[np.float64]
    operations: Integers
    spikes: Integers


@dataclass(frozen=True, eq=False)
class EventLog:
    """Every event in the order of sending, the input's included; samples one behind the other.

    Parameters
    ----------
    offsets
        int64 (samples + 1)
    t, population, neuron, payload
        int64 (events)
    """

    offsets: Integers
    t: Integers
    population: Integers
    neuron: Integers
    payload: Integers


@dataclass(frozen=True, eq=False)
class State:
    """Where the neurons stand, by position of the population.

    Parameters
    ----------
    x
        int64 (samples, neurons) in grid steps; of max pooling, what it has received.
    o
        int64 (samples, neurons) in payload units.
    """

    x: tuple[Integers, ...]
    o: tuple[Integers, ...]


@dataclass(frozen=True, eq=False)
class Outcome:
    """All that an engine reports of a batch; what was not asked for is None.

    Parameters
    ----------
    outputs
        float64 (samples, outputs), in real units.
    ledger, trajectory, log, state
        As their classes say.
    dense_macs
        int64 (samples, populations): products of weights and payloads that were done where layers were seen from their targets;
        None from an engine that does not.
    """

    outputs: NDArray[np.float64]
    ledger: Ledger
    trajectory: Trajectory | None = None
    log: EventLog | None = None
    state: State | None = None
    dense_macs: Integers | None = None


Kept = TypeVar("Kept", Ledger, Trajectory, EventLog, State)


def joined(parts: Sequence[Kept]) -> Kept:
    """Batches of samples as one."""
    names = [f.name for f in fields(parts[0]) if f.name != "offsets"]
    columns: dict[str, Any] = {name: _stacked([getattr(part, name) for part in parts]) for name in names}
    if hasattr(parts[0], "offsets"):
        lengths = np.concatenate([np.diff(getattr(part, "offsets")) for part in parts])
        columns["offsets"] = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return type(parts[0])(**columns)


def _stacked(columns: Sequence[Any]) -> Any:
    if isinstance(columns[0], tuple):
        return tuple(np.concatenate(same) for same in zip(*columns))
    return np.concatenate(columns)


def readout(plan: Plan, x: Sequence[NDArray[Any]], o: Sequence[NDArray[Any]]) -> NDArray[np.float64]:
    """The outputs in real units: f(x), or with a spiking output what has been sent; softmax is left to the reader.

    Parameters
    ----------
    plan
        The plan.
    x, o
        (samples, neurons) by position of the population.

    Returns
    -------
    float64 (samples, outputs), the outputs one behind the other
    """
    columns = []
    for position in plan.outputs:
        population = plan.populations[position]
        if plan.settings.spiking_output:
            columns.append(np.asarray(o[position], np.float64) * population.unit)
        else:
            real = np.asarray(x[position], np.float64) * population.step
            columns.append(population.node.activation(real.reshape(-1, *population.shape)).reshape(real.shape))
    return np.concatenate(columns, axis=1)
