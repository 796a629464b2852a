"""What one thread of the compiled engine writes, the samples that it is given, and how states enter and leave both."""

from __future__ import annotations

from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Any
from weakref import WeakKeyDictionary

import numba
import numpy as np

from tfsnn.aliases import Array
from tfsnn.compiled.first_use import callable_of
from tfsnn.compiled.kernel import columns as c
from tfsnn.compiled.kernel.memory import make_context
from tfsnn.compiled.tables import SPARE, Tables, aligned, cells_of, lay_out
from tfsnn.input.events import Events
from tfsnn.memory import afford
from tfsnn.plan.plan import Plan
from tfsnn.record import State, readout

config: Any = numba.config
QUEUE = 1 << 14
MANY_EVENTS = "raise the threshold, send smaller payloads, or choose spikes that carry more (graded, valued)"


@dataclass(frozen=True, eq=False)
class Job:
    """Samples to run, and where results go.

    Parameters
    ----------
    arrays
        By slot of the context.
    whole, rows, log
        Whether to keep the whole state, a row a time stamp, all events.
    """

    arrays: dict[int, Array]
    whole: bool = False
    rows: bool = False
    log: bool = False


@dataclass(eq=False)
class Work:
    """What one thread writes, and its context.

    Parameters
    ----------
    tables
        The plan's.
    capacity
        Rows of the queue at first.
    """

    tables: Tables
    capacity: int = QUEUE
    arrays: dict[int, Array] = field(init=False)
    context: Array = field(init=False)
    job: Job | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        t, populations = self.tables, len(self.tables.population)
        short = np.int16 if t.narrow else np.int64
        inputs, widest = t.population[t.population[:, c.KIND] == c.INPUT], int(t.population[:, c.CELLS].max())
        words = max(int(t.population[:, c.ROW_WORDS].max()), widest // 64 + 1)
        self.arrays = {
            c.X_CELLS: aligned(np.zeros(t.x_cells, t.carrier), SPARE), c.O_CELLS: aligned(np.zeros(t.o_cells, t.carrier), SPARE),
            c.EVENT_CHANNELS: np.zeros(t.events, np.int32), c.EVENT_UNITS: np.zeros(t.events, short),
            c.EVENT_TIMES: np.zeros(t.events, np.int64), c.EVENT_PIXELS: np.zeros(t.pixels, np.int32),
            c.EVENT_FIRSTS: np.zeros(t.pixels, np.int32), c.FLAGS: np.zeros(t.flags, np.int64),
            c.REACHED: np.zeros(t.reached + 1, np.int64), c.IMAGES: aligned(np.zeros(t.images, short), SPARE),
            c.TOUCHED: np.zeros(int(t.population[:, c.PIXELS].max()) + 1, np.int32),
            c.VALUES: aligned(np.zeros(widest, t.carrier), SPARE), c.SPREAD: aligned(np.zeros(widest, t.carrier), SPARE),
            c.HITS: np.zeros(t.o_cells // 64 + 1, np.int64), c.BITS: np.zeros(words, np.int64),
            c.COLUMN_BITS: np.zeros(words, np.int64), c.FOUND_OPERATIONS: np.zeros(len(t.arrays[c.REACHES]) // 2 + 1, np.int64),
            c.LEDGER: np.zeros(c.COUNTS * populations, np.int64), c.BOUNDS: np.full(populations, 2.0**62),
            c.SETTLED: np.zeros(populations, np.int64),
            c.LENGTHS: np.zeros(c.LENGTH_WIDTH * len(t.lists), np.int64), c.QUEUE: np.zeros(c.QUEUE_WIDTH * self.capacity, np.int64),
            c.MARKS: np.zeros(int((inputs[:, c.PIXELS] * inputs[:, c.CHANNELS]).sum()), np.int32),
            c.PROGRESS: np.zeros(c.PROGRESS_WIDTH, np.int64),
        }  # fmt: skip

    def take(self, job: Job, codes: Array) -> None:
        """Work on this job from now on, with stages at these addresses."""
        self.job, progress = job, self.progress
        progress[c.WHOLE], progress[c.KEEP_ROWS], progress[c.LOG] = job.whole, job.rows, job.log
        progress[c.START_STEP] = len(job.arrays[c.START_X]) > self.tables.x_cells
        self.context = make_context({**self.tables.arrays, **self.arrays, **job.arrays, c.CODES: codes}, self.tables.narrow)

    @property
    def address(self) -> Any:
        """What a stage is called with."""
        return self.context if config.DISABLE_JIT else self.context.ctypes.data

    def grow(self) -> None:
        """Twice the queue, its rows kept; BudgetError before it takes more than there is."""
        afford(3 * self.arrays[c.QUEUE].nbytes, "simulate: the events that wait in one sample", MANY_EVENTS)
        queue = np.concatenate([self.arrays[c.QUEUE], np.zeros_like(self.arrays[c.QUEUE])])
        self.arrays[c.QUEUE] = queue
        self.context[2 * c.QUEUE], self.context[2 * c.QUEUE + 1] = queue.ctypes.data, queue.size

    def clean(self) -> None:
        """Forget a sample that was left in its middle."""
        for slot in (c.FLAGS, c.REACHED, c.LENGTHS, c.IMAGES, c.MARKS):
            self.arrays[slot][:] = 0

    @property
    def progress(self) -> Array:
        """Where the run stands."""
        return self.arrays[c.PROGRESS]


def widened(work: Work, tables: Tables) -> Work:
    """The same work in a wide context, to go on where it stopped: nothing is lost, all was exact so far.

    Parameters
    ----------
    work, tables
        The work, and the plan's wide tables.
    """
    wide = Work(tables, 1)
    for slot, array in work.arrays.items():
        if slot in (c.X_CELLS, c.O_CELLS, c.EVENT_UNITS):
            wide.arrays[slot][:] = array
        elif slot not in (c.VALUES, c.SPREAD, c.IMAGES):
            wide.arrays[slot] = array
    # Bounds hold for either.
    return wide


@dataclass(frozen=True, eq=False)
class Prepared:
    """A plan ready to run.

    Parameters
    ----------
    tables
        Its tables.
    start
        Carrier (1, cells): where a sample begins.
    idle
        Work that no thread uses now.
    """

    tables: Tables
    start: tuple[Array, Array]
    idle: SimpleQueue[Work]


_READY: WeakKeyDictionary[Plan, dict[bool, Prepared]] = WeakKeyDictionary()


def prepared(plan: Plan, narrow: bool) -> Prepared:
    """The plan's tables, laid out once."""
    known = _READY.setdefault(plan, {})
    if narrow not in known:
        tables = lay_out(plan, narrow)
        start = to_cells(plan, tables, [p.rest_x[None] for p in plan.populations], [p.rest_o[None] for p in plan.populations])
        known[narrow] = Prepared(tables, start, SimpleQueue())
    return known[narrow]


def advance(entry: str, work: Work) -> int:
    """Run until all samples are done or they cannot go on; the queue grows as needed.

    Parameters
    ----------
    entry
        A name among the kernels' entries.
    work
        What it works on.
    """
    run_on = callable_of(entry, work.tables.narrow)
    status = run_on(work.address)
    while status == c.CRAMPED:
        work.grow()
        status = run_on(work.address)
    return int(status)


def make_job(tables: Tables, events: Events, start: tuple[Array, Array], record: tuple[str, ...]) -> tuple[Job, Array]:
    """The samples of a batch, and the first event of each of their time stamps.

    Parameters
    ----------
    tables, events
        The plan's, and the samples.
    start
        Carrier (1 or samples, cells): x and o.
    record
        Any of :data:`tfsnn.record.RECORDS`.
    """
    samples, whole = events.samples, "state" in record
    new = np.ones(len(events), bool)
    new[1:] = np.diff(events.t) != 0
    new[events.offsets[:-1][np.diff(events.offsets) > 0]] = True
    stamps = np.flatnonzero(new)
    rows = len(stamps) if {"trajectory", "events"} & set(record) else 0
    shown = len(tables.arrays[c.OUTPUTS]) // 2
    widths = (tables.x_cells, tables.o_cells) if whole else (shown, shown)
    arrays: dict[int, Array] = {
        c.STAMPS: events.t, c.NEURONS: events.neuron, c.PAYLOADS: events.payload, c.OFFSETS: events.offsets,
        c.FRAME: np.zeros(0, np.uint8), c.SENT: np.zeros(0, np.uint8),
        c.LEAST_BYTES: np.zeros(0, np.uint8),
        c.START_X: start[0].reshape(-1), c.START_O: start[1].reshape(-1),
        c.LEDGERS: np.zeros(samples * c.COUNTS * len(tables.population), np.int64),
        c.FINAL_X: np.zeros(samples * widths[0], tables.carrier), c.FINAL_O: np.zeros(samples * widths[1], tables.carrier),
        c.ROWS_X: np.zeros(rows * shown, tables.carrier), c.ROWS_O: np.zeros(rows * shown, tables.carrier),
        c.ROW_COUNTS: np.zeros(3 * rows, np.int64), c.ROW_FIRST: np.searchsorted(stamps, events.offsets[:-1]),
    }  # fmt: skip
    return Job(arrays, whole, rows > 0, "events" in record), stamps


def to_cells(plan: Plan, tables: Tables, x: list[Array], o: list[Array]) -> tuple[Array, Array]:
    """States as cells.

    Parameters
    ----------
    plan, tables
        What they belong to.
    x, o
        int64 (samples, neurons) by population, in steps and payload units.

    Returns
    -------
    carrier (samples, cells), twice
        x; and o in steps.
    """
    cells_x = np.zeros((len(x[0]), tables.x_cells), tables.carrier)
    cells_o = np.zeros((len(x[0]), tables.o_cells), tables.carrier)
    for number, (row, values, sent) in enumerate(zip(tables.population, x, o)):
        if row[c.KIND] != c.INPUT:
            cells_x[:, row[c.X] + _x_cells(tables, number)] = values
            cells_o[:, row[c.O] + cells_of(row)] = sent * row[c.PAYLOAD]
    return cells_x, cells_o


def state_of(tables: Tables, x: Array, o: Array) -> State:
    """The inverse of :func:`to_cells`.

    Parameters
    ----------
    tables
        The plan's.
    x, o
        carrier (samples, cells)
    """
    xs, os = [], []
    for number, row in enumerate(tables.population):
        if row[c.KIND] == c.INPUT:
            nothing = np.zeros((len(x), row[c.PIXELS] * row[c.CHANNELS]), np.int64)
            xs.append(nothing)
            os.append(nothing.copy())
        else:
            xs.append(x[:, row[c.X] + _x_cells(tables, number)].astype(np.int64))
            os.append(o[:, row[c.O] + cells_of(row)].astype(np.int64) // row[c.PAYLOAD])
    return State(tuple(xs), tuple(os))


def _x_cells(tables: Tables, number: int) -> Array:
    """int64: the cells of what has an x of a population, counted from its first."""
    row = tables.population[number].copy()
    row[c.PIXELS] = row[c.X_SIZE] // row[c.CELLS]
    return cells_of(row)


def outputs_of(plan: Plan, tables: Tables, x: Array, o: Array) -> Array:
    """The outputs in real units.

    Parameters
    ----------
    plan, tables
        What they belong to.
    x, o
        carrier (samples, outputs): the output cells.
    """
    xs: list[Array] = [np.zeros(0)] * len(plan.populations)
    os_, column = list(xs), 0
    for number in plan.outputs:
        size = plan.populations[number].size
        xs[number] = x[:, column : column + size]
        os_[number] = o[:, column : column + size] // tables.population[number, c.PAYLOAD]
        column += size
    return readout(plan, xs, os_)
