"""A convolution laid out for the compiled engine: where its events lead, and how that looks from its targets.

Kernels are stored flipped, apart for each phase of the strides, and one behind the other by input channel: what an event adds
to a row of targets is then one contiguous run. Output pixels that are added to together read zeros before and behind it.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd

import numpy as np

from tfsnn.aliases import Array
from tfsnn.compiled.kernel.emit import MOST
from tfsnn.network.ops import Conv, Shape

ABREAST = 96
"""Cells that are added to together at least, where output pixels are small."""


@dataclass(frozen=True, eq=False)
class Axis:
    """Along rows or columns: which kernel taps meet an input position, and where they lead.

    Parameters
    ----------
    phases
        Taps of each phase of the stride, in the order of their targets.
    step
        Distance of neighbouring targets.
    phase, count, target, skip
        int64 (positions): phase; number of taps whose target exists, the first such target, and taps cut off before it.
    """

    phases: list[list[int]]
    step: int
    phase: Array
    count: Array
    target: Array
    skip: Array

    @classmethod
    def of(cls, size: int, outputs: int, window: int, stride: int, before: int, dilation: int) -> Axis:
        """The axis of a convolution."""
        common = gcd(stride, dilation)
        step = dilation // common
        place = np.arange(size) + before
        # Phases that no input position has cost nothing, and all that no tap meets are one: a stride may be far beyond its input.
        present, phase = np.unique(place % stride, return_inverse=True)
        met = [tuple(i for i in reversed(range(window)) if (p - i * dilation) % stride == 0) for p in present.tolist()]
        distinct = sorted(set(met))
        phases = [list(taps) for taps in distinct]
        phase = np.array([distinct.index(taps) for taps in met])[phase.reshape(-1)]
        taps = np.array([len(taps) for taps in phases])[phase]
        last = np.array([taps[0] if taps else 0 for taps in phases])[phase]
        target = (place - last * dilation) // stride
        skip = np.minimum(np.maximum(-(target // step), 0), taps)
        target = target + skip * step
        count = np.clip((outputs - 1 - target) // step + 1, 0, taps - skip)
        return cls(phases, step, phase, count, target, skip)

    @property
    def taps(self) -> Array:
        """int64 (phases): how many taps each has."""
        return np.array([len(taps) for taps in self.phases])


class Laid:
    """A convolution's tables.

    Parameters
    ----------
    op, shape
        The convolution, and its input.
    ordered
        Whether what source neurons send arrives in one place each, in their order.
    """

    def __init__(self, op: Conv, shape: Shape, ordered: bool) -> None:
        self.op, self.shape, self.out = op, shape, op.output(shape)
        self.rows, self.columns = (
            Axis.of(shape[i], self.out[i], op.window[i], op.strides[i], op.padding[i][0], op.dilation[i]) for i in (0, 1)
        )
        # Seen from its targets, neighbouring pixels must find the same weights side by side.
        self.seen = ordered and op.groups == 1 and op.dilation == (1, 1) and op.window != (1, 1)
        self.inner, self.outer = shape[2] // op.groups, op.filters // op.groups
        self.abreast = max(1, min(ABREAST // op.filters, MOST, self.out[1])) if self.seen else 1
        self.across = (int(self.columns.taps.max()) + self.abreast - 1) * self.outer
        grid = np.meshgrid(*(np.arange(size) for size in shape), indexing="ij")
        self.u, self.v, self.channel = (part.reshape(-1) for part in grid)

    def blocks(self, weight: Array) -> list[Array]:
        """The kernels of each phase: (channels, rows, columns and zeros, filters of the group), behind as many zeros.

        Parameters
        ----------
        weight
            As the operation has it.
        """
        op, gap = self.op, (self.abreast - 1) * self.outer
        blocks = []
        for rows in self.rows.phases:
            for columns in self.columns.phases:
                part = weight[rows][:, columns].reshape(len(rows), len(columns), self.inner, op.groups, self.outer)
                part = part.transpose(3, 2, 0, 1, 4).reshape(self.shape[2], len(rows), len(columns) * self.outer)
                part = np.pad(part, ((0, 0), (0, 0), (0, self.across - part.shape[2])))
                blocks.append(np.concatenate([np.zeros(gap, weight.dtype), part.reshape(-1)]))
        return blocks

    def first(self, blocks: Array) -> Array:
        """int64 (places): where the weights begin that an event's first target adds.

        Parameters
        ----------
        blocks
            int64 (phases): where each of the blocks begins.
        """
        gap = (self.abreast - 1) * self.outer
        start = blocks.reshape(len(self.rows.phases), -1)[self.rows.phase[self.u], self.columns.phase[self.v]] + gap
        within: Array = self.rows.skip[self.u] * self.across + self.columns.skip[self.v] * self.outer
        return np.asarray(start + self.channel * self.further + within)

    @property
    def further(self) -> Array:
        """int64 (places): from one input channel's weights to the next."""
        return np.asarray(self.rows.taps[self.rows.phase[self.u]] * self.across)

    @property
    def runs(self) -> Array:
        """int64 (places, 7): shape of what an event reaches, to FLAG_RUN."""
        width, filters, columns = self.out[1], self.op.filters, self.columns.count[self.v]
        joined = self.op.groups == 1 and self.columns.step == 1
        run, taps = (columns * self.outer, np.ones_like(columns)) if joined else (np.full_like(columns, self.outer), columns)
        steps = self.rows.step * width * filters, self.columns.step * filters, self.across, self.outer
        return np.stack([self.rows.count[self.u], taps, run, *(np.full_like(columns, step) for step in steps)], axis=1)

    @property
    def target(self) -> Array:
        """int64 (places): the first target."""
        at = (self.rows.target[self.u] * self.out[1] + self.columns.target[self.v]) * self.op.filters
        return np.asarray(at + self.channel // self.inner * self.outer)

    @property
    def reached(self) -> Array:
        """int64 (places): how many targets."""
        return np.asarray(self.rows.count[self.u] * self.columns.count[self.v] * self.outer)

    def pixels(self, first: Array, nonzero: Array, known: int) -> tuple[Array, Array]:
        """What all channels of an input pixel have in common, and numbers of weights other than 0, once for all pixels that are alike.

        Parameters
        ----------
        first
            Of :meth:`first`.
        nonzero
            int64 (places): of those through which an event reaches its targets.
        known
            Where these numbers will begin.

        Returns
        -------
        int64 (pixels, 4), int64 (kinds of pixels x channels)
            Columns ORIGIN to NONZERO of :mod:`tfsnn.compiled.kernel.columns`; a kind's numbers by channel.
        """
        origin = first - self.rows.target[self.u] * self.across - self.columns.target[self.v] * self.outer
        high, wide, channels = self.shape
        kinds = [np.unique(np.stack([a.phase, a.count, a.skip]), axis=1, return_index=True, return_inverse=True)[1:] for a in
                 (self.rows, self.columns)]  # fmt: skip
        (some_rows, row), (some_columns, column) = kinds
        kind = row.reshape(-1)[:, None] * len(some_columns) + column.reshape(-1)
        table = nonzero.reshape(high, wide, channels)[some_rows[:, None], some_columns]
        pixel = np.stack([origin, self.further, self.reached], axis=1)[::channels]
        return np.concatenate([pixel, known + kind.reshape(-1, 1) * channels], axis=1), table.reshape(-1)

    def field(self, alone: int, pixels: int) -> Array:
        """int64 (15): columns FIELD_HIGH to PIXELS of :mod:`tfsnn.compiled.kernel.columns`.

        Parameters
        ----------
        alone, pixels
            Its last two columns.
        """
        before, out = [border[0] for border in self.op.padding], self.out
        own = *self.op.window, *self.op.strides, *before, self.shape[1], *out[:2], self.shape[2], out[2], self.across, self.abreast
        return np.array([*own, alone, pixels], np.int64)

    @property
    def most(self) -> int:
        """Places that may lie in the field of output pixels that are added to together."""
        high, wide = self.op.window
        return high * (wide + (self.abreast - 1) * self.op.strides[1]) * self.shape[2]
