"""The calls in a functional config, `inbound_nodes`, in every way that Keras has written them.

    Keras 1, 2    [["conv", 0, 0, {}], ["add", 1, 0]]            a list of [layer, call, output, keyword arguments]
    tf.keras 2.4  ["conv", 0, 0, {"y": 2.0, "z": ["add", 0, 0]}]  one such item alone, tensors among its keywords
    tf.keras 2.4  ["_CONSTANT_VALUE", -1, 2.0, {}]                a constant in a tensor's place
    Keras 3       {"args": [...], "kwargs": {...}}               tensors are {"class_name": "__keras_tensor__", ...}
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

_CONSTANT = "_CONSTANT_VALUE"
_MOST_OUTPUTS = 4096
# Keyword arguments that say what is true anyway when a network is used.
_IDLE = {"training": (False, None), "mask": (None,), "name": None}


class TensorRef(NamedTuple):
    """One output of one call of a layer."""

    layer: str
    call: int
    output: int


@dataclass(frozen=True)
class ConfigCall:
    """The tensors that a call takes, and its other arguments by position or keyword."""

    inputs: tuple[TensorRef, ...]
    constants: Mapping[str, Any]
    outputs: int = 1


def references(value: Any) -> Iterator[TensorRef]:
    """Yield every tensor reference in a structure, in order."""
    found = _reference(value)
    if found is not None:
        yield found
    elif isinstance(value, tuple):
        for item in value:
            yield from references(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from references(item)


def _reference(value: Any) -> TensorRef | None:
    if isinstance(value, dict) and value.get("class_name") == "__keras_tensor__":
        value = value["config"].get("keras_history") if isinstance(value.get("config"), dict) else None
    if not isinstance(value, tuple) or len(value) not in (3, 4):
        return None
    if not isinstance(value[0], str) or value[0] == _CONSTANT:
        return None
    if not all(type(item) is int and 0 <= item < _MOST_OUTPUTS for item in value[1:3]):
        return None
    return TensorRef(value[0], value[1], value[2])


def _only_tensors(value: Any) -> bool:
    """Return whether a structure is nothing but tensors; a list of both is a constant, to be overlooked by no one."""
    if _reference(value) is not None:
        return True
    return isinstance(value, tuple) and bool(value) and all(_only_tensors(item) for item in value)


def call_arguments(node: Any) -> ConfigCall:
    """Return what one item of `inbound_nodes` says."""
    if isinstance(node, dict) and "args" in node:
        positions, keywords = node["args"], node.get("kwargs", {})
    else:
        positions, keywords = _old_style(node)
    positions = positions if isinstance(positions, tuple) else (positions,)
    keywords = keywords if isinstance(keywords, dict) else {}
    arguments = [(str(place), item) for place, item in enumerate(positions)] + list(keywords.items())
    inputs: list[TensorRef] = []
    constants: dict[str, Any] = {}
    for name, item in arguments:
        tensors = tuple(references(item))
        inputs.extend(tensors)
        idle = _IDLE.get(name, (None,))
        if idle is not None and not any(item is value for value in idle) and not _only_tensors(item):
            constants[name] = item
    return ConfigCall(tuple(inputs), constants)


def _old_style(node: Any) -> tuple[tuple[Any, ...], Mapping[str, Any]]:
    items = (node,) if isinstance(node, tuple) and node and isinstance(node[0], str) else node
    items = tuple(items.values()) if isinstance(items, dict) else items
    if not isinstance(items, tuple):
        return (), {}
    positions, keywords = [], {}
    for item in items:
        if isinstance(item, tuple) and len(item) >= 3 and item[0] == _CONSTANT:
            positions.append(item[2])
        else:
            positions.append(item)
        if isinstance(item, tuple) and len(item) == 4 and isinstance(item[3], dict):
            keywords.update(item[3])
    return tuple(positions), keywords
