"""The hot routines of the compiled engine in plain loops: what each of :mod:`tfsnn.compiled.kernel.vector`'s has to equal.

They are the definition, run as they stand with NUMBA_DISABLE_JIT=1, and compiled as they stand for wide contexts. Positions count
elements of flat arrays and are proved to lie inside when a network is laid out.
"""

from __future__ import annotations

import numpy as np
from numba.extending import register_jitable

from tfsnn.aliases import Array
from tfsnn.compiled.kernel import columns as c
from tfsnn.compiled.kernel.columns import Number


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


def add_products(x: Array, at: Number, scales: Array, first: Number, spread: Array, width: Number) -> None:
    """x[at + i] += scales[first + i] spread[i], for i from 0 up to ``width``.

    Parameters
    ----------
    x, at, scales, first
        The states and the weights, and the first of them.
    spread
        Payloads by channel.
    width
        Neurons; in vectors, a multiple of 8.
    """
    for i in range(width):
        x[at + i] += scales[first + i] * spread[i]


def add_and_test(
    x: Array, at: Number, weights: Array, first: Number, k: Number, width: Number, told: Array, where: Number, p: Array, hits: Array
) -> Number:
    """Add one event to a run of neurons, and look which of them have something to send: x[at + i] += k weights[first + i].

    Parameters
    ----------
    x, at, weights, first, k, width
        As above.
    told, where
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
            change = min(max(np.int64(x[at + i]), p[c.FLOOR]), p[c.CEILING]) - np.int64(told[where + i])
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
    values: Array, value: Number, step: Number, told: Array, p: Array, touched: Array, begin: Number, end: Number, reached: Array,
    channels: Array, payloads: Array, event: Number, pixels: Array, firsts: Array, pixel: Number, length: Array,
) -> Number:  # fmt: skip
    """The neuron rule on all channels of some pixels, as ``eager.check``: o += k P, and k is listed, where abs(f(x) - o) >= T.

    Parameters
    ----------
    values, value, step
        x, or f(x) where f is no clip; that of pixel q begins at ``value + q step``.
    told
        o in steps.
    p
        Row of the population.
    touched, begin, end
        Which pixels, rising.
    reached
        Bits of the neurons that events have reached, where the population has such.
    channels, payloads, event
        Where events are listed, and the first of the list.
    pixels, firsts, pixel
        Where the pixels that send are listed, and where each one's events begin.
    length
        The list's row: how many of both it holds, brought up to date.

    Returns
    -------
    Whether some payload does not fit; that neuron is left as it was.
    """
    listed, sent, unfit = length[c.PIXELS_LISTED], length[c.LISTED], 0
    for number in range(begin, end):
        q = np.int64(touched[number])
        start, at, cell = sent, value + q * step, p[c.O] + q * p[c.CELLS]
        for channel in range(p[c.CHANNELS]):
            if p[c.WORDS] and not reached[p[c.REACH] + q * p[c.WORDS] + channel // 64] >> np.int64(channel % 64) & 1:
                continue
            change = min(max(np.int64(values[at + channel]), p[c.FLOOR]), p[c.CEILING]) - np.int64(told[cell + channel])
            if p[c.DIRECT]:
                change = floored(change, p[c.PAYLOAD])
            if abs(change) >= p[c.BEYOND]:
                unfit = 1
            elif abs(change) >= p[c.CHANGE]:
                units = units_of(change, p)
                told[cell + channel] += units * p[c.PAYLOAD]
                channels[event + sent], payloads[event + sent] = channel, units
                sent += 1
        if sent > start:
            pixels[pixel + listed], firsts[pixel + listed] = q, start
            listed += 1
    firsts[pixel + listed] = sent
    length[c.PIXELS_LISTED], length[c.LISTED] = listed, sent
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
