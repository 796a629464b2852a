"""What a user gives for a model's inputs: to all of them, or to each by its name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tfsnn.errors import InputError
from tfsnn.input.batches import batched, is_batched
from tfsnn.input.dataset import Dataset, Ports
from tfsnn.input.encoder import Encoder
from tfsnn.input.raw import range_of
from tfsnn.input.targets import targets
from tfsnn.network.graph import Graph

Values = NDArray[Any]
Raw = dict[str, Values]
FOR_ALL = ""
"""Stands for every input that is not named."""


def by_input(graph: Graph, given: Any, what: str, is_one: Callable[[Any], bool]) -> dict[str, Any]:
    """What was given for each input, by its name; None where nothing was.

    Parameters
    ----------
    graph
        Whose inputs these are.
    given
        One thing for all inputs, or a dict of such by name, "" for those that are not named; None for nothing.
    what
        What it is, for messages.
    is_one
        Whether a value of the dict is such a thing: if not, the dict itself is one.
    """
    names = [node.name for node in graph.inputs]
    if not (isinstance(given, Mapping) and given and all(map(is_one, given.values()))):
        return dict.fromkeys(names, None if isinstance(given, Mapping) and not given else given)
    unknown = [str(name) for name in given if name not in (FOR_ALL, *names)]
    if unknown:
        raise InputError(f"{what} for input {', '.join(unknown)}; the model's inputs are {', '.join(names)}")
    general = given.get(FOR_ALL)
    return {name: _merged(general, given.get(name)) for name in names}


def _merged(general: Any, own: Any) -> Any:
    if isinstance(general, Mapping) and isinstance(own, Mapping):
        return {**general, **own}
    return general if own is None else own


def encoders_of(graph: Graph, given: Any) -> dict[str, Encoder | Mapping[str, Any] | None]:
    """An encoder, or some of its settings, by the name of the input; parameters as of :func:`by_input`."""
    return by_input(graph, given, "an encoder", lambda value: isinstance(value, (Encoder, Mapping)))


def ranges_of(graph: Graph, given: Any) -> dict[str, tuple[float, float] | None]:
    """Least and largest raw value by the name of the input; parameters as of :func:`by_input`."""
    found = by_input(graph, given, "a range", lambda value: isinstance(value, (tuple, list)))
    pairs = {name: range_of(pair or ()) for name, pair in found.items()}
    return {name: (pair[0], pair[1]) if pair else None for name, pair in pairs.items()}


def collected(graph: Graph, given: Any, labels: ArrayLike | None, samples: int) -> tuple[Raw, Values | None]:
    """Raw input to calibrate on, by name of the input, and what is right for it; empty and None where nothing was given.

    Parameters
    ----------
    graph
        The network.
    given
        Arrays, a data set, or batches.
    labels
        What is right for arrays.
    samples
        Of a data set take so many at most, evenly over its training split; of batches the first.
    """
    if given is None:
        return {}, None
    if isinstance(given, Dataset) or is_batched(given):
        dataset = given if isinstance(given, Dataset) else batched(given, samples, where="calibration")
        found = dataset.split("train", Ports(tuple((node.name, node.shape) for node in graph.inputs), graph.outputs))
        several = isinstance(found.x, Mapping)
        x = {name: evenly_chosen(values, samples) for name, values in found.x.items()} if several else evenly_chosen(found.x, samples)
        raw = checked_input(graph, x)
        # Several outputs leave open which of them labels would speak of.
        right = found.y if not isinstance(found.y, Mapping) else next(iter(found.y.values())) if len(graph.outputs) == 1 else None
        if labels is not None:
            raise InputError("labels were given beside a data set or batches, which hold their own: leave them out")
        return raw, None if right is None else evenly_chosen(right, samples)
    raw = checked_input(graph, given)
    return raw, None if labels is None else targets(np.asarray(labels), len(next(iter(raw.values()))), "labels")


def checked_input(graph: Graph, calibration: Any) -> Raw:
    """Raw input to calibrate on, by name of the input: what was given, where it fits the graph."""
    names = [node.name for node in graph.inputs]
    given = dict(calibration) if isinstance(calibration, Mapping) else dict.fromkeys(names[:1], calibration)
    if len(given) == len(names) == 1:
        # There is one, whatever Keras calls it.
        given = dict(zip(names, given.values()))
    if set(given) != set(names):
        found = "one array" if not isinstance(calibration, Mapping) else f"arrays for {', '.join(map(str, given))}"
        raise InputError(f"calibration data: {found}; the model's inputs are {', '.join(names)}: give an array for each, by these names")
    for node in graph.inputs:
        shape = np.shape(given[node.name])
        if shape[1:] != node.shape or not shape[0]:
            raise InputError(f"calibration data of shape {shape} for input {node.name}; give (samples, {', '.join(map(str, node.shape))})")
    sizes = {name: len(given[name]) for name in names}
    if len(set(sizes.values())) > 1:
        found = ", ".join(f"{size} samples for {name}" for name, size in sizes.items())
        raise InputError(f"calibration data: {found}; give as many for each input")
    return {name: np.asarray(given[name]) for name in names}


def evenly_chosen(values: Values, samples: int) -> Values:
    """At most so many samples, evenly over all."""
    chosen: Values = values[np.linspace(0, len(values) - 1, min(samples, len(values))).astype(int)]
    return chosen
