"""What the inputs send in a time stamp, as lists: given events, or the bytes of a frame that have changed."""

from __future__ import annotations

import numpy as np

from tfsnn.aliases import Array
from tfsnn.compiled.kernel import columns as c
from tfsnn.compiled.kernel.columns import Number
from tfsnn.compiled.kernel.jit import inlined, kernel
from tfsnn.compiled.kernel.lists import count, length_row, list_row, open_events, population, row_of
from tfsnn.compiled.kernel.memory import int32s, int64s, octets
from tfsnn.compiled.kernel.vector import differs, lowest_bit, summarize

SHORT = 1 << 15
"""Payloads of narrow contexts lie below."""


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


@kernel
def fit(context: Array, start: Number, stop: Number) -> Number:
    """Whether the payloads of a time stamp's events fit the context."""
    payloads, fits = int32s(context, c.PAYLOADS), np.int64(1)
    if open_events(context).units.itemsize == 2:
        for i in range(start, stop):
            fits &= abs(np.int64(payloads[i])) < SHORT
    return fits


@kernel
def rise(context: Array, start: Number, stop: Number) -> Number:
    """Whether a time stamp's events come in the order of their neurons, one of each."""
    neurons, rising = int32s(context, c.NEURONS), np.int64(1)
    for i in range(start + 1, stop):
        rising &= neurons[i] > neurons[i - 1]
    return rising


@inlined
def end_list(context: Array, number: Number, listed: Number, row: Number) -> None:
    """End an input's list behind its last pixel and its last event, one row each, and count what it holds."""
    at, length, events = list_row(context, number), length_row(context, number), open_events(context)
    sent = row - at[c.EVENT_AT]
    events.firsts[listed] = sent
    length[c.PIXELS_LISTED], length[c.LISTED], length[c.EVENTS] = listed - at[c.PIXEL_AT], sent, sent
    negative = summarize(events.units, at[c.EVENT_AT], row, length)
    count(context, c.NEGATIVE, number, negative)
    count(context, c.POSITIVE, number, sent - negative)


@kernel
def list_rising(context: Array, start: Number, stop: Number) -> None:
    """List events that come in the order of their neurons, and count them."""
    inputs, neurons, payloads = int64s(context, c.INPUTS), int32s(context, c.NEURONS), int32s(context, c.PAYLOADS)
    events, i = open_events(context), start
    for which in range(0, len(inputs), 2):
        number, base = inputs[which], inputs[which + 1]
        p, at = population(context, number), list_row(context, number)
        channels, across, end = p[c.CHANNELS], p[c.WIDTH] * p[c.CHANNELS], base + p[c.PIXELS] * p[c.CHANNELS]
        listed, row, pixel_end, line_end, shown = at[c.PIXEL_AT], at[c.EVENT_AT], np.int64(0), np.int64(0), np.int64(0)
        while i < stop and neurons[i] < end:
            local = np.int64(neurons[i]) - base
            if local >= pixel_end:
                pixel = local if channels == 1 else row_of(local, channels)
                pixel_end = (pixel + 1) * channels
                events.pixels[listed], events.firsts[listed] = pixel, row - at[c.EVENT_AT]
                listed += 1
                if local >= line_end:
                    line = row_of(pixel, p[c.WIDTH])
                    line_end, shown = (line + 1) * across, p[c.IMAGE] + line * (p[c.PITCH] - across)
            events.channels[row], events.units[row] = local - pixel_end + channels, payloads[i]
            if p[c.PITCH]:
                events.images[shown + local] = payloads[i]
            row, i = row + 1, i + 1
        end_list(context, number, listed, row)


@inlined
def origin(inputs: Array, neuron: Number) -> Number:
    """Which of the inputs an input neuron belongs to."""
    which = len(inputs) // 2 - 1
    while neuron < inputs[2 * which + 1]:
        which -= 1
    return which


@kernel
def list_any(context: Array, start: Number, stop: Number) -> Number:
    """List events in any order, and count them; those of one neuron are one row that stands for several. Whether all sums fit."""
    inputs, neurons, payloads = int64s(context, c.INPUTS), int32s(context, c.NEURONS), int32s(context, c.PAYLOADS)
    events, marks, fits = open_events(context), int32s(context, c.MARKS), 1
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
    for i in range(start, stop if fits else start):
        count(context, c.POSITIVE if payloads[i] > 0 else c.NEGATIVE, inputs[2 * origin(inputs, neurons[i])], 1)
    return fits


@kernel
def gather_input(context: Array, start: Number, stop: Number) -> Number:
    """List a time stamp's events by input, and count them where all of them fit; a status."""
    forget_inputs(context)
    if not fit(context, start, stop):
        return c.WIDEN
    if rise(context, start, stop):
        list_rising(context, start, stop)
    elif not list_any(context, start, stop):
        return c.WIDEN
    return c.DONE


@kernel
def log_input(context: Array, start: Number, stop: Number) -> None:
    """Append a time stamp's input events to the queue."""
    inputs, neurons, payloads = int64s(context, c.INPUTS), int32s(context, c.NEURONS), int32s(context, c.PAYLOADS)
    queue, progress = int64s(context, c.QUEUE), int64s(context, c.PROGRESS)
    for i in range(start, stop):
        which, row = origin(inputs, neurons[i]), progress[c.TAIL] * c.QUEUE_WIDTH
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
    length[c.HAS_NONZERO], length[c.NONZERO_SUM] = 1, nonzero
    end_list(context, number, listed, row)
