"""Thresholds by layer: each population's own factor on the network's threshold, given in words, in a file, or as a dict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import isfinite
from numbers import Real
from pathlib import Path
from typing import Any

from tfsnn.bounded_json import loaded
from tfsnn.errors import InputError, shown
from tfsnn.network.graph import Graph
from tfsnn.network.nodes import Neurons


def with_factors(graph: Graph, factors: Mapping[str, Any], where: str = "factors") -> Graph:
    """The graph in which these populations have their own factors on the network's threshold.

    Parameters
    ----------
    graph
        The network.
    factors
        Positive numbers by the name of a population; the others keep the factor that they have.
    where
        What they were given to, for messages.

    Raises
    ------
    InputError
        If a name is no population with a threshold, or a factor is not a positive number.
    """
    known = [node.name for node in graph.nodes if isinstance(node, Neurons) and node.name not in graph.outputs]
    for name, factor in factors.items():
        if name not in known:
            raise InputError(f"{where}: {shown(name)} is no layer with a threshold; there are {', '.join(known)}")
        if isinstance(factor, bool) or not isinstance(factor, Real) or not (float(factor) > 0 and isfinite(factor)):
            raise InputError(f"{where}: {name} is {shown(factor)}; it must be a positive number")
    nodes = [
        replace(node, threshold=float(factors[node.name])) if isinstance(node, Neurons) and node.name in factors else node
        for node in graph.nodes
    ]
    return Graph(tuple(nodes), graph.outputs)


def with_thresholds(graph: Graph, thresholds: Mapping[str, Any], others: float) -> Graph:
    """The graph in which, at a network's threshold of 1, these populations have these thresholds, and the others their factor of one.

    Parameters
    ----------
    graph
        The network.
    thresholds
        Positive numbers by the name of a population.
    others
        Threshold of the network for all others.
    """
    nodes = [replace(node, threshold=node.threshold * others) if isinstance(node, Neurons) else node for node in graph.nodes]
    return with_factors(Graph(tuple(nodes), graph.outputs), thresholds, "stream: threshold")


def read_factors(text: str) -> dict[str, Any]:
    """What ``--factors`` says.

    Parameters
    ----------
    text
        ``LAYER=F,LAYER=F``, or the name of a JSON file that holds ``{"LAYER": F}``.

    Examples
    --------
    >>> read_factors("conv2d=0.5, dense=2")
    {'conv2d': 0.5, 'dense': 2.0}
    """
    if text.endswith(".json"):
        try:
            content = loaded(Path(text).read_text(encoding="utf-8"), "--factors", text, 'write JSON such as {"conv2d": 0.5}', "an object")
        except (OSError, ValueError) as error:
            raise InputError(f"--factors {text}: cannot be read ({error}); write JSON such as {{\"conv2d\": 0.5}}") from error
        if not isinstance(content, dict):
            raise InputError(f"--factors {text}: holds a JSON {type(content).__name__}; expected an object, layer by layer")
        return content
    found: dict[str, Any] = {}
    for part in text.split(","):
        name, _, number = part.rpartition("=")
        try:
            found[name.strip()] = float(number)
        except ValueError:
            raise InputError(f"--factors: {part.strip()!r}; give LAYER=F, as in conv2d=0.5,dense=2, or a .json file") from None
    return found
