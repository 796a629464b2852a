"""The columns of the compiled engine's integer tables, by name."""

from __future__ import annotations

DONE, FULL, RANGE, LATER = range(4)
"""Status: all samples are done; the queue must grow before it can go on; a sum may leave the exact range; nothing was done."""

SHAPE, AT, WEIGHT, FANOUT_NONZERO = range(4)
"""Columns of an entry."""
ORIGIN, FURTHER, REACHED, NONZERO = range(4)
"""Columns of a pixel of a convolution's input: what the output pixel (i, j) adds for an event of channel k begins at
ORIGIN + k FURTHER + i ACROSS + j FILTERS; neurons that it reaches, and where the numbers of weights other than 0 stand by channel."""
FIELD_HIGH, FIELD_WIDE, STEP_DOWN, STEP_ACROSS, BEFORE_DOWN, BEFORE_ACROSS, WIDE, OUT_HIGH, OUT_WIDE = range(9)
"""Columns of a field, of a path that is a convolution seen from its targets: its window (0: no such path), strides and borders; width of
its input; size of its output."""
CHANNELS, FILTERS, ACROSS, ABREAST, ALL, PIXELS = range(9, 15)
"""Columns of a field, further: input channels and filters; see ORIGIN; how many neighbouring output pixels are added to together, and the
shape of one of them, which those of two and more follow; the row of its first pixel."""
ROWS, TAPS, RUN, ROW_STEP, TAP_STEP, ROW_WEIGHT, TAP_WEIGHT, FLAG_RUN, FLAG_ROW, FLAG_TAP, FANOUT = range(11)
"""Columns of a shape."""
TARGET, FIRST_PATH, LAST_PATH, SOURCE, ALONE = range(5)
"""Columns of a link: the paths from one population to another; ALONE: -1 if an event may arrive in several
places; else the first of its entries, one a neuron (to max pooling: 0)."""
BASE, HEARD, LIST, LISTED, FLAGS, GRAIN, KIND, PAYLOAD, LEAST, LARGEST, DIRECT, SPEAKS, PUSHES = range(13)
"""Columns of a population: its first cell, and number of those with x; the first row of its list, and number of neurons; its
first flag, and neurons a flag; KIND; P, least and largest payload; whether it quantizes directly, speaks; most neurons that an
event reaches."""
TABLE, ENTRIES, LOW, SHIFT, FLAT_LOW, FLAT_HIGH, WINDOWS, POOLS = range(13, 21)
"""Columns of a population, further: its function's table or slopes; its rows in the tables of max pooling."""
VECTOR, SLOPED, TABULATED, POOL, INPUT = range(5)
"""KIND of a population."""
FLOOR, CEILING, CHANGE, OFFSET = range(4)
"""Columns of a level: a neuron speaks if abs(min(max(x, FLOOR), CEILING) - told) >= CHANGE; told = o P + OFFSET."""
NEURON, UNITS, TIMES = range(3)
"""Columns of a queue and of a list: neuron, payload units, and its population (queue) or the number of its events (list)."""
POSITIVE, NEGATIVE, RECEIVED, OPERATIONS, OPERATIONS_NONZERO, CHECKS, COMPARISONS = range(7)
"""Rows of the counts, as in the ledger."""
SAMPLE, LAST_SAMPLE, EVENT, HEAD, TAIL, PART, ROW, INSIDE, NEXT, PATH, RANK, PLACE, FROM, UPTO = range(14)
"""Where a run stands: sample and end of its samples; next event; queue; units of its head already delivered; next trajectory
row; whether inside a time stamp; which population is next (after RANGE: is concerned); how far it has heard (RANK -1: PLACE is an
output pixel); and the first flag set, and the one behind the last."""
