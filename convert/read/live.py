"""Models that live in memory: read through the methods that every Keras model has, so keras is never imported here."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

from tfsnn.bounded_json import parsed
from tfsnn.errors import InputError

from .source import Named, StoredModel, StoredWeights

_LABEL = "model"
# Settings that some release of Keras 3 leaves out of a layer's config (up to 3.12, at least).
_LEFT_OUT = {name: ("output_padding",) for name in ("Conv1DTranspose", "Conv2DTranspose")}


def live_model(model: Any) -> StoredModel:
    """Return config and weights of a live model.

    Raises
    ------
    InputError
        The object is no Keras model, or has not been built.
    """
    if not all(hasattr(model, name) for name in ("to_json", "layers", "get_weights")):
        found = type(model).__name__
        raise InputError(f"model: found {found}, expected a Keras model; give a keras.Model, or read a file")
    if not getattr(model, "built", True):
        raise InputError("model: it has not been built, so it has no weights; call model.build((None, ...)) first")
    config = parsed(model.to_json(), _LABEL, "to_json()")
    _complete(config, model)
    version = str(config.get("keras_version") or _version(model)) if isinstance(config, dict) else "3"
    backend = str(config.get("backend") or "tensorflow") if isinstance(config, dict) else "tensorflow"
    return StoredModel(config, StoredWeights(by_path=dict(_layers(model, ()))), version, backend, "live")


def _complete(config: Any, model: Any) -> None:
    """Add the settings of the model's layers that its config should hold and does not."""
    inside = config.get("config") if isinstance(config, dict) else None
    listed = inside.get("layers", ()) if isinstance(inside, dict) else ()
    layers = {layer.name: layer for layer in model.layers}
    for item in listed:
        settings = item.get("config") if isinstance(item, dict) else None
        if not isinstance(settings, dict) or settings.get("name") not in layers:
            continue
        layer = layers[settings["name"]]
        if hasattr(layer, "layers"):
            _complete(item, layer)
        for key in _LEFT_OUT.get(str(item.get("class_name")), ()):
            if getattr(layer, key, None) is not None:
                settings.setdefault(key, getattr(layer, key))


def _version(model: Any) -> str:
    """Return the version of the Keras that the model's class comes from."""
    for ancestor in type(model).__mro__:
        package = ancestor.__module__.partition(".")[0]
        if package in ("keras", "tf_keras"):
            return str(getattr(sys.modules[package], "__version__", "3"))
    return "3"


def _layers(model: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Named]]:
    for layer in model.layers:
        here = (*path, layer.name)
        if hasattr(layer, "layers") and hasattr(layer, "to_json"):
            yield from _layers(layer, here)
        else:
            names = [str(getattr(weight, "path", weight.name)) for weight in layer.weights]
            yield here, tuple(zip(names, (np.asarray(value) for value in layer.get_weights())))
