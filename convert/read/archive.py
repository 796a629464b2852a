"""Models in a `.keras` archive: a zip with config.json, metadata.json and model.weights.h5.

Nothing in the archive is used as a path. The weights are copied into an unnamed temporary file, as many bytes as the
archive declares and never more than a hundred times what it stores. Inside, each layer is a group named by its class
and a running number (`layers/conv2d_1/vars/0`), nested models have their own `layers`, and the weights are numbered in
the order in which the layer made them. Keras 2.12 and 2.13 called `layers` `_layer_checkpoint_dependencies`, a list that
held each layer with weights twice: behind `dense` comes `dense_2`, behind `flatten` comes `flatten_1`.
"""

from __future__ import annotations

import re
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from typing import IO, Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from tfsnn.bounded_json import parsed
from tfsnn.errors import FileError
from tfsnn.hdf5.reader import H5Node, attributes, child, children, dataset, has, is_dataset, opened, text

from .operations import PREFIX, operation_or_layer
from .source import Named, StoredModel, StoredWeights

_LARGEST_GROWTH = 100
_SMALLEST_ROOM = 1 << 20
_MOST_MEMBERS = 1000
_BLOCK = 1 << 20
_DEEPEST = 40
_OLD_CONTAINER = "_layer_checkpoint_dependencies"
_WINDOWS = "\\"
_MODELS = ("Functional", "Sequential", "Model")


def archive_model(path: str, label: str) -> StoredModel:
    """Return config and weights of a model in an archive.

    Raises
    ------
    FileError
        The archive is damaged, is no Keras archive, or declares sizes that it cannot hold.
    """
    try:
        with zipfile.ZipFile(path) as archive, tempfile.TemporaryFile() as weights:
            members = _members(archive, label)
            config = parsed(_text(archive, members, "config.json", label), label, "config.json")
            metadata = parsed(_text(archive, members, "metadata.json", label), label, "metadata.json")
            _copy(archive, members, "model.weights.h5", weights, label)
            with opened(weights, f"{label}, model.weights.h5") as root:
                stored = layer_weights(root, config)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, OSError, ValueError) as error:
        _refuse(label, "archive", f"found a damaged or unusual zip ({error})", "a .keras file as Keras writes it")
    version = metadata.get("keras_version", "3") if isinstance(metadata, dict) else "3"
    return StoredModel(config, StoredWeights(by_path=stored), str(version), "", "keras")


def layer_weights(root: H5Node, model: Any) -> dict[tuple[str, ...], Named]:
    """Return the weights of every layer, by its path, from HDF5 of Keras 3: as in an archive, or of its own."""
    return dict(_model(root, model, (), 0))


def _refuse(label: str, field: str, found: str, expected: str, way_out: str = "download or save it again") -> NoReturn:
    raise FileError(f"{label}: {field}: {found}, expected {expected}; {way_out}")


def _members(archive: zipfile.ZipFile, label: str) -> dict[str, zipfile.ZipInfo]:
    found = archive.infolist()
    names = {item.filename: item for item in found}
    if len(found) > _MOST_MEMBERS or len(names) != len(found):
        members = f"found {len(found)} members, {len(names)} names"
        _refuse(label, "archive", members, f"at most {_MOST_MEMBERS} that differ")
    if "config.json" not in names:
        torch = any(name.endswith("data.pkl") for name in names)
        kind = "a PyTorch checkpoint" if torch else "a zip without config.json"
        _refuse(label, "archive", f"found {kind}", "a Keras model", "save it with model.save('model.keras')")
    if "model.weights.h5" not in names:
        listed = f"found {', '.join(sorted(names)[:6])}"
        _refuse(label, "archive", listed, "model.weights.h5 in one piece", "save it with model.save('model.h5')")
    return names


def _text(archive: zipfile.ZipFile, members: Mapping[str, zipfile.ZipInfo], name: str, label: str) -> str:
    if name not in members:
        return "{}"
    with tempfile.TemporaryFile() as out:
        _copy(archive, members, name, out, label)
        try:
            return out.read().decode("utf-8")
        except UnicodeDecodeError:
            _refuse(label, name, "found other bytes", "text in UTF-8")


def _copy(
    archive: zipfile.ZipFile, members: Mapping[str, zipfile.ZipInfo], name: str, out: IO[bytes], label: str
) -> None:
    """Copy a member to a file, never more than it may grow to, and go back to its start."""
    item = members[name]
    room = _LARGEST_GROWTH * item.compress_size + _SMALLEST_ROOM
    if item.file_size > room:
        _refuse(label, name, f"found {item.compress_size} bytes that declare {item.file_size}", f"at most {room}")
    copied = 0
    with archive.open(item) as member:
        while block := member.read(_BLOCK):
            copied += len(block)
            if copied > room:
                _refuse(label, name, "found more bytes than it declares", f"{item.file_size}")
            out.write(block)
    out.seek(0)


def _model(group: H5Node, model: Any, path: tuple[str, ...], depth: int, prefix: str = "") -> Iterator[tuple[tuple[str, ...], Named]]:
    """Yield the weights of every layer below a model, by the layer's path; `prefix` is what names in the group begin with."""
    config = model.get("config") if isinstance(model, dict) else None
    layers = config.get("layers") if isinstance(config, dict) else None
    found = _container(group, prefix)
    if found is None or not isinstance(layers, tuple) or depth > _DEEPEST:
        return
    inner, prefix, twice = found
    used: dict[str, int] = {}
    for layer in layers:
        name, class_name = _named(layer)
        # Operations such as x * 2 are no layers, so Keras does not count them.
        if not class_name or class_name.startswith(PREFIX):
            continue
        key = _snake_case(class_name)
        used[key] = used.get(key, -1) + 1
        place = prefix + (f"{key}_{used[key]}" if used[key] else key)
        if class_name in _MODELS:
            below = (child(inner, place), "") if not prefix and has(inner, place) else (inner, f"{place}{_WINDOWS}")
            weights = tuple(_model(below[0], layer, (*path, name), depth + 1, below[1])) if prefix or has(inner, place) else ()
        else:
            weights = (((*path, name), _weights(child(inner, place), name)),) if has(inner, place) else ()
        # There each layer that has weights stood in the list twice, and was written once.
        used[key] += twice and any(own for _, own in weights)
        yield from weights


def _container(group: H5Node, prefix: str) -> tuple[H5Node, str, bool] | None:
    """Return where a model's layers are, what their names begin with there, and whether those with weights are counted twice."""
    for name in ("layers", _OLD_CONTAINER):
        if not prefix and has(group, name):
            return child(group, name), "", name == _OLD_CONTAINER
        # Windows joined names by a backslash, which HDF5 takes for a part of the name.
        flat = f"{prefix}{name}{_WINDOWS}"
        if any(link.startswith(flat) for link in children(group)):
            return group, flat, name == _OLD_CONTAINER
    return None


def _named(layer: Any) -> tuple[str, str]:
    config = layer.get("config") if isinstance(layer, dict) else None
    if not isinstance(config, dict) or not isinstance(layer.get("class_name"), str):
        return "", ""
    return str(layer.get("name") or config.get("name")), operation_or_layer(layer).rpartition(">")[2]


def _weights(node: H5Node, name: str) -> Named:
    """Return a layer's weights; those of layers inside it (wrappers, activations) after its own, under their path."""
    own: list[tuple[str, NDArray[np.generic]]] = []
    if has(node, "vars"):
        group = child(node, "vars")
        if "name" in attributes(group) and text(group, "name") != name:
            node.source.refuse(group.path, f"the weights of '{text(group, 'name')}'", f"those of '{name}'")
        numbers = sorted(children(group), key=lambda key: (len(key), key))
        own.extend((key, dataset(group, key, finite=True)) for key in numbers)
    return tuple(own) + tuple(_inside(node, "", 0))


def _inside(node: H5Node, path: str, depth: int) -> Iterator[tuple[str, NDArray[np.generic]]]:
    for name in children(node):
        # A generator of random numbers is no weight.
        if name in ("seed_generator", "optimizer") or (name == "vars" and not path) or depth > _DEEPEST:
            continue
        item = child(node, name)
        if is_dataset(item):
            yield f"{path}{name}", dataset(item, "", finite=True)
        else:
            yield from _inside(item, f"{path}{name}/", depth + 1)


def _snake_case(name: str) -> str:
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()
