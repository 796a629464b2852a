"""The compiled engine's loop over samples and time stamps, and its entry points.

Numba's cache notices an edit only in the file of the function that it holds. So only the two entry points are cached,
and each is bound to a digest of all kernel sources: a change in any of them makes another key.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tfsnn.compiled.kernel import columns as c
from tfsnn.compiled.kernel.slot import gather_input, sweep
from tfsnn.compiled.kernel.spike import drain, enqueue
from tfsnn.compiled.kernel.state import Job, Net, Work, compiled, inlined, woven

Entry = Callable[[Net, Work, Job], int]


@inlined
def begin(work: Work, job: Job) -> None:
    """Put a sample's state in place."""
    progress, x, told, bound, counts = work.progress, work.x, work.told, work.bound, work.counts
    sample = progress[c.SAMPLE]
    start = min(sample, len(job.start_x) - 1)
    for cell in range(len(x)):
        x[cell], told[cell] = job.start_x[start, cell], job.start_told[start, cell]
    for number in range(len(bound)):
        bound[number], work.length[number], work.events[number] = job.start_bound[start, number], 0, 0
        for row in range(len(counts)):
            counts[row, number] = 0
    progress[c.EVENT], progress[c.ROW] = job.offsets[sample], job.row_first[sample]
    progress[c.NEXT] = progress[c.PART] = progress[c.PATH] = progress[c.RANK] = progress[c.PLACE] = 0
    progress[c.FROM], progress[c.UPTO] = len(work.flags), 0
    if not job.log:
        progress[c.HEAD] = progress[c.TAIL] = 0


@inlined
def end_stamp(net: Net, work: Work, job: Job) -> None:
    """A time stamp has settled: keep a row of what the outputs show, forget the queue."""
    progress, counts = work.progress, work.counts
    progress[c.INSIDE] = 0
    if job.rows:
        row = progress[c.ROW]
        for i in range(len(net.output)):
            job.rows_x[row, i], job.rows_told[row, i] = work.x[net.output[i]], work.told[net.output[i]]
        operations, spikes = 0, 0
        for number in range(len(net.population)):
            operations += counts[c.OPERATIONS, number]
            spikes += counts[c.POSITIVE, number] + counts[c.NEGATIVE, number]
        job.row_counts[row, 0], job.row_counts[row, 1], job.row_counts[row, 2] = operations, spikes, progress[c.TAIL]
        progress[c.ROW] += 1
    if not job.log:
        progress[c.TAIL] = 0
    progress[c.HEAD] = progress[c.TAIL]


@inlined
def end_sample(net: Net, work: Work, job: Job) -> None:
    """A sample is over: keep what it leaves."""
    progress, counts = work.progress, work.counts
    sample = progress[c.SAMPLE]
    for row in range(len(counts)):
        for number in range(len(net.population)):
            job.counts[sample, row, number] = counts[row, number]
    for i in range(job.final_x.shape[1]):
        cell = i if job.whole else net.output[i]
        job.final_x[sample, i], job.final_told[sample, i] = work.x[cell], work.told[cell]
    progress[c.SAMPLE] += 1
    progress[c.EVENT] = -1


@inlined
def stamp_end(job: Job, event: int, last: int) -> int:
    """The event behind the last one of the time stamp of ``event``."""
    stop = event + 1
    while stop < last and job.t[stop] == job.t[event]:
        stop += 1
    return stop


@inlined
def opened(work: Work, job: Job) -> bool:
    """Whether the sample has another time stamp; begins the sample where that is due."""
    progress = work.progress
    if progress[c.EVENT] < 0:
        begin(work, job)
    return bool(progress[c.INSIDE]) or progress[c.EVENT] < job.offsets[progress[c.SAMPLE] + 1]


# The two loops are written out, as numba tells functions of one name apart by a number that differs from run to run:
# made by one factory, the loop of either schedule could be linked in place of the other when both come from the cache.
@woven
def run_spike_samples(net: Net, work: Work, job: Job) -> int:
    """Samples under ``spike``; a status."""
    progress = work.progress
    while progress[c.SAMPLE] < progress[c.LAST_SAMPLE]:
        while opened(work, job):
            if not progress[c.INSIDE]:
                start = progress[c.EVENT]
                stop = stamp_end(job, start, job.offsets[progress[c.SAMPLE] + 1])
                if progress[c.TAIL] + stop - start > len(work.queue):
                    return c.FULL
                enqueue(net, work, job.neuron, job.payload, start, stop)
                progress[c.EVENT], progress[c.INSIDE] = stop, 1
            status = drain(net, work)
            if status != c.DONE:
                return status
            end_stamp(net, work, job)
        end_sample(net, work, job)
    return c.DONE


@woven
def run_slot_samples(net: Net, work: Work, job: Job) -> int:
    """Samples under ``slot``; a status. The queue is but a log, which each neuron may lengthen by a row in a time stamp."""
    progress = work.progress
    while progress[c.SAMPLE] < progress[c.LAST_SAMPLE]:
        while opened(work, job):
            if not progress[c.INSIDE]:
                start = progress[c.EVENT]
                stop = stamp_end(job, start, job.offsets[progress[c.SAMPLE] + 1])
                if job.log and progress[c.TAIL] + stop - start + len(work.lists) > len(work.queue):
                    return c.FULL
                gather_input(net, work, job.neuron, job.payload, start, stop, job.log)
                progress[c.EVENT], progress[c.INSIDE] = stop, 1
            status = sweep(net, work, job.log)
            if status != c.DONE:
                return status
            end_stamp(net, work, job)
        end_sample(net, work, job)
    return c.DONE


def entries(digest: int) -> tuple[Entry, Entry]:
    """The entry points for ``spike`` and ``slot``, cached under a digest of the kernel's sources.

    Each runs samples from where ``progress`` stands and gives a status, after which it may be called again.
    """

    @compiled(cache=True)
    def run_spike(net: Any, work: Any, job: Any) -> int:
        return run_spike_samples(net, work, job) if digest else c.DONE

    @compiled(cache=True)
    def run_slot(net: Any, work: Any, job: Any) -> int:
        return run_slot_samples(net, work, job) if digest else c.DONE

    return run_spike, run_slot
