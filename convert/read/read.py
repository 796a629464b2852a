"""The door to models of any Keras: `read` for files, `from_live` for models in memory; both give one `ModelRecord`.

Reading needs neither keras nor TensorFlow, executes and unpickles nothing, and ends with a record or with one clear
error: `FileError` for a file that cannot be trusted, `ConversionError` for a model that contradicts itself.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tfsnn.errors import ConversionError, FileError, InputError
from tfsnn.hdf5.reader import SIGNATURE, opened

from .apart import model_apart
from .archive import archive_model
from .flatten import Flat, Leaf, flattened
from .h5 import h5_model
from .legacy import modern, modern_weights
from .live import live_model
from .records import Config, LayerRecord, ModelRecord, Weight
from .source import Named, StoredModel
from .weights import Owner, assigned
from .wrappers import applied, inner_layer, own_weights, quantized_by_keras, unwrapped

_BACKENDS = ("tensorflow", "theano", "jax", "torch", "cntk", "numpy")
_SAVE = "save it with model.save('model.keras') or model.save('model.h5')"
_FOREIGN = {
    ".pb": "a TensorFlow graph",
    ".tflite": "a TensorFlow Lite model",
    ".pt": "a PyTorch checkpoint",
    ".pth": "a PyTorch checkpoint",
    ".pkl": "a pickle, which would have to be executed",
    ".pickle": "a pickle, which would have to be executed",
    ".onnx": "an ONNX model",
    ".json": "a config without weights",
    ".npz": "weights without a config",
    ".ckpt": "a TensorFlow checkpoint",
}


def read(
    path: str | os.PathLike[str], *, backend: str | None = None, weights: str | os.PathLike[str] | None = None
) -> ModelRecord:
    """Read a Keras model from a file.

    Parameters
    ----------
    path
        An HDF5 file of Keras 1, 2 or 3, or a `.keras` archive; or with `weights` the architecture alone, as JSON.
    backend
        The backend that trained the weights, where the file does not say (Keras 1) or says it wrongly. Kernels of
        "theano" are turned by 180 degrees.
    weights
        The weights of an architecture that is a file of its own: HDF5 of `model.save_weights`.

    Raises
    ------
    FileError
        The file is missing, damaged, hostile, or no Keras model.
    ConversionError
        The model in it contradicts itself; `.problems` lists every weight that does not fit.
    """
    if backend is not None and backend not in _BACKENDS:
        raise InputError(f"backend: found '{backend}', allowed are {', '.join(_BACKENDS)}")
    label = os.fspath(path)
    kind = _kind(label, apart=weights is not None)
    if kind == "json":
        return _record(model_apart(label, os.fspath(weights or "")), f"{label}, {os.fspath(weights or '')}", backend)
    if weights is not None:
        raise InputError(f"--weights {os.fspath(weights)}: {label} is a whole model, with weights of its own; leave them out")
    if kind == "keras":
        return _record(archive_model(label, label), label, backend)
    with opened(label) as root:
        source = h5_model(root, label)
    return _record(source, label, backend)


def from_live(model: Any) -> ModelRecord:
    """Read a Keras model that lives in memory; it is not changed.

    Raises
    ------
    InputError
        The object is no Keras model, or has not been built.
    """
    return _record(live_model(model), "model", None)


def _kind(path: str, apart: bool = False) -> str:
    """Return "h5", "keras" or, if weights come apart, "json", by what the file begins with."""
    if os.path.isdir(path):
        raise FileError(f"{path}: found a folder (a SavedModel?), expected one file; load it in Keras, then {_SAVE}")
    try:
        with open(path, "rb") as file:
            start = file.read(8)
    except OSError as error:
        raise FileError(f"{path}: cannot be opened ({error.strerror}); give the path of an existing file") from error
    suffix = os.path.splitext(path)[1].lower()
    if start == SIGNATURE:
        return "h5"
    if start.startswith(b"PK") and suffix not in (".npz", ".pt", ".pth"):
        return "keras"
    if apart and start.lstrip().startswith(b"{"):
        return "json"
    found = _FOREIGN.get(suffix, f"a file that begins with {start!r}")
    way_out = "give its weights too (--weights FILE.h5)" if suffix == ".json" and not apart else _SAVE
    raise FileError(f"{path}: found {found}, expected a Keras model (HDF5 or .keras); {way_out}")


def _record(source: StoredModel, label: str, backend: str | None) -> ModelRecord:
    if not isinstance(source.config, dict):
        raise FileError(f"{label}: config: found {type(source.config).__name__}, expected a model; {_SAVE}")
    flat = flattened(source.config, label)
    generation = int(source.keras_version[0]) if source.keras_version[:1] in ("1", "2", "3") else 3
    trained = backend or source.backend
    problems: list[str] = []
    layers = {}
    owners = [_owner(leaf, generation) for leaf in flat.leaves]
    weights = _weights(source, owners, label, problems)
    for leaf, owner in zip(flat.leaves, owners):
        class_name, config = _holder(owner)
        own = modern_weights(class_name, config, weights.get(leaf.path, {}), generation, trained)
        layers[leaf.name] = LayerRecord(leaf.name, owner.class_name, Config(owner.config), own)
    if problems:
        raise ConversionError(problems)
    return ModelRecord(
        name=flat.name,
        layers=layers,
        calls=flat.calls,
        inputs=flat.inputs,
        outputs=flat.outputs,
        keras_version=source.keras_version,
        backend=trained,
        format=source.format,
        attributes=source.attributes,
        notes=tuple(_notes(flat, generation, trained)),
    )


def _owner(leaf: Leaf, generation: int) -> Owner:
    class_name, config = modern(*unwrapped(leaf.class_name, leaf.config), generation)
    inner = inner_layer(config) if class_name == "TimeDistributed" else None
    if inner is not None:
        name, settings = modern(*inner, generation)
        config["layer"] = {"class_name": name, "config": settings}
    return Owner(leaf.path, class_name, config, leaf.trainable)


def _holder(owner: Owner) -> tuple[str, Mapping[str, Any]]:
    """Return class and settings of what the weights belong to: the layer, or the one that it holds."""
    return (inner_layer(owner.config) if owner.class_name == "TimeDistributed" else None) or (owner.class_name, owner.config)


def _notes(flat: Flat, generation: int, backend: str) -> Iterator[str]:
    theano = any(leaf.config.get("dim_ordering") == "th" for leaf in flat.leaves)
    if generation == 1 and theano and not backend:
        yield "Keras 1 does not record its backend: if Theano trained these weights, read them with --backend theano"


def _weights(
    source: StoredModel, owners: Sequence[Owner], label: str, problems: list[str]
) -> dict[tuple[str, ...], dict[str, Weight]]:
    """Return each layer's weights by role; what does not fit is added to `problems`."""
    if source.stored.by_path:
        groups = [([owner], source.stored.by_path.get(owner.path, ()), owner.path) for owner in owners]
    else:
        outer: dict[str, list[Owner]] = {}
        for owner in owners:
            outer.setdefault(owner.path[0], []).append(owner)
        groups = [(group, source.stored.by_group.get(name, ()), (name,)) for name, group in outer.items()]
        extra = sorted(name for name, found in source.stored.by_group.items() if found and name not in outer)
        problems.extend(f"{label}: found weights of '{name}', a layer that the model does not have" for name in extra)
    result: dict[tuple[str, ...], dict[str, Weight]] = {}
    for group, found, path in groups:
        result.update(_group_weights(group, found, f"{label}: layer '{'/'.join(path)}'", problems))
    return result


def _group_weights(
    group: list[Owner], found: Named, where: str, problems: list[str]
) -> Iterator[tuple[tuple[str, ...], dict[str, Weight]]]:
    """Yield the weights of the layers whose weights are recorded as one list."""
    quantized = [owner for owner in group if quantized_by_keras(owner.config)]
    for owner in quantized:
        way_out = "give the model as it was before model.quantize(): tfsnn quantizes it itself"
        done = quantized_by_keras(owner.config)
        problems.append(f"layer '{'/'.join(owner.path)}' ({owner.class_name}): quantized to {done} by Keras; {way_out}")
    if quantized:
        return
    found, beside = own_weights(found)
    nested = len(group) > 1 or len(group[0].path) > 1
    below = [replace(owner, path=owner.path[1:]) if nested else owner for owner in group]
    held = [replace(owner, class_name=name, config=config) for owner in below for name, config in (_holder(owner),)]
    places = assigned(held, [name for name, _ in found])
    if isinstance(places, str):
        problems.append(f"{where} ({group[0].class_name}): {places}; save the model again with Keras")
        return
    for owner, short in zip(group, below):
        numbers = _numbers(places.get(short.path, {}), found, where, problems)
        near = [item for item in beside if not nested or owner.path[-1] in item[0].split("/")]
        whole = applied(numbers, tuple(near), owner.config)
        if whole is None:
            problem = "found adapters of LoRA that do not fit its kernel"
            problems.append(f"layer '{'/'.join(owner.path)}' ({owner.class_name}): {problem}; save the model as .keras, which merges them")
        yield owner.path, whole or numbers


def _numbers(places: Mapping[str, int], found: Named, where: str, problems: list[str]) -> dict[str, Weight]:
    result: dict[str, Weight] = {}
    for role, place in places.items():
        # How many samples a Normalization layer has seen matters to no one who uses it.
        if role == "count":
            continue
        value = found[place][1]
        with np.errstate(over="ignore"):
            single = np.ascontiguousarray(value, dtype=np.float32)
        if not np.isfinite(single).all():
            problem = "found values outside of float32, expected finite numbers"
            problems.append(f"{where}: weight '{role}': {problem}; save it as float32")
        result[role] = single
    return result
