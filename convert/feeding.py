"""What whole numbers mean to a model, their 255th parts or something else: no file says so, but labels do."""

from __future__ import annotations

from math import prod, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfsnn.input.encoder import Encoder
from tfsnn.network.forward import evaluated
from tfsnn.network.graph import Graph
from tfsnn.network.nodes import Node

from .verify.compare import decisions

TRIED, FEWEST = 256, 16
"""Samples that are tried at most; and at least, for labels to say anything."""
LUCK = 4 * sqrt(0.5)
"""By so much over the root of the number of samples shares of right decisions must differ: four standard deviations of luck."""
MARKEDLY = 0.05
"""By so much, at least, shares of right pixels must differ: of maps, samples show by themselves how much luck there is."""
READINGS: dict[str, dict[str, float]] = {
    "raw numbers as they are": {"scale": 1.0},
    "x / 127.5 - 1": {"scale": 1 / 127.5, "offset": -1.0},
}
"""What whole numbers may mean to a model beside ``scale`` times themselves."""
Values = NDArray[Any]


def better_reading(graph: Graph, raw: Values, labels: Values) -> tuple[dict[str, float], str]:
    """Settings of the encoder with which the model is markedly more often right, and why, in words; empty where nothing says so.

    Parameters
    ----------
    graph
        The network in float, of one input and one output, whose encoder scales whole numbers.
    raw, labels
        Some samples, and what is right for them.
    """
    if len(raw) < FEWEST or len(raw) != len(labels):
        return {}, ""
    some = np.linspace(0, len(raw) - 1, min(TRIED, len(raw))).astype(int)
    node, scale = graph[graph.outputs[0]], graph.inputs[0].encoder.scale
    by_sample = _score(node, _outputs(graph, Encoder("graded", scale=scale), raw[some]), labels[some])
    if by_sample is None:
        return {}, ""
    encoders = {name: Encoder.from_json({"kind": "graded"} | each) for name, each in READINGS.items()}
    scores = {name: _score(node, _outputs(graph, encoder, raw[some]), labels[some]) for name, encoder in encoders.items()}
    found_scores = {name: values for name, values in scores.items() if values is not None}
    best = max(found_scores, key=lambda name: float(found_scores[name].mean()))
    usual, score = float(by_sample.mean()), float(found_scores[best].mean())
    if score - usual <= _luck(found_scores[best] - by_sample, prod(labels.shape[1:]) > 1):
        return {}, ""
    found = f"{score:.3g} on {best}, {usual:.3g} on {scale:.6g} times these"
    return READINGS[best], f"by its labels the model takes {best} (a score of {found}); --scale and --offset say otherwise"


def _outputs(graph: Graph, encoder: Encoder, raw: Values) -> Values:
    frames = {graph.inputs[0].name: encoder.frames(raw)}
    return next(value for node, _, value in evaluated(graph, frames, dtype=np.float32) if node.name == graph.outputs[0])


def _luck(differences: Values, of_maps: bool) -> float:
    """By how much the mean of differences may exceed 0 by luck; samples of maps count one each, however many pixels they have."""
    if not of_maps or len(differences) < FEWEST:
        return LUCK / sqrt(max(1, len(differences)))
    return max(MARKEDLY, 4 * float(differences.std(ddof=1)) / sqrt(len(differences)))


def _score(node: Node, outputs: Values, labels: Values) -> Values | None:
    """Share of right decisions by sample, or of the variance of numbers that is explained, 0 at least, for each the same.

    None where labels do not fit.
    """
    single = prod(node.shape) == 1 and "sigmoid" not in node.activation.kind
    if single or (labels.dtype.kind == "f" and labels.size == outputs.size and np.any(labels != np.rint(labels))):
        if labels.size != outputs.size:
            return None
        wanted = labels.reshape(outputs.shape)
        spread = float(np.mean((wanted - wanted.mean(axis=0)) ** 2))
        return np.full(len(labels), max(0.0, 1 - float(np.mean((outputs - wanted) ** 2)) / spread)) if spread else None
    found = decisions(node, outputs)
    flat = labels.reshape(len(labels), -1)
    if flat.shape != found.shape:
        return None
    # Masks are often stored as 0 and 255.
    return np.asarray(np.mean(found == (flat > 0 if found.dtype == bool else flat), axis=1))
