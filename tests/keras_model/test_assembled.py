"""What Keras 2 wrote and today's Keras stumbles over for no reason of substance is loaded, with the same values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.data_folder import cases
from tests.keras_files import numbers, sequential, write
from tfsnn.keras_model.assembled import mended
from tfsnn.keras_model.load import load_keras

ZEROS = {"class_name": "Zeros", "config": {"dtype": "float32"}}
LAYERS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("DepthwiseConv2D", {"kernel_size": [2, 2], "groups": 1, "batch_input_shape": [None, 4, 3, 2], "depthwise_initializer": ZEROS}),
    ("ThresholdedReLU", {"theta": 0.5}),
    ("RandomFlip", {"mode": "horizontal", "rng_type": "stateful"}),
)
WEIGHTS = {"layer_0": [("layer_0/depthwise_kernel:0", numbers(2, 2, 2, 1)), ("layer_0/bias:0", numbers(2))]}


@pytest.mark.parametrize("name", ["model.h5", "model.keras"])
def test_settings_that_keras_3_no_longer_takes(tmp_path: Path, name: str) -> None:
    model = load_keras(write(tmp_path / name, sequential(*LAYERS), WEIGHTS))
    x, kernel = numbers(1, 4, 3, 2, seed=1), numbers(2, 2, 2, 1)[..., 0]
    windows = np.lib.stride_tricks.sliding_window_view(x[0], (2, 2), (0, 1))
    expected = np.einsum("ijcab,abc->ijc", windows, kernel) + numbers(2)
    expected = np.where(expected > 0.5, expected, 0)
    assert np.abs(np.asarray(model(x, training=False))[0] - expected).max() < 1e-5


@pytest.mark.parametrize("name", ["k2_sepconv", "k2_sepconv1d", "k2_k19441", "k2_preproc", "k2_thresholded"])
def test_files_of_tf_keras(name: str) -> None:
    model = load_keras(cases("models", f"{name}.h5"))
    with np.load(cases("models", f"{name}.npz")) as data:
        x, expected = data["x"].astype(np.float32), data["y0"]
    assert np.abs(np.asarray(model(x, training=False)) - expected).max() < 1e-5 * np.abs(expected).max()


def test_groups_that_matter_stay() -> None:
    for name, kept in (("Conv2D", True), ("SeparableConv2D", False)):
        assert ("groups" in mended({"class_name": name, "config": {"groups": 1}})["config"]) == kept
    assert mended({"class_name": "DepthwiseConv2D", "config": {"groups": 4}})["config"] == {"groups": 4}
