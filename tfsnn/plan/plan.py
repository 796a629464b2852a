"""A graph at given thresholds, flattened into the integers that both engines walk; :mod:`tfsnn.plan.make` builds it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import prod

import numpy as np
from numpy.typing import NDArray

from tfsnn.aliases import Integers
from tfsnn.network.arithmetic import gather_sum, linear
from tfsnn.network.graph import Graph
from tfsnn.network.nodes import Node, Synapse
from tfsnn.network.ops import Indices, Linear, Shape
from tfsnn.plan.grid_function import STATE_LIMIT, WEIGHT_LIMIT, Function, lipschitz
from tfsnn.plan.settings import Settings


@dataclass(frozen=True, eq=False)
class Path:
    """One synapse in integers.

    Parameters
    ----------
    source, target
        Positions of the populations in the plan.
    op, shape
        The operation and the shape of its input.
    index
        int64 (places of the operation's input, terms): source neurons behind each place, -1 for none.
    weight
        int64 of ``op.weight_shape``, one to one of ``shape``: grid steps of the target per payload unit of the source.
    fanout, fanout_nonzero
        int64 (source neurons): target neurons that an event reaches, and those through a non-zero weight.
    reach
        Steps by which |x| of any target can grow per unit of the largest |payload|, and per unit of their sum.
    """

    source: int
    target: int
    op: Linear
    shape: Shape
    index: Indices
    weight: Integers
    fanout: Integers
    fanout_nonzero: Integers
    reach: tuple[int, int]


@dataclass(frozen=True, eq=False)
class Population:
    """One population in integers.

    Parameters
    ----------
    node
        The graph's node.
    unit
        Real value of one payload unit, u.
    step
        Real value of one grid step, a. Of inputs and max pooling: their payload unit.
    payload
        Grid steps of one payload unit, P.
    threshold
        Grid steps of T; 0 where the population is silent.
    bias
        int64 (neurons)
    function
        f on the grid.
    paths
        The synapses that end here.
    windows
        Max pooling: int64 (neurons, taps), the place of the input under each tap, -1 in the border; else empty.
    index
        Max pooling: as :attr:`Path.index`.
    source
        Max pooling: position of the population that it receives from; -1 else.
    rest_x, rest_o
        int64: x (of max pooling: what it has received) and o / P at the start of a run.
    """

    node: Node
    unit: float
    step: float
    payload: int
    threshold: int
    bias: Integers
    function: Function
    paths: tuple[Path, ...]
    windows: Indices
    index: Indices
    source: int
    rest_x: Integers
    rest_o: Integers

    @property
    def name(self) -> str:
        """The node's name."""
        return self.node.name

    @property
    def shape(self) -> Shape:
        """The node's shape."""
        return self.node.shape

    @property
    def size(self) -> int:
        """Number of neurons."""
        return prod(self.node.shape)

    @property
    def pools(self) -> bool:
        """Whether it takes maxima over windows of what it receives, in place of f(x)."""
        return self.source >= 0

    @property
    def sources(self) -> frozenset[int]:
        """Positions of the populations that it receives from."""
        return frozenset((self.source,) if self.pools else (path.source for path in self.paths))

    def accumulated(self, sent: Sequence[Integers]) -> Integers:
        """x (of max pooling: what has been received), int64 (samples, neurons).

        Parameters
        ----------
        sent
            int64 (samples, neurons): o / P of each population that stands before it, by position.
        """
        if self.pools:
            return gather_sum(sent[self.source], self.index)
        x = np.broadcast_to(self.bias, (1, self.size))
        return sum((linear(p.op, p.weight, gather_sum(sent[p.source], p.index), p.shape) for p in self.paths), x)

    def value(self, x: Integers) -> Integers:
        """What x stands for to the others: f(x), or the maximum over each window; int64 (samples, neurons), in steps."""
        if not self.pools:
            return self.function(x)
        padded = np.append(x, np.full((len(x), 1), np.iinfo(np.int64).min), axis=1)
        highest: Integers = padded[:, self.windows].max(axis=2)
        return highest


@dataclass(frozen=True, eq=False)
class Plan:
    """What an engine runs.

    Parameters
    ----------
    graph, settings
        What it was made from.
    populations
        In topological order.
    largest
        K, the largest payload of a spike.
    direct
        Whether neurons quantize directly (JETCAS Eq. 6), without hysteresis.
    """

    graph: Graph
    settings: Settings
    populations: tuple[Population, ...]
    largest: int
    direct: bool

    @cached_property
    def outputs(self) -> tuple[int, ...]:
        """Positions of the output populations."""
        names = [population.name for population in self.populations]
        return tuple(names.index(name) for name in self.graph.outputs)

    @cached_property
    def inputs(self) -> tuple[int, ...]:
        """Positions of the inputs."""
        return tuple(at for at, population in enumerate(self.populations) if population.node.external)

    @property
    def narrow(self) -> bool:
        """Whether the plan's own numbers fit float32; what a run adds to them is watched by the engine."""
        limit = STATE_LIMIT["float32"]
        return all(
            max(population.threshold, *map(largest_of, (population.bias, population.rest_x, population.function.table))) < limit
            and all(largest_of(path.weight) < limit for path in population.paths)
            # Elsewhere |f(x)| exceeds |x| by less than what the limit leaves free.
            and np.abs(population.function.slope).max(initial=0) <= 1
            for population in self.populations
        )

    @cached_property
    def carrier(self) -> str:
        """``"int32"`` where that holds the plan's own numbers, with weights of 16 bits; else ``"int64"``.

        It is what a run keeps its states in. What a run adds to them is watched: one that leaves int32 goes on in int64, unnoticed.
        """
        limit = STATE_LIMIT["int32"]
        small = all(
            max(p.threshold, p.payload, abs(p.function.low), abs(p.function.high), largest_of(p.rest_o) * p.payload,
                *map(largest_of, (p.bias, p.rest_x, p.function.table))) < limit
            and all(largest_of(path.weight) <= WEIGHT_LIMIT for path in p.paths)
            and np.abs(p.function.slope).max(initial=0) <= 1
            for p in self.populations
        )  # fmt: skip
        return "int32" if small else "int64"

    def consumers(self, position: int) -> tuple[int, ...]:
        """Positions of the populations that receive from this one, in topological order."""
        return tuple(at for at, population in enumerate(self.populations) if position in population.sources)

    def deviation(self, sent: dict[str, Integers]) -> dict[str, NDArray[np.float64]]:
        """Bound on |x - x of the int8 ANN| once all events are delivered, given what each population has sent.

        With L the Lipschitz constant of f, T the threshold (t = T where it spikes), and E the result:

            E_p = a_p / 2 + sum over synapses (|w| (L E_q + t_q) + (a_p / 2) sum |o_q| / u_q)

        An f that jumps (ReLU with ``start`` above 0) has no L; behind one the figure is no bound.

        Parameters
        ----------
        sent
            int64 (neurons) by name: o / P of each population.
        """
        bound: dict[str, NDArray[np.float64]] = {}
        passed: dict[str, NDArray[np.float64]] = {}
        exact = {node.name: np.zeros((1, prod(node.shape))) for node in self.graph.inputs}
        for population in self.populations:
            node, step = population.node, population.step
            if not node.requantizes:
                # An input is exact; a maximum is off by no more than the value under its window that is off the most.
                passed[node.name] = node.evaluate(passed, self.graph, exact, np.float64)[1]
                continue
            total = np.full((1, population.size), step / 2)
            for synapse, path in zip(node.synapses, population.paths):
                source = self.populations[path.source]
                amount = np.abs(np.atleast_2d(sent[source.name])).astype(np.float64)
                total += absolute(synapse).drive(passed[source.name], source.shape)
                total += linear(path.op, np.ones(path.weight.shape), gather_sum(amount, path.index), path.shape) * (step / 2)
            bound[node.name] = total[0]
            table = 0 if population.function.kind in ("linear", "relu") else step * (2 + (1 << population.function.shift))
            passed[node.name] = lipschitz(node.activation) * total + population.threshold * step + table
        return bound


def largest_of(values: Integers) -> int:
    return int(np.abs(values).max(initial=0))


def absolute(synapse: Synapse) -> Synapse:
    return replace(synapse, weight=np.abs(np.asarray(synapse.weight, np.float64)))
