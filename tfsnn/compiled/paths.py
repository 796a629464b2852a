"""One path of a plan laid out for the compiled engine: its axes, its weights in the order in which events take them, and its zeros."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from tfsnn.aliases import Array
from tfsnn.compiled.axes import Entries, PixelMap, composed, image, kinds, one_to_one, pixel_map, windowed
from tfsnn.compiled.kernel import columns as c
from tfsnn.compiled.kernel.lanes import LANES
from tfsnn.network.ops import Conv, Dense, Indices, OneToOne, Shape, relayed
from tfsnn.plan.plan import Path, Plan

Axis = tuple[Array, Array]
"""int64 (entries): their positions, rising; int64 (entries, ENTRY_WIDTH)."""


@dataclass(frozen=True, eq=False)
class Whole:
    """A convolution over an image with its border, or a dense layer as one whose window is all of its input.

    Parameters
    ----------
    weights
        (rows of the window, pairs of numbers in each, filters, 2), filters and numbers filled up with zeros.
    strides, before
        Of the operation: along rows and columns, and the border in front.
    size
        Rows of the image with its border, and numbers in each.
    products
        Of weights and payloads: what it costs.
    """

    weights: Array
    strides: tuple[int, int]
    before: tuple[int, int]
    size: tuple[int, int]
    products: int


@dataclass(frozen=True, eq=False)
class PathTables:
    """What a path's row, and the tables that it points into, are made of.

    Parameters
    ----------
    delivery, outer, inner
        As the path's columns.
    shape
        The image whose events are delivered: the source, or the operation's input behind an index map.
    shift
        By how much channels are shifted.
    rows, columns
        The axes.
    weights
        Flat, in order of storage.
    nonzero, row_kinds, column_kinds
        int64 (kinds of rows, kinds of columns, channels): weights other than 0; the kind of each row and column.
    index
        The index map, None where pixels lead to pixels.
    windows
        The axes of max pooling's windows.
    dense
        How all of it is done at once, None if that is not possible.
    single
        Whether no event reaches a neuron twice.
    """

    delivery: int
    shape: Shape
    shift: int
    rows: Axis
    columns: Axis
    weights: Array
    nonzero: Array
    row_kinds: Array
    column_kinds: Array
    index: Indices | None
    outer: int = 1
    inner: int = 1
    windows: tuple[Axis, Axis] | None = None
    single: bool = False
    dense: Whole | None = None


def filled(channels: int) -> int:
    """Channels filled up to whole vectors."""
    return -(-channels // LANES) * LANES


def axis(entries: Entries, target: int, offset: Array | int = 0, stride: Array | int = 0) -> Axis:
    """An axis of the kernels' kind.

    Parameters
    ----------
    entries
        Where it leads.
    target
        Pixels from one target to the next.
    offset, stride
        Of each entry: what it adds to the first weight, and weights from one input channel to the next.
    """
    rows = np.zeros((len(entries.position), c.ENTRY_WIDTH), np.int64)
    rows[:, c.OFFSET], rows[:, c.TO], rows[:, c.COUNT], rows[:, c.STRIDE] = offset, entries.target * target, entries.count, stride
    return entries.position, rows


def path_tables(plan: Plan, path: Path, number: int) -> PathTables:
    """Lay out a path between populations of neurons.

    Parameters
    ----------
    plan, path, number
        The path is its target's ``number``-th.
    """
    node: Any = plan.populations[path.target].node
    source, out = image(plan.populations[path.source].shape), image(node.shape)
    mapped = _mapped(plan, path.source, node.synapses[number].relays, dense=isinstance(path.op, Dense))
    shape = mapped.shape if mapped is not None else image(path.shape)
    delivery, kernel = _kernel(path, shape)
    rows, columns = _taps(path, shape, out)
    if delivery != c.FULL:
        columns = columns.by_tap()
    if mapped is not None:
        rows, columns = composed(mapped.rows, rows), composed(mapped.columns, columns)
    weights, row_size, offset, stride = _stored(delivery, kernel, columns)
    # Weights of wide plans need not fit 16 bits.
    able = delivery == c.FULL and plan.carrier == "int32"
    given, shift = (source, mapped.shift) if mapped is not None else (shape, 0)
    (row_kinds, used_rows), (column_kinds, used_columns) = kinds(rows, given[0]), kinds(columns, given[1])
    zeros = (kernel != 0).sum(axis=3)[:, :, shift : shift + given[2]]
    nonzero = np.einsum("cx,rxk->rck", used_columns, np.einsum("ry,yxk->rxk", used_rows, zeros))
    step = 0 if isinstance(path.op, Dense) else 1
    return PathTables(
        delivery, given, shift, axis(rows, step * out[1], rows.tap() * row_size), axis(columns, step, offset, stride),
        weights.reshape(-1), nonzero, row_kinds, column_kinds, None if mapped is not None else path.index,
        kernel.shape[3], shape[2] // path.op.groups if isinstance(path.op, Conv) else 1,
        single=delivery == c.FULL and mapped is not None and _once(mapped.rows) and _once(mapped.columns),
        dense=_whole(path, kernel, out) if able and mapped is not None and _unmoved(mapped, source) else None,
    )  # fmt: skip


def _unmoved(mapped: PixelMap, source: Shape) -> bool:
    """Whether the operation's input is the source as it is."""
    moved = zip((mapped.rows, mapped.columns), source)
    return mapped.shape == source and all(np.array_equal(way, np.arange(size)) for ways, size in moved for way in ways)


def _whole(path: Path, kernel: Array, out: Shape) -> Whole | None:
    """A path as a dense operation; None where a window's numbers do not lie side by side."""
    op, (high, wide, channels, filters) = path.op, kernel.shape
    strides, before = ((op.strides, (op.padding[0][0], op.padding[1][0])) if isinstance(op, Conv) else ((1, 1), (0, 0)))
    if isinstance(op, Conv) and op.dilation != (1, 1):
        return None
    pairs = -(-wide * channels // 2)
    weights = np.zeros((high, 2 * pairs, filled(filters)), np.int16)
    weights[:, : wide * channels, :filters] = kernel.reshape(high, wide * channels, filters)
    weights = weights.reshape(high, pairs, 2, -1).transpose(0, 1, 3, 2)
    size = (out[0] - 1) * strides[0] + high, ((out[1] - 1) * strides[1] + wide) * channels
    # What lies beyond the last window is not seen, and must have its place none the less.
    seen = path.shape if isinstance(op, Conv) else kernel.shape
    size = max(size[0], seen[0] + before[0]), max(size[1], (seen[1] + before[1]) * channels)
    return Whole(weights, strides, before, size, out[0] * out[1] * kernel.size)


def pool_tables(plan: Plan, number: int) -> PathTables:
    """Lay out what leads to a max pooling.

    Parameters
    ----------
    plan, number
        The plan, and the position of the max pooling.
    """
    population = plan.populations[number]
    source = plan.populations[population.source]
    node: Any = population.node
    mapped = _mapped(plan, population.source, node.relays, dense=False)
    received = relayed(node.relays, source.shape)
    rows, columns = one_to_one(received[0]), one_to_one(received[1])
    if mapped is not None:
        rows, columns = composed(mapped.rows, rows), composed(mapped.columns, columns)
    windows = [
        windowed(received[i], node.shape[i], node.window[i], node.strides[i], node.padding[i][0]).by_tap() for i in (0, 1)
    ]
    given = image(source.shape) if mapped is not None else received
    return PathTables(
        c.POOLED, given, mapped.shift if mapped is not None else 0, axis(rows, 1), axis(columns, 1), np.zeros(0, np.int64),
        np.zeros((0, 0, 0), np.int64), np.zeros(given[0], np.int64), np.zeros(given[1], np.int64),
        None if mapped is not None else population.index, windows=(axis(windows[0], node.shape[1]), axis(windows[1], 1)),
    )  # fmt: skip


def _mapped(plan: Plan, source: int, relays: tuple[object, ...], *, dense: bool) -> PixelMap | None:
    """The relays as a map of pixels that suits the operation; a dense layer sees through a flattening."""
    shape = plan.populations[source].shape
    found = pixel_map(relays, shape)  # type: ignore[arg-type]
    made = relayed(relays, shape)  # type: ignore[arg-type]
    return found if found is not None and (dense or found.shape == image(made)) else None


def _kernel(path: Path, shape: Shape) -> tuple[int, Array]:
    """How a path is delivered, and its weights as (rows, columns, channels, filters of a group)."""
    op, weight = path.op, path.weight
    if isinstance(op, Dense):
        return c.FULL, weight.reshape(*shape, op.units)
    if isinstance(op, OneToOne):
        return c.DIAGONAL, weight.reshape(*shape, 1)
    if op.groups == 1:
        return c.FULL, weight
    outer = op.filters // op.groups
    grouped = weight.reshape(*op.window, shape[2] // op.groups, op.groups, outer).transpose(0, 1, 3, 2, 4)
    return c.DIAGONAL if op.filters == op.groups == shape[2] else c.GROUPED, grouped.reshape(*op.window, shape[2], outer)


def _taps(path: Path, shape: Shape, out: Shape) -> tuple[Entries, Entries]:
    """The operation's own axes; a dense layer is a convolution whose window is all of its input."""
    op = path.op
    if isinstance(op, Conv):
        rows, columns = (windowed(shape[i], out[i], op.window[i], op.strides[i], op.padding[i][0], op.dilation[i]) for i in (0, 1))
        return rows.by_tap(), columns
    return one_to_one(shape[0]), one_to_one(shape[1])


def _stored(delivery: int, kernel: Array, columns: Entries) -> tuple[Array, int, Array, Array | int]:
    """Weights in order of storage; the size of a kernel's row; and of each column's entry, its offset and stride."""
    if delivery != c.FULL:
        # Channels beside one another, to be multiplied with all payloads of a pixel; or filters of a group, filled up.
        wide = padded(kernel[..., 0] if delivery == c.DIAGONAL else kernel)
        stride = wide.shape[-1]
        return wide, prod(wide.shape[1:]), columns.tap() * prod(wide.shape[2:]), stride
    wide = padded(kernel)
    channels, filters = wide.shape[2:]
    sizes = columns.sizes()
    blocks = [wide[:, taps].transpose(0, 2, 1, 3).reshape(len(wide), -1) for taps in columns.taps]
    begins = (np.cumsum(sizes) - sizes) * channels
    offset = (begins[columns.phase] + columns.first) * filters
    return np.concatenate(blocks, axis=1), wide.shape[1] * channels * filters, offset, sizes[columns.phase] * filters


def padded(weights: Array) -> Array:
    """The last axis filled up with zeros to whole vectors."""
    last = weights.shape[-1]
    return np.pad(weights, [(0, 0)] * (weights.ndim - 1) + [(0, filled(last) - last)])


def _once(through: tuple[Array, Array]) -> bool:
    """Whether each position is shown at most once."""
    return len(np.unique(through[0])) == len(through[0])
