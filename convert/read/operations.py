"""Operations on tensors that are no layers, by one name each: `ops.Relu`, `ops.GetItem`, ..., as Keras 3 calls them.

    Keras 3         {"module": "keras.src.ops.nn", "class_name": "Relu"}
    tf.keras 2.4 on {"class_name": "TFOpLambda", "config": {"function": "nn.relu"}}
    tf.keras 2.0 on {"class_name": "TensorFlowOpLayer", "config": {"node_def": {"op": "Relu"}, "constants": {...}}}

Operations that do what a layer of the same name does are that layer: Add, Concatenate, ... An operation that is not in
the lists keeps its name, and is refused by it. The prefix keeps a user's own layer `Clip` apart from the operation.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tfsnn.bounded_json import loaded
from tfsnn.errors import FileError

PREFIX = "ops."
_MODULES = ("keras.src.ops", "keras.ops", "keras.src.activations")
_AS_LAYERS = frozenset(
    "Add Subtract Multiply Divide TrueDivide Negative Concatenate Maximum Minimum Average Identity".split()
)
# Names of TensorFlow, by the last part of the function's name or the name of the graph's operation, in small letters.
_TENSORFLOW = {
    **{"add": "Add", "addv2": "Add", "bias_add": "Add", "biasadd": "Add", "subtract": "Subtract", "sub": "Subtract"},
    **{"multiply": "Multiply", "mul": "Multiply", "truediv": "TrueDivide"},
    **{"divide": "TrueDivide", "realdiv": "TrueDivide", "negative": "Negative", "neg": "Negative", "concat": "Concatenate"},
    **{"maximum": "Maximum", "minimum": "Minimum", "identity": "Identity", "stop_gradient": "Identity"},
    **{"relu": "Relu", "relu6": "Relu6", "leaky_relu": "LeakyRelu", "elu": "Elu", "selu": "Selu", "sigmoid": "Sigmoid"},
    **{"tanh": "Tanh", "softplus": "Softplus", "softsign": "Softsign", "silu": "Silu", "swish": "Silu"},
    **{"softmax": "Softmax", "clip_by_value": "Clip", "reduce_mean": "Mean", "reduce_sum": "Sum", "reduce_max": "Max"},
    **{"transpose": "Transpose", "pad": "Pad", "reshape": "Reshape", "getitem": "GetItem", "squeeze": "Squeeze"},
    **{"expand_dims": "ExpandDims", "cast": "Cast"},
}
# tf.nn.gelu and keras.ops.gelu do not mean the same where nothing is said: the first is exact, the second is not.
_EXACT_GELU = "TensorFlow's gelu"


def operation_or_layer(item: Mapping[str, Any]) -> str:
    """Return the class of an item of a model's list of layers; an operation of Keras 3 with its prefix."""
    name = str(item["class_name"])
    is_operation = str(item.get("module") or "").startswith(_MODULES)
    return PREFIX + name if is_operation else name


def plain_operation(class_name: str, config: Mapping[str, Any]) -> tuple[str, dict[str, Any]] | None:
    """Return class and settings of an operation, whoever wrote it; None for a layer."""
    values = dict(config)
    if class_name in ("TFOpLambda", "SlicingOpLambda"):
        function = str(values.pop("function", ""))
        name = _EXACT_GELU if function == "nn.gelu" else _TENSORFLOW.get(function.rpartition(".")[2])
    elif class_name == "TensorFlowOpLayer":
        function = _graph_operation(values.pop("node_def", None))
        # Attributes of such an operation say more than its name: only those that have none that matter are known.
        plain = function if function in _WITHOUT_ATTRIBUTES else ""
        name = _TENSORFLOW.get(plain.lower())
    elif class_name.startswith(PREFIX):
        name = function = class_name[len(PREFIX) :]
    else:
        return None
    if name in _AS_LAYERS:
        constants = values.pop("constants", None)
        return name, values | ({"constants": constants} if constants else {})
    if name == _EXACT_GELU:
        return f"{PREFIX}Gelu", {"approximate": False, **values}
    return f"{PREFIX}{name or function[:60] or class_name}", values


_WITHOUT_ATTRIBUTES = frozenset(
    "Add AddV2 BiasAdd Sub Mul RealDiv Neg Maximum Minimum Identity Relu Relu6 Elu Selu Sigmoid Tanh Softplus Softsign".split()
)


def _graph_operation(definition: Any) -> str:
    """Return the operation of a node of a TensorFlow graph, which is kept as an object or as a text of JSON."""
    if isinstance(definition, str):
        try:
            definition = loaded(definition, "model", "node_def", "save the model again", "a node of a graph")
        except FileError:
            return ""
    return str(definition.get("op", "")) if isinstance(definition, dict) else ""
