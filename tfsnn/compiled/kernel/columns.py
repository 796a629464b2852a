"""The columns of the compiled engine's integer tables, and the slots of its context, by name.

A table is a flat int64 array; its width is the last name of the ``range`` that names its columns.
"""

from __future__ import annotations

from typing import Any

Number = Any
"""A whole number, or where the text says so a real one: Python's or NumPy's, which mypy tells apart, and kernels do not."""

DONE, CRAMPED, RANGE, WIDEN = range(4)
"""Status: all samples are done; the queue must grow before it can go on; a sum may leave the exact range; a payload does not fit."""

(
    KIND, X, O, PIXELS, WIDTH, CHANNELS, CELLS, FLAG, WORDS, REACH, SPIKES, PAYLOAD, LEAST, LARGEST, DIRECT, FLOOR, CEILING, CHANGE,
    BEYOND, TABLE, ENTRIES, LOW, SHIFT, FLAT_LOW, FLAT_HIGH, POOL_WIDE, POOL_HIGH, POOL_DOWN, POOL_ACROSS, POOL_TOP, POOL_LEFT,
    POOLED_HIGH, POOLED_WIDE, X_SIZE, FIRST_PATH, LAST_PATH, PUSHES, POPULATION_WIDTH,
) = range(38)  # fmt: skip
"""Columns of a population. KIND; its first cells of x and o; its pixels, those of a row, channels, and cells of a pixel (CHANNELS, filled
up to whole vectors); its first flag, one a pixel; words of REACH bits that a pixel has where an event may reach some
of its channels (0: none), and the first of them; whether it spikes; P; least and largest number of units of a spike; whether it
quantizes directly; f(x) =
min(max(x, FLOOR), CEILING), where |f(x) - o| reaches CHANGE there is something to send, from BEYOND on it does not fit a payload; the table
or the slopes of its function; of max pooling the window, strides and border, and the size of what it receives; how many cells x has; the
paths that end here; how many neurons an event of it reaches at most."""
VECTOR, SLOPED, TABULATED, POOL, INPUT = range(5)
"""KIND of a population."""

(
    SOURCE, TARGET, DELIVERY, ROWS, COLUMNS, ROW_KINDS, COLUMN_KINDS, SHIFTED, WEIGHT, OUTER, INNER, NONZERO, ZEROS, OP_WIDTH,
    PLACES, LIST, WINDOW_ROWS, WINDOW_COLUMNS, SINGLE, DENSE_FROM, DENSE_WEIGHT, DENSE_HIGH, DENSE_PAIRS, DENSE_DOWN, DENSE_ACROSS,
    DENSE_TOP, DENSE_LEFT, DENSE_ROWS, DENSE_PITCH, DENSE_MACS, PATH_WIDTH,
) = range(31)  # fmt: skip
"""Columns of a path. From and to which population; DELIVERY; where its axes begin, and the kinds of their positions; by how much its
channels are shifted; its first weight; output and input channels of a group; where the numbers of weights other than 0 begin, by kind
of row, kind of
column and channel, and whether there is a weight of 0 at all; pixels of a row of the operation's input; where the places of
an index map begin (-1: pixels lead to pixels); the list of events that it delivers; the axes of max pooling's windows; whether no
event reaches a neuron twice. And how all of it is done at once: from how many events on; its first weight (-1: never); rows of the
window, and pairs of numbers in each; strides and border; rows of the image with its border, and numbers in each; what it multiplies."""
FULL, DIAGONAL, GROUPED, POOLED = range(4)
"""DELIVERY: all channels to all, each channel to its own, groups to groups, to max pooling; a file each."""
OFFSET, TO, COUNT, STRIDE, ENTRY_WIDTH = range(5)
"""Columns of an axis' entry: what it adds to the first weight, to the first target pixel; target pixels side by side; weights from one
input channel to the next. An axis begins with where the entries of each of its positions begin, and ends."""

PIXEL_AT, EVENT_AT, BLOCK_AT, BLOCK_STEP, LIST_WIDTH = range(5)
"""Columns of a list of events: its first pixel, its first event, its first block of channels; 1 if blocks are listed, 0 if they are not."""
PIXELS_LISTED, LISTED, EVENTS, MANY, LARGEST_SIZE, SUM, BLOCKS_LISTED, LENGTH_WIDTH = range(8)
"""Columns of what a list holds: pixels, rows; the events that these stand for, and whether some row stands for several; the largest abs(k)
and the sum of them; blocks."""
POSITIVE, NEGATIVE, RECEIVED, OPERATIONS, OPERATIONS_NONZERO, CHECKS, COMPARISONS, DENSE, COUNTS = range(9)
"""Rows of the counts, as in the ledger; DENSE, which is not of it: products that were done where layers were done as a whole."""
NEURON, UNITS, WHOSE, QUEUE_WIDTH = range(4)
"""Columns of the queue: neuron, payload units, population."""
SAMPLE, LAST_SAMPLE, EVENT, HEAD, TAIL, PART, ROW, STAGE, NEXT, WHOLE, KEEP_ROWS, LOG, START_STEP, SHOWN, PROGRESS_WIDTH = range(15)
"""Where a run stands: sample and end of its samples; next event; queue; units of its head already delivered; next row kept; STAGE; which
population is next (after RANGE and WIDEN: is concerned). And what is to be kept; START_STEP: samples from one start to the next.
SHOWN: events that have reached an output in the last frame."""
BETWEEN, SWEEPING, DELIVERED = range(3)
"""STAGE: between time stamps; in one; in one, with the next population delivered to, but not checked."""

(
    POPULATION_TABLE, PATH_TABLE, LIST_TABLE, AXES, WEIGHTS, DENSE_WEIGHTS, SCALES, NONZEROS, PLACE_FIRST, PLACE_PIXEL, PLACE_CHANNEL,
    SLOPES, TABLES, OUTPUTS, OUTPUT_POPULATIONS, INPUTS, REACHES, CONSUMER_FIRST, CONSUMERS,
    X_CELLS, O_CELLS, EVENT_CHANNELS, EVENT_UNITS, EVENT_TIMES, EVENT_PIXELS, EVENT_FIRSTS,
    IMAGE, BLOCK_FIRSTS, EVENT_BLOCKS, EVENT_MASKS, EVENT_LANES, FLAGS, FLAG_WORDS, REACHED, REACHED_BYTES, TOUCHED, VALUES, SPREAD, HITS,
    BITS, LEDGER, BOUNDS, LENGTHS, QUEUE, MARKS, PROGRESS,
    STAMPS, NEURONS, PAYLOADS, OFFSETS, FRAME, SENT, START_X, START_O, LEDGERS, FINAL_X, FINAL_O, ROWS_X, ROWS_O,
    ROW_COUNTS, ROW_FIRST, CODES,
    SLOTS,
) = range(63)  # fmt: skip
"""Slots of the context, an array each; :mod:`tfsnn.compiled.kernel.memory` says of what type."""
