"""The columns of the compiled engine's integer tables, and the slots of its context, by name.

A table is a flat int64 array; its width is the last name of the ``range`` that names its columns.
"""

from __future__ import annotations

from typing import Any

Number = Any
"""A whole number, or where the text says so a real one: Python's or NumPy's, which mypy tells apart, and kernels do
not."""

DONE, CRAMPED, RANGE, WIDEN = range(4)
"""Status: all samples are done; the queue must grow before it can go on; a sum may leave the exact range; a payload
does not fit."""

(
    KIND, SPIKES, PIXELS, WIDTH, CHANNELS, CELLS, X, X_SIZE, O, FLAG, ROW_WORDS, REACH, WORDS,
    PAYLOAD, LEAST, LARGEST, DIRECT, FLOOR, CEILING, CHANGE, BEYOND,
    TABLE, ENTRIES, LOW, SHIFT, FLAT_LOW, FLAT_HIGH,
    POOL_WIDE, POOL_HIGH, POOL_DOWN, POOL_ACROSS, POOL_TOP, POOL_LEFT, POOLED_HIGH, POOLED_WIDE,
    IMAGE, IMAGE_CELLS, PITCH, FIRST_PATH, LAST_PATH, PUSHES, COUNT_ROWS, COUNT_COLUMNS, COUNT_AT, POPULATION_WIDTH,
) = range(45)  # fmt: skip
"""Columns of a population, in the order of the lines above:

- KIND; whether it spikes; its pixels, those of a row, channels, and cells of a pixel (CHANNELS, filled up to whole
  vectors); its first cell of x, how many x has, its first cell of o; the first word of its flags, and words of a row
  of pixels (a bit each); the first word of what is reached, and words of a pixel (a bit a channel; 0: events always
  reach all channels of a pixel);
- P; least and largest number of units of a spike; whether it quantizes directly; f(x) = min(max(x, FLOOR), CEILING),
  where |f(x) - o| reaches CHANGE there is something to send, from BEYOND on it does not fit a payload;
- the table or the slopes of its function;
- of max pooling the window, strides and border, and the size of what it receives;
- its image: the first number of its first pixel, numbers of a pixel, and from one row to the next (no image: all 0, a
  scratch row); the paths that end here; how many neurons an event of it reaches at most; of the path whose weights
  other than 0 are counted when it sends, the kinds of rows and columns and where its counts by channel begin, as
  below (none: all 0)."""
VECTOR, SLOPED, TABULATED, POOL, INPUT = range(5)
"""KIND of a population."""

(
    SOURCE, TARGET, DELIVERY, ROWS, COLUMNS, REACH_ROWS, REACH_COLUMNS, ROW_KINDS, COLUMN_KINDS, NONZERO, ZEROS,
    SHIFTED, WEIGHT, OUTER, INNER, OP_WIDTH, PLACES, LIST, WINDOW_ROWS, WINDOW_COLUMNS, SINGLE,
    FIELD, FIELD_EVENT, FIELD_PIXEL, FIELD_FROM, FIELD_START, FIELD_DOWN, FIELD_ACROSS, FIELD_ROWS,
    FIELD_PAIRS, FIELD_TAPS, FIELD_PRODUCTS, FIELD_NINE, POINT, COUNTED, PATH_WIDTH,
) = range(36)  # fmt: skip
"""Columns of a path, in the order of the lines above:

- from and to which population; DELIVERY; where its axes begin; where the rows and the columns that a row and a column
  of pixels reach are listed; the kinds of its rows and columns, and where their counts begin: for each kind of row
  and of column the targets of an event, then by channel those with a weight other than 0; whether any weight is 0;
- by how much its channels are shifted; its first weight; output and input channels of a group; pixels of a row of the
  operation's input; where the places of an index map begin (-1: pixels lead to pixels); the list of events that it
  delivers; the axes of max pooling's windows; whether no event reaches a neuron twice;
- how it is seen from its targets: the first weight (-1: it is not); what an operation and a pixel of the list cost
  event by event, and what a target costs seen so; where the window of the first target begins in the source's image,
  from one row of targets, and from one target, to the next; rows of the window, and pairs of numbers in each (of
  depthwise ones: pairs of taps, and where their places are listed); products for each target; whether it has 3x3
  taps, which stand evenly in rows and columns;
- whether each pixel leads to the same pixel alone; whether its source counts for it when it sends."""
FULL, DIAGONAL, GROUPED, POOLED = range(4)
"""DELIVERY: all channels to all, each channel to its own, groups to groups, to max pooling; a file each."""
OFFSET, TO, COUNT, STRIDE, ENTRY_WIDTH = range(5)
"""Columns of an axis' entry: what it adds to the first weight, to the first target pixel; target pixels side by side;
weights from one input channel to the next. An axis begins with where the entries of each of its positions begin, and
ends."""

CONSUMER, PATHS_FROM, PATHS_UP_TO, CONSUMER_WIDTH = range(4)
"""Columns of what a population leads to: another, and the paths there, which stand side by side."""
PIXEL_AT, EVENT_AT, LIST_WIDTH = range(3)
"""Columns of a list of events: its first pixel, its first event."""
PIXELS_LISTED, LISTED, EVENTS, MANY, LARGEST_SIZE, SUM, CHECKED, HAS_NONZERO, NONZERO_SUM, LENGTH_WIDTH = range(10)
"""Columns of what a list holds: pixels, rows; the events that these stand for, and whether some row stands for
several; the largest abs(k) and the sum of them; neurons checked while it was made, where the check counts them;
whether weights other than 0 on its population's counted path were counted, and their sum."""
POSITIVE, NEGATIVE, RECEIVED, OPERATIONS, OPERATIONS_NONZERO, CHECKS, COMPARISONS, DENSE, COUNTS = range(9)
"""Rows of the counts, as in the ledger; DENSE, which is not of it: products that were done where layers
were seen from their targets."""
NEURON, UNITS, WHOSE, QUEUE_WIDTH = range(4)
"""Columns of the queue: neuron, payload units, population."""
(
    SAMPLE, LAST_SAMPLE, EVENT, HEAD, TAIL, PART, ROW, STAGE, NEXT,
    WHOLE, KEEP_ROWS, LOG, START_STEP, SHOWN, PROGRESS_WIDTH,
) = range(15)  # fmt: skip
"""Where a run stands: sample and end of its samples; next event; queue; units of its head already delivered; next row
kept; STAGE; which population is next (after RANGE and WIDEN: is concerned). And what is to be kept; START_STEP:
samples from one start to the next. SHOWN: events that have reached an output in the last frame."""
BETWEEN, SWEEPING, DELIVERED = range(3)
"""STAGE: between time stamps; in one; in one, with the next population delivered to, but not checked."""

AFRESH, AGAIN, WHOLE_PIXELS = range(3)
"""How a check is done: for the first time; once more, in a wide context; for the first time on all channels of the
pixels that are reached, where the others are known to have nothing to send."""

(
    POPULATION_TABLE, PATH_TABLE, LIST_TABLE, AXES, WEIGHTS, NONZEROS, PLACE_FIRST, PLACE_PIXEL, PLACE_CHANNEL,
    SLOPES, TABLES, OUTPUTS, OUTPUT_POPULATIONS, INPUTS, REACHES, CONSUMER_FIRST, CONSUMERS,
    X_CELLS, O_CELLS, EVENT_CHANNELS, EVENT_UNITS, EVENT_TIMES, EVENT_PIXELS, EVENT_FIRSTS,
    IMAGES, FLAGS, REACHED, TOUCHED, VALUES, SPREAD, HITS, BITS, COLUMN_BITS, FOUND_OPERATIONS,
    LEDGER, BOUNDS, SETTLED, LENGTHS, QUEUE, MARKS, PROGRESS,
    STAMPS, NEURONS, PAYLOADS, OFFSETS, FRAME, SENT, LEAST_BYTES, START_X, START_O, LEDGERS, FINAL_X,
    FINAL_O, ROWS_X, ROWS_O,
    ROW_COUNTS, ROW_FIRST, CODES,
    SLOTS,
) = range(59)  # fmt: skip
"""Slots of the context, an array each; :mod:`tfsnn.compiled.kernel.memory` says of what type."""
