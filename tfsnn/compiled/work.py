"""What one thread of the compiled engine writes, and the call that runs it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np

from tfsnn.aliases import Array
from tfsnn.compiled.cells import aligned
from tfsnn.compiled.kernel import columns as c
from tfsnn.compiled.kernel import loop
from tfsnn.compiled.kernel import state as k
from tfsnn.compiled.kernel.vector import SPARE
from tfsnn.compiled.tables import Flat
from tfsnn.memory import afford
from tfsnn.plan.plan import Plan
from tfsnn.record import readout

QUEUE = 1 << 14
MANY_EVENTS = "raise the threshold, send smaller payloads, or choose spikes that carry more (graded, valued)"


def sources_digest() -> int:
    """A digest of all sources that are compiled, so that the cache notices an edit in any of them."""
    files = sorted(Path(loop.__file__).parent.glob("*.py"))
    return int(hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:15], 16)


RUN_SPIKE, RUN_SLOT = loop.entries(sources_digest())


def make_work(flat: Flat, capacity: int) -> k.Work:
    """What one thread writes.

    Parameters
    ----------
    flat
        The plan's arrays.
    capacity
        Rows of the queue at first.
    """
    populations, cells = len(flat.net.population), flat.start_x.shape[1]
    carrier = flat.start_x.dtype
    return k.Work(
        x=aligned(np.zeros(cells, carrier)), told=aligned(np.zeros(cells, carrier)), flags=np.zeros(flat.flags, np.uint8),
        bound=np.zeros(populations), queue=np.zeros((capacity, 3), np.int64), lists=np.zeros((flat.lists, 3), np.int64),
        length=np.zeros(populations, np.int64), events=np.zeros(populations, np.int64), mark=np.zeros(flat.lists, np.int64),
        counts=np.zeros((7, populations), np.int64), pile_first=np.zeros(flat.pile + SPARE, np.int32),
        pile_units=np.zeros(flat.pile + SPARE, carrier), near_first=np.zeros(flat.near + SPARE, np.int32),
        near_units=np.zeros(flat.near + SPARE, carrier), begins=np.zeros(flat.pixels + 1, np.int64),
        sizes=np.zeros(flat.pixels + 1, np.int64),
        band=np.zeros(flat.pixels + 1, np.int64), kept=np.zeros(flat.abreast, carrier),
        progress=np.zeros(14, np.int64),
    )  # fmt: skip


def grown(work: k.Work) -> k.Work:
    """The same work with twice the queue, its rows kept; BudgetError before it takes more than there is."""
    afford(3 * work.queue.nbytes, "simulate: the events that wait in one sample", MANY_EVENTS)
    queue = np.zeros((2 * len(work.queue), 3), np.int64)
    queue[: len(work.queue)] = work.queue
    return work._replace(queue=queue)


def advance(entry: Any, net: k.Net, work: k.Work, job: k.Job) -> tuple[int, k.Work]:
    """Run until all samples are done or a sum may leave the exact range: a status, and the work, its queue grown as needed."""
    status = entry(net, work, job)
    while status == c.FULL:
        work = grown(work)
        status = entry(net, work, job)
    return int(status), work


def read(plan: Plan, net: k.Net, x: Array, told: Array) -> Array:
    """The outputs in real units.

    Parameters
    ----------
    plan, net
        What they belong to.
    x, told
        carrier (samples, outputs): the output cells.
    """
    xs: list[Array] = [np.zeros(0)] * len(plan.populations)
    os_, column = list(xs), 0
    for number in plan.outputs:
        row = net.population[number]
        cut = slice(column, column + row[c.LISTED])
        xs[number] = x[:, cut]
        os_[number] = (told[:, cut] - np.float64(net.level[number, c.OFFSET])) / row[c.PAYLOAD]
        column += int(row[c.LISTED])
    return readout(plan, xs, os_)


def one_sample(flat: Flat, events: int) -> k.Job:
    """A job of one sample with room for some events, into which a stream writes.

    Parameters
    ----------
    flat
        The plan's arrays.
    events
        How many there is room for.
    """
    carrier, outputs = flat.start_x.dtype, len(flat.net.output)
    return k.Job(
        t=np.zeros(events, np.int64), neuron=np.zeros(events, np.int32), payload=np.zeros(events, np.int32), offsets=np.zeros(2, np.int64),
        start_x=flat.start_x, start_told=flat.start_told, start_bound=flat.start_bound,
        counts=np.zeros((1, 7, len(flat.net.population)), np.int64), final_x=np.zeros((1, outputs), carrier),
        final_told=np.zeros((1, outputs), carrier), rows_x=np.zeros((0, outputs), carrier), rows_told=np.zeros((0, outputs), carrier),
        row_counts=np.zeros((0, 3), np.int64), row_first=np.zeros(1, np.int64), whole=False, rows=False, log=False,
    )  # fmt: skip
