"""The compiled engine: what :mod:`tfsnn.eager.engine` defines, bit for bit, in loops that numba compiles; samples in parallel on all cores.

It proves more finely than the eager engine that sums stay in the exact range, place by place, and so goes on in float32
where that one has to turn to float64.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from tfsnn.aliases import Array
from tfsnn.compiled.cells import bounds, gathered, spread
from tfsnn.compiled.kernel import columns as c
from tfsnn.compiled.kernel import state as k
from tfsnn.compiled.tables import Flat, flatten
from tfsnn.compiled.work import MANY_EVENTS, QUEUE, RUN_SLOT, RUN_SPIKE, advance, make_work, read
from tfsnn.input.events import Events
from tfsnn.memory import afford
from tfsnn.plan.plan import Plan
from tfsnn.record import EventLog, Ledger, Outcome, OutOfRange, State, Trajectory
from tfsnn.stage.terminal import announced_if_slow

CHUNKS = 16
LOGGED = 80
"""Bytes of an event of the log while it is made."""
COMPILING = "tfsnn: compiling the engine for this machine; once, and kept\n"
_FLAT: WeakKeyDictionary[Plan, dict[tuple[str, str], Prepared]] = WeakKeyDictionary()


@dataclass(frozen=True, eq=False)
class Prepared:
    """A plan ready to run.

    Parameters
    ----------
    flat
        Its arrays.
    idle
        Work that no thread uses now.
    """

    flat: Flat
    idle: SimpleQueue[k.Work]


@dataclass(frozen=True, eq=False)
class Failure:
    """A sample that would leave the exact range: at which time stamp, in which population."""

    t: int
    population: int
    sample: int


def prepared(plan: Plan, carrier: str, schedule: str) -> Prepared:
    """The plan's arrays for a carrier and a schedule, laid out once."""
    known = _FLAT.setdefault(plan, {})
    if (carrier, schedule) not in known:
        known[carrier, schedule] = Prepared(flatten(plan, carrier, schedule), SimpleQueue())
    return known[carrier, schedule]


def run(plan: Plan, events: Events, schedule: str, carrier: str, record: tuple[str, ...], state: State | None = None) -> Outcome:
    """Deliver all events of a batch of samples; parameters and results as of :func:`tfsnn.eager.engine.run`, any batch for either schedule.

    Parameters
    ----------
    plan, events, schedule, carrier, record, state
        As there.
    """
    ready = prepared(plan, carrier, schedule)
    entry = RUN_SPIKE if schedule == "spike" else RUN_SLOT
    job, stamps = _job(plan, ready.flat, events, record, state)
    if not getattr(entry, "signatures", True):
        with announced_if_slow(COMPILING):
            entry(ready.flat.net, make_work(ready.flat, 1), job)
    workers = min(_cores(), max(1, events.samples))
    cuts = np.linspace(0, events.samples, min(events.samples, workers * CHUNKS if workers > 1 else 1) + 1).astype(np.int64)
    pieces = list(zip(cuts[:-1].tolist(), cuts[1:].tolist()))
    if workers == 1:
        done = [_chunk(entry, ready, job, piece) for piece in pieces]
    else:
        with ThreadPoolExecutor(workers) as pool:
            done = list(pool.map(lambda piece: _chunk(entry, ready, job, piece), pieces))
    failures = sorted((f for failed, _ in done for f in failed), key=lambda f: (f.t, f.population, f.sample))
    if failures:
        first = failures[0]
        raise OutOfRange(first.population, np.array([f.sample for f in failures if (f.t, f.population) == (first.t, first.population)]))
    return _outcome(plan, ready.flat, job, stamps, [queue for _, queue in done], record)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _job(plan: Plan, flat: Flat, events: Events, record: tuple[str, ...], state: State | None) -> tuple[k.Job, Array]:
    """The samples for the loops, and the first event of each of their time stamps."""
    net, samples, whole = flat.net, events.samples, "state" in record
    start = (flat.start_x, flat.start_told, flat.start_bound)
    if state is not None:
        x, told = spread(plan, net, list(state.x), list(state.o))
        start = (x, told, bounds(net, x))
    new = np.ones(len(events), bool)
    new[1:] = np.diff(events.t) != 0
    new[events.offsets[:-1][np.diff(events.offsets) > 0]] = True
    stamps = np.flatnonzero(new)
    rows = len(stamps) if {"trajectory", "events"} & set(record) else 0
    width, carrier = flat.start_x.shape[1] if whole else len(net.output), flat.start_x.dtype
    final, shown = np.zeros((2, samples, width), carrier), np.zeros((2, rows, len(net.output)), carrier)
    job = k.Job(
        t=_own(events.t), neuron=_own(events.neuron), payload=_own(events.payload), offsets=_own(events.offsets),
        start_x=start[0], start_told=start[1], start_bound=start[2],
        counts=np.zeros((samples, 7, len(net.population)), np.int64), final_x=final[0], final_told=final[1],
        rows_x=shown[0], rows_told=shown[1], row_counts=np.zeros((rows, 3), np.int64),
        row_first=np.searchsorted(stamps, events.offsets[:-1]),
        whole=whole, rows=rows > 0, log="events" in record,
    )  # fmt: skip
    return job, stamps


def _chunk(entry: Any, ready: Prepared, job: k.Job, piece: tuple[int, int]) -> tuple[list[Failure], Array]:
    """Run some samples: which of them failed, and the queue if it is the log."""
    try:
        work = ready.idle.get_nowait()
    except Empty:
        work = make_work(ready.flat, QUEUE)
    progress, failures = work.progress, []
    progress[:] = 0
    progress[c.SAMPLE], progress[c.LAST_SAMPLE], progress[c.EVENT] = *piece, -1
    status, work = advance(entry, ready.flat.net, work, job)
    while status == c.RANGE:
        sample = int(progress[c.SAMPLE])
        failures.append(Failure(int(job.t[progress[c.EVENT] - 1]), int(progress[c.NEXT]), sample))
        work.mark[:], work.flags[:] = 0, 0
        progress[c.SAMPLE], progress[c.EVENT], progress[c.INSIDE], progress[c.HEAD] = sample + 1, -1, 0, progress[c.TAIL]
        status, work = advance(entry, ready.flat.net, work, job)
    queue = work.queue[: progress[c.TAIL]].copy() if job.log else work.queue[:0]
    # Where the queue ended at each time stamp becomes how many rows it gained there.
    ends = job.row_counts[job.row_first[piece[0]] : progress[c.ROW], 2] if job.log else job.row_counts[:0, 2]
    ends[:] = np.diff(ends, prepend=0)
    ready.idle.put(work)
    return failures, queue


def _outcome(plan: Plan, flat: Flat, job: k.Job, stamps: Array, queues: list[Array], record: tuple[str, ...]) -> Outcome:
    parts = [gathered(flat.net, job.final_x, job.final_told, number) for number in range(len(plan.populations))] if job.whole else []
    kept = State(tuple(x for x, _ in parts), tuple(o for _, o in parts)) if job.whole else None
    shown = (job.final_x[:, flat.net.output], job.final_told[:, flat.net.output]) if job.whole else (job.final_x, job.final_told)
    offsets = np.append(job.row_first, len(stamps))
    trajectory = None
    if "trajectory" in record:
        outputs = read(plan, flat.net, job.rows_x, job.rows_told)
        trajectory = Trajectory(offsets, job.t[stamps], outputs, job.row_counts[:, 0].copy(), job.row_counts[:, 1].copy())
    log = _log(flat.net, job, stamps, queues) if job.log else None
    ledger = Ledger(*(np.ascontiguousarray(job.counts[:, row]) for row in range(7)))
    return Outcome(read(plan, flat.net, *shown), ledger, trajectory, log, kept)


def _log(net: k.Net, job: k.Job, stamps: Array, queues: list[Array]) -> EventLog:
    """The queues, one behind the other, as a log: sums of payloads become the payloads of the neuron rule's loop again."""
    queue = np.concatenate([*queues, np.zeros((0, 3), np.int64)])
    population, units = queue[:, c.TIMES], queue[:, c.UNITS]
    largest = net.population[population, c.LARGEST]
    times = -(-np.abs(units) // largest)
    afford(LOGGED * int(times.sum()), "simulate: the record of all events", f"{MANY_EVENTS}, or leave 'events' out of record")
    here = np.repeat(np.arange(len(queue)), times)
    payload = np.sign(units)[here] * largest[here]
    last = np.cumsum(times) - 1
    payload[last] = units - np.sign(units) * largest * (times - 1)
    stamp = np.repeat(np.arange(len(stamps)), job.row_counts[:, 2])[here]
    offsets = np.searchsorted(stamp, np.append(job.row_first, len(stamps)))
    return EventLog(offsets, job.t[stamps][stamp], population[here], queue[here, c.NEURON], payload)


def _own(values: Array) -> Array:
    """The array itself if the loops can take it, else a copy."""
    return values if values.flags.writeable and values.flags.c_contiguous else values.copy()
