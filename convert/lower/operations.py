"""Handlers of operations on tensors that are no layers, such as ``keras.ops.clip`` or ``x[:, 2:]``.

What an operation is called with may stand in its settings, among the arguments of the call by position, or there by
keyword, under the names of Keras or of TensorFlow: :func:`with_arguments` makes settings of all of them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np

from tfsnn.network.ops import Activation, AveragePool, Pad, Permute, Reshape

from ..read.operations import PREFIX
from ..read.records import Config, LayerRecord
from .activations import apply, relu, softmax
from .call import Handler, LayerCall, is_number, is_whole
from .signal import Signal

MOST_PARTS = 64
"""An axis that is turned round is taken apart, value by value; it may have this many."""


def function(call: LayerCall, signal: Signal) -> Signal:
    """as the activation of that name"""
    return apply(call, signal, _FUNCTIONS[call.layer.class_name])


def leaky_relu(call: LayerCall, signal: Signal) -> Signal:
    """any negative_slope"""
    return call.builder.neurons(signal, Activation("relu", slope=call.number("negative_slope", 0.2)))


def elu(call: LayerCall, signal: Signal) -> Signal:
    """Elu with any alpha, Celu with alpha = 1"""
    alpha = call.number("alpha", 1.0)
    if call.layer.class_name == f"{PREFIX}Celu" and alpha != 1:
        raise call.refuse(f"alpha is {alpha:g}", "use elu, or celu with alpha = 1")
    return call.builder.neurons(signal, Activation("elu", alpha=alpha))


def gelu(call: LayerCall, signal: Signal) -> Signal:
    """approximate or not"""
    return call.builder.neurons(signal, Activation("gelu_tanh" if call.layer.take("approximate", True) else "gelu"))


def clip(call: LayerCall, signal: Signal) -> Signal:
    """between two numbers, the first below the second"""
    low, high = (call.layer.take(key, None) for key in ("x_min", "x_max"))
    if not (is_number(low) and is_number(high) and low < high):
        raise call.refuse(f"limits {str(low)[:40]} and {str(high)[:40]}", "expected two numbers, the first below the second")
    above = call.builder.affine(signal, np.ones(()), np.asarray(-float(low)))
    clipped = call.builder.neurons(above, Activation("relu", top=float(high) - float(low)))
    return call.builder.affine(clipped, np.ones(()), np.asarray(float(low)))


def reduce(call: LayerCall, signal: Signal) -> Signal:
    """over one axis or several, never that of the samples; keepdims or not"""
    seen = signal.keras_shape
    axes = _axes(call, call.layer.take("axis", None), len(seen))
    kept = tuple(axis for axis in range(len(seen)) if axis not in axes)
    if call.layer.take("keepdims", False):
        shape = tuple(1 if axis in axes else n for axis, n in enumerate(seen))
    else:
        shape = tuple(seen[axis] for axis in kept)
    if not shape:
        raise call.refuse(f"axes {axes} of a tensor of shape {seen}", "one axis must be left: keepdims = True")
    if len(seen) != 3 or axes != (0, 1):
        rows = Reshape((prod(seen[axis] for axis in axes), 1, prod(seen[axis] for axis in kept)))
        signal = signal.viewed(Permute((*axes, *kept)), rows)
    signal = call.builder.settle(signal)
    window = (signal.shape[0], signal.shape[1])
    if call.layer.class_name == f"{PREFIX}Max":
        return call.builder.max_pool(signal, window, window, ((0, 0), (0, 0))).viewed(Reshape(shape))
    pooled = call.builder.relay(signal, AveragePool(window, window))
    factor = prod(window) if call.layer.class_name == f"{PREFIX}Sum" else 1
    return call.builder.affine(pooled, np.asarray(float(factor)), np.zeros(())).viewed(Reshape(shape))


def transpose(call: LayerCall, signal: Signal) -> Signal:
    """any order of axes that leaves the samples first"""
    axes, rank = call.layer.take("axes", None), len(signal.keras_shape)
    whole = isinstance(axes, (list, tuple)) and len(axes) == rank + 1 and all(is_whole(axis, -rank - 1) for axis in axes)
    order = tuple(axis % (rank + 1) for axis in axes) if whole else ()
    if order[:1] != (0,) or sorted(order) != list(range(rank + 1)):
        raise call.refuse(f"axes {axes!r}", f"each axis from 0 to {rank} must appear once, 0 (that of the samples) first")
    return signal.viewed(Permute(tuple(axis - 1 for axis in order[1:])))


def pad(call: LayerCall, signal: Signal) -> Signal:
    """with zeros, any widths"""
    mode, value = call.layer.take("mode", "constant"), call.layer.take("constant_values", None)
    if str(mode).lower() != "constant" or value not in (None, 0, (0, 0), [0, 0]):
        raise call.refuse(f"mode {mode!r} with constant_values {value!r}", "only zeros can be put around")
    widths, rank = call.layer.take("pad_width", None), len(signal.keras_shape)
    pairs = widths if isinstance(widths, (list, tuple)) and len(widths) == rank + 1 else ()
    good = all(isinstance(pair, (list, tuple)) and len(pair) == 2 and all(is_whole(n, 0) for n in pair) for pair in pairs)
    if not pairs or not good or any(pairs[0]):
        expected = f"expected {rank + 1} pairs of whole numbers, (0, 0) for the axis of the samples"
        raise call.refuse(f"pad_width is {widths!r}", expected)
    return call.builder.relay(signal, Pad(tuple((before, after) for before, after in pairs[1:])))


def reshape(call: LayerCall, signal: Signal) -> Signal:
    """any shape whose first axis is that of the samples, written as -1"""
    target, size = call.layer.take("newshape", None), prod(signal.keras_shape)
    good = isinstance(target, (list, tuple)) and len(target) > 1 and target[0] in (-1, None) and all(is_whole(n, 1) for n in target[1:])
    if not good or prod(target[1:]) != size:
        way_out = f"write it as (-1, ...) with whole numbers whose product is {size}, or use the layer Reshape"
        raise call.refuse(f"shape {target!r} for a tensor of shape {signal.keras_shape}", way_out)
    return signal.viewed(Reshape(tuple(target[1:])))


def squeeze(call: LayerCall, signal: Signal) -> Signal:
    """axes of length 1"""
    seen, axis = signal.keras_shape, call.layer.take("axis", None)
    axes = tuple(at for at, n in enumerate(seen) if n == 1) if axis in (None, (), []) else _axes(call, axis, len(seen))
    shape = tuple(n for at, n in enumerate(seen) if at not in axes)
    if any(seen[at] != 1 for at in axes) or not shape:
        raise call.refuse(f"axes {axis!r} of a tensor of shape {seen}", "only axes of length 1 can be left out, and one must stay")
    return signal.viewed(Reshape(shape))


def expand_dims(call: LayerCall, signal: Signal) -> Signal:
    """one axis, anywhere behind the samples"""
    (at,) = _axes(call, call.layer.take("axis", None), len(signal.keras_shape) + 1, 1)
    return signal.viewed(Reshape((*signal.keras_shape[:at], 1, *signal.keras_shape[at:])))


def cast(call: LayerCall, signal: Signal) -> Signal:
    """to numbers with a fraction"""
    if str(call.layer.take("dtype", None)).rpartition(".")[2] not in ("float16", "bfloat16", "float32", "float64"):
        raise call.refuse(f"a cast to {str(call.layer.take('dtype', None))[:40]}", "whole numbers would be cut off: leave the cast out")
    return signal


def get_item(call: LayerCall, signal: Signal) -> Signal:
    """slices with any step, and whole numbers: x[:, 2:, ::2], x[..., 0], x[..., ::-1]; all samples"""
    rank, key = len(signal.keras_shape), call.layer.take("key", None)
    items = list(key) if isinstance(key, (list, tuple)) else [key]
    dots = [at for at, item in enumerate(items) if item is Ellipsis or _class(item) == "__ellipsis__"]
    if len(dots) == 1:
        items[dots[0] : dots[0] + 1] = [slice(None)] * (rank + 2 - len(items))
    found = [int(item) if is_whole(item, -(1 << 24)) else _slice(item) for item in items]
    cuts = [cut for cut in found if cut is not None]
    if len(dots) > 1 or len(cuts) < len(found) or not 0 < len(cuts) <= rank + 1 or cuts[0] != slice(None):
        raise call.refuse(f"x[{str(key)[:80]}]", "expected whole numbers and slices, one each axis, and all samples")
    dropped = []
    for axis, cut in enumerate(cuts[1:]):
        size = signal.keras_shape[axis]
        if not isinstance(cut, slice):
            dropped.append(axis)
            cut = slice(cut % size, cut % size + 1) if -size <= cut < size else slice(0, 0)
        chosen = range(size)[cut]
        if not chosen:
            raise call.refuse(f"x[{str(key)[:80]}] of a tensor of shape {signal.keras_shape}", "nothing is left along an axis")
        signal = _taken(call, signal, axis, chosen)
    shape = tuple(n for axis, n in enumerate(signal.keras_shape) if axis not in dropped)
    if not shape:
        raise call.refuse(f"x[{str(key)[:80]}]", "one axis must be left: use a slice")
    return signal.viewed(Reshape(shape)) if dropped else signal


def _taken(call: LayerCall, signal: Signal, axis: int, chosen: range) -> Signal:
    """The signal at these places along an axis."""
    seen, step, count = signal.keras_shape, chosen.step, len(chosen)
    if step == 1 or count == 1:
        return _cropped(call, signal, axis, chosen[0], seen[axis] - chosen[0] - count)
    if step < 0:
        if count > MOST_PARTS:
            raise call.refuse(f"an axis of {count} values turned round", f"{MOST_PARTS} at most: turn the weights behind it round instead")
        parts = []
        for place, at in enumerate(chosen):
            part = _cropped(call, signal, axis, at, seen[axis] - at - 1)
            parts.append(call.builder.relay(part, _around(len(seen), axis, place, count - place - 1)))
        return call.builder.add(parts)
    # Rows of as many values as a step has, of which the first stays.
    signal = _cropped(call, signal, axis, chosen[0], seen[axis] - chosen[0] - count * step)
    shape = signal.keras_shape
    signal = signal.viewed(Reshape((*shape[:axis], count, step, *shape[axis + 1 :])))
    return _cropped(call, signal, axis + 1, 0, step - 1).viewed(Reshape((*shape[:axis], count, *shape[axis + 1 :])))


def _cropped(call: LayerCall, signal: Signal, axis: int, before: int, after: int) -> Signal:
    """The signal without so many values along an axis; with zeros where the number is below 0."""
    return call.builder.relay(signal, _around(len(signal.keras_shape), axis, -before, -after)) if before or after else signal


def _around(rank: int, axis: int, before: int, after: int) -> Pad:
    return Pad(tuple((before, after) if at == axis else (0, 0) for at in range(rank)))


def _class(item: Any) -> Any:
    return item.get("class_name") if isinstance(item, dict) else None


def _slice(item: Any) -> slice | None:
    """A slice, in any notation of Keras; None for what is none."""
    if isinstance(item, slice):
        return item
    if not isinstance(item, dict):
        return None
    parts = item.get("config") if _class(item) == "__slice__" else item
    ends = [parts.get(key) for key in ("start", "stop", "step")] if isinstance(parts, dict) else [""]
    whole = all(end is None or is_whole(end, -(1 << 24)) for end in ends)
    return slice(*ends) if whole and ends[-1] != 0 else None


def _axes(call: LayerCall, axis: Any, rank: int, most: int | None = None) -> tuple[int, ...]:
    """Axes without that of the samples, in order, counted from 0."""
    given = tuple(axis) if isinstance(axis, (list, tuple)) else (axis,)
    whole = all(is_whole(at, -rank) and at <= rank and at != 0 for at in given)
    axes = tuple(sorted({at - 1 if at > 0 else at + rank for at in given})) if whole else ()
    if not axes or len(axes) != len(given) or len(axes) > (most or rank):
        raise call.refuse(f"axis is {axis!r}", f"expected axes from 1 to {rank}: that of the samples (0) must stay as it is")
    return axes


_SYNONYMS = {
    "clip_value_min": "x_min",
    "clip_value_max": "x_max",
    "perm": "axes",
    "paddings": "pad_width",
    "shape": "newshape",
    "slice_spec": "key",
    "keep_dims": "keepdims",
}
"""TensorFlow's names of arguments."""


@dataclass(frozen=True)
class Operation:
    """An operation on one tensor.

    Parameters
    ----------
    handler
        What it does.
    parameters
        Names of its arguments by position; the first is the tensor.
    """

    handler: Handler
    parameters: tuple[str, ...] = ()

    def name(self, given: str) -> str:
        """The name of an argument that was given by position, or by keyword of Keras or TensorFlow."""
        if given.isdecimal() and int(given) < len(self.parameters):
            return self.parameters[int(given)]
        if given == "alpha" and "negative_slope" in self.parameters:
            return "negative_slope"
        return _SYNONYMS.get(given, given)


def with_arguments(call: LayerCall) -> LayerCall:
    """The call with everything that an operation is called with among its settings."""
    layer, constants = call.layer, dict(call.constants)
    settings = {key: layer.config[key] for key in layer.config}
    operation = OPERATIONS.get(layer.class_name)
    if operation is not None:
        settings |= {operation.name(key): value for key, value in constants.items()}
        constants = {}
    elif layer.class_name == "Concatenate" and "axis" in constants:
        settings["axis"] = constants.pop("axis")
    elif layer.class_name == "Add" and "bias" in constants:
        constants["y"] = constants.pop("bias")
        if constants.get("data_format") in (None, "N...C", "NHWC", "channels_last"):
            constants.pop("data_format", None)
    # Where TensorFlow kept them before it had keywords.
    kept = settings.pop("constants", None)
    constants |= kept if isinstance(kept, dict) else {}
    if settings.keys() == set(layer.config) and constants == dict(call.constants):
        return call
    return replace(call, layer=LayerRecord(layer.name, layer.class_name, Config(settings), layer.weights), constants=constants)


_FUNCTIONS = {
    f"{PREFIX}{name}": activation
    for name, activation in (
        *(("Relu", "relu"), ("Relu6", "relu6"), ("Selu", "selu"), ("Sigmoid", "sigmoid"), ("HardSigmoid", "hard_sigmoid")),
        *(("Tanh", "tanh"), ("HardTanh", "hard_tanh"), ("Silu", "silu"), ("HardSilu", "hard_silu"), ("Softplus", "softplus")),
        *(("Softsign", "softsign"), ("Mish", "mish")),
    )
}
OPERATIONS: dict[str, Operation] = {
    **dict.fromkeys(_FUNCTIONS, Operation(function)),
    f"{PREFIX}ReLU": Operation(relu, ("x", "negative_slope", "max_value", "threshold")),
    f"{PREFIX}LeakyRelu": Operation(leaky_relu, ("x", "negative_slope")),
    **{f"{PREFIX}{name}": Operation(elu, ("x", "alpha")) for name in ("Elu", "Celu")},
    f"{PREFIX}Gelu": Operation(gelu, ("x", "approximate")),
    f"{PREFIX}Softmax": Operation(softmax, ("x", "axis")),
    f"{PREFIX}Clip": Operation(clip, ("x", "x_min", "x_max")),
    **{f"{PREFIX}{name}": Operation(reduce, ("x", "axis", "keepdims")) for name in ("Mean", "Sum", "Max")},
    f"{PREFIX}Transpose": Operation(transpose, ("x", "axes")),
    f"{PREFIX}Pad": Operation(pad, ("x", "pad_width", "mode", "constant_values")),
    f"{PREFIX}Reshape": Operation(reshape, ("x", "newshape")),
    f"{PREFIX}Squeeze": Operation(squeeze, ("x", "axis")),
    f"{PREFIX}ExpandDims": Operation(expand_dims, ("x", "axis")),
    f"{PREFIX}GetItem": Operation(get_item, ("x", "key")),
    f"{PREFIX}Cast": Operation(cast, ("x", "dtype")),
}
"""By class, which is the name that Keras 3 gives them, with the prefix."""
