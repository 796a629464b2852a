"""Conversion proves itself: Keras against the network in float, layer by layer, and that against the quantized one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil, log10, prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfsnn.errors import ConversionError, FileError
from tfsnn.memory import empty, samples_within
from tfsnn.network.arithmetic import gather_sum
from tfsnn.network.forward import evaluated
from tfsnn.network.graph import Graph
from tfsnn.network.nodes import Node
from tfsnn.network.ops import route
from tfsnn.network.room import forward_bytes

from ..lower.driver import LayerOutput
from .keras_values import KerasValues, Probe

Values = NDArray[Any]
Batch = dict[str, NDArray[np.float32]]
BATCH_NEURONS = 2_000_000
KEPT = 1 << 23
"""Values of the network in float that wait for those of Keras: whole samples, one at least."""


@dataclass
class Difference:
    """Largest value and largest difference so far.

    Parameters
    ----------
    largest
        Of the values compared with.
    worst
        Difference.
    """

    largest: float = 0.0
    worst: float = 0.0

    def add(self, expected: Values, found: Values) -> None:
        """Take in one batch."""
        # Neither a NaN nor another shape must hide behind max.
        same = found.shape == expected.shape
        difference = np.nan_to_num(np.abs(found - expected), nan=np.inf) if same else np.full(1, np.inf)
        self.largest = max(self.largest, float(np.abs(expected).max(initial=0)))
        self.worst = max(self.worst, float(difference.max(initial=0)))

    @property
    def relative(self) -> float:
        """The difference over the largest value."""
        return self.worst / max(self.largest, 1e-6)


@dataclass(frozen=True, eq=False)
class Rounding:
    """What quantized weights change.

    Parameters
    ----------
    samples
        On how many it was seen.
    layers
        By population the largest abs(f(x)), and the largest difference.
    same_class
        By output, the share of equal largest outputs.
    exact
        By population that can be compared with Keras, f(x) of the network in float, (first samples, neurons).
    """

    samples: int
    layers: dict[str, dict[str, float]]
    same_class: dict[str, float]
    exact: dict[str, Values]


@dataclass(frozen=True)
class Comparison:
    """How far the network in float is from Keras.

    Parameters
    ----------
    outputs
        Relative difference by output, or a text that says why there is nothing to compare with.
    layers
        Relative difference by population, of those whose layer Keras shows.
    notes
        What had to be done to have something to compare with.
    """

    outputs: dict[str, float] | str
    layers: dict[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def compare_rounding(lowered: Graph, quantized: Graph, frames: Batch, layer_outputs: Iterable[str] = ()) -> Rounding:
    """Compare the quantized network with the one in float, which is not needed afterwards.

    Parameters
    ----------
    lowered, quantized
        The network in float, and with quantized weights.
    frames
        (samples, \\*shape) by the name of the input, on which both are run.
    layer_outputs
        Populations that Keras can show as well; the outputs always are.
    """
    differences = {node.name: Difference() for node in lowered.nodes if not node.external}
    same: dict[str, list[NDArray[np.bool_]]] = {name: [] for name in lowered.outputs}
    probed = [name for name in differences if name in {*layer_outputs, *lowered.outputs}]
    sizes = {name: prod(lowered[name].shape) for name in probed}
    kept, seen = min(len(next(iter(frames.values()))), max(1, KEPT // sum(sizes.values()))), 0
    exact = {name: empty((kept, size), np.float32) for name, size in sizes.items()}
    for batch in _batches(lowered, frames):
        pairs = zip(evaluated(lowered, dict(batch)), evaluated(quantized, dict(batch)))
        for (node, _, value), (_, _, whole) in pairs:
            if node.name in differences:
                differences[node.name].add(value, whole)
            if node.name in same:
                same[node.name].append(decisions(node, value) == decisions(node, whole))
            if node.name in exact:
                exact[node.name][seen : seen + len(value)] = value[: max(kept - seen, 0)]
        seen += len(next(iter(batch.values())))
    layers = {name: {"largest": found.largest, "difference": found.worst} for name, found in differences.items()}
    share = {name: float(np.mean(np.concatenate([part.reshape(-1) for part in parts]))) for name, parts in same.items()}
    return Rounding(seen, layers, share, exact)


def compared(
    original: Any,
    graph: Graph,
    frames: Batch,
    exact: Mapping[str, Values],
    layer_outputs: Mapping[str, LayerOutput] | None = None,
    what: str = "seeded inputs",
) -> Comparison:
    """Compare what the network in float has given with what Keras gives.

    Parameters
    ----------
    original
        The Keras model, or a text that says why there is none to compare with.
    graph
        The network; of what precision does not matter here.
    frames
        (samples, \\*shape) by the name of the input.
    exact
        f(x) on the first of them, as of :class:`Rounding`.
    layer_outputs
        By population, which layer's output it is.
    what
        What the frames are called, for messages.

    Raises
    ------
    ConversionError
        If the network in float is not what Keras computes.
    """
    if isinstance(original, str):
        return Comparison(original)
    samples = len(next(iter(exact.values())))
    found: dict[Probe, Difference] = {}
    try:
        reference = KerasValues(original, graph, layer_outputs or {})
        expected = reference.on([frames[node.name][:samples] for node in graph.inputs])
        for node in graph.nodes:
            for probe in reference.probes.get(node.name, ()):
                found[probe] = Difference()
                found[probe].add(expected(probe), _as_keras_shows(node, probe, exact[node.name]))
    except FileError as error:
        return Comparison(str(error))
    return _judged(found, reference, what)


def _judged(found: Mapping[Probe, Difference], reference: KerasValues, what: str) -> Comparison:
    """The differences; ConversionError at the first that is too large."""
    outputs: dict[str, float] = {}
    layers: dict[str, float] = {}
    # Layers first, in order of the network: the first that differs is where the defect lies.
    for probe, difference in sorted(found.items(), key=lambda item: not item[0].layer):
        if not difference.relative <= reference.tolerance:
            where = f"layer '{probe.layer}'" if probe.layer else f"output {probe.population}"
            far = f"{difference.relative:.2g} of its largest value on {what}, {reference.tolerance:g} is allowed"
            way_out = "this conversion would be wrong: please report the model's layers as a defect of tfsnn"
            raise ConversionError((f"{where}: differs from Keras by {far}; {way_out}",))
        layers.setdefault(probe.population, difference.relative)
        if not probe.layer:
            outputs[probe.population] = difference.relative
    return Comparison(outputs, layers, reference.notes)


def merged(comparisons: Sequence[Comparison]) -> Comparison:
    """The worst of several comparisons of the same networks; the first that could not be made stands for all."""
    first = comparisons[0]
    for other in comparisons[1:]:
        if isinstance(first.outputs, str) or isinstance(other.outputs, str):
            return first if isinstance(first.outputs, str) else other
        outputs = {name: max(value, other.outputs[name]) for name, value in first.outputs.items()}
        layers = {name: max(value, other.layers[name]) for name, value in first.layers.items()}
        first = Comparison(outputs, layers, tuple(dict.fromkeys((*first.notes, *other.notes))))
    return first


def summary(rounding: Rounding, comparison: Comparison) -> dict[str, Any]:
    """What the artifact keeps of it, rounded so that neither cores nor processor show in it.

    Returns
    -------
    dict
        ``samples``; ``keras``: by output a bound of the relative difference, or the text; ``layers``: by population the
        largest abs(f(x)), the largest difference that quantization made and, where Keras has the layer, a bound of the
        relative difference to it; ``same_class``: share of equal largest outputs.
    """
    outputs = comparison.outputs
    keras = outputs if isinstance(outputs, str) else {name: _bound(difference) for name, difference in outputs.items()}
    layers = {
        name: {what: float(f"{value:.4g}") for what, value in found.items()}
        | ({"keras": _bound(comparison.layers[name])} if name in comparison.layers else {})
        for name, found in rounding.layers.items()
    }
    return {"samples": rounding.samples, "keras": keras, "layers": layers, "same_class": rounding.same_class}


def _bound(difference: float) -> float:
    """The next power of ten, 1e-5 at least: Keras computes in float32, and what is below comes from its order of summation."""
    return max(1e-5, float(f"1e{ceil(log10(difference))}")) if difference > 0 else 1e-5


def decisions(node: Node, value: Values) -> Values:
    """What an output decides, at each position of a map: the largest unit, or for one sigmoid unit whether it exceeds 1/2.

    Parameters
    ----------
    node
        The output.
    value
        f(x), (samples, neurons).
    """
    units = value.reshape(len(value), -1, node.shape[-1])
    if node.shape[-1] > 1:
        return np.asarray(units.argmax(axis=-1))
    # A single unit of any other kind is a number, which decides nothing.
    binary = "sigmoid" in node.activation.kind
    return np.asarray(units[..., 0] > 0.5) if binary else np.zeros(units.shape[:2], bool)


def _batches(graph: Graph, frames: Batch) -> Iterator[Batch]:
    # A quarter of the memory budget at most, where a sample is large; two networks are run at a time.
    size = samples_within(2 * forward_bytes(graph, 8)[1], 4, max(1, BATCH_NEURONS // max(1, graph.neurons)))
    for first in range(0, len(next(iter(frames.values()))), size):
        yield {name: values[first : first + size] for name, values in frames.items()}


def _as_keras_shows(node: Node, probe: Probe, found: Values) -> Values:
    """What Keras' tensor should hold, (samples, values)."""
    if node.softmax:
        found = softmaxed(found.reshape(-1, *node.shape)).reshape(found.shape)
    if probe.factors:
        found = (found.reshape(len(found), -1, node.shape[-1]) / np.asarray(probe.factors, np.float32)).reshape(found.shape)
    return gather_sum(found, route(probe.view, node.shape)) if probe.view else found


def softmaxed(x: Values) -> Values:
    """Softmax over the last axis."""
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    total: Values = e / e.sum(axis=-1, keepdims=True)
    return total
