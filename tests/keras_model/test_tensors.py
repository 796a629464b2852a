"""Keras, tensor by tensor: the same values as the model called as a whole, each kept no longer than it is needed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.convert_parts import keras_outputs, randomised, sequential
from tfsnn.errors import FileError
from tfsnn.keras_model.tensors import Tensors, answers, through_channels_last


def chain(L: Any, model: Any) -> Any:
    inputs = L.Input((6, 5, 2))
    return model(inputs, L.Dense(3)(L.Flatten()(L.Dropout(0.5)(L.BatchNormalization()(L.Conv2D(4, 3)(inputs))))))


def branches(L: Any, model: Any) -> Any:
    inputs, conv = L.Input((6, 5, 2)), L.Conv2D(2, 3, padding="same", activation="relu")
    x = conv(inputs)
    y = L.Add()([x, conv(x), x]) * 2.0 - 1.0
    return model(inputs, [L.Flatten()(y), L.Concatenate()([x, y]), x, x])


def nested(L: Any, model: Any) -> Any:
    inner, inputs = L.Input((6, 5, 2)), L.Input((6, 5, 2))
    block = model(inner, [L.RandomFlip()(L.Conv2D(2, 3, padding="same")(inner)), inner])
    first, second = block(inputs)
    return model(inputs, L.Average()([*block(first), second]))


def two_inputs(L: Any, model: Any) -> Any:
    second, first = L.Input((4,)), L.Input((6, 5, 2))
    return model([first, second], L.Concatenate()([L.Flatten()(first), L.Dense(2)(second)]))


def given(model: Any) -> list[Any]:
    generator = np.random.default_rng(0)
    return [generator.normal(size=(3, *tensor.shape[1:])).astype(np.float32) for tensor in model.inputs]


@pytest.mark.parametrize("build", [chain, branches, nested, two_inputs])
@pytest.mark.parametrize("backwards", [False, True])
def test_outputs_equal_those_of_the_whole_model(build: Callable[..., Any], backwards: bool) -> None:
    """In whatever order they are asked for; nothing random in use, nothing left in memory at the end."""
    import keras

    model = randomised(build(keras.layers, keras.Model))
    frames = given(model)
    expected = model(frames if len(frames) > 1 else frames[0], training=False)
    pairs = list(zip(model.outputs, expected if isinstance(expected, list) else [expected]))
    values = Tensors(model).on(frames, model.outputs)
    for tensor, answer in pairs[::-1] if backwards else pairs:
        np.testing.assert_allclose(np.asarray(values.take(tensor)), np.asarray(answer), atol=1e-6)
    assert not any(values.left.values()) and not values.values.keys() - set(map(id, model.inputs))


def test_tensors_are_forgotten_once_used() -> None:
    """However deep a chain, what waits is what the next layer needs."""
    model = sequential((5,), *(f"Dense(5, name='d{n}')" for n in range(40)))
    tensors = Tensors(model)
    wanted = [tensors.by_layer["d9"], tensors.by_layer["d39"]]
    values = tensors.on(given(model), wanted)
    values.take(wanted[0])
    assert values.values.keys() == {id(wanted[0])}
    values.take(wanted[1])
    assert not values.values


LAYERS = (
    ("Conv2D(5, 2, activation='relu', {})", (2, 7, 6)),
    ("Conv1D(6, 2, activation='elu', {})", (3, 7)),
    ("Conv2DTranspose(7, 2, {})", (3, 5, 6)),
    ("DepthwiseConv2D((3, 2), depth_multiplier=2, {})", (2, 6, 5)),
    ("SeparableConv2D(4, 3, activation='tanh', {})", (3, 5, 6)),
)


def runs(model: Any) -> bool:
    """Whether TensorFlow runs a model of channels_first on this machine."""
    import tensorflow as tf

    try:
        model(given(model)[0])
    except tf.errors.OpError:
        return False
    return True


FIRST = (
    *((text, shape) for text, shape in LAYERS),
    ("MaxPooling2D((2, 3), strides=2, padding='same', {})", (2, 7, 6)),
    ("AveragePooling1D(2, {})", (2, 7)),
    ("GlobalMaxPooling2D({})", (2, 7, 6)),
    ("GlobalAveragePooling1D(keepdims=True, {})", (2, 7)),
    ("UpSampling2D(2, {})", (2, 4, 3)),
)


@pytest.mark.parametrize(("text", "shape"), FIRST, ids=[text.partition("(")[0] for text, _ in FIRST])
def test_a_twin_of_channels_last_stands_for_channels_first(text: str, shape: tuple[int, ...]) -> None:
    """It is used where TensorFlow has no such operation; where it has, both give the same."""
    # One column more than in the cases above: there, Keras misplaces the bias.
    shape = (*shape[:-1], shape[-1] + 1)
    model = sequential(shape, text.format("data_format='channels_first', name='twin'"))
    frames = given(model)[0]
    found = through_channels_last(model.get_layer("twin"), frames)
    assert found.shape[1:] == model.output_shape[1:]
    if runs(model):
        np.testing.assert_allclose(np.asarray(found), np.asarray(model(frames)), atol=1e-5)


def test_where_an_operation_fails_the_twin_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    import tensorflow as tf

    model = sequential((2, 7, 6), "Conv2D(4, 2, data_format='channels_first', name='a')", "Conv2D(3, 2, name='b')", "Flatten()")
    last = keras_outputs(model, {"input": given(model)[0]})
    kind = type(model.layers[0])

    def call(self: Any, inputs: Any) -> Any:
        if self.data_format == "channels_first" or fails:
            raise tf.errors.UnimplementedError(None, None, "only supports NHWC")
        return original(self, inputs)

    original, fails = kind.call, False
    monkeypatch.setattr(kind, "call", call)
    np.testing.assert_allclose(keras_outputs(model, {"input": given(model)[0]}), last, atol=1e-6)
    fails = True
    with pytest.raises(tf.errors.UnimplementedError, match="only supports NHWC"):
        keras_outputs(sequential((7, 6, 2), "Conv2D(4, 2)"), {"input": np.zeros((2, 7, 6, 2), np.float32)})


@pytest.mark.parametrize("build", [chain, branches, nested, two_inputs])
def test_answers_are_those_of_the_whole_model(build: Callable[..., Any]) -> None:
    import keras

    model, seen = randomised(build(keras.layers, keras.Model)), list[int]()
    frames = given(model)
    expected = model(frames if len(frames) > 1 else frames[0], training=False)
    found = answers(model, frames, batch=2, progress=seen.append)
    assert seen == [2, 1] and len(found) == len(model.outputs)
    for answer, right in zip(found, expected if isinstance(expected, list) else [expected]):
        np.testing.assert_allclose(answer, np.asarray(right), atol=1e-6)


def test_answers_of_a_keras_that_shows_no_tensors() -> None:
    model = sequential((5,), "Dense(4, activation='relu')", "Dense(3)")

    class Closed:
        def __call__(self, frames: Any, training: bool) -> Any:
            return model(frames, training=training)

    frames = given(model)
    np.testing.assert_allclose(answers(Closed(), frames)[0], np.asarray(model(frames[0])), atol=1e-6)


def test_a_model_that_cannot_be_run() -> None:
    with pytest.raises(FileError, match=r"^Keras cannot run the model \(\w+\)$"):
        answers(sequential((5,), "Dense(3)"), [np.zeros((2, 6), np.float32)])
