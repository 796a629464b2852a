"""Small Keras models for the tests of conversion, and what they compute against what became of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfsnn.convert.calibrate import calibrate, scaled
from tfsnn.convert.lower.driver import examine, lower
from tfsnn.convert.quantize import quantize
from tfsnn.convert.read.read import from_live
from tfsnn.convert.read.records import CallRecord, Config, InputRecord, LayerRecord, ModelRecord
from tfsnn.convert.verify.compare import softmaxed
from tfsnn.input.encoder import Encoder
from tfsnn.keras_model.tensors import Tensors
from tfsnn.network.forward import forward
from tfsnn.network.graph import Graph
from tfsnn.network.nodes import Neurons
from tfsnn.simulate import simulate

PIXELS = Encoder("graded")


def layer(text: str) -> Any:
    """A Keras layer from the text of its call."""
    import keras

    return eval(text, {"keras": keras, "np": np, **vars(keras.layers)})


def sequential(shape: tuple[int | None, ...], *texts: str, seed: int = 0) -> Any:
    """A Sequential model of such layers, with weights that tell errors apart."""
    import keras

    return randomised(keras.Sequential([keras.Input(shape), *map(layer, texts)]), seed)


def randomised(model: Any, seed: int = 0) -> Any:
    """The model with seeded weights: every role of every layer matters, and values stay of the order of 1."""
    generator = np.random.default_rng(seed)
    for weight in model.weights:
        shape, role = tuple(weight.shape), str(weight.path).rpartition("/")[2]
        values = generator.normal(size=shape)
        if role in ("variance", "moving_variance"):
            values = 0.5 + generator.random(shape)
        elif role == "gamma":
            values = (0.5 + generator.random(shape)) * np.where(generator.random(shape) < 0.2, -1, 1)
        elif role == "alpha":
            values = 0.4 * generator.random(shape)
        elif role in ("beta", "bias", "mean", "moving_mean"):
            values = 0.3 * values
        elif role.endswith("kernel"):
            depthwise = role == "depthwise_kernel" or "depthwise_conv" in str(weight.path)
            values = values / np.sqrt(np.prod(shape[:-2] if depthwise else shape[:-1]))
        if role != "count":
            weight.assign(values.astype("float32"))
    for part in model.layers:
        if hasattr(part, "finalize_state"):
            part.finalize_state()
    return model


def graph_of(model: Any, **options: Any) -> Graph:
    """The network in float that a live model becomes."""
    return lower(from_live(model), PIXELS, **options)


def drawn(graph: Graph, samples: int = 3, seed: int = 1) -> dict[str, NDArray[np.float32]]:
    """Inputs of both signs."""
    generator = np.random.default_rng(seed)
    return {node.name: generator.normal(size=(samples, *node.shape)).astype(np.float32) for node in graph.inputs}


def keras_outputs(model: Any, frames: Mapping[str, NDArray[Any]]) -> list[NDArray[np.float64]]:
    """What Keras computes, (samples, values) for each output."""
    given = list(frames.values())
    # Layer by layer: called as a whole, a model of channels_first fails where TensorFlow runs without oneDNN.
    values = Tensors(model).on(given, model.outputs)
    answers = [values.take(tensor) for tensor in model.outputs]
    return [np.asarray(answer, np.float64).reshape(len(given[0]), -1) for answer in answers]


def outputs(graph: Graph, frames: Mapping[str, NDArray[Any]], *, softmax: bool = True) -> list[NDArray[np.float64]]:
    """What the network in float computes, likewise; with softmax where Keras has it, if wanted."""
    states = forward(graph, dict(frames))
    found = []
    for node in map(graph.__getitem__, graph.outputs):
        assert isinstance(node, Neurons)
        value = node.activation(states[node.name].reshape(-1, *node.shape))
        found.append((softmaxed(value) if node.softmax and softmax else value).reshape(len(value), -1))
    return found


def difference(found: list[NDArray[np.float64]], expected: list[NDArray[np.float64]]) -> float:
    """Largest difference, relative to the largest value of its output."""
    assert [value.shape for value in found] == [value.shape for value in expected]
    assert all(value.std() > 1e-3 for value in expected), "an output that does not vary shows nothing"
    return max(float(np.abs(f - e).max() / np.abs(e).max()) for f, e in zip(found, expected))


def lowering_error(model: Any, **options: Any) -> float:
    """How far the network in float is from Keras."""
    graph = graph_of(model, **options)
    frames = drawn(graph)
    return difference(outputs(graph, frames), keras_outputs(model, frames))


def simulation_error(model: Any, threshold: float = 2e-4, **options: Any) -> float:
    """How far the simulated network is from the one in float, the worst of both schedules; the engines agree, bit for bit."""
    graph = graph_of(model, **options)
    raw = {node.name: np.random.default_rng(3).integers(0, 256, (1, *node.shape)) for node in graph.inputs}
    frames = {name: PIXELS.frames(values) for name, values in raw.items()}
    whole = quantize(scaled(graph, calibrate(graph, frames, means=False).scales), bits=16)
    (events,) = (PIXELS.events(values) for values in raw.values())
    expected, found = [np.concatenate(outputs(graph, frames, softmax=False), axis=1)], []
    for schedule in ("slot", "spike"):
        fine = simulate(whole, events, threshold=threshold, schedule=schedule, engine="compiled")
        found.append(difference([fine.outputs], expected))
        # Event by event the eager engine is slow; where few are sent, it is not.
        eager, compiled = (simulate(whole, events, threshold=0.5, schedule=schedule, engine=engine) for engine in ("eager", "compiled"))
        np.testing.assert_array_equal(eager.outputs, compiled.outputs)
    return max(found)


def record(shape: tuple[int | None, ...] | None, *layers: tuple[str, Mapping[str, Any]] | LayerRecord, **constants: Any) -> ModelRecord:
    """A chain of layers as a reader would give it, with weights or without; constants are arguments of the last call."""
    parts = [part if isinstance(part, LayerRecord) else LayerRecord(f"l{n}", part[0], Config(part[1])) for n, part in enumerate(layers)]
    tensors = ["input:0:0", *(f"{part.name}:0:0" for part in parts)]
    last = len(parts) - 1
    calls = [CallRecord(part.name, (tensors[n],), (tensors[n + 1],), constants if n == last else {}) for n, part in enumerate(parts)]
    inputs = (InputRecord("input", shape, "float32"),)
    return ModelRecord("net", {part.name: part for part in parts}, tuple(calls), inputs, (tensors[-1],), "3.15.1", "tensorflow", "h5")


def problems(model: ModelRecord, **options: Any) -> tuple[str, ...]:
    """What conversion would refuse."""
    return examine(model, PIXELS, **options).problems
