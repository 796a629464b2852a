"""The hot routines of the compiled engine in plain loops: what each of :mod:`tfsnn.compiled.kernel.vector`'s has to equal.

They are the definition, run as they stand with NUMBA_DISABLE_JIT=1, and compiled as they stand for wide contexts. Positions count
elements of flat arrays and are proved to lie inside when a network is laid out.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba.extending import register_jitable

from tfsnn.aliases import Array
from tfsnn.compiled.kernel import columns as c
from tfsnn.compiled.kernel.columns import Number


class Events(NamedTuple):
    """The arrays in which all lists lie.

    Parameters
    ----------
    pixels, firsts
        int32: pixels that send, and where the events of each begin, counted within its list; one more than there are pixels.
    channels, units, times
        int32; int16 or int64: payload units; int64: the events that a row stands for, where its list says MANY.
    block_firsts, blocks, masks, lanes
        int32: where the blocks of each pixel begin, as ``firsts``; int32: which eight channels; uint8: those of them that send; payload
        units of all eight, in the type of states.
    """

    pixels: Array
    firsts: Array
    channels: Array
    units: Array
    times: Array
    block_firsts: Array
    blocks: Array
    masks: Array
    lanes: Array


def add_rows(
    x: Array, at: Number, weights: Array, first: Number, stride: Number,
    channels: Array, payloads: Array, begin: Number, end: Number, width: Number,
) -> None:  # fmt: skip
    """x[at + i] += sum over events e of k_e weights[first + c_e stride + i], for i from 0 up to ``width``.

    Parameters
    ----------
    x, at
        The states, and the first of them.
    weights, first, stride
        Weights; the first of channel 0; from one channel to the next.
    channels, payloads, begin, end
        Events: those from ``begin`` up to ``end``.
    width
        Neurons; in vectors, a multiple of 8.
    """
    for event in range(begin, end):
        row, k = first + channels[event] * stride, payloads[event]
        for i in range(width):
            x[at + i] += weights[row + i] * np.int64(k)


def add_windows(
    x: Array, at: Number, cells: Number, targets: Number, weights: Array, first: Number,
    image: Array, start: Number, across: Number, pitch: Number, rows: Number, pairs: Number,
) -> None:  # fmt: skip
    """x[at + r cells + i] += sum over rows u and numbers j of a window of image[start + r across + u pitch + j] weight[u, j, i].

    Parameters
    ----------
    x, at, cells, targets
        The states, the first of them, from one target to the next, and how many targets: 1 or 4.
    weights, first
        (rows, pairs, cells, 2), and the first of them.
    image, start, across, pitch
        Payloads; where the window of the first target begins; from it to the next target's; from one row to the next.
    rows, pairs
        Of the window: its rows, and pairs of numbers in each.
    """
    for target in range(targets):
        for u in range(rows):
            begin = start + target * across + u * pitch
            for j in range(2 * pairs):
                row = first + 2 * (u * pairs + j // 2) * cells + j % 2
                for i in range(cells):
                    x[at + target * cells + i] += weights[row + 2 * i] * np.int64(image[begin + j])


def add_products(
    x: Array, at: Number, scales: Array, first: Number, reached: Array, marks: Number, events: Events, begin: Number, end: Number
) -> None:
    """x[at + i] += scales[first + i] k_i for all channels i of some blocks of eight; those that have an event are marked.

    Parameters
    ----------
    x, at, scales, first
        The states and the weights, and the first of them.
    reached, marks
        Bits of neurons, eight channels a byte, and the first byte.
    events, begin, end
        Which blocks: those from ``begin`` up to ``end``.
    """
    for number in range(begin, end):
        block = np.int64(events.blocks[number])
        reached[marks + block] |= events.masks[number]
        for i in range(8):
            x[at + 8 * block + i] += scales[first + 8 * block + i] * events.lanes[8 * number + i]


def add_and_test(
    x: Array, at: Number, weights: Array, first: Number, k: Number, width: Number, o: Array, where: Number, p: Array, hits: Array
) -> Number:
    """Add one event to a run of neurons, and look which of them have something to send: x[at + i] += k weights[first + i].

    Parameters
    ----------
    x, at, weights, first, k, width
        As above.
    o, where
        o of the neurons in steps, and the first of them.
    p
        Row of the population.
    hits
        Bit i is set where abs(f(x) - o) >= T, eight neurons a byte; written up to ``width``.

    Returns
    -------
    Whether any is.
    """
    found = 0
    for byte in range(width // 8):
        bits = 0
        for lane in range(8):
            i = 8 * byte + lane
            x[at + i] += weights[first + i] * np.int64(k)
            change = min(max(np.int64(x[at + i]), p[c.FLOOR]), p[c.CEILING]) - np.int64(o[where + i])
            if abs(change) >= p[c.CHANGE]:
                bits |= 1 << lane
        hits[byte] = bits
        found |= bits
    return found


@register_jitable
def floored(value: Number, by: Number) -> Number:
    """value / by, rounded down, in whole steps of ``by``."""
    return value // by * by


@register_jitable
def units_of(change: Number, p: Array) -> Number:
    """Payload units that the neuron rule's loop sends in all where f(x) - o is ``change``: :func:`tfsnn.plan.rule.fire` for one neuron."""
    if p[c.DIRECT]:
        change = floored(change, p[c.PAYLOAD])
    units = abs(change) // p[c.PAYLOAD]
    rest = units % p[c.LARGEST]
    if rest < p[c.LEAST]:
        units -= rest
    return units if change >= 0 else -units


def send(
    values: Array, value: Number, step: Number, o: Array, p: Array, touched: Array, begin: Number, end: Number, reached: Array,
    events: Events, at: Array, length: Array,
) -> Number:  # fmt: skip
    """The neuron rule on all channels of some pixels, as ``eager.check``: o += k P, and k is listed, where abs(f(x) - o) >= T.

    Parameters
    ----------
    values, value, step
        x, or f(x) where f is no clip; that of pixel q begins at ``value + q step``.
    o
        o in steps.
    p
        Row of the population.
    touched, begin, end
        Which pixels, rising.
    reached
        Bits of the neurons that events have reached, where the population has such.
    events, at, length
        Where events are listed, one by one and by blocks of eight channels; the list's rows, the second brought up to date.

    Returns
    -------
    Whether some payload does not fit; that neuron is left as it was.
    """
    listed, sent, blocks, unfit = length[c.PIXELS_LISTED], length[c.LISTED], length[c.BLOCKS_LISTED], 0
    pixel, event = at[c.PIXEL_AT], at[c.EVENT_AT]
    for number in range(begin, end):
        q = np.int64(touched[number])
        start, cell = sent, p[c.O] + q * p[c.CELLS]
        events.block_firsts[pixel + listed] = blocks
        for channel in range(p[c.CELLS]):
            place, lane, units = at[c.BLOCK_AT] + blocks, channel % 8, 0
            if lane == 0:
                events.blocks[place], events.masks[place] = channel // 8, 0
            change = min(max(np.int64(values[value + q * step + channel]), p[c.FLOOR]), p[c.CEILING]) - np.int64(o[cell + channel])
            if p[c.DIRECT]:
                change = floored(change, p[c.PAYLOAD])
            if channel >= p[c.CHANNELS] or (p[c.WORDS] and not reached[p[c.REACH] + q * p[c.WORDS] + channel // 64] >> channel % 64 & 1):
                change = 0
            if abs(change) >= p[c.BEYOND]:
                unfit = 1
            elif abs(change) >= p[c.CHANGE]:
                units = units_of(change, p)
                o[cell + channel] += units * p[c.PAYLOAD]
                events.channels[event + sent], events.units[event + sent] = channel, units
                events.masks[place] |= 1 << lane
                sent += 1
            events.lanes[8 * place + lane] = units
            if lane == 7 and events.masks[place]:
                blocks += at[c.BLOCK_STEP]
        if sent > start:
            events.pixels[pixel + listed], events.firsts[pixel + listed] = q, start
            listed += 1
    events.firsts[pixel + listed], events.block_firsts[pixel + listed] = sent, blocks
    length[c.PIXELS_LISTED], length[c.LISTED], length[c.BLOCKS_LISTED] = listed, sent, blocks
    return unfit


def summarize(payloads: Array, begin: Number, end: Number, length: Array) -> Number:
    """How many payloads are negative; the largest abs(k) and their sum go into a list's row.

    Parameters
    ----------
    payloads, begin, end
        Those from ``begin`` up to ``end``.
    length
        The list's row.
    """
    negative, largest, total = np.int64(0), np.int64(0), np.int64(0)
    for event in range(begin, end):
        k = np.int64(payloads[event])
        negative += k < 0
        largest, total = max(largest, abs(k)), total + abs(k)
    length[c.LARGEST_SIZE], length[c.SUM] = largest, total
    return negative


def highest(x: Array, start: Number, stop: Number) -> Number:
    """The largest abs(x) from ``start`` up to ``stop``; in vectors, a multiple of 8 apart."""
    largest = np.int64(0)
    for i in range(start, stop):
        largest = max(largest, abs(np.int64(x[i])))
    return largest


def raise_to(values: Array, x: Array, at: Number, width: Number) -> None:
    """values[i] = max(values[i], x[at + i]), for i from 0 up to ``width``, in vectors a multiple of 8."""
    for i in range(width):
        values[i] = max(values[i], x[at + i])


def differs(frame: Array, sent: Array, at: Number, least: Number) -> Number:
    """Bit i is set where abs(frame[at + i] - sent[at + i]) >= least, for 64 bytes."""
    bits = 0
    for i in range(64):
        if abs(int(frame[at + i]) - int(sent[at + i])) >= least:
            bits |= 1 << i
    return bits


def lowest_bit(word: Number) -> Number:
    """The number of the lowest bit that is set."""
    return (int(word) & -int(word)).bit_length() - 1


def count_bits(word: Number) -> Number:
    """How many bits are set."""
    return bin(int(word) & (1 << 64) - 1).count("1")
