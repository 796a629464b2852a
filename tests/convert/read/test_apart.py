"""Architecture and weights in two files give the same record as the model in one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from tests.convert.read.test_read import assert_same
from tests.convert_parts import sequential
from tests.data_folder import cases
from tests.keras_files import numbers
from tests.keras_files import sequential as config_of
from tests.keras_files import write
from tfsnn.convert.pipeline import convert_model
from tfsnn.convert.read.read import read
from tfsnn.errors import ConversionError, FileError, InputError

CONFIG = config_of(("Dense", {"units": 3, "batch_input_shape": [None, 2]}))
WEIGHTS = {"layer_0": [("layer_0/kernel:0", numbers(2, 3)), ("layer_0/bias:0", numbers(3))]}


def apart(folder: Path, config: Any = CONFIG) -> tuple[Path, Path]:
    """The two files as Keras 2 wrote them."""
    whole = write(folder / "whole.h5", config, WEIGHTS)
    with h5py.File(whole) as source, h5py.File(folder / "weights.h5", "w") as target:
        group = source["model_weights"]
        target.attrs.update(dict(group.attrs))
        for name in group:
            group.copy(name, target)
    architecture = folder / "model.json"
    architecture.write_text(json.dumps({**config, "keras_version": "2.2.4", "backend": "tensorflow"}))
    return architecture, folder / "weights.h5"


def test_two_files_of_keras_2(tmp_path: Path) -> None:
    architecture, weights = apart(tmp_path)
    found, whole = read(architecture, weights=weights), read(tmp_path / "whole.h5")
    assert_same(found, whole)
    assert (found.keras_version, found.backend, found.format) == ("2.2.4", "tensorflow", "json")


def test_two_files_of_keras_3_are_compared_with_keras(tmp_path: Path) -> None:
    model = sequential((6, 5, 2), "Conv2D(3, 2, activation='relu')", "BatchNormalization()", "Flatten()", "Dense(4)")
    (tmp_path / "model.json").write_text(model.to_json())
    model.save_weights(tmp_path / "model.weights.h5")
    net = convert_model(tmp_path / "model.json", weights=tmp_path / "model.weights.h5")
    assert all(found <= 1e-4 for found in net.verification["keras"].values())
    assert sorted(net.provenance["inputs"]) == ["model.json", "model.weights.h5"]


def test_case_of_a_user() -> None:
    net = convert_model(cases("models", "k2_arch.json"), weights=cases("models", "k2_arch_weights.h5"))
    assert all(found <= 1e-4 for found in net.verification["keras"].values())


def test_what_does_not_belong_together(tmp_path: Path) -> None:
    architecture, weights = apart(tmp_path)
    with pytest.raises(InputError, match=r"--weights .*weights.h5: .*whole.h5 is a whole model, with weights of its own"):
        read(tmp_path / "whole.h5", weights=weights)
    with pytest.raises(FileError, match=r"whole.h5: found a whole model, expected weights alone .*; convert .*whole.h5 itself"):
        read(architecture, weights=tmp_path / "whole.h5")
    with pytest.raises(FileError, match=r"found a config without weights, .*; give its weights too \(--weights FILE.h5\)"):
        read(architecture)
    with pytest.raises(FileError, match=r"found weights only, .*or give its architecture: MODEL.json --weights FILE.h5"):
        read(weights)
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["x"] = np.zeros(3)
    with pytest.raises(FileError, match="other.h5: found no weights of Keras, expected some"):
        read(architecture, weights=tmp_path / "other.h5")
    with pytest.raises(InputError, match="weights were given for a model in memory, which has its own"):
        convert_model(sequential((2,), "Dense(3)"), weights=weights)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{" + b"[" * 1000, "nested deeper than"),
        (b"{\xff", "found other bytes, expected text in UTF-8"),
        (b"{}", "found an item without class_name"),
    ],
)
def test_hostile_architectures(tmp_path: Path, content: bytes, message: str) -> None:
    architecture, weights = apart(tmp_path)
    architecture.write_bytes(content)
    with pytest.raises((FileError, ConversionError), match=message):
        read(architecture, weights=weights)


def test_an_architecture_without_end(tmp_path: Path) -> None:
    architecture, weights = apart(tmp_path)
    with open(architecture, "r+b") as file:
        file.truncate((128 << 20) + 1)
    with pytest.raises(FileError, match="expected an architecture of at most"):
        read(architecture, weights=weights)
