"""The networks and inputs that the benchmarks run: the papers' MNIST network and PilotNet, random weights, made-up input."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfsnn.input.encoder import Encoder
from tfsnn.input.events import Events
from tfsnn.network.graph import Graph
from tfsnn.network.nodes import Input, Neurons, Node, Synapse
from tfsnn.network.ops import Activation, AveragePool, Conv, Dense, Linear, Relay, relayed, same_padding

PIXELS = Encoder("graded", scale=1 / 255)


def layer(rng: np.random.Generator, name: str, source: Node, op: Linear, relays: tuple[Relay, ...] = ()) -> Neurons:
    """ReLU neurons behind random int8 weights that keep the size of what passes."""
    shape = relayed(relays, source.shape)
    weight = rng.normal(size=op.weight_shape(shape)) * np.sqrt(2 / np.prod(op.weight_shape(shape)[:-1]))
    scale = (np.abs(weight).reshape(-1, weight.shape[-1]).max(axis=0) / 127).astype(np.float32)
    made = op.output(shape)
    synapse = Synapse(source.name, relays, op, np.rint(weight / scale).astype(np.int8), scale)
    return Neurons(name, made, (synapse,), np.zeros(made[-1], np.float32), Activation("relu"))


def mnist_net(width: int = 1, encoder: Encoder | None = None) -> Graph:
    """16C5-2AP2-8C5-2AP2-256-10, each layer but the last ``width`` times as wide."""
    rng, pool, same = np.random.default_rng(0), (AveragePool((2, 2), (2, 2)),), same_padding(28, 5, 1)
    image = Input("in", (28, 28, 1), encoder or Encoder("delay"))
    first = layer(rng, "conv1", image, Conv(16 * width, (5, 5), padding=(same, same)))
    second = layer(rng, "conv2", first, Conv(8 * width, (5, 5), padding=(same, same)), pool)
    third = layer(rng, "dense1", second, Dense(256 * width), pool)
    return Graph((image, first, second, third, layer(rng, "dense2", third, Dense(10))), ("dense2",))


def pilotnet() -> Graph:
    """66x200x3, 24C5/2, 36C5/2, 48C5/2, 64C3, 64C3, then 1164, 100, 50, 10, 1."""
    rng = np.random.default_rng(0)
    nodes: list[Node] = [Input("in", (66, 200, 3), PIXELS)]
    for filters, window, stride in ((24, 5, 2), (36, 5, 2), (48, 5, 2), (64, 3, 1), (64, 3, 1)):
        nodes.append(layer(rng, f"conv{len(nodes)}", nodes[-1], Conv(filters, (window, window), (stride, stride))))
    for units in (1164, 100, 50, 10, 1):
        nodes.append(layer(rng, f"dense{len(nodes)}", nodes[-1], Dense(units)))
    return Graph(tuple(nodes), (nodes[-1].name,))


def single_layer(op: Linear, shape: tuple[int, ...]) -> Graph:
    """One layer on an input of that shape."""
    image = Input("in", shape, PIXELS)
    return Graph((image, layer(np.random.default_rng(0), "layer", image, op)), ("layer",))


def strokes(count: int) -> NDArray[np.uint8]:
    """28x28 images of three soft strokes each, about as bright as handwritten digits."""
    rng = np.random.default_rng(1)
    y, x = np.mgrid[:28, :28]
    images = np.zeros((count, 28, 28, 1))
    for image in images:
        for _ in range(3):
            (row, column), angle, half = rng.uniform(7, 21, 2), rng.uniform(0, 2 * np.pi), rng.uniform(4, 9)
            along = (x - column) * np.cos(angle) + (y - row) * np.sin(angle)
            across = (y - row) * np.cos(angle) - (x - column) * np.sin(angle)
            image[..., 0] += np.exp(-((across / 1.5) ** 2)) * (np.abs(along) < half)
    return (np.clip(images, 0, 1) * 255).astype(np.uint8)


def video(shape: tuple[int, ...], share: float, frames: int = 20) -> Events:
    """One sample of random frames, of which each changes this share of the input that was black at first."""
    rng, size = np.random.default_rng(2), int(np.prod(shape))
    count, now = max(1, round(size * share)), np.zeros(size, np.int64)
    t: list[Any] = []
    neuron: list[Any] = []
    payload: list[Any] = []
    for frame in range(frames):
        where = np.sort(rng.choice(size, count, replace=False))
        value = rng.integers(0, 256, count)
        changed = value != now[where]
        t.append(np.full(int(changed.sum()), frame))
        neuron.append(where[changed])
        payload.append((value - now[where])[changed])
        now[where] = value
    steps, neurons, payloads = (np.concatenate(part) for part in (t, neuron, payload))
    return Events(steps, neurons, payloads, [0, len(steps)], shape)
