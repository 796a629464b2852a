"""What is wrapped for training is unwrapped, adapters are merged, and what Keras has quantized is refused by that name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.convert_parts import difference, drawn, keras_outputs, lowering_error, outputs, sequential
from tests.keras_files import numbers
from tests.keras_files import sequential as config_of
from tests.keras_files import write
from tfsnn.convert.lower.driver import lower
from tfsnn.convert.read.read import from_live, read
from tfsnn.errors import ConversionError
from tfsnn.input.encoder import Encoder


def test_pruned_weights_are_masked(tmp_path: Path) -> None:
    inner = {"module": "keras.layers", "class_name": "Dense", "config": {"name": "dense", "units": 3}}
    config = config_of(("PruneLowMagnitude", {"layer": inner, "batch_input_shape": [None, 2]}))
    mask = np.array([[1, 0, 1], [0, 1, 1]], np.float32)
    beside = [(f"layer_0/{name}:0", value) for name, value in (("mask", mask), ("threshold", np.ones(())), ("pruning_step", np.ones(())))]
    weights = {"layer_0": [("dense/kernel:0", numbers(2, 3)), ("dense/bias:0", numbers(3)), *beside]}
    (layer,) = read(write(tmp_path / "model.h5", config, weights)).layers.values()
    assert (layer.class_name, layer.name, sorted(layer.weights)) == ("Dense", "layer_0", ["bias", "kernel"])
    np.testing.assert_array_equal(layer.weights["kernel"], numbers(2, 3) * mask)


def adapted() -> Any:
    """A model with adapters of LoRA that change what it computes."""
    model = sequential((6, 5, 2), "Conv2D(4, 2, activation='relu')", "Flatten()", "Dense(3)")
    for number in (0, 2):
        model.layers[number].enable_lora(2, lora_alpha=3.0)
        model.layers[number].lora_kernel_b.assign(numbers(*model.layers[number].lora_kernel_b.shape))
    return model


@pytest.mark.parametrize("name", ["model.h5", "model.keras", ""])
def test_adapters_are_merged(tmp_path: Path, name: str) -> None:
    model = adapted()
    if name:
        model.save(tmp_path / name)
    graph = lower(read(tmp_path / name) if name else from_live(model), Encoder("graded"))
    frames = drawn(graph)
    assert difference(outputs(graph, frames), keras_outputs(model, frames)) < 1e-5


def test_adapters_that_do_not_fit(tmp_path: Path) -> None:
    config = config_of(("Dense", {"units": 3, "batch_input_shape": [None, 2], "lora_rank": 2}))
    shapes = {"kernel": (2, 3), "bias": (3,), "lora_kernel_a": (2, 1), "lora_kernel_b": (2, 3)}
    weights = [(f"layer_0/{role}", numbers(*shape)) for role, shape in shapes.items()]
    path = write(tmp_path / "model.h5", config, {"layer_0": weights})
    with pytest.raises(ConversionError, match=r"'layer_0' \(Dense\): found adapters of LoRA that do not fit its kernel; save the model"):
        read(path)


@pytest.mark.parametrize("name", ["model.h5", "model.keras", ""])
def test_quantized_by_keras(tmp_path: Path, name: str) -> None:
    model = sequential((4,), "Dense(3)", "Dense(2)")
    model.quantize("int8")
    if name:
        model.save(tmp_path / name)
    with pytest.raises(ConversionError, match=r"layer 'dense\w*' \(Dense\): quantized to int8 by Keras; give the model") as caught:
        read(tmp_path / name) if name else from_live(model)
    assert len(caught.value.problems) == 2


@pytest.mark.parametrize("name", ["model.h5", "model.keras", ""])
def test_an_activation_with_weights(tmp_path: Path, name: str) -> None:
    texts = ("Conv2D(3, 2, activation=PReLU(shared_axes=[1, 2]))", "Flatten()", "Dense(4, activation=PReLU())", "Dense(2)")
    model = sequential((6, 5, 2), *texts)
    model(np.zeros((1, 6, 5, 2), np.float32))
    for number in (0, 2):
        alpha = model.layers[number].activation.alpha
        alpha.assign(np.abs(numbers(*alpha.shape)) / 2)
    if not name:
        assert lowering_error(model) < 1e-5
        return
    model.save(tmp_path / name)
    graph = lower(read(tmp_path / name), Encoder("graded"))
    frames = drawn(graph)
    assert difference(outputs(graph, frames), keras_outputs(model, frames)) < 1e-5


@pytest.mark.parametrize("live", [True, False])
def test_a_model_that_is_code(tmp_path: Path, live: bool) -> None:
    import keras

    class Mine(keras.Model):  # type: ignore[misc]
        """A model of its own class."""

        def __init__(self) -> None:
            super().__init__()
            self.inner = keras.layers.Dense(3)

        def call(self, x: Any) -> Any:
            """The layer."""
            return self.inner(x)

    model = Mine()
    model(np.zeros((1, 4), np.float32))
    model.save(tmp_path / "model.keras")
    with pytest.raises(ConversionError, match="model of class 'Mine': found a model that is Python code .*; build it from layers"):
        from_live(model) if live else read(tmp_path / "model.keras")
