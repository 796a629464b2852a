"""Small files that once were refused or misread: they convert to what Keras computed, or name their true reason."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.convert_parts import drawn, keras_outputs, outputs
from tests.data_folder import cases
from tests.keras_files import sequential, write
from tfsnn.convert.lower.driver import lower
from tfsnn.convert.pipeline import convert_model
from tfsnn.convert.read.read import read
from tfsnn.errors import ConversionError
from tfsnn.input.encoder import Encoder
from tfsnn.keras_model.load import load_keras


@pytest.mark.parametrize("name", ["k2_sepconv", "k2_sepconv1d", "k2_k19441", "k2_hls1133", "k2_preproc", "k2_ks27_td", "k2_pruned"])
def test_what_keras_2_wrote_converts(name: str) -> None:
    graph = lower(read(cases("models", f"{name}.h5")), Encoder("graded"))
    with np.load(cases("models", f"{name}.npz")) as data:
        x, expected = data["x"].astype(np.float32), data["y0"].reshape(len(data["x"]), -1)
    found = outputs(graph, {"input": x})[0]
    assert np.abs(found - expected).max() < 1e-4 * np.abs(expected).max()


@pytest.mark.parametrize("name", ["hls1133", "getitem", "maxmerge", "ops_clip", "ops_concat_transpose", "ops_mean", "ops_pad"])
def test_operations_of_keras_3(name: str) -> None:
    path = cases("models", f"k3_{name}.keras")
    original = load_keras(path)
    graph = lower(read(path), Encoder("graded"))
    frames = drawn(graph)
    found, expected = outputs(graph, frames)[0], keras_outputs(original, frames)[0]
    assert found.shape == expected.shape and np.abs(found - expected).max() < 1e-5 * np.abs(expected).max()


def test_a_thresholded_relu(tmp_path: Path) -> None:
    layers = (("Dense", {"units": 3, "batch_input_shape": [None, 3]}), ("ThresholdedReLU", {"theta": 0.5}))
    weights = {"layer_0": [("layer_0/kernel:0", np.eye(3, dtype=np.float32)), ("layer_0/bias:0", np.zeros(3, np.float32))]}
    graph = lower(read(write(tmp_path / "model.h5", sequential(*layers), weights)), Encoder("graded"))
    assert outputs(graph, {"input": np.array([[0.4, 0.6, -1.0]], np.float32)})[0].tolist() == [[0, pytest.approx(0.6), 0]]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("k2_lambda_act", r"layer 'conv2d_10' \(Conv2D\): an activation that is code, which is never run; replace it by one of"),
        ("k2_qat", "a layer still wrapped for quantization-aware training; give its weights to the model"),
    ],
)
def test_true_reasons(name: str, reason: str) -> None:
    with pytest.raises(ConversionError, match=reason):
        convert_model(cases("models", f"{name}.h5"))
