"""What Keras computes, tensor by tensor, in the order in which it is asked for; what nobody needs any more is forgotten.

A functional model that is called as a whole keeps every tensor of every layer until it has returned: more than the weights of
a large network. Here a tensor is computed when somebody asks for it, and goes when its last consumer has had it.
"""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any

import numpy as np

from tfsnn.aliases import Array
from tfsnn.errors import FileError
from tfsnn.keras_model.load import KERAS_ERRORS


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


def answers(
    model: Any, given: Sequence[Array], *, batch: int = 64, progress: Callable[[int], object] | None = None
) -> list[Array]:
    """What a model answers to samples, (samples, \\*shape) by number of the output.

    Parameters
    ----------
    model
        The Keras model.
    given
        (samples, \\*shape) by number of the input.
    batch
        Samples at a time.
    progress
        Called with the number of samples done, after each batch.

    Raises
    ------
    FileError
        Keras has loaded the model, and cannot run it.
    """
    import tensorflow as tf

    found: list[list[Array]] = []
    try:
        tensors = _tensors(model)
        for first in range(0, len(given[0]), batch):
            part = [values[first : first + batch] for values in given]
            found.append([np.asarray(value, np.float32) for value in _answered(model, tensors, part)])
            if progress is not None:
                progress(len(part[0]))
    except (*KERAS_ERRORS, tf.errors.OpError) as error:
        raise FileError(f"Keras cannot run the model ({type(error).__name__})") from error
    return [np.concatenate(parts) for parts in zip(*found, strict=True)]


def _tensors(model: Any) -> Tensors | None:
    try:
        return Tensors(model)
    except KERAS_ERRORS:
        # Keras versions differ in what they let one look at.
        return None


def _answered(model: Any, tensors: Tensors | None, given: Sequence[Array]) -> Sequence[Any]:
    if tensors is None:
        found = model(given if len(given) > 1 else given[0], training=False)
        return found if isinstance(found, (list, tuple)) else [found]
    values = tensors.on(given, model.outputs)
    return [values.take(tensor) for tensor in model.outputs]
