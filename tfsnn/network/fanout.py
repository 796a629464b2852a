"""How far an event reaches: the counts behind the ledger's synaptic operations, borders and strides exact."""

from __future__ import annotations

from math import prod

import numpy as np

from tfsnn.aliases import Integers
from tfsnn.network.ops import Conv, Dense, Indices, Linear, Shape, window_output, window_sources


def fanout(op: Linear, shape: Shape) -> Indices:
    """Target neurons that each place of an operation's input reaches, borders and strides exact: int64 (places)."""
    if isinstance(op, Conv):
        pixels = window_sources(shape, op.window, op.strides, op.padding, op.dilation)
        reached = np.bincount(pixels[pixels >= 0], minlength=shape[0] * shape[1]) * (op.filters // op.groups)
        return np.repeat(reached, shape[2])
    return np.full(prod(shape), op.units if isinstance(op, Dense) else 1, np.int64)


def connections(op: Linear, shape: Shape) -> int:
    """The sum of :func:`fanout`, without the memory that it takes: pairs of an input place and a target that it reaches."""
    if isinstance(op, Conv):
        rows, columns = (_inside(shape[i], op.window[i], op.strides[i], op.padding[i], op.dilation[i]) for i in (0, 1))
        return rows * columns * shape[2] * (op.filters // op.groups)
    return prod(shape) * (op.units if isinstance(op, Dense) else 1)


def _inside(size: int, window: int, stride: int, padding: tuple[int, int], dilation: int) -> int:
    """Pairs of a position of the window and a tap of it that lies inside the axis."""
    last = window_output(size, window, stride, padding, dilation) - 1
    starts = (tap * dilation - padding[0] for tap in range(window))
    return sum(max(0, min(last, (size - 1 - start) // stride) - max(0, -(start // stride)) + 1) for start in starts)


def per_source(index: Indices, size: int, amount: Integers) -> Integers:
    """Sum of a per-place amount over the places that each source neuron reaches: int64 (source neurons).

    Parameters
    ----------
    index
        int64 (places, terms), as :func:`tfsnn.network.ops.route` gives it.
    size
        Number of source neurons.
    amount
        int64 (places)
    """
    total = np.zeros(size + 1, np.int64)
    np.add.at(total, index, np.broadcast_to(amount[:, None], index.shape))
    return total[:size]


def column_sum(op: Linear, weight: Integers) -> int:
    """Largest sum of abs(w) into one target; exact, for weights below 2^52 may be so many that their sum leaves 64 bits."""
    size = np.abs(weight)
    if not isinstance(op, (Dense, Conv)):
        return int(size.max(initial=0))
    # In two halves, each of which 2^31 weights cannot overflow.
    high, low = ((part.reshape(-1, weight.shape[-1])).sum(axis=0) for part in (size >> 26, size & ((1 << 26) - 1)))
    return max(((int(h) << 26) + int(l) for h, l in zip(high, low)), default=0)


def fanout_nonzero(op: Linear, weight: Integers, shape: Shape) -> Integers:
    """As :func:`fanout`, through non-zero weights only."""
    if isinstance(op, Dense):
        return np.asarray(np.count_nonzero(weight, axis=1), np.int64)
    if not isinstance(op, Conv):
        return np.broadcast_to(weight != 0, shape).reshape(-1).astype(np.int64)
    pixels = window_sources(shape, op.window, op.strides, op.padding, op.dilation)
    grouped = np.count_nonzero(weight.reshape(*weight.shape[:3], op.groups, -1), axis=4).transpose(0, 1, 3, 2)
    per_tap = grouped.reshape(pixels.shape[1], shape[2])
    total = np.zeros((shape[0] * shape[1] + 1, shape[2]), np.int64)
    for tap in range(pixels.shape[1]):
        np.add.at(total, pixels[:, tap], per_tap[tap])
    reached: Integers = total[:-1].reshape(-1)
    return reached
