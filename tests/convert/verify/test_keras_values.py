"""Keras beside the network: where Keras itself is wrong that is said, and stops no conversion."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.convert_parts import graph_of, randomised, sequential
from tests.keras_model.test_tensors import LAYERS, given, runs
from tfsnn.convert.pipeline import convert_model
from tfsnn.convert.verify.keras_values import KerasValues, Probe
from tfsnn.errors import FileError


@pytest.mark.parametrize(("text", "shape"), LAYERS, ids=[text.partition("(")[0] for text, _ in LAYERS])
def test_a_bias_that_keras_misplaces_does_not_stop_a_conversion(text: str, shape: tuple[int, ...]) -> None:
    """With as many columns as filters, some releases of Keras 3 add the bias of channels_first along the columns."""
    import keras

    layer = text.format("data_format='channels_first', name='conv'")
    model = sequential(shape, layer, "Flatten()", "Dense(3)")
    channels, columns = model.get_layer("conv").output.shape[1], model.get_layer("conv").output.shape[-1]
    assert channels == columns
    wrong = float(keras.ops.add(np.zeros((1, 2, 1, 2)), np.array([1.0, 0.0]).reshape(1, 2, 1, 1))[0, 0, 0, 1]) != 1
    # Without oneDNN the layer is not run as it stands, so nothing is misplaced.
    wrong = wrong and runs(model)
    net = convert_model(model)
    assert max(net.verification["keras"].values()) <= 1e-5
    said = f"conv: Keras {keras.__version__} adds its bias along the wrong axis; compared with the bias along the channels"
    assert net.provenance["notes"] == ([said] if wrong else [])
    kernel = model.get_layer("conv").get_config()
    assert kernel["use_bias"] is True


@pytest.mark.parametrize("channels", [5, 16])
def test_a_sum_that_keras_misplaces_does_not_stop_a_conversion(channels: int) -> None:
    """With as many samples as channels, some releases of Keras 3 take one value a sample for a bias."""
    import keras

    L = keras.layers
    inputs = L.Input((6, 7, 2))
    x = L.Conv2D(channels, 2)(inputs)
    model = randomised(keras.Model(inputs, L.Add()([x, L.Dense(1)(L.GlobalAveragePooling2D(keepdims=True)(x))]) * 2.0 + 1.0))
    net = convert_model(model)
    assert net.verification["samples"] == 16 and max(net.verification["keras"].values()) <= 1e-5
    ones = np.arange(4.0).reshape(4, 1, 1, 1)
    wrong = channels == 16 and not np.allclose(keras.ops.add(np.zeros((4, 2, 2, 4)), ones), np.zeros((4, 2, 2, 4)) + ones)
    said = [note.partition(" adds ")[2] for note in net.provenance["notes"]]
    assert said == ["a tensor of one value a sample along the wrong axis; compared with what its documentation says"] * wrong


def test_where_columns_and_filters_differ_nothing_is_corrected() -> None:
    model = sequential((2, 7, 6), "Conv2D(4, 2, data_format='channels_first')", "Flatten()", "Dense(3)")
    assert convert_model(model).provenance["notes"] == []


def test_a_keras_that_shows_no_tensors() -> None:
    """Then the outputs alone are compared."""
    model = sequential((5,), "Dense(4, activation='relu', name='a')", "Dense(3, name='b')")

    class Closed:
        layers = model.layers
        outputs = model.outputs

        def __call__(self, frames: Any, training: bool) -> Any:
            return model(frames, training=training)

    graph = graph_of(model)
    reference = KerasValues(Closed(), graph, {})
    assert reference.probes == {"b": [Probe("b")]} and reference.notes == ()
    (frames,) = given(model)
    np.testing.assert_allclose(reference.on([frames])(Probe("b")), np.asarray(model(frames)), atol=1e-6)


def test_a_model_that_cannot_be_run() -> None:
    model = sequential((5,), "Dense(3, name='b')")
    reference = KerasValues(model, graph_of(model), {})
    with pytest.raises(FileError, match="not compared: Keras cannot run the model .*; only the float and the integer network"):
        reference.on([np.zeros((2, 6), np.float32)])(Probe("b"))
