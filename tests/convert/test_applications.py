"""keras.applications with random weights: whole architectures equal Keras in float, and simulated at a small threshold.

Weights are seeded, batch-norm statistics are those of a seeded batch, so that values stay of the order of 1 however deep
the network is. The slow ones print a line each: pytest -m slow -s tests/test_applications.py.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest

import tfsnn
from tests.convert_parts import PIXELS, difference, graph_of, keras_outputs, outputs, problems, randomised
from tfsnn.convert.calibrate import calibrate, scaled
from tfsnn.convert.quantize import quantize
from tfsnn.convert.read.read import from_live
from tfsnn.convert.verify.compare import softmaxed
from tfsnn.errors import RangeError
from tfsnn.network.nodes import Neurons
from tfsnn.plan.make import make
from tfsnn.plan.settings import Settings

SMALL: dict[str, dict[str, Any]] = {
    "MobileNet": {"alpha": 0.25, "size": 64},
    "MobileNetV2": {"alpha": 0.35, "size": 64},
    "ResNet50": {"size": 48},
}
LARGE: dict[str, dict[str, Any]] = {
    **SMALL,
    "ResNet50V2": {"size": 64},
    "ResNet101V2": {"size": 48},
    "VGG16": {"size": 48},
    "VGG19": {"size": 32},
    "DenseNet121": {"size": 64},
    "DenseNet169": {"size": 48},
    "Xception": {"size": 75},
    "InceptionV3": {"size": 75},
    "InceptionResNetV2": {"size": 75},
    "NASNetMobile": {"size": 64},
}
THRESHOLD, BOUND = 1e-4, 0.02
"""At this threshold, relative to each population's scale, and 16-bit weights, outputs differ by less than this share of the largest."""


def application(name: str, size: int, **settings: Any) -> Any:
    """A network of keras.applications, ten classes, logits."""
    import keras

    keras.utils.set_random_seed(0)
    top: dict[str, Any] = {"classes": 10, "classifier_activation": None}
    if name.startswith("VGG"):
        top = {"include_top": False, "pooling": "avg"}
    if name == "NASNetMobile":
        top = {"classes": 10}
    model = getattr(keras.applications, name)(weights=None, input_shape=(size, size, 3), **top, **settings)
    randomised(model)
    norms = [part for part in model.layers if isinstance(part, keras.layers.BatchNormalization)]
    for norm in norms:
        norm.momentum = 0.0
    model(PIXELS.frames(images(size, 8)), training=True)
    return model


def images(size: int, count: int) -> np.ndarray[Any, Any]:
    """Blocks of colour under noise: like photographs, they differ in the large and in the small."""
    generator = np.random.default_rng(size)
    blocks = generator.integers(0, 200, (count, 5, 5, 3)).repeat(-(-size // 5), 1).repeat(-(-size // 5), 2)[:, :size, :size]
    return blocks + generator.integers(0, 56, blocks.shape)


@pytest.mark.parametrize("name", SMALL)
def test_small_ones_equal_keras(name: str) -> None:
    settings = SMALL[name]
    model = application(name, **settings)
    graph = graph_of(model)
    frames = {"input": PIXELS.frames(images(settings["size"], 2))}
    assert difference(outputs(graph, frames), keras_outputs(model, frames)) < 1e-4


@pytest.mark.parametrize("name", ["EfficientNetB0", "MobileNetV3Small"])
def test_gates_are_refused(name: str) -> None:
    """Squeeze-and-excitation multiplies two tensors."""
    import keras

    model = getattr(keras.applications, name)(weights=None, input_shape=(64, 64, 3))
    found = problems(from_live(model))
    assert found and all("(Multiply): a product of two tensors; events carry sums only" in text for text in found)


def test_untrained_at_a_small_threshold() -> None:
    """A network as Keras makes it, whose populations differ in scale by orders of magnitude: it runs, or is refused in one line."""
    import keras

    keras.utils.set_random_seed(0)
    settings: dict[str, Any] = {"weights": None, "classes": 10, "classifier_activation": None}
    model = keras.applications.MobileNetV2(input_shape=(32, 32, 3), alpha=0.35, **settings)
    graph = graph_of(model)
    raw = images(32, 4)
    frames = {"input": PIXELS.frames(raw)}
    graph = scaled(graph, calibrate(graph, frames).scales)
    result = tfsnn.simulate(quantize(graph, bits=16), PIXELS.events(raw[:1]), threshold=THRESHOLD, engine="eager")
    expected = keras_outputs(model, frames)[0][:1]
    assert np.abs(result.outputs - expected).max() < BOUND * np.abs(expected).max()
    for threshold in (1e-8, 1e-16, 1e-30, 1e-300):
        try:
            make(quantize(graph), Settings(threshold))
        except RangeError as error:
            assert str(error).startswith("plan: ") and "\n" not in str(error)


@pytest.mark.slow
@pytest.mark.parametrize("name", LARGE)
def test_simulated_at_a_small_threshold(name: str) -> None:
    settings, start = LARGE[name], time.perf_counter()
    model, raw = application(name, **settings), images(settings["size"], 4)
    graph = graph_of(model)
    frames = {"input": PIXELS.frames(raw)}
    expected = keras_outputs(model, frames)
    exact = difference(outputs(graph, frames), expected)
    graph = scaled(graph, calibrate(graph, frames).scales)
    eight = difference(outputs(quantize(graph), frames), expected)
    converted = time.perf_counter()
    result = tfsnn.simulate(quantize(graph, bits=16), PIXELS.events(raw[:2]), threshold=THRESHOLD, engine="eager")
    last = graph[graph.outputs[0]]
    found = softmaxed(result.outputs) if isinstance(last, Neurons) and last.softmax else result.outputs
    simulated = difference([found], [expected[0][:2]])
    seconds = converted - start, time.perf_counter() - converted
    print(
        f"\n{name} {settings['size']}: {graph.neurons:,} neurons, {graph.parameters:,} parameters, {len(graph.nodes)} populations; "
        f"float {exact:.1e}, int8 {eight:.3f}, simulated {simulated:.1e}; {seconds[0]:.0f} + {seconds[1]:.0f} s, {result.carrier}"
    )
    assert exact < 1e-4
    assert simulated < BOUND
