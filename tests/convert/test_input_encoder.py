"""Data that are given, and nothing else, decide how the network is fed; what the user asks for stands above that."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from tests.convert_parts import record, sequential
from tfsnn.convert.input_encoder import default_encoder, fitted, stored_framing, undecided, with_range
from tfsnn.convert.pipeline import convert_model
from tfsnn.errors import FileError, InputError
from tfsnn.input.encoder import Encoder
from tfsnn.input.framing import Framing

BYTES = np.arange(256, dtype=np.uint8).reshape(-1, 4)
PLAIN = record((4,), ("Dense", {"units": 2}))
SCALING = record((4,), ("Rescaling", {"scale": 1 / 255}))


@pytest.mark.parametrize(
    ("base", "raw", "expected"),
    [
        (PLAIN, BYTES, Encoder("graded", range=(0, 255))),
        (SCALING, BYTES, Encoder("graded", scale=1.0, range=(0, 255))),
        (PLAIN, BYTES / 255, Encoder("graded", scale=1.0, step=1 / 255, range=(0, 1))),
        (SCALING, BYTES / 255, Encoder("graded", scale=1.0, step=1 / 255, range=(0, 1))),
        (PLAIN, BYTES / 128 - 1, Encoder("graded", scale=1.0, step=1 / 1024, range=(-1, 0.9921875))),
        (PLAIN, BYTES % 2, Encoder("graded", scale=1.0, range=(0, 1))),
        (PLAIN, BYTES.astype(np.int16) - 300, Encoder("graded", scale=1.0, range=(-300, -45))),
    ],
)
def test_what_data_ask_for(base: Any, raw: Any, expected: Encoder) -> None:
    assert fitted(default_encoder(base), raw, None, {}) == expected


@pytest.mark.parametrize(
    ("raw", "asked", "expected"),
    [
        (BYTES, {"scale": 1.0}, Encoder("graded", scale=1.0, range=(0, 255))),
        (BYTES, {"scale": 1 / 127.5, "offset": -1.0}, Encoder("graded", scale=1 / 127.5, offset=-1.0, range=(0, 255))),
        (BYTES / 255, {"scale": 2.0}, Encoder("graded", scale=2.0, step=2 / 255, range=(0, 1))),
        (BYTES, {"kind": "delay", "bins": 4}, Encoder("delay", bins=4, range=(0, 255))),
        (BYTES, {"kind": "delta", "threshold": 0.1, "step": 0.5}, Encoder("delta", threshold=0.1, step=0.5, range=(0, 255))),
        (None, {}, Encoder("graded")),
    ],
)
def test_what_the_user_asks_for_stands_above_it(raw: Any, asked: dict[str, Any], expected: Encoder) -> None:
    assert fitted(default_encoder(PLAIN), raw, None, asked) == expected


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        ((0.0, 255.0), Encoder("graded", range=(0, 255))),
        ((0.0, 1.0), Encoder("graded", scale=1.0, step=1 / 1024, range=(0, 1))),
        ((-1.5, 0.5), Encoder("graded", scale=1.0, step=1 / 512, range=(-1.5, 0.5))),
        ((-128.0, 127.0), Encoder("graded", scale=1.0, range=(-128, 127))),
    ],
)
def test_a_range_says_what_data_would(known: tuple[float, float], expected: Encoder) -> None:
    assert fitted(default_encoder(PLAIN), None, known, {}) == expected


def test_range_of_an_encoder_that_was_given() -> None:
    assert with_range(Encoder("delay"), BYTES, None) == Encoder("delay", range=(0, 255))
    assert with_range(Encoder("delay"), None, (0, 9)) == Encoder("delay", range=(0, 9))
    assert with_range(Encoder("delay", range=(1, 2)), BYTES, None) == Encoder("delay", range=(1, 2))


def test_bytes_may_mean_two_things() -> None:
    assert undecided(PLAIN, None, BYTES, {})
    assert not undecided(SCALING, None, BYTES, {}) and not undecided(PLAIN, None, BYTES / 255, {})
    assert not undecided(PLAIN, None, BYTES, {"scale": 1.0}) and not undecided(PLAIN, None, BYTES % 2, {})


@pytest.mark.parametrize("low", [0.0, -1.0])
def test_float_data_reach_the_network(low: float) -> None:
    import keras
    from keras import layers

    import tfsnn

    keras.utils.set_random_seed(0)
    model = keras.Sequential([layers.Input((8,)), layers.Dense(16, activation="relu"), layers.Dense(3)])
    x = np.random.default_rng(0).uniform(low, 1, (50, 8)).astype(np.float32)
    net = convert_model(model, calibration=x, weight_bits=16)
    result = tfsnn.simulate(net, net.events(x), threshold=0.001)
    expected = model(x).numpy()
    assert np.abs(result.outputs - expected).max() < 0.01 * np.abs(expected).max()


def test_data_that_a_given_encoder_would_destroy() -> None:
    import keras
    from keras import layers

    model = keras.Sequential([layers.Input((8,)), layers.Dense(3)])
    with pytest.raises(InputError, match="raw input is of fractions from 0.25 to 0.25, and the network expects steps of 1"):
        convert_model(model, encoder=Encoder("graded"), calibration=np.full((4, 8), 0.25))


def test_labels_reach_the_network(tmp_path: Path) -> None:
    """A model trained on bytes as they are; the data alone and their labels say so, and the artifact keeps it."""
    import keras
    from keras import layers

    import tfsnn

    model = keras.Sequential([layers.Input((2,)), layers.Dense(2)])
    model.layers[0].set_weights([np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([-30.0, 0.0])])
    x = np.random.default_rng(0).integers(0, 256, (200, 2), dtype=np.uint8)
    y = model(x.astype(np.float32)).numpy().argmax(1)
    net = convert_model(model, calibration=x, labels=y[:, None])
    tfsnn.save(net, tmp_path / "net.snn.h5")
    net = tfsnn.load(tmp_path / "net.snn.h5")
    assert net.graph.inputs[0].encoder == Encoder("graded", scale=1.0, range=(0, 255))
    assert any(note.startswith("by its labels the model takes raw numbers as they are") for note in net.provenance["notes"])
    assert np.mean(tfsnn.simulate(net, net.events(x), threshold=0.001).predictions == y) > 0.99
    free = convert_model(model, calibration=x)
    assert free.graph.inputs[0].encoder.scale == 1 / 255
    said = "whole numbers up to 255 are taken for pixels, x / 255; --scale 1 where the model was trained on x itself"
    assert said in free.provenance["notes"]
    deep = convert_model(model, calibration=x.astype(np.uint16) * 257).provenance["notes"]
    assert [note for note in deep if note.endswith("; --scale 1/65535 where the model was trained on pixels of 16 bits as fractions")]
    assert not any("as fractions" in note for note in convert_model(model, calibration=x.astype(np.uint16)).provenance["notes"])


def test_halves_for_a_model_that_scales_itself() -> None:
    import keras
    from keras import layers

    model = keras.Sequential([layers.Input((8,)), layers.Rescaling(1 / 255), layers.Dense(3)])
    x = np.random.default_rng(0).uniform(0, 1, (50, 8))
    with pytest.raises(InputError, match="the model scales its input down itself, and the data for input .* lie between 0.00.* and 0.99"):
        convert_model(model, calibration=x)
    assert convert_model(model, calibration=x, input_range=(0, 1)).graph.inputs[0].encoder.range == (0, 1)


def test_settings_from_python() -> None:
    import keras
    from keras import layers

    model = keras.Sequential([layers.Input((8,)), layers.Dense(3)])
    net = convert_model(model, encoder={"scale": 1 / 127.5, "offset": -1.0}, input_range=(0, 255))
    assert net.graph.inputs[0].encoder == Encoder("graded", scale=1 / 127.5, offset=-1.0, range=(0, 255))
    with pytest.raises(InputError, match="encoder: range is .1, 0.; it must be the lowest and the highest raw number"):
        convert_model(model, input_range=(1, 0))
    with pytest.raises(InputError, match="labels is int64 of shape .3,.; expected class numbers"):
        convert_model(model, calibration=BYTES.reshape(-1, 8), labels=[0, 1, 2])


@pytest.mark.parametrize("raw", [np.random.default_rng(0).uniform(-1, 1, (40, 8)), np.random.default_rng(0).normal(0, 1, (40, 8))])
def test_fractions_lose_little(raw: Any) -> None:
    found = convert_model(sequential((8,), "Dense(2)"), calibration=raw).graph.inputs[0].encoder
    assert found.scale == 1 and np.abs(found.frames(raw) - raw).max() <= found.step / 2 + 1e-6 < 0.01
    assert found.range == (float(raw.min()), float(raw.max()))


def test_an_encoder_that_was_given_stays() -> None:
    asked = Encoder("graded", scale=1 / 16)
    model = sequential((4,), "Dense(2)")
    assert convert_model(model, encoder=asked, calibration=BYTES).graph.inputs[0].encoder == asked
    assert convert_model(model).graph.inputs[0].encoder == Encoder("graded")


def test_the_framing_that_training_stored(tmp_path: Path) -> None:
    path, framing = tmp_path / "model.h5", Framing((6, 7), "bgr", crop=(0.25, 0, 0, 0))
    sequential((6, 7, 3), "Flatten()", "Dense(2)").save(path)
    with h5py.File(path, "r+") as file:
        file.attrs["tfsnn"] = json.dumps({"framing": framing.to_json()})
    net = convert_model(str(path))
    assert net.graph.inputs[0].framing == framing and stored_framing(PLAIN) is None
    assert convert_model(str(path), framing=Framing((6, 7))).graph.inputs[0].framing == Framing((6, 7))
    with h5py.File(path, "r+") as file:
        file.attrs["tfsnn"] = json.dumps({"framing": {"size": [0, 7]}})
    with pytest.raises(FileError, match="attribute tfsnn: framing: size is .*; train the model again"):
        convert_model(str(path))
