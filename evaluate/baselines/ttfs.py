"""Time-to-first-spike coding: the activation of a neuron is the inverse of the time until its only spike.

B. Rueckauer and S.-C. Liu, *Conversion of analog to spiking neural networks using sparse temporal coding*, IEEE ISCAS
2018 (the papers' [12] and [27]), in its basic form. A neuron that has fired once keeps driving the neurons behind it with
a constant current; its information is when that begins. In each clock step of length dt, population by population, with
lambda the scale of a population (see :class:`.coding.SpikingNetwork` on normalization), a the analog input and h = 1 for
every neuron that has fired by now:

    v += dt (b + W a + W (lambda h)), once the analog input or a first spike has reached the population
    a neuron that has not fired yet fires when v >= lambda

A bias counts from then on only, so that it does not fire by itself. A max-pooling window fires with the first neuron under
it. Output neurons do not fire: of their v / duration the largest is the class.
Synapses hold a state here (a current that goes on), unlike in a sigma-delta network: an operation is counted for each
target when a current begins, not for the additions of the steps that follow.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from tfsnn.aliases import Array
from tfsnn.errors import InputError
from tfsnn.network.graph import Graph
from tfsnn.network.nodes import MaxPool, Neurons

from .coding import Coded, SpikingNetwork, Values


def ttfs_coded(
    graph: Graph, frames: Mapping[str, Array], duration: float, dt: float, progress: Callable[[int], object] | None = None
) -> Coded:
    """Run a network under time-to-first-spike coding.

    Parameters
    ----------
    graph
        A calibrated network whose hidden populations are ReLU.
    frames
        (frames, \\*shape) by input: the analog input.
    duration
        Time that a frame is presented; a neuron of the calibrated scale fires after 1.
    dt
        Length of a clock step.
    progress
        Called with the number of frames done, after each batch.

    Raises
    ------
    InputError
        If a hidden population is not ReLU, or a time is not above 0.
    """
    if not 0 < dt <= duration < float("inf"):
        raise InputError(f"baseline ttfs: duration {duration} in steps of {dt}; both must be above 0, and a step no longer than all")
    network = SpikingNetwork(graph, "ttfs")
    steps = round(duration / dt)
    return network.run(frames, lambda batch: _batch(network, batch, steps, np.float32(dt)), progress)


def _batch(network: SpikingNetwork, frames: Values, steps: int, dt: np.float32) -> Coded:
    samples = len(next(iter(frames.values())))
    constant = network.constants(frames)
    potential = {name: np.zeros_like(value) for name, value in constant.items()}
    fired = network.silent(samples, bool)
    for _ in range(steps):
        sent: Values = {}
        for node in network.spiking:
            if isinstance(node, Neurons):
                v, scale = potential[node.name], np.float32(node.scale)
                current = network.current(node, sent)
                total = constant[node.name] if current is None else constant[node.name] + current
                v += dt * total * _reached(network, node, fired, samples)
                if node.name in network.graph.outputs:
                    continue
                fired[node.name] |= v >= scale
                sent[node.name] = fired[node.name] * scale
            elif isinstance(node, MaxPool):
                sent[node.name] = network.under_taps(node, sent[node.source]).max(axis=2)
                fired[node.name] |= sent[node.name] > 0
    return network.counted(fired, {name: v / (steps * dt) for name, v in potential.items()})


def _reached(network: SpikingNetwork, node: Neurons, fired: Mapping[str, Array], samples: int) -> Array:
    """bool (samples, 1): whether anything has come to the population yet; a constant needs nothing to come."""
    reached = np.full(samples, not node.synapses)
    for source in node.sources:
        reached |= source in network.analog or fired[source].any(axis=1)
    return reached[:, None]
