"""The compiled engine: what :mod:`tfsnn.eager.engine` defines, bit for bit, in loops that numba compiles; samples in parallel on all cores.

States are int32 where the plan's numbers allow; a batch that leaves their range runs again in int64, with the same outcome.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from queue import Empty

import numpy as np

from tfsnn.aliases import Array
from tfsnn.compiled.first_use import ready
from tfsnn.compiled.kernel import columns as c
from tfsnn.compiled.tables import Tables
from tfsnn.compiled.work import (
    MANY_EVENTS,
    QUEUE,
    Job,
    Prepared,
    Work,
    advance,
    make_job,
    outputs_of,
    prepared,
    state_of,
    to_cells,
)
from tfsnn.input.events import Events
from tfsnn.memory import afford
from tfsnn.plan.grid_function import STATE_LIMIT
from tfsnn.plan.plan import Plan
from tfsnn.record import EventLog, Ledger, Outcome, OutOfRange, State, Trajectory
from tfsnn.stage.machine import cores

CHUNKS = 16
LOGGED = 80
"""Bytes of an event of the log while it is made."""


@dataclass(frozen=True, eq=False)
class Failure:
    """A sample that would leave the exact range: at which time stamp, in which population."""

    t: int
    population: int
    sample: int


def run(plan: Plan, events: Events, schedule: str, record: tuple[str, ...], state: State | None = None) -> Outcome:
    """Deliver all events of a batch of samples.

    Parameters
    ----------
    plan, events, record, state
        As of :func:`tfsnn.eager.engine.run`.
    schedule
        ``"slot"`` or ``"spike"``; any batch for either.

    Raises
    ------
    OutOfRange
        If a sum may leave 2^52.
    """
    if plan.carrier == "int32" and (state is None or _fits(state, plan)):
        found = run_in(plan, events, schedule, record, state, narrow=True)
        if found is not None:
            return found
    found = run_in(plan, events, schedule, record, state, narrow=False)
    if found is None:
        raise RuntimeError("a wide run leaves its range by OutOfRange alone")
    return found


def prepare(plan: Plan) -> None:
    """Lay out a plan and compile what it needs, ahead of the clock.

    Parameters
    ----------
    plan
        What will be run.
    """
    ready(prepared(plan, plan.carrier == "int32").tables, [plan.settings.schedule])


def run_in(
    plan: Plan, events: Events, schedule: str, record: tuple[str, ...], state: State | None = None, *, narrow: bool
) -> Outcome | None:
    """As :func:`run`, in int32 or int64; None if int32 does not suffice.

    Parameters
    ----------
    plan, events, schedule, record, state
        As there.
    narrow
        Whether in int32.
    """
    made = prepared(plan, narrow)
    start = made.start if state is None else to_cells(plan, made.tables, list(state.x), list(state.o))
    job, stamps = make_job(made.tables, events, start, record)
    codes = ready(made.tables, [schedule])
    workers = min(cores(), max(1, events.samples))
    cuts = np.linspace(0, events.samples, min(events.samples, workers * CHUNKS if workers > 1 else 1) + 1).astype(np.int64)
    pieces = list(zip(cuts[:-1].tolist(), cuts[1:].tolist()))
    if workers == 1:
        done = [_chunk(schedule, made, codes, job, piece) for piece in pieces]
    else:
        with ThreadPoolExecutor(workers) as pool:
            done = list(pool.map(lambda piece: _chunk(schedule, made, codes, job, piece), pieces))
    failures = sorted((f for failed, _ in done for f in failed), key=lambda f: (f.t, f.population, f.sample))
    if failures and narrow:
        return None
    if failures:
        first = failures[0]
        raise OutOfRange(first.population, np.array([f.sample for f in failures if (f.t, f.population) == (first.t, first.population)]))
    return _outcome(plan, made.tables, job, events, stamps, [queue for _, queue in done], record)


def _fits(state: State, plan: Plan) -> bool:
    parts = (*state.x, *(o * population.payload for o, population in zip(state.o, plan.populations)))
    return all(max(int(values.max(initial=0)), -int(values.min(initial=0))) < STATE_LIMIT["int32"] for values in parts)


def _chunk(schedule: str, made: Prepared, codes: Array, job: Job, piece: tuple[int, int]) -> tuple[list[Failure], Array]:
    """Run some samples: which of them failed, and the queue if it is the log."""
    try:
        work = made.idle.get_nowait()
    except Empty:
        work = Work(made.tables, QUEUE)
    progress, failures = work.progress, []
    progress[:] = 0
    progress[c.SAMPLE], progress[c.LAST_SAMPLE], progress[c.EVENT] = *piece, -1
    work.take(job, codes)
    status = advance(schedule, work)
    while status != c.DONE:
        sample = int(progress[c.SAMPLE])
        failures.append(Failure(int(job.arrays[c.STAMPS][max(progress[c.EVENT] - 1, 0)]), int(progress[c.NEXT]), sample))
        work.clean()
        if made.tables.narrow:
            break
        progress[c.SAMPLE], progress[c.EVENT], progress[c.STAGE], progress[c.HEAD] = sample + 1, -1, c.BETWEEN, progress[c.TAIL]
        status = advance(schedule, work)
    queue = work.arrays[c.QUEUE][: progress[c.TAIL] * c.QUEUE_WIDTH].reshape(-1, c.QUEUE_WIDTH)
    queue = queue.copy() if job.log else queue[:0]
    if job.log:
        # Where the queue ended at each time stamp becomes how many rows it gained there.
        ends = job.arrays[c.ROW_COUNTS].reshape(-1, 3)[job.arrays[c.ROW_FIRST][piece[0]] : progress[c.ROW], 2]
        ends[:] = np.diff(ends, prepend=0)
    made.idle.put(work)
    return failures, queue


def _outcome(
    plan: Plan, tables: Tables, job: Job, events: Events, stamps: Array, queues: list[Array], record: tuple[str, ...]
) -> Outcome:
    arrays, samples = job.arrays, events.samples
    shown, kept = len(tables.arrays[c.OUTPUTS]) // 2, None
    widths = (tables.x_cells, tables.o_cells) if job.whole else (shown, shown)
    x, o = (arrays[slot].reshape(samples, width) for slot, width in zip((c.FINAL_X, c.FINAL_O), widths))
    if job.whole:
        kept, cells = state_of(tables, x, o), tables.arrays[c.OUTPUTS].reshape(-1, 2)
        x, o = x[:, cells[:, 0]], o[:, cells[:, 1]]
    offsets, counts = np.append(arrays[c.ROW_FIRST], len(stamps)), arrays[c.ROW_COUNTS].reshape(-1, 3)
    trajectory = None
    if "trajectory" in record:
        rows = [arrays[slot].reshape(len(stamps), shown) for slot in (c.ROWS_X, c.ROWS_O)]
        trajectory = Trajectory(offsets, events.t[stamps], outputs_of(plan, tables, *rows), counts[:, 0].copy(), counts[:, 1].copy())
    log = _log(tables, job, events.t[stamps], counts[:, 2], queues) if job.log else None
    ledgers = arrays[c.LEDGERS].reshape(samples, c.COUNTS, len(plan.populations))
    ledger = Ledger(*(np.ascontiguousarray(ledgers[:, row]) for row in range(c.DENSE)))
    dense = np.ascontiguousarray(ledgers[:, c.DENSE])
    return Outcome(outputs_of(plan, tables, x, o), ledger, trajectory, log, kept, dense)


def _log(tables: Tables, job: Job, t: Array, gained: Array, queues: list[Array]) -> EventLog:
    """The queues, one behind the other, as a log: sums of payloads become the payloads of the neuron rule's loop again."""
    queue = np.concatenate([*queues, np.zeros((0, c.QUEUE_WIDTH), np.int64)])
    population, units = queue[:, c.WHOSE], queue[:, c.UNITS]
    largest = tables.population[population, c.LARGEST]
    times = -(-np.abs(units) // largest)
    afford(LOGGED * int(times.sum()), "simulate: the record of all events", f"{MANY_EVENTS}, or leave 'events' out of record")
    here = np.repeat(np.arange(len(queue)), times)
    payload = np.sign(units)[here] * largest[here]
    last = np.cumsum(times) - 1
    payload[last] = units - np.sign(units) * largest * (times - 1)
    stamp = np.repeat(np.arange(len(t)), gained)[here]
    offsets = np.searchsorted(stamp, np.append(job.arrays[c.ROW_FIRST], len(t)))
    return EventLog(offsets, t[stamp], population[here], queue[here, c.NEURON], payload)
