"""Conversion proves itself: the original against the network in float, and that against the quantized one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfsnn.dense import forward
from tfsnn.errors import ConversionError
from tfsnn.graph import Graph, Neurons

TOLERANCE = 1e-3
"""Worst difference to Keras, relative to the largest value of the output, that float32 rounding may explain."""


def verify(original: Any, lowered: Graph, quantized: Graph, frames: dict[str, NDArray[np.float32]]) -> dict[str, Any]:
    """Worst differences, by output against Keras and by population against the network in float.

    Parameters
    ----------
    original
        The Keras model, or a text that says why there is none to compare with.
    lowered, quantized
        The network in float, and with whole weights.
    frames
        (samples, \\*shape) by the name of the input, on which all are run.

    Returns
    -------
    dict
        ``samples``; ``keras``: relative difference by output, or the text; ``layers``: by population the largest
        abs(f(x)) and the largest difference that quantization made; ``same_class``: share of equal largest outputs.

    Raises
    ------
    ConversionError
        If the network in float is not what Keras computes.
    """
    exact, whole = _values(lowered, frames), _values(quantized, frames)
    report: dict[str, Any] = {"samples": len(next(iter(frames.values())))}
    report["keras"] = original if isinstance(original, str) else _against_keras(original, lowered, exact, frames)
    report["layers"] = {
        name: {"largest": float(np.abs(value).max()), "difference": float(np.abs(value - whole[name]).max())} for name, value in exact.items()
    }
    agree = [np.argmax(exact[name], axis=1) == np.argmax(whole[name], axis=1) for name in quantized.outputs]
    report["same_class"] = {name: float(np.mean(same)) for name, same in zip(quantized.outputs, agree)}
    return report


def _values(graph: Graph, frames: Mapping[str, NDArray[np.float32]]) -> dict[str, NDArray[np.float64]]:
    """f(x) of every population of neurons, (samples, neurons) by name."""
    states = forward(graph, dict(frames))
    return {
        node.name: node.activation(states[node.name].reshape(-1, *node.shape)).reshape(states[node.name].shape)
        for node in graph.nodes
        if isinstance(node, Neurons)
    }


def softmaxed(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Softmax over the last axis."""
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    total: NDArray[np.float64] = e / e.sum(axis=-1, keepdims=True)
    return total


def _against_keras(
    model: Any, graph: Graph, values: Mapping[str, NDArray[np.float64]], frames: Mapping[str, NDArray[np.float32]]
) -> dict[str, float]:
    given = [frames[node.name] for node in graph.inputs]
    answers = model(given if len(given) > 1 else given[0], training=False)
    differences = {}
    for name, answer in zip(graph.outputs, answers if isinstance(answers, (list, tuple)) else [answers]):
        node, expected = graph[name], np.asarray(answer, np.float64)
        found = values[name].reshape(len(expected), *node.shape)
        if isinstance(node, Neurons) and node.softmax:
            found = softmaxed(found)
        difference = np.abs(found.reshape(expected.shape) - expected).max() / max(np.abs(expected).max(), 1e-6)
        if not difference <= TOLERANCE:
            raise ConversionError((
                f"output {name}: differs from Keras by {difference:.2g} of its largest value on seeded inputs, {TOLERANCE:g} is allowed; "
                "this conversion would be wrong: please report the model's layers as a defect of tfsnn",
            ))
        differences[name] = float(difference)
    return differences
