"""Whether a model takes whole numbers as they are or their 255th parts: no file says so, but labels do."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfsnn.input.encoder import Encoder
from tfsnn.network.forward import evaluated
from tfsnn.network.graph import Graph
from tfsnn.network.nodes import Node

from .verify.compare import decisions

TRIED, FEWEST = 64, 16
"""Samples that are tried at most; and at least, for labels to say anything."""
MARKEDLY = 0.35
"""By how much the share of right decisions must differ: four standard deviations of what luck does on so many samples."""
Values = NDArray[Any]


def raw_is_value(graph: Graph, raw: Values, labels: Values) -> str:
    """Why the model must take raw numbers as they are, in words; empty where nothing says so.

    Parameters
    ----------
    graph
        The network in float, of one input and one output, whose encoder scales whole numbers.
    raw, labels
        Some samples, and what is right for them.
    """
    if len(raw) < FEWEST or len(raw) != len(labels):
        return ""
    some = np.linspace(0, len(raw) - 1, min(TRIED, len(raw))).astype(int)
    node, encoder = graph[graph.outputs[0]], graph.inputs[0].encoder
    scores = [_score(node, _outputs(graph, each, raw[some]), labels[some]) for each in (Encoder("graded", scale=1.0), encoder)]
    plain, scaled = scores
    if plain is None or scaled is None or plain - scaled <= MARKEDLY:
        return ""
    found = f"{plain:.3g} on raw numbers as they are, {scaled:.3g} on {encoder.scale:.6g} times these"
    return f"by its labels the model takes raw numbers as they are (a score of {found}); --scale says otherwise"


def _outputs(graph: Graph, encoder: Encoder, raw: Values) -> Values:
    frames = {graph.inputs[0].name: encoder.frames(raw)}
    return next(value for node, _, value in evaluated(graph, frames, dtype=np.float32) if node.name == graph.outputs[0])


def _score(node: Node, outputs: Values, labels: Values) -> float | None:
    """Share of right decisions, or of the variance of numbers that is explained, 0 at least; None where labels do not fit."""
    single = prod(node.shape) == 1 and "sigmoid" not in node.activation.kind
    if single or (labels.dtype.kind == "f" and labels.size == outputs.size and np.any(labels != np.rint(labels))):
        if labels.size != outputs.size:
            return None
        wanted = labels.reshape(outputs.shape)
        spread = float(np.mean((wanted - wanted.mean(axis=0)) ** 2))
        return max(0.0, 1 - float(np.mean((outputs - wanted) ** 2)) / spread) if spread else None
    found = decisions(node, outputs)
    flat = labels.reshape(len(labels), -1)
    if flat.shape != found.shape:
        return None
    # Masks are often stored as 0 and 255.
    return float(np.mean(found == (flat > 0 if found.dtype == bool else flat)))
