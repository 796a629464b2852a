"""A plan laid out as the tables that the compiled engine's kernels walk; :mod:`tfsnn.compiled.kernel.columns` names what they hold.

Nothing here has a row for each neuron but index maps, of paths whose pixels do not lead to pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, prod

import numpy as np

from tfsnn.aliases import Array
from tfsnn.compiled.axes import image
from tfsnn.compiled.kernel import columns as c
from tfsnn.compiled.kernel.lanes import LANES
from tfsnn.compiled.paths import Axis, PathTables, Whole, filled, path_tables, pool_tables
from tfsnn.network.nodes import Input, MaxPool
from tfsnn.network.ops import Conv, OneToOne, relayed
from tfsnn.plan.plan import Plan, Population

ENDLESS = 1 << 62
LINE = 64
SPARE = 64
"""Cells that vectors may read and write, adding 0, behind the last."""
KINDS = {"linear": c.VECTOR, "relu": c.VECTOR, "sloped": c.SLOPED, "table": c.TABULATED}
SHORT = (1 << 15) - 1
DENSE_SHARE = 0.25
"""Where this share of a source has changed, its paths are done as a whole: the break-even point, measured (docs/speed.md)."""


@dataclass(frozen=True, eq=False)
class Tables:
    """A plan for the kernels.

    Parameters
    ----------
    arrays
        By slot of the context.
    narrow
        Whether states are int32.
    population, lists
        The tables of populations and of lists of events, a row each.
    x_cells, o_cells, pixels, events, blocks, flags, reached, image
        Sizes of those parts of a thread's memory.
    """

    arrays: dict[int, Array]
    narrow: bool
    population: Array
    lists: Array
    x_cells: int
    o_cells: int
    pixels: int
    events: int
    blocks: int
    flags: int
    reached: int
    image: int

    @property
    def carrier(self) -> np.dtype[np.signedinteger]:
        """The type of states."""
        return np.dtype(np.int32 if self.narrow else np.int64)


class TableBuilder:
    """Collects the tables of a plan.

    Parameters
    ----------
    plan, narrow
        The plan, and whether states are int32.
    """

    def __init__(self, plan: Plan, narrow: bool) -> None:
        self.plan, self.narrow = plan, narrow
        self.parts: dict[int, list[Array]] = {}
        self.population = np.zeros((len(plan.populations), c.POPULATION_WIDTH), np.int64)
        self.paths: list[Array] = []
        self.lists: list[tuple[int, int, int, int]] = []
        self.x_cells = self.o_cells = self.flags = self.reached = self.pixels = self.events = 0
        self.image = 0
        # Room for the blocks of one pixel: those of lists that have none of their own.
        self.blocks = max(filled(image(population.shape)[2]) for population in plan.populations) // LANES + 1

    def add(self, slot: int, values: Array) -> int:
        """Append to the array of a slot; where it begins."""
        parts = self.parts.setdefault(slot, [])
        first = sum(map(len, parts))
        parts.append(np.asarray(values).reshape(-1))
        return first

    def add_list(self, pixels: int, events: int, blocks: int = 0) -> int:
        """Make room for a list of events; its number. Eight rows more: what is packed side by side is written in whole vectors."""
        self.lists.append((self.pixels, self.events, self.blocks if blocks else 0, int(blocks > 0)))
        # Where a payload did not fit, the check goes on in a wide context, and may name each pixel once more; and one more is written
        # before it is known whether it holds anything.
        self.pixels, self.events = self.pixels + 2 * pixels + 1, self.events + events + 8
        self.blocks += 2 * blocks + (blocks > 0)
        return len(self.lists) - 1

    def place(self, number: int, population: Population) -> None:
        """Give a population its cells, flags and list."""
        row, (rows, wide, channels) = self.population[number], image(population.shape)
        row[c.X], row[c.O], row[c.PIXELS], row[c.WIDTH], row[c.CHANNELS] = self.x_cells, self.o_cells, rows * wide, wide, channels
        row[c.CELLS], row[c.FLAG] = filled(channels), self.flags
        received = population.shape
        if isinstance(population.node, MaxPool):
            received = relayed(population.node.relays, self.plan.populations[population.source].shape)
        if not isinstance(population.node, Input):
            row[c.X_SIZE] = prod(image(received)[:2]) * filled(channels)
            self.x_cells += row[c.X_SIZE]
            self.o_cells += rows * wide * filled(channels)
            self.flags += -(-rows * wide // 8) * 8
        row[c.SPIKES], row[c.PAYLOAD] = population.threshold > 0, population.payload
        row[c.LARGEST] = ENDLESS if isinstance(population.node, Input) else self.plan.largest
        self.add_list(rows * wide, population.size, self.blocks_sent(number) * rows * wide)

    def blocks_sent(self, number: int) -> int:
        """Blocks of a pixel, if what it sends is delivered channel by channel."""
        population = self.plan.populations[number]
        if isinstance(population.node, Input) or not population.threshold:
            return 0
        paths = [path for target in self.plan.populations for path in target.paths if path.source == number]
        each = any(isinstance(path.op, OneToOne) or (isinstance(path.op, Conv) and path.op.groups > 1) for path in paths)
        return filled(image(population.shape)[2]) // LANES if each else 0

    def function(self, number: int, population: Population) -> None:
        """f, and when a neuron sends."""
        row, f, node = self.population[number], population.function, population.node
        limit = (1 << 31) - 1 if self.narrow else ENDLESS
        row[c.KIND] = KINDS[f.kind] if population.threshold else c.VECTOR
        if isinstance(node, (Input, MaxPool)):
            row[c.KIND] = c.INPUT if isinstance(node, Input) else c.POOL
        row[c.DIRECT] = self.plan.direct and not isinstance(node, (Input, MaxPool))
        row[c.LEAST] = 1 if row[c.DIRECT] else population.threshold // population.payload
        row[c.FLOOR], row[c.CEILING] = (0, min(f.top, limit)) if f.kind == "relu" else (-limit - 1, limit)
        row[c.CHANGE] = (1 if row[c.DIRECT] else population.threshold) if population.threshold else limit
        # As many units as fit 16 bits, in whole multiples of K where there are some: then they stand for the same number of spikes.
        most = SHORT // self.plan.largest * self.plan.largest if self.narrow else ENDLESS
        row[c.BEYOND] = min((most + 1) * population.payload, limit)
        if row[c.KIND] == c.SLOPED:
            row[c.TABLE] = self.add(c.SLOPES, f.slope)
        elif row[c.KIND] == c.TABULATED:
            row[c.TABLE], row[c.ENTRIES], row[c.LOW], row[c.SHIFT] = self.add(c.TABLES, f.table), len(f.table), f.low, f.shift
            row[c.FLAT_LOW], row[c.FLAT_HIGH] = f.flat

    def pool(self, number: int, population: Population) -> None:
        """The windows of a max pooling."""
        row, node = self.population[number], population.node
        if not isinstance(node, MaxPool):
            raise TypeError(f"{population.name} is no max pooling")
        received = relayed(node.relays, self.plan.populations[population.source].shape)
        row[[c.POOL_HIGH, c.POOL_WIDE, c.POOL_DOWN, c.POOL_ACROSS]] = *node.window, *node.strides
        row[[c.POOL_TOP, c.POOL_LEFT, c.POOLED_HIGH, c.POOLED_WIDE]] = node.padding[0][0], node.padding[1][0], received[0], received[1]

    def connect(self, target: int, population: Population) -> None:
        """All paths that end at a population, in order of their sources."""
        row = self.population[target]
        row[c.FIRST_PATH] = len(self.paths)
        if isinstance(population.node, MaxPool):
            self.pool(target, population)
            self.path(population.source, target, pool_tables(self.plan, target), (1, 1))
        for number in np.argsort([path.source for path in population.paths], kind="stable").tolist():
            path = population.paths[number]
            self.path(path.source, target, path_tables(self.plan, path, number), path.reach)
        row[c.LAST_PATH] = len(self.paths)
        if any(path[c.DELIVERY] != c.FULL for path in self.paths[row[c.FIRST_PATH] :]):
            row[c.WORDS], row[c.REACH] = -(-row[c.CHANNELS] // 64), self.reached
            self.reached += row[c.WORDS] * row[c.PIXELS]

    def path(self, source: int, target: int, made: PathTables, reach: tuple[int, int]) -> None:
        """Append a path."""
        row = np.zeros(c.PATH_WIDTH, np.int64)
        high, wide, channels = made.shape
        row[c.SOURCE], row[c.TARGET], row[c.DELIVERY], row[c.SHIFTED] = source, target, made.delivery, made.shift
        row[c.OUTER], row[c.INNER], row[c.OP_WIDTH], row[c.SINGLE] = made.outer, made.inner, wide, made.single
        row[c.ROWS], row[c.COLUMNS] = self.axis(made.rows, high), self.axis(made.columns, wide)
        row[c.ROW_KINDS] = self.add(c.AXES, made.row_kinds * made.nonzero.shape[1] * channels)
        row[c.COLUMN_KINDS] = self.add(c.AXES, made.column_kinds * channels)
        row[c.WEIGHT] = self.add(c.SCALES if made.delivery == c.DIAGONAL else c.WEIGHTS, made.weights)
        row[c.NONZERO] = self.add(c.NONZEROS, made.nonzero)
        if made.windows is not None:
            received = self.population[target]
            row[c.WINDOW_ROWS] = self.axis(made.windows[0], int(received[c.POOLED_HIGH]))
            row[c.WINDOW_COLUMNS] = self.axis(made.windows[1], int(received[c.POOLED_WIDE]))
        else:
            row[c.ZEROS] = self.has_zeros(made)
        row[c.PLACES], row[c.LIST] = -1, source
        row[c.DENSE_FROM], row[c.DENSE_WEIGHT] = ENDLESS, -1
        if made.dense is not None and self.narrow:
            self.dense(row, made.dense, self.plan.populations[source].size)
        if made.index is not None:
            self.relay(row, made, self.plan.populations[source].size)
        self.add(c.REACHES, np.array([float(reach[0]), float(reach[1])]))
        self.paths.append(row)

    def dense(self, row: Array, whole: Whole, neurons: int) -> None:
        """How a path is done as a whole."""
        high, pairs = whole.weights.shape[:2]
        row[c.DENSE_WEIGHT], row[c.DENSE_FROM] = self.add(c.DENSE_WEIGHTS, whole.weights), dense_from(neurons, whole)
        row[c.DENSE_HIGH], row[c.DENSE_PAIRS], row[c.DENSE_MACS] = high, pairs, whole.products
        row[[c.DENSE_DOWN, c.DENSE_ACROSS, c.DENSE_TOP, c.DENSE_LEFT]] = *whole.strides, *whole.before
        row[c.DENSE_ROWS], row[c.DENSE_PITCH] = whole.size
        self.image = max(self.image, prod(whole.size))

    @staticmethod
    def has_zeros(made: PathTables) -> bool:
        """Whether some event reaches a neuron through a weight of 0."""
        used = [
            np.bincount(kind[position], weights=rows[:, c.COUNT], minlength=int(kind.max(initial=0)) + 1) / np.bincount(kind).clip(1)
            for kind, (position, rows) in ((made.row_kinds, made.rows), (made.column_kinds, made.columns))
        ]
        return bool(np.any(made.nonzero != (np.multiply.outer(*used) * made.outer)[:, :, None]))

    def axis(self, axis: Axis, size: int) -> int:
        """Append an axis; where it begins."""
        position, rows = axis
        begins = np.searchsorted(position, np.arange(size + 1)) * c.ENTRY_WIDTH
        first = sum(map(len, self.parts.get(c.AXES, [])))
        return self.add(c.AXES, np.concatenate([begins + first + size + 1, rows.reshape(-1)]))

    def relay(self, row: Array, made: PathTables, size: int) -> None:
        """Append the places of an index map by source neuron, and the list of its events."""
        if made.index is None:
            raise TypeError("a relay without an index map")
        place, term = np.nonzero(made.index >= 0)
        source = made.index[place, term]
        order = np.lexsort((place, source))
        pixel, channel = np.divmod(place[order], made.shape[2])
        begins = np.searchsorted(source[order], np.arange(size + 1))
        row[c.PLACES] = self.add(c.PLACE_FIRST, begins + self.add(c.PLACE_PIXEL, pixel))
        self.add(c.PLACE_CHANNEL, channel)
        row[c.LIST] = self.add_list(len(place), len(place))

    def tables(self) -> Tables:
        """All that was collected."""
        plan = self.plan
        for number, population in enumerate(plan.populations):
            self.place(number, population)
            self.function(number, population)
        for number, population in enumerate(plan.populations):
            self.connect(number, population)
        consumers = [plan.consumers(number) for number in range(len(plan.populations))]
        for row, targets in zip(self.population, consumers):
            row[c.PUSHES] = sum(plan.populations[at].size for at in targets if plan.populations[at].threshold)
        self.add(c.CONSUMER_FIRST, np.cumsum([0, *map(len, consumers)]))
        self.add(c.CONSUMERS, np.array([at for targets in consumers for at in targets], np.int64))
        for number in plan.outputs:
            cells = cells_of(self.population[number])
            self.add(c.OUTPUTS, np.stack([self.population[number, c.X] + cells, self.population[number, c.O] + cells], axis=1))
        self.add(c.OUTPUT_POPULATIONS, np.array(plan.outputs, np.int64))
        starts = np.cumsum([0, *(plan.populations[at].size for at in plan.inputs)])[:-1]
        self.add(c.INPUTS, np.stack([np.array(plan.inputs, np.int64), starts], axis=1))
        self.add(c.POPULATION_TABLE, self.population)
        self.add(c.PATH_TABLE, np.concatenate([np.zeros(0, np.int64), *self.paths]))
        self.add(c.LIST_TABLE, np.array(self.lists, np.int64))
        short, state = (np.int16, np.int32) if self.narrow else (np.int64, np.int64)
        kinds = {
            c.WEIGHTS: short, c.DENSE_WEIGHTS: short, c.SCALES: state, c.NONZEROS: np.int32, c.PLACE_PIXEL: np.int32,
            c.PLACE_CHANNEL: np.int32, c.SLOPES: np.float64, c.REACHES: np.float64,
        }  # fmt: skip
        arrays = {
            slot: aligned(np.concatenate([np.zeros(0, kind), *self.parts.get(slot, [])]).astype(kind, copy=False), SPARE)
            for slot, kind in ((slot, kinds.get(slot, np.int64)) for slot in range(c.POPULATION_TABLE, c.X_CELLS))
        }
        sizes = self.x_cells, self.o_cells, self.pixels, self.events, self.blocks, self.flags, self.reached, self.image
        return Tables(arrays, self.narrow, self.population, np.array(self.lists, np.int64), *map(int, sizes))


def dense_from(neurons: int, whole: Whole) -> int:
    """From how many changed neurons of a source on a path is done as a whole.

    Parameters
    ----------
    neurons, whole
        Of the source, and the path.
    """
    return ceil(DENSE_SHARE * neurons)


def lay_out(plan: Plan, narrow: bool) -> Tables:
    """Lay out a plan.

    Parameters
    ----------
    plan, narrow
        The plan, and whether states are int32.
    """
    return TableBuilder(plan, narrow).tables()


def cells_of(row: Array) -> Array:
    """int64 (neurons): the cell of each neuron of a population, counted from its first."""
    cells: Array = (np.arange(row[c.PIXELS])[:, None] * row[c.CELLS] + np.arange(row[c.CHANNELS])).reshape(-1)
    return cells


def aligned(values: Array, spare: int = 0) -> Array:
    """A copy that begins at a cache line: a vector that lies across two takes twice the time.

    Parameters
    ----------
    values
        One axis.
    spare
        For how many more numbers there is room behind it.
    """
    room = np.zeros(values.nbytes + spare * values.itemsize + LINE, np.uint8)
    first = -room.ctypes.data % LINE
    copy = room[first : first + values.nbytes].view(values.dtype)
    copy[:] = values
    return copy
