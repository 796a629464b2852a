"""Every layer and activation, converted and simulated under both schedules: at a small threshold what the network in float gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.convert_parts import randomised, sequential, simulation_error
from tfsnn.convert.lower.activations import ALLOWED
from tfsnn.convert.lower.driver import MANY, ONE
from tfsnn.convert.lower.shapes import identity

BOUND = 4e-3
# In front of the layer something that spikes in both signs, behind it something that adds up what it sends.
CHAINS: dict[str, tuple[tuple[int, ...], tuple[str, ...]]] = {
    "Conv1D": ((6, 2), ("Conv1D(3, 2, strides=2, padding='causal', activation='relu')", "Conv1D(2, 2)")),
    "Conv2D": ((5, 4, 2), ("Conv2D(3, (2, 3), padding='same', activation='relu')", "Conv2D(2, 2, strides=(2, 1))")),
    "DepthwiseConv1D": ((6, 2), ("DepthwiseConv1D(2, depth_multiplier=2, activation='relu')", "Conv1D(2, 2)")),
    "DepthwiseConv2D": ((5, 4, 2), ("DepthwiseConv2D(2, depth_multiplier=2, padding='same', activation='tanh')", "Conv2D(2, 2)")),
    "SeparableConv1D": ((6, 2), ("SeparableConv1D(3, 2, activation='relu')", "Conv1D(2, 2)")),
    "SeparableConv2D": ((5, 4, 2), ("SeparableConv2D(3, 2, strides=2, padding='same', activation='relu')", "Conv2D(2, 1)")),
    "Conv1DTranspose": ((4, 2), ("Conv1DTranspose(3, 3, strides=2, activation='relu')", "Conv1D(2, 2)")),
    "Conv2DTranspose": ((3, 4, 2), ("Conv2DTranspose(2, 3, strides=2, padding='same', activation='relu')", "Conv2D(2, 2)")),
    "Dense": ((3, 4), ("Dense(4, activation='relu')", "Flatten()", "Dense(3)")),
    "MaxPooling1D": ((7, 2), ("Conv1D(2, 2)", "MaxPooling1D(3, 2, padding='same')", "Conv1D(2, 2)")),
    "MaxPooling2D": ((5, 4, 2), ("Conv2D(2, 2)", "MaxPooling2D((2, 3), 1)", "Conv2D(2, 1)")),
    "AveragePooling1D": ((7, 2), ("Conv1D(2, 2, activation='relu')", "AveragePooling1D(3, 2, padding='same')", "Conv1D(2, 2)")),
    "AveragePooling2D": ((5, 4, 2), ("Conv2D(2, 2, activation='relu')", "AveragePooling2D(2, 1, padding='same')", "Conv2D(2, 1)")),
    "GlobalMaxPooling1D": ((5, 2), ("Conv1D(3, 2)", "GlobalMaxPooling1D()", "Dense(3)")),
    "GlobalMaxPooling2D": ((4, 3, 2), ("Conv2D(3, 2)", "GlobalMaxPooling2D()", "Dense(3)")),
    "GlobalAveragePooling1D": ((5, 2), ("Conv1D(3, 2, activation='relu')", "GlobalAveragePooling1D()", "Dense(3)")),
    "GlobalAveragePooling2D": ((4, 3, 2), ("Conv2D(3, 2, activation='tanh')", "GlobalAveragePooling2D()", "Dense(3)")),
    "BatchNormalization": ((5, 4, 2), ("Conv2D(3, 2, activation='relu')", "BatchNormalization()", "Conv2D(2, 2, padding='same')")),
    "Normalization": ((4, 3, 2), ("Normalization(mean=[.3, .5], variance=[.4, 2.])", "Conv2D(3, 2, activation='relu')", "Conv2D(2, 1)")),
    "Rescaling": ((4, 3, 2), ("Rescaling(2., offset=-1.)", "Conv2D(3, 2, padding='same', activation='relu')", "Conv2D(2, 1)")),
    "UpSampling1D": ((4, 2), ("Conv1D(3, 2, activation='relu')", "UpSampling1D(2)", "Conv1D(2, 3)")),
    "UpSampling2D": ((4, 3, 2), ("Conv2D(3, 2, activation='relu')", "UpSampling2D((2, 3))", "Conv2D(2, 2)")),
    "Activation": ((6,), ("Dense(5)", "Activation('softplus')", "Dense(3)")),
    "ReLU": ((6,), ("Dense(5)", "ReLU(1., threshold=.1)", "Dense(3)")),
    "LeakyReLU": ((6,), ("Dense(5)", "LeakyReLU(negative_slope=.3)", "Dense(3)")),
    "PReLU": ((4, 3, 2), ("Conv2D(3, 2)", "PReLU(shared_axes=[1])", "Conv2D(2, 2)")),
    "ELU": ((6,), ("Dense(5)", "ELU(alpha=.5)", "Dense(3)")),
    "Softmax": ((6,), ("Dense(5, activation='relu')", "Dense(3)", "Softmax()")),
    "Flatten": ((2, 3, 4), ("Conv2D(2, 2, activation='relu')", "Flatten(data_format='channels_first')", "Dense(3)")),
    "Reshape": ((4, 3, 2), ("Conv2D(2, 2, activation='relu')", "Reshape((3, 4))", "Dense(3, activation='relu')", "Conv1D(2, 2)")),
    "Permute": ((4, 3, 2), ("Conv2D(2, 2, activation='relu')", "Permute((3, 1, 2))", "Conv2D(2, 2)")),
    "ZeroPadding1D": ((4, 2), ("Conv1D(3, 2, activation='relu')", "ZeroPadding1D((1, 2))", "Conv1D(2, 3)")),
    "ZeroPadding2D": ((4, 3, 2), ("Conv2D(3, 2, activation='relu')", "ZeroPadding2D(((1, 2), (0, 1)))", "Conv2D(2, 3)")),
    "Cropping1D": ((6, 2), ("Conv1D(3, 2, activation='relu')", "Cropping1D((1, 0))", "Conv1D(2, 2)")),
    "Cropping2D": ((5, 4, 2), ("Conv2D(3, 2, activation='relu')", "Cropping2D(((1, 0), (0, 1)))", "Conv2D(2, 2)")),
    "TimeDistributed": ((3, 4), ("Dense(4, activation='tanh')", "TimeDistributed(Dense(4, activation='relu'))", "Conv1D(2, 2)")),
    "Lambda": ((6,), ("Lambda(lambda x: x * 2 - 1, name='l')", "Dense(4, activation='relu')", "Dense(3)")),
}
MERGES: dict[str, Callable[..., Any]] = {
    "Add": lambda L, x, y: L.Add()([x, y, x]),
    "Subtract": lambda L, x, y: L.Subtract()([x, y]),
    "Average": lambda L, x, y: L.Average()([x, y]),
    "Concatenate": lambda L, x, y: L.Concatenate(axis=1)([x, y]),
    "Maximum": lambda L, x, y: L.Maximum()([x, y]),
    "Minimum": lambda L, x, y: L.Minimum()([x, y]),
    "Multiply": lambda L, x, y: (x + y) * 1.5,
    "Divide": lambda L, x, y: (x - y) / 1.5,
    "TrueDivide": lambda L, x, y: L.ReLU()(x / 0.5) + y,
    "Negative": lambda L, x, y: L.ReLU()(-y) + x,
    "CustomScaleLayer": lambda L, x, y: scaled_sum()([x, y]),
}


def scaled_sum() -> Any:
    from keras.src.applications.inception_resnet_v2 import CustomScaleLayer

    return CustomScaleLayer(0.3)


# Operations on tensors, which no Sequential model has, are simulated where they are compared.
@pytest.mark.parametrize("name", sorted(n for n, handler in ONE.items() if handler is not identity and not n.startswith("ops.")))
def test_layers(name: str) -> None:
    shape, texts = CHAINS[name]
    assert any(text.startswith(f"{name}(") for text in texts)
    assert simulation_error(sequential(shape, *texts), affine={"l": (2.0, -1.0)}) < BOUND


@pytest.mark.parametrize("name", sorted(MANY))
def test_merges(name: str) -> None:
    import keras

    L = keras.layers
    inputs = L.Input((4, 3, 2))
    merged = MERGES[name](L, L.Conv2D(2, 2, activation="relu")(inputs), L.Conv2D(2, 2, activation="tanh")(inputs))
    assert simulation_error(randomised(keras.Model(inputs, L.Conv2D(2, 1)(L.ReLU()(merged))))) < BOUND


@pytest.mark.parametrize("name", ALLOWED.split(", "))
def test_activations(name: str) -> None:
    last = ("Activation('softmax')",) if name == "softmax" else (f"Activation('{name}')", "Dense(3)")
    assert simulation_error(sequential((6,), "Dense(5)", "BatchNormalization()", *last)) < BOUND
