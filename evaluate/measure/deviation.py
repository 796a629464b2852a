"""How far what each population has sent is from what it would send in the network without events."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tfsnn.aliases import Array, Floats
from tfsnn.network.forward import evaluated
from tfsnn.plan.plan import Plan
from tfsnn.record import State


def deviations(plan: Plan, state: State, outputs: Floats, frames: Mapping[str, Array]) -> dict[str, dict[str, float | None]]:
    """Root mean square of sent - f(x), by population but the inputs, and its share of the root mean square of f(x).

    Parameters
    ----------
    plan
        What was simulated.
    state
        Where the neurons stand when the last of some samples' events are delivered.
    outputs
        float64 (samples, outputs): of the output populations, whose x is read.
    frames
        (samples, \\*shape) by input: the same samples as frames.
    """
    sizes = [plan.graph[name] for name in plan.graph.outputs]
    cuts = np.cumsum([int(np.prod(node.shape)) for node in sizes])[:-1]
    inputs = {node.name for node in plan.graph.inputs}
    read = dict(zip(plan.graph.outputs, np.split(outputs, cuts, axis=1)))
    found: dict[str, dict[str, float | None]] = {}
    for (node, _, right), population, sent in zip(evaluated(plan.graph, dict(frames)), plan.populations, state.o):
        # What an input has sent is its events, which it keeps no sum of.
        if node.name in inputs:
            continue
        value = read[node.name] if node.name in read else sent * population.unit
        error = float(np.sqrt(np.mean((value - right) ** 2)))
        extent = float(np.sqrt(np.mean(right.astype(np.float64) ** 2)))
        found[node.name] = {"rms": error, "share": error / extent if extent > 0 else None}
    return found
