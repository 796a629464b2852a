"""What Keras computes where a population of the network must equal it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfsnn.errors import FileError
from tfsnn.keras_model.load import KERAS_ERRORS
from tfsnn.keras_model.tensors import Tensors
from tfsnn.network.graph import Graph
from tfsnn.network.ops import Relay

from ..lower.driver import LayerOutput

TOLERANCE = {"float16": 2e-2, "bfloat16": 1e-1}
"""Worst difference to Keras, relative to the largest value of the layer, that rounding in its precision may explain."""
SINGLE = 1e-3
"""The same for float32."""


@dataclass(frozen=True)
class Probe:
    """A tensor of the Keras model that a population must equal.

    Parameters
    ----------
    population
        Its name.
    layer
        The layer whose output it is; empty for an output of the model.
    number
        Of the output.
    view
        Between f(x) and the tensor.
    factors
        How many times as large as the tensor's the population's channels are.
    """

    population: str
    layer: str = ""
    number: int = 0
    view: tuple[Relay, ...] = ()
    factors: tuple[float, ...] = ()


class KerasValues:
    """A Keras model, to compare with.

    Parameters
    ----------
    model
        The Keras model.
    graph
        What became of it.
    layer_outputs
        By population, which layer's output it is.

    Attributes
    ----------
    probes
        The tensors that can be compared, by population.
    tolerance
        Relative difference that is allowed.
    """

    def __init__(self, model: Any, graph: Graph, layer_outputs: Mapping[str, LayerOutput]) -> None:
        precision = {str(getattr(layer, "compute_dtype", "float32")) for layer in model.layers}
        self.tolerance = max((TOLERANCE.get(name, SINGLE) for name in precision), default=SINGLE)
        self._model = model
        probes = [Probe(name, number=number) for number, name in enumerate(graph.outputs)]
        self._tensors: Tensors | None
        try:
            self._tensors = Tensors(model)
            inside = self._tensors.by_layer
            shown = {name: end for name, end in layer_outputs.items() if end.layer in inside}
            probes += [Probe(name, end.layer, view=end.view, factors=_listed(end.factors)) for name, end in shown.items()]
        except KERAS_ERRORS:
            # Keras versions differ in what they let one look at; the outputs are there in all.
            self._tensors = None
        self.probes: dict[str, list[Probe]] = {}
        for probe in probes:
            self.probes.setdefault(probe.population, []).append(probe)

    @property
    def notes(self) -> tuple[str, ...]:
        """What had to be done to have something to compare with."""
        return () if self._tensors is None else tuple(self._tensors.notes)

    def on(self, given: list[NDArray[np.float32]]) -> Callable[[Probe], NDArray[np.float32]]:
        """A function from a probe to what Keras has there, (samples, values); it is to be asked once for each.

        Raises
        ------
        FileError
            Here or there: Keras has loaded the model, and cannot run it.
        """
        value = _asked(self._values, given)
        return lambda probe: np.asarray(_asked(value, probe), np.float32).reshape(len(given[0]), -1)

    def _values(self, given: list[NDArray[np.float32]]) -> Callable[[Probe], Any]:
        tensors = self._tensors
        if tensors is None:
            answers = self._model(given if len(given) > 1 else given[0], training=False)
            answers = answers if isinstance(answers, (list, tuple)) else [answers]
            return lambda probe: answers[probe.number]

        def place(probe: Probe) -> Any:
            return tensors.by_layer[probe.layer] if probe.layer else self._model.outputs[probe.number]

        values = tensors.on(given, [place(probe) for probes in self.probes.values() for probe in probes])
        return lambda probe: values.take(place(probe))


def _listed(factors: NDArray[Any] | None) -> tuple[float, ...]:
    return () if factors is None else tuple(factors.tolist())


def _asked(work: Callable[[Any], Any], argument: Any) -> Any:
    """What Keras makes of it, or one error of ours."""
    import tensorflow as tf

    try:
        return work(argument)
    except (*KERAS_ERRORS, tf.errors.OpError) as error:
        found = f"Keras cannot run the model ({type(error).__name__})"
        raise FileError(f"not compared: {found}; only the float and the integer network were compared") from error
