"""One path of a plan laid out for the compiled engine: its axes, its weights in the order in which events take them, and its zeros."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from tfsnn.aliases import Array
from tfsnn.compiled.axes import Entries, PixelMap, chained, composed, image, kinds, one_to_one, pixel_map, windowed
from tfsnn.compiled.kernel import columns as c
from tfsnn.compiled.kernel.lanes import LANES
from tfsnn.compiled.kernel.plain import window_blocks
from tfsnn.network.ops import Conv, Dense, Indices, OneToOne, Shape, relayed
from tfsnn.plan.plan import Path, Plan

Axis = tuple[Array, Array]
"""int64 (entries): their positions, rising; int64 (entries, ENTRY_WIDTH)."""
NONE = np.zeros(0, np.int64)


@dataclass(frozen=True, eq=False)
class Field:
    """A path as its targets see it: windows over an image of the source with a border.

    Parameters
    ----------
    weights
        As the kernels of its delivery take them, in pairs.
    window
        Rows and columns, gaps included.
    strides, before, after
        Of the operation, along rows and columns; the border in front and behind that windows reach into.
    products, pairs
        Of weights and payloads, for each target pixel; pairs of numbers in each row of the window, of depthwise ones in all of it.
    taps
        Of depthwise ones: rows and columns (pairs, 2) of each tap within the window.
    """

    weights: Array
    window: tuple[int, int]
    strides: tuple[int, int]
    before: tuple[int, int]
    after: tuple[int, int]
    products: int
    pairs: int
    taps: tuple[Array, Array] | None = None


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
    field
        How its targets see it, None if they do not.
    single, point
        Whether no event reaches a neuron twice; whether each pixel leads to the same pixel alone.
    reach
        (int64, int64) for rows and for columns: a position, and a row or column of targets that it reaches.
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
    field: Field | None = None
    single: bool = False
    point: bool = False
    reach: tuple[tuple[Array, Array], tuple[Array, Array]] = ((NONE, NONE), (NONE, NONE))


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
    given, shift = (source, mapped.shift) if mapped is not None else (shape, 0)
    (row_kinds, used_rows), (column_kinds, used_columns) = kinds(rows, given[0]), kinds(columns, given[1])
    zeros = (kernel != 0).sum(axis=3)[:, :, shift : shift + given[2]]
    nonzero = np.einsum("cx,rxk->rck", used_columns, np.einsum("ry,yxk->rxk", used_rows, zeros))
    step = 0 if isinstance(path.op, Dense) else 1
    still = mapped is not None and _unmoved(mapped, source)
    spread = columns.by_tap()
    return PathTables(
        delivery, given, shift, axis(rows, step * out[1], rows.tap() * row_size), axis(columns, step, offset, stride),
        weights.reshape(-1), nonzero, row_kinds, column_kinds, None if mapped is not None else path.index,
        kernel.shape[3], shape[2] // path.op.groups if isinstance(path.op, Conv) else 1,
        single=delivery in (c.FULL, c.DIAGONAL) and mapped is not None and _once(mapped.rows) and _once(mapped.columns),
        point=still and delivery == c.FULL and isinstance(path.op, Conv) and path.op.window == path.op.strides == (1, 1)
        and source[:2] == out[:2] and not plan.populations[path.source].node.external,
        field=_field(plan, path, delivery, kernel, out) if still else None,
        reach=((rows.position, step * rows.target), (spread.position, step * spread.target)),
    )  # fmt: skip


def _unmoved(mapped: PixelMap, source: Shape) -> bool:
    """Whether the operation's input is the source as it is."""
    moved = zip((mapped.rows, mapped.columns), source)
    return mapped.shape == source and all(np.array_equal(way, np.arange(size)) for ways, size in moved for way in ways)


def image_cells(plan: Plan, number: int) -> int:
    """Numbers of a pixel in a population's image: an input's are packed, as its first convolution's windows are small."""
    channels = image(plan.populations[number].shape)[2]
    return channels if plan.populations[number].node.external else filled(channels)


def _field(plan: Plan, path: Path, delivery: int, kernel: Array, out: Shape) -> Field | None:
    """A path as its targets see it; None where that is not made for it."""
    op, cells, wide = path.op, image_cells(plan, path.source), 1
    if delivery not in (c.FULL, c.DIAGONAL) or isinstance(op, OneToOne) or plan.carrier != "int32":
        return None
    size, strides, before, dilation = (image(path.shape) if isinstance(op, Conv) else kernel.shape), (1, 1), (0, 0), (1, 1)
    if isinstance(op, Conv):
        strides, before, dilation = op.strides, (op.padding[0][0], op.padding[1][0]), op.dilation
    high, wide, channels, filters = kernel.shape
    window = (high - 1) * dilation[0] + 1, (wide - 1) * dilation[1] + 1
    after = tuple(max((out[i] - 1) * strides[i] + window[i] - before[i] - size[i], 0) for i in (0, 1))
    products = kernel.size
    if delivery == c.FULL:
        if dilation != (1, 1):
            return None
        return Field(_in_pairs(kernel, cells), window, strides, before, (after[0], after[1]), products, -(-wide * cells // 2))
    population = plan.populations[path.target]
    if len(population.paths) > 1 or not population.threshold or population.function.kind not in ("linear", "relu"):
        return None
    if cells % LANES:
        # An input's image is packed.
        return None
    # Taps in pairs; where one is left over, the first once more, with weights of 0.
    rows, columns = np.divmod(np.append(np.arange(high * wide), np.zeros(high * wide % 2, np.int64)), wide)
    weights = np.zeros((len(rows), cells), np.int64)
    weights[: high * wide, :channels] = kernel.reshape(high * wide, channels)
    return Field(
        interleaved(weights), window, strides, before, (after[0], after[1]), products, len(rows) // 2,
        (rows * dilation[0], columns * dilation[1]),
    )  # fmt: skip


def _in_pairs(kernel: Array, cells: int) -> Array:
    """Weights (rows, columns, channels, filters) as (blocks of filters, rows, pairs of numbers of the source's image, filters, 2), flat."""
    high, wide, channels, filters = kernel.shape
    made = np.zeros((high, wide, cells, filled(filters)), np.int64)
    made[:, :, :channels, :filters] = kernel
    made = np.pad(made.reshape(high, wide * cells, -1), [(0, 0), (0, wide * cells % 2), (0, 0)])
    made = made.reshape(high, -1, 2, made.shape[2]).transpose(0, 1, 3, 2)
    ends = LANES * np.cumsum(window_blocks(made.shape[2] // LANES))[:-1]
    return np.concatenate([block.reshape(-1) for block in np.split(made, ends, axis=2)])


def interleaved(weights: Array) -> Array:
    """Weights (taps, cells), two taps at a time, in the order in which vectors interleave their payloads: (pairs, 2 cells).

    Of sixteen channels, fours 0 and 2 come before fours 1 and 3; eight that are left over stay in order.

    Parameters
    ----------
    weights
        An even number of taps, whole vectors of cells.
    """
    pairs, cells = len(weights) // 2, weights.shape[1]
    whole, given = cells // 16 * 16, weights.reshape(pairs, 2, cells)
    fours = given[:, :, :whole].reshape(pairs, 2, -1, 4, 4)[:, :, :, [0, 2, 1, 3]]
    parts = fours.transpose(0, 2, 3, 4, 1).reshape(pairs, -1), given[:, :, whole:].transpose(0, 2, 1).reshape(pairs, -1)
    return np.concatenate(parts, axis=1)


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
        np.zeros((1, 1, given[2]), np.int64), np.zeros(given[0], np.int64), np.zeros(given[1], np.int64),
        None if mapped is not None else population.index, windows=(axis(windows[0], node.shape[1]), axis(windows[1], 1)),
        reach=(
            chained((rows.position, rows.target), (windows[0].position, windows[0].target)),
            chained((columns.position, columns.target), (windows[1].position, windows[1].target)),
        ),
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
