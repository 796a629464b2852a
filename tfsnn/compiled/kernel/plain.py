"""What :mod:`tfsnn.compiled.kernel.vector` emits, in plain NumPy: it takes its place where NUMBA_DISABLE_JIT=1, and is its test."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfsnn.compiled.kernel import columns as c

Array = NDArray[Any]


def units_to_tell(change: float, p: Array, offset: float) -> Any:
    """What the neuron rule's loop sends, summed: whole payload units, without a last payload that would stay below T."""
    if p[c.DIRECT]:
        units = np.int64(np.floor((np.float64(change) + offset) / p[c.PAYLOAD]))
    else:
        units = np.int64(np.float64(change) / p[c.PAYLOAD])
    size = abs(units)
    if size > p[c.LARGEST]:
        rest = size % p[c.LARGEST]
        if rest < p[c.LEAST]:
            units = size - rest if units > 0 else rest - size
    return units


def deliver(
    x: Array, told: Array, w: Array, queue: Array, shape: Array, p: Array, level: Array,
    number: int, at: int, first: int, k: float, tail: int,
) -> int:  # fmt: skip
    """``deliver`` in NumPy; ``at``, ``first``: cell and weight where the first run begins."""
    for row in range(shape[c.ROWS]):
        for tap in range(shape[c.TAPS]):
            start = at + row * shape[c.ROW_STEP] + tap * shape[c.TAP_STEP]
            weight = first + row * shape[c.ROW_WEIGHT] + tap * shape[c.TAP_WEIGHT]
            x[start : start + shape[c.RUN]] += w[weight : weight + shape[c.RUN]] * k
            if p[c.KIND] == c.VECTOR:
                tail = check(x, told, queue, p, level, number, start, start + shape[c.RUN], tail)
    return tail


def check(x: Array, told: Array, queue: Array, p: Array, level: Array, number: int, start: int, stop: int, tail: int) -> int:
    """``check`` in NumPy."""
    change = np.minimum(np.maximum(x[start:stop], level[c.FLOOR]), level[c.CEILING]) - told[start:stop]
    for cell in np.flatnonzero(np.abs(change) >= level[c.CHANGE]):
        units = units_to_tell(change[cell], p, level[c.OFFSET])
        told[start + cell] += units * p[c.PAYLOAD]
        queue[tail] = start + cell - p[c.BASE], units, number
        tail += 1
    return tail


def gather(x: Array, w: Array, shape: Array, at: int, firsts: Array, factors: Array, begin: int, count: int) -> None:
    """``gather`` in NumPy."""
    for row in range(shape[c.ROWS]):
        for tap in range(shape[c.TAPS]):
            start = at + row * shape[c.ROW_STEP] + tap * shape[c.TAP_STEP]
            weight = row * shape[c.ROW_WEIGHT] + tap * shape[c.TAP_WEIGHT]
            for event in range(begin, begin + count):
                x[start : start + shape[c.RUN]] += w[firsts[event] + weight :][: shape[c.RUN]] * factors[event]


def collect(firsts: Array, factors: Array, begin: int, end: int, pile_firsts: Array, pile_factors: Array, to: int, by: int) -> None:
    """``collect`` in NumPy; ``by`` is added to each first weight."""
    pile_firsts[to : to + end - begin] = firsts[begin:end] + by
    pile_factors[to : to + end - begin] = factors[begin:end]


def highest(x: Array, start: int, stop: int) -> float:
    """``highest`` in NumPy."""
    return float(np.abs(x[start:stop]).max(initial=0))


def prefetch(table: Array, row: int) -> None:
    """``prefetch`` in NumPy: nothing."""
