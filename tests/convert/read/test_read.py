"""Every generation and kind of Keras file gives one plain record; for broken ones see test_reader_hostile."""

from __future__ import annotations

import json
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from tests.data_folder import folder
from tests.keras_files import dense, functional, node, numbers, sequential, write
from tfsnn.convert.read.read import from_live, read
from tfsnn.convert.read.records import ModelRecord
from tfsnn.errors import FileError, InputError

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
            assert layer.weights["moving_variance"].min() >= 0


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
        "import sys; from tfsnn.convert.read.read import read",
        "assert len(read(sys.argv[1]).layers) == 17",
        "print(sorted({'tensorflow', 'keras', 'h5py', 'pickle', 'marshal'} & {*sys.modules} - before))",
    )
    program = "import sys, numpy; before = {*sys.modules}\n" + "\n".join(lines)
    for name in ("mnist_cnn_bn_keras3.10.h5", "mnist_cnn_bn_keras3.10.keras"):
        path = folder("keras_models", name)
        run = subprocess.run([sys.executable, "-c", program, path], capture_output=True, text=True, check=False)
        assert run.stdout.strip() == "[]", run.stderr


CONV1: dict[str, Any] = {"nb_filter": 4, "nb_row": 3, "nb_col": 2, "border_mode": "same", "subsample": [1, 2]}
CONV1.update(bias=True, dim_ordering="th")


def test_keras_1(tmp_path: Path) -> None:
    kernel, dense = numbers(3, 2, 1, 4), numbers(12, 5)
    net = [
        {"class_name": "Convolution2D", "config": {"name": "c", "batch_input_shape": [None, 1, 6, 4], **CONV1}},
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
    config = {"class_name": "Sequential", "config": net}
    path = write(tmp_path / "k1.h5", config, weights, version="1.2.2", backend=None)
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
    assert "--backend theano" in record.notes[0]
    turned = read(path, backend="theano")
    np.testing.assert_array_equal(turned.layers["c"].weights["kernel"], kernel[::-1, ::-1])
    assert turned.notes == ()


def test_keras_2_nested_and_shared(tmp_path: Path) -> None:
    """A model in a model, called twice: Keras 2 counts its calls from 1 and lists what trains before what rests."""
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
    names = ["n/beta:0", "d_1/kernel:0", "d_1/bias:0", "n/moving_mean:0", "n/moving_variance:0"]
    values = [numbers(*((3, 3) if "kernel" in name else (3,)), seed=seed) for seed, name in enumerate(names)]
    weights = {
        "a": [],
        "block": list(zip(names, values)),
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
        layers = config["config"]["layers"]
        names = [layer["config"]["name"] for layer in layers if layer["class_name"] in ("Dense", "Conv1D")]
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

    keras.backend.clear_session()  # names count on from other models otherwise
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
            assert found == sorted(value.shape for value in values)
            object.__setattr__(record.layers[name], "weights", archive.layers[name].weights)
    assert_same(live, archive)
    assert_same(live, old)
    plain = ("separable", "depthwise", "transpose", "shared", "norm")
    for name in ("nested/block/c", "nested/c", "nested/block/n", "nested/block/e", *plain):
        layer = model
        for part in name.split("/"):
            layer = layer.get_layer(part)
        weights = list(live.layers[name].weights.values())
        assert len(weights) == len(layer.weights)
        for ours, theirs in zip(weights, layer.get_weights()):
            np.testing.assert_array_equal(ours, theirs)
    constants = {call.layer: call.constants for call in live.calls if call.constants}
    assert constants == {"multiply": {"1": 2.0}, "subtract": {"0": 1.0}}
    assert live.layers["y"].take("activation")["class_name"] == "LeakyReLU"
    assert live.layers["lambda"].take("function") == "code that is not read"
    assert [item.tensor for item in live.inputs] == ["one:0:0", "two:0:0"]


def test_settings_that_keras_leaves_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keras 3.12 does not write output_padding down; a live model has it all the same, nested or not."""
    import keras

    L = keras.layers
    inputs = L.Input((6, 5, 3))
    inner = keras.Sequential([L.Conv2DTranspose(3, 3, strides=2, output_padding=1, name="b")], name="inner")
    model = keras.Model(inputs, inner(L.Conv2DTranspose(3, 3, name="a")(inputs)))
    complete = L.Conv2DTranspose.get_config
    monkeypatch.setattr(
        L.Conv2DTranspose, "get_config", lambda self: {key: value for key, value in complete(self).items() if key != "output_padding"}
    )
    record = from_live(model)
    assert record.layers["a"].take("output_padding", None) is None and record.layers["inner/b"].take("output_padding") == (1, 1)


def test_live_models_that_are_none() -> None:
    import keras

    with pytest.raises(InputError, match="found list, expected a Keras model; give a keras.Model, or read a file"):
        from_live([])
    with pytest.raises(InputError, match=r"it has not been built, .*; call model.build"):
        from_live(keras.Sequential([keras.layers.Dense(3)]))


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
