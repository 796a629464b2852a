"""Keras networks of the recipes, and what they would do as event-driven ones.

Training minimizes an estimate: all input arrives in one time bin, and each neuron then sends once how its activation differs from
its rest, or nothing if that is less than its threshold. What the network really costs is measured by ``tfsnn evaluate``.
"""

from __future__ import annotations

from math import prod
from typing import Any, NamedTuple

from tfsnn.errors import InputError

from .recipes import Network, Steering

FEW = 2
"""Channels of what a sensor gives: grey, or two polarities."""


class ForwardPass(NamedTuple):
    """A forward pass: the outputs before softmax or tanh, and for each hidden population what differs from rest.

    ``changes`` are those of the activations, ``spikes`` those that were sent to the next layer; (n, \\*shape) each.
    """

    logits: Any
    changes: list[Any]
    spikes: list[Any]


def build(network: Network | Steering, shape: tuple[int, ...], classes: int) -> Any:
    """An untrained Keras model of a recipe's network.

    Parameters
    ----------
    network
        Its description.
    shape
        Of an input frame: height, width, channels.
    classes
        Number of outputs; of :class:`Steering` it is 1.
    """
    return _steering(network, shape) if isinstance(network, Steering) else _classifier(network, shape, classes)


def _steering(network: Steering, shape: tuple[int, ...]) -> Any:
    from keras import Sequential, layers

    hidden = {"activation": "relu", "kernel_initializer": network.initializer}
    model, left = Sequential([layers.Input(shape)], name="network"), min(shape[:2])
    for i, (filters, kernel, stride) in enumerate(zip(network.filters, network.kernels, network.strides, strict=True), 1):
        left = (left - kernel) // stride + 1
        if left < 1:
            raise InputError(f"train: frames of {shape[0]}x{shape[1]} are too small for the network; convolution {i} has nothing left")
        model.add(layers.Conv2D(filters, kernel, stride, **hidden, name=f"conv{i}"))
    model.add(layers.Flatten(name="flatten"))
    for i, neurons in enumerate(network.hidden, 1):
        model.add(layers.Dense(neurons, **hidden, name=f"dense{i}"))
    model.add(layers.Dense(1, activation="tanh", name="output"))
    return model


def _classifier(network: Network, shape: tuple[int, ...], classes: int) -> Any:
    from keras import Sequential, layers

    pool = {"average": layers.AveragePooling2D, "max": layers.MaxPooling2D}[network.pooling]
    hidden = {"activation": "relu", "kernel_initializer": network.initializer}
    model = Sequential([layers.Input(shape)], name="network")
    for i, filters in enumerate(network.filters, 1):
        model.add(layers.Conv2D(filters, network.kernel, padding="same", **hidden, name=f"conv{i}"))
        model.add(pool(2, name=f"pool{i}"))
    if network.hidden:
        model.add(layers.Flatten(name="flatten"))
        model.add(layers.Dense(network.hidden, **hidden, name="dense"))
    else:
        model.add(layers.GlobalAveragePooling2D(name="average"))
    model.add(layers.Dropout(network.dropout, name="dropout"))
    model.add(layers.Dense(classes, activation="softmax", name="output"))
    return model


def fan_outs(model: Any) -> list[int]:
    """Synapses that a neuron of the input and of each hidden population sends to, on average, as if there were no borders."""
    weighted = [layer for layer in model.layers if layer.weights]
    # (height, width, in, out) of a convolution, (in, out) of a dense layer: each input channel meets all the others.
    return [prod(layer.kernel.shape) // layer.kernel.shape[-2] // prod(getattr(layer, "strides", ())) for layer in weighted]


def neurons(model: Any) -> int:
    """Neurons of all populations, outputs included and the input not."""
    return sum(prod(layer.output.shape[1:]) for layer in model.layers if layer.weights)


def forward(model: Any, frames: Any, thresholds: Any, *, training: bool = False) -> ForwardPass:
    """Run a model whose neurons send only changes that reach their threshold.

    Parameters
    ----------
    model
        A chain of layers, as :func:`build` makes it.
    frames
        float32 (n, \\*shape).
    thresholds
        float32 (n,), one for each image; 0 gives the plain network. The gradients are those of the plain network always.
    training
        Drop out.
    """
    import tensorflow as tf
    from keras.layers import Dropout

    # One more frame, with no event in it, shows what every neuron does at rest; in a batch of its own it might be rounded otherwise.
    x = tf.concat([frames, tf.zeros_like(frames[:1])], 0)
    changes, spikes = [], []
    *layers, output = model.layers
    for layer in layers:
        x = layer(x, training=training) if isinstance(layer, Dropout) else _applied(layer, x)
        if layer.weights:
            # Split and not sliced: the gradient of each slice would be a tensor as large as the whole.
            active, rest = tf.split(x, [tf.shape(x)[0] - 1, 1])
            change = active - rest
            limit = tf.reshape(thresholds, [-1] + [1] * (len(x.shape) - 1))
            kept = tf.stop_gradient(tf.where(tf.abs(change) < limit, change, 0.0))
            x = tf.concat([active - kept, rest], 0)
            changes.append(change)
            spikes.append(change - kept)
    return ForwardPass(tf.matmul(x[:-1], output.kernel) + output.bias, changes, spikes)


def _applied(layer: Any, x: Any) -> Any:
    """A layer; a convolution of few channels computes several columns at once.

    With a column of an image's few channels, matrix products are so narrow that a first layer takes longer than all others. So its
    kernel stands once for each of some adjacent columns, each time one further to the right, as channels of one wider kernel.
    """
    import tensorflow as tf
    from keras.layers import Conv2D

    plain = isinstance(layer, Conv2D) and layer.padding == "same" and layer.strides == layer.dilation_rate == (1, 1)
    height, width, channels = x.shape[1:4] if len(x.shape) == 4 else (0, 0, 0)
    side = next((count for count in (4, 3, 2) if width % count == 0), 1)
    if not plain or layer.groups != 1 or channels > FEW or side == 1:
        return layer(x)
    kernel = tf.concat([tf.pad(layer.kernel, [[0, 0], [at, side - 1 - at], [0, 0], [0, 0]]) for at in range(side)], -1)
    rims = [[(size - 1) // 2, size // 2] for size in layer.kernel_size]
    sums = tf.nn.conv2d(tf.pad(x, [[0, 0], *rims, [0, 0]]), kernel, [1, 1, side, 1], "VALID")
    return layer.activation(tf.nn.bias_add(tf.reshape(sums, (-1, height, width, layer.filters)), layer.bias))


def operations(model: Any, counts: list[int]) -> int:
    """Synaptic operations of so many events of the input and of each hidden population."""
    return sum(fan * count for fan, count in zip(fan_outs(model), counts, strict=True))
