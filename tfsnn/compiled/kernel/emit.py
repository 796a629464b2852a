"""The hot routines of the compiled engine as vector code: what each of :mod:`tfsnn.compiled.kernel.vector`'s emits.

Written as LLVM's code, since numba makes none of this of a loop by itself: products of pairs of 16-bit numbers, sums that stay in
registers over a list of events, what passes a test packed side by side. LLVM turns it into what the CPU has.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tfsnn.compiled.kernel import columns as c
from tfsnn.compiled.kernel.lanes import BYTE, INT, LANES, REAL, SHORT, WORD, Lanes, cgutils, ir

BLOCKS = (64, 32, 16, 8)
"""Neurons that are summed up together: up to eight vectors, as many as registers hold beside weights and payloads."""
FIRST_HALVES = [0, 16, 1, 17, 2, 18, 3, 19, 8, 24, 9, 25, 10, 26, 11, 27]
SECOND_HALVES = [i + 4 for i in FIRST_HALVES]
"""Pairs of two events' weights, as AVX2 interleaves them; their sums come in this order, too."""


def pairs_of_products(on: Lanes, weights: Any, payloads: Any) -> Any:
    """w0 k0 + w1 k1 of neighbours, 8 of 32 bits; LLVM knows this as one instruction (vpmaddwd on x86).

    Parameters
    ----------
    on
        Where the code goes.
    weights, payloads
        Vectors of 16 of 16 bits.
    """
    wide = ir.VectorType(WORD, 16)
    product = on.builder.mul(on.builder.sext(weights, wide), on.builder.sext(payloads, wide))
    return on.builder.add(*(on.shuffled(product, product, range(first, 16, 2)) for first in (0, 1)))


def emit_add_rows(
    on: Lanes, x: Any, at: Any, weights: Any, first: Any, stride: Any, channels: Any, payloads: Any, begin: Any, end: Any, width: Any
) -> None:
    """The code of ``add_rows``: two events at a time, sums in registers until all are in."""
    builder = on.builder
    done = cgutils.alloca_once_value(builder, INT(0))
    arguments = weights, stride, channels, payloads, begin, end
    largest = BLOCKS[0]
    with cgutils.for_range_slice(builder, INT(0), builder.and_(width, INT(-largest)), INT(largest)) as (i, _):
        add_block(on, largest, x, builder.add(at, i), builder.add(first, i), *arguments)
    builder.store(builder.and_(width, INT(-largest)), done)
    for size in BLOCKS[1:]:
        with builder.if_then(builder.icmp_signed("!=", builder.and_(width, INT(size)), INT(0))):
            i = builder.load(done)
            add_block(on, size, x, builder.add(at, i), builder.add(first, i), *arguments)
            builder.store(builder.add(i, INT(size)), done)


def add_block(
    on: Lanes, size: int, x: Any, at: Any, first: Any, weights: Any, stride: Any, channels: Any, payloads: Any, begin: Any, end: Any
) -> None:
    """``add_rows`` for a block of ``size`` neurons."""
    builder, shorts = on.builder, min(size, 16)
    sums = [cgutils.alloca_once_value(builder, ir.Constant(ir.VectorType(WORD, LANES), [0] * LANES)) for _ in range(size // LANES)]

    def row(event: Any) -> Any:
        return builder.add(first, builder.mul(on.element(channels, event), stride))

    def add(pair: Any, rows: Sequence[Any]) -> None:
        both = builder.bitcast(on.splat(pair), ir.VectorType(SHORT, 16))
        for block in range(size // shorts):
            a, b = (on.load(weights, builder.add(start, INT(block * shorts)), shorts) if start is not None
                    else ir.Constant(ir.VectorType(SHORT, shorts), [0] * shorts) for start in rows)  # fmt: skip
            orders = [[i // 2 + 8 * (i % 2) for i in range(16)]] if shorts == LANES else [FIRST_HALVES, SECOND_HALVES]
            for total, order in zip(sums[block * len(orders) :], orders):
                builder.store(builder.add(builder.load(total), pairs_of_products(on, on.shuffled(a, b, order), both)), total)

    even = builder.add(begin, builder.and_(builder.sub(end, begin), INT(-2)))
    with cgutils.for_range_slice(builder, begin, even, INT(2)) as (event, _):
        both = builder.load(builder.bitcast(builder.gep(payloads, [event]), WORD.as_pointer()))
        both.align = 2
        add(both, [row(event), row(builder.add(event, INT(1)))])
    with builder.if_then(builder.icmp_signed("<", even, end)):
        add(builder.zext(builder.load(builder.gep(payloads, [even])), WORD), [row(even), None])
    found = [builder.load(total) for total in sums]
    if shorts == 16:
        halves = [0, 1, 2, 3, 8, 9, 10, 11], [4, 5, 6, 7, 12, 13, 14, 15]
        found = [on.shuffled(a, b, order) for a, b in zip(found[::2], found[1::2]) for order in halves]
    for number, total in enumerate(found):
        place = builder.add(at, INT(number * LANES))
        on.store(builder.add(on.load(x, place), total), x, place)


def emit_add_windows(
    on: Lanes, x: Any, at: Any, cells: Any, targets: Any, weights: Any, first: Any,
    image: Any, start: Any, across: Any, pitch: Any, rows: Any, pairs: Any,
) -> None:  # fmt: skip
    """The code of ``add_windows``: sums of four targets, or of one, in registers over the whole window."""
    builder = on.builder
    zero, short = ir.Constant(ir.VectorType(WORD, LANES), [0] * LANES), ir.VectorType(SHORT, 2 * LANES)

    def block(few: int, vectors: int, i: Any) -> None:
        sums = [[cgutils.alloca_once_value(builder, zero) for _ in range(vectors)] for _ in range(few)]
        for total in (total for row in sums for total in row):
            builder.store(zero, total)
        step = builder.mul(cells, INT(2))
        with cgutils.for_range(builder, rows) as row:
            begin = builder.add(start, builder.mul(row.index, pitch))
            here = builder.add(builder.add(first, builder.mul(builder.mul(row.index, pairs), step)), builder.mul(i, INT(2)))
            with cgutils.for_range(builder, pairs) as pair:
                place = builder.add(here, builder.mul(pair.index, step))
                loaded = [on.load(weights, builder.add(place, INT(2 * LANES * v)), 2 * LANES) for v in range(vectors)]
                for number, row_sums in enumerate(sums):
                    source = builder.add(builder.add(begin, builder.mul(across, INT(number))), builder.mul(pair.index, INT(2)))
                    both = builder.load(builder.bitcast(builder.gep(image, [source]), WORD.as_pointer()))
                    both.align = 2
                    payloads = builder.bitcast(on.splat(both), short)
                    for weight, total in zip(loaded, row_sums):
                        builder.store(builder.add(builder.load(total), pairs_of_products(on, weight, payloads)), total)
        for number, row_sums in enumerate(sums):
            for v, total in enumerate(row_sums):
                place = builder.add(builder.add(at, builder.mul(cells, INT(number))), builder.add(i, INT(v * LANES)))
                on.store(builder.add(on.load(x, place), builder.load(total)), x, place)

    def all_blocks(few: int) -> None:
        with cgutils.for_range_slice(builder, INT(0), builder.and_(cells, INT(-2 * LANES)), INT(2 * LANES)) as (i, _):
            block(few, 2, i)
        with builder.if_then(builder.icmp_signed("!=", builder.and_(cells, INT(LANES)), INT(0))):
            block(few, 1, builder.and_(cells, INT(-2 * LANES)))

    with builder.if_else(builder.icmp_signed("==", targets, INT(1))) as (single, several):
        with single:
            all_blocks(1)
        with several:
            all_blocks(4)


def emit_add_products(
    on: Lanes, x: Any, at: Any, scales: Any, first: Any, reached: Any, marks: Any, pixels: Any, firsts: Any, channels: Any, units: Any,
    times: Any, block_firsts: Any, blocks: Any, masks: Any, lanes: Any, begin: Any, end: Any,
) -> None:  # fmt: skip
    """The code of ``add_products``."""
    builder = on.builder
    with cgutils.for_range_slice(builder, begin, end, INT(1)) as (number, _):
        block = on.element(blocks, number)
        i = builder.mul(block, INT(LANES))
        product = builder.mul(on.load(scales, builder.add(first, i)), on.load(lanes, builder.mul(number, INT(LANES))))
        place = builder.add(at, i)
        on.store(builder.add(on.load(x, place), product), x, place)
        byte = builder.gep(reached, [builder.add(marks, block)])
        builder.store(builder.or_(builder.load(byte), builder.load(builder.gep(masks, [number]))), byte)


def clipped(on: Lanes, value: Any, p: Any) -> Any:
    """min(max(value, FLOOR), CEILING) of a vector."""
    low, high = (on.splat(on.builder.trunc(on.column(p, column), WORD)) for column in (c.FLOOR, c.CEILING))
    return on.smaller(on.larger(value, low), high)


def emit_add_and_test(
    on: Lanes, x: Any, at: Any, weights: Any, first: Any, k: Any, width: Any, o: Any, where: Any, p: Any, hits: Any
) -> Any:
    """The code of ``add_and_test``."""
    builder = on.builder
    found = cgutils.alloca_once_value(builder, INT(0))
    factor, least = (on.splat(builder.trunc(number, WORD)) for number in (k, on.column(p, c.CHANGE)))
    with cgutils.for_range_slice(builder, INT(0), width, INT(LANES)) as (i, _):
        place = builder.add(at, i)
        weight = builder.sext(on.load(weights, builder.add(first, i)), ir.VectorType(WORD, LANES))
        state = builder.add(on.load(x, place), builder.mul(weight, factor))
        on.store(state, x, place)
        change = builder.sub(clipped(on, state, p), on.load(o, builder.add(where, i)))
        bits = on.packed(builder.icmp_signed(">=", on.size(change), least))
        builder.store(builder.trunc(bits, BYTE), builder.gep(hits, [builder.lshr(i, INT(3))]))
        builder.store(builder.or_(builder.load(found), bits), found)
    return builder.load(found)


class Rule:
    """Emits the neuron rule on vectors: which lanes send, and how many units.

    Parameters
    ----------
    on, p
        Where to, and the population's row.
    direct
        For direct quantizers.
    """

    def __init__(self, on: Lanes, p: Any, direct: bool) -> None:
        builder = on.builder
        self.on, self.p, self.direct = on, p, direct
        self.payload, self.least, self.beyond, self.low, self.high = (
            on.splat(builder.trunc(on.column(p, column), WORD)) for column in (c.PAYLOAD, c.CHANGE, c.BEYOND, c.FLOOR, c.CEILING)
        )
        # Slightly too large, so that whole multiples of P never fall short; |d| < 2^31, hence the excess, below |d| 2^-48 / P, is
        # less than the 1 / P by which the others stay below the next multiple.
        inverse = builder.fdiv(ir.Constant(REAL, 1.0), builder.sitofp(on.column(p, c.PAYLOAD), REAL))
        self.inverse = on.splat(builder.fmul(inverse, ir.Constant(REAL, 1.0 + 2.0**-49)))

    def units(self, change: Any) -> Any:
        """change / P, towards 0."""
        builder = self.on.builder
        real = builder.fmul(builder.sitofp(change, ir.VectorType(REAL, LANES)), self.inverse)
        return builder.fptosi(real, ir.VectorType(WORD, LANES))

    def change(self, value: Any, o: Any) -> Any:
        """f(x) - o in steps; of direct quantizers, whole payload units of it."""
        on, builder = self.on, self.on.builder
        value = on.smaller(on.larger(value, self.low), self.high)
        if self.direct:
            one, sign = on.splat(WORD(1)), builder.ashr(value, on.splat(WORD(31)))
            down = builder.sub(value, builder.and_(sign, builder.sub(self.payload, one)))
            value = builder.mul(self.units(down), self.payload)
        return builder.sub(value, o)

    def outcome(self, value: Any, o: Any) -> tuple[Any, Any, Any]:
        """What is sent, 0 in lanes that do not send; masks of the lanes that do, and of those whose payload does not fit."""
        on, builder = self.on, self.on.builder
        change = self.change(value, o)
        size = on.size(change)
        unfit = builder.icmp_signed(">=", size, self.beyond)
        fires = builder.and_(builder.icmp_signed(">=", size, self.least), builder.not_(unfit))
        return self.units(change), fires, unfit


def emit_send(
    on: Lanes, values: Any, value: Any, step: Any, o: Any, p: Any, touched: Any, begin: Any, end: Any, reached: Any,
    pixels: Any, firsts: Any, channels: Any, payloads: Any, times: Any, block_firsts: Any, blocks: Any, masks: Any, lanes: Any,
    at: Any, length: Any,
) -> Any:  # fmt: skip
    """The code of ``send``: no branch but the loops; eight channels are tested, quantized, and what is sent packed side by side."""
    builder = on.builder
    listed, sent, filled = (
        cgutils.alloca_once_value(builder, on.column(length, column)) for column in (c.PIXELS_LISTED, c.LISTED, c.BLOCKS_LISTED)
    )
    unfit = cgutils.alloca_once_value(builder, ir.Constant(ir.VectorType(WORD, LANES), [0] * LANES))
    cells, words = on.column(p, c.CELLS), on.column(p, c.WORDS)
    base, reach = on.column(p, c.O), on.column(p, c.REACH)
    pixel, event, first_block, block_step = (on.column(at, column) for column in (c.PIXEL_AT, c.EVENT_AT, c.BLOCK_AT, c.BLOCK_STEP))

    def block(rule: Rule, at: Any, cell: Any, channel: Any, word: Any) -> None:
        before = on.load(o, builder.add(cell, channel))
        units, fires, beyond = rule.outcome(on.load(values, builder.add(at, channel)), before)
        if word is not None:
            bits = builder.load(builder.gep(reached, [builder.add(word, builder.lshr(channel, INT(6)))]))
            byte = on.splat(builder.trunc(builder.lshr(bits, builder.and_(channel, INT(63))), WORD))
            each = ir.Constant(ir.VectorType(WORD, LANES), [1 << lane for lane in range(LANES)])
            mask = builder.icmp_signed("==", builder.and_(byte, each), each)
            fires, beyond = builder.and_(fires, mask), builder.and_(beyond, mask)
        units = builder.select(fires, units, ir.Constant(units.type, [0] * LANES))
        on.store(builder.add(before, builder.mul(units, rule.payload)), o, builder.add(cell, channel))
        mask, here = on.packed(fires), builder.load(sent)
        # All is written in any case, and overwritten by the next block if this one sends nothing.
        place = builder.add(first_block, builder.load(filled))
        on.store(units, lanes, builder.mul(place, INT(LANES)))
        builder.store(builder.trunc(mask, BYTE), builder.gep(masks, [place]))
        builder.store(builder.trunc(builder.lshr(channel, INT(3)), WORD), builder.gep(blocks, [place]))
        some = builder.select(builder.icmp_signed("!=", mask, INT(0)), block_step, INT(0))
        builder.store(builder.add(builder.load(filled), some), filled)
        order = builder.zext(on.load(packing(builder), builder.mul(mask, INT(LANES))), ir.VectorType(WORD, LANES))
        place = builder.add(event, here)
        on.store(builder.add(order, on.splat(builder.trunc(channel, WORD))), channels, place)
        on.store(builder.trunc(on.permuted(units, order), ir.VectorType(SHORT, LANES)), payloads, place)
        builder.store(builder.add(here, builder.ctpop(mask)), sent)
        builder.store(builder.or_(builder.load(unfit), builder.sext(beyond, units.type)), unfit)

    def write(number: Any, data: Any, at: Any) -> None:
        builder.store(builder.trunc(number, WORD), builder.gep(data, [at]))

    def all_pixels(direct: bool, fine: bool) -> None:
        rule = Rule(on, p, direct)
        with cgutils.for_range_slice(builder, begin, end, INT(1)) as (number, _):
            q = on.element(touched, number)
            start, at, cell = builder.load(sent), builder.add(value, builder.mul(q, step)), builder.add(base, builder.mul(q, cells))
            word = builder.add(reach, builder.mul(q, words)) if fine else None
            here = builder.load(listed)
            row = builder.add(pixel, here)
            write(builder.load(filled), block_firsts, row)
            with cgutils.for_range_slice(builder, INT(0), cells, INT(LANES)) as (channel, _):
                block(rule, at, cell, channel, word)
            write(q, pixels, row)
            write(start, firsts, row)
            more = builder.icmp_signed(">", builder.load(sent), start)
            builder.store(builder.add(here, builder.zext(more, INT)), listed)

    for direct in (False, True):
        for fine in (False, True):
            flags = (direct, c.DIRECT), (fine, c.WORDS)
            same = [builder.icmp_signed("!=" if flag else "==", on.column(p, column), INT(0)) for flag, column in flags]
            with builder.if_then(builder.and_(*same)):
                all_pixels(direct, fine)
    row = builder.add(pixel, builder.load(listed))
    write(builder.load(sent), firsts, row)
    write(builder.load(filled), block_firsts, row)
    for total, column in ((listed, c.PIXELS_LISTED), (sent, c.LISTED), (filled, c.BLOCKS_LISTED)):
        on.set_column(builder.load(total), length, column)
    return on.packed(builder.icmp_signed("!=", builder.load(unfit), ir.Constant(ir.VectorType(WORD, LANES), [0] * LANES)))


def packing(builder: Any) -> Any:
    """A constant: for each mask of eight lanes, the lanes that are set, in order; the rest is of no account."""
    rows = [([lane for lane in range(LANES) if mask >> lane & 1] + [LANES - 1] * LANES)[:LANES] for mask in range(1 << LANES)]
    kind = ir.ArrayType(BYTE, LANES << LANES)
    table = builder.module.globals.get("tfsnn.packing")
    if table is None:
        table = cgutils.global_constant(builder.module, "tfsnn.packing", ir.Constant(kind, [lane for row in rows for lane in row]))
    return builder.bitcast(table, BYTE.as_pointer())


def emit_summarize(on: Lanes, payloads: Any, begin: Any, end: Any, length: Any) -> Any:
    """The code of ``summarize``: vectors, then what is left over."""
    builder = on.builder
    zero = ir.Constant(ir.VectorType(WORD, LANES), [0] * LANES)
    negative, largest = (cgutils.alloca_once_value(builder, zero) for _ in range(2))
    total = cgutils.alloca_once_value(builder, ir.Constant(ir.VectorType(INT, LANES), [0] * LANES))
    whole = builder.add(begin, builder.and_(builder.sub(end, begin), INT(-LANES)))

    def take(k: Any) -> None:
        k = builder.sext(k, zero.type)
        size = on.size(k)
        builder.store(builder.sub(builder.load(negative), builder.ashr(k, on.splat(WORD(31)))), negative)
        builder.store(on.larger(builder.load(largest), size), largest)
        builder.store(builder.add(builder.load(total), builder.zext(size, ir.VectorType(INT, LANES))), total)

    with cgutils.for_range_slice(builder, begin, whole, INT(LANES)) as (i, _):
        take(on.load(payloads, i))
    with cgutils.for_range_slice(builder, whole, end, INT(1)) as (i, _):
        one = ir.Constant(ir.VectorType(SHORT, LANES), [0] * LANES)
        take(builder.insert_element(one, builder.load(builder.gep(payloads, [i])), WORD(0)))
    on.set_column(builder.sext(on.total(builder.load(largest), on.larger), INT), length, c.LARGEST_SIZE)
    on.set_column(on.total(builder.load(total), builder.add), length, c.SUM)
    return builder.sext(on.total(builder.load(negative), builder.add), INT)


def emit_highest(on: Lanes, x: Any, start: Any, stop: Any) -> Any:
    """The code of ``highest``."""
    builder = on.builder
    largest = cgutils.alloca_once_value(builder, ir.Constant(ir.VectorType(WORD, LANES), [0] * LANES))
    with cgutils.for_range_slice(builder, start, stop, INT(LANES)) as (i, _):
        builder.store(on.larger(builder.load(largest), on.size(on.load(x, i))), largest)
    return builder.sext(on.total(builder.load(largest), on.larger), INT)


def emit_raise_to(on: Lanes, values: Any, x: Any, at: Any, width: Any) -> None:
    """The code of ``raise_to``."""
    builder = on.builder
    with cgutils.for_range_slice(builder, INT(0), width, INT(LANES)) as (i, _):
        on.store(on.larger(on.load(values, i), on.load(x, builder.add(at, i))), values, i)


def emit_differs(on: Lanes, frame: Any, sent: Any, at: Any, least: Any) -> Any:
    """The code of ``differs``: 64 bytes at once."""
    builder = on.builder
    a, b = (on.load(data, at, 64) for data in (frame, sent))
    size = builder.select(builder.icmp_unsigned(">", a, b), builder.sub(a, b), builder.sub(b, a))
    return on.packed(builder.icmp_unsigned(">=", size, on.splat(builder.trunc(least, BYTE), 64)))
