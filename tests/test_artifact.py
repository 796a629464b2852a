"""net.snn.h5: the same network back, the same bytes each time, and one message for every file that cannot be trusted."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import given as drawn
from hypothesis import settings as profile
from numpy.typing import NDArray

from tests.nets import ONE, conv, dense, given, network, neurons, synapse, three_layers
from tests.strategies import graphs
from tfsnn.artifact import Net, _digest, load, save
from tfsnn.errors import FileError, InputError
from tfsnn.input.encoder import Encoder
from tfsnn.network.graph import Graph
from tfsnn.network.nodes import Input, MaxPool, Neurons, Node
from tfsnn.network.ops import Activation, AveragePool, Conv, OneToOne, Pad, Permute, Reshape, Stretch, Upsample

Change = Callable[[dict[str, Any]], None]


def same(one: Any, other: Any) -> bool:
    """Whether two parts of a network are equal in everything, arrays by type and value."""
    if isinstance(one, np.ndarray):
        return bool(one.dtype == other.dtype and one.shape == other.shape and np.array_equal(one, other))
    if isinstance(one, (tuple, list)):
        return len(one) == len(other) and all(map(same, one, other))
    if hasattr(one, "__dataclass_fields__"):
        return type(one) is type(other) and all(same(getattr(one, name), getattr(other, name)) for name in one.__dataclass_fields__)
    return bool(one == other)


def everything() -> Graph:
    """Every relay and operation, maps of bias and weight, int16 weights, a slope for each channel, names that need escapes."""
    image = Input("in/put %", (4, 4, 2), Encoder("delay", scale=1 / 16, threshold=0.4, bins=7))
    pool = MaxPool("pool", (2, 2, 2), image.name, (3, 3), (2, 2), ((0, 1), (0, 1)), (Permute((1, 0, 2)),))
    wide = (Upsample((2, 2)), Stretch((1, 2)), Pad(((0, 1), (-1, 0), (0, 0))))
    first = conv("a/b", pool, Conv(4, (2, 2), (1, 2), ONE, (2, 1), 2), relays=wide, f=Activation("relu", slope=(0.1, 0.2, 0.0, 1.0)))
    first = replace(first, bias=np.arange(np.prod(first.shape), dtype=np.float32).reshape(first.shape), scale=2.5, threshold=0.5)
    mapped = synapse(first, OneToOne(), np.ones(first.shape), np.ones(first.shape))
    second = neurons("second", first.shape, mapped, f=Activation("elu", alpha=0.3))
    last = dense("out", second, 3, relays=(AveragePool((2, 2), (1, 1)), Reshape((6, 8))), f="linear", softmax=True)
    last = replace(last, synapses=(replace(last.synapses[0], weight=last.synapses[0].weight.astype(np.int16) * 1000),))
    return Graph((image, pool, first, second, last), ("second", "out"))


@pytest.fixture
def good(tmp_path: Path) -> Path:
    """A small file that is whole."""
    save(Net(three_layers(), {"command": "test"}, {"worst": 0.5}), tmp_path / "net.snn.h5")
    return tmp_path / "net.snn.h5"


def forged(path: Path, change: Change = lambda described: None, **arrays: NDArray[Any] | None) -> Path:
    """The file with another graph or other arrays (None: without), and a hash that is right again."""
    with h5py.File(path, "r+") as file:
        texts = {name: file[name][()].decode() for name in ("graph", "provenance", "verification")}
        described = json.loads(texts["graph"])
        change(described)
        texts["graph"] = json.dumps(described)
        for key, array in arrays.items():
            place = "nodes/" + key.replace("__", "/")
            del file[place]
            if array is not None:
                file[place] = array
        del file["graph"]
        file["graph"] = np.bytes_(texts["graph"].encode())
        found: dict[str, NDArray[Any]] = {}
        file["nodes"].visititems(lambda name, item: found.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None)
        file.attrs["sha256"] = np.bytes_(_digest(texts, found).encode())
    return path


def test_a_network_comes_back_as_it_was(tmp_path: Path) -> None:
    net = Net(everything(), {"command": "convert", "inputs": {"model.h5": "0" * 64}}, {"worst": {"a/b": 1e-3}})
    save(net, tmp_path / "net.snn.h5")
    found = load(tmp_path / "net.snn.h5")
    assert same(found.graph, net.graph)
    assert (found.provenance, found.verification) == (net.provenance, net.verification)


@profile(max_examples=20)
@drawn(graphs())
def test_drawn_networks_come_back_as_they_were(tmp_path_factory: pytest.TempPathFactory, graph: Graph) -> None:
    path = tmp_path_factory.mktemp("drawn") / "net.snn.h5"
    save(Net(graph), path)
    assert same(load(path).graph, graph)


def test_the_same_network_gives_the_same_bytes(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("one.snn.h5", "other.snn.h5")]
    for path in paths:
        save(Net(everything(), {"b": 1, "a": 2}), path)
    save(load(paths[0]), tmp_path / "again.snn.h5")
    assert len({path.read_bytes() for path in (*paths, tmp_path / "again.snn.h5")}) == 1


def test_the_layout_is_the_one_that_is_documented(good: Path) -> None:
    with h5py.File(good) as file:
        assert (file.attrs["format"], file.attrs["format_version"], len(file.attrs["sha256"])) == (b"tfsnn", 1, 64)
        assert sorted(file) == ["graph", "nodes", "provenance", "verification"]
        assert file["nodes/first/synapses/0/weight"].dtype == np.int8 and file["nodes/first/bias"].dtype == np.float32
        assert json.loads(file["provenance"][()]) == {"command": "test"}


def test_numpy_numbers_in_provenance_become_plain(tmp_path: Path) -> None:
    save(Net(three_layers(), {"worst": np.float32(0.5), "samples": np.int64(3)}), tmp_path / "net.snn.h5")
    assert load(tmp_path / "net.snn.h5").provenance == {"worst": 0.5, "samples": 3}


def test_float_weights_are_not_written_and_nothing_is_left_behind(tmp_path: Path) -> None:
    graph = three_layers()
    first = graph["first"]
    assert isinstance(first, Neurons)
    for synapse_in_float in (replace(first.synapses[0], scale=None), replace(first.synapses[0], weight=first.synapses[0].weight * 0.5)):
        nodes: tuple[Node, ...] = (graph.nodes[0], replace(first, synapses=(synapse_in_float,)), *graph.nodes[2:])
        with pytest.raises(
            InputError, match="^artifact: first: weights from in are .*; int8 or int16 with scales can be saved: quantize the graph first"
        ):
            save(Net(Graph(nodes, graph.outputs)), tmp_path / "net.snn.h5")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [{"accuracy": float("nan")}, {"what": {1, 2}}])
def test_provenance_that_is_no_json_is_refused_and_the_old_file_stays(good: Path, content: dict[str, Any]) -> None:
    before = good.read_bytes()
    with pytest.raises(InputError, match="^artifact: provenance: .*; it must be plain JSON, without NaN"):
        save(Net(three_layers(), content), good, force=True)
    assert good.read_bytes() == before and [path.name for path in good.parent.iterdir()] == [good.name]


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no directory")
    with pytest.raises(FileError, match="net.snn.h5: "):
        save(Net(three_layers()), tmp_path / "file" / "net.snn.h5")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_net_prints_in_a_few_lines() -> None:
    net = Net(three_layers(), {"inputs": {"model.h5": "0" * 64}})
    assert repr(net) == f"<Net {three_layers().summary}>" and "array" not in repr(net)
    assert str(net).splitlines() == [
        "Net in 3x3x1 -> out 2: 4 populations, 13 neurons, 45 parameters",
        "  made from: model.h5",
        "  print(net.graph) shows every population",
    ]
    assert "made from: unknown" in str(Net(three_layers(), {"inputs": "lost"}))


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="missing.snn.h5: no such file; give a .snn.h5 that tfsnn convert wrote"):
        load(tmp_path / "missing.snn.h5")
    with pytest.raises(FileError, match=": a directory; give a .snn.h5 that tfsnn convert wrote"):
        load(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(FileError, match="pipe: no plain file; give a .snn.h5 that tfsnn convert wrote"):
        load(tmp_path / "pipe")


def test_truncated_anywhere(good: Path) -> None:
    content = good.read_bytes()
    for size in [*range(0, 200, 7), *range(200, len(content), 151), len(content) - 1]:
        good.write_bytes(content[:size])
        with pytest.raises(FileError, match="net.snn.h5: "):
            load(good)


def test_one_byte_flipped_anywhere_is_refused_or_harmless(tmp_path: Path) -> None:
    image = given(2)
    net = Net(network(image, dense("out", image, 2, [[1, -2], [3, 4]])), {"command": "test"})
    path = tmp_path / "net.snn.h5"
    save(net, path)
    content = path.read_bytes()
    refused = 0
    for place in range(0, len(content), 9):
        path.write_bytes(content[:place] + bytes([content[place] ^ (1 << place % 8)]) + content[place + 1 :])
        try:
            found = load(path)
        except FileError as error:
            assert str(error).startswith(str(path))
            refused += 1
        else:
            assert same(found.graph, net.graph) and found.provenance == net.provenance
    assert refused > 0


def test_any_flipped_bit_of_a_weight_is_noticed(good: Path) -> None:
    content = good.read_bytes()
    second = three_layers()["second"]
    assert isinstance(second, Neurons)
    at = content.index(second.synapses[0].weight.tobytes())
    for place in range(at, at + 24):
        good.write_bytes(content[:place] + bytes([content[place] ^ 4]) + content[place + 1 :])
        with pytest.raises(
            FileError, match="sha256 does not match the content; the file was changed or damaged: copy it again, or convert"
        ):
            load(good)


@pytest.mark.parametrize(
    ("content", "message"), [(b"", "first bytes"), (b"PK\x03\x04 no HDF5 at all" * 9, "first bytes"), (b"\x89HDF\r\n\x1a\n", "superblock")]
)
def test_files_that_are_no_hdf5(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "net.snn.h5").write_bytes(content)
    with pytest.raises(FileError, match=f"net.snn.h5: {message}"):
        load(tmp_path / "net.snn.h5")


def test_a_keras_file_is_shown_the_way(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "model.h5", "w") as file:
        file.attrs["model_config"] = "{}"
        file.create_group("model_weights")
    message = "model.h5: no attribute format = 'tfsnn'..so no tfsnn network; a Keras model goes through tfsnn convert first"
    with pytest.raises(FileError, match=message):
        load(tmp_path / "model.h5")


@pytest.mark.parametrize("version", [0, 2, -1, 1.5, np.array([1, 2])])
def test_another_format_version(good: Path, version: Any) -> None:
    with h5py.File(good, "r+") as file:
        file.attrs["format_version"] = version
    with pytest.raises(FileError, match=r"net.snn.h5: format_version is .*; this tfsnn reads 1: convert the model again"):
        load(good)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("format", "no attribute format = 'tfsnn'"),
        ("format_version", "attribute 'format_version': found no such attribute"),
        ("sha256", "/sha256: found no such object"),
    ],
)
def test_missing_attributes(good: Path, name: str, message: str) -> None:
    with h5py.File(good, "r+") as file:
        del file.attrs[name]
    with pytest.raises(FileError, match=f"net.snn.h5: .*{message}"):
        load(good)


def test_another_format(good: Path) -> None:
    with h5py.File(good, "r+") as file:
        file.attrs["format"] = "nir"
    with pytest.raises(FileError, match="no attribute format = 'tfsnn'..so no tfsnn network"):
        load(good)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"first__bias": np.array([np.nan, 0], np.float32)}, "/nodes/first/bias: found 1 values NaN or infinite, expected finite numbers"),
        ({"first__bias": np.zeros(2)}, "/nodes/first/bias: float64; expected float32: convert the model again"),
        ({"first__bias": np.zeros(3, np.float32)}, r"/graph: graph: first: bias of shape \(3,\); expected \(2,\)"),
        ({"first__bias": None}, "/nodes/first/bias: found no such object"),
        (
            {"first__synapses__0__weight": np.zeros((2, 2, 1, 2), np.float32)},
            "/nodes/first/synapses/0/weight: float32; expected int8 or int16",
        ),
        ({"first__synapses__0__weight": np.full((2, 2, 1, 2), np.nan)}, "/nodes/first/synapses/0/weight: found 8 values NaN or infinite"),
        ({"first__synapses__0__weight": np.zeros((2, 2, 1, 2), np.int32)}, "/nodes/first/synapses/0/weight: int32; expected int8 or int16"),
        (
            {"first__synapses__0__weight": np.zeros((2, 2, 2, 1), np.int8)},
            r"/graph: graph: first: synapse 0 from in: weight shape \(2, 2, 2, 1\)",
        ),
        ({"first__synapses__0__weight": np.bytes_(b"text")}, "/nodes/first/synapses/0/weight: found text, expected numbers"),
        ({"first__synapses__0__weight": None}, "/nodes/first/synapses/0/weight: found no such object"),
        (
            {"second__synapses__0__scale": np.array(0, np.float32)},
            r"/graph: graph: second: synapse 0 from first: scale of shape \(\); it must be positive",
        ),
        ({"second__synapses__0__scale": np.array(np.inf, np.float32)}, "/nodes/second/synapses/0/scale: found 1 values NaN or infinite"),
    ],
)
def test_arrays_that_do_not_fit_though_the_hash_does(good: Path, arrays: dict[str, Any], message: str) -> None:
    with pytest.raises(FileError, match=f"net.snn.h5: {message}"):
        load(forged(good, **arrays))


def in_node(number: int, **changes: Any) -> Change:
    """A change of one population's JSON; None removes the key."""

    def change(described: dict[str, Any]) -> None:
        for key, value in changes.items():
            described["nodes"][number].pop(key)
            described["nodes"][number] |= {} if value is None else {key: value}

    return change


def in_op(**changes: Any) -> Change:
    """A change of the first convolution's JSON."""
    return lambda described: described["nodes"][1]["synapses"][0]["op"].update(changes)


def in_relays(*relays: Any) -> Change:
    """Other relays in front of the first convolution."""
    return lambda described: described["nodes"][1]["synapses"][0].update({"relays": list(relays)})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda described: described.pop("outputs"), "outputs is a JSON NoneType; expected a list"),
        (lambda described: described.update(nodes={}), "nodes is a JSON dict; expected a list"),
        (lambda described: described["nodes"].append("a string"), "a population of kind 'a string'; expected Input, MaxPool, Neurons"),
        (lambda described: described["nodes"].append({"name": "x"}), "no 'kind'"),
        (lambda described: described["nodes"].append(None), "a population of kind None"),
        (lambda described: described["nodes"].pop(1), "graph: second: receives from 'first', which does not come before it"),
        (lambda described: described["nodes"].append(described["nodes"][1]), "graph: two populations are named 'first'"),
        (lambda described: described.update(outputs=["in"]), "graph: output 'in' is no population of neurons"),
        (lambda described: described["nodes"][1].update(gain=2), "Neurons with gain missing or in excess"),
        (in_node(1, threshold=None), "Neurons with threshold missing or in excess"),
        (in_node(1, name=None), "no 'name'"),
        (in_node(1, shape=[1 << 40, 2, 2]), r"shape is 1099511627776; expected a number below 2\^31"),
        (
            in_node(1, shape=[1 << 30, 1 << 30, 2]),
            r"graph: first: shape \(1073741824, 1073741824, 2\); every axis must be 1 or longer, their product below",
        ),
        (in_node(1, shape=[1 << 14, 1 << 14, 2]), r"graph: first: synapse 0 from in: shape \(16384, 16384, 2\); expected \(2, 2, 2\)"),
        (in_node(0, shape=[1 << 30, 1 << 30, 1 << 30]), "graph: in: shape .*; every axis must be 1 or longer, their product below"),
        (in_node(0, encoder={"scale": 10**400}), ".*; convert the model again"),
        (in_node(0, shape=[1 << 32, 1, 1]), "shape .*; expected positive whole numbers"),
        (in_node(0, shape=[3, 3, 1.0]), "shape .*; expected positive whole numbers"),
        (in_node(0, shape=[3, 3, True]), "shape .*; expected positive whole numbers"),
        (in_node(0, shape="331"), "shape is a JSON str; expected a list"),
        (in_node(0, encoder={"kind": "delay", "gamma": 1}), r"encoder: settings \['gamma'\]; allowed are"),
        (in_node(0, encoder=7), "encoder: settings int; allowed are"),
        (in_node(1, scale="wide"), "scale is 'wide'; expected a number"),
        (in_node(1, scale=-1), "graph: first: scale is -1; it must be a positive number"),
        (in_node(1, activation="relu"), ".*; convert the model again"),
        (in_node(1, activation={"kind": "relu"}), ".*; convert the model again"),
        (in_node(1, synapses={}), "synapses is a JSON dict; expected a list"),
        (in_node(1, synapses=[5]), ".*; convert the model again"),
        (in_op(kind="Lambda"), "an operation of kind 'Lambda'; expected Dense, Conv, OneToOne"),
        (in_op(kind=["Conv"]), r"an operation of kind \['Conv'\]; expected Dense, Conv, OneToOne"),
        (in_op(code="import os"), "Conv with code missing or in excess"),
        (in_op(strides=[0, 0]), r"graph: first: synapse 0 from in: window \(2, 2\), strides \(0, 0\)"),
        (in_op(strides=[1.5, 1]), r"graph: first: synapse 0 from in: window \(2, 2\), strides \(1.5, 1\)"),
        (in_op(window=[2]), r"graph: first: synapse 0 from in: window \(2,\)"),
        (in_op(window="22"), ".*; convert the model again"),
        (in_op(groups=0), "groups 0; each must be 1 or above"),
        (in_op(filters=1 << 31), "filters is 2147483648; expected a number below 2\\^31"),
        (in_op(filters=-2), r"shape \(2, 2, 2\); expected \(2, 2, -2\)"),
        (in_relays({"kind": "Reshape", "shape": [3, 3, 2]}), r"Reshape\(shape=\(3, 3, 2\)\) of shape \(3, 3, 1\)"),
        (in_relays({"kind": "Pad", "widths": [1, 1, 1]}), ".*; convert the model again"),
        (
            in_relays({"kind": "Pad", "widths": [[1 << 30, 0], [1 << 30, 0], [0, 0]]}),
            r"first: synapse 0 from in: Pad\(.*\) makes a shape of \(1073741827, 1073741827, 1\); 2\^31 values are the limit",
        ),
        (in_relays({"kind": "AveragePool", "window": [0, 0], "strides": [1, 1]}), r"AveragePool\(window=\(0, 0\)"),
        (in_relays({"kind": "Permute", "axes": [0, 7, 1]}), r"Permute\(axes=\(0, 7, 1\)\) of shape"),
        (in_relays({"kind": "Upsample", "factors": [2]}), r"Upsample\(factors=\(2,\)\) of shape"),
        (in_relays("Reshape"), "an operation of kind 'Reshape'"),
    ],
)
def test_graphs_that_do_not_fit_though_the_hash_does(good: Path, change: Change, message: str) -> None:
    with pytest.raises(FileError, match=f"net.snn.h5: /graph: .*{message}"):
        load(forged(good, change))


def test_arrays_that_nothing_names_make_the_hash_wrong(good: Path) -> None:
    with h5py.File(good, "r+") as file:
        file["graph"][...] = file["graph"][()].replace(b"first", b"worst")
    with pytest.raises(FileError, match="net.snn.h5: /nodes/worst: no such object|net.snn.h5: /graph|no such object"):
        load(good)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", r"/provenance: found no JSON \(Expecting .*\), expected an object; convert"),
        ("[" * 100_000, "/provenance: found JSON nested deeper than 150, expected an object; convert"),
        ('{"scale": NaN}', r"/provenance: found no JSON \(NaN, which is no JSON\), expected an object; convert"),
        ("[1]", "/provenance: a JSON list; expected an object: convert the model again"),
    ],
)
def test_texts_that_are_no_json_object(good: Path, text: str, message: str) -> None:
    with h5py.File(good, "r+") as file:
        del file["provenance"]
        file["provenance"] = np.bytes_(text.encode())
    with pytest.raises(FileError, match=f"net.snn.h5: {message}"):
        load(good)


def test_a_link_out_of_the_file_is_not_followed(good: Path) -> None:
    with h5py.File(good, "r+") as file:
        del file["nodes/first/bias"]
        file["nodes/first/bias"] = h5py.ExternalLink("elsewhere.h5", "/bias")
    with pytest.raises(FileError, match="net.snn.h5: /nodes/first/bias: found a soft or external link"):
        load(good)
