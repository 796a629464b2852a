"""Time-to-first-spike coding: the activation of a neuron is the inverse of the time until its only spike.

B. Rueckauer and S.-C. Liu, *Conversion of analog to spiking neural networks using sparse temporal coding*, IEEE ISCAS
2018 (the papers' [12] and [27]), in its basic form. A neuron that has fired once keeps driving the neurons behind it with
a constant current; its information is when that begins. In each clock step of length dt, population by population, with
lambda the scale of a population (see :class:`SpikingNetwork` on normalization), a the analog input and h = 1 for every
neuron that has fired by now:

    v += dt (W a) where the input reaches it, + dt (W (lambda h) + b) once any of its sources has fired
    a neuron that has not fired yet fires when v >= lambda

A bias counts from the first spike (or the input) on that reaches the population, so that it does not fire by itself. A
max-pooling window fires with the first neuron under it. Output neurons do not fire; of their v the largest is the class.
Synapses hold a state here (a current that goes on), unlike in a sigma-delta network: an operation is counted for each
target when a current begins, not for the additions of the steps that follow.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tfsnn.aliases import Array
from tfsnn.errors import InputError
from tfsnn.network.graph import Graph
from tfsnn.network.nodes import Input, Neurons

from .coding import BATCH, Coded, SpikingNetwork, joined


def ttfs_coded(
    graph: Graph, frames: Array, duration: float, dt: float, progress: Callable[[int], object] | None = None
) -> Coded:
    """Run a network under time-to-first-spike coding.

    Parameters
    ----------
    graph
        A network with one input whose hidden populations are ReLU, calibrated.
    frames
        (frames, \\*shape): the analog input.
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
    if not (0 < dt <= duration < float("inf")):
        raise InputError(f"baseline ttfs: duration {duration} in steps of {dt}; both must be above 0, and a step no longer than all")
    network = SpikingNetwork(graph, "ttfs")
    parts = []
    for first in range(0, len(frames), BATCH):
        batch = frames[first : first + BATCH].reshape(-1, network.fan_outs[graph.inputs[0].name].size)
        parts.append(_batch(network, batch, round(duration / dt), np.float32(dt)))
        if progress is not None:
            progress(len(parts[-1].outputs))
    return joined(parts)


def _batch(network: SpikingNetwork, frames: Array, steps: int, dt: np.float32) -> Coded:
    graph = network.graph
    frames = frames.astype(np.float32)
    from_input = {s.source for node in graph.nodes if isinstance(node, Neurons) for s in node.synapses}
    driven = {graph.inputs[0].name} & from_input
    constant = {node.name: network.constant(node, frames) for node in graph.nodes if isinstance(node, Neurons)}
    potential = {name: np.zeros_like(value) for name, value in constant.items()}
    fired = {node.name: np.zeros((len(frames), len(network.fan_outs[node.name])), bool) for node in graph.nodes}
    for _ in range(steps):
        sent: dict[str, Array] = {}
        for node in graph.nodes:
            if isinstance(node, Input):
                continue
            if isinstance(node, Neurons):
                v, scale = potential[node.name], np.float32(node.scale)
                reached = np.zeros(len(frames), bool)
                for synapse in node.synapses:
                    reached |= synapse.source in driven or fired[synapse.source].any(axis=1)
                current = network.current(node, sent)
                total = constant[node.name] if current is None else constant[node.name] + current
                v += dt * total * reached[:, None]
                if node.name in graph.outputs:
                    continue
                fired[node.name] |= v >= scale
                sent[node.name] = fired[node.name] * scale
            else:
                taps = network.under_taps(node, sent[node.source])
                sent[node.name] = taps.max(axis=2)
                fired[node.name] |= sent[node.name] > 0
    outputs = np.concatenate([potential[name] for name in graph.outputs], axis=1).astype(np.float64) / (steps * float(dt))
    spikes = sum(value.sum(axis=1, dtype=np.int64) for value in fired.values())
    operations = sum(value.astype(np.int64) @ network.fan_outs[name] for name, value in fired.items())
    return Coded(outputs, np.asarray(spikes), np.asarray(operations), network.input_macs)
