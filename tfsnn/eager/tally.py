"""The bookkeeping of the eager engine: counts, trajectories and the event log of a batch, in NumPy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfsnn.aliases import Integers
from tfsnn.plan.plan import Plan
from tfsnn.record import EventLog, Ledger, Trajectory, readout


class Tally:
    """Counts what a batch does.

    Parameters
    ----------
    plan
        The plan that runs.
    samples
        Size of the batch.
    record
        What to keep beside the ledger.
    """

    def __init__(self, plan: Plan, samples: int, record: Sequence[str]) -> None:
        self.plan, self.record = plan, record
        self.ledger = Ledger.zeros(samples, len(plan.populations))
        self.now = 0
        self.events: list[list[tuple[int, int, int, int]]] = [[] for _ in range(samples)]
        self.rows: list[list[tuple[int, NDArray[np.float64], int, int]]] = [[] for _ in range(samples)]
        self.taps = [(population.windows >= 0).sum(axis=1) - 1 for population in plan.populations]

    def delivered(self, target: int, counts: dict[int, Any], reached: Any) -> None:
        """Count a delivery.

        Parameters
        ----------
        target
            Position of the population that receives.
        counts
            (samples, source neurons) by position of the source: number of events.
        reached
            bool (samples, neurons)
        """
        population, ledger = self.plan.populations[target], self.ledger
        events = {source: np.asarray(count, np.int64) for source, count in counts.items()}
        mask = np.asarray(reached)
        ledger.received[:, target] += sum(count.sum(axis=1) for count in events.values())
        for path in population.paths:
            if path.source in events:
                ledger.synaptic_operations[:, target] += events[path.source] @ path.fanout
                ledger.synaptic_operations_nonzero[:, target] += events[path.source] @ path.fanout_nonzero
        if population.threshold:
            ledger.checks[:, target] += mask.sum(axis=1)
        if population.pools:
            ledger.comparisons[:, target] += mask @ self.taps[target]

    def sent(self, source: int, payloads: Sequence[Any]) -> list[tuple[int, int]]:
        """Count what a population sends; return (neuron, payload) of the first sample in the order of sending.

        Parameters
        ----------
        source
            Position of the population.
        payloads
            (samples, neurons) of each turn of the neuron rule's loop.
        """
        turns = np.stack([np.asarray(k, np.int64) for k in payloads], axis=2)
        self.ledger.sent_positive[:, source] += (turns > 0).sum(axis=(1, 2))
        self.ledger.sent_negative[:, source] += (turns < 0).sum(axis=(1, 2))
        if "events" in self.record:
            for sample, neuron, turn in np.argwhere(turns):
                self.events[sample].append((self.now, source, int(neuron), int(turns[sample, neuron, turn])))
        return [(int(neuron), int(turns[0, neuron, turn])) for neuron, turn in np.argwhere(turns[0])] if len(turns) == 1 else []

    def arrived(self, sample: int, source: Integers, neuron: Integers, payload: Integers) -> None:
        """Count input events of one time stamp.

        Parameters
        ----------
        sample
            Which sample of the batch.
        source, neuron, payload
            int64 (events), in stream order.
        """
        np.add.at(self.ledger.sent_positive[sample], source, payload > 0)
        np.add.at(self.ledger.sent_negative[sample], source, payload < 0)
        if "events" in self.record:
            rows = zip(source.tolist(), neuron.tolist(), payload.tolist())
            self.events[sample].extend((self.now, q, i, k) for q, i, k in rows)

    def settled(self, samples: Sequence[int], x: Sequence[Any], o: Sequence[Any]) -> None:
        """A time stamp is over for these samples of the batch.

        Parameters
        ----------
        samples
            Which samples had events in it.
        x, o
            (samples, neurons) by position of the population.
        """
        if "trajectory" in self.record:
            outputs = readout(self.plan, [np.asarray(v) for v in x], [np.asarray(v) for v in o])
            for s in samples:
                operations, spikes = self.ledger.synaptic_operations[s].sum(), self.ledger.sent[s].sum()
                self.rows[s].append((self.now, outputs[s], int(operations), int(spikes)))

    def trajectory(self) -> Trajectory | None:
        """The trajectories, if they were asked for."""
        if "trajectory" not in self.record:
            return None
        rows = [row for sample in self.rows for row in sample]
        width = sum(self.plan.populations[position].size for position in self.plan.outputs)
        outputs = np.array([row[1] for row in rows], np.float64).reshape(-1, width)
        t, operations, spikes = (np.array([row[i] for row in rows], np.int64) for i in (0, 2, 3))
        return Trajectory(_offsets(self.rows), t, outputs, operations, spikes)

    def log(self) -> EventLog | None:
        """The event log, if it was asked for."""
        if "events" not in self.record:
            return None
        rows = np.array([row for sample in self.events for row in sample], np.int64).reshape(-1, 4)
        return EventLog(_offsets(self.events), *rows.T)


def _offsets(lists: Sequence[Sequence[object]]) -> Integers:
    return np.concatenate([[0], np.cumsum([len(rows) for rows in lists])]).astype(np.int64)
