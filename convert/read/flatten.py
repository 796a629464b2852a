"""From a model's config, nested as Keras writes it, to a flat list of layers and calls in topological order.

Rules:

1. A nested model is called by calling its layers; its own input layers vanish into the tensors it is called with. Its
   layers are stored once, as `outer/inner`, however often it is called.
2. A tensor is named `layer:call:output`. References in a config count calls per layer from 0, except that Keras 1 and 2
   count those of a nested model from 1 (call 0 is the one that made it). Every kept call is used by somebody, so the
   smallest count that is referred to decides which.
3. Whatever does not fit is a problem with the layer's name in it; flattening stops at the first, since what follows
   would be guesses.
4. The number of layers and of calls is bounded: a model that calls itself twice, nested forty deep, is a bomb.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

from tfsnn.errors import ConversionError

from .calls import ConfigCall, TensorRef, call_arguments, references
from .operations import operation_or_layer
from .records import CallRecord, InputRecord

_MODELS = ("Functional", "Model", "Sequential")
_MOST_LAYERS = 20_000
_MOST_STEPS = 100_000
_LARGEST_AXIS = 1 << 24
_DAMAGED = "the file is damaged or was changed by hand: save the model again with Keras"

Shape = tuple[int | None, ...]


@dataclass(frozen=True)
class Leaf:
    """A layer that is no model, as the file has it. `path` names it from the outermost model in."""

    path: tuple[str, ...]
    class_name: str
    config: Mapping[str, Any]
    trainable: bool

    @property
    def name(self) -> str:
        return "/".join(self.path)


@dataclass(frozen=True)
class Flat:
    """A flattened model: layers in the order of the file, calls in topological order."""

    name: str
    leaves: tuple[Leaf, ...]
    calls: tuple[CallRecord, ...]
    inputs: tuple[InputRecord, ...]
    outputs: tuple[str, ...]


@dataclass
class _Build:
    """What has been collected so far, and the limits."""

    label: str
    leaves: dict[tuple[str, ...], Leaf] = field(default_factory=dict)
    calls: list[CallRecord] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    work: int = 0

    def refuse(self, where: str, problem: str, way_out: str = _DAMAGED) -> NoReturn:
        raise ConversionError((f"{self.label}: {where}: {problem}; {way_out}",))

    def spend(self, steps: int, where: str) -> None:
        """Count layers that are looked at; past the limit the model is a bomb."""
        self.work += steps
        if self.work > _MOST_STEPS:
            problem = f"found more than {_MOST_STEPS} layers in nested calls, expected a network of ordinary size"
            self.refuse(where, problem)

    def next_call(self, name: str) -> int:
        """Return the running number of a layer's call."""
        self.counts[name] = self.counts.get(name, -1) + 1
        return self.counts[name]


@dataclass(frozen=True)
class Entry:
    """One member of a model's list of layers."""

    name: str
    class_name: str
    config: Mapping[str, Any]
    nodes: tuple[Any, ...]

    @property
    def is_model(self) -> bool:
        return self.class_name in _MODELS


def flattened(model: Mapping[str, Any], label: str) -> Flat:
    """Return the flat form of a model's config, {"class_name": ..., "config": ...}.

    Raises
    ------
    ConversionError
        The config is no model, or contradicts itself: unknown names, names used twice, cycles, sizes that are none.
    """
    build = _Build(label)
    name = model.get("class_name")
    if isinstance(name, str) and name not in _MODELS:
        way_out = "build it from layers with the functional API or Sequential, and save it again"
        problem = "found a model that is Python code (a class of its own), expected a list of layers"
        build.refuse(f"model of class '{name[:60]}'", problem, way_out)
    outer = _entry(build, model, "model")
    inputs = tuple(_inputs(build, outer))
    outputs = _run(build, outer, (), tuple(item.tensor for item in inputs), True)
    _distinct(build, inputs)
    return Flat(outer.name, tuple(build.leaves.values()), tuple(build.calls), inputs, outputs)


def _distinct(build: _Build, inputs: tuple[InputRecord, ...]) -> None:
    """Refuse names that only differ in where their slashes come from."""
    seen = {item.name for item in inputs}
    for leaf in build.leaves.values():
        if leaf.name in seen:
            build.refuse(f"layer '{leaf.name}'", "found two layers of this full name, expected names that differ")
        seen.add(leaf.name)


def entries(build: _Build, model: Entry) -> tuple[Entry, ...]:
    """Return a model's layers; their names differ."""
    config: Any = model.config
    found = config.get("layers")
    if not isinstance(found, tuple) or not found or len(found) > _MOST_LAYERS:
        build.refuse(f"model '{model.name}'", f"found no list of layers, expected one of 1 to {_MOST_LAYERS}")
    build.spend(len(found) + 1, f"model '{model.name}'")
    layers = tuple(_entry(build, item, f"model '{model.name}'") for item in found)
    seen: set[str] = set()
    for layer in layers:
        if layer.name in seen:
            build.refuse(f"model '{model.name}'", f"found two layers named '{layer.name}', expected names that differ")
        seen.add(layer.name)
    return layers


def _entry(build: _Build, item: Any, where: str) -> Entry:
    if not isinstance(item, dict) or not isinstance(item.get("class_name"), str):
        build.refuse(where, "found an item without class_name, expected a layer")
    config, name = item.get("config"), item.get("name")
    # A Sequential model's config was the bare list of its layers until Keras 2.2.3.
    if isinstance(config, tuple) and item["class_name"] == "Sequential":
        config = {"layers": config, "name": name or "sequential"}
    if not isinstance(config, dict):
        build.refuse(f"{where}, a {item['class_name']}", "found no config, expected the layer's settings")
    name = config.get("name", name) if name is None else name
    if name is None and item["class_name"] in _MODELS:
        name = item["class_name"].lower()
    if not isinstance(name, str) or not name or len(name) > 1000:
        build.refuse(f"{where}, a {item['class_name']}", f"found the name {str(name)[:40]!r}, expected a text")
    nodes = item.get("inbound_nodes", ())
    return Entry(name, operation_or_layer(item), config, nodes if isinstance(nodes, tuple) else ())


def _inputs(build: _Build, model: Entry) -> Iterator[InputRecord]:
    """Yield the inputs of the outermost model, in the order in which it is called with them."""
    if model.class_name == "Sequential":
        name, config = _first(build, model)
        yield InputRecord(name, _shape(build, name, config), _dtype(config))
        return
    layers = {layer.name: layer for layer in entries(build, model)}
    for found in _ends(build, model, "input_layers"):
        if found.layer not in layers:
            problem = f"found the input '{found.layer}', expected the name of one of its layers"
            build.refuse(f"model '{model.name}'", problem)
        config = layers[found.layer].config
        yield InputRecord(found.layer, _shape(build, found.layer, config), _dtype(config))


def _first(build: _Build, model: Entry) -> tuple[str, Mapping[str, Any]]:
    """Return name and config of what says the input shape of a Sequential model."""
    layer = entries(build, model)[0]
    if layer.class_name == "Merge":
        way_out = "build it with the functional API and save it again"
        problem = "found a Sequential model that begins with several models, expected one input"
        build.refuse(f"layer '{layer.name}' (Merge)", problem, way_out)
    if layer.class_name == "InputLayer":
        return layer.name, layer.config
    name = f"{layer.name}_input"
    if layer.class_name == "Sequential":
        return name, {**_first(build, layer)[1]}
    if layer.is_model:
        inner = {item.name: item for item in entries(build, layer)}
        ends = _ends(build, layer, "input_layers")
        return name, inner[ends[0].layer].config if ends[0].layer in inner else {}
    built = model.config.get("build_input_shape")
    return name, layer.config if built is None or _given(layer.config) else {**layer.config, "batch_shape": built}


def _given(config: Mapping[str, Any]) -> Any:
    """Return the shape with its batch axis, in any of the ways of saying it; None where it is not said."""
    for key in ("batch_shape", "batch_input_shape"):
        if config.get(key) is not None:
            return config[key]
    if isinstance(config.get("input_shape"), tuple):
        return (None, *config["input_shape"])
    size, length = config.get("input_dim"), config.get("input_length")
    if size is None:
        return None
    return (None, size) if length is None else (None, length, size)


def _shape(build: _Build, name: str, config: Mapping[str, Any]) -> Shape | None:
    found = _given(config)
    if found is None:
        return None
    good = isinstance(found, tuple) and len(found) > 0
    sizes = found[1:] if good else ()
    if not good or any(axis is not None and not (type(axis) is int and 0 < axis < _LARGEST_AXIS) for axis in sizes):
        build.refuse(f"input '{name}'", f"found the shape {str(found)[:80]}, expected positive whole numbers")
    return tuple(sizes)


def _dtype(config: Mapping[str, Any]) -> str:
    found = config.get("dtype") or config.get("input_dtype") or "float32"
    if isinstance(found, dict):
        policy = found.get("config")
        found = policy.get("name", "float32") if isinstance(policy, dict) else "float32"
    return str(found)


def _ends(build: _Build, model: Entry, key: str) -> tuple[TensorRef, ...]:
    found = tuple(references(model.config.get(key)))
    if not found:
        build.refuse(f"model '{model.name}'", f"found no {key}, expected [layer, call, output] at least once")
    return found


def _run(
    build: _Build, model: Entry, path: tuple[str, ...], feeds: tuple[str, ...], trainable: bool
) -> tuple[str, ...]:
    """ConfigCall a model with tensors and return its outputs; `path` is where its layers' names begin."""
    trainable = trainable and model.config.get("trainable", True) is not False
    if model.class_name == "Sequential":
        return _run_sequential(build, model, path, feeds, trainable)
    layers = {layer.name: layer for layer in entries(build, model)}
    known: dict[tuple[str, int], tuple[str, ...]] = {}
    ends = _ends(build, model, "input_layers")
    if len(ends) != len(feeds):
        problem = f"found {len(feeds)} tensors that it is called with, expected {len(ends)}"
        build.refuse(f"model '{model.name}'", problem)
    for end, tensor in zip(ends, feeds):
        known[end.layer, end.call] = (tensor,)
    results = _ends(build, model, "output_layers")
    for layer, number, call in _ordered(build, model, layers, set(known), results):
        tensors = tuple(_output(build, layer.name, known, found) for found in call.inputs)
        known[layer.name, number] = _call(build, layer, path, tensors, call, trainable)
    return tuple(_output(build, model.name, known, found) for found in results)


def _run_sequential(
    build: _Build, model: Entry, path: tuple[str, ...], feeds: tuple[str, ...], trainable: bool
) -> tuple[str, ...]:
    for layer in entries(build, model):
        if layer.class_name == "InputLayer":
            continue
        feeds = _call(build, layer, path, feeds, ConfigCall((), {}), trainable)
    return feeds


def _ordered(
    build: _Build, model: Entry, layers: Mapping[str, Entry], fed: set[tuple[str, int]], results: tuple[TensorRef, ...]
) -> Iterator[tuple[Entry, int, ConfigCall]]:
    """Yield the calls of a functional model: each after those that feed it, else in the order of the file."""
    calls = {name: [call_arguments(node) for node in layer.nodes] for name, layer in layers.items()}
    used = [found for group in calls.values() for call in group for found in call.inputs] + list(results)
    for found in used:
        if found.layer not in layers:
            problem = f"found a reference to the layer '{found.layer}', which it does not have"
            build.refuse(f"model '{model.name}'", problem)
    bases = _bases(layers, used)
    outputs: dict[tuple[str, int], int] = {}
    for found in used:
        outputs[found.layer, found.call] = max(outputs.get((found.layer, found.call), 1), found.output + 1)
    waiting = {(name, bases[name] + at): call for name, group in calls.items() for at, call in enumerate(group)}
    waiting = {key: call for key, call in waiting.items() if key not in fed}
    for (name, _), call in waiting.items():
        if not call.inputs:
            build.refuse(f"layer '{name}'", "found a call without tensors, expected at least one")
    for key in _sorted(build, model, waiting, fed):
        call = waiting[key]
        yield layers[key[0]], key[1], ConfigCall(call.inputs, call.constants, outputs.get(key, 1))


def _bases(layers: Mapping[str, Entry], used: list[TensorRef]) -> dict[str, int]:
    """Return the number of each layer's first call, 0 but for the nested models of Keras 1 and 2 (rule 2)."""
    bases = dict.fromkeys(layers, 0)
    smallest: dict[str, int] = {}
    for found in used:
        smallest[found.layer] = min(smallest.get(found.layer, found.call), found.call)
    for name, call in smallest.items():
        if layers[name].is_model and call == 1:
            bases[name] = 1
    return bases


def _sorted(
    build: _Build, model: Entry, waiting: Mapping[tuple[str, int], ConfigCall], fed: set[tuple[str, int]]
) -> Iterator[tuple[str, int]]:
    """Yield the keys of `waiting` in topological order."""
    place = {key: at for at, key in enumerate(waiting)}
    users: dict[tuple[str, int], list[tuple[str, int]]] = {}
    missing: dict[tuple[str, int], int] = {}
    for key, call in waiting.items():
        sources = {(found.layer, found.call) for found in call.inputs} - fed
        missing[key] = len(sources)
        for source in sources:
            if source not in waiting:
                problem = f"found a reference to call {source[1]} of '{source[0]}', which does not exist"
                build.refuse(f"layer '{key[0]}'", problem)
            users.setdefault(source, []).append(key)
    ready = [place[key] for key, count in missing.items() if count == 0]
    keys = list(waiting)
    heapq.heapify(ready)
    done = 0
    while ready:
        key = keys[heapq.heappop(ready)]
        done += 1
        yield key
        for user in users.get(key, ()):
            missing[user] -= 1
            if missing[user] == 0:
                heapq.heappush(ready, place[user])
    if done < len(waiting):
        names = ", ".join(sorted({key[0] for key, count in missing.items() if count})[:8])
        problem = f"found layers that feed themselves ({names}), expected a network without cycles"
        build.refuse(f"model '{model.name}'", problem)


def _call(
    build: _Build, layer: Entry, path: tuple[str, ...], tensors: tuple[str, ...], call: ConfigCall, trainable: bool
) -> tuple[str, ...]:
    here = (*path, layer.name)
    if layer.is_model:
        return _run(build, layer, here, tensors, trainable)
    if layer.class_name == "InputLayer":
        problem = "found an input that the model does not list, expected it in input_layers"
        build.refuse(f"layer '{layer.name}' (InputLayer)", problem)
    if here not in build.leaves:
        own = layer.config.get("trainable", True) is not False
        build.leaves[here] = Leaf(here, layer.class_name, layer.config, trainable and own)
    name = "/".join(here)
    number = build.next_call(name)
    outputs = tuple(f"{name}:{number}:{place}" for place in range(call.outputs))
    build.calls.append(CallRecord(name, tensors, outputs, call.constants))
    return outputs


def _output(build: _Build, where: str, known: Mapping[tuple[str, int], tuple[str, ...]], found: TensorRef) -> str:
    outputs = known.get((found.layer, found.call), ())
    if found.output >= len(outputs):
        wanted = f"output {found.output} of call {found.call} of '{found.layer}'"
        problem = f"found a reference to {wanted}, which does not exist"
        build.refuse(f"layer '{where}'", problem)
    return outputs[found.output]
