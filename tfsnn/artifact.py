"""net.snn.h5: a quantized network in one file, read with distrust and written the same way every time.

::

    /                    attributes: format = "tfsnn", format_version, sha256, provenance (JSON), verification (JSON)
    /graph               JSON: populations in topological order, their synapses' relays and operations, the encoder, the framing
    /nodes/NAME/bias     float32 (channels) or a whole map
    /nodes/NAME/synapses/0/weight, scale    int8 (int16 above 8 bits); float32 a channel, or one for all

``sha256`` is taken over everything else, so that a changed byte of content is noticed. "/" and "%" in a name are written
%2F and %25. Files are written by h5py and read by :mod:`tfsnn.hdf5.reader`, which follows no link and believes no size.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from functools import singledispatch
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tfsnn.aliases import PathLike
from tfsnn.bounded_json import loaded
from tfsnn.errors import FileError, InputError, shown
from tfsnn.hdf5 import reader as h5
from tfsnn.input import dvs
from tfsnn.input.encoder import Dvs, Encoder
from tfsnn.input.events import Events, merged
from tfsnn.input.framing import Framing
from tfsnn.network import ops
from tfsnn.network.graph import Graph
from tfsnn.network.nodes import Input, MaxPool, Neurons, Node, Synapse
from tfsnn.stage.output import replacing

FORMAT, FORMAT_VERSION = "tfsnn", 1
RELAYS = {kind.__name__: kind for kind in (ops.Reshape, ops.Permute, ops.Pad, ops.Upsample, ops.Stretch, ops.AveragePool)}
OPERATIONS = {kind.__name__: kind for kind in (ops.Dense, ops.Conv, ops.OneToOne)}
Raw = ArrayLike | Mapping[str, ArrayLike]
Read = Callable[[str, tuple[str, ...]], NDArray[Any]]
TEXTS = ("kind", "name", "source")
AGAIN = "convert the model again with tfsnn convert"


@dataclass(frozen=True, eq=False)
class Net:
    """A network with its history.

    Parameters
    ----------
    graph
        Populations and synapses, weights quantized.
    provenance
        Where it comes from: command, versions, hashes of the inputs, calibration.
    verification
        How far it is from the original: by population, what ``tfsnn convert`` measured.
    """

    graph: Graph
    provenance: dict[str, Any] = field(default_factory=dict)
    verification: dict[str, Any] = field(default_factory=dict)

    def events(self, raw: Raw) -> Events:
        """The event streams of raw input, by the encoder of each of the network's inputs.

        Parameters
        ----------
        raw
            (samples, \\*shape), with the encoder ``dvs`` recordings, too; where there are several inputs, by the name of each.

        Raises
        ------
        InputError
            If shapes, numbers of samples, or the range of the data do not fit.
        """
        nodes = self.graph.inputs
        given = dict(raw) if isinstance(raw, Mapping) else {nodes[0].name: raw}
        if set(given) != {node.name for node in nodes}:
            found, wanted = ", ".join(given), ", ".join(node.name for node in nodes)
            raise InputError(f"net.events: data for {found}; the network's inputs are {wanted}: give a dict with an array for each")
        for node in nodes:
            if isinstance(node.encoder, Dvs) and dvs.sample_shape(node.encoder, given[node.name]) == node.shape:
                continue
            if np.ndim(given[node.name]) < 1 or np.shape(given[node.name])[1:] != node.shape:
                shape = ", ".join(map(str, node.shape))
                found = f"data of shape {np.shape(given[node.name])} for input {node.name}"
                raise InputError(f"net.events: {found}; give (samples, {shape}), and one sample as (1, {shape})")
        streams = [node.encoder.events(given[node.name]) for node in nodes]
        return streams[0] if len(streams) == 1 else merged(streams)

    def predict(self, raw: Raw, **settings: Any) -> Any:
        """What Keras' ``predict`` returns, from the event network: (samples, \\*shape), softmax applied; a dict of several outputs.

        Parameters
        ----------
        raw
            As of :meth:`events`; ``delta``: the frames of one stream.
        **settings
            As of :func:`tfsnn.simulate`.
        """
        # The simulation stands above the artifact; it is asked for by name, as in tfsnn/__init__.py.
        return import_module("tfsnn.predict").predicted(self, raw, settings)

    def __repr__(self) -> str:
        return f"<Net {self.graph.summary}>"

    def __str__(self) -> str:
        source = self.provenance.get("inputs")
        origin = ", ".join(map(str, source)) if isinstance(source, Mapping) and source else "unknown"
        return f"Net {self.graph.summary}\n  made from: {origin}\n  print(net.graph) shows every population"


def save(net: Net, path: PathLike, *, force: bool = False) -> None:
    """Write net.snn.h5: whole or not at all, the same bytes for the same network.

    Parameters
    ----------
    net
        What to write; its weights must be quantized.
    path
        Where.
    force
        Replace a file that exists.

    Raises
    ------
    InputError
        If the file exists, a weight is still in float, or provenance or verification is no plain JSON.
    """
    import h5py

    if not force and Path(path).exists():
        raise InputError(f"{path}: exists already; choose another name, or overwrite with force=True")
    arrays = _arrays(net.graph)
    texts = {
        "graph": _text(_graph_json(net.graph), "graph"),
        "provenance": _text(net.provenance, "provenance"),
        "verification": _text(net.verification, "verification"),
    }
    # Made in memory and written at once: where there is no room for it, libhdf5 would leave a file that it cannot close.
    with h5py.File("net.snn.h5", "w", driver="core", backing_store=False, libver=("earliest", "v108")) as file:
        file.attrs["format"] = np.bytes_(FORMAT.encode())
        file.attrs["format_version"] = np.int64(FORMAT_VERSION)
        file.attrs["sha256"] = np.bytes_(_digest(texts, arrays).encode())
        for name, text in texts.items():
            file.create_dataset(name, data=np.bytes_(text.encode()), track_times=False)
        for name, array in arrays.items():
            file.create_dataset(f"nodes/{name}", data=array, track_times=False)
        file.flush()
        content = file.id.get_file_image()
    with replacing(path) as place:
        place.write_bytes(content)


def load(path: PathLike) -> Net:
    """Read net.snn.h5.

    Parameters
    ----------
    path
        The file.

    Raises
    ------
    FileError
        Naming the file, the field, what was found, what is expected, and the way out.
    """
    name = str(path)
    if not Path(path).is_file():
        found = "a directory" if Path(path).is_dir() else "no plain file" if Path(path).exists() else "no such file"
        raise FileError(f"{name}: {found}; give a .snn.h5 that tfsnn convert wrote")
    with h5.opened(path) as root:
        _check_format(root, name)
        texts = {field: h5.text(root, field) for field in ("graph", "provenance", "verification")}
        described = _json(texts["graph"], name, "graph")
        provenance, verification = (_json(texts[field], name, field) for field in ("provenance", "verification"))
        arrays: dict[str, NDArray[Any]] = {}
        graph = _graph(described, _reader(root, arrays), name)
        if _digest(texts, arrays) != h5.text(root, "sha256"):
            raise FileError(f"{name}: sha256 does not match the content; the file was changed or damaged: copy it again, or {AGAIN}")
    return Net(graph, provenance, verification)


def _check_format(root: h5.H5Node, name: str) -> None:
    if "format" not in h5.attributes(root) or h5.text(root, "format") != FORMAT:
        raise FileError(f"{name}: no attribute format = {FORMAT!r}, so no tfsnn network; a Keras model goes through tfsnn convert first")
    version = h5.attribute(root, "format_version")
    if version.shape != () or version != FORMAT_VERSION:
        raise FileError(f"{name}: format_version is {version}; this tfsnn reads {FORMAT_VERSION}: {AGAIN} of this version")


def _arrays(graph: Graph) -> dict[str, NDArray[Any]]:
    arrays: dict[str, NDArray[Any]] = {}
    for node in graph.nodes:
        arrays |= _node_arrays(node)
    return arrays


@singledispatch
def _node_arrays(node: Node) -> dict[str, NDArray[Any]]:
    """The arrays of a node, by their place below /nodes; most kinds have none."""
    return {}


@_node_arrays.register
def _neurons_arrays(node: Neurons) -> dict[str, NDArray[Any]]:
    arrays = {f"{_escaped(node.name)}/bias": np.ascontiguousarray(node.bias, np.float32)}
    for number, synapse in enumerate(node.synapses):
        if synapse.scale is None or synapse.weight.dtype not in (np.int8, np.int16):
            found = f"weights from {synapse.source} are {synapse.weight.dtype}"
            raise InputError(f"artifact: {node.name}: {found}; int8 or int16 with scales can be saved: quantize the graph first")
        place = f"{_escaped(node.name)}/synapses/{number}"
        arrays[f"{place}/weight"] = np.ascontiguousarray(synapse.weight)
        # Not ascontiguousarray, which would make one scale for all a scale for each of one channel.
        arrays[f"{place}/scale"] = np.asarray(synapse.scale, np.float32, order="C")
    return arrays


def _reader(root: h5.H5Node, arrays: dict[str, NDArray[Any]]) -> Read:
    def read(place: str, dtypes: tuple[str, ...]) -> NDArray[Any]:
        node = h5.child(root, f"nodes/{place}")
        array = h5.dataset(node, "", finite=True)
        if array.dtype.name not in dtypes:
            raise FileError(f"{root.source.label}: /nodes/{place}: {array.dtype.name}; expected {' or '.join(dtypes)}: {AGAIN}")
        arrays[place] = array
        return array

    return read


def _digest(texts: Mapping[str, str], arrays: Mapping[str, NDArray[Any]]) -> str:
    digest = hashlib.sha256()
    for name, text in sorted(texts.items()):
        digest.update(f"{name}:{len(text.encode())}:".encode() + text.encode())
    for name, array in sorted(arrays.items()):
        little = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
        digest.update(f"{name}:{array.dtype.name}:{array.shape}:".encode() + little.tobytes())
    return digest.hexdigest()


def _graph_json(graph: Graph) -> dict[str, Any]:
    return {"nodes": [_node_json(node) for node in graph.nodes], "outputs": list(graph.outputs)}


@singledispatch
def _node_json(node: Node) -> dict[str, Any]:
    """A node as JSON; one function for each kind, and its inverse in :data:`KINDS`."""
    raise TypeError(type(node).__name__)


@_node_json.register
def _input_json(node: Input) -> dict[str, Any]:
    described = {"kind": "Input", "name": node.name, "shape": node.shape, "encoder": node.encoder.to_json()}
    # Left out where there is none: files without it were written before there was any, and must stay the same.
    return described if node.framing is None else described | {"framing": node.framing.to_json()}


@_node_json.register
def _max_pool_json(node: MaxPool) -> dict[str, Any]:
    return {"kind": "MaxPool", **asdict(node), "relays": [_tagged(relay) for relay in node.relays]}


@_node_json.register
def _neurons_json(node: Neurons) -> dict[str, Any]:
    synapses = [
        {"source": s.source, "relays": [_tagged(relay) for relay in s.relays], "op": _tagged(s.op)} for s in node.synapses
    ]
    activation = asdict(node.activation)
    activation["top"] = None if activation["top"] == float("inf") else activation["top"]
    return {
        "kind": "Neurons", "name": node.name, "shape": node.shape, "activation": activation, "scale": node.scale,
        "threshold": node.threshold, "softmax": node.softmax, "synapses": synapses,
    }


def _tagged(item: Any) -> dict[str, Any]:
    return {"kind": type(item).__name__, **asdict(item)}


def _text(content: Any, name: str) -> str:
    try:
        return json.dumps(content, allow_nan=False, sort_keys=True, ensure_ascii=True, default=lambda value: value.item())
    except (ValueError, TypeError, AttributeError) as error:
        raise InputError(f"artifact: {name}: {error}; it must be plain JSON, without NaN") from None


def _json(text: str, name: str, where: str) -> dict[str, Any]:
    content = loaded(text, name, f"/{where}", AGAIN, "an object")
    if not isinstance(content, dict):
        raise FileError(f"{name}: /{where}: a JSON {type(content).__name__}; expected an object: {AGAIN}")
    return content


def _graph(described: dict[str, Any], read: Read, name: str) -> Graph:
    """The graph that JSON and arrays describe; whatever does not fit becomes one FileError."""
    try:
        nodes, outputs = (_list(described.get(key), key) for key in ("nodes", "outputs"))
        return Graph(tuple(_node(node, read) for node in nodes), tuple(str(output) for output in outputs))
    except (TypeError, ValueError, AttributeError, LookupError, ArithmeticError) as error:
        detail = f"no {error}" if isinstance(error, KeyError) else str(error) or type(error).__name__
        raise FileError(f"{name}: /graph: {detail}; {AGAIN}") from None


def _node(described: Any, read: Read) -> Node:
    kind = described["kind"] if isinstance(described, dict) else described
    if not isinstance(kind, str) or kind not in KINDS:
        raise InputError(f"a population of kind {kind!r}; expected {', '.join(KINDS)}")
    return KINDS[kind](described, read)


def _input(described: Mapping[str, Any], read: Read) -> Node:
    framing = Framing.from_json(described["framing"]) if "framing" in described else None
    return Input(str(described["name"]), _whole(described["shape"]), Encoder.from_json(described["encoder"]), framing)


def _max_pool(described: Mapping[str, Any], read: Read) -> Node:
    relays = tuple(_choice(RELAYS, relay) for relay in _list(described["relays"], "relays"))
    return _built_node(MaxPool, {**described, "relays": relays})


def _neurons(described: Mapping[str, Any], read: Read) -> Node:
    place = _escaped(str(described["name"]))
    synapses = []
    for number, synapse in enumerate(_list(described["synapses"], "synapses")):
        weight = read(f"{place}/synapses/{number}/weight", ("int8", "int16"))
        scale = read(f"{place}/synapses/{number}/scale", ("float32",))
        relays = tuple(_choice(RELAYS, relay) for relay in _list(synapse["relays"], "relays"))
        synapses.append(Synapse(str(synapse["source"]), relays, _choice(OPERATIONS, synapse["op"]), weight, scale))
    activation = dict(described["activation"])
    activation["top"] = float("inf") if activation["top"] is None else activation["top"]
    bias = read(f"{place}/bias", ("float32",))
    return _built_node(Neurons, {**described, "synapses": tuple(synapses), "bias": bias, "activation": _built(ops.Activation, activation)})


def _built_node(kind: type, described: Mapping[str, Any]) -> Node:
    node: Node = _built(kind, described)
    return node


def _choice(kinds: Mapping[str, type], described: Any) -> Any:
    kind = described.get("kind") if isinstance(described, dict) else described
    if not isinstance(described, dict) or not isinstance(kind, str) or kind not in kinds:
        raise InputError(f"an operation of kind {kind!r}; expected {', '.join(kinds)}")
    return _built(kinds[kind], described)


def _built(kind: type, described: Mapping[str, Any]) -> Any:
    """A dataclass from JSON values: all its fields, no other; lists become tuples, whole numbers stay within 32 bits."""
    names = {f.name for f in fields(kind)}
    given = {key: value for key, value in described.items() if key in names or key != "kind"}
    if set(given) != names:
        raise InputError(f"{kind.__name__} with {', '.join(sorted(set(given) ^ names))} missing or in excess")
    return kind(**{key: _value(value, key) for key, value in given.items()})


def _value(value: Any, key: str) -> Any:
    if isinstance(value, (list, tuple)):
        return tuple(_value(item, key) for item in value)
    if isinstance(value, bool) and key != "softmax":
        raise InputError(f"{key} is {value}; expected a number")
    if isinstance(value, str) and key not in TEXTS:
        raise InputError(f"{key} is {shown(value)}; expected a number")
    if isinstance(value, int) and abs(value) >= 1 << 31:
        raise InputError(f"{key} is {shown(value)}; expected a number below 2^31 ({1 << 31})")
    return value


def _whole(value: Any) -> tuple[int, ...]:
    items = _list(value, "shape")
    if not all(isinstance(item, int) and not isinstance(item, bool) and 0 < item < 1 << 31 for item in items):
        raise InputError(f"shape is {shown(value)}; expected positive whole numbers, {(1 << 31) - 1} at most")
    return tuple(items)


def _list(value: Any, key: str) -> list[Any]:
    if not isinstance(value, list):
        raise InputError(f"{key} is a JSON {type(value).__name__}; expected a list")
    return value


def _escaped(name: str) -> str:
    """The name of a population as HDF5 can have it: that knows "/", "." alone, the end of a text, and Unicode proper."""
    text = "%2E" if name == "." else name.replace("%", "%25").replace("/", "%2F").replace("\0", "%00")
    return "".join(f"%{ord(letter):X}" if "\ud800" <= letter <= "\udfff" else letter for letter in text)


KINDS: dict[str, Callable[[Mapping[str, Any], Read], Node]] = {"Input": _input, "MaxPool": _max_pool, "Neurons": _neurons}
"""Kinds of populations, and what makes each from its JSON and arrays."""
