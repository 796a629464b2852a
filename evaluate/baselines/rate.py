"""Rate coding: the activation of a neuron is its mean firing rate over a number of clock steps.

B. Rueckauer et al., *Conversion of continuous-valued deep networks to efficient event-driven networks for image
classification*, Frontiers in Neuroscience 2017 (the papers' [9] and [24]): analog input, reset by subtraction, weights
normalized at the 99.9th percentile, spiking max pooling. In each step, population by population, with lambda the scale of
a population (see :class:`SpikingNetwork` on normalization), a the analog input and s the spikes of other populations:

    v += b + W a + W (lambda s)
    s = 1 where v >= lambda, else 0
    v -= lambda s

A max-pooling window lets through the spikes of that neuron which has fired most so far, of equals the first. Output
neurons do not fire: v / steps is their mean input, of which the largest is the class. Average pooling is part of the
synapse behind it, as everywhere in tfsnn, and has no neurons of its own.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tfsnn.aliases import Array
from tfsnn.errors import InputError
from tfsnn.network.graph import Graph
from tfsnn.network.nodes import Input, Neurons

from .coding import BATCH, Coded, SpikingNetwork, joined


def rate_coded(graph: Graph, frames: Array, steps: int, progress: Callable[[int], object] | None = None) -> Coded:
    """Run a network under rate coding.

    Parameters
    ----------
    graph
        A network with one input whose hidden populations are ReLU, calibrated.
    frames
        (frames, \\*shape): the analog input.
    steps
        Clock steps, 1 or more; a neuron fires at most once in each.
    progress
        Called with the number of frames done, after each batch.

    Raises
    ------
    InputError
        If a hidden population is not ReLU, or ``steps`` is below 1.
    """
    if steps < 1:
        raise InputError(f"baseline rate: {steps} steps; give 1 or more")
    network = SpikingNetwork(graph, "rate")
    parts = []
    for first in range(0, len(frames), BATCH):
        parts.append(_batch(network, frames[first : first + BATCH].reshape(-1, network.fan_outs[graph.inputs[0].name].size), steps))
        if progress is not None:
            progress(len(parts[-1].outputs))
    return joined(parts)


def _batch(network: SpikingNetwork, frames: Array, steps: int) -> Coded:
    graph = network.graph
    frames = frames.astype(np.float32)
    constant = {node.name: network.constant(node, frames) for node in graph.nodes if isinstance(node, Neurons)}
    potential = {name: np.zeros_like(value) for name, value in constant.items()}
    count = {node.name: np.zeros((len(frames), len(network.fan_outs[node.name])), np.int32) for node in graph.nodes}
    for _ in range(steps):
        sent: dict[str, Array] = {}
        for node in graph.nodes:
            if isinstance(node, Input):
                continue
            if isinstance(node, Neurons):
                v, scale = potential[node.name], np.float32(node.scale)
                v += constant[node.name]
                current = network.current(node, sent)
                if current is not None:
                    v += current
                if node.name in graph.outputs:
                    continue
                fired = v >= scale
                v -= fired * scale
                sent[node.name] = fired * scale
            else:
                leader = network.under_taps(node, count[node.source]).argmax(axis=2)
                taps = network.under_taps(node, sent[node.source])
                sent[node.name] = np.take_along_axis(taps, leader[..., None], axis=2)[..., 0]
            count[node.name] += sent[node.name] != 0
    outputs = np.concatenate([potential[name] for name in graph.outputs], axis=1).astype(np.float64) / steps
    spikes = sum(value.sum(axis=1, dtype=np.int64) for value in count.values())
    operations = sum(value.astype(np.int64) @ network.fan_outs[name] for name, value in count.items())
    return Coded(outputs, np.asarray(spikes), np.asarray(operations), network.input_macs)
