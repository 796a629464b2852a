"""The hot routines of the compiled engine as vector code: what each of :mod:`tfsnn.compiled.kernel.vector`'s emits.

Written as LLVM's code, since numba makes none of this of a loop by itself: products of pairs of 16-bit numbers, sums that stay in
registers over a list of events, what passes a test packed side by side. LLVM turns it into what the CPU has.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tfsnn.compiled.kernel import columns as c
from tfsnn.compiled.kernel.lanes import HAS_AVX2, INT, LANES, SHORT, WORD, Lanes, cgutils, ir

BLOCKS = (64, 32, 16, 8)
"""Neurons that are summed up together: up to eight vectors, as many as registers hold beside weights and payloads."""
TARGETS = {3: 3, 2: 4, 1: 4}
"""By how many vectors of their channels: target pixels whose sums stay in registers together."""
FIRST_HALVES = [0, 16, 1, 17, 2, 18, 3, 19, 8, 24, 9, 25, 10, 26, 11, 27]
SECOND_HALVES = [i + 4 for i in FIRST_HALVES]
"""Pairs of two events' weights, as AVX2 interleaves them; their sums come in this order, too."""


def pairs_of_products(on: Lanes, weights: Any, payloads: Any) -> Any:
    """w0 k0 + w1 k1 of neighbours, 8 of 32 bits: one instruction of AVX2, which LLVM finds by itself unless it knows some k to be 0.

    Parameters
    ----------
    on
        Where the code goes.
    weights, payloads
        Vectors of 16 of 16 bits.
    """
    if HAS_AVX2:
        return on.call("llvm.x86.avx2.pmadd.wd", ir.VectorType(WORD, LANES), [weights, payloads])
    wide = ir.VectorType(WORD, 16)
    product = on.builder.mul(on.builder.sext(weights, wide), on.builder.sext(payloads, wide))
    return on.builder.add(*(on.shuffled(product, product, range(first, 16, 2)) for first in (0, 1)))


def in_order(on: Lanes, sums: Sequence[Any]) -> list[Any]:
    """Sums of pairs that were interleaved by halves, in the order of neurons; a single one is in order."""
    if len(sums) == 1:
        return list(sums)
    halves = [0, 1, 2, 3, 8, 9, 10, 11], [4, 5, 6, 7, 12, 13, 14, 15]
    return [on.shuffled(a, b, order) for a, b in zip(sums[::2], sums[1::2]) for order in halves]


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
            a, b = (on.load(weights, builder.add(start, INT(block * shorts)), shorts) for start in rows)
            orders = [[i // 2 + 8 * (i % 2) for i in range(16)]] if shorts == LANES else [FIRST_HALVES, SECOND_HALVES]
            for total, order in zip(sums[block * len(orders) :], orders):
                builder.store(builder.add(builder.load(total), pairs_of_products(on, on.shuffled(a, b, order), both)), total)

    even = builder.add(begin, builder.and_(builder.sub(end, begin), INT(-2)))
    with cgutils.for_range_slice(builder, begin, even, INT(2)) as (event, _):
        both = builder.load(builder.bitcast(builder.gep(payloads, [event]), WORD.as_pointer()))
        both.align = 2
        add(both, [row(event), row(builder.add(event, INT(1)))])
    with builder.if_then(builder.icmp_signed("<", even, end)):
        add(builder.zext(builder.load(builder.gep(payloads, [even])), WORD), [row(even)] * 2)
    found = in_order(on, [builder.load(total) for total in sums])
    for number, total in enumerate(found):
        place = builder.add(at, INT(number * LANES))
        on.store(builder.add(on.load(x, place), total), x, place)


def window_at(on: Lanes, path: Any, row: Any, column: Any) -> Any:
    """Where the window of a target begins in the image of a path's source."""
    builder, (start, down, across) = on.builder, (on.column(path, i) for i in (c.FIELD_START, c.FIELD_DOWN, c.FIELD_ACROSS))
    return builder.add(start, builder.add(builder.mul(row, down), builder.mul(column, across)))


def emit_add_windows(
    on: Lanes, x: Any, p: Any, path: Any, weights: Any, image: Any, pitch: Any, touched: Any, count: Any
) -> None:
    """The code of ``add_windows``: one block of channels after the other, whose weights stay in the nearest cache; sums of some targets
    at a time stay in registers over the whole window."""
    builder = on.builder
    zero, short = ir.Constant(ir.VectorType(WORD, LANES), [0] * LANES), ir.VectorType(SHORT, 2 * LANES)
    first, rows, pairs = (on.column(path, column) for column in (c.FIELD, c.FIELD_ROWS, c.FIELD_PAIRS))
    state, cells, width = (on.column(p, column) for column in (c.X, c.CELLS, c.WIDTH))
    window_size = builder.mul(builder.mul(rows, pairs), INT(2))

    def place(number: Any) -> tuple[Any, Any]:
        """Where a target's cells begin, and its window."""
        q = on.element(touched, number)
        return builder.add(state, builder.mul(q, cells)), window_at(on, path, *on.row_and_column(q, width))

    def add(number: Any, targets: int, vectors: int, i: Any) -> None:
        places = [place(builder.add(number, INT(target))) for target in range(targets)]
        sums = [[cgutils.alloca_once_value(builder, zero) for _ in range(vectors)] for _ in places]
        for total in (total for row in sums for total in row):
            builder.store(zero, total)
        step, here = INT(2 * LANES * vectors), builder.add(first, builder.mul(window_size, i))
        with cgutils.for_range(builder, rows) as row:
            below = builder.mul(row.index, pitch)
            begin = builder.add(here, builder.mul(builder.mul(row.index, pairs), step))
            with cgutils.for_range(builder, pairs) as pair:
                at = builder.add(begin, builder.mul(pair.index, step))
                loaded = [on.load(weights, builder.add(at, INT(2 * LANES * v)), 2 * LANES) for v in range(vectors)]
                for (_, window), row_sums in zip(places, sums):
                    source = builder.add(builder.add(window, below), builder.mul(pair.index, INT(2)))
                    both = builder.load(builder.bitcast(builder.gep(image, [source]), WORD.as_pointer()))
                    both.align = 2
                    payloads = builder.bitcast(on.splat(both), short)
                    for weight, total in zip(loaded, row_sums):
                        builder.store(builder.add(builder.load(total), pairs_of_products(on, weight, payloads)), total)
        for (at, _), row_sums in zip(places, sums):
            for v, total in enumerate(row_sums):
                cell = builder.add(at, builder.add(i, INT(v * LANES)))
                on.store(builder.add(on.load(x, cell), builder.load(total)), x, cell)

    done, left = cgutils.alloca_once_value(builder, INT(0)), builder.udiv(cells, INT(LANES))
    for vectors, targets in TARGETS.items():
        # As window_blocks has it: threes, but not so that a single one is left behind some.
        blocks = builder.udiv(left, INT(vectors))
        if vectors == 3:
            single = builder.and_(builder.icmp_signed("==", builder.urem(left, INT(3)), INT(1)), builder.icmp_signed(">", left, INT(1)))
            blocks = builder.sub(blocks, builder.zext(single, INT))
        left = builder.sub(left, builder.mul(blocks, INT(vectors)))
        with cgutils.for_range(builder, blocks):
            i, whole = builder.load(done), builder.mul(builder.udiv(count, INT(targets)), INT(targets))
            with cgutils.for_range_slice(builder, INT(0), whole, INT(targets)) as (number, _):
                add(number, targets, vectors, i)
            with cgutils.for_range_slice(builder, whole, count, INT(1)) as (number, _):
                add(number, 1, vectors, i)
            builder.store(builder.add(i, INT(LANES * vectors)), done)


def emit_add_products(on: Lanes, x: Any, at: Any, weights: Any, first: Any, spread: Any, width: Any) -> None:
    """The code of ``add_products``."""
    builder = on.builder
    with cgutils.for_range_slice(builder, INT(0), width, INT(LANES)) as (i, _):
        place = builder.add(at, i)
        weight = builder.sext(on.load(weights, builder.add(first, i)), ir.VectorType(WORD, LANES))
        on.store(builder.add(on.load(x, place), builder.mul(weight, on.load(spread, i))), x, place)


def emit_clear(on: Lanes, images: Any, at: Any) -> None:
    """The code of ``clear``."""
    on.store(ir.Constant(ir.VectorType(images.type.pointee, LANES), [0] * LANES), images, at)


def clipped(on: Lanes, value: Any, p: Any) -> Any:
    """min(max(value, FLOOR), CEILING) of a vector."""
    low, high = (on.splat(on.builder.trunc(on.column(p, column), WORD)) for column in (c.FLOOR, c.CEILING))
    return on.smaller(on.larger(value, low), high)


def emit_add_and_test(
    on: Lanes, x: Any, at: Any, weights: Any, first: Any, k: Any, width: Any, o: Any, where: Any, p: Any, hits: Any
) -> Any:
    """The code of ``add_and_test``."""
    builder = on.builder
    found, word = (cgutils.alloca_once(builder, INT) for _ in range(2))
    builder.store(INT(0), found)
    # Pairs of a weight with its sign and of k with 0: one instruction where a product of 32 bits takes two.
    factor = builder.bitcast(on.splat(builder.and_(builder.trunc(k, WORD), WORD(0xFFFF))), ir.VectorType(SHORT, 2 * LANES))
    idle = on.splat(builder.trunc(builder.sub(on.column(p, c.CHANGE), INT(1)), WORD))
    with cgutils.for_range_slice(builder, INT(0), width, INT(64)) as (begin, _):
        builder.store(INT(0), word)
        with cgutils.for_range_slice(builder, INT(0), on.smaller(builder.sub(width, begin), INT(64)), INT(LANES)) as (bit, _):
            i = builder.add(begin, bit)
            place = builder.add(at, i)
            weight = builder.sext(on.load(weights, builder.add(first, i)), ir.VectorType(WORD, LANES))
            products = pairs_of_products(on, builder.bitcast(weight, factor.type), factor)
            state = builder.add(on.load(x, place), products)
            on.store(state, x, place)
            change = builder.sub(clipped(on, state, p), on.load(o, builder.add(where, i)))
            bits = on.packed(builder.icmp_signed(">", on.size(change), idle))
            builder.store(builder.or_(builder.load(word), builder.shl(bits, bit)), word)
        builder.store(builder.load(word), builder.gep(hits, [builder.lshr(begin, INT(6))]))
        builder.store(builder.or_(builder.load(found), builder.load(word)), found)
    return builder.load(found)


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


def emit_differs(on: Lanes, frame: Any, sent: Any, least: Any, at: Any) -> Any:
    """The code of ``differs``: 64 bytes at once."""
    builder = on.builder
    a, b, smallest = (on.load(data, at, 64) for data in (frame, sent, least))
    size = builder.select(builder.icmp_unsigned(">", a, b), builder.sub(a, b), builder.sub(b, a))
    return on.packed(builder.icmp_unsigned(">=", size, smallest))
