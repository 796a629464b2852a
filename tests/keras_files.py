"""Small files exactly as Keras 1 and 2 wrote them, without these versions: h5py and a config in their terms."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

Weights = Mapping[str, Sequence[tuple[str, NDArray[Any]]]]


def numbers(*shape: int, seed: int = 0) -> NDArray[np.float32]:
    """Weights that differ from each other."""
    return np.random.default_rng([seed, *shape]).normal(size=shape).astype(np.float32)


def sequential(*layers: tuple[str, dict[str, Any]], name: str = "net") -> dict[str, Any]:
    """The config of a Sequential model as Keras 2.2.3 and later write it."""
    named = [(kind, {"name": f"layer_{place}", **config}) for place, (kind, config) in enumerate(layers)]
    items = [{"class_name": kind, "config": config} for kind, config in named]
    return {"class_name": "Sequential", "config": {"name": name, "layers": items}}


def node(name: str, kind: str, inbound: Sequence[Any] = (), **config: Any) -> dict[str, Any]:
    """One layer of a functional config; `inbound` lists its calls, each a list of [layer, call, output, {}]."""
    return {"class_name": kind, "name": name, "config": {"name": name, **config}, "inbound_nodes": list(inbound)}


def dense(name: str, calls: Sequence[Sequence[tuple[str, int, int]]], units: int = 3) -> dict[str, Any]:
    """A Dense layer of a functional config, called with these tensors."""
    return node(name, "Dense", [[[*source, {}] for source in call] for call in calls], units=units, use_bias=True)


def functional(
    layers: Sequence[Any], inputs: Sequence[Any], outputs: Sequence[Any], name: str = "net"
) -> dict[str, Any]:
    """The config of a functional model of Keras 1 and 2."""
    config = {"name": name, "layers": list(layers), "input_layers": list(inputs), "output_layers": list(outputs)}
    return {"class_name": "Model", "config": config}


def write(
    path: Path,
    config: Any,
    weights: Weights | None = None,
    *,
    version: str | None = "2.2.4",
    backend: str | None = "tensorflow",
    split: bool = False,
    attributes: Mapping[str, str] | None = None,
) -> Path:
    """Write a model as `model.save("model.h5")` did; `split` breaks every list of names into several attributes."""
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = (config if isinstance(config, str) else json.dumps(config)).encode()
        file.attrs.update(attributes or {})
        group = file.create_group("model_weights")
        for owner in (file, group):
            owner.attrs.update({"keras_version": version.encode()} if version else {})
            owner.attrs.update({"backend": backend.encode()} if backend else {})
        _names(group, "layer_names", list(weights or {}), split)
        for layer, found in (weights or {}).items():
            place = group.create_group(layer)
            _names(place, "weight_names", [name for name, _ in found], split)
            for name, value in found:
                place[name] = value
    return path


def _names(group: h5py.Group, key: str, names: list[str], split: bool) -> None:
    split = split and bool(names)
    parts = [[name] for name in names] if split else [names]
    for place, part in enumerate(parts):
        group.attrs[f"{key}{place}" if split else key] = np.array([name.encode() for name in part]) if part else []
