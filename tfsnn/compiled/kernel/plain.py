"""The hot routines of the compiled engine in plain loops: what each of :mod:`tfsnn.compiled.kernel.vector`'s has to equal.

They are the definition, run as they stand with NUMBA_DISABLE_JIT=1, and compiled as they stand for wide contexts. Positions count
elements of flat arrays and are proved to lie inside when a network is laid out.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

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
        int64: bit i is set where abs(f(x) - o) >= T, 64 neurons a word; written up to ``width``.

    Returns
    -------
    All these words, or-ed.
    """
    found = np.int64(0)
    for i in range(width):
        if i % 64 == 0:
            hits[i // 64] = 0
        x[at + i] += weights[first + i] * np.int64(k)
        change = min(max(np.int64(x[at + i]), p[c.FLOOR]), p[c.CEILING]) - np.int64(o[where + i])
        if abs(change) >= p[c.CHANGE]:
            hits[i // 64] |= np.int64(1) << np.int64(i % 64)
        found |= hits[i // 64]
    return found


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


def differs(frame: Array, sent: Array, least: Array, at: Number) -> Number:
    """Bit i is set where abs(frame[at + i] - sent[at + i]) >= least[at + i], for 64 bytes."""
    bits = 0
    for i in range(64):
        if abs(int(frame[at + i]) - int(sent[at + i])) >= least[at + i]:
            bits |= 1 << i
    return bits


def lowest_bit(word: Number) -> Number:
    """The number of the lowest bit that is set."""
    return (int(word) & -int(word)).bit_length() - 1


def count_bits(word: Number) -> Number:
    """How many bits are set."""
    return bin(int(word) & (1 << 64) - 1).count("1")
