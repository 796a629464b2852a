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
    row_of,
    take_back,
)
from tfsnn.compiled.kernel.memory import int32s, int64s, octets
from tfsnn.compiled.kernel.pooled import deliver_pooled
from tfsnn.compiled.kernel.proof import admitted, at_rest, growth
from tfsnn.compiled.kernel.relayed import relay
from tfsnn.compiled.kernel.vector import differs, lowest_bit, summarize

SHORT = 1 << 15
"""Payloads of narrow contexts lie below."""


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
    pixels = length_row(context, path[c.LIST])[c.PIXELS_LISTED]
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


@kernel
def forget_inputs(context: Array) -> None:
    """Empty the lists of the inputs, and clear the rows of their images that show something."""
    inputs, events = int64s(context, c.INPUTS), open_events(context)
    for i in range(0, len(inputs), 2):
        length, p, at = length_row(context, inputs[i]), population(context, inputs[i]), list_row(context, inputs[i])
        if p[c.PITCH] and length[c.PIXELS_LISTED]:
            first = last = events.pixels[at[c.PIXEL_AT]]
            for j in range(at[c.PIXEL_AT], at[c.PIXEL_AT] + length[c.PIXELS_LISTED]):
                first, last = min(first, events.pixels[j]), max(last, events.pixels[j])
            begin, end = p[c.IMAGE] + row_of(first, p[c.WIDTH]) * p[c.PITCH], p[c.IMAGE] + (row_of(last, p[c.WIDTH]) + 1) * p[c.PITCH]
            for number in range(begin, end):
                events.images[number] = 0
        for column in range(c.LENGTH_WIDTH):
            length[column] = 0


@inlined
def origin(inputs: Array, neuron: Number) -> Number:
    """Which of the inputs an input neuron belongs to."""
    which = len(inputs) // 2 - 1
    while neuron < inputs[2 * which + 1]:
        which -= 1
    return which


@kernel
def gather_input(context: Array, start: Number, stop: Number) -> Number:
    """List a time stamp's events by input; those of one neuron are one row that stands for several. A status."""
    inputs, neurons, payloads = int64s(context, c.INPUTS), int32s(context, c.NEURONS), int32s(context, c.PAYLOADS)
    events, marks, fits = open_events(context), int32s(context, c.MARKS), 1
    forget_inputs(context)
    for i in range(start, stop):
        which = origin(inputs, neurons[i])
        number = inputs[2 * which]
        at, length, p = list_row(context, number), length_row(context, number), population(context, number)
        row, k, mark, local = at[c.EVENT_AT] + length[c.LISTED], np.int64(payloads[i]), marks[neurons[i]], np.int64(neurons[i])
        local -= inputs[2 * which + 1]
        if mark:
            row = at[c.EVENT_AT] + mark - 1
            k += events.units[row]
            events.times[row] += 1
            length[c.MANY] = 1
        else:
            pixel, last = local // p[c.CHANNELS], at[c.PIXEL_AT] + length[c.PIXELS_LISTED] - 1
            if length[c.PIXELS_LISTED] == 0 or events.pixels[last] != pixel:
                events.pixels[last + 1], events.firsts[last + 1] = pixel, length[c.LISTED]
                length[c.PIXELS_LISTED] += 1
            events.channels[row], events.times[row] = local - pixel * p[c.CHANNELS], 1
            length[c.LISTED] += 1
            marks[neurons[i]] = length[c.LISTED]
        # What does not fit is dropped with the whole list.
        if events.units.itemsize == 2 and abs(k) >= SHORT:
            fits, k = 0, np.int64(0)
        events.units[row] = k
        length[c.EVENTS] += 1
        if p[c.PITCH]:
            events.images[p[c.IMAGE] + local + row_of(local // p[c.CHANNELS], p[c.WIDTH]) * (p[c.PITCH] - p[c.WIDTH] * p[c.CHANNELS])] = k
    for i in range(start, stop):
        marks[neurons[i]] = 0
    for i in range(0, len(inputs), 2):
        at, length = list_row(context, inputs[i]), length_row(context, inputs[i])
        events.firsts[at[c.PIXEL_AT] + length[c.PIXELS_LISTED]] = length[c.LISTED]
        summarize(events.units, at[c.EVENT_AT], at[c.EVENT_AT] + length[c.LISTED], length)
    return c.DONE if fits else c.WIDEN


@kernel
def count_input(context: Array, start: Number, stop: Number) -> None:
    """Count a time stamp's input events, and log them where that is wanted."""
    inputs, neurons, payloads = int64s(context, c.INPUTS), int32s(context, c.NEURONS), int32s(context, c.PAYLOADS)
    queue, progress = int64s(context, c.QUEUE), int64s(context, c.PROGRESS)
    for i in range(start, stop):
        which = origin(inputs, neurons[i])
        count(context, c.POSITIVE if payloads[i] > 0 else c.NEGATIVE, inputs[2 * which], 1)
        if progress[c.LOG]:
            row = progress[c.TAIL] * c.QUEUE_WIDTH
            queue[row + c.NEURON], queue[row + c.UNITS] = neurons[i] - inputs[2 * which + 1], payloads[i]
            queue[row + c.WHOSE] = inputs[2 * which]
            progress[c.TAIL] += 1


@kernel
def encode(context: Array) -> None:
    """List the bytes of a frame that differ from what has been sent by their least change or more, and bring that up to date."""
    inputs, frame, sent, least = (
        int64s(context, c.INPUTS), octets(context, c.FRAME), octets(context, c.SENT), octets(context, c.LEAST_BYTES)
    )  # fmt: skip
    number, events = inputs[0], open_events(context)
    p, at, length = population(context, number), list_row(context, number), length_row(context, number)
    channels, across, nonzero, first = p[c.CHANNELS], p[c.WIDTH] * p[c.CHANNELS], np.int64(0), np.int64(0)
    forget_inputs(context)
    # Where the pixel and the row begin and end that the last byte lies in; what that row and that pixel add to places in tables.
    pixel, pixel_end, line_end, line_counts, counts, shown = np.int64(0), np.int64(0), np.int64(0), np.int64(0), np.int64(0), np.int64(0)
    listed, row = at[c.PIXEL_AT], at[c.EVENT_AT]
    # Both hold whole blocks: what lies behind the last pixel is 0 in either, and its least change is not.
    for block in range(0, len(frame), 64):
        word = differs(frame, sent, least, block)
        while word:
            i = block + lowest_bit(word)
            word &= word - 1
            if i >= pixel_end:
                pixel = row_of(i, channels)
                pixel_end = (pixel + 1) * channels
                if i >= line_end:
                    line = row_of(pixel, p[c.WIDTH])
                    first, line_end, shown = line * p[c.WIDTH], (line + 1) * across, p[c.IMAGE] + line * (p[c.PITCH] - across)
                    line_counts = p[c.COUNT_AT] + events.axes[p[c.COUNT_ROWS] + line]
                events.pixels[listed], events.firsts[listed] = pixel, row - at[c.EVENT_AT]
                listed, counts = listed + 1, line_counts + events.axes[p[c.COUNT_COLUMNS] + pixel - first]
            channel, k = i - pixel_end + channels, np.int64(frame[i]) - np.int64(sent[i])
            events.channels[row], events.units[row] = channel, k
            nonzero += np.int64(events.nonzeros[counts + channel])
            sent[i] = frame[i]
            if p[c.PITCH]:
                events.images[shown + i] = k
            row += 1
    events.firsts[listed] = row - at[c.EVENT_AT]
    length[c.PIXELS_LISTED], length[c.LISTED], length[c.EVENTS] = listed - at[c.PIXEL_AT], row - at[c.EVENT_AT], row - at[c.EVENT_AT]
    length[c.HAS_NONZERO], length[c.NONZERO_SUM] = 1, nonzero
    negative = summarize(events.units, at[c.EVENT_AT], row, length)
    count(context, c.NEGATIVE, number, negative)
    count(context, c.POSITIVE, number, length[c.EVENTS] - negative)
