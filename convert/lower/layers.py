"""One handler for each Keras layer class: what the layer does to the signal in front of it.

A handler reads the layer's settings with ``layer.take`` and its kin; a setting that it never asked for, and that is not
known to be harmless, is refused by the driver. The first line of its docstring is its row in the support table.
"""

from __future__ import annotations

from math import prod

import numpy as np

from tfsnn.aliases import Array
from tfsnn.network.ops import Conv, Dense, Reshape, Stretch

from .activations import activated
from .call import LayerCall
from .images import checked, fits, image, padding
from .signal import Signal


def bias(call: LayerCall, channels: int) -> Array | None:
    """The layer's bias, None if it has none."""
    return checked(call, call.weight("bias"), (channels,)) if call.layer.take("use_bias", True) else None


def spatial(call: LayerCall, *roles: str) -> Array:
    """A kernel as (rows, columns, ...)."""
    kernel = call.weight(*roles)
    return kernel[:, None] if call.flat else kernel


def conv(call: LayerCall, signal: Signal) -> Signal:
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


def depthwise(call: LayerCall, signal: Signal) -> Signal:
    """any kernel, strides, dilation, depth multiplier; padding valid, same; channels last or first"""
    signal, back = image(call, signal)
    filters = signal.shape[2] * call.whole("depth_multiplier", 1)
    return activated(call, back(by_depth(call, signal, filters, bias(call, filters))))


def by_depth(call: LayerCall, signal: Signal, filters: int, given: Array | None = None) -> Signal:
    """The depthwise convolution alone."""
    window, strides, dilation = call.pair("kernel_size"), call.pair("strides", 1), call.pair("dilation_rate", 1)
    inner = signal.shape[2]
    kernel = checked(call, spatial(call, "depthwise_kernel", "kernel"), (*window, inner, filters // inner))
    op = Conv(filters, window, strides, padding(call, signal.shape, window, strides, dilation), dilation, groups=inner)
    fits(call, op, signal.shape)
    return call.builder.linear(signal, op, kernel.reshape(*window, 1, filters), given)


def separable(call: LayerCall, signal: Signal) -> Signal:
    """as the depthwise layer, then a 1x1 convolution; the neurons between them are a population with f(x) = x"""
    signal, back = image(call, signal)
    signal = by_depth(call, signal, signal.shape[2] * call.whole("depth_multiplier", 1))
    filters = call.whole("filters")
    kernel = checked(call, spatial(call, "pointwise_kernel"), (1, 1, signal.shape[2], filters))
    return activated(call, back(call.builder.linear(signal, Conv(filters, (1, 1)), kernel, bias(call, filters))))


def transposed(call: LayerCall, signal: Signal) -> Signal:
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


def dense(call: LayerCall, signal: Signal) -> Signal:
    """on the last axis of any shape"""
    *outer, inner = signal.keras_shape
    units = call.whole("units")
    kernel, given = checked(call, call.weight("kernel"), (inner, units)), bias(call, units)
    if not outer:
        return activated(call, call.builder.linear(signal, Dense(units), kernel, given))
    result = call.builder.linear(signal.viewed(Reshape((prod(outer), 1, inner))), Conv(units, (1, 1)), kernel[None, None], given)
    return activated(call, result.viewed(Reshape((*outer, units))))
