"""Labels say whether bytes are taken as they are; where they say little, nothing is concluded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.convert_parts import graph_of, sequential
from tfsnn import artifact
from tfsnn.__main__ import main
from tfsnn.convert.feeding import better_reading
from tfsnn.convert.pipeline import convert_model
from tfsnn.input.encoder import Encoder
from tfsnn.network.graph import Graph


def pixels(samples: int = 200) -> Any:
    return np.random.default_rng(0).integers(0, 256, (samples, 4, 4, 1)).astype(np.uint8)


def by_keras(model: Any, values: Any) -> Any:
    return np.asarray(model(np.asarray(values, np.float32)))


def made(*layers: str) -> tuple[Any, Graph]:
    """A model, with biases of several hundred: bytes and their 255th parts give other answers."""
    model = sequential((4, 4, 1), "Flatten()", *layers)
    for layer in model.layers:
        if layer.weights:
            kernel, bias = layer.get_weights()
            spread = np.abs(255 * kernel).sum(axis=0) / 6
            layer.set_weights([kernel, (np.linspace(1, -1, len(bias)) if len(bias) > 1 else np.ones(1)) * spread])
    return model, graph_of(model)


@pytest.mark.parametrize("layers", [("Dense(4, activation='softmax')",), ("Dense(1, activation='sigmoid')",), ("Dense(1)",), ("Dense(3)",)])
def test_labels_speak(layers: tuple[str, ...]) -> None:
    model, graph = made(*layers)
    for raw_taken, values in ((True, pixels()), (False, pixels() / 255)):
        answers = by_keras(model, values)
        labels = answers.argmax(axis=1) if "softmax" in layers[0] else answers[:, 0] > 0.5 if "sigmoid" in layers[0] else answers
        labels = labels.astype(np.int64) if labels.dtype.kind in "bi" else labels
        if labels.dtype.kind == "i" and np.bincount(labels).max() > 0.6 * len(labels):
            continue
        settings, found = better_reading(graph, pixels(), labels)
        assert bool(found) is raw_taken is (settings == {"scale": 1.0}), layers
        assert not found or found.startswith("by its labels the model takes raw numbers as they are (a score of 1 on raw numbers")


def test_masks_speak() -> None:
    model = sequential((4, 4, 1), "Conv2D(1, 1, activation='sigmoid')")
    model.layers[-1].set_weights([np.ones((1, 1, 1, 1)), -127 * np.ones(1)])
    labels = (by_keras(model, pixels())[..., 0] > 0.5).astype(np.float32)
    assert all(better_reading(graph_of(model), pixels(), each)[0] == {"scale": 1.0} for each in (labels, 255 * labels))


def test_masks_of_few_samples_speak_by_their_pixels() -> None:
    """Three pixels in four are right by chance: of twenty samples that is little for classes, and plain for masks."""
    model = sequential((4, 4, 1), "Conv2D(1, 1, activation='sigmoid')")
    model.layers[-1].set_weights([np.ones((1, 1, 1, 1)), -191 * np.ones(1)])
    labels = (by_keras(model, pixels(20))[..., 0] > 0.5).astype(np.float32)
    assert better_reading(graph_of(model), pixels(20), labels)[0] == {"scale": 1.0}
    shuffled = np.random.default_rng(1).permutation(labels.reshape(-1)).reshape(labels.shape)
    assert better_reading(graph_of(model), pixels(20), shuffled) == ({}, "")


@pytest.mark.parametrize(
    "labels", [np.zeros(200, np.int64), np.arange(200) % 4, np.zeros((200, 7), np.float32), np.zeros(9, np.int64)]
)
def test_labels_that_say_nothing(labels: Any) -> None:
    assert better_reading(made("Dense(4, activation='softmax')")[1], pixels(), labels) == ({}, "")
    assert better_reading(made("Dense(1)")[1], pixels(), labels) == ({}, "")


def test_labels_speak_for_values_around_zero() -> None:
    model, graph = made("Dense(4, activation='softmax')")
    kernel, bias = model.layers[-1].get_weights()
    model.layers[-1].set_weights([kernel, bias / 255])
    labels = by_keras(model, pixels() / 127.5 - 1).argmax(axis=1)
    settings, found = better_reading(graph_of(model), pixels(), labels)
    assert settings == {"scale": 1 / 127.5, "offset": -1.0}
    assert found.startswith("by its labels the model takes x / 127.5 - 1 (a score of 1")


def test_few_samples_say_nothing() -> None:
    model, graph = made("Dense(4, activation='softmax')")
    assert better_reading(graph, pixels(15), by_keras(model, pixels(15)).argmax(axis=1)) == ({}, "")


def test_a_conversion_listens() -> None:
    model, _ = made("Dense(4, activation='softmax')")
    labels = by_keras(model, pixels()).argmax(axis=1)
    net = convert_model(model, calibration=pixels(), labels=labels)
    assert net.graph.inputs[0].encoder == Encoder("graded", scale=1.0, range=(0.0, 255.0))
    assert net.provenance["notes"][-1].startswith("by its labels the model takes raw numbers as they are")
    for settings in ({"calibration": pixels()}, {"calibration": pixels(), "labels": by_keras(model, pixels() / 255).argmax(axis=1)}):
        assert convert_model(model, **settings).graph.inputs[0].encoder.scale == 1 / 255
    said = Encoder("graded", scale=1 / 255)
    assert convert_model(model, calibration=pixels(), labels=labels, encoder=said).graph.inputs[0].encoder == said


def test_the_command_listens(tmp_path: Path) -> None:
    model, _ = made("Dense(4, activation='softmax')")
    model.save(tmp_path / "model.h5")
    np.savez(tmp_path / "data.npz", x=pixels(), y=by_keras(model, pixels()).argmax(axis=1))
    line = ["convert", str(tmp_path / "model.h5"), "--out", str(tmp_path / "net.snn.h5"), "--calibrate", str(tmp_path / "data.npz")]
    assert main(line) == 0 and artifact.load(tmp_path / "net.snn.h5").graph.inputs[0].encoder.scale == 1
    assert main([*line, "--scale", "1/255", "--force"]) == 0
    assert artifact.load(tmp_path / "net.snn.h5").graph.inputs[0].encoder.scale == 1 / 255
