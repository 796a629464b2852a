"""Rate coding: the activation of a neuron is its mean firing rate over a number of clock steps.

B. Rueckauer et al., *Conversion of continuous-valued deep networks to efficient event-driven networks for image
classification*, Frontiers in Neuroscience 2017 (the papers' [9] and [24]): analog input, reset by subtraction, weights
normalized at the 99.9th percentile, spiking max pooling. In each step, population by population, with lambda the scale of
a population (see :class:`.coding.SpikingNetwork` on normalization), a the analog input and s the spikes of other
populations:

    v += b + W a + W (lambda s)
    s = 1 where v >= lambda, else 0
    v -= lambda s

A max-pooling window lets through the spikes of that neuron which has fired most so far, of equals the first. Output
neurons do not fire: v / steps is their mean input, of which the largest is the class. Average pooling is part of the
synapse behind it, unless the converter made a population of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from tfsnn.aliases import Array
from tfsnn.errors import InputError
from tfsnn.network.graph import Graph
from tfsnn.network.nodes import MaxPool, Neurons

from .coding import Coded, SpikingNetwork, Values


def rate_coded(
    graph: Graph, frames: Mapping[str, Array], steps: int, progress: Callable[[int], object] | None = None
) -> Coded:
    """Run a network under rate coding.

    Parameters
    ----------
    graph
        A calibrated network whose hidden populations are ReLU.
    frames
        (frames, \\*shape) by input: the analog input.
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
    return network.run(frames, lambda batch: _batch(network, batch, steps), progress)


def _batch(network: SpikingNetwork, frames: Values, steps: int) -> Coded:
    constant = network.constants(frames)
    potential = {name: np.zeros_like(value) for name, value in constant.items()}
    count = network.silent(len(next(iter(frames.values()))), np.int32)
    for _ in range(steps):
        sent: Values = {}
        for node in network.spiking:
            if isinstance(node, Neurons):
                v, scale = potential[node.name], np.float32(node.scale)
                v += constant[node.name]
                current = network.current(node, sent)
                if current is not None:
                    v += current
                if node.name in network.graph.outputs:
                    continue
                fired = v >= scale
                v -= fired * scale
                sent[node.name] = fired * scale
            elif isinstance(node, MaxPool):
                leader = network.under_taps(node, count[node.source]).argmax(axis=2)
                taps = network.under_taps(node, sent[node.source])
                sent[node.name] = np.take_along_axis(taps, leader[..., None], axis=2)[..., 0]
            count[node.name] += sent[node.name] != 0
    return network.counted(count, {name: v / np.float32(steps) for name, v in potential.items()})
