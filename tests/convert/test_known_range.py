"""Without data, the range of an input is what the first normalization was adapted to, and the terminal says so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tfsnn.__main__ import main
from tfsnn.convert.known_range import known_ranges
from tfsnn.convert.pipeline import convert_model
from tfsnn.convert.read.read import from_live
from tfsnn.errors import InputError


def model(mean: Any, variance: Any, kind: str = "BatchNormalization") -> Any:
    import keras
    from keras import layers

    keras.utils.set_random_seed(0)
    norm = layers.BatchNormalization(name="norm") if kind == "BatchNormalization" else layers.Normalization(name="norm")
    net = keras.Sequential([layers.Input((5, 4, 2)), norm, layers.Conv2D(3, 3), layers.ReLU(), layers.Flatten(), layers.Dense(2)])
    if kind == "BatchNormalization":
        norm.set_weights([*norm.get_weights()[:2], np.array(mean, np.float32), np.array(variance, np.float32)])
    else:
        data = np.random.default_rng(0).normal(mean, np.sqrt(variance), (500, 5, 4, 2))
        norm.adapt(data)
    return net


@pytest.mark.parametrize(
    ("mean", "variance", "low", "high"),
    [([120.5, 100.0], [60.0**2, 40.0**2], -60.0, 301.0), ([0.4, 0.5], [0.01, 0.04], -0.1, 1.1)],
    ids=["pixels", "fractions"],
)
def test_statistics_of_a_batch_norm(mean: list[float], variance: list[float], low: float, high: float) -> None:
    net = convert_model(model(mean, variance))
    encoder = net.graph.inputs[0].encoder
    assert encoder.range == pytest.approx((low, high)) and encoder.scale == 1.0 and (encoder.step == 0.0) == (high > 64)
    said = f"no data was given: taken to be what the model itself says, mean and 3 standard deviations of layer 'norm', {low:g} to {high:g}"
    assert any(note.startswith(f"input input: {said}") for note in net.provenance["notes"])
    assert f"seeded random inputs from {low:g} to {high:g}" in net.provenance["calibration"]["data"]
    # One range holds all channels, and drawn images are smoother than noise: scales are right to a small factor.
    drawn = np.random.default_rng(1).normal(mean, np.sqrt(variance), (200, 5, 4, 2))
    given = convert_model(model(mean, variance), calibration=np.clip(drawn, low, high))
    ratios = [node.scale / same.scale for node, same in zip(net.graph, given.graph) if hasattr(node, "scale") and hasattr(same, "scale")]
    assert all(0.25 < ratio < 4 for ratio in ratios)


def test_what_is_asked_for_stands_above() -> None:
    pixels = model([120.5, 100.0], [3600.0, 1600.0])
    assert convert_model(pixels, input_range=(0, 9)).graph.inputs[0].encoder.range == (0, 9)
    assert convert_model(pixels, encoder={"scale": 2.0, "offset": 2.0}).graph.inputs[0].encoder.range == (-31, 149.5)


def test_untrained_or_odd_statistics_say_nothing() -> None:
    assert known_ranges(from_live(model([0.0, 0.0], [1.0, 1.0]))) == {}
    assert known_ranges(from_live(model([1.0, 1.0], [0.0, 0.0]))) == {}
    assert known_ranges(from_live(model([1.0, 1.0], [-1.0, 1.0]))) == {}


def test_scaled_twice() -> None:
    """Fractions where a normalization was adapted to pixels are refused; where it was adapted to fractions they are right."""
    x = np.random.default_rng(0).uniform(0, 1, (40, 5, 4, 2))
    with pytest.raises(InputError, match="the model scales its input down itself, and the data for input input lie between 0"):
        convert_model(model([120.0, 100.0], [3600.0, 1600.0], "Normalization"), calibration=x)
    net = convert_model(model([0.5, 0.5], [0.08, 0.08], "Normalization"), calibration=x)
    assert net.provenance["warnings"] == []


def test_by_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "model.keras"
    model([120.5, 100.0], [3600.0, 1600.0]).save(path)
    assert main(["convert", str(path), "--out", str(tmp_path / "net.snn.h5")]) == 0
    assert "note: input input: no data was given: taken to be what the model itself says" in capsys.readouterr().out
    assert main(["check", str(path)]) == 0
