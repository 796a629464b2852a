"""Activations: as an argument of a layer, as Activation("name"), or as a layer of their own.

A pointwise function closes the signal's sum and becomes f of a population. Softmax does so at an output of the model alone,
where it changes neither the order of the classes nor the cost: x is kept, softmax is left to the reader.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from tfsnn.network.ops import Activation, Reshape

from ..read.records import Config, LayerRecord
from .call import Handler, LayerCall
from .signal import Signal, behind_view, per_channel

SELU_ALPHA, SELU_SCALE = 1.6732632423543772, 1.0507009873554805
NAMED = {
    "relu": Activation("relu"),
    "relu6": Activation("relu", top=6.0),
    "leaky_relu": Activation("relu", slope=0.2),
    "elu": Activation("elu"),
    "celu": Activation("elu"),
    "sigmoid": Activation("sigmoid"),
    "hard_sigmoid": Activation("hard_sigmoid"),
    "hard_sigmoid_keras2": Activation("hard_sigmoid_keras2"),
    "tanh": Activation("tanh"),
    "hard_tanh": Activation("hard_tanh"),
    "softsign": Activation("softsign"),
    "softplus": Activation("softplus"),
    "silu": Activation("silu"),
    "hard_silu": Activation("hard_silu"),
    "mish": Activation("mish"),
    "gelu": Activation("gelu"),
}
"""f by its name in Keras, where the name says all. `hard_sigmoid_keras2` is what Keras 1 and 2 call hard_sigmoid."""
ALLOWED = ", ".join(sorted({*NAMED, "linear", "selu", "softmax"} - {"hard_sigmoid_keras2"}))


def activated(call: LayerCall, signal: Signal) -> Signal:
    """The signal behind the activation that is an argument of its layer."""
    return apply(call, signal, call.layer.take("activation", "linear"))


def apply(call: LayerCall, signal: Signal, activation: Any) -> Signal:
    """The signal behind an activation: a name, or a serialised layer; behind one that is unknown, the signal itself."""
    if isinstance(activation, dict):
        return _as_layer(call, signal, activation)
    if activation in (None, "linear"):
        return signal
    if activation == "softmax":
        return _softmax(call, signal)
    if activation == "selu":
        return selu(call, signal)
    if isinstance(activation, str) and activation in NAMED:
        return call.builder.neurons(signal, NAMED[activation])
    call.problems.append(call.problem(f"activation {str(activation)[:60]!r}", f"replace it by one of {ALLOWED}"))
    return signal


def _as_layer(call: LayerCall, signal: Signal, activation: dict[str, Any]) -> Signal:
    if activation.get("class_name") in (None, "__lambda__", "Lambda"):
        call.problems.append(call.problem("an activation that is code, which is never run", f"replace it by one of {ALLOWED}"))
        return signal
    name, config = str(activation.get("class_name"))[:60], activation.get("config")
    if name not in LAYERS or not isinstance(config, dict):
        call.problems.append(call.problem(f"activation {name!r}", f"replace it by one of {', '.join(sorted(LAYERS))}"))
        return signal
    inner = LayerRecord(call.layer.name, name, Config(config), call.layer.weights)
    result = LAYERS[name](replace(call, layer=inner), signal)
    if inner.unread():
        raise call.refuse(f"settings {', '.join(inner.unread())} of its activation", "tfsnn does not know what they change")
    return result


def _softmax(call: LayerCall, signal: Signal) -> Signal:
    # Keras goes along the last axis of its tensor, we along that of the population: a view may not exchange them.
    rows = signal.keras_shape[-1] == signal.shape[-1] and all(isinstance(relay, Reshape) for relay in signal.view)
    return call.builder.neurons(signal if rows else call.builder.settle(signal), Activation("linear"), softmax=True)


def activation(call: LayerCall, signal: Signal) -> Signal:
    """any pointwise activation by name; softmax at an output"""
    return activated(call, signal)


def relu(call: LayerCall, signal: Signal) -> Signal:
    """max_value, negative_slope, threshold; a slope alone"""
    top, slope, start = (call.number(key, value) for key, value in (("max_value", np.inf), ("negative_slope", 0.0), ("threshold", 0.0)))
    if slope and (start or top < np.inf):
        raise call.refuse(f"negative_slope {slope:g} with max_value {top:g} and threshold {start:g}", "use a slope without them")
    if top < 0:
        raise call.refuse(f"max_value is {top:g}", "expected 0 or above")
    return call.builder.neurons(signal, Activation("relu", slope=slope, top=top, start=start))


def leaky_relu(call: LayerCall, signal: Signal) -> Signal:
    """any negative_slope"""
    return call.builder.neurons(signal, Activation("relu", slope=call.number("negative_slope", 0.3)))


def prelu(call: LayerCall, signal: Signal) -> Signal:
    """any shared_axes"""
    call.layer.take("shared_axes", None)
    alpha = call.weight("alpha")
    if alpha.ndim != len(signal.keras_shape) or not all(a in (1, n) for a, n in zip(alpha.shape, signal.keras_shape)):
        raise call.refuse(f"alpha of shape {alpha.shape} on an input of shape {signal.keras_shape}", "the file contradicts itself")
    slopes = behind_view(signal, np.broadcast_to(alpha, signal.keras_shape))
    lean = per_channel(slopes)
    return call.builder.neurons(signal, Activation("relu", slope=nested((slopes if lean is None else lean).tolist())))


def nested(values: Any) -> Any:
    """Lists as tuples, all the way down."""
    return tuple(nested(value) for value in values) if isinstance(values, list) else values


def elu(call: LayerCall, signal: Signal) -> Signal:
    """any alpha"""
    return call.builder.neurons(signal, Activation("elu", alpha=call.number("alpha", 1.0)))


def selu(call: LayerCall, signal: Signal) -> Signal:
    """as ELU with a gain behind it"""
    closed = call.builder.neurons(signal, Activation("elu", alpha=SELU_ALPHA))
    return call.builder.affine(closed, np.asarray(SELU_SCALE), np.zeros(()))


def softmax(call: LayerCall, signal: Signal) -> Signal:
    """over the last axis, at an output of the model"""
    axis = call.layer.take("axis", -1)
    if axis not in (-1, len(signal.keras_shape), (-1,), [-1]):
        raise call.refuse(f"axis is {axis!r}", "only the last axis can be converted")
    return _softmax(call, signal)


LAYERS: dict[str, Handler] = {
    "Activation": activation,
    "ReLU": relu,
    "LeakyReLU": leaky_relu,
    "PReLU": prelu,
    "ELU": elu,
    "Softmax": softmax,
}
