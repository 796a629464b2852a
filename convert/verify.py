"""Conversion proves itself: Keras against the network in float, layer by layer, and that against the quantized one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfsnn.dense import forward, gathered
from tfsnn.errors import ConversionError
from tfsnn.graph import Graph, Input, Neurons
from tfsnn.ops import Relay, route

from .lower import Closed

Values = NDArray[Any]
Batch = dict[str, NDArray[np.float32]]
TOLERANCE = {"float16": 2e-2, "bfloat16": 1e-1}
"""Worst difference to Keras, relative to the largest value of the layer, that rounding in its precision may explain."""
SINGLE = 1e-3
"""The same for float32."""
BATCH_NEURONS = 2_000_000
KERAS_ERRORS = (ValueError, TypeError, KeyError, AttributeError, OSError, ImportError, IndexError, RuntimeError, NotImplementedError)


@dataclass(frozen=True)
class Probe:
    """A tensor of the Keras model that a population must equal.

    Parameters
    ----------
    population
        Its name.
    layer
        The layer whose output it is; empty for an output of the model.
    view
        Between f(x) and the tensor.
    """

    population: str
    layer: str = ""
    view: tuple[Relay, ...] = ()


@dataclass(frozen=True)
class Reference:
    """What to compare with.

    Parameters
    ----------
    run
        From a list of inputs to the probed tensors, one for each probe.
    probes
        What they are.
    tolerance
        Relative difference allowed.
    """

    run: Callable[[list[NDArray[np.float32]]], Any]
    probes: tuple[Probe, ...]
    tolerance: float


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
        # A NaN must not hide behind max.
        difference = np.nan_to_num(np.abs(found - expected), nan=np.inf)
        self.largest = max(self.largest, float(np.abs(expected).max(initial=0)))
        self.worst = max(self.worst, float(difference.max(initial=0)))

    @property
    def relative(self) -> float:
        """The difference over the largest value."""
        return self.worst / max(self.largest, 1e-6)


@dataclass
class Tally:
    """Differences found so far.

    Parameters
    ----------
    rounding
        By population, of the quantized network to the network in float.
    keras
        By probe, of the network in float to Keras.
    same
        By output, whether both networks have the same largest output.
    """

    rounding: defaultdict[str, Difference] = field(default_factory=lambda: defaultdict(Difference))
    keras: defaultdict[Probe, Difference] = field(default_factory=lambda: defaultdict(Difference))
    same: defaultdict[str, list[NDArray[np.bool_]]] = field(default_factory=lambda: defaultdict(list))

    def rounded(self, graph: Graph, exact: Mapping[str, Values], whole: Mapping[str, Values]) -> None:
        """Compare the two networks on one batch."""
        for name in exact:
            self.rounding[name].add(exact[name], whole[name])
        for name in graph.outputs:
            self.same[name].append(np.argmax(exact[name], axis=1) == np.argmax(whole[name], axis=1))

    def compared(self, reference: Reference, graph: Graph, batch: Batch, exact: Mapping[str, Values]) -> None:
        """Compare with Keras on one batch."""
        given = [batch[node.name] for node in graph.inputs]
        answers = reference.run(given)
        answers = answers if isinstance(answers, (list, tuple)) else [answers]
        for probe, answer in zip(reference.probes, answers, strict=True):
            self.keras[probe].add(np.asarray(answer, np.float32).reshape(len(given[0]), -1), _seen(graph, probe, exact))


def verify(
    original: Any, lowered: Graph, quantized: Graph, frames: Batch, closed: Mapping[str, Closed] | None = None
) -> dict[str, Any]:
    """Worst differences, by output and layer against Keras, and by population against the network in float.

    Parameters
    ----------
    original
        The Keras model, or a text that says why there is none to compare with.
    lowered, quantized
        The network in float, and with whole weights.
    frames
        (samples, \\*shape) by the name of the input, on which all are run.
    closed
        By population, which layer's output it is.

    Returns
    -------
    dict
        ``samples``; ``keras``: relative difference by output, or the text; ``layers``: by population the largest
        abs(f(x)), the largest difference that quantization made and, where Keras has the layer, the relative difference
        to it; ``same_class``: share of equal largest outputs.

    Raises
    ------
    ConversionError
        If the network in float is not what Keras computes.
    """
    reference = original if isinstance(original, str) else _reference(original, lowered, closed or {})
    tally, samples = Tally(), 0
    for batch in _batches(lowered, frames):
        exact, whole = _values(lowered, batch), _values(quantized, batch)
        tally.rounded(lowered, exact, whole)
        samples += len(next(iter(batch.values())))
        if isinstance(reference, Reference):
            try:
                tally.compared(reference, lowered, batch, exact)
            except _keras_errors() as error:
                reference = f"not compared: Keras cannot run the model ({type(error).__name__}); the float network stands for it"
    layers: dict[str, dict[str, float]] = {
        name: {"largest": found.largest, "difference": found.worst} for name, found in tally.rounding.items()
    }
    keras = reference if isinstance(reference, str) else _judged(tally, reference.tolerance, layers)
    same = {name: float(np.mean(np.concatenate(parts))) for name, parts in tally.same.items()}
    return {"samples": samples, "keras": keras, "layers": layers, "same_class": same}


def _judged(tally: Tally, tolerance: float, layers: dict[str, dict[str, float]]) -> dict[str, float]:
    """Differences by output; those of layers go into ``layers``. ConversionError at the first that is too large."""
    outputs = {}
    # Layers first, in order of the network: the first that differs is where the defect lies.
    for probe, found in sorted(tally.keras.items(), key=lambda item: not item[0].layer):
        if not found.relative <= tolerance:
            where = f"layer '{probe.layer}'" if probe.layer else f"output {probe.population}"
            raise ConversionError((
                f"{where}: differs from Keras by {found.relative:.2g} of its largest value on seeded inputs, {tolerance:g} is allowed; "
                "this conversion would be wrong: please report the model's layers as a defect of tfsnn",
            ))
        layers[probe.population].setdefault("keras", found.relative)
        if not probe.layer:
            outputs[probe.population] = found.relative
    return outputs


def _reference(model: Any, graph: Graph, closed: Mapping[str, Closed]) -> Reference:
    """The Keras model with an output more for each layer that a population closes."""
    import keras

    precision = {str(getattr(layer, "compute_dtype", "float32")) for layer in model.layers}
    tolerance = max((TOLERANCE.get(name, SINGLE) for name in precision), default=SINGLE)
    outputs = tuple(Probe(name) for name in graph.outputs)
    try:
        inside = _tensors(model)
        ends = [(name, closed[name]) for name in (node.name for node in graph.nodes) if name in closed and closed[name].layer in inside]
        whole = keras.Model(model.inputs, [*model.outputs, *(inside[end.layer] for _, end in ends)])
        probes = tuple(Probe(name, end.layer, end.view) for name, end in ends)
        return Reference(lambda given: whole(given, training=False), outputs + probes, tolerance)
    except KERAS_ERRORS:
        # Keras versions differ in what they let one look at; the outputs are there in all.
        return Reference(lambda given: model(given if len(given) > 1 else given[0], training=False), outputs, tolerance)


def _tensors(model: Any) -> dict[str, Any]:
    """By layer, the tensor that it gives in this model; its own `output` may belong to another model that calls it too."""
    found: dict[str, Any] = {}
    waiting = list(model.outputs)
    while waiting:
        tensor = waiting.pop()
        layer, call, _ = tensor._keras_history
        if layer.name not in found:
            found[layer.name] = tensor
            waiting += layer._inbound_nodes[call].input_tensors
    return found


def _keras_errors() -> tuple[type[BaseException], ...]:
    import tensorflow as tf

    return (*KERAS_ERRORS, tf.errors.OpError)


def _batches(graph: Graph, frames: Batch) -> Iterator[Batch]:
    size = max(1, BATCH_NEURONS // max(1, graph.neurons))
    for first in range(0, len(next(iter(frames.values()))), size):
        yield {name: values[first : first + size] for name, values in frames.items()}


def _values(graph: Graph, frames: Batch) -> dict[str, Values]:
    """f(x) of every population, (samples, neurons) by name."""
    told: dict[str, Values] = {}

    def look(node: Any, value: Values) -> Values:
        told[node.name] = value
        return value

    forward(graph, dict(frames), sent=look, dtype=np.float32)
    return {node.name: told[node.name] for node in graph.nodes if not isinstance(node, Input)}


def _seen(graph: Graph, probe: Probe, exact: Mapping[str, Values]) -> Values:
    """What Keras' tensor should hold, (samples, values)."""
    node, found = graph[probe.population], exact[probe.population]
    if isinstance(node, Neurons) and node.softmax:
        found = softmaxed(found.reshape(-1, *node.shape)).reshape(found.shape)
    return gathered(found, route(probe.view, node.shape)) if probe.view else found


def softmaxed(x: Values) -> Values:
    """Softmax over the last axis."""
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    total: Values = e / e.sum(axis=-1, keepdims=True)
    return total
