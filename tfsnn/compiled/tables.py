"""A plan laid out as the tables that the compiled engine's kernels walk; :mod:`tfsnn.compiled.kernel.columns` names what they hold.

Nothing here has a row for each neuron but index maps, of paths whose pixels do not lead to pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np

from tfsnn.aliases import Array
from tfsnn.compiled.axes import image
from tfsnn.compiled.kernel import columns as c
from tfsnn.compiled.paths import Axis, Field, PathTables, filled, image_cells, path_tables, pool_tables
from tfsnn.network.nodes import Input, MaxPool
from tfsnn.network.ops import relayed
from tfsnn.plan.plan import Plan, Population

ENDLESS = 1 << 62
LINE = 64
SPARE = 64
"""Cells that vectors may read and write, adding 0, behind the last."""
KINDS = {"linear": c.VECTOR, "relu": c.VECTOR, "sloped": c.SLOPED, "table": c.TABULATED}
SHORT = (1 << 15) - 1
FIELD_SHARE = 0.5
"""What a product of a window costs, seen from the target, where an operation of an event costs 1."""
RUN_COST = 480
"""As many operations take as long as to begin with a run of targets side by side, which each pixel of a list has for each row of its
window. Measured on PilotNet and MobileNet, where the choice within a factor of 1.5 makes no difference (docs/speed.md)."""
DEPTHWISE_EVENT, DEPTHWISE_PIXEL = 25, 200
"""Of depthwise ones, where a product of a window costs 1: what an operation of an event costs, the check of what it reaches included, and
a pixel that is reached."""


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
    x_cells, o_cells, pixels, events, flags, reached, images
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
    flags: int
    reached: int
    images: int

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
        self.lists: list[tuple[int, int]] = []
        self.x_cells = self.o_cells = self.flags = self.reached = self.pixels = self.events = 0
        self.made = [self.paths_to(number) for number in range(len(plan.populations))]
        # The image of populations that have none: one pixel, which nobody looks at.
        self.images = max(filled(image(population.shape)[2]) for population in plan.populations)

    def add(self, slot: int, values: Array) -> int:
        """Append to the array of a slot; where it begins."""
        parts = self.parts.setdefault(slot, [])
        first = sum(map(len, parts))
        parts.append(np.asarray(values).reshape(-1))
        return first

    def add_list(self, pixels: int, events: int) -> int:
        """Make room for a list of events; its number. Eight rows more: what is packed side by side is written in whole vectors."""
        self.lists.append((self.pixels, self.events))
        # Where a payload did not fit, the check goes on in a wide context, and may name each pixel once more; and one more is written
        # before it is known whether it holds anything.
        self.pixels, self.events = self.pixels + 2 * pixels + 1, self.events + events + 8
        return len(self.lists) - 1

    def paths_to(self, target: int) -> list[tuple[int, tuple[int, int], PathTables]]:
        """The paths that end at a population, in order of their sources: source, reach, and what they are made of."""
        population = self.plan.populations[target]
        if isinstance(population.node, MaxPool):
            return [(population.source, (1, 1), pool_tables(self.plan, target))]
        order = np.argsort([path.source for path in population.paths], kind="stable").tolist()
        paths = [(population.paths[number], number) for number in order]
        return [(path.source, path.reach, path_tables(self.plan, path, number)) for path, number in paths]

    def fields_of(self, source: int) -> list[Field]:
        """How its targets see a population, of those that do."""
        made = (made for paths in self.made for number, _, made in paths if number == source)
        return [path.field for path in made if path.field is not None] if self.narrow else []

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
            self.flags += rows * -(-wide // 64)
        row[c.SPIKES], row[c.PAYLOAD] = population.threshold > 0, population.payload
        row[c.LARGEST] = ENDLESS if isinstance(population.node, Input) else self.plan.largest
        row[c.ROW_WORDS] = -(-wide // 64)
        self.add_list(rows * wide, population.size)
        fields = self.fields_of(number)
        if fields:
            (top, left), (bottom, right) = (
                [max(side[i] for side in sides) for i in (0, 1)]
                for sides in ([field.before for field in fields], [field.after for field in fields])
            )
            cells = image_cells(self.plan, number)
            row[c.IMAGE_CELLS], row[c.PITCH] = cells, (left + wide + right) * cells
            row[c.IMAGE] = self.images + top * row[c.PITCH] + left * cells
            # A window of an odd number of numbers is read in pairs: one more, times a weight of 0.
            self.images += (top + rows + bottom) * row[c.PITCH] + cells % 2

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
        for source, reach, made in self.made[target]:
            self.path(source, target, made, reach)
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
        row[c.REACH_ROWS], row[c.REACH_COLUMNS] = self.reached_by(target, made, high, wide)
        size = channels + 1
        row[c.ROW_KINDS] = self.add(c.AXES, made.row_kinds * made.nonzero.shape[1] * size)
        row[c.COLUMN_KINDS] = self.add(c.AXES, made.column_kinds * size)
        row[c.WEIGHT] = self.add(c.WEIGHTS, made.weights)
        fans = fans_of(made)
        row[c.NONZERO] = self.add(c.NONZEROS, np.concatenate([fans, made.nonzero], axis=2))
        row[c.ZEROS] = bool(np.any(made.nonzero != fans))
        received = self.population[target]
        alone = self.narrow and len(self.made[target]) == 1 and received[c.KIND] == c.VECTOR and received[c.SPIKES]
        row[c.POINT] = made.point and alone
        if made.windows is not None:
            row[c.WINDOW_ROWS] = self.axis(made.windows[0], int(received[c.POOLED_HIGH]))
            row[c.WINDOW_COLUMNS] = self.axis(made.windows[1], int(received[c.POOLED_WIDE]))
        row[c.PLACES], row[c.LIST], row[c.FIELD] = -1, source, -1
        if made.field is not None and self.narrow:
            self.field(row, made.field, len(made.rows[0]) * len(made.columns[0]) // (high * wide))
        if made.index is not None:
            self.relay(row, made, self.plan.populations[source].size)
        self.add(c.REACHES, np.array([float(reach[0]), float(reach[1])]))
        self.paths.append(row)

    def field(self, row: Array, field: Field, runs: int) -> None:
        """How a path is seen from its targets; each pixel leads to so many runs of them."""
        source = self.population[row[c.SOURCE]]
        cells, pitch, (down, across) = source[c.IMAGE_CELLS], source[c.PITCH], field.strides
        row[c.FIELD], row[c.FIELD_PRODUCTS] = self.add(c.WEIGHTS, field.weights), field.products
        if row[c.DELIVERY] == c.DIAGONAL:
            row[c.FIELD_EVENT], row[c.FIELD_FROM] = DEPTHWISE_EVENT, max(field.products - DEPTHWISE_PIXEL, 1)
        else:
            row[c.FIELD_EVENT], row[c.FIELD_PIXEL], row[c.FIELD_FROM] = 1, runs * RUN_COST, max(int(FIELD_SHARE * field.products), 1)
        row[c.FIELD_START] = source[c.IMAGE] - field.before[0] * pitch - field.before[1] * cells
        row[c.FIELD_DOWN], row[c.FIELD_ACROSS] = down * pitch, across * cells
        row[c.FIELD_ROWS], row[c.FIELD_PAIRS] = field.window[0], field.pairs
        if field.taps is not None:
            rows, columns = field.taps
            row[c.FIELD_TAPS] = self.add(c.AXES, rows * pitch + columns * cells)
            row[c.FIELD_NINE] = len(np.unique(rows)) == len(np.unique(columns)) == 3

    def reached_by(self, target: int, made: PathTables, high: int, wide: int) -> tuple[int, int]:
        """Append, for each row of pixels, the flags' first words of the rows that it reaches, and for each column the bits of columns."""
        words = self.population[target, c.ROW_WORDS]
        (position, row), (place, column) = made.reach
        order = np.argsort(position, kind="stable")
        begins = np.searchsorted(position[order], np.arange(high + 1)) + high + 1
        first = sum(map(len, self.parts.get(c.AXES, [])))
        bits = np.zeros((wide, words), np.uint64)
        np.bitwise_or.at(bits, (place, column // 64), np.uint64(1) << (column % 64).astype(np.uint64))
        return self.add(c.AXES, np.concatenate([begins + first, row[order] * words])), self.add(c.AXES, bits.view(np.int64))

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

    def counted(self) -> None:
        """Of each population, the first path that delivers its list as it is, if it has weights of 0: how many it reaches is counted when
        it sends, in 32 bits by lane."""
        zeros = self.add(c.AXES, np.zeros(int(self.population[:, [c.PIXELS, c.WIDTH]].max()) + 1, np.int64))
        nothing = self.add(c.NONZEROS, np.zeros(int(self.population[:, c.CELLS].max()), np.int64))
        for row in self.population:
            row[c.COUNT_ROWS] = row[c.COUNT_COLUMNS] = zeros
            row[c.COUNT_AT] = nothing
        taken = set()
        for path, made in zip(self.paths, (made for paths in self.made for _, _, made in paths)):
            source = self.population[path[c.SOURCE]]
            fits = int(made.nonzero.max(initial=0)) * int(source[c.PIXELS]) * int(source[c.CELLS]) // 8 < 1 << 31
            if path[c.ZEROS] and path[c.PLACES] < 0 and path[c.DELIVERY] != c.POOLED and fits and path[c.SOURCE] not in taken:
                taken.add(path[c.SOURCE])
                path[c.COUNTED] = 1
                source[c.COUNT_ROWS], source[c.COUNT_COLUMNS] = path[c.ROW_KINDS], path[c.COLUMN_KINDS]
                source[c.COUNT_AT] = path[c.NONZERO] + 1

    def paths_from(self, source: int, target: int) -> tuple[int, int]:
        """The paths from one population to another, from and up to."""
        first, last = map(int, self.population[target, [c.FIRST_PATH, c.LAST_PATH]])
        sources = [path[c.SOURCE] for path in self.paths[first:last]]
        begin = first + sources.index(source)
        return begin, begin + sources.count(source)

    def tables(self) -> Tables:
        """All that was collected."""
        plan = self.plan
        for number, population in enumerate(plan.populations):
            self.place(number, population)
            self.function(number, population)
        for number, population in enumerate(plan.populations):
            self.connect(number, population)
        self.counted()
        consumers = [plan.consumers(number) for number in range(len(plan.populations))]
        for row, targets in zip(self.population, consumers):
            row[c.PUSHES] = sum(plan.populations[at].size for at in targets if plan.populations[at].threshold)
        self.add(c.CONSUMER_FIRST, c.CONSUMER_WIDTH * np.cumsum([0, *map(len, consumers)]))
        leading = [(at, *self.paths_from(number, at)) for number, targets in enumerate(consumers) for at in targets]
        self.add(c.CONSUMERS, np.array(leading, np.int64))
        for number in plan.outputs:
            cells = cells_of(self.population[number])
            self.add(c.OUTPUTS, np.stack([self.population[number, c.X] + cells, self.population[number, c.O] + cells], axis=1))
        self.add(c.OUTPUT_POPULATIONS, np.array(plan.outputs, np.int64))
        starts = np.cumsum([0, *(plan.populations[at].size for at in plan.inputs)])[:-1]
        self.add(c.INPUTS, np.stack([np.array(plan.inputs, np.int64), starts], axis=1))
        self.add(c.POPULATION_TABLE, self.population)
        self.add(c.PATH_TABLE, np.concatenate([np.zeros(0, np.int64), *self.paths]))
        self.add(c.LIST_TABLE, np.array(self.lists, np.int64))
        short = np.int16 if self.narrow else np.int64
        kinds = {
            c.WEIGHTS: short, c.NONZEROS: np.int32, c.PLACE_PIXEL: np.int32,
            c.PLACE_CHANNEL: np.int32, c.SLOPES: np.float64, c.REACHES: np.float64,
        }  # fmt: skip
        arrays = {
            slot: aligned(np.concatenate([np.zeros(0, kind), *self.parts.get(slot, [])], dtype=kind, casting="same_kind"), SPARE)
            for slot, kind in ((slot, kinds.get(slot, np.int64)) for slot in range(c.POPULATION_TABLE, c.X_CELLS))
        }
        sizes = self.x_cells, self.o_cells, self.pixels, self.events, self.flags, self.reached, self.images
        return Tables(arrays, self.narrow, self.population, np.array(self.lists, np.int64), *map(int, sizes))


def fans_of(made: PathTables) -> Array:
    """int64 (kinds of rows, kinds of columns, 1): neurons that an event reaches.

    Parameters
    ----------
    made
        What the path is made of.
    """
    if made.windows is not None:
        return np.zeros((1, 1, 1), np.int64)
    used = [
        np.bincount(kind[position], weights=rows[:, c.COUNT], minlength=int(kind.max(initial=0)) + 1) / np.bincount(kind).clip(1)
        for kind, (position, rows) in ((made.row_kinds, made.rows), (made.column_kinds, made.columns))
    ]
    fans: Array = np.rint(np.multiply.outer(*used) * made.outer).astype(np.int64)[:, :, None]
    return fans


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
