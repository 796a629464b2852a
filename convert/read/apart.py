"""Models in two files: the architecture as JSON (`model.to_json()`), the weights as HDF5 (`model.save_weights`)."""

from __future__ import annotations

import os
from typing import Any

from tfsnn.bounded_json import parsed
from tfsnn.errors import FileError
from tfsnn.hdf5.reader import attributes, has, opened

from .archive import layer_weights
from .h5 import named_weights, stored_text
from .source import StoredModel, StoredWeights

_LARGEST = 128 << 20


def model_apart(path: str, weights: str) -> StoredModel:
    """Return config and weights of a model in two files.

    Raises
    ------
    FileError
        One of them is missing, damaged, or something else.
    """
    config = parsed(_text(path), path, "architecture")
    with opened(weights) as root:
        there = attributes(root)
        if "model_config" in there:
            way_out = f"convert {weights} itself, without {path}"
            raise FileError(f"{weights}: found a whole model, expected weights alone (model.save_weights()); {way_out}")
        if has(root, "layers"):
            stored = StoredWeights(by_path=layer_weights(root, config))
        elif "layer_names" in there or "layer_names0" in there:
            stored = StoredWeights(by_group=named_weights(root))
        else:
            raise FileError(f"{weights}: found no weights of Keras, expected some; save them with model.save_weights()")
        said = config if isinstance(config, dict) else {}
        version = str(said.get("keras_version") or stored_text(root, "keras_version") or "1")
        backend = str(said.get("backend") or stored_text(root, "backend"))
    return StoredModel(config, stored, version, backend, "json")


def _text(path: str) -> str:
    size: Any = os.path.getsize(path)
    if size > _LARGEST:
        raise FileError(f"{path}: found {size} bytes, expected an architecture of at most {_LARGEST}; give what model.to_json() returned")
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except UnicodeDecodeError:
        raise FileError(f"{path}: found other bytes, expected text in UTF-8; give what model.to_json() returned") from None
