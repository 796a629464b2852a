"""Handlers of layers that scale and shift: batch normalization, rescaling, and affine maps given as text."""

from __future__ import annotations

from dataclasses import replace
from math import prod

import numpy as np

from tfsnn.aliases import Array
from tfsnn.network.ops import Permute, Reshape, Shape, Upsample

from .call import LayerCall
from .signal import Signal, behind_view


def batch_norm(call: LayerCall, signal: Signal) -> Signal:
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
        raise call.refuse(f"weights of shapes {shapes}", "expected four of one length; the file contradicts itself")
    power = variance.astype(np.float64) + call.number("epsilon", 1e-3)
    if not np.all(power > 0):
        raise call.refuse(f"a variance of {variance.min():g}", "it must be positive; the model that it came from is broken")
    scale = gamma / np.sqrt(power)
    result = along(call, signal, axis, scale, beta - mean * scale)
    # As along has them: in the order of the signal's channels, which a view may have exchanged.
    order = channel_order(signal, axis - 1 if axis > 0 else axis + len(signal.keras_shape))
    chosen = np.arange(len(beta)) if order is None else order
    return replace(result, statistics=(beta[chosen], np.abs(gamma)[chosen]))


def normalization(call: LayerCall, signal: Signal) -> Signal:
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


def rescaling(call: LayerCall, signal: Signal) -> Signal:
    """scale and offset, one or a value each channel"""
    scale, shift = (call.values(call.layer.take(key, value), key) for key, value in (("scale", 1.0), ("offset", 0.0)))
    return by_channel(call, signal, scale, shift)


def by_channel(call: LayerCall, signal: Signal, scale: Array, shift: Array) -> Signal:
    """scale * signal + shift for constants of any shape that broadcasts: one number, values along an axis, or a whole map."""
    scale, shift = (constant(call, signal, value) for value in (scale, shift))
    signal = repeated(call, signal, np.broadcast_shapes(signal.keras_shape, scale.shape, shift.shape))
    longer = {axis for value in (scale, shift) for axis, n in enumerate(value.shape) if n > 1}
    if not longer:
        return call.builder.affine(signal, scale.reshape(()), shift.reshape(()))
    if len(longer) == 1:
        (axis,) = longer
        return along(call, signal, axis + 1, *(np.broadcast_to(value.reshape(-1), (signal.keras_shape[axis],)) for value in (scale, shift)))
    # A pending operation has one weight for all positions.
    signal = signal if signal.is_pending_free or scale.size == 1 else call.builder.materialized(signal)
    factor, offset = (behind_view(signal, np.broadcast_to(value, signal.keras_shape)) for value in (scale, shift))
    return call.builder.affine(signal, factor if scale.size > 1 else scale.reshape(()), offset)


def constant(call: LayerCall, signal: Signal, value: Array) -> Array:
    """A constant with as many axes as the tensor; it may have a batch axis of length 1."""
    rank = len(signal.keras_shape)
    try:
        if value.ndim > rank:
            value = value.reshape(value.shape[value.ndim - rank :])
        result: Array = value.reshape((1,) * (rank - value.ndim) + value.shape)
        np.broadcast_shapes(signal.keras_shape, result.shape)
    except ValueError:
        found = f"a constant of shape {value.shape} with a tensor of shape {signal.keras_shape}"
        raise call.refuse(found, "they must fit each other axis by axis, or one of them be 1 there") from None
    return result


def repeated(call: LayerCall, signal: Signal, shape: Shape) -> Signal:
    """The signal repeated along axes where it has one value, so that its shape is this."""
    seen = signal.keras_shape
    if len(shape) == 3 and seen[:2] == (1, 1) != shape[:2] and seen[2] == shape[2]:
        return call.builder.relay(signal, Upsample((shape[0], shape[1])))
    for axis, (here, there) in enumerate(zip(seen, shape)):
        if here != there:
            before, after = shape[:axis], seen[axis + 1 :]
            column = signal.viewed(Reshape((prod(before), 1, prod(after))))
            signal = call.builder.relay(column, Upsample((1, there))).viewed(Reshape((*before, there, *after)))
    return signal


def lambda_(call: LayerCall, signal: Signal) -> Signal:
    """only as an affine map that you state: --lambda "x / 127.5 - 1"; its code is never run"""
    for key in ("function", "function_type", "output_shape", "output_shape_type", "output_shape_module", "mask", "arguments"):
        call.layer.take(key, None)
    given = call.affine.get(call.layer.name, call.affine.get(""))
    if given is None:
        way_out = f'if it only scales, say how: --lambda "{call.layer.name}=x / 127.5 - 1"; else rebuild the model without it'
        call.problems.append(call.problem("code, which is never run", way_out))
        return signal
    return call.builder.affine(signal, np.asarray(given[0], np.float64), np.asarray(given[1], np.float64))


def along(call: LayerCall, signal: Signal, axis: object, scale: Array, shift: Array) -> Signal:
    """scale * signal + shift along one axis of the Keras tensor (counted with the batch axis, or from behind)."""
    rank = len(signal.keras_shape)
    if not isinstance(axis, int) or not -rank <= axis <= rank or axis == 0:
        found = f"axis is {axis!r} on an input of shape {signal.keras_shape}"
        raise call.refuse(found, f"one axis from 1 to {rank}, or -1, can be converted")
    at = axis - 1 if axis > 0 else axis + rank
    if signal.keras_shape[at] != len(scale):
        found = f"{len(scale)} values along axis {axis} of an input of shape {signal.keras_shape}"
        raise call.refuse(found, "the file contradicts itself")
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
