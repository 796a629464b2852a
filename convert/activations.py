"""Activations: as an argument of a layer, as Activation("name"), or as a layer of their own.

A pointwise function closes the signal's sum and becomes f of a population. Softmax does so at an output of the model alone,
where it changes neither the order of the classes nor the cost: x is kept, softmax is left to the reader.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from tfsnn.ops import Activation

from .call import Call
from .records import Config, LayerRecord
from .signal import Signal

SELU_ALPHA, SELU_SCALE = 1.6732632423543772, 1.0507009873554805
RELU = Activation("relu")
NAMED = {
    "relu": RELU,
    "relu6": Activation("relu", top=6.0),
    "leaky_relu": Activation("relu", slope=0.2),
    "elu": Activation("elu"),
    **{
        kind: Activation(kind)
        for kind in (
            "sigmoid", "hard_sigmoid", "hard_sigmoid_keras2", "tanh", "hard_tanh", "softsign", "softplus", "silu", "hard_silu", "mish"
        )
    },
}


def activated(call: Call, signal: Signal) -> Signal:
    """The signal behind the activation that is an argument of its layer."""
    return apply(call, signal, call.layer.take("activation", "linear"))


def apply(call: Call, signal: Signal, activation: Any) -> Signal:
    """The signal behind an activation: a name, or a serialised layer."""
    if isinstance(activation, dict):
        inner = LayerRecord(call.layer.name, str(activation["class_name"]), Config(activation["config"]), call.layer.weights)
        if inner.class_name not in LAYERS:
            raise call.refuse(f"activation {inner.class_name!r}", f"replace it by one of {', '.join(sorted(LAYERS))}")
        result = LAYERS[inner.class_name](replace(call, layer=inner), signal)
        if inner.unread():
            raise call.refuse(f"settings {', '.join(inner.unread())} of its activation", "tfsnn does not know what they change")
        return result
    if activation in (None, "linear"):
        return signal
    if activation == "softmax":
        return call.builder.neurons(signal, Activation("linear"), softmax=True)
    if activation == "selu":
        return selu(call, signal)
    if activation == "gelu":
        return call.builder.neurons(signal, Activation("gelu"))
    if activation not in NAMED:
        raise call.refuse(f"activation {activation!r}", f"replace it by one of {', '.join(sorted((*NAMED, 'gelu', 'selu', 'softmax')))}")
    return call.builder.neurons(signal, NAMED[activation])


def activation(call: Call, signal: Signal) -> Signal:
    """any pointwise activation by name; softmax at an output"""
    return activated(call, signal)


def relu(call: Call, signal: Signal) -> Signal:
    """max_value, negative_slope, threshold"""
    top, slope, start = (call.layer.take(key, 0.0) for key in ("max_value", "negative_slope", "threshold"))
    slope, start = slope or 0.0, start or 0.0
    if slope and (start or top):
        raise call.refuse(f"negative_slope {slope} with max_value {top} and threshold {start}", "a slope can be converted alone")
    f = Activation("relu", slope=float(slope), top=float(top) if top else float("inf"), start=float(start))
    return call.builder.neurons(signal, f)


def leaky_relu(call: Call, signal: Signal) -> Signal:
    """any negative_slope"""
    return call.builder.neurons(signal, Activation("relu", slope=float(call.layer.take("negative_slope", 0.3))))


def prelu(call: Call, signal: Signal) -> Signal:
    """any shared_axes"""
    call.layer.take("shared_axes", None)
    signal = call.builder.settle(signal) if signal.view else signal
    alpha = call.weight("alpha")
    if not all(a in (1, n) for a, n in zip(alpha.shape, signal.shape)) or alpha.ndim != len(signal.shape):
        raise call.refuse(f"alpha of shape {alpha.shape} on an input of shape {signal.shape}", "the file does not fit itself")
    slope = alpha.reshape(-1) if alpha.size == alpha.shape[-1] else alpha
    return call.builder.neurons(signal, Activation("relu", slope=nested(slope.tolist())))


def nested(values: Any) -> Any:
    """Lists as tuples, all the way down."""
    return tuple(nested(value) for value in values) if isinstance(values, list) else values


def elu(call: Call, signal: Signal) -> Signal:
    """any alpha"""
    return call.builder.neurons(signal, Activation("elu", alpha=float(call.layer.take("alpha", 1.0))))


def selu(call: Call, signal: Signal) -> Signal:
    """as ELU with a gain behind it"""
    closed = call.builder.neurons(signal, Activation("elu", alpha=SELU_ALPHA))
    return call.builder.affine(closed, np.asarray(SELU_SCALE), np.zeros(()))


def softmax(call: Call, signal: Signal) -> Signal:
    """over the channels, at an output of the model"""
    call.only("axis", (-1, len(signal.seen)), -1)
    return apply(call, signal, "softmax")


LAYERS: dict[str, Callable[[Call, Signal], Signal]] = {
    "Activation": activation,
    "ReLU": relu,
    "LeakyReLU": leaky_relu,
    "PReLU": prelu,
    "ELU": elu,
    "Softmax": softmax,
}
