"""The network: populations, and the synapses between them.

A population is an input, neurons, or a max-pooling layer. What lies between two populations is a synapse: relays that move
values, then one linear operation with weights. Populations stand in topological order, sources first. A graph is
checked once, when it is made; ``print(graph)`` shows it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

from tfsnn.errors import InputError, printable
from tfsnn.network.fanout import connections, fanout
from tfsnn.network.nodes import Input, Node, Synapse, check_node
from tfsnn.network.ops import Conv, OneToOne, Pad, Shape, Stretch, relayed, route


@dataclass(frozen=True, eq=False)
class Graph:
    """Populations in topological order, and the names of those whose x is the result.

    Parameters
    ----------
    nodes
        Sources before their targets.
    outputs
        Names of populations of neurons.

    Raises
    ------
    InputError
        Naming the population and what does not fit: names, order, shapes, weights.
    """

    nodes: tuple[Node, ...]
    outputs: tuple[str, ...]

    def __post_init__(self) -> None:
        known: dict[str, Node] = {}
        for node in self.nodes:
            if node.name in known:
                raise InputError(f"graph: two populations are named {node.name!r}; names must be unique")
            check_node(node, known)
            known[node.name] = node
        if not self.inputs or not self.outputs:
            raise InputError(f"graph: {len(self.inputs)} inputs and {len(self.outputs)} outputs; there must be at least one of each")
        for name in self.outputs:
            if name not in known or not known[name].requantizes:
                raise InputError(f"graph: output {name!r} is no population of neurons; choose among {', '.join(known)}")
        for node in self.nodes:
            if node.softmax and (node.name not in self.outputs or self.consumers(node.name)):
                raise InputError(f"graph: {node.name}: softmax inside the network; only an output can have it")

    def __getitem__(self, name: str) -> Node:
        for node in self.nodes:
            if node.name == name:
                return node
        raise InputError(f"graph: no population {name!r}; there are {', '.join(node.name for node in self.nodes)}")

    def __iter__(self) -> Iterator[Node]:
        return iter(self.nodes)

    @property
    def inputs(self) -> tuple[Input, ...]:
        """The input populations."""
        return tuple(node for node in self.nodes if isinstance(node, Input))

    @property
    def neurons(self) -> int:
        """Neurons of all populations but the inputs."""
        return sum(prod(node.shape) for node in self.nodes if not node.external)

    @property
    def parameters(self) -> int:
        """Weights and biases."""
        return sum(node.parameters for node in self.nodes)

    def consumers(self, name: str) -> tuple[Node, ...]:
        """The populations that receive from ``name``, in topological order."""
        return tuple(node for node in self.nodes if name in node.sources)

    def macs(self, *, borders: bool = False) -> dict[str, int]:
        """Multiply-accumulates of the dense network on one frame, by population of neurons, as Keras computes its layers.

        Kernels are counted; sums, scalings and pooling, which have none, cost nothing here.

        Parameters
        ----------
        borders
            Count the taps that lie in the zero padding, too.
        """
        return {
            node.name: sum(synapse_macs(synapse, self[synapse.source].shape, borders=borders) for synapse in node.synapses)
            for node in self.nodes
            if node.requantizes
        }

    def __repr__(self) -> str:
        return f"<Graph {self.summary}>"

    @property
    def summary(self) -> str:
        """Inputs, outputs and sizes on one line."""
        first, last = (
            ", ".join(f"{node.name} {'x'.join(map(str, node.shape))}" for node in nodes)
            for nodes in (self.inputs, [self[name] for name in self.outputs])
        )
        return f"{first} -> {last}: {len(self.nodes)} populations, {self.neurons:,} neurons, {self.parameters:,} parameters"

    def __str__(self) -> str:
        return self.table()

    def table(self, *, scales: bool = True) -> str:
        """Every population in a line.

        Parameters
        ----------
        scales
            Show calibrated scales: before calibration there are none.
        """
        head = ("population", "what it is", "shape", "receives from", "parameters", "MACs", *(("scale",) if scales else ()))
        macs = self.macs()
        rows = [head, *(self._row(node, macs.get(node.name))[: len(head)] for node in self.nodes)]
        widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
        right = (False, False, False, False, True, True, True)
        lines = ["  ".join(c.rjust(w) if r else c.ljust(w) for c, w, r in zip(row, widths, right)).rstrip() for row in rows]
        total = f"{self.neurons:,} neurons, {self.parameters:,} parameters, {sum(macs.values()):,} MACs a frame inside the borders"
        return "\n".join([lines[0], "-" * max(map(len, lines)), *lines[1:], total])

    def _row(self, node: Node, macs: int | None) -> tuple[str, ...]:
        what = node.description + (", output" if node.name in self.outputs else "")
        numbers = ("", "", "") if macs is None else (f"{node.parameters:,}", f"{macs:,}", f"{node.scale:.4g}")
        names = printable(node.name), what, "x".join(map(str, node.shape)), printable(", ".join(node.sources))
        return *names, *numbers


def synapse_macs(synapse: Synapse, shape: Shape, *, borders: bool) -> int:
    """Multiply-accumulates of one synapse on one frame; relays and skips, which have no kernel, cost nothing.

    Parameters
    ----------
    synapse
        The synapse.
    shape
        Of its source.
    borders
        Count the taps that lie in the zero padding, too.
    """
    if isinstance(synapse.op, OneToOne):
        return 0
    behind = relayed(synapse.relays, shape)
    if borders and isinstance(synapse.op, Conv):
        # A transposed convolution multiplies each value by its whole kernel; the zeros between them are ours alone.
        spread = [at for at, relay in enumerate(synapse.relays) if isinstance(relay, Stretch)]
        positions = prod(relayed(synapse.relays[: spread[0]], shape)[:2]) if spread else prod(synapse.op.output(behind)[:2])
        return positions * prod(synapse.op.window) * behind[2] * synapse.op.filters // synapse.op.groups
    if not any(isinstance(relay, (Pad, Stretch)) for relay in synapse.relays):
        return connections(synapse.op, behind)
    # Where no value arrives, there is a zero of a border, or of the room between values that a transposed convolution makes.
    filled = (route(synapse.relays, shape) >= 0).any(axis=1)
    return int(fanout(synapse.op, behind)[filled].sum())
