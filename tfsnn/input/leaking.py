"""The loop over events of a camera and leaks of the population behind it, compiled: the definition of :mod:`tfsnn.input.snapshots`.

Numba compiles it when it is first needed and keeps it. Everything it uses stands in this file: its cache would not notice an edit
elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from tfsnn.aliases import Array
from tfsnn.stage.terminal import announced_if_slow

NEXT_LEAK, LEAKS, AT, CHANGED, NUMBERS = range(5)
"""Of the clock: time of the next leak, leaks so far, the event to receive next, states that were not 0 when they leaked; and how many
numbers it has."""
ONE, BITS = 256, 16
"""What an event adds to a state, and the bits of the fraction that a leak keeps."""
SIGNATURE = "int64(i8[::1], i8[::1], i8[::1], i8[::1], i4[::1], i4[::1], u1[::1], i8[::1], i8, i8[::1], i8[::1], i8[::1])"
COMPILING = "tfsnn: compiling the leaky population for this machine; once, and kept\n"


def carry_on(
    x: Array, sent: Array, clock: Array, t: Array, column: Array, row: Array, polarity: Array, settings: Array, stop: int,
    out_t: Array, out_neuron: Array, out_payload: Array,
) -> int:
    """Receive events and leak until a time is reached, or there may be no room for what the next leak sends.

    Parameters
    ----------
    x, sent
        int64 (neurons): states, and what neurons have sent so far; changed in place.
    clock
        int64 (NUMBERS): changed in place.
    t, column, row, polarity
        int64, int32, int32, uint8 (events): of the camera, in order of time and before ``stop``.
    settings
        int64 (5): leak period, parts of 65536 that a leak keeps, threshold, pixels along a block's side, columns of blocks.
    stop
        The time; leaks before it belong to what is done.
    out_t, out_neuron, out_payload
        int64 (room): filled with what is sent; there is room for more than there are neurons.

    Returns
    -------
    int
        How many were sent. All is done once the next leak is not before ``stop`` and no event is left.
    """
    period, kept, limit, block, columns = settings[0], settings[1], settings[2], settings[3], settings[4]
    due, leaks, at, changed = clock[NEXT_LEAK], clock[LEAKS], clock[AT], clock[CHANGED]
    count, neurons, events, room = 0, x.size, t.size, out_t.size
    active = True
    while room - count > neurons:
        if at < events and (t[at] < due or due >= stop):
            neuron = 2 * (row[at] // block * columns + column[at] // block) + polarity[at]
            x[neuron] += ONE
            active = True
            change = x[neuron] - sent[neuron]
            if change >= limit or -change >= limit:
                out_t[count], out_neuron[count], out_payload[count] = t[at], neuron, change
                sent[neuron] = x[neuron]
                count += 1
            at += 1
        elif due >= stop:
            break
        elif not active:
            # Where every state is 0, leaks change nothing until the next event.
            last = t[at] if at < events else stop - 1
            silent = (last - due) // period + 1
            leaks += silent
            due += silent * period
        else:
            active = False
            for neuron in range(neurons):
                if not x[neuron]:
                    # It was checked when it became 0.
                    continue
                changed += 1
                state = x[neuron] * kept >> BITS
                x[neuron] = state
                active |= state != 0
                change = state - sent[neuron]
                if change >= limit or -change >= limit:
                    out_t[count], out_neuron[count], out_payload[count] = due, neuron, change
                    sent[neuron] = state
                    count += 1
            leaks += 1
            due += period
    clock[NEXT_LEAK], clock[LEAKS], clock[AT], clock[CHANGED] = due, leaks, at, changed
    return count


@cache
def compiled() -> Callable[..., int]:
    """:func:`carry_on`, compiled; kept for the next time where a folder for it may be written."""
    import numba

    compiler: Any = numba.njit
    with announced_if_slow(COMPILING):
        try:
            made: Callable[..., int] = compiler(SIGNATURE, cache=True, nogil=True)(carry_on)
        except RuntimeError:
            made = compiler(SIGNATURE, nogil=True)(carry_on)
    return made
