"""Every generation and kind of Keras file gives one plain record, and every broken or hostile one a clear error."""

from __future__ import annotations

import json
import marshal
import os
import subprocess
import sys
import time
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from data_folder import folder
from keras_files import functional, node, numbers, sequential, write
from tfsnn.convert.reader import from_live, read
from tfsnn.convert.records import ModelRecord
from tfsnn.errors import ConversionError, FileError, InputError

# name: layers, input shapes, outputs, class of the first and the last layer
REAL: dict[str, tuple[int, list[tuple[int, ...]], int, str, str]] = {
    "pilotnet_elu_keras1.2.1_naoki.h5": (12, [(66, 200, 3)], 1, "Lambda", "Dense"),
    "lenet5_keras2.0.4_theano_chfirst_snntoolbox.h5": (9, [(1, 28, 28)], 1, "Conv2D", "Dense"),
    "mnist_avgpool_keras2.2.4_snntoolbox.h5": (8, [(28, 28, 1)], 1, "Conv2D", "Dense"),
    "mini_xception_fer2013_keras2.0.5_oarriaga.hdf5": (45, [(64, 64, 1)], 1, "Conv2D", "Activation"),
    "resnet8_cifar10_keras2.4_mlcommons.h5": (29, [(32, 32, 3)], 1, "Conv2D", "Dense"),
    "mobilenet_vww96_keras2.4_mlcommons.h5": (84, [(96, 96, 3)], 1, "Conv2D", "Dense"),
    "donkey_2outputs_keras2.3tf.h5": (17, [(120, 160, 3)], 2, "Conv2D", "Dense"),
    "mnist_cnn_bn_keras3.10.h5": (17, [(28, 28, 1)], 1, "Conv2D", "Dense"),
    "mnist_cnn_bn_keras3.10.keras": (17, [(28, 28, 1)], 1, "Conv2D", "Dense"),
    "pilotnet_keras2.8_deeppicar.h5": (10, [(66, 200, 3)], 1, "Conv2D", "Dense"),
    "autoencoder_toycar_mlcommons.hdf5": (28, [(640,)], 1, "Dense", "Dense"),
    "NEG_qkeras_3layer_hls4ml.h5": (8, [(16,)], 1, "QDense", "Activation"),
}


def assert_same(one: ModelRecord, other: ModelRecord) -> None:
    """Two records of the same net; only where they came from may differ."""
    assert (one.name, one.calls, one.inputs, one.outputs) == (other.name, other.calls, other.inputs, other.outputs)
    assert list(one.layers) == list(other.layers)
    for name, layer in one.layers.items():
        assert layer.class_name == other.layers[name].class_name
        assert dict(layer.config) == dict(other.layers[name].config)
        assert list(layer.weights) == list(other.layers[name].weights)
        for role, values in layer.weights.items():
            np.testing.assert_array_equal(values, other.layers[name].weights[role])


@pytest.mark.parametrize("name", REAL)
def test_real_files(name: str) -> None:
    layers, shapes, outputs, first, last = REAL[name]
    path = folder("keras_models", name)
    record = read(path)
    assert len(record.layers) == layers == len(record.calls)
    assert [item.shape for item in record.inputs] == shapes and len(record.outputs) == outputs
    classes = [layer.class_name for layer in record.layers.values()]
    assert (classes[0], classes[-1]) == (first, last)
    known = {item.tensor for item in record.inputs}
    for call in record.calls:
        assert set(call.inputs) <= known
        known |= set(call.outputs)
    assert set(record.outputs) <= known
    for layer in record.layers.values():
        assert all(values.dtype == np.float32 and values.flags.c_contiguous for values in layer.weights.values())
        if "BatchNorm" in layer.class_name:
            assert layer.weights["moving_variance"].min() > 0


def test_archive_equals_h5() -> None:
    models = folder("keras_models")
    assert_same(read(models / "mnist_cnn_bn_keras3.10.h5"), read(models / "mnist_cnn_bn_keras3.10.keras"))


def test_theano_kernels_are_turned() -> None:
    path = folder("keras_models", "lenet5_keras2.0.4_theano_chfirst_snntoolbox.h5")
    with h5py.File(path) as file:
        stored = file["model_weights/conv2d_1/conv2d_1/kernel"][()]
    record = read(path)
    assert record.backend == "theano" and record.keras_version == "2.0.4"
    np.testing.assert_array_equal(record.layers["conv2d_1"].weights["kernel"], stored[::-1, ::-1])
    np.testing.assert_array_equal(read(path, backend="tensorflow").layers["conv2d_1"].weights["kernel"], stored)


def test_keras_is_not_needed() -> None:
    lines = (
        "import sys; from tfsnn.convert.reader import read",
        "assert len(read(sys.argv[1]).layers) == 17",
        "print(sorted({'tensorflow', 'keras', 'h5py', 'pickle', 'marshal'} & {*sys.modules} - before))",
    )
    program = "import sys, numpy; before = {*sys.modules}\n" + "\n".join(lines)
    for name in ("mnist_cnn_bn_keras3.10.h5", "mnist_cnn_bn_keras3.10.keras"):
        path = folder("keras_models", name)
        run = subprocess.run([sys.executable, "-c", program, path], capture_output=True, text=True, check=False)
        assert run.stdout.strip() == "[]", run.stderr


CONV1 = {"nb_filter": 4, "nb_row": 3, "nb_col": 2, "border_mode": "same", "subsample": [1, 2], "bias": True}


def test_keras_1(tmp_path: Path) -> None:
    kernel, dense = numbers(3, 2, 1, 4), numbers(12, 5)
    net = [
        {"class_name": "Convolution2D", "config": {"name": "c", "batch_input_shape": [None, 1, 6, 4], "dim_ordering": "th", **CONV1}},
        {"class_name": "BatchNormalization", "config": {"name": "n", "mode": 0, "axis": 1, "epsilon": 0.001}},
        {"class_name": "Activation", "config": {"name": "a", "activation": "hard_sigmoid"}},
        {"class_name": "Flatten", "config": {"name": "f"}},
        {"class_name": "Dense", "config": {"name": "d", "output_dim": 5, "activation": "softmax", "bias": False}},
    ]
    norm = [("n_gamma", numbers(4, seed=1)), ("n_beta", numbers(4, seed=2))]
    norm += [("n_running_mean", numbers(4, seed=3)), ("n_running_std", numbers(4, seed=4) ** 2)]
    weights = {
        "c": [("c_W", kernel.transpose(3, 2, 0, 1)), ("c_b", numbers(4))],
        **{"n": norm, "a": [], "f": [], "d": [("d_W", dense)]},
    }
    path = write(tmp_path / "k1.h5", {"class_name": "Sequential", "config": net}, weights, version="1.2.2", backend=None)
    record = read(path)
    assert record.inputs[0].shape == (1, 6, 4) and record.keras_version == "1.2.2"
    conv = record.layers["c"]
    np.testing.assert_array_equal(conv.weights["kernel"], kernel)
    assert conv.class_name == "Conv2D" and conv.take("filters") == 4 and conv.take("kernel_size") == (3, 2)
    assert (conv.take("strides"), conv.take("padding"), conv.take("use_bias")) == ((1, 2), "same", True)
    assert conv.take("data_format") == "channels_first" and conv.unread() == ()
    np.testing.assert_array_equal(record.layers["n"].weights["moving_variance"], norm[3][1])
    assert record.layers["a"].take("activation") == "hard_sigmoid_keras2"
    assert record.layers["d"].take("units") == 5
    assert "backend 'theano'" in record.notes[0]
    turned = read(path, backend="theano")
    np.testing.assert_array_equal(turned.layers["c"].weights["kernel"], kernel[::-1, ::-1])
    assert turned.notes == ()


def dense(name: str, sources: Any, units: int = 3) -> dict[str, Any]:
    return node(name, "Dense", [[[*source, {}] for source in group] for group in sources], units=units, use_bias=True)


def test_keras_2_nested_and_shared(tmp_path: Path) -> None:
    """A model inside a model is called twice; Keras 2 counts these calls from 1 and lists what trains before what rests."""
    inner = functional(
        [
            node("in", "InputLayer", batch_input_shape=[None, 3]),
            node("n", "BatchNormalization", [[["in", 0, 0, {}]]], axis=[1], scale=False),
            dense("d", [[("n", 0, 0)]]),
        ],
        *([["in", 0, 0]], [["d", 0, 0]]),
        name="block",
    )
    config = functional(
        [
            node("a", "InputLayer", batch_input_shape=[None, 3]),
            {**inner, "name": "block", "inbound_nodes": [[["a", 0, 0, {}]], [["block", 1, 0, {}]]]},
            dense("shared", [[("a", 0, 0)], [("block", 2, 0)]]),
            node("sum", "Add", [[["shared", 0, 0, {}], ["shared", 1, 0, {}], ["block", 1, 0, {}]]]),
        ],
        *([["a", 0, 0]], [["sum", 0, 0], ["block", 2, 0]]),
    )
    block = [("n/beta:0", 0), ("d_1/kernel:0", 1), ("d_1/bias:0", 2), ("n/moving_mean:0", 3), ("n/moving_variance:0", 4)]
    values = [numbers(*((3, 3) if "kernel" in name else (3,)), seed=seed) for name, seed in block]
    weights = {
        "a": [],
        "block": [(name, value) for (name, _), value in zip(block, values)],
        "shared": [("shared/kernel:0", numbers(3, 3)), ("shared/bias:0", numbers(3))],
        "sum": [],
    }
    for split in (False, True):
        record = read(write(tmp_path / f"{split}.h5", config, weights, split=split))
        assert list(record.layers) == ["block/n", "block/d", "shared", "sum"]
        norm = record.layers["block/n"].weights
        assert list(norm) == ["beta", "moving_mean", "moving_variance"]
        np.testing.assert_array_equal(norm["moving_mean"], values[3])
        np.testing.assert_array_equal(record.layers["block/d"].weights["kernel"], values[1])
        assert record.layers["block/n"].take("axis") == 1
        calls = [(call.layer, *call.inputs) for call in record.calls]
        assert calls == [
            ("block/n", "a:0:0"),
            ("block/d", "block/n:0:0"),
            ("block/n", "block/d:0:0"),
            ("block/d", "block/n:1:0"),
            ("shared", "a:0:0"),
            ("shared", "block/d:1:0"),
            ("sum", "shared:0:0", "shared:1:0", "block/d:0:0"),
        ]
        assert record.outputs == ("sum:0:0", "block/d:1:0")


def test_where_an_input_shape_may_stand(tmp_path: Path) -> None:
    inner = sequential(("Dense", {"units": 2, "batch_input_shape": [None, 7]}), name="inner")
    configs: list[tuple[Any, Any]] = [
        (sequential(("Dense", {"units": 2, "batch_input_shape": [None, 4, None]})), (4, None)),
        (sequential(("Dense", {"units": 2, "input_dim": 6})), (6,)),
        (sequential(("Conv1D", {"filters": 2, "input_dim": 6, "input_length": 9})), (9, 6)),
        (sequential(("InputLayer", {"batch_shape": [None, 5]}), ("Dense", {"units": 2})), (5,)),
        (sequential(("Flatten", {})), None),
    ]
    configs[-1][0]["config"]["build_input_shape"] = [None, 3, 2]
    configs[-1] = (configs[-1][0], (3, 2))
    for place, (config, shape) in enumerate(configs):
        names = [layer["config"]["name"] for layer in config["config"]["layers"] if layer["class_name"] in ("Dense", "Conv1D")]
        weights = {name: [(f"{name}/kernel:0", numbers(2, 2)), (f"{name}/bias:0", numbers(2))] for name in names}
        assert read(write(tmp_path / f"{place}.h5", config, weights)).inputs[0].shape == shape
    outer = {"class_name": "Sequential", "config": {"name": "outer", "layers": [inner]}}
    weights = {"inner": [("layer_0/kernel:0", numbers(7, 2)), ("layer_0/bias:0", numbers(2))]}
    record = read(write(tmp_path / "nested.h5", outer, weights))
    assert record.inputs[0].shape == (7,) and list(record.layers) == ["inner/layer_0"]


def test_our_own_attribute(tmp_path: Path) -> None:
    own = {"encoder": {"kind": "delay", "scale": 1 / 255}, "dataset": "digits"}
    config = sequential(("Flatten", {"batch_input_shape": [None, 2]}))
    path = write(tmp_path / "own.h5", config, attributes={"tfsnn": json.dumps(own)})
    assert read(path).attributes == {"tfsnn": own}
    assert read(write(tmp_path / "other.h5", config)).attributes == {}
    broken = write(tmp_path / "broken.h5", config, attributes={"tfsnn": "{"})
    with pytest.raises(FileError, match="attribute 'tfsnn': found no JSON"):
        read(broken)


def everything(keras: Any) -> Any:
    """A network with all that makes reading hard: nested, shared, frozen, several inputs, arithmetic, wrappers."""
    layers = keras.layers
    block = keras.Sequential([keras.Input((8, 6, 2)), layers.Conv2D(3, 3, padding="same", name="c")], name="block")
    block.add(layers.BatchNormalization(name="n", trainable=False))
    block.add(layers.Conv2D(3, 1, name="e"))
    entry = keras.Input((8, 6, 2))
    nested = keras.Model(entry, layers.Add()([block(entry), layers.Conv2D(3, 1, name="c")(entry)]), name="nested")
    one, two = keras.Input((8, 6, 2), name="one"), keras.Input((8, 6, 2), name="two")
    shared = layers.PReLU(shared_axes=[1, 2], alpha_initializer="uniform", name="shared")
    x = layers.Concatenate()([shared(nested(one)), shared(nested(two))])
    x = layers.SeparableConv2D(4, 3, name="separable")(x)
    x = layers.DepthwiseConv2D(3, depth_multiplier=2, name="depthwise")(x)
    x = layers.Conv2DTranspose(2, 3, name="transpose")(x) * 2.0
    x = layers.LayerNormalization(name="norm")(1.0 - x)
    x = layers.TimeDistributed(layers.Dense(4), name="each")(layers.Reshape((6, 8))(x))
    x = layers.Dropout(0.5, seed=1)(layers.Bidirectional(layers.LSTM(2, name="lstm"), name="both")(x))
    outputs = [layers.Dense(3, activation=layers.LeakyReLU(negative_slope=0.1), name="y")(x)]
    outputs.append(layers.Dense(2, activation="softmax", use_bias=False, name="z")(layers.Lambda(lambda t: t * 2)(x)))
    return keras.Model([one, two], outputs, name="everything")


def test_keras_3_in_every_form(tmp_path: Path) -> None:
    import keras

    keras.utils.set_random_seed(1)
    model = everything(keras)
    for weight in model.weights:
        weight.assign(np.random.default_rng(len(weight.path)).uniform(0.1, 1, weight.shape))
    model.save(tmp_path / "net.keras")
    model.save(tmp_path / "net.h5")
    live, archive, old = from_live(model), read(tmp_path / "net.keras"), read(tmp_path / "net.h5")
    assert [item.format for item in (live, archive, old)] == ["live", "keras", "h5"]
    assert old.keras_version == keras.__version__ == live.keras_version == archive.keras_version
    # The archive numbers the weights of a wrapped layer, the others name them.
    wrapped = {name: list(archive.layers[name].weights.values()) for name in ("each", "both")}
    for record in (live, old):
        for name, values in wrapped.items():
            found = sorted(value.shape for value in record.layers[name].weights.values())
            assert found == sorted(value.shape for value in values) and record.layers[name].class_name in str(model.layers)
            object.__setattr__(record.layers[name], "weights", archive.layers[name].weights)
    assert_same(live, archive)
    assert_same(live, old)
    for name in ("nested/block/c", "nested/c", "nested/block/n", "separable", "depthwise", "transpose", "shared", "norm"):
        layer = model
        for part in name.split("/"):
            layer = layer.get_layer(part)
        found = list(live.layers[name].weights.values())
        assert len(found) == len(layer.weights)
        for ours, theirs in zip(found, layer.get_weights()):
            np.testing.assert_array_equal(ours, theirs)
    constants = {call.layer: call.constants for call in live.calls if call.constants}
    assert constants == {"multiply": {"1": 2.0}, "subtract": {"0": 1.0}}
    assert live.layers["y"].take("activation")["class_name"] == "LeakyReLU"
    assert live.layers["lambda"].take("function") == "code that is not read"
    assert [item.tensor for item in live.inputs] == ["one:0:0", "two:0:0"]


def test_live_models_that_are_none() -> None:
    import keras

    with pytest.raises(InputError, match="found list, expected a Keras model; give a keras.Model, or read a file"):
        from_live([])
    with pytest.raises(InputError, match=r"it has not been built, .*; call model.build"):
        from_live(keras.Sequential([keras.layers.Dense(3)]))


def test_a_lambda_is_never_run(tmp_path: Path) -> None:
    target = tmp_path / "ran"
    code = marshal.dumps(compile(f"open({str(target)!r}, 'w')", "x", "eval")).decode("latin1")
    for generation, config in {
        "1.2.0": {"function": [code, None, None], "function_type": "lambda"},
        "2.4.0": {"function": [code, None, None], "function_type": "lambda", "module": "__main__"},
        "3.3.0": {"function": {"class_name": "__lambda__", "config": {"code": code, "defaults": None}}},
    }.items():
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
    with pytest.raises(FileError, match=r"found a folder \(a SavedModel\?\), expected one file; load it in Keras, then"):
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
        with pytest.raises(FileError, match=f"{name}: .* found weights only, expected a whole model; save it with model.save"):
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
    "unknown layer": (chain(dense("d", [[("x", 0, 0)]])), {}, "found a reference to the layer 'x', which it does not have"),
    "unknown call": (chain(dense("d", [[("i", 3, 0)]])), {}, "found a reference to call 3 of 'i', which does not exist"),
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
    "same name": (chain(dense("d", [[("i", 0, 0)]]), INPUT), {}, "found two layers named 'i', expected names that differ"),
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
    "no shape": (sequential(("Dense", {"units": 2})), {}, r"found no input shape, expected one; call model.build\("),
    "bad shape": (
        sequential(("Dense", {"batch_input_shape": [None, -1]})),
        {},
        r"input 'layer_0_input': found the shape \(None, -1\), expected positive whole numbers",
    ),
    "python": ({"class_name": "MyModel", "config": {"name": "m"}}, {}, "found a model that is Python code, expected a list"),
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
    "foreign weights": (sequential(DENSE), {"layer_0": GOOD, "x": GOOD}, "found weights of 'x', a layer that the model does"),
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
    start = time.perf_counter()
    with pytest.raises(ConversionError, match=f"net.h5: .*{message}"):
        read(path)
    assert time.perf_counter() - start < 5


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
    start = time.perf_counter()
    with pytest.raises(FileError, match=f"net.h5: .*{message}"):
        read(path)
    assert time.perf_counter() - start < 10
    assert tracemalloc.get_traced_memory()[1] < 50e6
    tracemalloc.stop()


def test_config_nested_a_million_levels(tmp_path: Path) -> None:
    path = write(tmp_path / "net.h5", '{"class_name":' * 1_000_000)
    with pytest.raises(FileError, match="attribute 'model_config': found JSON nested deeper than 150, expected a model"):
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
        ({"config.json": CONFIG, "model.weights.h5": bytes(400_000_000)}, "found .* bytes that declare 400000000, expected"),
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


def test_memory_stays_near_the_weights(tmp_path: Path) -> None:
    """Weights of 16 MB and an optimizer's state of twice that, which is not read."""
    net = sequential(*[("Dense", {"units": 500, "batch_input_shape": [None, 500]}) for _ in range(16)])
    weights = {f"layer_{place}": [("kernel", numbers(500, 500)), ("bias", numbers(500))] for place in range(16)}
    path = write(tmp_path / "net.h5", net, weights)
    with h5py.File(path, "a") as file:
        file["optimizer_weights/all"] = numbers(8_000_000)
    tracemalloc.start()
    record = read(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    held = sum(values.nbytes for layer in record.layers.values() for values in layer.weights.values())
    assert held == 16 * 4 * 500 * 501 and peak < 1.5 * held
