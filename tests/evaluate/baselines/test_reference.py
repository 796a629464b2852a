"""The float model frame by frame: by LiteRT where that is installed, by Keras, or densely by the network itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.convert_parts import graph_of, sequential
from tfsnn.errors import FileError
from tfsnn.evaluate.baselines import reference as module
from tfsnn.evaluate.baselines.reference import by_keras, litert, reference

LAYERS = ("Conv2D(3, 2, activation='relu')", "Flatten()", "Dense(2)")


def frame() -> Any:
    return np.random.default_rng(0).random((1, 4, 4, 1), np.float32)


def test_keras() -> None:
    model = sequential((4, 4, 1), *LAYERS)
    found = by_keras(model)
    np.testing.assert_allclose(found(frame()), np.asarray(model(frame()))[0], atol=1e-5)
    assert not found.timed and found.seconds > 0


def test_litert(capfd: pytest.CaptureFixture[str]) -> None:
    model = sequential((4, 4, 1), *LAYERS)
    capfd.readouterr()
    try:
        found = litert(model)
    except FileError as error:
        pytest.skip(str(error))
    np.testing.assert_allclose(found(frame()), np.asarray(model(frame()))[0], atol=1e-5)
    assert "XNNPACK" not in capfd.readouterr().err


def test_without_litert(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "INTERPRETERS", ("no_such_interpreter",))
    with pytest.raises(FileError, match=r"LiteRT cannot run the model \(ImportError: no LiteRT interpreter is installed"):
        litert(sequential((4, 4, 1), *LAYERS))


def test_what_there_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = sequential((4, 4, 1), *LAYERS)
    model.save(tmp_path / "model.h5")
    graph = graph_of(model)
    found, note = reference(graph, None)
    assert found.name == "the integer ANN" and "no Keras model was given (--against MODEL.h5)" in note
    np.testing.assert_allclose(found(frame()), np.asarray(model(frame()))[0], atol=1e-5)
    (tmp_path / "broken.h5").write_text("no HDF5")
    found, note = reference(graph, tmp_path / "broken.h5")
    assert found.name == "the integer ANN" and "cannot load broken.h5" in note
    monkeypatch.setattr(module, "INTERPRETERS", ("no_such_interpreter",))
    found, note = reference(graph, tmp_path / "model.h5")
    assert found.name == "the float model, Keras" and note.startswith("LiteRT cannot run the model")
