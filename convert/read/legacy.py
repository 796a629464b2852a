"""Names, arguments and kernels of Keras 1 and 2, put in the terms of Keras 3.

Where a name kept its spelling but changed its meaning the old one gets a name of its own: `hard_sigmoid` of Keras 1 and
2 is clip(0.2 x + 0.5, 0, 1) and is called `hard_sigmoid_keras2` here, while Keras 3 computes clip(x / 6 + 0.5, 0, 1).
What cannot be said in Keras 3 terms keeps its old key, and so ends up among the settings that nobody reads. The
kernels' rules are those of Keras 2's own loader, `preprocess_weights_for_loading`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .operations import plain_operation
from .records import Weight

_CLASSES = {
    "Convolution1D": "Conv1D",
    "Convolution2D": "Conv2D",
    "Convolution3D": "Conv3D",
    "AtrousConvolution1D": "Conv1D",
    "AtrousConvolution2D": "Conv2D",
    "AtrousConv2D": "Conv2D",
    "SeparableConvolution1D": "SeparableConv1D",
    "SeparableConvolution2D": "SeparableConv2D",
    "Deconvolution2D": "Conv2DTranspose",
    "Deconv2D": "Conv2DTranspose",
    "Convolution2DTranspose": "Conv2DTranspose",
    "DepthwiseConvolution2D": "DepthwiseConv2D",
    "BatchNormalizationV1": "BatchNormalization",
    "BatchNormalizationV2": "BatchNormalization",
    "SyncBatchNormalization": "BatchNormalization",
    "MaxPool1D": "MaxPooling1D",
    "MaxPool2D": "MaxPooling2D",
    "AvgPool1D": "AveragePooling1D",
    "AvgPool2D": "AveragePooling2D",
    "GlobalMaxPool1D": "GlobalMaxPooling1D",
    "GlobalMaxPool2D": "GlobalMaxPooling2D",
    "GlobalAvgPool1D": "GlobalAveragePooling1D",
    "GlobalAvgPool2D": "GlobalAveragePooling2D",
    "Model": "Functional",
}
_MERGES = {"sum": "Add", "concat": "Concatenate", "mul": "Multiply", "ave": "Average", "max": "Maximum"}

# Keras 1 argument -> Keras 3 argument, wherever it occurs.
_ARGUMENTS = {
    "nb_filter": "filters",
    "subsample": "strides",
    "subsample_length": "strides",
    "stride": "strides",
    "border_mode": "padding",
    "atrous_rate": "dilation_rate",
    "dim_ordering": "data_format",
    "filter_length": "kernel_size",
    "pool_length": "pool_size",
    "bias": "use_bias",
    "p": "rate",
    "sigma": "stddev",
    "init": "kernel_initializer",
    "W_regularizer": "kernel_regularizer",
    "b_regularizer": "bias_regularizer",
    "W_constraint": "kernel_constraint",
    "b_constraint": "bias_constraint",
    "beta_init": "beta_initializer",
    "gamma_init": "gamma_initializer",
}
_DATA_FORMATS = {"tf": "channels_last", "th": "channels_first"}
_ACTIVATIONS = {"softmax_v2": "softmax", "swish": "silu", "hard_swish": "hard_silu"}
_LAMBDA_CODE = "code that is not read"

Names = tuple[str, dict[str, Any]]


def modern(class_name: str, config: Mapping[str, Any], generation: int) -> Names:
    """Return a layer's class and settings in Keras 3 terms; `generation` says which Keras wrote them: 1, 2 or 3."""
    name = class_name.rpartition(">")[2] if class_name.startswith(("Keras>", "Addons>")) else class_name
    values = {key: _plain(value) for key, value in config.items()}
    operation = plain_operation(name, values)
    if operation is not None:
        return operation
    if generation == 1:
        name, values = _from_keras_1(name, values)
    name = _CLASSES.get(name, name)
    if generation < 3:
        values = _from_keras_2(name, values)
        name = "ReLU" if name == "ThresholdedReLU" else name
    for key in ("activation", "recurrent_activation"):
        if key in values:
            values[key] = _activation(values[key], generation)
    if name == "Lambda":
        values["function"] = _function(values)
        values.pop("module", None)
    return name, values


def _plain(value: Any) -> Any:
    """Return a serialised object without what only Keras' loader needs: module, registered name, shared identity."""
    if isinstance(value, dict):
        if "class_name" in value and "config" in value:
            value = {"class_name": value["class_name"], "config": value["config"]}
        return {key: _plain(item) for key, item in value.items()}
    return tuple(_plain(item) for item in value) if isinstance(value, tuple) else value


def _from_keras_1(name: str, config: dict[str, Any]) -> Names:
    if name == "Merge" and isinstance(config.get("mode"), str) and config["mode"] in _MERGES:
        axis = {"axis": config.get("concat_axis", -1)} if config["mode"] == "concat" else {}
        return _MERGES[config["mode"]], {"name": config.get("name"), **axis}
    values: dict[str, Any] = {}
    for key, value in config.items():
        values[_ARGUMENTS.get(key, key)] = value
    if isinstance(values.get("data_format"), str):
        values["data_format"] = _DATA_FORMATS.get(values["data_format"], values["data_format"])
    for sizes in (("nb_row", "nb_col"), ("kernel_dim1", "kernel_dim2", "kernel_dim3")):
        if all(key in values for key in sizes):
            values["kernel_size"] = tuple(values.pop(key) for key in sizes)
    if name in ("Dense", "TimeDistributedDense", "Embedding") and "output_dim" in values:
        values["units" if name != "Embedding" else "output_dim"] = values.pop("output_dim")
    if name.startswith("UpSampling1D") and "length" in values:
        values["size"] = values.pop("length")
    # Modes 0 and 2 use running statistics per feature when the network is used; mode 1 normalises each sample.
    if name == "BatchNormalization" and values.get("mode") in (0, 2):
        del values["mode"]
    if name == "ZeroPadding2D":
        values["padding"] = _padding(values.get("padding"))
    if name == "TimeDistributedDense":
        name = "Dense"
    # Deconvolution2D states its output shape, which follows from the other arguments.
    if name == "Deconvolution2D":
        values.pop("output_shape", None)
    if name in ("Activation", "Dropout", "Flatten"):
        values.pop("input_dim", None)
    return name, values


def _padding(value: Any) -> Any:
    """Return Keras 1's ((top, bottom), (left, right)) of its three ways to say it; others unchanged."""
    if isinstance(value, dict):
        sides = [value.get(side, 0) for side in ("top_pad", "bottom_pad", "left_pad", "right_pad")]
    elif isinstance(value, tuple) and len(value) == 4:
        sides = list(value)
    elif isinstance(value, tuple) and len(value) == 2 and all(isinstance(side, int) for side in value):
        sides = [value[0], value[0], value[1], value[1]]
    else:
        return value
    return (sides[0], sides[1]), (sides[2], sides[3])


def _from_keras_2(name: str, config: dict[str, Any]) -> dict[str, Any]:
    values = dict(config)
    if name == "LeakyReLU" and "alpha" in values:
        values["negative_slope"] = values.pop("alpha")
    axis = values.get("axis")
    if name == "BatchNormalization" and isinstance(axis, tuple) and len(axis) == 1:
        values["axis"] = axis[0]
    # tf.keras 2.3 to 2.15 inherited the key from Conv2D; layers that never used it wrote 1 all the same.
    if values.get("groups") == 1:
        del values["groups"]
    if name == "ThresholdedReLU":
        values["threshold"] = values.pop("theta", 1.0)
    # Keras before 2.2 flattens rows as they lie, which is what channels_last means in Keras 3.
    if name == "Flatten":
        values.setdefault("data_format", "channels_last")
    return values


def _activation(value: Any, generation: int) -> Any:
    if isinstance(value, dict) and value.get("class_name") == "function":
        value = value.get("config")
    if isinstance(value, dict) and isinstance(value.get("class_name"), str) and isinstance(value.get("config"), dict):
        name, config = modern(value["class_name"], value["config"], generation)
        return {"class_name": name, "config": config}
    if value is None:
        return "linear"
    if value == "hard_sigmoid" and generation < 3:
        return "hard_sigmoid_keras2"
    return _ACTIVATIONS.get(value, value) if isinstance(value, str) else value


def _function(config: Mapping[str, Any]) -> str:
    """Return the name of a Lambda's function where it has one; marshalled code is never looked at."""
    function = config.get("function")
    if isinstance(function, dict) and function.get("class_name") == "function":
        function = function.get("config")
    named = isinstance(function, str) and config.get("function_type", "function") == "function"
    return str(function) if named else _LAMBDA_CODE


def modern_weights(
    class_name: str, config: Mapping[str, Any], weights: Mapping[str, Weight], generation: int, backend: str
) -> dict[str, Weight]:
    """Return weights with the axes of Keras 3, as TensorFlow correlates.

    Theano convolves, so its kernels are turned by 180 degrees; its depthwise kernels are not, as Keras turned these
    itself.
    """
    turn = backend == "theano" and class_name in ("Conv1D", "Conv2D", "Conv3D", "Conv2DTranspose")
    ordered = {
        role: _kernel_1(class_name, config, value) if generation == 1 and role.endswith("kernel") else value
        for role, value in weights.items()
    }
    return {role: _turned(value) if turn and role == "kernel" else value for role, value in ordered.items()}


def _turned(value: Weight) -> Weight:
    return np.ascontiguousarray(np.flip(value, tuple(range(value.ndim - 2))))


def _kernel_1(class_name: str, config: Mapping[str, Any], value: Weight) -> Weight:
    """Return a Keras 1 kernel in today's order of axes."""
    if value.ndim != 4:
        return value
    first = config.get("data_format") == "channels_first"
    if class_name == "Conv1D":
        # Keras 1.1 and before: (filters, channels, length, 1); later (length, 1, channels, filters).
        late = value.shape[:2] == (config.get("kernel_size"), 1) and value.shape[3] == config.get("filters")
        return np.ascontiguousarray((value if late else value.transpose(2, 3, 1, 0))[:, 0])
    if class_name == "Conv2DTranspose":
        return np.ascontiguousarray(value.transpose((2, 3, 0, 1) if first else (0, 1, 3, 2)))
    return np.ascontiguousarray(value.transpose(2, 3, 1, 0)) if first else value
