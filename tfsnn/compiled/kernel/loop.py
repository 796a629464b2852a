"""The compiled engine's loop over samples and time stamps: the stages that are called from outside.

Each goes on from where ``progress`` stands and gives a status, after which it may be called again.
"""

from __future__ import annotations

from tfsnn.aliases import Array
from tfsnn.compiled.kernel import columns as c
from tfsnn.compiled.kernel.columns import Number
from tfsnn.compiled.kernel.inputs import encode, gather_input, log_input
from tfsnn.compiled.kernel.jit import inlined, kernel, stage
from tfsnn.compiled.kernel.memory import floats, int64s, states
from tfsnn.compiled.kernel.slot import sweep
from tfsnn.compiled.kernel.spike import drain, enqueue_input


@kernel
def begin(context: Array) -> None:
    """Put a sample's state in place."""
    progress, x, o = int64s(context, c.PROGRESS), states(context, c.X_CELLS), states(context, c.O_CELLS)
    start_x, start_o = states(context, c.START_X), states(context, c.START_O)
    sample, ledger, bounds, settled = progress[c.SAMPLE], int64s(context, c.LEDGER), floats(context, c.BOUNDS), int64s(context, c.SETTLED)
    start = sample * progress[c.START_STEP]
    for cell in range(len(x)):
        x[cell] = start_x[start * len(x) + cell]
    for cell in range(len(o)):
        o[cell] = start_o[start * len(o) + cell]
    for number in range(len(bounds)):
        # Above every limit: the first delivery looks at |x| itself.
        bounds[number], settled[number] = 2.0**62, 0
    for i in range(len(ledger)):
        ledger[i] = 0
    progress[c.EVENT], progress[c.ROW] = int64s(context, c.OFFSETS)[sample], int64s(context, c.ROW_FIRST)[sample]
    progress[c.STAGE], progress[c.NEXT], progress[c.PART] = c.BETWEEN, 0, 0
    if not progress[c.LOG]:
        progress[c.HEAD] = progress[c.TAIL] = 0


@kernel
def keep_row(context: Array) -> None:
    """Keep what the outputs show, and the counts so far."""
    progress, outputs, ledger = int64s(context, c.PROGRESS), int64s(context, c.OUTPUTS), int64s(context, c.LEDGER)
    x, o = states(context, c.X_CELLS), states(context, c.O_CELLS)
    rows_x, rows_o = states(context, c.ROWS_X), states(context, c.ROWS_O)
    counts, row, shown, populations = int64s(context, c.ROW_COUNTS), progress[c.ROW], len(outputs) // 2, len(ledger) // c.COUNTS
    for i in range(shown):
        rows_x[row * shown + i], rows_o[row * shown + i] = x[outputs[2 * i]], o[outputs[2 * i + 1]]
    operations, spikes = 0, 0
    for number in range(populations):
        operations += ledger[c.OPERATIONS * populations + number]
        spikes += ledger[c.POSITIVE * populations + number] + ledger[c.NEGATIVE * populations + number]
    counts[3 * row], counts[3 * row + 1], counts[3 * row + 2] = operations, spikes, progress[c.TAIL]
    progress[c.ROW] += 1


@inlined
def end_stamp(context: Array) -> None:
    """A time stamp has settled: keep a row of what the outputs show, forget the queue."""
    progress = int64s(context, c.PROGRESS)
    progress[c.STAGE], progress[c.NEXT] = c.BETWEEN, 0
    if progress[c.KEEP_ROWS]:
        keep_row(context)
    if not progress[c.LOG]:
        progress[c.TAIL] = 0
    progress[c.HEAD] = progress[c.TAIL]


@kernel
def end_sample(context: Array) -> None:
    """A sample is over: keep what it leaves."""
    progress, outputs, ledger = int64s(context, c.PROGRESS), int64s(context, c.OUTPUTS), int64s(context, c.LEDGER)
    x, o = states(context, c.X_CELLS), states(context, c.O_CELLS)
    last_x, last_o = states(context, c.FINAL_X), states(context, c.FINAL_O)
    sample, ledgers = progress[c.SAMPLE], int64s(context, c.LEDGERS)
    for i in range(len(ledger)):
        ledgers[sample * len(ledger) + i] = ledger[i]
    if progress[c.WHOLE]:
        for cell in range(len(x)):
            last_x[sample * len(x) + cell] = x[cell]
        for cell in range(len(o)):
            last_o[sample * len(o) + cell] = o[cell]
    else:
        shown = len(outputs) // 2
        for i in range(shown):
            last_x[sample * shown + i], last_o[sample * shown + i] = x[outputs[2 * i]], o[outputs[2 * i + 1]]
    progress[c.SAMPLE] += 1
    progress[c.EVENT] = -1


@inlined
def opened(context: Array) -> Number:
    """Whether the sample has another time stamp; begins the sample where that is due."""
    progress, offsets = int64s(context, c.PROGRESS), int64s(context, c.OFFSETS)
    if progress[c.EVENT] < 0:
        begin(context)
    return progress[c.STAGE] != c.BETWEEN or progress[c.EVENT] < offsets[progress[c.SAMPLE] + 1]


@inlined
def stamp_end(context: Array) -> Number:
    """The event behind the last one of the next time stamp."""
    progress, t, offsets = int64s(context, c.PROGRESS), int64s(context, c.STAMPS), int64s(context, c.OFFSETS)
    start, last = progress[c.EVENT], offsets[progress[c.SAMPLE] + 1]
    stop = start + 1
    while stop < last and t[stop] == t[start]:
        stop += 1
    return stop


@inlined
def has_room(context: Array, rows: Number) -> Number:
    """Whether the queue holds so many rows more."""
    return (int64s(context, c.PROGRESS)[c.TAIL] + rows) * c.QUEUE_WIDTH <= len(int64s(context, c.QUEUE))


@stage
def run_spike(context: Array) -> Number:
    """Samples under ``spike``; a status."""
    progress = int64s(context, c.PROGRESS)
    while progress[c.SAMPLE] < progress[c.LAST_SAMPLE]:
        while opened(context):
            if progress[c.STAGE] == c.BETWEEN:
                start, stop = progress[c.EVENT], stamp_end(context)
                if not has_room(context, stop - start):
                    return c.CRAMPED
                enqueue_input(context, start, stop)
                progress[c.EVENT], progress[c.STAGE] = stop, c.SWEEPING
            status = drain(context)
            if status != c.DONE:
                return status
            end_stamp(context)
        end_sample(context)
    return c.DONE


@stage
def run_slot(context: Array) -> Number:
    """Samples under ``slot``; a status. The queue is but a log, which each neuron may lengthen by a row in a time stamp."""
    progress = int64s(context, c.PROGRESS)
    while progress[c.SAMPLE] < progress[c.LAST_SAMPLE]:
        while opened(context):
            if progress[c.STAGE] == c.BETWEEN:
                start, stop = progress[c.EVENT], stamp_end(context)
                if progress[c.LOG] and not has_room(context, stop - start + len(states(context, c.O_CELLS))):
                    return c.CRAMPED
                if gather_input(context, start, stop) != c.DONE:
                    return c.WIDEN
                if progress[c.LOG]:
                    log_input(context, start, stop)
                progress[c.EVENT], progress[c.STAGE] = stop, c.SWEEPING
            status = sweep(context)
            if status != c.DONE:
                return status
            end_stamp(context)
        end_sample(context)
    return c.DONE


@stage
def run_frame(context: Array) -> Number:
    """One frame of a stream under ``slot``, if it is not in the middle of one; a status."""
    progress, ledger = int64s(context, c.PROGRESS), int64s(context, c.LEDGER)
    if progress[c.STAGE] == c.BETWEEN:
        for i in range(len(ledger)):
            ledger[i] = 0
        encode(context)
        progress[c.STAGE], progress[c.NEXT] = c.SWEEPING, 0
    status = sweep(context)
    if status == c.DONE:
        progress[c.STAGE] = c.BETWEEN
        outputs, populations, progress[c.SHOWN] = int64s(context, c.OUTPUT_POPULATIONS), len(ledger) // c.COUNTS, 0
        for i in range(len(outputs)):
            progress[c.SHOWN] += ledger[c.RECEIVED * populations + outputs[i]]
    return status
