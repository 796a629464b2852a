"""Models in one HDF5 file, as Keras 1, 2 and 3 write them with `model.save("model.h5")`.

    /               attributes model_config (JSON), keras_version, backend; ours: tfsnn (JSON)
    /model_weights  attribute layer_names; in Keras 1 and 2 the attributes of / again
      /<layer>      attribute weight_names; datasets under these names

A list of names that does not fit into one attribute is split: weight_names0, weight_names1, ... The optimizer's state
is not read.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tfsnn.bounded_json import parsed
from tfsnn.errors import FileError
from tfsnn.hdf5.reader import H5Node, attributes, child, dataset, has, text, texts

from .source import Named, StoredModel, StoredWeights

_MOST_PARTS = 10_000


def h5_model(root: H5Node, label: str) -> StoredModel:
    """Return config and weights of a model in an open HDF5 file."""
    there = attributes(root)
    if "model_config" not in there:
        raise FileError(f"{label}: / has no attribute 'model_config': {_what(root, label)}")
    config = parsed(text(root, "model_config"), label, "attribute 'model_config'")
    group = child(root, "model_weights") if has(root, "model_weights") else root
    own = parsed(text(root, "tfsnn"), label, "attribute 'tfsnn'") if "tfsnn" in there else None
    return StoredModel(
        config=config,
        stored=StoredWeights(by_group=named_weights(group)),
        keras_version=stored_text(root, "keras_version") or stored_text(group, "keras_version") or "1",
        backend=stored_text(root, "backend") or stored_text(group, "backend"),
        format="h5",
        attributes={} if own is None else {"tfsnn": own},
    )


def _what(root: H5Node, label: str) -> str:
    if "layer_names" in attributes(root) or has(root, "layers"):
        return (
            "found weights only, expected a whole model; save it with model.save(), not save_weights(), "
            "or give its architecture: MODEL.json --weights FILE.h5"
        )
    return "found no Keras model, expected one; save it with model.save()"


def stored_text(node: H5Node, name: str) -> str:
    """Return an attribute; empty where there is none."""
    return text(node, name) if name in attributes(node) else ""


def named_weights(group: H5Node) -> dict[str, Named]:
    """Return the weights of every layer under their recorded names, by layer."""
    return {name: tuple(_weights(group, name)) for name in _names(group, "layer_names")}


def _names(node: H5Node, name: str) -> tuple[str, ...]:
    """Return a list of names, whole or split."""
    there = set(attributes(node))
    if name in there:
        return texts(node, name)
    if f"{name}0" not in there:
        node.source.refuse(f"{node.path}, attribute '{name}'", "no such attribute", "a list of names")
    parts: list[str] = []
    for number in range(_MOST_PARTS):
        if f"{name}{number}" not in there:
            break
        parts.extend(texts(node, f"{name}{number}"))
    return tuple(parts)


def _weights(group: H5Node, layer: str) -> Iterator[tuple[str, Any]]:
    node = child(group, layer)
    for name in _names(node, "weight_names"):
        yield name, dataset(node, name, finite=True)
