"""One classifier in the units that people train in: no option but the data, and the event network answers as Keras does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tfsnn
from tfsnn.artifact import Net
from tfsnn.convert.pipeline import convert_model
from tfsnn.errors import InputError
from tfsnn.input.datasets import load

Values = Any


@pytest.fixture(scope="module")
def digits() -> dict[str, Values]:
    """Digits as bytes of 64 pixels, and the layers of a classifier that was trained on their 255th parts."""
    import keras
    from keras import layers

    keras.utils.set_random_seed(0)
    data = load("digits")
    images = {"train": data.train.x, "test": data.test.x}
    splits = {name: np.rint(x.reshape(-1, 64) * 15.9375).astype(np.uint8) for name, x in images.items()}
    model = keras.Sequential([layers.Input((64,)), layers.Dense(32, activation="relu"), layers.Dense(10, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    model.optimizer.learning_rate = 0.01
    model.fit(splits["train"] / 255.0, data.train.y, batch_size=64, epochs=12, verbose=0)
    return splits | {"y_train": data.train.y, "y_test": data.test.y, "weights": model.get_weights()}


def model_of(weights: list[Values], factor: float, shift: float, *first: Any) -> Any:
    """The classifier for inputs of ``factor * x / 255 + shift``."""
    import keras
    from keras import layers

    model = keras.Sequential([layers.Input((64,)), *first, layers.Dense(32, activation="relu"), layers.Dense(10, activation="softmax")])
    kernel, bias, *others = weights
    model.set_weights([kernel / factor, bias - shift / factor * kernel.sum(axis=0), *others])
    return model


def rescaling() -> tuple[Any, ...]:
    import keras

    return (keras.layers.Rescaling(1 / 255),)


def none() -> tuple[Any, ...]:
    return ()


def unchanged(x: Values) -> Values:
    return x


@pytest.mark.parametrize(
    ("raw", "fed", "factor", "shift", "first"),
    [
        (lambda x: (x / 255).astype(np.float32), unchanged, 1.0, 0.0, none),
        (unchanged, lambda x: x / 255, 1.0, 0.0, none),
        (unchanged, unchanged, 255.0, 0.0, none),
        (unchanged, lambda x: x / 127.5 - 1, 2.0, -1.0, none),
        (unchanged, unchanged, 1.0, 0.0, rescaling),
        (lambda x: x / 127.5 - 1, unchanged, 2.0, -1.0, none),
        (lambda x: (x / 255 - 0.3) / 0.37, unchanged, 1 / 0.37, -0.3 / 0.37, none),
    ],
    ids=["floats", "bytes", "bytes as they are", "bytes around 0", "own Rescaling", "-1 to 1", "standardized"],
)
def test_answers_are_those_of_keras(
    digits: dict[str, Values],
    raw: Callable[[Values], Values],
    fed: Callable[[Values], Values],
    factor: float,
    shift: float,
    first: Callable[[], tuple[Any, ...]],
) -> None:
    model, test = model_of(digits["weights"], factor, shift, *first()), raw(digits["test"])
    net = convert_model(model, calibration=raw(digits["train"]), labels=digits["y_train"])
    expected = model(fed(test).astype(np.float32)).numpy()
    accuracy = np.mean(expected.argmax(axis=1) == digits["y_test"])
    assert accuracy > 0.93
    found = tfsnn.simulate(net, net.events(test), threshold=0.005).predictions
    assert abs(np.mean(found == digits["y_test"]) - accuracy) <= 0.005
    stream = tfsnn.Stream(net, threshold=0.005)
    sure = np.flatnonzero(expected.max(axis=1) > 0.9)[:20]
    assert [int(np.argmax(stream.step(test[i]))) for i in sure] == expected[sure].argmax(axis=1).tolist()


@pytest.mark.parametrize(("factor", "shift"), [(1.0, 0.0), (255.0, 0.0), (2.0, -1.0)], ids=["floats", "bytes as they are", "-1 to 1"])
def test_a_convolutional_network(digits: dict[str, Values], factor: float, shift: float) -> None:
    """Convolutions, a batch norm and pooling, in three units: the same answers as Keras, again with no option."""
    import keras
    from keras import layers

    keras.utils.set_random_seed(0)
    parts = [layers.Input((8, 8, 1)), layers.Conv2D(8, 3), layers.BatchNormalization(momentum=0.8), layers.ReLU()]
    model = keras.Sequential([*parts, layers.MaxPooling2D(2), layers.Flatten(), layers.Dense(10)])
    model.compile(keras.optimizers.Adam(0.01), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    # Training and test images in the unit of the model: factor * x / 255 + shift.
    train, test = (digits[name].reshape(-1, 8, 8, 1) for name in ("train", "test"))
    raw = [x if factor == 255.0 else (factor * (x / 255) + shift).astype(np.float32) for x in (train, test)]
    model.fit(raw[0].astype(np.float32), digits["y_train"], batch_size=64, epochs=6, verbose=0)
    net = convert_model(model, calibration=raw[0], labels=digits["y_train"])
    expected = np.mean(model(raw[1].astype(np.float32)).numpy().argmax(axis=1) == digits["y_test"])
    found = np.mean(tfsnn.simulate(net, net.events(raw[1]), threshold=0.005).predictions == digits["y_test"])
    assert expected > 0.93 and abs(found - expected) <= 0.005


def net_for(digits: dict[str, Values]) -> Net:
    return convert_model(model_of(digits["weights"], 1.0, 0.0), calibration=digits["train"])


def test_fractions_of_bytes_are_refused(digits: dict[str, Values]) -> None:
    net, image = net_for(digits), digits["test"][0] / 255
    message = "raw input is of fractions from 0 to 1, and the network expects steps of 1, from 0 to 255 at scale 0.00392157"
    with pytest.raises(InputError, match=message):
        net.events(image[None])
    with pytest.raises(InputError, match=message):
        net.predict(image[None])
    with pytest.raises(InputError, match=message):
        tfsnn.Stream(net).step(image)


def test_numbers_far_beyond_the_calibration(digits: dict[str, Values]) -> None:
    net, image = net_for(digits), digits["test"][0].astype(np.int64)
    with pytest.warns(UserWarning, match="raw input from 0 to 510, and the network expects steps of 1, from 0 to 255"):
        tfsnn.Stream(net).step(2 * image)
    with pytest.raises(InputError, match="raw input from 0 to 2550, and the network expects steps of 1, from 0 to 255"):
        tfsnn.Stream(net).step(10 * image)
