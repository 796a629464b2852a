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
    images
        int16: payload units by pixel and channel with a border, 0 where nothing was sent, of populations that have an image.
    nonzeros, axes
        int32, int64: how many weights other than 0 an event meets, and where that stands, as the columns of paths have it.
    """

    pixels: Array
    firsts: Array
    channels: Array
    units: Array
    times: Array
    images: Array
    nonzeros: Array
    axes: Array


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
    x: Array, p: Array, path: Array, weights: Array, image: Array, pitch: Number, touched: Array, count: Number
) -> None:
    """x[q, i] += sum over rows u and numbers j of a window of image[window of q + u pitch + j] weight[u, j, i], for some target pixels q.

    Parameters
    ----------
    x
        The states.
    p, path, weights
        Rows of the population and of the path, and all weights: the path's are (blocks of channels, rows, pairs, channels, 2).
    image, pitch
        Payloads; from one row to the next.
    touched, count
        The pixels, and how many.
    """
    rows, pairs, done = path[c.FIELD_ROWS], path[c.FIELD_PAIRS], 0
    for vectors in window_blocks(p[c.CELLS] // 8):
        for number in range(count):
            q = np.int64(touched[number])
            row = q // p[c.WIDTH]
            window = path[c.FIELD_START] + row * path[c.FIELD_DOWN] + (q - row * p[c.WIDTH]) * path[c.FIELD_ACROSS]
            for u in range(rows):
                for j in range(2 * pairs):
                    first, k = path[c.FIELD] + 2 * rows * pairs * done, np.int64(image[window + u * pitch + j])
                    first += (u * pairs + j // 2) * 16 * vectors + j % 2
                    for i in range(8 * vectors):
                        x[p[c.X] + q * p[c.CELLS] + done + i] += weights[first + 2 * i] * k
        done += 8 * vectors


def window_blocks(vectors: Number) -> list[Number]:
    """How many vectors of eight channels :func:`add_windows` takes at a time: threes, but not so that a single one is left behind some."""
    found: list[Number] = []
    while vectors:
        found.append(min(vectors, 2 if vectors in (2, 4) else 3))
        vectors -= found[-1]
    return found


def add_products(x: Array, at: Number, weights: Array, first: Number, spread: Array, width: Number) -> None:
    """x[at + i] += weights[first + i] spread[i], for i from 0 up to ``width``, in vectors a multiple of 8."""
    for i in range(width):
        x[at + i] += weights[first + i] * np.int64(spread[i])


def clear(images: Array, at: Number) -> None:
    """Set eight numbers to 0."""
    for i in range(at, at + 8):
        images[i] = 0


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


@register_jitable
def send_pixel(
    values: Array, first: Number, o: Array, p: Array, q: Number, reached: Array, word: Number, events: Events, at: Array, length: Array
) -> Number:
    """The neuron rule on the channels of one pixel, of those that are reached; whether some payload does not fit.

    Parameters
    ----------
    values, first, o, p, q
        As of :func:`send`; f's first argument, and the pixel.
    reached, word
        Bits of channels, and the first word of them; all are reached if that is -1.
    events, at, length
        As of :func:`send`.
    """
    listed, sent, unfit, row = length[c.PIXELS_LISTED], length[c.LISTED], 0, q // p[c.WIDTH]
    pixel, cell = at[c.PIXEL_AT] + listed, p[c.O] + q * p[c.CELLS]
    shown = p[c.IMAGE] + row * p[c.PITCH] + (q - row * p[c.WIDTH]) * p[c.IMAGE_CELLS]
    events.pixels[pixel], events.firsts[pixel], counts = q, sent, np.int64(0)
    whole = length[c.HAS_NONZERO] != 0
    if whole:
        counts = p[c.COUNT_AT] + events.axes[p[c.COUNT_ROWS] + row] + events.axes[p[c.COUNT_COLUMNS] + q - row * p[c.WIDTH]]
    for channel in range(p[c.CHANNELS]):
        units = 0
        if word < 0 or reached[word + channel // 64] >> channel % 64 & 1:
            change = min(max(np.int64(values[first + channel]), p[c.FLOOR]), p[c.CEILING]) - np.int64(o[cell + channel])
            if p[c.DIRECT]:
                change = floored(change, p[c.PAYLOAD])
            if abs(change) >= p[c.BEYOND]:
                most = (p[c.BEYOND] - 1) // p[c.PAYLOAD]
                unfit, units = 1, 0 if not whole else most if change > 0 else -most
            elif abs(change) >= p[c.CHANGE]:
                units = units_of(change, p)
            if units:
                o[cell + channel] += units * p[c.PAYLOAD]
                events.channels[at[c.EVENT_AT] + sent], events.units[at[c.EVENT_AT] + sent] = channel, units
                if whole:
                    length[c.NONZERO_SUM] += events.nonzeros[counts + channel]
                sent += 1
        if p[c.PITCH]:
            events.images[shown + channel] = units
    if sent > length[c.LISTED]:
        listed += 1
    events.firsts[at[c.PIXEL_AT] + listed] = sent
    length[c.PIXELS_LISTED], length[c.LISTED] = listed, sent
    return unfit


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
        Where events are listed, and shown in the population's image if it has one; the list's rows, the second brought up to date.

    Returns
    -------
    Whether some payload does not fit; that neuron is left as it was.
    """
    unfit = 0
    events.firsts[at[c.PIXEL_AT] + length[c.PIXELS_LISTED]] = length[c.LISTED]
    for number in range(begin, end):
        q = np.int64(touched[number])
        word = p[c.REACH] + q * p[c.WORDS] if p[c.WORDS] else -1
        unfit |= send_pixel(values, value + q * step, o, p, q, reached, word, events, at, length)
    return unfit


def send_pixels(x: Array, o: Array, p: Array, touched: Array, count: Number, events: Events, at: Array, length: Array) -> Number:
    """:func:`send` for all channels of the pixels, whether events have reached them or not; what does not fit is sent as far as it does.

    Parameters
    ----------
    x, o, p, touched, events, at, length
        As there; ``length`` also has the sum of weights other than 0 that the events meet on the path that is counted.
    count
        How many pixels.

    Returns
    -------
    Whether some payload does not fit: then who calls takes back what is listed.
    """
    events.firsts[at[c.PIXEL_AT]], length[c.HAS_NONZERO], unfit = 0, 1, 0
    for number in range(count):
        q = np.int64(touched[number])
        unfit |= send_pixel(x, p[c.X] + q * p[c.CELLS], o, p, q, x, -1, events, at, length)
    return unfit


def settled(x: Array, o: Array, p: Array, count: Number) -> Number:
    """Whether no neuron of a population, of ``count`` cells, has anything to send: abs(f(x) - o) < T where f is a clip."""
    waiting = 0
    for i in range(count):
        change = min(max(np.int64(x[p[c.X] + i]), p[c.FLOOR]), p[c.CEILING]) - np.int64(o[p[c.O] + i])
        if p[c.DIRECT]:
            change = floored(change, p[c.PAYLOAD])
        waiting |= abs(change) >= p[c.CHANGE]
    return 0 if waiting else 1


def send_points(
    x: Array, o: Array, p: Array, path: Array, weights: Array, source: Array, count: Number, events: Events, at: Array, length: Array
) -> Number:
    """Deliver a list to a population whose pixels each receive from the same pixel alone, and check these as :func:`send_pixels`.

    Parameters
    ----------
    x, o, p, events, at, length
        As there.
    path, weights
        The path's row, and all weights.
    source, count
        Where the list lies, and how many pixels it names, each once.

    Returns
    -------
    As :func:`send_pixels`.
    """
    begin = source[c.EVENT_AT]
    events.firsts[at[c.PIXEL_AT]], length[c.HAS_NONZERO], unfit = 0, 1, 0
    for j in range(source[c.PIXEL_AT], source[c.PIXEL_AT] + count):
        q = np.int64(events.pixels[j])
        first, span = p[c.X] + q * p[c.CELLS], (begin + events.firsts[j], begin + events.firsts[j + 1])
        add_rows(x, first, weights, path[c.WEIGHT], p[c.CELLS], events.channels, events.units, *span, p[c.CELLS])
        unfit |= send_pixel(x, first, o, p, q, x, -1, events, at, length)
    return unfit


def send_fields(
    x: Array, o: Array, p: Array, path: Array, weights: Array, axes: Array, touched: Array, count: Number, events: Events, at: Array,
    length: Array,
) -> Number:  # fmt: skip
    """Sum up what pixels receive through a depthwise convolution, from the image of its source, and check as :func:`send_pixels`.

        x[q, i] += sum over taps j of image[window of q + place of j + i] weight[j, i]

    Parameters
    ----------
    x, o, p, events, at, length
        As there; ``length`` also counts the neurons that are reached.
    path, weights
        The path's row, and all weights: (pairs of taps, 2 CELLS), interleaved as :func:`tfsnn.compiled.paths.interleaved` has it.
    axes
        All axes: the places of taps within a window.
    touched, count
        The pixels, rising, and how many.

    Returns
    -------
    As :func:`send_pixels`.
    """
    cells = p[c.CELLS]
    events.firsts[at[c.PIXEL_AT]], length[c.HAS_NONZERO], unfit = 0, 1, 0
    for number in range(count):
        q = np.int64(touched[number])
        row = q // p[c.WIDTH]
        window = path[c.FIELD_START] + row * path[c.FIELD_DOWN] + (q - row * p[c.WIDTH]) * path[c.FIELD_ACROSS]
        bits = [0] * (cells // 64 + 1)
        for channel in range(cells):
            # Within sixteen channels, or the last eight, the first two of four fours change places with the others.
            block = channel // 16 * 16
            lane = channel - block
            if block + 16 <= cells:
                lane = lane // 4 % 2 * 8 + lane // 8 * 4 + lane % 4
            for j in range(2 * path[c.FIELD_PAIRS]):
                k = np.int64(events.images[window + axes[path[c.FIELD_TAPS] + j] + channel])
                x[p[c.X] + q * cells + channel] += weights[path[c.FIELD] + j // 2 * 2 * cells + 2 * (block + lane) + j % 2] * k
                bits[channel // 64] |= int(k != 0) << channel % 64
        length[c.CHECKED] += sum(map(count_bits, bits))
        unfit |= send_pixel(x, p[c.X] + q * cells, o, p, q, x, -1, events, at, length)
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
