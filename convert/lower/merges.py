"""Handlers of arithmetic between tensors, or between a tensor and constants: sums, differences, joins, scalings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod

import numpy as np

from tfsnn.aliases import Array
from tfsnn.network.ops import Activation, Pad

from .call import LayerCall
from .scalings import by_channel, repeated
from .signal import Signal

ONE, ZERO, MINUS = np.ones(()), np.zeros(()), -np.ones(())
TWO_TENSORS = "events carry sums only: rebuild the model with Add, or with a gate of constants"


def add(call: LayerCall, signals: Sequence[Signal]) -> Signal:
    """two tensors or more, and constants, of shapes that broadcast"""
    constants = [value for _, value in call.operands()]
    total = call.builder.add(aligned(call, signals)) if len(signals) > 1 else signals[0]
    return by_channel(call, total, ONE, sum_of(constants)) if constants else total


def subtract(call: LayerCall, signals: Sequence[Signal]) -> Signal:
    """two tensors, or a tensor and a constant, of shapes that broadcast"""
    constants = call.operands()
    if len(signals) == 1 and len(constants) == 1:
        (place, value), = constants
        return by_channel(call, signals[0], ONE, -value) if place == 1 else by_channel(call, signals[0], MINUS, value)
    if len(signals) != 2 or constants:
        raise call.refuse(f"{len(signals)} tensors and {len(constants)} constants", "two can be subtracted")
    first, second = aligned(call, signals)
    return call.builder.add([first, call.builder.affine(second, MINUS, ZERO)])


def average(call: LayerCall, signals: Sequence[Signal]) -> Signal:
    """two tensors or more, of shapes that broadcast"""
    if len(signals) < 2 or call.constants:
        raise call.refuse(f"{len(signals)} tensors and {len(call.constants)} constants", "two tensors or more can be averaged")
    return call.builder.affine(call.builder.add(aligned(call, signals)), np.asarray(1 / len(signals)), ZERO)


def concatenate(call: LayerCall, signals: Sequence[Signal]) -> Signal:
    """along any axis"""
    axis, rank = call.layer.take("axis", -1), len(signals[0].keras_shape)
    at = -1 if not isinstance(axis, int) or axis == 0 else axis - 1 if axis > 0 else axis + rank
    shapes = [signal.keras_shape for signal in signals]
    if call.constants or not 0 <= at < rank or len({shape[:at] + shape[at + 1 :] for shape in shapes}) != 1:
        found = f"inputs of shapes {', '.join(map(str, shapes))} along axis {axis}"
        raise call.refuse(found, "tensors whose other axes agree can be joined")
    if len(signals) == 1:
        return signals[0]
    total, start, parts = sum(shape[at] for shape in shapes), 0, []
    for signal, shape in zip(signals, shapes):
        widths = tuple((start, total - start - shape[at]) if a == at else (0, 0) for a in range(rank))
        parts.append(call.builder.relay(signal, Pad(widths)))
        start += shape[at]
    return call.builder.add(parts)


def multiply(call: LayerCall, signals: Sequence[Signal]) -> Signal:
    """by constants of any shape that broadcasts; two tensors cannot be multiplied"""
    constants = [value for _, value in call.operands()]
    if len(signals) != 1:
        raise call.refuse("a product of two tensors", TWO_TENSORS)
    return by_channel(call, signals[0], product_of(constants), ZERO)


def divide(call: LayerCall, signals: Sequence[Signal]) -> Signal:
    """by constants of any shape that broadcasts"""
    constants = call.operands()
    if len(signals) != 1 or len(constants) != 1 or constants[0][0] != 1:
        raise call.refuse("a division by a tensor", "only a tensor can be divided, and only by constants")
    if not np.all(constants[0][1]):
        raise call.refuse("a division by 0", "the model that it came from is broken")
    return by_channel(call, signals[0], 1 / constants[0][1], ZERO)


def larger(call: LayerCall, signals: Sequence[Signal]) -> Signal:
    """two tensors or more, or a tensor and a constant, of shapes that broadcast"""
    sign = ONE if call.layer.class_name == "Maximum" else MINUS
    constants = [value for _, value in call.operands()]
    if len(signals) + len(constants) < 2:
        raise call.refuse("one tensor", "two tensors or more, or a tensor and a constant, can be compared")
    total, *others = aligned(call, signals)
    # max(a, b) = a + relu(b - a), and min(a, b) = a - relu(a - b).
    for other in others:
        # Both are used twice, so that nothing may be pending.
        total, other = (call.builder.materialized(part) for part in (total, other))
        difference = call.builder.add([call.builder.affine(other, sign, ZERO), call.builder.affine(total, -sign, ZERO)])
        excess = call.builder.neurons(difference, Activation("relu"))
        total = call.builder.add([total, call.builder.affine(excess, sign, ZERO)])
    for value in constants:
        excess = call.builder.neurons(by_channel(call, total, sign, -sign * value), Activation("relu"))
        total = by_channel(call, excess, sign, value)
    return total


def negative(call: LayerCall, signals: Sequence[Signal]) -> Signal:
    """of one tensor"""
    if len(signals) != 1 or call.constants:
        raise call.refuse(f"{len(signals)} tensors and {len(call.constants)} constants", "it takes one tensor")
    return call.builder.affine(signals[0], MINUS, ZERO)


def scaled_sum(call: LayerCall, signals: Sequence[Signal]) -> Signal:
    """the x + scale y of InceptionResNetV2"""
    if len(signals) != 2 or call.constants:
        raise call.refuse(f"{len(signals)} tensors and {len(call.constants)} constants", "it takes two tensors")
    first, second = aligned(call, signals)
    return call.builder.add([first, call.builder.affine(second, np.asarray(call.number("scale", 1.0)), ZERO)])


def aligned(call: LayerCall, signals: Sequence[Signal]) -> Sequence[Signal]:
    """The signals in one shape: each is repeated along axes where it has one value and others have more."""
    shapes = {signal.keras_shape for signal in signals}
    ranks = {len(shape) for shape in shapes}
    try:
        shape = np.broadcast_shapes(*shapes) if len(ranks) == 1 else ()
    except ValueError:
        shape = ()
    if not shape:
        way_out = "axis by axis they must be equal, or one of them 1: reshape them"
        raise call.refuse(f"inputs of shapes {', '.join(map(str, sorted(shapes)))}", way_out)
    return [repeated(call, signal, shape) for signal in signals]


def sum_of(values: Sequence[Array]) -> Array:
    """The sum of constants that broadcast."""
    return sum(values, ZERO)


def product_of(values: Sequence[Array]) -> Array:
    """The product of constants that broadcast."""
    return prod(values, start=ONE)


Merge = Callable[[LayerCall, Sequence[Signal]], Signal]
