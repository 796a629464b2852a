"""Where the rows and columns of an operation's input lead: a handful of integers for each, whatever the size of strides and windows.

    target t receives tap i of the window from position t stride + i dilation - before

Kernels are stored flipped and apart for each phase of the stride, so that what a position adds along neighbouring targets lies side
by side.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd

import numpy as np

from tfsnn.aliases import Array
from tfsnn.network.ops import AveragePool, Pad, Relay, Reshape, Shape, Stretch, Upsample


@dataclass(frozen=True, eq=False)
class Entries:
    """Where positions lead, one row after the other; positions in order, targets rising.

    Parameters
    ----------
    position
        int64 (entries)
    first, count, target
        int64 (entries): the first tap in the order of storage, how many, and the target of that first one; they are neighbours.
    phase
        int64 (entries): which of the window's phases they belong to.
    taps
        The window's taps by phase, in the order of storage.
    """

    position: Array
    first: Array
    count: Array
    target: Array
    phase: Array
    taps: list[list[int]]

    def sizes(self) -> Array:
        """int64 (phases): taps of each."""
        return np.array([len(taps) for taps in self.taps], np.int64)

    def tap(self) -> Array:
        """int64 (entries): the first tap, by its number in the window."""
        begins = np.cumsum([0, *map(len, self.taps)])
        stored: Array = np.concatenate([np.array(part, np.int64) for part in self.taps])
        return np.asarray(stored[begins[self.phase] + self.first])

    def by_tap(self) -> Entries:
        """The same, an entry for each tap."""
        each = np.repeat(np.arange(len(self.position)), self.count)
        nth = np.arange(len(each)) - np.repeat(np.cumsum(self.count) - self.count, self.count)
        first, target = self.first[each] + nth, self.target[each] + nth
        return Entries(self.position[each], first, np.ones_like(each), target, self.phase[each], self.taps)


def windowed(size: int, outputs: int, window: int, stride: int, before: int, dilation: int = 1) -> Entries:
    """The axis of a convolution or of a pooling.

    Parameters
    ----------
    size, outputs
        Positions and targets.
    window, stride, before, dilation
        Of the operation, along this axis.
    """
    phases = sorted({i * dilation % stride for i in range(window)})
    taps = [[i for i in reversed(range(window)) if i * dilation % stride == phase] for phase in phases]
    step = dilation // gcd(stride, dilation)
    here = (np.arange(size) + before) % stride
    phase = np.searchsorted(phases, here)
    known = np.append(phases, -1)[phase] == here
    position, phase = np.flatnonzero(known), phase[known]
    last = np.array([t[0] for t in taps])[phase] * dilation
    target = (position + before - last) // stride
    total = np.array([len(t) for t in taps])[phase]
    skip = np.minimum(np.maximum(-(target // step), 0), total)
    target = target + skip * step
    count = np.clip((outputs - 1 - target) // step + 1, 0, total - skip)
    some = count > 0
    position, phase, skip, target, count = (part[some] for part in (position, phase, skip, target, count))
    if step == 1:
        return Entries(position, skip, count, target, phase, taps)
    each = np.repeat(np.arange(len(position)), count)
    nth = np.arange(len(each)) - np.repeat(np.cumsum(count) - count, count)
    return Entries(position[each], skip[each] + nth, np.ones_like(each), target[each] + nth * step, phase[each], taps)


def one_to_one(size: int) -> Entries:
    """An axis of which each position leads to a target of its own, and is a tap of its own."""
    position = np.arange(size)
    return Entries(position, position, np.ones_like(position), position, np.zeros_like(position), [list(range(size))])


@dataclass(frozen=True, eq=False)
class PixelMap:
    """Relays under which pixels lead to pixels, all of whose channels move alike.

    Parameters
    ----------
    rows, columns
        (int64, int64): a position of the source, and one that shows it.
    shape
        The image behind them.
    shift
        Its channel that shows channel 0.
    """

    rows: tuple[Array, Array]
    columns: tuple[Array, Array]
    shape: Shape
    shift: int = 0


def image(shape: Shape) -> Shape:
    """A shape as (rows, columns, channels); what has no rows has one."""
    return ((1, 1, 1) + tuple(shape))[-3:] if len(shape) < 4 else (1, int(np.prod(shape[:-1])), shape[-1])


def pixel_map(relays: tuple[Relay, ...], shape: Shape) -> PixelMap | None:
    """The relays as a map of pixels; None if they are no such map. A flattening at the end is left out: a dense layer sees through it.

    Parameters
    ----------
    relays, shape
        Of a synapse, and the shape of its source.
    """
    rows, columns, _ = image(shape)
    found = PixelMap((np.arange(rows),) * 2, (np.arange(columns),) * 2, image(shape))
    for number, relay in enumerate(relays):
        out = relay.output(shape)
        if isinstance(relay, Reshape):
            if image(out) != image(shape):
                rest = [type(other) for other in relays[number:]]
                return found if len(out) == 1 and all(kind is Reshape for kind in rest) and len(relays[-1].output(out)) == 1 else None
        elif len(shape) != 3 or not isinstance(relay, (Pad, Upsample, Stretch, AveragePool)):
            return None
        else:
            channels = relay.widths[2] if isinstance(relay, Pad) else (0, 0)
            if min(channels) < 0:
                return None
            rows_of, columns_of = (_step(relay, axis, shape[axis], out[axis]) for axis in (0, 1))
            found = PixelMap(chained(found.rows, rows_of), chained(found.columns, columns_of), out, found.shift + channels[0])
        shape = out
    return found


def _step(relay: Relay, axis: int, size: int, outputs: int) -> tuple[Array, Array]:
    """A relay along one axis: (position, position that shows it)."""
    position = np.arange(size)
    if isinstance(relay, Pad):
        shown = position + relay.widths[axis][0]
    elif isinstance(relay, Upsample):
        position = np.repeat(position, relay.factors[axis])
        shown = np.arange(len(position))
    elif isinstance(relay, Stretch):
        shown = position * relay.strides[axis]
    elif isinstance(relay, AveragePool):
        entries = windowed(size, outputs, relay.window[axis], relay.strides[axis], 0).by_tap()
        position, shown = entries.position, entries.target
    else:
        raise TypeError(f"{type(relay).__name__} is no map of rows to rows")
    inside = (shown >= 0) & (shown < outputs)
    return position[inside], shown[inside]


def chained(first: tuple[Array, Array], then: tuple[Array, Array]) -> tuple[Array, Array]:
    """One map after the other.

    Parameters
    ----------
    first, then
        (int64, int64): a position, and one that it leads to.
    """
    order = np.argsort(then[0], kind="stable")
    begin, end = (np.searchsorted(then[0][order], first[1], side) for side in ("left", "right"))
    each = np.repeat(np.arange(len(begin)), end - begin)
    nth = np.arange(len(each)) - np.repeat(np.cumsum(end - begin) - (end - begin), end - begin)
    return first[0][each], then[1][order][begin[each] + nth]


def composed(through: tuple[Array, Array], entries: Entries) -> Entries:
    """The entries of a source's positions, by way of the positions that show them.

    Parameters
    ----------
    through
        Of a :class:`PixelMap`.
    entries
        Of the operation.
    """
    source, each = chained(through, (entries.position, np.arange(len(entries.position))))
    order = np.lexsort((entries.target[each], source))
    source, each = source[order], each[order]
    return Entries(source, entries.first[each], entries.count[each], entries.target[each], entries.phase[each], entries.taps)


def kinds(entries: Entries, size: int) -> tuple[Array, Array]:
    """Positions that use the same taps as often: int64 (positions) the kind of each, int64 (kinds, taps) how often.

    Parameters
    ----------
    entries
        Of an axis.
    size
        Positions.
    """
    single, taps = entries.by_tap(), sum(map(len, entries.taps))
    used = np.zeros((size, taps), np.int64)
    np.add.at(used, (single.position, single.tap()), 1)
    found, number = np.unique(used, axis=0, return_inverse=True)
    return number.reshape(-1), found
