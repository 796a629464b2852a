"""The scale of each population: what a relative threshold refers to, and what rounding errors are averaged over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import ceil, prod
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfsnn.aliases import Array
from tfsnn.input.encoder import Encoder
from tfsnn.memory import afford, empty, samples_within
from tfsnn.network.forward import evaluated
from tfsnn.network.graph import Graph
from tfsnn.network.nodes import Input, Neurons
from tfsnn.network.ops import Activation
from tfsnn.network.room import forward_bytes

PERCENTILE = 0.999
BATCH_NEURONS = 4_000_000


@dataclass(frozen=True, eq=False)
class Calibration:
    """What a graph does on calibration data.

    Parameters
    ----------
    scales
        99.9th percentile of abs(f(x)) over samples and neurons, by population.
    means
        Mean of f(x) over the samples, (neurons) by population; empty if nobody asked.
    samples
        How many were seen.
    """

    scales: dict[str, float]
    means: dict[str, NDArray[np.float32]]
    samples: int


def calibrate(graph: Graph, frames: dict[str, NDArray[np.float32]], *, means: bool = True) -> Calibration:
    """Run the dense network over the frames and look at every population.

    Parameters
    ----------
    graph
        In float.
    frames
        (samples, \\*shape) by the name of the input.
    means
        Take means, too.
    """
    samples = len(next(iter(frames.values())))
    largest: dict[str, NDArray[Any]] = {}
    sums: dict[str, NDArray[np.float64]] = {}
    keep = {node.name: ceil((1 - PERCENTILE) * samples * prod(node.shape)) for node in graph.nodes}

    # A quarter of the memory budget at most, where a sample is large.
    size = samples_within(forward_bytes(graph, 8)[1], 4, max(1, BATCH_NEURONS // max(1, graph.neurons)))
    for first in range(0, samples, size):
        batch = {name: values[first : first + size] for name, values in frames.items()}
        # In double precision: the order of summation, which depends on the number of cores, must not show in a float32.
        for node, _, value in evaluated(graph, batch, dtype=np.float64):
            if means:
                if node.name not in sums:
                    sums[node.name] = empty(value.shape[1:], np.float64)
                    sums[node.name][:] = 0
                sums[node.name] += value.sum(axis=0)
            # The percentile is the k-th largest of all: batch by batch, only k values need be kept.
            both = np.concatenate([largest.get(node.name, value[:0, 0]), np.abs(value).reshape(-1)])
            k = min(keep[node.name], len(both))
            # A copy: a view would keep them all.
            largest[node.name] = np.partition(both, len(both) - k)[len(both) - k :].copy()
    scales = {name: _scale(values) for name, values in largest.items()}
    return Calibration(scales, {name: (total / samples).astype(np.float32) for name, total in sums.items()}, samples)


def scaled(graph: Graph, scales: dict[str, float]) -> Graph:
    """The graph with these scales in its populations."""
    nodes = tuple(replace(n, scale=scales.get(n.name, n.scale)) if isinstance(n, Neurons) else n for n in graph.nodes)
    return Graph(nodes, graph.outputs)


def expected_scales(
    graph: Graph, statistics: Mapping[str, tuple[Array, Array]], factors: Mapping[str, NDArray[np.float32]]
) -> dict[str, float]:
    """Scales of the populations whose x a batch norm has set, by name.

    Parameters
    ----------
    graph
        The network.
    statistics
        Mean and standard deviation of x, (channels) by population.
    factors
        By which equalizing has multiplied the channels since, by population.
    """
    found = {}
    for name, (mean, deviation) in statistics.items():
        node = graph[name]
        if isinstance(node, Neurons):
            factor = factors.get(name, np.ones(1, np.float32))
            found[name] = expected_scale(node.activation, mean * factor, deviation * factor)
    return found


def drawn_range(node: Input) -> tuple[float, float]:
    """Least and largest raw value of drawn input: those that the encoder expects, else 0 to 255 for pixels."""
    encoder = node.encoder
    if encoder.range:
        low, high = encoder.range
        return low, high
    top = 1 / encoder.scale if encoder.kind == "delay" else max(255.0, 1 / encoder.scale)
    return 0.0, float(min(top, 1 << 20))


def synthetic(node: Input, samples: int, seed: int) -> NDArray[Any]:
    """Raw input for want of data: smooth random images over the encoder's whole range, the same for a seed.

    Parameters
    ----------
    node
        The input population; whole numbers are drawn where the grid of its encoder is one of whole numbers.
    samples
        How many.
    seed
        Of the generator.
    """
    advice = "give the model a smaller input"
    afford(48 * samples * prod(node.shape), f"convert: {samples} drawn inputs of shape {node.shape}", advice)
    generator = np.random.default_rng(seed)
    low, high = drawn_range(node)
    coarse = generator.random((samples, *(max(1, n // 8) if i < 2 and len(node.shape) == 3 else n for i, n in enumerate(node.shape))))
    for axis, n in enumerate(node.shape, start=1):
        coarse = np.repeat(coarse, ceil(n / coarse.shape[axis]), axis=axis).take(range(n), axis=axis)
    noisy = 0.8 * coarse + 0.2 * generator.random(coarse.shape)
    raw: NDArray[Any] = low + noisy * (high - low)
    # At a step of their own, fractions are not rounded away.
    return raw.astype(np.float32) if node.encoder.step else np.rint(raw).astype(np.int64)


def frames_of(graph: Graph, raw: dict[str, NDArray[Any]]) -> dict[str, NDArray[np.float32]]:
    """What the network sees of raw input: the encoder's frames, (samples, \\*shape) by the name of the input."""
    encoders: dict[str, Encoder] = {node.name: node.encoder for node in graph.inputs}
    return {name: encoders[name].frames(values) for name, values in raw.items()}


def expected_scale(activation: Activation, mean: Array, deviation: Array) -> float:
    """99.9th percentile of abs(f(x)) if each channel's x is normal with this mean and standard deviation."""
    steepest = replace(activation, slope=float(np.max(np.abs(activation.slope))))
    quantiles = np.array([NormalDist().inv_cdf((i + 0.5) / 2000) for i in range(2000)])
    values = np.abs(steepest(mean + deviation * quantiles[:, None]))
    return float(np.quantile(values, 0.999)) or 1.0


def _scale(values: NDArray[Any]) -> float:
    """The percentile; the largest value where that is 0, and 1 for a population that never spikes."""
    low, high = float(np.float32(values.min())), float(np.float32(values.max()))
    return low if low > 0 else high if high > 0 else 1.0
