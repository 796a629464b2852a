"""Archives of Keras 2.12 and 2.13, which number layers otherwise.

No file of these versions is at hand. What they write is built here from what is known of them: `saving_lib`, read in a
later version, walks through the values of
`_layer_checkpoint_dependencies`: {"layer_with_weights-0": a, "layer-0": a, "layer-1": b, ...} for a with and b without
weights, counts every name it meets, and writes what it has not yet written.
"""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from tests.convert.read.test_read import assert_same
from tests.convert_parts import randomised, sequential
from tfsnn.convert.read.read import from_live, read

TEXTS = ("Conv2D(3, 2)", "ReLU()", "BatchNormalization()", "Conv2D(4, 2)", "ReLU()", "Conv2D(2, 1)", "Flatten()", "Dense(5)", "Dense(5)")


def snake(name: str) -> str:
    """A class's name as Keras writes it in files."""
    return re.sub("([a-z])([A-Z])", r"\1_\2", re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)).lower()


def save_state(thing: Any, file: h5py.File, path: str, join: str, visited: set[int]) -> None:
    """Write a layer, and the layers inside it, unless that was done."""
    if id(thing) in visited:
        return
    visited.add(id(thing))
    own = file.create_group(path).create_group("vars") if path else file.create_group("vars")
    layers = getattr(thing, "layers", [])
    for number, value in enumerate([] if layers else thing.get_weights()):
        own[str(number)] = value
    used: dict[str, int] = {}
    for layer in [item for layer in layers for item in ([layer, layer] if layer.weights else [layer])]:
        name = snake(type(layer).__name__)
        used[name] = used.get(name, -1) + 1
        inner = join.join(part for part in (path, "_layer_checkpoint_dependencies", f"{name}_{used[name]}" if used[name] else name) if part)
        save_state(layer, file, inner, join, visited)


def old_archive(model: Any, path: Path, join: str) -> Path:
    """The model in an archive of Keras 2.12."""
    with h5py.File(path.with_suffix(".weights"), "w") as file:
        save_state(model, file, "", join, set())
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", model.to_json())
        archive.writestr("metadata.json", json.dumps({"keras_version": "2.12.0"}))
        archive.write(path.with_suffix(".weights"), "model.weights.h5")
    return path


def nested() -> Any:
    """A model with a model inside, and layers of the same classes before and behind it."""
    import keras

    inner = sequential((4, 4, 3), "Conv2D(3, 1)", "Conv2D(3, 1)", "Activation('tanh')")
    inputs = keras.Input((5, 5, 2))
    x = keras.layers.Conv2D(3, 2)(inputs)
    x = keras.layers.Conv2D(2, 1)(keras.layers.Add()([inner(x), x]))
    return randomised(keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Flatten()(x))))


@pytest.mark.parametrize("join", ["/", "\\"], ids=["posix", "windows"])
@pytest.mark.parametrize("build", [lambda: sequential((6, 5, 2), *TEXTS), nested], ids=["chain", "nested"])
def test_the_same_record_as_of_the_model(build: Any, join: str, tmp_path: Path) -> None:
    model = build()
    found, expected = read(old_archive(model, tmp_path / "model.keras", join)), from_live(model)
    assert found.keras_version == "2.12.0" and [list(layer.weights) for layer in found.layers.values()].count([]) < len(found.layers)
    for name, layer in expected.layers.items():
        assert list(layer.weights) == list(found.layers[name].weights)
        for role, values in layer.weights.items():
            np.testing.assert_array_equal(values, found.layers[name].weights[role])


def test_the_layout_of_today_is_read_as_ever(tmp_path: Path) -> None:
    model = nested()
    model.save(tmp_path / "model.keras")
    assert_same(read(tmp_path / "model.keras"), from_live(model))
