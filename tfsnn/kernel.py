"""The compiled engine's loop over samples and time stamps, and its entry points.

Numba's cache notices an edit only in the file of the function that it holds. So only the two entry points are cached,
and each is bound to a digest of all kernel sources: a change in any of them makes another key.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import njit

from tfsnn.kernel_slot import gather_input, sweep
from tfsnn.kernel_spike import drain, enqueue
from tfsnn.kernel_state import (
    DONE,
    EVENT,
    FULL,
    HEAD,
    INSIDE,
    LAST_SAMPLE,
    NEGATIVE,
    NEXT,
    OPERATIONS,
    PART,
    POSITIVE,
    ROW,
    SAMPLE,
    TAIL,
    Job,
    Net,
    Work,
)

Entry = Callable[[Net, Work, Job], int]


@njit(nogil=True)
def begin(work: Work, job: Job) -> None:
    """Put a sample's state in place."""
    progress = work.progress
    sample = progress[SAMPLE]
    start = min(sample, len(job.start_x) - 1)
    work.x[:], work.told[:], work.bound[:] = job.start_x[start], job.start_told[start], job.start_bound[start]
    work.counts[:] = 0
    work.length[:] = 0
    work.flags[:] = 0
    progress[EVENT], progress[ROW] = job.offsets[sample], job.row_first[sample]
    progress[NEXT] = progress[PART] = 0
    if not job.log:
        progress[HEAD] = progress[TAIL] = 0


@njit(nogil=True)
def end_stamp(net: Net, work: Work, job: Job) -> None:
    """A time stamp has settled: keep a row of what the outputs show, forget the queue."""
    progress, counts = work.progress, work.counts
    progress[INSIDE] = 0
    if job.rows:
        row = progress[ROW]
        for i in range(len(net.output)):
            job.rows_x[row, i], job.rows_told[row, i] = work.x[net.output[i]], work.told[net.output[i]]
        job.row_counts[row, 0] = counts[OPERATIONS].sum()
        job.row_counts[row, 1] = counts[POSITIVE].sum() + counts[NEGATIVE].sum()
        job.row_counts[row, 2] = progress[TAIL]
        progress[ROW] += 1
    if not job.log:
        progress[HEAD] = progress[TAIL] = 0
    progress[HEAD] = progress[TAIL]


@njit(nogil=True)
def end_sample(net: Net, work: Work, job: Job) -> None:
    """A sample is over: keep what it leaves."""
    sample = work.progress[SAMPLE]
    job.counts[sample] = work.counts
    if job.whole:
        job.final_x[sample], job.final_told[sample] = work.x, work.told
    else:
        for i in range(len(net.output)):
            job.final_x[sample, i], job.final_told[sample, i] = work.x[net.output[i]], work.told[net.output[i]]
    work.progress[SAMPLE] += 1
    work.progress[EVENT] = -1


@njit(nogil=True)
def stamp_end(job: Job, event: int, last: int) -> int:
    """The event behind the last one of the time stamp of ``event``."""
    stop = event + 1
    while stop < last and job.t[stop] == job.t[event]:
        stop += 1
    return stop


@njit(nogil=True)
def run_samples(net: Net, work: Work, job: Job, one_by_one: bool) -> int:
    """Run samples from where ``progress`` stands; a status, after which it may be called again.

    Parameters
    ----------
    net, work, job
        The network, this thread's state, the samples.
    one_by_one
        Whether the schedule is ``spike``.
    """
    progress = work.progress
    while progress[SAMPLE] < progress[LAST_SAMPLE]:
        if progress[EVENT] < 0:
            begin(work, job)
        last = job.offsets[progress[SAMPLE] + 1]
        while progress[INSIDE] or progress[EVENT] < last:
            if not progress[INSIDE]:
                start = progress[EVENT]
                stop = stamp_end(job, start, last)
                # One row an event, and under slot, where the queue is but a log, one a neuron: it cannot fill up on the way.
                if (one_by_one or job.log) and progress[TAIL] + stop - start + (0 if one_by_one else len(work.lists)) > len(work.queue):
                    return FULL
                if one_by_one:
                    enqueue(net, work, job.neuron, job.payload, start, stop)
                else:
                    gather_input(net, work, job.neuron, job.payload, start, stop, job.log)
                progress[EVENT], progress[INSIDE] = stop, 1
            status = drain(net, work) if one_by_one else sweep(net, work, job.log)
            if status != DONE:
                return status
            end_stamp(net, work, job)
        end_sample(net, work, job)
    return DONE


def entries(digest: str) -> tuple[Entry, Entry]:
    """The entry points for ``spike`` and ``slot``, cached under a digest of the kernel's sources."""

    @njit(nogil=True, cache=True)
    def run_spike(net: Any, work: Any, job: Any) -> int:
        return run_samples(net, work, job, True) if digest else DONE

    @njit(nogil=True, cache=True)
    def run_slot(net: Any, work: Any, job: Any) -> int:
        return run_samples(net, work, job, False) if digest else DONE

    return run_spike, run_slot
