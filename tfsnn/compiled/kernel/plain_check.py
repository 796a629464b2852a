"""The neuron rule in plain loops: what the checks of :mod:`tfsnn.compiled.kernel.vector` have to equal.

As :mod:`tfsnn.compiled.kernel.plain`, the definition, run and compiled as it stands where there are no vectors.
"""

from __future__ import annotations

import numpy as np
from numba.extending import register_jitable

from tfsnn.aliases import Array
from tfsnn.compiled.kernel import columns as c
from tfsnn.compiled.kernel.columns import Number
from tfsnn.compiled.kernel.plain import Events, add_rows, count_bits


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
    # Divisions take as long as all the rest here.
    rest = units if units < p[c.LARGEST] else units % p[c.LARGEST]
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


def send_pixels(
    x: Array, o: Array, p: Array, touched: Array, count: Number, reached: Array, events: Events, at: Array, length: Array
) -> Number:
    """:func:`send` where channels that nothing has reached have nothing to send; what does not fit is sent as far as it does.

    Parameters
    ----------
    x, o, p, touched, reached, events, at, length
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
        word = p[c.REACH] + q * p[c.WORDS] if p[c.WORDS] else -1
        unfit |= send_pixel(x, p[c.X] + q * p[c.CELLS], o, p, q, reached, word, events, at, length)
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
    x: Array, o: Array, p: Array, path: Array, weights: Array, touched: Array, count: Number, events: Events, at: Array,
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
                k = np.int64(events.images[window + events.axes[path[c.FIELD_TAPS] + j] + channel])
                x[p[c.X] + q * cells + channel] += weights[path[c.FIELD] + j // 2 * 2 * cells + 2 * (block + lane) + j % 2] * k
                bits[channel // 64] |= int(k != 0) << channel % 64
        length[c.CHECKED] += sum(map(count_bits, bits))
        unfit |= send_pixel(x, p[c.X] + q * cells, o, p, q, x, -1, events, at, length)
    return unfit
