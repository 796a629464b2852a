"""One handler for each Keras layer class: what the layer does to the signal in front of it.

A handler reads the layer's settings with ``layer.take`` and its kin; a setting that it never asked for, and that is not
known to be harmless, is refused by the driver. The first line of its docstring is its row in the support table.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import prod

import numpy as np

from tfsnn.ops import AveragePool, Conv, Dense, Padding, Permute, Reshape, Shape, Stretch, Upsample, same_padding

from .activations import activated
from .call import Call
from .relays import CHANNELS_FIRST, CHANNELS_LAST
from .signal import Floats, Signal, behind_view

Back = Callable[[Signal], Signal]


def first_channels(call: Call) -> bool:
    """Whether the layer's tensors are (channels, rows, columns)."""
    return bool(call.only("data_format", ("channels_last", "channels_first", None), "channels_last") == "channels_first")


def image(call: Call, signal: Signal) -> tuple[Signal, Back]:
    """The signal as (rows, columns, channels), one column if the layer is one-dimensional, and the way back."""
    first = first_channels(call)
    if len(signal.seen) != (2 if call.flat else 3):
        expected = "steps and channels" if call.flat else "rows, columns and channels"
        raise call.refuse(f"an input of shape {signal.seen}", f"expected {expected}")
    if first:
        signal = signal.viewed(Permute((1, 0)) if call.flat else CHANNELS_LAST)
    if call.flat:
        steps, channels = signal.seen
        signal = signal.viewed(Reshape((steps, 1, channels)))

    def back(result: Signal) -> Signal:
        if call.flat:
            result = result.viewed(Reshape((result.seen[0], result.seen[2])))
        return result.viewed(Permute((1, 0)) if call.flat else CHANNELS_FIRST) if first else result

    return call.builder.settle(signal) if signal.view else signal, back


def padding(
    call: Call, shape: Shape, window: tuple[int, int], strides: tuple[int, int], dilation: tuple[int, int] = (1, 1)
) -> Padding:
    """Zeros around the image for the layer's ``padding``."""
    causal = call.layer.class_name in ("Conv1D", "SeparableConv1D")
    kind = call.only("padding", ("valid", "same", *(("causal",) if causal else ())), "valid")
    if kind == "valid":
        return (0, 0), (0, 0)
    if kind == "causal":
        return ((window[0] - 1) * dilation[0], 0), (0, 0)
    rows, columns = (same_padding(shape[i], window[i], strides[i], dilation[i]) for i in (0, 1))
    return rows, columns


def bias(call: Call, channels: int) -> Floats | None:
    """The layer's bias, None if it has none."""
    return checked(call, call.weight("bias"), (channels,)) if call.layer.take("use_bias", True) else None


def checked(call: Call, weight: Floats, expected: Shape) -> Floats:
    """The weight, if its shape is what the settings say."""
    if weight.shape != expected:
        raise call.refuse(f"a weight of shape {weight.shape}", f"its settings and input ask for {expected}; the file does not fit itself")
    return weight


def spatial(call: Call, *roles: str) -> Floats:
    """A kernel as (rows, columns, ...)."""
    kernel = call.weight(*roles)
    return kernel[:, None] if call.flat else kernel


def conv(call: Call, signal: Signal) -> Signal:
    """any kernel, strides, dilation, groups; padding valid, same (1D also causal); channels last or first"""
    signal, back = image(call, signal)
    window, strides, dilation = call.pair("kernel_size"), call.pair("strides", 1), call.pair("dilation_rate", 1)
    filters, groups, inner = call.whole("filters"), call.whole("groups", 1), signal.shape[2]
    if inner % groups or filters % groups:
        raise call.refuse(f"{groups} groups over {inner} channels and {filters} filters", "both must be divisible by the groups")
    kernel = checked(call, spatial(call, "kernel"), (*window, inner // groups, filters))
    op = Conv(filters, window, strides, padding(call, signal.shape, window, strides, dilation), dilation, groups)
    fits(call, op, signal.shape)
    return activated(call, back(call.builder.linear(signal, op, kernel, bias(call, filters))))


def fits(call: Call, op: Conv, shape: Shape) -> None:
    """Refuse a window larger than its image."""
    if min(op.output(shape)) < 1:
        raise call.refuse(f"a window of {op.window} on an image of {shape[:2]}", "no output is left; give a larger input shape")


def depthwise(call: Call, signal: Signal) -> Signal:
    """any kernel, strides, dilation, depth multiplier; padding valid, same; channels last or first"""
    signal, back = image(call, signal)
    filters = signal.shape[2] * call.whole("depth_multiplier", 1)
    return activated(call, back(by_depth(call, signal, filters, bias(call, filters))))


def by_depth(call: Call, signal: Signal, filters: int, given: Floats | None = None) -> Signal:
    """The depthwise convolution alone."""
    window, strides, dilation = call.pair("kernel_size"), call.pair("strides", 1), call.pair("dilation_rate", 1)
    inner = signal.shape[2]
    kernel = checked(call, spatial(call, "depthwise_kernel", "kernel"), (*window, inner, filters // inner))
    op = Conv(filters, window, strides, padding(call, signal.shape, window, strides, dilation), dilation, groups=inner)
    fits(call, op, signal.shape)
    return call.builder.linear(signal, op, kernel.reshape(*window, 1, filters), given)


def separable(call: Call, signal: Signal) -> Signal:
    """as the depthwise layer, then a 1x1 convolution; the neurons between them are a population with f(x) = x"""
    signal, back = image(call, signal)
    signal = by_depth(call, signal, signal.shape[2] * call.whole("depth_multiplier", 1))
    filters = call.whole("filters")
    kernel = checked(call, spatial(call, "pointwise_kernel"), (1, 1, signal.shape[2], filters))
    return activated(call, back(call.builder.linear(signal, Conv(filters, (1, 1)), kernel, bias(call, filters))))


def transposed(call: Call, signal: Signal) -> Signal:
    """any kernel and strides; padding valid, same; no dilation, no output_padding; channels last or first"""
    signal, back = image(call, signal)
    window, strides, filters = call.pair("kernel_size"), call.pair("strides", 1), call.whole("filters")
    call.only("output_padding", (None,), None)
    call.only("dilation_rate", (1, (1,), (1, 1)), 1)
    same = call.only("padding", ("valid", "same"), "valid") == "same"
    kernel = checked(call, spatial(call, "kernel"), (*window, filters, signal.shape[2]))[::-1, ::-1].transpose(0, 1, 3, 2)
    around = []
    for size, k, s in zip(signal.shape, window, strides):
        length, cut = (size * s, max(k - s, 0) // 2) if same else (size * s + max(k - s, 0), 0)
        before = k - 1 - cut
        around.append((before, length - (size - 1) * s - 1 + k - 1 - before))
    signal = call.builder.relay(signal, Stretch(strides)) if max(strides) > 1 else signal
    op = Conv(filters, window, padding=(around[0], around[1]))
    return activated(call, back(call.builder.linear(signal, op, np.ascontiguousarray(kernel), bias(call, filters))))


def dense(call: Call, signal: Signal) -> Signal:
    """on the last axis of any shape"""
    *outer, inner = signal.seen
    units = call.whole("units")
    kernel, given = checked(call, call.weight("kernel"), (inner, units)), bias(call, units)
    if not outer:
        return activated(call, call.builder.linear(signal, Dense(units), kernel, given))
    result = call.builder.linear(signal.viewed(Reshape((prod(outer), 1, inner))), Conv(units, (1, 1)), kernel[None, None], given)
    return activated(call, result.viewed(Reshape((*outer, units))))


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
    return back(call.builder.average_pool(signal, AveragePool(window, strides), around))


def pooling(call: Call) -> tuple[tuple[int, int], tuple[int, int]]:
    """Window and strides of a pooling layer."""
    window = call.pair("pool_size", 2)
    return window, window if call.layer.take("strides", None) is None else call.pair("strides")


def global_pool(call: Call, signal: Signal) -> Signal:
    """keepdims or not; channels last or first"""
    signal, back = image(call, signal)
    window = (signal.shape[0], signal.shape[1])
    if "Max" in call.layer.class_name:
        pooled = call.builder.max_pool(signal, window, window, ((0, 0), (0, 0)))
    else:
        pooled = call.builder.relay(signal, AveragePool(window, window))
    return back(pooled) if call.layer.take("keepdims", False) else pooled.viewed(Reshape((pooled.shape[2],)))


def batch_norm(call: Call, signal: Signal) -> Signal:
    """folded exactly, before or after an activation, at borders too (a bias may become a map); any one axis"""
    call.only("mode", (0, None), None)
    # Renormalization concerns training alone; in use the running statistics count as ever.
    for key in ("renorm", "renorm_clipping"):
        call.layer.take(key, None)
    axis = call.layer.take("axis", -1)
    mean, variance = call.weight("moving_mean"), call.weight("moving_variance")
    gamma = call.weight("gamma") if call.layer.take("scale", True) else np.ones(mean.shape)
    beta = call.weight("beta") if call.layer.take("center", True) else np.zeros(mean.shape)
    if mean.ndim != 1 or not mean.shape == variance.shape == gamma.shape == beta.shape:
        shapes = ", ".join(str(array.shape) for array in (mean, variance, gamma, beta))
        raise call.refuse(f"weights of shapes {shapes}", "expected four of one length; the file does not fit itself")
    power = variance.astype(np.float64) + call.number("epsilon", 1e-3)
    if not np.all(power > 0):
        raise call.refuse(f"a variance of {variance.min():g}", "it must be positive; the model that it came from is broken")
    scale = gamma / np.sqrt(power)
    result = along(call, signal, axis, scale, beta - mean * scale)
    return replace(result, statistics=(beta, np.abs(gamma)))


def normalization(call: Call, signal: Signal) -> Signal:
    """adapted or given mean and variance along one axis, or for all; not inverted"""
    call.only("invert", (False,), False)
    axis, given = call.layer.take("axis", -1), tuple(call.layer.take(key, None) for key in ("mean", "variance"))
    if None in given:
        mean, variance = call.weight("mean"), call.weight("variance")
    else:
        mean, variance = (call.values(value, key) for value, key in zip(given, ("mean", "variance")))
    # Keras divides by no less than its epsilon.
    scale = 1 / np.maximum(np.sqrt(variance.reshape(-1).astype(np.float64)), 1e-7)
    axes = axis if isinstance(axis, (list, tuple)) else (axis,)
    if mean.size != variance.size or (scale.size > 1 and len(axes) != 1):
        found = f"axis is {axis!r} with mean of shape {mean.shape} and variance of shape {variance.shape}"
        raise call.refuse(found, "one axis can be converted; put the normalization into the data")
    shift = -mean.reshape(-1) * scale
    if scale.size == 1:
        return call.builder.affine(signal, scale.reshape(()), shift.reshape(()))
    return along(call, signal, axes[0], scale, shift)


def rescaling(call: Call, signal: Signal) -> Signal:
    """scale and offset, one or a value each channel"""
    scale, shift = (call.values(call.layer.take(key, value), key) for key, value in (("scale", 1.0), ("offset", 0.0)))
    return by_channel(call, signal, scale, shift)


def by_channel(call: Call, signal: Signal, scale: Floats, shift: Floats) -> Signal:
    """scale * signal + shift for constants of any shape that broadcasts: one number, values along an axis, or a whole map."""
    scale, shift = (constant(call, signal, value) for value in (scale, shift))
    signal = repeated(call, signal, np.broadcast_shapes(signal.seen, scale.shape, shift.shape))
    longer = {axis for value in (scale, shift) for axis, n in enumerate(value.shape) if n > 1}
    if not longer:
        return call.builder.affine(signal, scale.reshape(()), shift.reshape(()))
    if len(longer) == 1:
        (axis,) = longer
        return along(call, signal, axis + 1, *(np.broadcast_to(value.reshape(-1), (signal.seen[axis],)) for value in (scale, shift)))
    # A pending operation has one weight for all positions.
    signal = signal if signal.open or scale.size == 1 else call.builder.closed(signal)
    factor, offset = (behind_view(signal, np.broadcast_to(value, signal.seen)) for value in (scale, shift))
    return call.builder.affine(signal, factor if scale.size > 1 else scale.reshape(()), offset)


def constant(call: Call, signal: Signal, value: Floats) -> Floats:
    """A constant with as many axes as the tensor; it may have a batch axis of length 1."""
    rank = len(signal.seen)
    try:
        if value.ndim > rank:
            value = value.reshape(value.shape[value.ndim - rank :])
        result: Floats = value.reshape((1,) * (rank - value.ndim) + value.shape)
        np.broadcast_shapes(signal.seen, result.shape)
    except ValueError:
        found = f"a constant of shape {value.shape} with a tensor of shape {signal.seen}"
        raise call.refuse(found, "they must fit each other axis by axis, or one of them be 1 there") from None
    return result


def repeated(call: Call, signal: Signal, shape: Shape) -> Signal:
    """The signal repeated along axes where it has one value, so that its shape is this."""
    seen = signal.seen
    if len(shape) == 3 and seen[:2] == (1, 1) != shape[:2] and seen[2] == shape[2]:
        return call.builder.relay(signal, Upsample((shape[0], shape[1])))
    for axis, (here, there) in enumerate(zip(seen, shape)):
        if here != there:
            before, after = shape[:axis], seen[axis + 1 :]
            column = signal.viewed(Reshape((prod(before), 1, prod(after))))
            signal = call.builder.relay(column, Upsample((1, there))).viewed(Reshape((*before, there, *after)))
    return signal


def lambda_(call: Call, signal: Signal) -> Signal:
    """only as an affine map that you state: --lambda "x / 127.5 - 1"; its code is never run"""
    for key in ("function", "function_type", "output_shape", "output_shape_type", "output_shape_module", "mask", "arguments"):
        call.layer.take(key, None)
    given = call.affine.get(call.layer.name, call.affine.get(""))
    if given is None:
        way_out = f'if it only scales, say how: --lambda "{call.layer.name}=x / 127.5 - 1"; else rebuild the model without it'
        call.problems.append(call.problem("code, which is never run", way_out))
        return signal
    return call.builder.affine(signal, np.asarray(given[0], np.float64), np.asarray(given[1], np.float64))


def along(call: Call, signal: Signal, axis: object, scale: Floats, shift: Floats) -> Signal:
    """scale * signal + shift along one axis of the Keras tensor (counted with the batch axis, or from behind)."""
    rank = len(signal.seen)
    if not isinstance(axis, int) or not -rank <= axis <= rank or axis == 0:
        raise call.refuse(f"axis is {axis!r} on an input of shape {signal.seen}", f"one axis from 1 to {rank}, or -1, can be converted")
    at = axis - 1 if axis > 0 else axis + rank
    if signal.seen[at] != len(scale):
        raise call.refuse(f"{len(scale)} values along axis {axis} of an input of shape {signal.seen}", "the file does not fit itself")
    order = channel_order(signal, at)
    if order is not None:
        return call.builder.affine(signal, scale[order], shift[order])
    axes = (*(a for a in range(rank) if a != at), at)
    moved = call.builder.settle(signal.viewed(Permute(axes)))
    return call.builder.affine(moved, scale, shift).viewed(Permute(tuple(int(a) for a in np.argsort(axes))))


def channel_order(signal: Signal, axis: int) -> np.ndarray[tuple[int, ...], np.dtype[np.intp]] | None:
    """For each channel its index along an axis of the view, if that is one and the same everywhere."""
    channels = signal.shape[-1]
    labels, shape = np.broadcast_to(np.arange(channels), signal.shape).reshape(-1), signal.shape
    for relay in signal.view:
        labels, shape = labels[relay.sources(shape)[:, 0]], relay.output(shape)
    rows = np.moveaxis(labels.reshape(shape), axis, -1).reshape(-1, shape[axis])
    one_to_one = shape[axis] == channels and np.all(rows == rows[0]) and len(np.unique(rows[0])) == channels
    return np.argsort(rows[0]) if one_to_one else None


def upsample(call: Call, signal: Signal) -> Signal:
    """nearest neighbour; channels last or first"""
    signal, back = image(call, signal)
    call.only("interpolation", ("nearest",), "nearest")
    return back(call.builder.relay(signal, Upsample(call.pair("size", 2))))
