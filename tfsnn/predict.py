"""What a network answers to raw input, in the form in which Keras answers it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfsnn.artifact import Net
from tfsnn.errors import InputError
from tfsnn.input.events import Events
from tfsnn.network.nodes import Node
from tfsnn.simulate import Result, run, simulate


def predicted(net: Net, raw: Any, settings: dict[str, Any]) -> Any:
    """What :meth:`tfsnn.Net.predict` returns.

    Parameters
    ----------
    net
        What to simulate.
    raw
        As of :meth:`tfsnn.Net.events`.
    settings
        As of :func:`simulate`.
    """
    events = net.events(raw)
    result = simulate(net, events, **settings, record=("trajectory",))
    if events.samples == 1 and net.graph.inputs[0].encoder.kind == "delta":
        result = replace(result, outputs=_after_each_frame(result, len(np.asarray(raw))))
    found = {name: _softmaxed(net.graph[name], values) for name, values in result.by_output.items()}
    return found if len(found) > 1 else next(iter(found.values()))


def _after_each_frame(result: Result, frames: int) -> NDArray[np.float64]:
    """Outputs after each frame of one stream, a time stamp each; before the first event those at rest."""
    trajectory, plan = result.trajectory, result.plan
    if trajectory is None:
        raise InputError(f"predict: engine {result.engine!r} records no trajectory; choose another")
    rest = run(plan, Events([], [], [], [0, 0], plan.graph.inputs[0].shape)).outputs
    row = np.searchsorted(trajectory.t, np.arange(frames), side="right")
    found: NDArray[np.float64] = np.concatenate([rest, trajectory.outputs])[row]
    return found


def _softmaxed(node: Node, values: NDArray[np.float64]) -> NDArray[np.float64]:
    if not getattr(node, "softmax", False):
        return values
    powers = np.exp(values - values.max(axis=-1, keepdims=True))
    shares: NDArray[np.float64] = powers / powers.sum(axis=-1, keepdims=True)
    return shares
