"""Handlers of pooling and upsampling layers."""

from __future__ import annotations

from tfsnn.network.ops import AveragePool, Conv, Reshape, Upsample

from .call import LayerCall
from .images import fits, image, padding
from .signal import Signal


def max_pool(call: LayerCall, signal: Signal) -> Signal:
    """any window, strides and overlap; padding valid, same; channels last or first"""
    signal, back = image(call, signal)
    window, strides = pooling(call)
    around = padding(call, signal.shape, window, strides)
    fits(call, Conv(signal.shape[2], window, strides, around), signal.shape)
    return back(call.builder.max_pool(signal, window, strides, around))


def average_pool(call: LayerCall, signal: Signal) -> Signal:
    """any window, strides and overlap; padding valid, same (the border does not count); channels last or first"""
    signal, back = image(call, signal)
    window, strides = pooling(call)
    around = padding(call, signal.shape, window, strides)
    fits(call, Conv(signal.shape[2], window, strides, around), signal.shape)
    return back(call.builder.average_pool(signal, AveragePool(window, strides), around))


def pooling(call: LayerCall) -> tuple[tuple[int, int], tuple[int, int]]:
    """Window and strides of a pooling layer."""
    window = call.pair("pool_size", 2)
    return window, window if call.layer.take("strides", None) is None else call.pair("strides")


def global_pool(call: LayerCall, signal: Signal) -> Signal:
    """keepdims or not; channels last or first"""
    signal, back = image(call, signal)
    window = (signal.shape[0], signal.shape[1])
    if "Max" in call.layer.class_name:
        pooled = call.builder.max_pool(signal, window, window, ((0, 0), (0, 0)))
    else:
        pooled = call.builder.relay(signal, AveragePool(window, window))
    return back(pooled) if call.layer.take("keepdims", False) else pooled.viewed(Reshape((pooled.shape[2],)))


def upsample(call: LayerCall, signal: Signal) -> Signal:
    """nearest neighbour; channels last or first"""
    signal, back = image(call, signal)
    call.only("interpolation", ("nearest",), "nearest")
    return back(call.builder.relay(signal, Upsample(call.pair("size", 2))))
