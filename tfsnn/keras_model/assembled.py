"""A copy of a Keras model in one file that today's Keras loads: architecture and weights joined, old settings brought up to date.

What is changed has no influence on what a model computes: Keras 2 wrote settings that Keras 3 no longer takes, and left
out the input layer of a Sequential model, without which Keras 3 misreads its shape.
"""

from __future__ import annotations

import json
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tfsnn.aliases import PathLike
from tfsnn.bounded_json import loaded

_GROUPED = ("Conv1D", "Conv2D", "Conv3D")
_OF_TRAINING = ("_initializer", "_regularizer", "_constraint")


@contextmanager
def assembled(path: PathLike, weights: PathLike | None = None, *, mend: bool = False) -> Iterator[str]:
    """The path of a temporary file that holds the whole model.

    Parameters
    ----------
    path
        A model of HDF5; with ``weights`` its architecture alone, as JSON.
    weights
        HDF5 of ``save_weights``, of any Keras.
    mend
        Bring settings up to date.
    """
    import h5py

    with h5py.File(weights or path, "r") as source, tempfile.TemporaryDirectory() as folder:
        text = source.attrs["model_config"] if weights is None else Path(path).read_text(encoding="utf-8")
        text = text.decode("utf-8") if isinstance(text, bytes) else str(text)
        config = loaded(text, str(path), "config", "save the model again", "a model", float)
        if not isinstance(config, dict):
            raise ValueError("no model")
        config = mended(config) if mend else config
        if weights is not None and "layer_names" not in source.attrs and "layer_names0" not in source.attrs:
            file = Path(folder, "model.keras")
            with zipfile.ZipFile(file, "w") as archive:
                archive.writestr("config.json", json.dumps(config))
                archive.writestr("metadata.json", json.dumps({"keras_version": str(config.get("keras_version", "3"))}))
                archive.write(weights, "model.weights.h5")
        else:
            file = Path(folder, "model.h5")
            _join(source, json.dumps(config), file)
        yield str(file)


def _join(source: Any, config: str, file: Path) -> None:
    """Write a whole model to HDF5: a config, and the weights of another file."""
    import h5py

    with h5py.File(file, "w") as target:
        target.attrs.update({key: source.attrs[key] for key in ("keras_version", "backend") if key in source.attrs})
        target.attrs["model_config"] = config
        if "model_weights" in source:
            source.copy("model_weights", target)
            return
        group = target.create_group("model_weights")
        group.attrs.update({key: value for key, value in source.attrs.items() if key != "model_config"})
        for name in source:
            if name != "optimizer_weights":
                source.copy(name, group)


def mended(model: dict[str, Any]) -> dict[str, Any]:
    """The config of a model, or of one of its layers, of Keras 2 in terms that Keras 3 takes."""
    name, config = model.get("class_name"), model.get("config")
    if isinstance(config, list):
        config = {"name": model.get("name", "sequential"), "layers": config}
    if not isinstance(config, dict):
        return model
    config = {key: value for key, value in config.items() if not key.endswith(_OF_TRAINING) and key != "rng_type"}
    if config.get("groups") == 1 and name not in _GROUPED:
        del config["groups"]
    axis = config.get("axis")
    if name == "BatchNormalization" and isinstance(axis, list) and len(axis) == 1:
        config["axis"] = axis[0]
    if name == "ThresholdedReLU":
        name, config = "ReLU", {"name": config.get("name"), "threshold": config.get("theta", 1.0)}
    if isinstance(config.get("layers"), list):
        config["layers"] = [mended(layer) if isinstance(layer, dict) else layer for layer in config["layers"]]
        if name == "Sequential":
            config["layers"] = _begun(config["layers"], config.get("build_input_shape"))
    return {**model, "class_name": name, "config": config}


def _begun(layers: list[Any], shape: Any) -> list[Any]:
    """The layers of a Sequential model, the first of them an input layer."""
    first = layers[0] if layers else None
    config = first.get("config") if isinstance(first, dict) else None
    if not isinstance(first, dict) or not isinstance(config, dict) or first.get("class_name") == "InputLayer":
        return layers
    shape = config.get("batch_input_shape") or shape
    if not shape:
        return layers
    begin = {"batch_shape": shape, "dtype": "float32", "name": f"{config.get('name')}_input"}
    own = {key: value for key, value in config.items() if key != "batch_input_shape"}
    return [{"class_name": "InputLayer", "config": begin}, {**first, "config": own}, *layers[1:]]
