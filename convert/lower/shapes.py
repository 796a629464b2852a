"""Handlers of the layers that only move values: flatten, reshape, permute, pad, crop; and of those that do nothing."""

from __future__ import annotations

from math import prod
from typing import Any

from tfsnn.network.ops import Pad, Permute, Reshape

from .call import LayerCall, is_whole
from .images import first_channels, image
from .signal import Signal


def flatten(call: LayerCall, signal: Signal) -> Signal:
    """row-major; channels_first is turned to channels last before, as Keras does"""
    if first_channels(call) and len(signal.keras_shape) > 1:
        signal = signal.viewed(Permute((*range(1, len(signal.keras_shape)), 0)))
    return signal.viewed(Reshape((prod(signal.keras_shape),)))


def reshape(call: LayerCall, signal: Signal) -> Signal:
    """any target shape"""
    target, size = call.layer.take("target_shape"), prod(signal.keras_shape)
    axes = target if isinstance(target, (list, tuple)) else (target,)
    if not axes or not all(n == -1 or is_whole(n, 1) for n in axes) or axes.count(-1) > 1:
        raise call.refuse(f"target shape {target!r}", "expected positive whole numbers, one of them perhaps -1")
    known = prod(n for n in axes if n != -1)
    shape = tuple(size // known if n == -1 else n for n in axes)
    if prod(shape) != size:
        raise call.refuse(f"target shape {target} for an input of shape {signal.keras_shape}", "sizes must agree")
    return signal.viewed(Reshape(shape))


def permute(call: LayerCall, signal: Signal) -> Signal:
    """any order of axes"""
    dims, axes = call.layer.take("dims"), list(range(1, len(signal.keras_shape) + 1))
    if not isinstance(dims, (list, tuple)) or not all(is_whole(d, 1) for d in dims) or sorted(dims) != axes:
        raise call.refuse(f"dims {dims!r} for an input of shape {signal.keras_shape}", "each axis must appear once, counted from 1")
    return signal.viewed(Permute(tuple(d - 1 for d in dims)))


def border(call: LayerCall, signal: Signal) -> Signal:
    """any widths; channels last or first"""
    signal, back = image(call, signal)
    crop = call.layer.class_name.startswith("Cropping")
    key = "cropping" if crop else "padding"
    value = call.layer.take(key, 1)
    rows, columns = _sides(value, call.flat)
    if rows is None or columns is None:
        raise call.refuse(f"{key} is {value!r}", "expected whole numbers from 0 on, one for all sides or one each side")
    around = tuple((-a, -b) if crop else (a, b) for a, b in (rows, columns, (0, 0)))
    if min(Pad(around).output(signal.shape)) < 1:
        raise call.refuse(f"cropping {value} from an image of {signal.shape[:2]}", "nothing would be left")
    return back(call.builder.relay(signal, Pad(around)))


Side = tuple[int, int]


def _sides(value: Any, flat: bool) -> tuple[Side | None, Side | None]:
    """Widths along rows and columns: one for all, one each axis, or two each axis; None for what is none of them."""
    if flat:
        return _side(value[0] if isinstance(value, (list, tuple)) and len(value) == 1 else value), (0, 0)
    if is_whole(value, 0):
        return (value, value), (value, value)
    if not isinstance(value, (list, tuple)) or len(value) != 2:
        return None, None
    return _side(value[0]), _side(value[1])


def _side(value: Any) -> Side | None:
    pair = (value, value) if is_whole(value, 0) else value
    good = isinstance(pair, (list, tuple)) and len(pair) == 2 and all(is_whole(width, 0) for width in pair)
    return (pair[0], pair[1]) if good else None


def identity(call: LayerCall, signal: Signal) -> Signal:
    """does nothing when a model is used, and nothing here"""
    for key in list(call.layer.config):
        call.layer.take(key)
    return signal
