"""Convolutions under ``slot``, seen from their targets: all that arrives in the field of an output pixel is summed at once.

Where many events meet, this touches each state once in a time stamp, however many pixels they come from. Events come in
order of the pixels where they arrive, so those of one kernel row lie side by side; what one adds to the output pixel
(i, j) begins at its ORIGIN + i ACROSS + j FILTERS, as kernels are stored flipped.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfsnn.compiled.kernel import columns as c
from tfsnn.compiled.kernel.state import Net, U, Work, apart, inlined
from tfsnn.compiled.kernel.vector import collect, gather_many, highest

Array = NDArray[Any]
DENSE = 8
"""Events that meet in the field of output pixels added to together, on average over the rows that are reached, from which on this pays."""


@inlined
def rows_reached(field: Array, low: int, high: int) -> tuple[Any, Any]:
    """The output rows, from and up to, that the pixels from ``low`` to ``high`` reach."""
    step, before = field[c.STEP_DOWN], field[c.BEFORE_DOWN]
    first = (low // field[c.WIDE] + before - field[c.FIELD_HIGH] + step) // step
    return max(first, 0), min((high // field[c.WIDE] + before) // step + 1, field[c.OUT_HIGH])


@inlined
def pixel_of(place: Any, share: Any) -> Any:
    """The pixel of a place: place / channels, rounded down; half a channel more keeps the quotient off whole numbers."""
    return np.int64((np.float64(place) + 0.5) * share)


@apart
def arrive(
    seat: Array, pixels: Array, weights: Array, f: Array, lists: Array, begins: Array, sizes: Array,
    near_first: Array, near_units: Array, base: int, end: int,
) -> tuple[Any, Any, Any, Any, Any, Any]:  # fmt: skip
    """List where what a population has sent arrives, and where the events of each pixel begin.

    Gives how many arrive, the first and the last pixel, whether they came in order, and the operations, those by weights other than 0.
    """
    channels, wide, share = f[c.CHANNELS], f[c.WIDE], 1.0 / f[c.CHANNELS]
    while base < end and seat[U(lists[U(base), c.NEURON])] < 0:
        base += 1
    while base < end and seat[U(lists[U(end - 1), c.NEURON])] < 0:
        end -= 1
    low, high = np.int64(0), np.int64(-1)
    if base < end:
        low, high = pixel_of(seat[U(lists[U(base), c.NEURON])], share), pixel_of(seat[U(lists[U(end - 1), c.NEURON])], share)
    first, limit = low // wide * wide, (high // wide + 1) * wide
    for pixel in range(first, limit + 1):
        begins[U(pixel)] = 0
    for pixel in range(first, limit + 1):
        sizes[U(pixel)] = 0
    count, size, operations, nonzero, last, ordered = np.int64(0), np.int64(0), np.int64(0), np.int64(0), np.int64(-1), True
    for row in range(base, end):
        neuron, units, times = lists[U(row), c.NEURON], lists[U(row), c.UNITS], lists[U(row), c.TIMES]
        place = np.int64(seat[U(neuron)])
        if place >= 0:
            pixel = pixel_of(place, share)
            channel = place - pixel * channels
            near_first[U(count)] = pixels[U(pixel), c.ORIGIN] + channel * pixels[U(pixel), c.FURTHER]
            near_units[U(count)] = units
            operations += times * pixels[U(pixel), c.REACHED]
            nonzero += times * weights[U(pixels[U(pixel), c.NONZERO] + channel)]
            ordered, last = ordered and bool(place > last), place
            count += 1
            size += abs(units)
            begins[U(pixel + 1)], sizes[U(pixel + 1)] = count, size
    for pixel in range(first, limit):
        begins[U(pixel + 1)] = max(begins[U(pixel + 1)], begins[U(pixel)])
        sizes[U(pixel + 1)] = max(sizes[U(pixel + 1)], sizes[U(pixel)])
    return count, low, high, ordered, operations, nonzero


@apart
def keep(x: Array, kept: Array, at: int, to: int, run: int) -> None:
    """Copy the state of output pixels."""
    for i in range(run):
        kept[U(to + i)] = x[U(at + i)]


@apart
def add_in_parts(x: Array, weight: Array, shape: Array, at: int, most: Any, limit: Any, first: Array, units: Array, count: Any) -> bool:
    """Add what is piled up, as much at a time as surely stays in the exact range; whether that was possible to the end."""
    left, inside = np.int64(count), True
    while left and inside:
        begin, size, room = left, np.float64(0), limit - highest(x, at, at + shape[c.RUN])
        while begin and most * (size + abs(units[U(begin - 1)])) < room:
            begin -= 1
            size += abs(units[U(begin)])
        inside = bool(begin < left)
        if inside:
            gather_many(x, weight, shape, at, first, units, begin, left - begin)
        left = begin
    return inside


@inlined
def add_pile(net: Net, work: Work, shape: Array, at: int, growth: Any, room: Any, most: Any, count: Any) -> bool:
    """Add what is piled up for output pixels; whether it stayed in the exact range."""
    if growth < room:
        gather_many(work.x, net.weight, shape, at, work.pile_first, work.pile_units, 0, count)
        return True
    return add_in_parts(work.x, net.weight, shape, at, most, net.limit, work.pile_first, work.pile_units, count)


@inlined
def add_block(
    net: Net, work: Work, f: Array, shape: Array, at: int, by: int, first: int, stop: int, span: int, room: Any, most: Any
) -> tuple[Any, Any]:
    """Sum up what has arrived in the field of neighbouring output pixels, whose |x| may grow by ``room``.

    From line to line of the field events lie ``first`` + a multiple of WIDE, ``span`` pixels, up to ``stop``. Where all of them might
    leave the exact range, those before are added and |x| is looked at. Gives whether all stayed inside (if not, the pixels are as they
    were), and the room left.
    """
    begins, sizes, x, run = work.begins, work.sizes, work.x, shape[c.RUN]
    count, size, parts, inside = np.int64(0), np.float64(0), False, True
    for line in range(first, stop, f[c.WIDE]):
        begin, end = begins[U(line)], begins[U(line + span)]
        if begin < end:
            more = np.float64(sizes[U(line + span)] - sizes[U(line)])
            if most * (size + more) >= room:
                if not parts:
                    keep(x, work.kept, at, 0, run)
                inside = inside and add_pile(net, work, shape, at, most * size, room, most, count)
                parts, room, count, size = True, net.limit - highest(x, at, at + run), np.int64(0), np.float64(0)
            collect(work.near_first, work.near_units, begin, end, work.pile_first, work.pile_units, count, by)
            count += end - begin
            size += more
    inside = inside and add_pile(net, work, shape, at, most * size, room, most, count)
    if not inside:
        keep(work.kept, x, 0, at, run)
    return inside, room - most * size


@apart
def count_band(begins: Array, band: Array, upper: int, lower: int, wide: int) -> None:
    """How many events lie to the left of each column, in the lines of a field together."""
    for column in range(wide + 1):
        band[U(column)] = begins[U(upper + column)]
    for line in range(upper + wide, lower, wide):
        for column in range(wide + 1):
            band[U(column)] += begins[U(line + column)]


@inlined
def columns_seen(f: Array, first: int, stop: int) -> tuple[Any, Any]:
    """The columns, from and up to, in the field of the output pixels of a row from ``first`` up to ``stop``."""
    left = min(max(first * f[c.STEP_ACROSS] - f[c.BEFORE_ACROSS], 0), f[c.WIDE])
    return left, min(max((stop - 1) * f[c.STEP_ACROSS] - f[c.BEFORE_ACROSS] + f[c.FIELD_WIDE], left), f[c.WIDE])


@inlined
def add_blocks(net: Net, work: Work, path: int, target: int, low: int, high: int, first: int, last: int) -> int:
    """Add what has arrived to the output rows from ``first`` up to ``last``, some pixels at a time, from PLACE on; a status."""
    f, begins, p, progress, band = net.field[path], work.begins, net.population[target], work.progress, work.band
    filters, wide, out_wide = f[c.FILTERS], f[c.WIDE], f[c.OUT_WIDE]
    flags, each = work.flags, filters // p[c.GRAIN]
    first, skip, most = max(first, progress[c.PLACE] // out_wide), progress[c.PLACE] % out_wide, net.most[path]
    if work.bound[target] * 2 > net.limit:
        work.bound[target] = highest(work.x, p[c.BASE], p[c.BASE] + p[c.HEARD])
    room = net.limit - work.bound[target]
    least = room
    for i in range(first, last):
        upper = max(i * f[c.STEP_DOWN] - f[c.BEFORE_DOWN], low // wide) * wide
        lower = min(i * f[c.STEP_DOWN] - f[c.BEFORE_DOWN] + f[c.FIELD_HIGH], high // wide + 1) * wide
        count_band(begins, band, upper, lower, wide)
        for j in range(skip if i == first else 0, out_wide if band[0] < band[U(wide)] else 0, f[c.ABREAST]):
            stop = min(j + f[c.ABREAST], out_wide)
            left, right = columns_seen(f, j, stop)
            if band[U(left)] < band[U(right)]:
                at, by = p[c.BASE] + (i * out_wide + j) * filters, i * f[c.ACROSS] + j * filters
                shape = net.shape[U(f[c.ALL] + stop - j - 1)]
                inside, rest = add_block(net, work, f, shape, at, by, upper + left, lower + left, right - left, room, most)
                least = min(least, rest)
                if not inside:
                    progress[c.PATH], progress[c.RANK], progress[c.PLACE] = path, -1, i * out_wide + j
                    work.bound[target] = net.limit
                    return c.RANGE
                for pixel in range(j, stop if p[c.SPEAKS] else j):
                    left, right = columns_seen(f, pixel, pixel + 1)
                    if band[U(left)] < band[U(right)]:
                        flag = p[c.FLAGS] + (i * out_wide + pixel) * each
                        for one in range(flag, flag + each):
                            flags[U(one)] = 1
                        progress[c.FROM], progress[c.UPTO] = min(progress[c.FROM], flag), max(progress[c.UPTO], flag + each)
    work.bound[target] = net.limit - max(least, 0)
    return c.DONE


@inlined
def add_field(net: Net, work: Work, path: int, source: int, target: int) -> Any:
    """Add all that a population has sent by a convolution, if that pays or has been begun so; a status, or LATER if nothing was done."""
    f, progress, counts, base, length = net.field[path], work.progress, work.counts, net.population[source, c.LIST], work.length[source]
    begun, otherwise = progress[c.RANK] < 0, progress[c.RANK] > 0 or progress[c.PLACE] > 0
    area, per_row = f[c.FIELD_HIGH] * f[c.FIELD_WIDE] * f[c.ABREAST], DENSE * f[c.STEP_DOWN] * f[c.STEP_ACROSS] * f[c.OUT_WIDE]
    if not begun and (otherwise or not area or length * area < f[c.FIELD_HIGH] // f[c.STEP_DOWN] * per_row):
        return c.LATER
    count, low, high, ordered, operations, nonzero = arrive(
        net.seat[net.first[net.path[path]] :], net.pixel[f[c.PIXELS] :], net.nonzero, f, work.lists, work.begins, work.sizes,
        work.near_first, work.near_units, base, base + length,
    )  # fmt: skip
    first, last = rows_reached(f, low, high)
    if not ordered or (not begun and count * area < (last - first) * per_row):
        return c.LATER
    if count and add_blocks(net, work, path, target, low, high, first, last) != c.DONE:
        return c.RANGE
    progress[c.RANK] = progress[c.PLACE] = 0
    counts[c.OPERATIONS, target] += operations
    counts[c.OPERATIONS_NONZERO, target] += nonzero
    return c.DONE
