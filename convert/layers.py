"""One handler for each Keras layer class: what the layer does to the signal in front of it.

A handler reads the layer's settings with ``layer.take``; a setting that it never asked for, and that is not known to be
harmless, is refused by the driver. The first line of its docstring is its row in the support table.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np

from tfsnn.ops import AveragePool, Conv, Dense, Pad, Permute, Reshape, Shape, Stretch, Upsample, same_padding

from .activations import activated
from .call import Call
from .signal import Floats, Signal, channels_back, channels_last


def first_channels(call: Call) -> bool:
    """Whether the layer's tensors are (channels, rows, columns)."""
    return bool(call.only("data_format", ("channels_last", "channels_first", None), "channels_last") == "channels_first")


def image(call: Call, signal: Signal) -> tuple[Signal, Callable[[Signal], Signal]]:
    """The signal as (rows, columns, channels), one column if the layer is one-dimensional, and the way back."""
    first = first_channels(call)
    if "1D" not in call.layer.class_name:
        if len(signal.seen) != 3:
            raise call.refuse(f"an input of shape {signal.seen}", "expected rows, columns and channels")
        return channels_last(call.builder, signal, first), lambda result: channels_back(result, first)
    if len(signal.seen) != 2:
        raise call.refuse(f"an input of shape {signal.seen}", "expected steps and channels")
    if first:
        signal = call.builder.relay(signal, Permute((1, 0)))
    steps, channels = signal.seen

    def back(result: Signal) -> Signal:
        view = (*result.view, Reshape((result.shape[0], result.shape[2])), *((Permute((1, 0)),) if first else ()))
        return replace(result, view=view)

    return call.builder.relay(signal, Reshape((steps, 1, channels))), back


def padding(call: Call, shape: Shape, window: tuple[int, int], strides: tuple[int, int],
            dilation: tuple[int, int] = (1, 1)) -> tuple[tuple[int, int], tuple[int, int]]:
    """Zeros around the image for the layer's ``padding``."""
    kind = call.only("padding", ("valid", "same", *(("causal",) if call.layer.class_name == "Conv1D" else ())), "valid")
    if kind == "valid":
        return (0, 0), (0, 0)
    if kind == "causal":
        return ((window[0] - 1) * dilation[0], 0), (0, 0)
    rows, columns = (same_padding(shape[i], window[i], strides[i], dilation[i]) for i in (0, 1))
    return rows, columns


def bias(call: Call, channels: int) -> Floats:
    """The layer's bias, zeros if it has none."""
    return call.weight("bias") if call.layer.take("use_bias", True) else np.zeros(channels)


def checked(call: Call, weight: Floats, expected: Shape) -> Floats:
    """The weight, if its shape is what the settings say."""
    if weight.shape != expected:
        raise call.refuse(f"a weight of shape {weight.shape}", f"its settings and input ask for {expected}; the file does not fit itself")
    return weight


def conv(call: Call, signal: Signal) -> Signal:
    """any kernel, strides, dilation, groups; padding valid, same (1D also causal); channels last or first"""
    signal, back = image(call, signal)
    flat = "1D" in call.layer.class_name
    window, strides = call.pair("kernel_size", None), call.pair("strides", 1)
    dilation, groups = call.pair("dilation_rate", 1), call.layer.take("groups", 1)
    if flat:
        window, strides, dilation = ((pair[0], 1) for pair in (window, strides, dilation))
    filters, inner = call.layer.take("filters"), signal.shape[2]
    if not isinstance(groups, int) or groups < 1 or inner % groups or filters % groups:
        raise call.refuse(f"{groups} groups over {inner} channels and {filters} filters", "both must be divisible by the groups")
    kernel = call.weight("kernel")
    kernel = checked(call, kernel[:, None] if flat and kernel.ndim == 3 else kernel, (*window, inner // groups, filters))
    op = Conv(filters, window, strides, padding(call, signal.shape, window, strides, dilation), dilation, groups)
    fits(call, op, signal.shape)
    return activated(call, back(call.builder.linear(signal, op, kernel, bias(call, filters))))


def fits(call: Call, op: Conv, shape: Shape) -> None:
    """Refuse a window larger than its image."""
    if min(op.output(shape)) < 1:
        raise call.refuse(f"a window of {op.window} on an image of {shape[:2]}", "no output is left; give a larger input shape")


def depthwise(call: Call, signal: Signal, *, closing: bool = True) -> Signal:
    """any kernel, strides, dilation, depth multiplier; padding valid, same; channels last or first"""
    signal, back = image(call, signal)
    window, strides, dilation = call.pair("kernel_size", None), call.pair("strides", 1), call.pair("dilation_rate", 1)
    if "1D" in call.layer.class_name:
        window, strides, dilation = ((pair[0], 1) for pair in (window, strides, dilation))
    inner, multiplier = signal.shape[2], call.layer.take("depth_multiplier", 1)
    kernel = call.weight("depthwise_kernel", "kernel")
    kernel = checked(call, kernel[:, None] if kernel.ndim == 3 else kernel, (*window, inner, multiplier))
    filters = inner * multiplier
    op = Conv(filters, window, strides, padding(call, signal.shape, window, strides, dilation), dilation, groups=inner)
    fits(call, op, signal.shape)
    kernel = kernel.reshape(*window, 1, filters)
    if not closing:
        return back(call.builder.linear(signal, op, kernel))
    return activated(call, back(call.builder.linear(signal, op, kernel, bias(call, filters))))


def separable(call: Call, signal: Signal) -> Signal:
    """as DepthwiseConv2D and a 1x1 Conv2D; the neurons between them are populations with f(x) = x"""
    signal, back = image(call, depthwise(call, signal, closing=False))
    filters = call.layer.take("filters")
    kernel = call.weight("pointwise_kernel")
    kernel = checked(call, kernel[:, None] if kernel.ndim == 3 else kernel, (1, 1, signal.shape[2], filters))
    return activated(call, back(call.builder.linear(signal, Conv(filters, (1, 1)), kernel, bias(call, filters))))


def transposed(call: Call, signal: Signal) -> Signal:
    """any kernel and strides; padding valid, same; no dilation, no output_padding; channels last or first"""
    signal, back = image(call, signal)
    window, strides, filters = call.pair("kernel_size", None), call.pair("strides", 1), call.layer.take("filters")
    call.only("output_padding", (None,), None)
    call.only("dilation_rate", (1, (1, 1), [1, 1]), 1)
    same = call.only("padding", ("valid", "same"), "valid") == "same"
    kernel = checked(call, call.weight("kernel"), (*window, filters, signal.shape[2]))[::-1, ::-1].transpose(0, 1, 3, 2)
    around = []
    for size, k, s in zip(signal.shape, window, strides):
        length, cut = (size * s, max(k - s, 0) // 2) if same else (size * s + max(k - s, 0), 0)
        before = k - 1 - cut
        around.append((before, length - (size - 1) * s - 1 + k - 1 - before))
    signal = call.builder.relay(signal, Stretch(strides))
    op = Conv(filters, window, padding=(around[0], around[1]))
    return activated(call, back(call.builder.linear(signal, op, np.ascontiguousarray(kernel), bias(call, filters))))


def dense(call: Call, signal: Signal) -> Signal:
    """on the last axis of any shape"""
    signal = call.builder.settle(signal)
    units, inner = call.layer.take("units"), signal.shape[-1]
    kernel = checked(call, call.weight("kernel"), (inner, units))
    if len(signal.shape) == 1:
        return activated(call, call.builder.linear(signal, Dense(units), kernel, bias(call, units)))
    outer = signal.shape[:-1]
    rows = call.builder.relay(signal, Reshape((prod(outer), 1, inner)))
    result = call.builder.linear(rows, Conv(units, (1, 1)), kernel[None, None], bias(call, units))
    return activated(call, replace(result, view=(Reshape((*outer, units)),)))


def max_pool(call: Call, signal: Signal) -> Signal:
    """any window, strides and overlap; padding valid, same; channels last or first"""
    signal, back = image(call, signal)
    window, strides = pooling(call)
    around = padding(call, signal.shape, window, strides)
    fits(call, Conv(signal.shape[2], window, strides, around), signal.shape)
    return back(call.builder.max_pool(signal, window, strides, around))


def average_pool(call: Call, signal: Signal) -> Signal:
    """any window, strides and overlap; padding valid, same (the border does not count); channels last or first"""
    signal, back = image(call, signal)
    window, strides = pooling(call)
    around = padding(call, signal.shape, window, strides)
    fits(call, Conv(signal.shape[2], window, strides, around), signal.shape)
    inside = np.ones((*signal.shape[:2], 1))
    pool = AveragePool(window, strides)
    if around == ((0, 0), (0, 0)):
        return back(call.builder.relay(signal, pool))
    padded = call.builder.relay(signal, Pad((*around, (0, 0))))
    pooled = call.builder.relay(padded, pool)
    share = np.pad(inside, (*around, (0, 0))).reshape(-1)[pool.sources((*padded.shape[:2], 1))].mean(axis=1)
    return back(call.builder.scaled_map(pooled, 1 / share.reshape(*pooled.shape[:2], 1)))


def pooling(call: Call) -> tuple[tuple[int, int], tuple[int, int]]:
    """Window and strides of a pooling layer."""
    window = call.pair("pool_size", 2)
    strides = window if call.layer.take("strides", None) is None else call.pair("strides", None)
    return ((window[0], 1), (strides[0], 1)) if "1D" in call.layer.class_name else (window, strides)


def global_pool(call: Call, signal: Signal) -> Signal:
    """keepdims or not; channels last or first"""
    signal, back = image(call, signal)
    window = (signal.shape[0], signal.shape[1])
    if "Max" in call.layer.class_name:
        pooled = call.builder.max_pool(signal, window, window, ((0, 0), (0, 0)))
    else:
        pooled = call.builder.relay(signal, AveragePool(window, window))
    if call.layer.take("keepdims", False):
        return back(pooled)
    return replace(pooled, view=(Reshape((pooled.shape[2],)),))


def batch_norm(call: Call, signal: Signal) -> Signal:
    """folded exactly, before or after an activation, at borders too (a bias may become a map)"""
    call.only("mode", (0, None), None)
    axis = call.layer.take("axis", -1)
    mean, variance = call.weight("moving_mean"), call.weight("moving_variance")
    scale = 1 / np.sqrt(variance + call.layer.take("epsilon", 1e-3))
    if call.layer.take("scale", True):
        scale = scale * call.weight("gamma")
    shift = -mean * scale + (call.weight("beta") if call.layer.take("center", True) else 0.0)
    result = along(call, signal, axis, scale, shift)
    centre = call.weight("beta") if "beta" in call.layer.weights else np.zeros(len(mean))
    spread = np.abs(call.weight("gamma")) if "gamma" in call.layer.weights else np.ones(len(mean))
    return replace(result, statistics=(centre, spread))


def normalization(call: Call, signal: Signal) -> Signal:
    """adapted mean and variance along one axis, or scalars"""
    call.only("invert", (False,), False)
    axis = call.layer.take("axis", -1)
    given = call.layer.take("mean", None), call.layer.take("variance", None)
    mean, variance = (np.asarray(given[0]), np.asarray(given[1])) if given[0] is not None else (call.weight("mean"), call.weight("variance"))
    scale = 1 / np.maximum(np.sqrt(variance.reshape(-1).astype(np.float64)), 1e-7)
    shift = -mean.reshape(-1) * scale
    if scale.size == 1:
        return call.builder.affine(signal, scale.reshape(()), shift.reshape(()))
    axes = axis if isinstance(axis, (list, tuple)) else (axis,)
    if len(axes) != 1:
        raise call.refuse(f"axis is {axis!r}", "only one axis can be converted; put the normalization into the data")
    return along(call, signal, axes[0], scale, shift)


def rescaling(call: Call, signal: Signal) -> Signal:
    """scale and offset, one or a value each channel"""
    scale, shift = (np.asarray(call.layer.take(key, value), np.float64) for key, value in (("scale", 1.0), ("offset", 0.0)))
    if scale.ndim or shift.ndim:
        size = signal.seen[-1]
        return along(call, signal, -1, np.broadcast_to(scale, (size,)), np.broadcast_to(shift, (size,)))
    return call.builder.affine(signal, scale, shift)


def lambda_(call: Call, signal: Signal) -> Signal:
    """only as an affine map that you state: --lambda "x / 127.5 - 1"; its code is never run"""
    for key in ("function", "function_type", "output_shape", "output_shape_type", "output_shape_module", "mask", "arguments"):
        call.layer.take(key, None)
    given = call.affine.get(call.layer.name, call.affine.get(""))
    if given is None:
        way_out = f'if it only scales, say how: --lambda "{call.layer.name}=x / 127.5 - 1"; else rebuild the model without it'
        raise call.refuse("code, which is never run", way_out)
    return call.builder.affine(signal, np.asarray(given[0], np.float64), np.asarray(given[1], np.float64))


def along(call: Call, signal: Signal, axis: int, scale: Floats, shift: Floats) -> Signal:
    """scale * signal + shift along one axis of the Keras tensor (counted with the batch axis, or from behind)."""
    rank = len(signal.seen)
    at = axis - 1 if axis > 0 else axis + rank
    if not 0 <= at < rank or signal.seen[at] != len(scale):
        raise call.refuse(f"{len(scale)} values along axis {axis} of an input of shape {signal.seen}", "the file does not fit itself")
    order = channel_order(signal, at)
    if order is not None:
        inverse = np.argsort(order)
        return call.builder.affine(signal, scale[inverse], shift[inverse])
    axes = (*(a for a in range(rank) if a != at), at)
    moved = call.builder.relay(signal, Permute(axes))
    back = Permute(tuple(int(a) for a in np.argsort(axes)))
    return replace(call.builder.affine(moved, scale, shift), view=(back,))


def channel_order(signal: Signal, axis: int) -> np.ndarray[Any, Any] | None:
    """For each index along an axis of the view the channel behind it, if that is one and the same everywhere."""
    channels = signal.shape[-1]
    labels, shape = np.broadcast_to(np.arange(channels), signal.shape).reshape(-1), signal.shape
    for relay in signal.view:
        labels, shape = labels[relay.sources(shape)[:, 0]], relay.output(shape)
    rows = np.moveaxis(labels.reshape(shape), axis, -1).reshape(-1, shape[axis])
    return rows[0] if shape[axis] == channels and np.all(rows == rows[0]) and len(set(rows[0].tolist())) == channels else None


def flatten(call: Call, signal: Signal) -> Signal:
    """row-major; channels_first is turned to channels last before, as Keras does"""
    if first_channels(call) and len(signal.seen) > 1:
        signal = replace(signal, view=(*signal.view, Permute((*range(1, len(signal.seen)), 0))))
    return replace(signal, view=(*signal.view, Reshape((prod(signal.seen),))))


def reshape(call: Call, signal: Signal) -> Signal:
    """any target shape"""
    target = tuple(call.layer.take("target_shape"))
    size = prod(signal.seen)
    known = prod(n for n in target if n != -1)
    shape = tuple(size // max(known, 1) if n == -1 else n for n in target)
    if prod(shape) != size or target.count(-1) > 1:
        raise call.refuse(f"target shape {target} for an input of shape {signal.seen}", "sizes must agree")
    return replace(signal, view=(*signal.view, Reshape(shape)))


def permute(call: Call, signal: Signal) -> Signal:
    """any order of axes"""
    axes = tuple(axis - 1 for axis in call.layer.take("dims"))
    if sorted(axes) != list(range(len(signal.seen))):
        raise call.refuse(f"dims {tuple(a + 1 for a in axes)} for an input of shape {signal.seen}", "each axis must appear once")
    return replace(signal, view=(*signal.view, Permute(axes)))


def border(call: Call, signal: Signal) -> Signal:
    """any widths; channels last or first"""
    signal, back = image(call, signal)
    crop = call.layer.class_name.startswith("Cropping")
    widths = call.layer.take("cropping" if crop else "padding", 1)
    pairs = [(w, w) if isinstance(w, int) else tuple(w) for w in ((widths, widths) if isinstance(widths, int) else widths)]
    if "1D" in call.layer.class_name:
        pairs = [(pairs[0][0], pairs[1][0]), (0, 0)] if len(pairs) == 2 else [pairs[0], (0, 0)]
    around = tuple((-a, -b) if crop else (a, b) for a, b in (*pairs, (0, 0)))
    if min(Pad(around).output(signal.shape)) < 1:
        raise call.refuse(f"cropping {widths} from an image of {signal.shape[:2]}", "nothing would be left")
    return back(call.builder.relay(signal, Pad(around)))


def upsample(call: Call, signal: Signal) -> Signal:
    """nearest neighbour; channels last or first"""
    signal, back = image(call, signal)
    call.only("interpolation", ("nearest",), "nearest")
    factors = call.pair("size", 2)
    return back(call.builder.relay(signal, Upsample((factors[0], 1) if "1D" in call.layer.class_name else factors)))


def identity(call: Call, signal: Signal) -> Signal:
    """does nothing when a model is used, and nothing here"""
    for key in list(call.layer.config):
        call.layer.take(key)
    return signal


def multiply(call: Call, signal: Signal) -> Signal:
    """by a number or a value each channel; two tensors cannot be multiplied"""
    factor = np.ones(())
    for value in call.constants.values():
        factor = factor * np.asarray(value, np.float64)
    if factor.ndim > 1 and factor.size == factor.shape[-1]:
        factor = factor.reshape(-1)
    if factor.ndim == 1 and factor.size == signal.seen[-1] > 1:
        return along(call, signal, -1, factor, np.zeros(factor.size))
    if factor.size != 1:
        raise call.refuse(f"a factor of shape {factor.shape}", "only a number or a value each channel can be folded")
    return call.builder.affine(signal, factor.reshape(()), np.zeros(()))
