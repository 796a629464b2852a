"""The picture of a training is a picture, whatever the history holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib.image
import pytest

from tfsnn.train.plots import training_curves


def report(epochs: int, accuracy: float) -> dict[str, Any]:
    history = {
        "loss": [2.0 / epoch for epoch in range(1, epochs + 1)],
        "accuracy": [accuracy] * epochs,
        "silenced_accuracy": [accuracy / 2] * epochs,
        "spikes_per_neuron": [accuracy / 10] * epochs,
    }
    return {"history": history, "test": {"accuracy": accuracy}, "recipe": {"name": "bars", "threshold": 0.5}}


@pytest.mark.parametrize(("epochs", "accuracy"), [(1, 1.0), (2, 0.0), (60, 0.993)])
def test_picture(tmp_path: Path, epochs: int, accuracy: float) -> None:
    training_curves(report(epochs, accuracy), tmp_path / "training.png")
    picture = matplotlib.image.imread(tmp_path / "training.png")
    assert picture.shape[1] > 2 * picture.shape[0] > 600 and picture.std() > 0.01


def test_picture_of_numbers(tmp_path: Path) -> None:
    found = report(3, 0.5)
    errors = {"rmse": [0.3, 0.1, 0.0], "silenced_rmse": [0.4, 0.3, 0.2]}
    training_curves(found | {"history": found["history"] | errors, "test": {"rmse": 0.05}}, tmp_path / "training.png")
    assert matplotlib.image.imread(tmp_path / "training.png").std() > 0.01
