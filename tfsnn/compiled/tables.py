"""A plan laid out as the flat arrays that the compiled engine's loops walk; :mod:`tfsnn.compiled.kernel.state` says what each holds."""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd

import numpy as np

from tfsnn.aliases import Array
from tfsnn.compiled.cells import LINE, aligned, bounds, spread
from tfsnn.compiled.conv_tables import Laid
from tfsnn.compiled.kernel import columns as c
from tfsnn.compiled.kernel import state as k
from tfsnn.compiled.kernel.vector import SPARE
from tfsnn.network.fanout import fanout_nonzero
from tfsnn.network.nodes import Input, MaxPool
from tfsnn.network.ops import Conv, Dense, Indices
from tfsnn.plan.grid_function import STATE_LIMIT
from tfsnn.plan.plan import Path, Plan, Population

ENDLESS = 1 << 62
PILE = 256
KINDS = {"linear": c.VECTOR, "relu": c.VECTOR, "sloped": c.SLOPED, "table": c.TABULATED}


@dataclass(frozen=True, eq=False)
class Flat:
    """A plan for the loops.

    Parameters
    ----------
    net
        All that is only read.
    start_x, start_told, start_bound
        Where a sample begins: carrier (1, cells), float64 (1, populations).
    flags, lists, pile, near, pixels, abreast
        Sizes of those parts of a thread's work: its piles, what arrives in a convolution, in how many pixels, and the cells of output
        pixels that are added to together.
    """

    net: k.Net
    start_x: Array
    start_told: Array
    start_bound: Array
    flags: int
    lists: int
    pile: int
    near: int
    pixels: int
    abreast: int


class Layout:
    """Collects the tables of a plan, population by population."""

    def __init__(self, plan: Plan, carrier: str) -> None:
        self.plan, self.carrier = plan, np.dtype(carrier)
        self.weights: list[Array] = []
        self.entries: list[Array] = []
        self.firsts: list[Array] = []
        self.shapes: list[Array] = []
        self.windows: list[Array] = []
        self.window_firsts: list[Array] = []
        self.taps: list[Array] = []
        self.tap_firsts: list[Array] = []
        self.slopes: list[Array] = []
        self.tables: list[Array] = []
        self.population = np.zeros((len(plan.populations), 21), np.int64)
        self.level = np.zeros((len(plan.populations), 4), self.carrier)
        self.fields: list[Array] = []
        self.seats: list[Array] = []
        self.pixels: list[Array] = []
        self.nonzero: list[Array] = []
        self.cells = self.flags = self.lists = self.near = self.seen = self.abreast = 0
        self.pile = PILE
        for number, population in enumerate(plan.populations):
            self.place(number, population)
            self.function(number, population)
        for number, population in enumerate(plan.populations):
            if isinstance(population.node, MaxPool):
                self.pool(number, population)

    def place(self, number: int, population: Population) -> None:
        """Give a population its cells, flags, and list."""
        row, silent = self.population[number], isinstance(population.node, Input)
        heard, size = (0 if silent else len(population.rest_x)), population.size
        grain = gcd(*(_granule(path) for path in population.paths)) if population.paths else 1
        row[c.BASE], row[c.HEARD], row[c.LIST], row[c.LISTED] = self.cells, heard, self.lists, size
        row[c.FLAGS], row[c.GRAIN], row[c.PAYLOAD], row[c.SPEAKS] = self.flags, grain, population.payload, population.threshold > 0
        row[c.LARGEST] = ENDLESS if silent else self.plan.largest
        row[c.DIRECT] = self.plan.direct and not isinstance(population.node, MaxPool)
        row[c.LEAST] = 1 if row[c.DIRECT] else population.threshold // population.payload
        # The same for either carrier: a stream goes on in float64 where float32 ends.
        line = LINE // np.dtype(np.float32).itemsize
        self.cells += 0 if silent else -(-max(heard, size) // line) * line
        self.flags += 0 if silent else size // grain
        self.lists += size

    def function(self, number: int, population: Population) -> None:
        """f, and when a neuron speaks. The last entry of a direct quantizer's interval is P - 1, its middle OFFSET."""
        row, level, f = self.population[number], self.level[number], population.function
        row[c.KIND] = KINDS[f.kind] if population.threshold else c.VECTOR
        if isinstance(population.node, (Input, MaxPool)):
            row[c.KIND] = c.INPUT if isinstance(population.node, Input) else c.POOL
        level[c.FLOOR], level[c.CEILING] = (0, f.top) if f.kind == "relu" else (-np.inf, np.inf)
        level[c.CHANGE] = population.threshold or np.inf
        if row[c.DIRECT] and population.threshold:
            level[c.CHANGE], level[c.OFFSET] = population.payload / 2, (population.payload - 1) / 2
        if row[c.KIND] == c.SLOPED:
            row[c.TABLE] = sum(map(len, self.slopes))
            self.slopes.append(f.slope)
        elif row[c.KIND] == c.TABULATED:
            row[c.TABLE], row[c.ENTRIES], row[c.LOW], row[c.SHIFT] = sum(map(len, self.tables)), len(f.table), f.low, f.shift
            row[c.FLAT_LOW], row[c.FLAT_HIGH] = f.flat
            self.tables.append(f.table)

    def pool(self, number: int, population: Population) -> None:
        """The windows over each heard cell, in order, and the cells under each window."""
        row, base = self.population[number], self.population[number, c.BASE]
        row[c.WINDOWS], row[c.POOLS] = sum(map(len, self.window_firsts)), sum(map(len, self.tap_firsts))
        window, tap = np.nonzero(population.windows >= 0)
        place = population.windows[window, tap]
        order = np.lexsort((window, place))
        for lists, firsts, values, keys, count in (
            (self.windows, self.window_firsts, window[order], place, len(population.index)),
            (self.taps, self.tap_firsts, base + place, window, population.size),
        ):
            firsts.append(_starts(keys, count) + sum(map(len, lists)))
            lists.append(values)

    def path(self, source: int, target: int, path: Path | None) -> int:
        """Append one path's entries; what a link's column ALONE is to hold if it is the only one."""
        population, laid = self.plan.populations[target], None
        if path is None:
            entry = np.zeros((len(population.index), 4), np.int64)
            entry[:, c.AT] = self.population[target, c.BASE] + np.arange(len(entry))
            index, valid = population.index, np.ones(len(entry), bool)
        else:
            row = self.population[target]
            if isinstance(path.op, Conv):
                laid = Laid(path.op, path.shape, _in_order(path.index, self.plan.populations[source].size))
                entry, valid = self.conv(laid, path, row)
            else:
                entry, valid = self.dense(path, row) if isinstance(path.op, Dense) else self.skip(path, row)
            index = path.index
            entry[:, c.FANOUT_NONZERO] = fanout_nonzero(path.op, path.weight, path.shape)
        times, size = int(np.bincount(index[index >= 0], minlength=1).max()), self.plan.populations[source].size
        self.fields.append(self.field(laid, path, entry, self.population[target]))
        if path is not None and times <= 1:
            return self.whole(index, valid, entry, self.population[target], size)
        self.invert(index, valid, entry, size)
        return 0 if path is None and times <= 1 else -1

    def whole(self, index: Indices, valid: Array, entry: Array, row: Array, size: int) -> int:
        """Append one entry for each source neuron, of no runs where an event arrives nowhere; the first entry."""
        first = sum(map(len, self.entries))
        entries, seats = np.zeros((size, 4), np.int64), np.full(size, -1)
        entries[:, c.SHAPE], entries[:, c.AT] = self.shaped(np.zeros((1, 7), np.int64), row), row[c.BASE]
        place, term = np.nonzero((index >= 0) & valid[:, None])
        entries[index[place, term]], seats[index[place, term]] = entry[place], place
        self.entries.append(entries)
        self.seats.append(seats)
        self.firsts.append(first + np.arange(size + 1))
        return first

    def invert(self, index: Indices, valid: Array, entry: Array, size: int) -> None:
        """Append the entries of each source neuron, place after place."""
        place, term = np.nonzero((index >= 0) & valid[:, None])
        source = index[place, term]
        order = np.lexsort((place, source))
        first, starts = sum(map(len, self.entries)), _starts(source, size)
        self.firsts.append(starts + first)
        self.entries.append(entry[place[order]])
        self.seats.append(place[order])

    def dense(self, path: Path, row: Array) -> tuple[Array, Array]:
        """Entries of a dense operation by place: one run."""
        units = path.weight.shape[1]
        first = self.weigh(path.weight)
        shape = self.shaped(np.array([[1, 1, units, 0, 0, 0, 0]]), row)
        entry = self.entered(np.full(len(path.weight), shape), np.full(len(path.weight), row[c.BASE]), row)
        entry[:, c.WEIGHT] = first + np.arange(len(entry)) * units
        return entry, np.ones(len(entry), bool)

    def skip(self, path: Path, row: Array) -> tuple[Array, Array]:
        """Entries of a one-to-one operation by place: one neuron."""
        places = np.arange(path.weight.size)
        first = self.weigh(path.weight)
        shape = self.shaped(np.array([[1, 1, 1, 0, 0, 0, 0]]), row)
        entry = self.entered(np.full(len(places), shape), row[c.BASE] + places, row)
        entry[:, c.WEIGHT] = first + places
        return entry, np.ones(len(entry), bool)

    def conv(self, laid: Laid, path: Path, row: Array) -> tuple[Array, Array]:
        """Entries of a convolution by place."""
        entry = self.entered(self.shaped(laid.runs, row), row[c.BASE] + laid.target, row)
        entry[:, c.WEIGHT] = laid.first(np.array([self.weigh(block) for block in laid.blocks(path.weight)]))
        return entry, laid.reached > 0

    def field(self, laid: Laid | None, path: Path | None, entry: Array, row: Array) -> Array:
        """How a path looks from its targets; nothing but zeros if it is no such convolution."""
        if path is None or laid is None or not laid.seen:
            return np.zeros(15, np.int64)
        alone = self.shaped(np.array([[1, 1, count * laid.outer, 0, 0, 0, 0] for count in range(1, laid.abreast + 1)]), row)
        pixels, nonzero = laid.pixels(entry[:, c.WEIGHT], entry[:, c.FANOUT_NONZERO], sum(map(len, self.nonzero)))
        field = laid.field(alone[0], sum(map(len, self.pixels)))
        self.pixels.append(pixels)
        self.nonzero.append(nonzero)
        self.pile, self.near = max(self.pile, laid.most * path.index.shape[1]), max(self.near, path.index.size)
        self.seen, self.abreast = max(self.seen, len(pixels)), max(self.abreast, laid.abreast * laid.outer)
        return field

    def weigh(self, weight: Array) -> int:
        """Append weights; where they begin."""
        first = sum(map(len, self.weights))
        self.weights.append(weight.reshape(-1))
        return first

    def shaped(self, table: Array, row: Array) -> Array:
        """Append the distinct shapes of a table of them; the number of each row's shape.

        Where a row is one run, rows count as taps of a single row: the inner loop has more to do.
        """
        swapped = table[:, [c.TAPS, c.ROWS, c.RUN, c.TAP_STEP, c.ROW_STEP, c.TAP_WEIGHT, c.ROW_WEIGHT]]
        table = np.where(table[:, [c.TAPS]] == 1, swapped, table)
        first, (distinct, number) = sum(map(len, self.shapes)), np.unique(table, axis=0, return_inverse=True)
        flags = distinct[:, [c.RUN, c.ROW_STEP, c.TAP_STEP]] // row[c.GRAIN]
        reached = distinct[:, [c.ROWS, c.TAPS, c.RUN]].prod(axis=1, keepdims=True)
        self.shapes.append(np.concatenate([distinct, flags, reached], axis=1))
        return first + number.reshape(-1)

    def entered(self, shape: Array, at: Array, row: Array) -> Array:
        """Entries of these shapes at these cells."""
        entry = np.zeros((len(at), 4), np.int64)
        entry[:, c.SHAPE], entry[:, c.AT] = shape, at
        return entry


def flatten(plan: Plan, carrier: str, schedule: str) -> Flat:
    """Lay out a plan.

    Parameters
    ----------
    plan
        The plan.
    carrier
        ``"float32"`` or ``"float64"``.
    schedule
        ``"slot"`` sums many weights before it touches a state: they are kept in 16 bits where these suffice, so that more of them lie
        in the nearest caches. To ``"spike"`` turning them into the carrier would cost more than that saves.
    """
    layout, populations = Layout(plan, carrier), plan.populations
    links: list[tuple[int, ...]] = []
    link_first, path_first, most = [0], list[int](), list[int]()
    for source in range(len(populations)):
        for target in plan.consumers(source):
            paths: list[Path | None] = [path for path in populations[target].paths if path.source == source]
            paths = paths or [None]
            first, alone = len(path_first), -1
            for path in paths:
                path_first.append(sum(map(len, layout.firsts)))
                alone = layout.path(source, target, path)
                most.append(min(path.reach) if path is not None else 1)
            links.append((target, first, first + len(paths), source, alone if len(paths) == 1 else -1))
            if populations[target].threshold:
                layout.population[source, c.PUSHES] += populations[target].size
        link_first.append(len(links))
    link = np.array(links, np.int64).reshape(-1, 5)
    grow = [sum(most[first:last]) for _, first, last, _, _ in links]
    cells = [layout.population[at, c.BASE] + np.arange(populations[at].size) for at in plan.outputs]
    starts = np.cumsum([0, *(populations[at].size for at in plan.inputs)])[:-1]
    entry, kept = _joined(layout.entries, "int32", 4), "int16" if schedule == "slot" and _short(layout.weights) else carrier
    net = k.Net(
        weight=aligned(_joined(layout.weights, kept), SPARE), entry=entry, place=entry.view(np.int64),
        first=_joined(layout.firsts, "int32"),
        shape=_joined(layout.shapes, "int64", 11), link=link, population=layout.population, level=layout.level,
        path=np.array(path_first, np.int64), most=np.array(most, np.float64), grow=np.array(grow, np.float64),
        link_first=np.array(link_first, np.int64),
        ear_first=_starts(link[:, c.TARGET], len(populations)), ear=np.argsort(link[:, c.TARGET], kind="stable"),
        window_first=_joined(layout.window_firsts, "int32"), window=_joined(layout.windows, "int32"),
        tap_first=_joined(layout.tap_firsts, "int32"), tap=_joined(layout.taps, "int32"),
        seat=_joined(layout.seats, "int32"), pixel=_joined(layout.pixels, "int32", 4), nonzero=_joined(layout.nonzero, "int32"),
        field=_joined([field[None] for field in layout.fields], "int64", 15), slope=_joined(layout.slopes, "float64"),
        table=_joined(layout.tables, "int64"), output=_joined(cells, "int64"),
        inputs=np.stack([np.array(plan.inputs, np.int64), starts], axis=1), limit=float(STATE_LIMIT[carrier]),
    )  # fmt: skip
    x, told = spread(plan, net, [p.rest_x[None] for p in populations], [p.rest_o[None] for p in populations])
    sizes = layout.flags, layout.lists, layout.pile, layout.near, layout.seen, layout.abreast
    return Flat(net, x, told, bounds(net, x), *sizes)


def _granule(path: Path) -> int:
    """Neurons of the target that an event reaches together or not at all."""
    if isinstance(path.op, Conv):
        return path.op.filters // path.op.groups
    return path.op.units if isinstance(path.op, Dense) else 1


def _short(weights: list[Array]) -> bool:
    """Whether 16 bits hold all weights."""
    return max((int(np.abs(part).max(initial=0)) for part in weights), default=0) < 1 << 15


def _in_order(index: Indices, size: int) -> bool:
    """Whether what source neurons send arrives in one place each, in their order."""
    place, term = np.nonzero(index >= 0)
    seat = np.full(size, -1)
    seat[index[place, term]] = place
    return len(place) == np.count_nonzero(seat >= 0) and bool((np.diff(seat[seat >= 0]) > 0).all())


def _starts(keys: Array, count: int) -> Array:
    """int64 (count + 1): where each key begins in a sorted list."""
    return np.concatenate([[0], np.cumsum(np.bincount(keys, minlength=count))]).astype(np.int64)


def _joined(parts: list[Array], dtype: str, width: int = 0) -> Array:
    empty = np.zeros((0, width) if width else 0, dtype)
    return np.ascontiguousarray(np.concatenate([empty, *parts]), dtype)
