"""What Keras computes, tensor by tensor, in the order in which it is asked for; what nobody needs any more is forgotten.

A functional model that is called as a whole keeps every tensor of every layer until it has returned: more than the weights of
a large network. Here a tensor is computed when somebody asks for it, and goes when its last consumer has had it.
"""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfsnn.errors import FileError
from tfsnn.network.graph import Graph
from tfsnn.network.ops import Relay

from ..lower.driver import LayerOutput

TOLERANCE = {"float16": 2e-2, "bfloat16": 1e-1}
"""Worst difference to Keras, relative to the largest value of the layer, that rounding in its precision may explain."""
SINGLE = 1e-3
"""The same for float32."""
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
    number
        Of the output.
    view
        Between f(x) and the tensor.
    factors
        How many times as large as the tensor's the population's channels are.
    """

    population: str
    layer: str = ""
    number: int = 0
    view: tuple[Relay, ...] = ()
    factors: tuple[float, ...] = ()


@dataclass(eq=False)
class Evaluation:
    """Values of a model's tensors, computed when they are asked for.

    Parameters
    ----------
    tensors
        Of the model.
    values
        What is known and still needed, by identity of the tensor; at first the inputs.
    left
        How often each tensor will still be used.
    """

    tensors: Tensors
    values: dict[int, Any]
    left: Counter[int]

    def take(self, tensor: Any) -> Any:
        """The value of a tensor, once for each time that it is wanted."""
        waiting = [tensor]
        while waiting:
            last = waiting[-1]
            if id(last) in self.values:
                waiting.pop()
                continue
            layer, node = self.tensors.nodes[id(last)]
            missing = [x for x in node.input_tensors if id(x) not in self.values]
            waiting += missing
            if not missing:
                self._run(layer, node)
        value = self.values[id(tensor)]
        self._used(tensor)
        return value

    def _run(self, layer: Any, node: Any) -> None:
        import keras

        args, kwargs = node.arguments.fill_in(self.values)
        results = keras.tree.flatten(self.tensors.called(layer, args, kwargs))
        self.values |= {id(x): y for x, y in zip(node.outputs, results, strict=True) if self.left[id(x)]}
        for x in node.input_tensors:
            self._used(x)

    def _used(self, tensor: Any) -> None:
        self.left[id(tensor)] -= 1
        if not self.left[id(tensor)]:
            del self.values[id(tensor)]


class Tensors:
    """The tensors between the inputs and the outputs of a functional Keras model.

    Parameters
    ----------
    model
        The Keras model.

    Attributes
    ----------
    by_layer
        The tensor that a layer gives in this model; its own ``output`` may belong to another model that calls it too.
    nodes
        By identity of a tensor, the layer that gives it, and the call.
    uses
        By identity of a tensor, how often it is used inside.
    notes
        Layers that Keras computes wrongly, and what they are compared with.
    """

    def __init__(self, model: Any) -> None:
        self.model = model
        self.by_layer: dict[str, Any] = {}
        self.notes: list[str] = []
        self.nodes: dict[int, tuple[Any, Any]] = {}
        given = {id(tensor) for tensor in model.inputs}
        calls, waiting = {}, list(model.outputs)
        while waiting:
            tensor = waiting.pop()
            if id(tensor) in self.nodes or id(tensor) in given:
                continue
            layer, call, _ = tensor._keras_history
            node = layer._inbound_nodes[call]
            self.nodes[id(tensor)] = layer, node
            self.by_layer.setdefault(layer.name, tensor)
            calls[id(node)] = node
            waiting += node.input_tensors
        self.uses = Counter(id(tensor) for node in calls.values() for tensor in node.input_tensors)

    def on(self, given: Sequence[Any], wanted: Sequence[Any]) -> Evaluation:
        """The values of tensors on these inputs.

        Parameters
        ----------
        given
            Values of the inputs, in their order.
        wanted
            The tensors that will be asked for, each as often as it stands here.
        """
        import keras

        values = {id(x): keras.ops.convert_to_tensor(value, dtype=x.dtype) for x, value in zip(self.model.inputs, given, strict=True)}
        return Evaluation(self, values, self.uses + Counter(map(id, wanted)))

    def called(self, layer: Any, args: Any, kwargs: dict[str, Any]) -> Any:
        """What a layer gives in use; a model inside is walked likewise."""
        import keras
        import tensorflow as tf

        if hasattr(layer, "layers") and hasattr(layer, "outputs"):
            inside = Tensors(layer)
            values = inside.on(keras.tree.flatten(args), layer.outputs)
            results = [values.take(tensor) for tensor in layer.outputs]
            self.notes += [note for note in inside.notes if note not in self.notes]
            return results
        if "training" in inspect.signature(layer.call).parameters:
            kwargs = {**kwargs, "training": False}
        try:
            result = layer(*args, **kwargs)
        except tf.errors.OpError:
            # TensorFlow without oneDNN has no convolution and no pooling of channels_first on a CPU.
            if not channels_first(layer):
                raise
            return through_channels_last(layer, args[0])
        if type(layer).__name__ == "Add":
            return self._summed(layer, keras.tree.flatten(args), result)
        if not _bias_misplaced(layer, result):
            return result
        self._note(layer, "adds its bias along the wrong axis; compared with the bias along the channels")
        return through_channels_last(layer, args[0])

    def _summed(self, layer: Any, terms: list[Any], result: Any) -> Any:
        """The sum, also where Keras takes a term with one value a sample for a bias."""
        if len({tuple(np.shape(term)) for term in terms}) == 1 or len({str(getattr(term, "dtype", "")) for term in terms}) > 1:
            return result
        right = reduce(add, terms)
        if np.allclose(right, result, rtol=1e-3, atol=1e-6):
            return result
        self._note(layer, "adds a tensor of one value a sample along the wrong axis; compared with what its documentation says")
        return right

    def _note(self, layer: Any, what: str) -> None:
        import keras

        note = f"{layer.name}: Keras {keras.__version__} {what}"
        self.notes += [note] if note not in self.notes else []


def _bias_misplaced(layer: Any, result: Any) -> bool:
    """Whether Keras has added a bias along the last axis to channels that come first.

    Where the last axis is as long as the bias, some releases of Keras 3 take it for the channels.
    """
    import keras

    biased = channels_first(layer) and getattr(layer, "use_bias", False)
    if not biased or result.shape[1] != result.shape[-1]:
        return False
    sums = keras.ops.add(np.zeros((1, 2, 1, 2), np.float32), np.array([1, 0], np.float32).reshape(1, 2, 1, 1))
    return float(sums[0, 0, 0, 1]) != 1.0


def channels_first(layer: Any) -> bool:
    """Whether a layer's tensors are (samples, channels, rows, columns)."""
    return str(getattr(layer, "data_format", "")) == "channels_first"


def through_channels_last(layer: Any, value: Any) -> Any:
    """What a layer of channels_first gives, computed by a layer of the same settings and weights whose channels come last."""
    import keras

    value = keras.ops.moveaxis(value, 1, -1)
    twin = type(layer).from_config({**layer.get_config(), "data_format": "channels_last"})
    twin.build(value.shape)
    for own, other in zip(twin.weights, layer.weights, strict=True):
        own.assign(other)
    result = twin(value)
    # Global pooling may leave no rows and columns.
    return keras.ops.moveaxis(result, -1, 1) if len(result.shape) > 2 else result


class KerasValues:
    """A Keras model, to compare with.

    Parameters
    ----------
    model
        The Keras model.
    graph
        What became of it.
    layer_outputs
        By population, which layer's output it is.

    Attributes
    ----------
    probes
        The tensors that can be compared, by population.
    tolerance
        Relative difference that is allowed.
    """

    def __init__(self, model: Any, graph: Graph, layer_outputs: Mapping[str, LayerOutput]) -> None:
        precision = {str(getattr(layer, "compute_dtype", "float32")) for layer in model.layers}
        self.tolerance = max((TOLERANCE.get(name, SINGLE) for name in precision), default=SINGLE)
        self._model = model
        probes = [Probe(name, number=number) for number, name in enumerate(graph.outputs)]
        self._tensors: Tensors | None
        try:
            self._tensors = Tensors(model)
            inside = self._tensors.by_layer
            shown = {name: end for name, end in layer_outputs.items() if end.layer in inside}
            probes += [Probe(name, end.layer, view=end.view, factors=_listed(end.factors)) for name, end in shown.items()]
        except KERAS_ERRORS:
            # Keras versions differ in what they let one look at; the outputs are there in all.
            self._tensors = None
        self.probes: dict[str, list[Probe]] = {}
        for probe in probes:
            self.probes.setdefault(probe.population, []).append(probe)

    @property
    def notes(self) -> tuple[str, ...]:
        """What had to be done to have something to compare with."""
        return () if self._tensors is None else tuple(self._tensors.notes)

    def on(self, given: list[NDArray[np.float32]]) -> Callable[[Probe], NDArray[np.float32]]:
        """A function from a probe to what Keras has there, (samples, values); it is to be asked once for each.

        Raises
        ------
        FileError
            Here or there: Keras has loaded the model, and cannot run it.
        """
        value = _asked(self._values, given)
        return lambda probe: np.asarray(_asked(value, probe), np.float32).reshape(len(given[0]), -1)

    def _values(self, given: list[NDArray[np.float32]]) -> Callable[[Probe], Any]:
        tensors = self._tensors
        if tensors is None:
            answers = self._model(given if len(given) > 1 else given[0], training=False)
            answers = answers if isinstance(answers, (list, tuple)) else [answers]
            return lambda probe: answers[probe.number]

        def place(probe: Probe) -> Any:
            return tensors.by_layer[probe.layer] if probe.layer else self._model.outputs[probe.number]

        values = tensors.on(given, [place(probe) for probes in self.probes.values() for probe in probes])
        return lambda probe: values.take(place(probe))


def _listed(factors: NDArray[Any] | None) -> tuple[float, ...]:
    return () if factors is None else tuple(factors.tolist())


def _asked(work: Callable[[Any], Any], argument: Any) -> Any:
    """What Keras makes of it, or one error of ours."""
    import tensorflow as tf

    try:
        return work(argument)
    except (*KERAS_ERRORS, tf.errors.OpError) as error:
        found = f"Keras cannot run the model ({type(error).__name__})"
        raise FileError(f"not compared: {found}; only the float and the integer network were compared") from error
