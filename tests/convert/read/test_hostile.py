"""Broken and hostile files: one clear error each, in bounded time and memory, with nothing executed."""

from __future__ import annotations

import json
import marshal
import os
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from tests.keras_files import dense, functional, node, numbers, sequential, write
from tfsnn.convert.read.read import read
from tfsnn.errors import ConversionError, FileError, InputError


def test_a_lambda_is_never_run(tmp_path: Path) -> None:
    target = tmp_path / "ran"
    code = marshal.dumps(compile(f"open({str(target)!r}, 'w')", "x", "eval")).decode("latin1")
    configs: dict[str, dict[str, Any]] = {
        "1.2.0": {"function": [code, None, None], "function_type": "lambda"},
        "2.4.0": {"function": [code, None, None], "function_type": "lambda", "module": "__main__"},
        "3.3.0": {"function": {"class_name": "__lambda__", "config": {"code": code, "defaults": None}}},
    }
    for generation, config in configs.items():
        net = sequential(("Lambda", {"batch_input_shape": [None, 2], "arguments": {}, **config}))
        layer = read(write(tmp_path / f"{generation}.h5", net, version=generation)).layers["layer_0"]
        assert layer.class_name == "Lambda" and layer.take("function") == "code that is not read"
    named = sequential(("Lambda", {"batch_input_shape": [None, 2], "function": "scale", "function_type": "function"}))
    assert read(write(tmp_path / "named.h5", named)).layers["layer_0"].take("function") == "scale"
    assert not target.exists()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("net.pb", b"\x08\x01", "found a TensorFlow graph, expected a Keras model .*; save it with model.save"),
        ("net.tflite", b"\x1c\0\0\0TFL3", "found a TensorFlow Lite model"),
        ("net.pt", b"PK\x03\x04", "found a PyTorch checkpoint"),
        ("net.pkl", b"\x80\x04", "found a pickle, which would have to be executed"),
        ("net.npz", b"PK\x03\x04", "found weights without a config"),
        ("net.h5", b"not hdf5", "found a file that begins with b'not hdf5'"),
        ("net.keras", b"PK\x03\x04rest", "archive: found a damaged or unusual zip"),
        ("empty.h5", b"", "found a file that begins with b''"),
    ],
)
def test_other_files(name: str, content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(FileError, match=f"{name}: {message}"):
        read(path)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"found a folder \(a SavedModel\?\), expected one file; load it in"):
        read(tmp_path)
    with pytest.raises(FileError, match=r"cannot be opened \(No such file"):
        read(tmp_path / "absent.h5")
    with pytest.raises(InputError, match="backend: found 'caffe', allowed are tensorflow, theano"):
        read(tmp_path / "absent.h5", backend="caffe")


def test_weights_only(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "old.h5", "w") as file:
        file.attrs["layer_names"] = [b"dense"]
    with h5py.File(tmp_path / "new.h5", "w") as file:
        file.create_group("layers")
    with h5py.File(tmp_path / "any.h5", "w") as file:
        file["data"] = 3
    for name in ("old.h5", "new.h5"):
        with pytest.raises(FileError, match=f"{name}: .* found weights only, expected a whole model; save it with"):
            read(tmp_path / name)
    with pytest.raises(FileError, match="found no Keras model, expected one"):
        read(tmp_path / "any.h5")


DENSE = ("Dense", {"units": 2, "batch_input_shape": [None, 2]})
GOOD = [("layer_0/kernel:0", numbers(2, 2)), ("layer_0/bias:0", numbers(2))]
INPUT = node("i", "InputLayer", batch_input_shape=[None, 3])


def chain(*layers: Any, inputs: Any = (("i", 0, 0),), outputs: Any = (("d", 0, 0),)) -> Any:
    return functional([INPUT, *layers], [list(item) for item in inputs], [list(item) for item in outputs])


def twice(depth: int) -> Any:
    """A model that calls itself twice, `depth` times over: two to the depth calls."""
    model = chain(node("d", "Flatten", [[["i", 0, 0, {}]]]))
    for level in range(depth):
        calls = [[["i", 0, 0, {}]], [["d", 1, 0, {}]]]
        model = chain({**model, "name": "d", "inbound_nodes": calls}, outputs=[("d", 2, 0)])
    return model


BROKEN: dict[str, tuple[Any, dict[str, Any], str]] = {
    "cycle": (
        chain(dense("d", [[("e", 0, 0)]]), dense("e", [[("d", 0, 0)]])),
        {},
        r"model 'net': found layers that feed themselves \(d, e\), expected a network without cycles",
    ),
    "unknown layer": (chain(dense("d", [[("x", 0, 0)]])), {}, "found a reference to the layer 'x', which it"),
    "unknown call": (chain(dense("d", [[("i", 3, 0)]])), {}, "found a reference to call 3 of 'i', which does"),
    "unknown output": (chain(dense("d", [[("i", 0, 1)]])), {}, "reference to output 1 of call 0 of 'i', which does"),
    "unknown result": (chain(dense("d", [[("i", 0, 0)]]), outputs=[("d", 7, 0)]), {}, "output 0 of call 7 of 'd'"),
    "unknown input": (chain(inputs=[("x", 0, 0)]), {}, "found the input 'x', expected the name of one of its layers"),
    "unlisted input": (
        chain(node("j", "InputLayer", [[["i", 0, 0, {}]]], batch_input_shape=[None, 3]), outputs=[("j", 0, 0)]),
        {},
        r"layer 'j' \(InputLayer\): found an input that the model does not list",
    ),
    "no tensors": (chain(dense("d", [[]])), {}, "layer 'd': found a call without tensors, expected at least one"),
    "no outputs": (chain(dense("d", [[("i", 0, 0)]]), outputs=[]), {}, "found no output_layers"),
    "same name": (chain(dense("d", [[("i", 0, 0)]]), INPUT), {}, "found two layers named 'i', expected names"),
    "slashes": (
        chain(
            {**sequential(("Flatten", {"name": "d"}), name="e"), "name": "e", "inbound_nodes": [[["i", 0, 0, {}]]]},
            node("e/d", "Flatten", [[["e", 1, 0, {}]]]),
            outputs=[("e/d", 0, 0)],
        ),
        {},
        "layer 'e/d': found two layers of this full name",
    ),
    "bomb": (twice(40), {}, "found more than 100000 layers in nested calls, expected a network of ordinary size"),
    "bad shape": (
        sequential(("Dense", {"batch_input_shape": [None, -1]})),
        {},
        r"input 'layer_0_input': found the shape \(None, -1\), expected positive whole numbers",
    ),
    "python": ({"class_name": "MyModel", "config": {"name": "m"}}, {}, "found a model that is Python code .*, expected"),
    "no layers": ({"class_name": "Sequential", "config": {"name": "m", "layers": []}}, {}, "found no list of layers"),
    "no class": ({"class_name": "Sequential", "config": {"layers": [{}]}}, {}, "found an item without class_name"),
    "no config": ({"class_name": "Sequential", "config": {"layers": [{"class_name": "Dense"}]}}, {}, "found no config"),
    "no name": (
        {"class_name": "Sequential", "config": {"layers": [{"class_name": "Dense", "config": {}}]}},
        {},
        "found the name 'None', expected a text",
    ),
    "branches": (
        {"class_name": "Sequential", "config": [{"class_name": "Merge", "config": {"name": "m", "layers": []}}]},
        {},
        r"layer 'm' \(Merge\): found a Sequential model that begins with several models",
    ),
    "missing weight": (
        sequential(DENSE),
        {"layer_0": GOOD[:1]},
        r"layer 'layer_0' \(Dense\): found 1 weights \(layer_0/kernel:0\), expected 2 \(kernel, bias\); save",
    ),
    "no weights": (sequential(DENSE), {}, r"found 0 weights \(none\), expected 2 \(kernel, bias\)"),
    "foreign weights": (sequential(DENSE), {"layer_0": GOOD, "x": GOOD}, "found weights of 'x', a layer that"),
    "too large": (
        sequential(DENSE),
        {"layer_0": [("kernel", np.full((2, 2), 1e300)), GOOD[1]]},
        "weight 'kernel': found values outside of float32, expected finite numbers; save it as float32",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_models_that_contradict_themselves(name: str, tmp_path: Path) -> None:
    config, weights, message = BROKEN[name]
    path = write(tmp_path / "net.h5", config, weights)
    with pytest.raises(ConversionError, match=f"net.h5: .*{message}"):
        read(path)


def test_all_weights_that_do_not_fit_are_named_at_once(tmp_path: Path) -> None:
    net = sequential(DENSE, ("Dense", {"units": 2}), ("Flatten", {}))
    path = write(tmp_path / "net.h5", net, {"layer_0": GOOD[:1], "layer_1": [], "layer_2": GOOD})
    with pytest.raises(ConversionError, match="layer_0.*\n.*layer_1.*\n.*layer_2") as caught:
        read(path)
    assert len(caught.value.problems) == 3


def soft(file: h5py.File) -> None:
    file["model_weights/layer_0/layer_0/bias:0"] = h5py.SoftLink("/model_weights/layer_0/layer_0/kernel:0")


def external(file: h5py.File) -> None:
    file["model_weights/layer_0/layer_0/bias:0"] = h5py.ExternalLink("secret.h5", "/x")


def huge(file: h5py.File) -> None:
    file.create_dataset("model_weights/layer_0/layer_0/bias:0", (1 << 40,), "f4")


def not_finite(file: h5py.File) -> None:
    file["model_weights/layer_0/layer_0/bias:0"] = np.array([1, np.nan], "f4")


def many_names(file: h5py.File) -> None:
    group = file["model_weights/layer_0"]
    for place in range(300):
        group.attrs[f"weight_names{place}"] = np.array([b"layer_0/kernel:0"] * 200)
    del group.attrs["weight_names"]


def no_names(file: h5py.File) -> None:
    del file["model_weights/layer_0"].attrs["weight_names"]


HOSTILE: dict[str, tuple[Callable[[h5py.File], None], str]] = {
    "soft link": (soft, "layer_0/bias:0: found a soft or external link"),
    "external link": (external, "layer_0/bias:0: found a soft or external link"),
    "huge": (huge, "layer_0/bias:0: found shape .* and no data"),
    "NaN": (not_finite, "layer_0/bias:0: found 1 values NaN or infinite, expected finite numbers"),
    "missing": (lambda file: None, "layer_0/bias:0: found no such object"),
    "endless names": (many_names, "found (the same data under many names|structures that are walked over)"),
    "no names": (no_names, "attribute 'weight_names': found no such attribute, expected a list of names"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_weights(name: str, tmp_path: Path) -> None:
    path = write(tmp_path / "net.h5", sequential(DENSE), {"layer_0": GOOD})
    change, message = HOSTILE[name]
    with h5py.File(path, "a") as file:
        del file["model_weights/layer_0/layer_0/bias:0"]
        change(file)
    tracemalloc.start()
    with pytest.raises(FileError, match=f"net.h5: .*{message}"):
        read(path)
    assert tracemalloc.get_traced_memory()[1] < 50e6
    tracemalloc.stop()


def test_config_nested_a_million_levels(tmp_path: Path) -> None:
    path = write(tmp_path / "net.h5", '{"class_name":' * 1_000_000)
    with pytest.raises(FileError, match="attribute 'model_config': found JSON nested deeper than 150, expected"):
        read(path)


CONFIG = json.dumps(sequential(DENSE))


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"other": b""}, "found a zip without config.json, expected a Keras model"),
        ({"archive/data.pkl": b""}, "found a PyTorch checkpoint"),
        ({"config.json": CONFIG}, "found config.json, expected model.weights.h5 in one piece"),
        ({"config.json": CONFIG, "model.weights.h5": b"no"}, "model.weights.h5: first bytes: found b'no'"),
        ({"config.json": b"\xff", "model.weights.h5": b""}, "config.json: found other bytes, expected text in UTF-8"),
        ({"config.json": "[" * 10_000, "model.weights.h5": b""}, "config.json: found JSON nested deeper"),
        ({"config.json": "7", "model.weights.h5": None}, "config: found int, expected a model"),
        ({"config.json": CONFIG, "model.weights.h5": bytes(50_000_000)}, "found .* bytes that declare 50000000"),
        ({f"{place}": b"" for place in range(2000)}, "found 2000 members, 2000 names, expected at most 1000"),
        ({"config.json": CONFIG, "model.weights.h5": None}, None),
    ],
    ids=range(10),
)
def test_hostile_archives(members: dict[str, Any], message: str | None, tmp_path: Path) -> None:
    path = tmp_path / "net.keras"
    with h5py.File(tmp_path / "w.h5", "w") as file:
        file.create_group("layers/dense/vars")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, (tmp_path / "w.h5").read_bytes() if content is None else content)
    expected = FileError if message else ConversionError
    with pytest.raises(expected, match=message or r"found 0 weights \(none\), expected 2"):
        read(path)
    assert sorted(os.listdir(tmp_path)) == ["net.keras", "w.h5"]


def test_weights_of_another_layer(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "w.h5", "w") as file:
        file.create_group("layers/dense/vars").attrs["name"] = "someone else"
    with zipfile.ZipFile(tmp_path / "net.keras", "w") as archive:
        archive.writestr("config.json", CONFIG)
        archive.write(tmp_path / "w.h5", "model.weights.h5")
    with pytest.raises(FileError, match="found the weights of 'someone else', expected those of 'layer_0'"):
        read(tmp_path / "net.keras")
