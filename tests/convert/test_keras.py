"""The parts of the Keras reader: JSON, old names, calls in every notation, which weight is which."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest

from tests.keras_files import numbers
from tfsnn.bounded_json import parsed
from tfsnn.convert.read.calls import ConfigCall, TensorRef, call_arguments
from tfsnn.convert.read.legacy import modern, modern_weights
from tfsnn.convert.read.weights import Owner, assigned
from tfsnn.errors import FileError


def test_json_lists_are_tuples() -> None:
    assert parsed('{"a": [1, [2, null]], "b": "[\\"{", "c": Infinity}', "f", "x") == {
        **{"a": (1, (2, None)), "b": '["{'},
        "c": float("inf"),
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[" * 1_000_000, "f: config: found JSON nested deeper than 150, expected a model; the file is damaged"),
        ('{"a":' * 1_000_000, "found JSON nested deeper than 150"),
        ('["' + "[" * 200 + '", "\\"[', "no JSON"),
        ("{", "found no JSON"),
        ('{"a": NaN}', r"found no JSON \(a NaN\)"),
        ("9" * 5000, "found no JSON|found 1"),
        ("", "found no JSON"),
        (" " * ((32 << 20) + 1), "found 33554433 characters, expected at most 33554432"),
        ('"' + "\\" * 1_000_001, "found no JSON"),
    ],
    ids=range(9),
)
def test_hostile_json(text: str, message: str) -> None:
    start = time.perf_counter()
    if text.startswith("999"):
        # Python 3.10 has no limit on digits.
        text += "x"
    with pytest.raises(FileError, match=message):
        parsed(text, "f", "config")
    assert time.perf_counter() - start < 5


CONV1 = {"nb_filter": 8, "nb_row": 3, "nb_col": 5, "border_mode": "same", "subsample": (2, 1), "dim_ordering": "th"}
CONV3 = {"filters": 8, "kernel_size": (3, 5), "padding": "same", "strides": (2, 1), "data_format": "channels_first"}


@pytest.mark.parametrize(
    ("generation", "old", "new"),
    [
        (1, ("Convolution2D", {**CONV1, "bias": False}), ("Conv2D", {**CONV3, "use_bias": False})),
        (1, ("Deconvolution2D", {**CONV1, "output_shape": (None, 8, 9, 9)}), ("Conv2DTranspose", CONV3)),
        (1, ("AtrousConvolution2D", {"atrous_rate": (2, 2)}), ("Conv2D", {"dilation_rate": (2, 2)})),
        (1, ("Convolution1D", {"filter_length": 3}), ("Conv1D", {"kernel_size": 3})),
        (1, ("Convolution1D", {"subsample_length": 2}), ("Conv1D", {"strides": 2})),
        (1, ("Dense", {"output_dim": 5, "init": "uniform"}), ("Dense", {"units": 5, "kernel_initializer": "uniform"})),
        (1, ("MaxPooling1D", {"pool_length": 2, "stride": 3}), ("MaxPooling1D", {"pool_size": 2, "strides": 3})),
        (1, ("Dropout", {"p": 0.5}), ("Dropout", {"rate": 0.5})),
        (1, ("UpSampling1D", {"length": 2}), ("UpSampling1D", {"size": 2})),
        (1, ("ZeroPadding2D", {"padding": (1, 2)}), ("ZeroPadding2D", {"padding": ((1, 1), (2, 2))})),
        (1, ("ZeroPadding2D", {"padding": {"top_pad": 3}}), ("ZeroPadding2D", {"padding": ((3, 0), (0, 0))})),
        (1, ("ZeroPadding2D", {"padding": (1, 2, 3, 4)}), ("ZeroPadding2D", {"padding": ((1, 2), (3, 4))})),
        (1, ("BatchNormalization", {"mode": 0, "axis": 1}), ("BatchNormalization", {"axis": 1})),
        (1, ("BatchNormalization", {"mode": 1}), ("BatchNormalization", {"mode": 1})),
        (1, ("Merge", {"name": "m", "mode": "concat", "concat_axis": 3}), ("Concatenate", {"name": "m", "axis": 3})),
        (1, ("Merge", {"name": "m", "mode": "sum"}), ("Add", {"name": "m"})),
        (1, ("Merge", {"name": "m", "mode": ("code",)}), ("Merge", {"name": "m", "mode": ("code",)})),
        (1, ("TimeDistributedDense", {"output_dim": 4}), ("Dense", {"units": 4})),
        (2, ("LeakyReLU", {"alpha": 0.1}), ("LeakyReLU", {"negative_slope": 0.1})),
        (2, ("BatchNormalizationV1", {"axis": (3,)}), ("BatchNormalization", {"axis": 3})),
        (2, ("BatchNormalization", {"axis": (1, 2)}), ("BatchNormalization", {"axis": (1, 2)})),
        (2, ("DepthwiseConv2D", {"groups": 1}), ("DepthwiseConv2D", {})),
        (2, ("DepthwiseConv2D", {"groups": 4}), ("DepthwiseConv2D", {"groups": 4})),
        (2, ("Flatten", {}), ("Flatten", {"data_format": "channels_last"})),
        (2, ("Activation", {"activation": "hard_sigmoid"}), ("Activation", {"activation": "hard_sigmoid_keras2"})),
        (3, ("Activation", {"activation": "hard_sigmoid"}), ("Activation", {"activation": "hard_sigmoid"})),
        (2, ("Dense", {"activation": "swish"}), ("Dense", {"activation": "silu"})),
        (2, ("Dense", {"activation": None}), ("Dense", {"activation": "linear"})),
        (3, ("Keras>MaxPool2D", {}), ("MaxPooling2D", {})),
        (3, ("Mine>Layer", {}), ("Mine>Layer", {})),
        (2, ("Lambda", {"function": ("code", None, None), "function_type": "lambda"}), None),
        (3, ("Lambda", {"function": {"class_name": "__lambda__", "config": {"code": "abc"}}}), None),
    ],
)
def test_old_names(generation: int, old: Any, new: Any) -> None:
    found = modern(old[0], old[1], generation)
    if new is None:
        assert found[0] == "Lambda" and found[1]["function"] == "code that is not read"
    else:
        assert found == new


def test_activations_that_are_layers() -> None:
    layer = {"module": "keras.layers", "class_name": "LeakyReLU", "config": {"alpha": 0.1}, "registered_name": None}
    assert modern("Dense", {"activation": layer}, 2)[1]["activation"] == {
        "class_name": "LeakyReLU",
        "config": {"negative_slope": 0.1},
    }
    assert modern("Dense", {"activation": {"class_name": "function", "config": "relu6"}}, 3)[1]["activation"] == "relu6"


def test_kernels_of_theano_and_keras_1() -> None:
    kernel = numbers(3, 5, 2, 4)

    def found(class_name: str, stored: Any, generation: int, backend: str = "", **config: Any) -> Any:
        weights = modern_weights(class_name, config, {"kernel": stored, "bias": kernel[0, 0, 0]}, generation, backend)
        np.testing.assert_array_equal(weights["bias"], kernel[0, 0, 0])
        return weights["kernel"]

    first = {"data_format": "channels_first"}
    expected = [
        (found("Conv2D", kernel, 2, "tensorflow"), kernel),
        (found("Conv2D", kernel, 2, "theano", **first), kernel[::-1, ::-1]),
        (found("Conv2DTranspose", kernel, 2, "theano"), kernel[::-1, ::-1]),
        (found("DepthwiseConv2D", kernel, 2, "theano"), kernel),
        (found("Conv2D", kernel.transpose(3, 2, 0, 1), 1, **first), kernel),
        (found("Conv2D", kernel.transpose(3, 2, 0, 1), 1, "theano", **first), kernel[::-1, ::-1]),
        (found("Conv2D", kernel, 1, data_format="channels_last"), kernel),
        (found("Conv2DTranspose", kernel.transpose(0, 1, 3, 2), 1, data_format="channels_last"), kernel),
        (found("Conv2DTranspose", kernel.transpose(2, 3, 0, 1), 1, **first), kernel.transpose(0, 1, 2, 3)),
        (found("Conv1D", kernel[:, :1], 1, kernel_size=3, filters=4), kernel[:, 0]),
        (found("Conv1D", kernel[:, :1].transpose(3, 2, 0, 1), 1, kernel_size=3, filters=4), kernel[:, 0]),
        (found("Dense", kernel[0, 0], 1), kernel[0, 0]),
    ]
    for place, (ours, wanted) in enumerate(expected):
        np.testing.assert_array_equal(ours, wanted, err_msg=str(place))


def tensor(*history: Any) -> dict[str, Any]:
    return {"class_name": "__keras_tensor__", "config": {"shape": (None, 2), "keras_history": history}}


A, B = TensorRef("a", 0, 0), TensorRef("b", 1, 2)


@pytest.mark.parametrize(
    ("node", "inputs", "constants"),
    [
        ((("a", 0, 0, {}), ("b", 1, 2)), (A, B), {}),
        (("a", 0, 0, {"y": 2.0, "name": None}), (A,), {"y": 2.0}),
        (("a", 0, 0, {"y": ("b", 1, 2), "name": "n"}), (A, B), {}),
        ((("_CONSTANT_VALUE", -1, 2.0, {}), ("a", 0, 0, {})), (A,), {"0": 2.0}),
        ({"x": ("a", 0, 0, {}), "y": ("b", 1, 2, {})}, (A, B), {}),
        ({"args": (tensor("a", 0, 0), 2.0), "kwargs": {}}, (A,), {"1": 2.0}),
        ({"args": (2.0, tensor("a", 0, 0)), "kwargs": {"mask": None}}, (A,), {"0": 2.0}),
        ({"args": ((tensor("a", 0, 0), tensor("b", 1, 2)),), "kwargs": {"training": False}}, (A, B), {}),
        ({"args": (tensor("a", 0, 0),), "kwargs": {"training": True}}, (A,), {"training": True}),
        ({"args": (tensor("a", 0, 0),), "kwargs": {"y": tensor("b", 1, 2)}}, (A, B), {}),
        ({"args": ((tensor("a", 0, 0), 3),)}, (A,), {"0": (tensor("a", 0, 0), 3)}),
        ({"args": (), "kwargs": 3}, (), {}),
        (7, (), {}),
        ((), (), {}),
        ((("a", -1, 0),), (), {"0": ("a", -1, 0)}),
    ],
)
def test_calls(node: Any, inputs: Any, constants: Any) -> None:
    assert call_arguments(node) == ConfigCall(inputs, constants)


def owner(path: str, class_name: str, trainable: bool = True, **config: Any) -> Owner:
    return Owner(tuple(path.split("/")), class_name, config, trainable)


CONV, NORM = owner("c", "Conv2D"), owner("n", "BatchNormalization")
PLACES = {"gamma": 0, "beta": 1, "moving_mean": 2, "moving_variance": 3}


@pytest.mark.parametrize(
    ("owners", "names", "expected"),
    [
        ([CONV], ["c/kernel:0", "c/bias:0"], {"c": {"kernel": 0, "bias": 1}}),
        ([CONV], ["net/c/bias", "net/c/kernel"], {"c": {"kernel": 1, "bias": 0}}),
        ([CONV], ["c_W", "c_b"], {"c": {"kernel": 0, "bias": 1}}),
        ([CONV], ["param_0", "param_1"], {"c": {"kernel": 0, "bias": 1}}),
        ([NORM], ["n_gamma:0", "n_beta:0", "n_running_mean:0", "n_running_std:0"], {"n": PLACES}),
        ([NORM], ["n_1/gamma:0", "n_1/beta:0", "n_1/moving_mean:0", "n_1/moving_variance:0"], {"n": PLACES}),
        ([owner("d", "DepthwiseConv2D", use_bias=False)], ["d/kernel"], {"d": {"depthwise_kernel": 0}}),
        ([owner("x", "QDense")], ["x/kernel:0", "x/scale:0"], {"x": {"kernel": 0, "scale": 1}}),
        ([owner("b", "Bidirectional")], ["f/k", "b/k"], {"b": {"f/k": 0, "b/k": 1}}),
        ([owner("b", "Twice")], ["k", "k"], {"b": {"k (0)": 0, "k (1)": 1}}),
        ([owner("f", "Flatten")], [], {"f": {}}),
        (
            [CONV, owner("n", "BatchNormalization", scale=False)],
            ["c_9/kernel:0", "c_9/bias:0", "n_9/beta:0", "n_9/moving_mean:0", "n_9/moving_variance:0"],
            {"c": {"kernel": 0, "bias": 1}, "n": {"beta": 2, "moving_mean": 3, "moving_variance": 4}},
        ),
        (
            [owner("n", "BatchNormalization", scale=False), CONV],
            ["n_9/beta:0", "c_9/kernel:0", "c_9/bias:0", "n_9/moving_mean:0", "n_9/moving_variance:0"],
            {"n": {"beta": 0, "moving_mean": 3, "moving_variance": 4}, "c": {"kernel": 1, "bias": 2}},
        ),
        (
            [owner("a", "Dense", False), owner("b", "Dense")],
            ["z/kernel:0", "z/bias:0", "y/kernel:0", "y/bias:0"],
            {"a": {"kernel": 2, "bias": 3}, "b": {"kernel": 0, "bias": 1}},
        ),
        (
            [owner("a", "Dense"), owner("in/a", "Dense", use_bias=False)],
            ["in/a/kernel", "a/kernel", "a/bias"],
            {"a": {"kernel": 1, "bias": 2}, "in/a": {"kernel": 0}},
        ),
    ],
)
def test_which_weight_is_which(owners: list[Owner], names: list[str], expected: dict[str, dict[str, int]]) -> None:
    found = assigned(owners, names)
    assert found == {tuple(path.split("/")): places for path, places in expected.items()}


@pytest.mark.parametrize(
    ("owners", "names", "message"),
    [
        ([CONV], ["c/kernel"], "found 1 weights (c/kernel), expected 2 (kernel, bias)"),
        ([CONV], [], "found 0 weights (none), expected 2 (kernel, bias)"),
        ([owner("f", "Flatten")], ["f/kernel"], "found 1 weights (f/kernel), expected 0 (none)"),
        ([CONV], ["c/gamma", "c/beta"], "found the weights c/gamma, c/beta, expected kernel, bias in this order"),
        ([CONV, owner("x", "Odd")], ["k", "b"], "found weights of unknown layers (Odd) inside a nested model"),
    ],
)
def test_weights_that_do_not_fit(owners: list[Owner], names: list[str], message: str) -> None:
    found = assigned(owners, names)
    assert isinstance(found, str) and found.startswith(message)
