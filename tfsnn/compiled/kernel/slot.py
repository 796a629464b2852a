"""The ``slot`` schedule: all events of one time stamp are added up in a population before its neurons are checked.

Populations in topological order: for each whose sources have sent something, the proof that its sums stay exact, the deliveries of
its paths, the check. A time stamp can stop before either and go on from there, in a wider context if need be.
"""

from __future__ import annotations

import numpy as np

from tfsnn.aliases import Array
from tfsnn.compiled.kernel import columns as c
from tfsnn.compiled.kernel.check import check, settle
from tfsnn.compiled.kernel.columns import Number
from tfsnn.compiled.kernel.diagonal import deliver_diagonal
from tfsnn.compiled.kernel.fields import check_fields, check_points, deliver_windows
from tfsnn.compiled.kernel.full import deliver_full
from tfsnn.compiled.kernel.grouped import deliver_grouped
from tfsnn.compiled.kernel.jit import inlined, kernel, stage
from tfsnn.compiled.kernel.lists import (
    count,
    flag,
    forget_list,
    gather_flags,
    gather_reached,
    length_row,
    list_row,
    mark_all,
    open_events,
    path_row,
    population,
    reach,
    take_back,
)
from tfsnn.compiled.kernel.memory import int32s, int64s
from tfsnn.compiled.kernel.pooled import deliver_pooled
from tfsnn.compiled.kernel.proof import admitted, at_rest, growth
from tfsnn.compiled.kernel.relayed import relay


@kernel
def deliver(context: Array, number: Number) -> None:
    """Deliver the list of a path, event by event."""
    path = path_row(context, number)
    if path[c.DELIVERY] == c.FULL:
        deliver_full(context, number, True)
    elif path[c.DELIVERY] == c.DIAGONAL:
        deliver_diagonal(context, number)
    elif path[c.DELIVERY] == c.GROUPED:
        deliver_grouped(context, number)
    else:
        deliver_pooled(context, number)


@kernel
def find(context: Array, number: Number) -> Number:
    """List what a path delivers; what it reaches is flagged and counted: neurons, each as often as it is reached."""
    if path_row(context, number)[c.PLACES] >= 0:
        relay(context, number)
    return reach(context, number)


@inlined
def arriving(context: Array, number: Number) -> tuple[int, float]:
    """How many events arrive at a population, and how much they can add to any of its abs(x)."""
    p, events, more, last = population(context, number), 0, 0.0, np.int64(-1)
    for i in range(p[c.FIRST_PATH], p[c.LAST_PATH]):
        source = path_row(context, i)[c.SOURCE]
        length = length_row(context, source)
        if length[c.EVENTS]:
            # Paths stand in order of their sources: an event that takes two of them has arrived once.
            events += length[c.EVENTS] if source != last else 0
            more += growth(context, i, np.float64(length[c.LARGEST_SIZE]), np.float64(length[c.SUM]))
            last = source
    return events, more


@kernel
def log(context: Array, number: Number) -> None:
    """Append a population's list to the queue."""
    p, at, length, events = population(context, number), list_row(context, number), length_row(context, number), open_events(context)
    queue, progress = int64s(context, c.QUEUE), int64s(context, c.PROGRESS)
    for j in range(at[c.PIXEL_AT], at[c.PIXEL_AT] + length[c.PIXELS_LISTED]):
        first = np.int64(events.pixels[j]) * p[c.CHANNELS]
        for event in range(at[c.EVENT_AT] + events.firsts[j], at[c.EVENT_AT] + events.firsts[j + 1]):
            row = progress[c.TAIL] * c.QUEUE_WIDTH
            queue[row + c.NEURON], queue[row + c.UNITS], queue[row + c.WHOSE] = first + events.channels[event], events.units[event], number
            progress[c.TAIL] += 1


@inlined
def from_targets(context: Array, number: Number, found: Number, operations: Number) -> Number:
    """Whether a path is quicker seen from the pixels that are reached."""
    path = path_row(context, number)
    length = length_row(context, path[c.LIST])
    if path[c.DELIVERY] == c.DIAGONAL and length[c.MANY]:
        # Several events of an input neuron may add up to 0: then they have reached what no image shows.
        return False
    pixels = length[c.PIXELS_LISTED]
    return path[c.FIELD] >= 0 and operations * path[c.FIELD_EVENT] + pixels * path[c.FIELD_PIXEL] >= found * path[c.FIELD_FROM]


@kernel
def receive(context: Array, number: Number) -> Number:
    """Deliver to a population what its sources have sent, and check it; whether a payload does not fit."""
    p, how = population(context, number), c.WHOLE_PIXELS if at_rest(context, number) else c.AFRESH
    first, alone = p[c.FIRST_PATH], p[c.FIRST_PATH] + 1 == p[c.LAST_PATH]
    checks, operations, unfit = p[c.SPIKES] != 0, int64s(context, c.FOUND_OPERATIONS), np.int64(0)
    for i in range(first, p[c.LAST_PATH]):
        if length_row(context, path_row(context, i)[c.SOURCE])[c.EVENTS]:
            operations[i - first] = find(context, i)
    found = gather_reached(context, p)
    for i in range(first, p[c.LAST_PATH]):
        path = path_row(context, i)
        if length_row(context, path[c.SOURCE])[c.EVENTS]:
            seen = from_targets(context, i, found, operations[i - first])
            if seen and path[c.DELIVERY] == c.FULL:
                deliver_windows(context, i, found)
            elif seen and how == c.WHOLE_PIXELS:
                unfit, checks = check_fields(context, number, found), False
            elif alone and path[c.POINT] and how == c.WHOLE_PIXELS:
                unfit, checks = check_points(context, number), False
            else:
                deliver(context, i)
    if checks:
        unfit = check(context, number, found, how)
    if unfit:
        touched = int32s(context, c.TOUCHED)
        for place in range(found):
            flag(context, p, touched[place])
            if how == c.WHOLE_PIXELS:
                mark_all(context, p, np.int64(touched[place]))
        if how == c.WHOLE_PIXELS:
            take_back(context, number)
    return unfit


@stage
def sweep(context: Array) -> Number:
    """Deliver what the inputs have sent and all that it sets off, from where ``progress`` stands; a status."""
    progress = int64s(context, c.PROGRESS)
    populations = len(int64s(context, c.POPULATION_TABLE)) // c.POPULATION_WIDTH
    while progress[c.NEXT] < populations:
        number = progress[c.NEXT]
        p, again, unfit = population(context, number), progress[c.STAGE] == c.DELIVERED, np.int64(0)
        if p[c.KIND] != c.INPUT:
            if again:
                events = 1
                unfit = np.int64(check(context, number, gather_flags(context, p), c.AGAIN))
            else:
                forget_list(context, number)
                events, more = arriving(context, number)
                if events and not admitted(context, number, more):
                    return c.RANGE
                if events:
                    count(context, c.RECEIVED, number, events)
                    unfit = np.int64(receive(context, number))
            if unfit:
                progress[c.STAGE] = c.DELIVERED
                return c.WIDEN
            if events and p[c.SPIKES]:
                settle(context, number)
                if progress[c.LOG]:
                    log(context, number)
        progress[c.STAGE], progress[c.NEXT] = c.SWEEPING, number + 1
    return c.DONE
