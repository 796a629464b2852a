"""Cells: one number for each neuron, laid out for vectors; how states enter and leave them."""

from __future__ import annotations

import numpy as np

from tfsnn.aliases import Array
from tfsnn.compiled.kernel import columns as c
from tfsnn.compiled.kernel import state as k
from tfsnn.plan.plan import Plan

LINE = 64


def spread(plan: Plan, net: k.Net, x: list[Array], o: list[Array]) -> tuple[Array, Array]:
    """States as cells.

    Parameters
    ----------
    plan, net
        What they belong to.
    x, o
        int64 (samples, neurons) by population, in steps and payload units.

    Returns
    -------
    carrier (samples, cells), twice
        x; and told, in steps.
    """
    table = net.population[net.population[:, c.KIND] != c.INPUT]
    ends = table[:, c.BASE] + table[:, [c.HEARD, c.LISTED]].max(axis=1)
    cells = np.zeros((2, len(x[0]), int(ends.max(initial=0))), net.level.dtype)
    for row, level, values, told in zip(net.population, net.level, x, o):
        if row[c.KIND] != c.INPUT:
            cells[0, :, row[c.BASE] : row[c.BASE] + row[c.HEARD]] = values
            cells[1, :, row[c.BASE] : row[c.BASE] + row[c.LISTED]] = told * row[c.PAYLOAD] + np.float64(level[c.OFFSET])
    return cells[0], cells[1]


def gathered(net: k.Net, x: Array, told: Array, number: int) -> tuple[Array, Array]:
    """The inverse of :func:`spread` for one population: int64 (samples, neurons) x in steps, o in payload units."""
    row, offset = net.population[number], np.float64(net.level[number, c.OFFSET])
    if row[c.KIND] == c.INPUT:
        return (np.zeros((len(x), row[c.LISTED]), np.int64),) * 2
    heard, spoken = (slice(row[c.BASE], row[c.BASE] + row[size]) for size in (c.HEARD, c.LISTED))
    return x[:, heard].astype(np.int64), ((told[:, spoken] - offset) / row[c.PAYLOAD]).astype(np.int64)


def bounds(net: k.Net, x: Array) -> Array:
    """float64 (samples, populations): the largest |x|."""
    edges = [(row[c.BASE], row[c.BASE] + row[c.HEARD]) for row in net.population]
    return np.stack([np.abs(x[:, a:b]).max(axis=1, initial=0).astype(np.float64) for a, b in edges], axis=1)


def aligned(values: Array, spare: int = 0) -> Array:
    """A copy that begins at a cache line: a vector that lies across two takes twice the time.

    Parameters
    ----------
    values
        One axis.
    spare
        For how many more numbers there is room behind it.
    """
    room = np.zeros(values.nbytes + spare * values.itemsize + LINE, np.uint8)
    first = -room.ctypes.data % LINE
    copy = room[first : first + values.nbytes].view(values.dtype)
    copy[:] = values
    return copy
