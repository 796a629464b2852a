"""A Keras file is loaded without a word, or refused in one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.convert_parts import sequential
from tfsnn.errors import FileError
from tfsnn.keras_model.load import load_keras


@pytest.mark.parametrize("name", ["model.h5", "model.keras"])
def test_loaded(tmp_path: Path, name: str) -> None:
    sequential((5,), "Dense(3)").save(tmp_path / name)
    assert load_keras(tmp_path / name).output_shape == (None, 3)


def test_what_keras_cannot_load(tmp_path: Path) -> None:
    (tmp_path / "model.h5").write_text("no HDF5")
    with pytest.raises(FileError, match=r"^Keras [\d.]+ cannot load the file \(\w+\)$"):
        load_keras(tmp_path / "model.h5")
