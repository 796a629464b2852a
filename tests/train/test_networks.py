"""The papers' networks, and the pass that keeps small changes to itself, against plain NumPy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tfsnn.errors import InputError
from tfsnn.train.networks import build, fan_outs, forward, neurons, operations
from tfsnn.train.recipes import RECIPES, Network

SMALL = Network(filters=(2, 3), kernel=3, hidden=5)


@pytest.fixture(scope="module")
def model() -> Any:
    import keras

    keras.utils.set_random_seed(0)
    model = build(SMALL, (8, 6, 1), 4)
    # Positive and negative biases: some neurons are active at rest.
    for layer in model.layers:
        if layer.weights:
            layer.bias.assign(np.linspace(-0.3, 0.4, layer.bias.shape[0]))
    return model


@pytest.fixture(scope="module")
def frames() -> Any:
    return (np.random.default_rng(1).random((7, 8, 6, 1)) < 0.3).astype(np.float32)


@pytest.mark.parametrize(("recipe", "pooling"), [("mnist", "AveragePooling2D"), ("mnist_maxpool", "MaxPooling2D")])
def test_papers_networks(recipe: str, pooling: str) -> None:
    model = build(RECIPES[recipe].network, (28, 28, 1), 10)
    kinds = [type(layer).__name__ for layer in model.layers]
    assert kinds == ["Conv2D", pooling, "Conv2D", pooling, "Flatten", "Dense", "Dropout", "Dense"]
    assert [tuple(layer.output.shape[1:]) for layer in model.layers if layer.weights] == [(28, 28, 16), (14, 14, 8), (256,), (10,)]
    assert neurons(model) == 28 * 28 * 16 + 14 * 14 * 8 + 256 + 10
    assert fan_outs(model) == [5 * 5 * 16, 5 * 5 * 8, 256, 10]
    assert operations(model, [1, 10, 100, 1000]) == 400 + 2000 + 25600 + 10000


def test_network_of_the_gestures() -> None:
    model = build(RECIPES["gesture"].network, (64, 64, 2), 11)
    kinds = [type(layer).__name__ for layer in model.layers]
    assert kinds == [*["Conv2D", "AveragePooling2D"] * 3, "GlobalAveragePooling2D", "Dropout", "Dense"]
    # The paper counts 445K neurons and 1.2M parameters; its 146 G operations at 60 Hz are 38.5 G here, borders not counted.
    assert neurons(model) == 64 * 64 * 64 + 32 * 32 * 128 + 16 * 16 * 128 + 11 and model.count_params() == 1_212_235
    assert fan_outs(model) == [49 * 64, 49 * 128, 49 * 128, 11]


@pytest.mark.parametrize(("recipe", "parameters"), [("pilotnet", 1_595_511), ("pilotnet_slim", 252_219)])
def test_networks_that_steer(recipe: str, parameters: int) -> None:
    model = build(RECIPES[recipe].network, (66, 200, 3), 1)
    shapes = [tuple(layer.output.shape[1:]) for layer in model.layers if layer.weights]
    assert shapes[:5] == [(31, 98, 24), (14, 47, 36), (5, 22, 48), (3, 20, 64), (1, 18, 64)] and shapes[-1] == (1,)
    assert model.count_params() == parameters and model.layers[-1].activation.__name__ == "tanh"
    # A stride of 2 leaves a quarter of the targets.
    assert fan_outs(model)[:6] == [25 * 24 // 4, 25 * 36 // 4, 25 * 48 // 4, 9 * 64, 9 * 64, shapes[5][0]]


def test_frames_too_small_to_steer_by() -> None:
    with pytest.raises(InputError, match="frames of 33x100 are too small for the network; convolution 4 has nothing left"):
        build(RECIPES["pilotnet"].network, (33, 100, 3), 1)


def test_initializer_is_of_hidden_layers() -> None:
    kernels = [layer.kernel.numpy() for layer in build(replace(SMALL, initializer="zeros"), (8, 6, 1), 4).layers if layer.weights]
    assert [bool(kernel.any()) for kernel in kernels] == [False, False, False, True]


def test_threshold_zero_is_the_model(model: Any, frames: Any) -> None:
    run = forward(model, frames, np.zeros(7, np.float32))
    exponentials = np.exp(run.logits.numpy())
    np.testing.assert_allclose(exponentials / exponentials.sum(1, keepdims=True), model(frames).numpy(), rtol=1e-5)
    for change, spike in zip(run.changes, run.spikes, strict=True):
        np.testing.assert_array_equal(change, spike)


def test_thresholds_silence_small_changes_from_rest(model: Any, frames: Any) -> None:
    thresholds = np.linspace(0, 0.6, 7, dtype=np.float32)
    run = forward(model, frames, thresholds)
    x, rest = frames.astype(np.float64), np.zeros((1, *frames.shape[1:]))
    place = 0
    for layer in model.layers[:-1]:
        x, rest = layer(x).numpy(), layer(rest).numpy()
        if layer.weights:
            change = x - rest
            spikes = np.where(np.abs(change) >= thresholds.reshape(-1, *[1] * (x.ndim - 1)), change, 0)
            x = rest + spikes
            np.testing.assert_allclose(run.changes[place], change, atol=1e-5)
            np.testing.assert_allclose(run.spikes[place], spikes, atol=1e-5)
            place += 1
    assert place == 3 and 0 < np.count_nonzero(run.spikes[0]) < np.count_nonzero(run.changes[0])
    output = model.layers[-1]
    np.testing.assert_allclose(run.logits, x @ output.kernel.numpy() + output.bias.numpy(), atol=1e-4)


def test_no_input_no_spike(model: Any) -> None:
    run = forward(model, np.zeros((2, 8, 6, 1), np.float32), np.zeros(2, np.float32))
    assert [np.count_nonzero(spikes) for spikes in run.spikes] == [0, 0, 0]


def test_gradients_pass_silenced_neurons(model: Any, frames: Any) -> None:
    import tensorflow as tf

    with tf.GradientTape() as tape:
        run = forward(model, frames, np.full(7, 1e6, np.float32))
        loss = tf.reduce_sum(run.logits**2)
    assert [np.count_nonzero(spikes) for spikes in run.spikes] == [0, 0, 0]
    assert np.abs(tape.gradient(loss, model.layers[0].kernel)).max() > 0


@pytest.mark.parametrize(
    ("shape", "kernel", "options"),
    [
        ((9, 8, 1), 5, {}),
        ((5, 9, 2), 4, {}),
        ((5, 10, 1), (2, 3), {"activation": "tanh"}),
        *(((6, 7, 1), 3, {}), ((6, 8, 3), 3, {}), ((6, 8, 2), 3, {"groups": 2}), ((9, 8, 1), 3, {"padding": "valid"})),
        *(((8, 8, 1), 3, {"strides": 2}), ((8, 8, 1), 3, {"dilation_rate": 2})),
    ],
)
def test_a_first_convolution_is_the_layer(shape: tuple[int, ...], kernel: Any, options: dict[str, Any]) -> None:
    import tensorflow as tf
    from keras import Sequential, layers, utils

    utils.set_random_seed(0)
    first = layers.Conv2D(4, kernel, **{"padding": "same", "activation": "relu", **options}, bias_initializer="normal")
    model = Sequential([layers.Input(shape), first, layers.Flatten(), layers.Dense(2)])
    frames = tf.random.stateless_normal((3, *shape), [0, 1])
    gradients = []
    runs: list[Callable[[], Any]] = [lambda: forward(model, frames, tf.zeros(3)).logits, lambda: model(frames)]
    for run in runs:
        with tf.GradientTape() as tape:
            outputs = run()
        gradients.append([outputs, *tape.gradient(outputs, first.trainable_weights)])
    for found, expected in zip(*gradients):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
