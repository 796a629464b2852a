"""The neuron rule as vector code: what the checks of :mod:`tfsnn.compiled.kernel.vector` emit.

One pixel after the other; eight channels are tested, quantized, and what is sent is packed side by side, without a branch.
What a pixel receives may be summed up just before, so that its state is touched once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tfsnn.compiled.kernel import columns as c
from tfsnn.compiled.kernel.emit import (
    FIRST_HALVES,
    SECOND_HALVES,
    emit_add_rows,
    in_order,
    pairs_of_products,
    window_at,
)
from tfsnn.compiled.kernel.lanes import BYTE, INT, LANES, REAL, SHORT, WORD, Lanes, cgutils, ir

STATES = ir.VectorType(WORD, LANES)
NONE = ir.Constant(STATES, [0] * LANES)
EXPONENT = 0x43300000
"""The upper half of 2^52: below it stands a whole number."""
Check = Callable[[Any, Any, Any], None]


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
        columns = c.PAYLOAD, c.CHANGE, c.BEYOND, c.FLOOR, c.CEILING
        self.payload, self.least, self.beyond, self.low, self.high = (
            on.splat(builder.trunc(on.column(p, column), WORD)) for column in columns
        )
        # size / P lies at least 1 / P below the next whole number; minus 1/2, plus half of that, it is rounded to the one below.
        # All errors together, of numbers below 2^31 / P in 53 bits, are far less than 1 / 2P.
        self.last = builder.sub(self.beyond, on.splat(WORD(1)))
        inverse = builder.fdiv(ir.Constant(REAL, 1.0), builder.sitofp(on.column(p, c.PAYLOAD), REAL))
        self.inverse = on.splat(inverse, LANES // 2)
        half = ir.Constant(REAL, 0.5)
        self.down = on.splat(builder.fsub(builder.fmul(inverse, half), half), LANES // 2)

    def units(self, change: Any, size: Any) -> Any:
        """change / P, towards 0, where ``size`` is abs(change).

        Whole numbers become real ones, and real ones whole, by the bits of 2^52 and of 1.5 2^52, whose last one counts 1: fewer
        instructions than AVX2's own conversions.
        """
        on, builder, real = self.on, self.on.builder, ir.VectorType(REAL, LANES // 2)
        high = ir.Constant(STATES, [EXPONENT] * LANES)
        whole, rounding = (ir.Constant(real, [number] * (LANES // 2)) for number in (2.0**52, 1.5 * 2.0**52))
        halves = []
        for order in ([0, 8, 1, 9, 4, 12, 5, 13], [2, 10, 3, 11, 6, 14, 7, 15]):
            exact = builder.fsub(builder.bitcast(on.shuffled(size, high, order), real), whole)
            below = builder.fadd(builder.fmul(exact, self.inverse, flags=("contract",)), self.down, flags=("contract",))
            halves.append(builder.bitcast(builder.fadd(below, rounding), STATES))
        return on.signed(on.shuffled(halves[0], halves[1], [0, 2, 8, 10, 4, 6, 12, 14]), change)

    def change(self, value: Any, o: Any) -> Any:
        """f(x) - o in steps; of direct quantizers, whole payload units of it."""
        on, builder = self.on, self.on.builder
        value = on.smaller(on.larger(value, self.low), self.high)
        if self.direct:
            one, sign = on.splat(WORD(1)), builder.ashr(value, on.splat(WORD(31)))
            down = builder.sub(value, builder.and_(sign, builder.sub(self.payload, one)))
            value = builder.mul(self.units(down, on.size(down)), self.payload)
        return builder.sub(value, o)


class Sender:
    """Emits the check of pixels, and the list of what they send.

    Parameters
    ----------
    on, o, p
        Where to; o in steps; the population's row.
    events, at, length
        The arrays of lists, as of :class:`tfsnn.compiled.kernel.plain.Events`; the list's rows.
    whole
        Whether all channels of the pixels are checked, so that each is sent as much as fits, and who sees that some did not
        takes it back; weights other than 0 are counted then.
    """

    def __init__(self, on: Lanes, o: Any, p: Any, events: tuple[Any, ...], at: Any, length: Any, *, whole: bool) -> None:
        self.on, self.o, self.p, self.length, self.whole = on, o, p, length, whole
        self.pixels, self.firsts, self.channels, self.payloads, _, self.images, self.nonzeros, self.axes = events
        self.listed, self.sent = (cgutils.alloca_once_value(on.builder, on.column(length, i)) for i in (c.PIXELS_LISTED, c.LISTED))
        self.unfit, self.nonzero, self.largest = (cgutils.alloca_once_value(on.builder, NONE) for _ in range(3))
        self.checked = cgutils.alloca_once_value(on.builder, INT(0))
        self.first_pixel, self.first_event = (on.column(at, column) for column in (c.PIXEL_AT, c.EVENT_AT))
        self.cells, self.base, self.width, self.image, self.pitch, self.image_cells = (
            on.column(p, column) for column in (c.CELLS, c.O, c.WIDTH, c.IMAGE, c.PITCH, c.IMAGE_CELLS)
        )
        self.count_rows, self.count_columns, self.count_at = (on.column(p, i) for i in (c.COUNT_ROWS, c.COUNT_COLUMNS, c.COUNT_AT))

    def all_pixels(self, one: Callable[[Rule], None]) -> Any:
        """The loop over pixels, for either kind of rule; whether some payload does not fit."""
        on, builder = self.on, self.on.builder
        with builder.if_else(builder.icmp_signed("!=", on.column(self.p, c.DIRECT), INT(0))) as branches:
            for branch, direct in zip(branches, (True, False)):
                with branch:
                    one(Rule(on, self.p, direct))
        last = builder.load(self.listed)
        self._write(builder.load(self.sent), self.firsts, builder.add(self.first_pixel, last))
        found = {c.PIXELS_LISTED: last, c.LISTED: builder.load(self.sent)}
        if self.whole:
            nonzero = builder.sext(on.total(builder.load(self.nonzero), builder.add), INT)
            found |= {c.CHECKED: builder.load(self.checked), c.HAS_NONZERO: INT(1), c.NONZERO_SUM: nonzero}
        for column, total in found.items():
            on.set_column(total, self.length, column)
        if self.whole:
            beyond = on.splat(builder.trunc(on.column(self.p, c.BEYOND), WORD))
            return on.packed(builder.icmp_signed(">=", builder.load(self.largest), beyond))
        return on.packed(builder.icmp_signed("!=", builder.load(self.unfit), NONE))

    def place(self, q: Any) -> tuple[Any, Any]:
        """Row and column of a pixel."""
        return self.on.row_and_column(q, self.width)

    def pixel(self, rule: Rule, q: Any, row: Any, column: Any, blocks: Callable[[Check], None]) -> None:
        """Check a pixel: ``blocks`` calls what it is given with each eight channels, their values, a mask of those reached."""
        builder = self.on.builder
        start, cell = builder.load(self.sent), builder.add(self.base, builder.mul(q, self.cells))
        beside = builder.mul(column, self.image_cells)
        shown = builder.add(self.image, builder.add(builder.mul(row, self.pitch), beside))

        counts = self.count_at
        if self.whole:
            kinds = (builder.add(axis, place) for axis, place in ((self.count_rows, row), (self.count_columns, column)))
            counts = builder.add(counts, builder.add(*(self.on.element(self.axes, kind) for kind in kinds)))

        def check(channel: Any, value: Any, mask: Any) -> None:
            at, image_at, counts_at = (builder.add(first, channel) for first in (cell, shown, counts))
            self._block(rule, at, image_at, counts_at, channel, value, mask)

        blocks(check)
        place = builder.add(self.first_pixel, builder.load(self.listed))
        self._write(q, self.pixels, place)
        self._write(start, self.firsts, place)
        more = builder.icmp_signed(">", builder.load(self.sent), start)
        builder.store(builder.add(builder.load(self.listed), builder.zext(more, INT)), self.listed)

    def eights(self, values: Any, first: Any, mask: Callable[[Any], Any] | None = None) -> Callable[[Check], None]:
        """The blocks of a pixel whose values lie side by side; of a channel on, which of eight are reached: all without ``mask``."""
        on, builder = self.on, self.on.builder

        def blocks(check: Check) -> None:
            with cgutils.for_range_slice(builder, INT(0), self.cells, INT(LANES)) as (channel, _):
                value = on.load(values, builder.add(first, channel))
                check(channel, value, mask(channel) if mask is not None else None)

        return blocks

    def _block(self, rule: Rule, cell: Any, shown: Any, counts: Any, channel: Any, value: Any, mask: Any) -> None:
        on, builder = self.on, self.on.builder
        before = on.load(self.o, cell)
        change = rule.change(value, before)
        size = on.size(change)
        fires = builder.icmp_signed(">=", size, rule.least)
        if self.whole:
            more = builder.and_(builder.sext(fires, STATES), on.load(self.nonzeros, counts))
            builder.store(builder.add(builder.load(self.nonzero), more), self.nonzero)
            builder.store(on.larger(builder.load(self.largest), size), self.largest)
            size = on.smaller(size, rule.last)
        else:
            unfit = builder.icmp_signed(">=", size, rule.beyond)
            fires = builder.and_(fires, builder.not_(unfit))
            if mask is not None:
                fires, unfit = builder.and_(fires, mask), builder.and_(unfit, mask)
            builder.store(builder.or_(builder.load(self.unfit), builder.sext(unfit, STATES)), self.unfit)
        units = builder.select(fires, rule.units(change, size), NONE)
        on.store(builder.add(before, builder.mul(units, rule.payload)), self.o, cell)
        narrow = on.shortened(units)
        on.store(narrow, self.images, shown)
        # All is written in any case, and overwritten by the next block if this one sends nothing.
        bits, here = on.packed(fires), builder.load(self.sent)
        lanes = on.load(packing(builder, 1), builder.mul(bits, INT(LANES)))
        place = builder.add(self.first_event, here)
        on.store(builder.add(builder.zext(lanes, STATES), on.splat(builder.trunc(channel, WORD))), self.channels, place)
        order = on.load(packing(builder, 2), builder.mul(bits, INT(2 * LANES)), 2 * LANES)
        on.store(on.gathered(narrow, order), self.payloads, place)
        builder.store(builder.add(here, builder.ctpop(bits)), self.sent)

    def _write(self, number: Any, data: Any, at: Any) -> None:
        builder = self.on.builder
        builder.store(builder.trunc(number, WORD), builder.gep(data, [at]))


def emit_send(
    on: Lanes, values: Any, value: Any, step: Any, o: Any, p: Any, touched: Any, begin: Any, end: Any, reached: Any, *given: Any
) -> Any:
    """The code of ``send``."""
    builder, sender = on.builder, Sender(on, o, p, given[:-2], *given[-2:], whole=False)
    words, reach = on.column(p, c.WORDS), on.column(p, c.REACH)
    each = ir.Constant(STATES, [1 << lane for lane in range(LANES)])

    def mask_at(word: Any, channel: Any) -> Any:
        bits = builder.load(builder.gep(reached, [builder.add(word, builder.lshr(channel, INT(6)))]))
        byte = on.splat(builder.trunc(builder.lshr(bits, builder.and_(channel, INT(63))), WORD))
        return builder.icmp_signed("==", builder.and_(byte, each), each)

    def pixels(rule: Rule, fine: bool) -> None:
        with cgutils.for_range_slice(builder, begin, end, INT(1)) as (number, _):
            q = on.element(touched, number)
            word, first = builder.add(reach, builder.mul(q, words)), builder.add(value, builder.mul(q, step))

            def mask(channel: Any) -> Any:
                return mask_at(word, channel)

            sender.pixel(rule, q, *sender.place(q), sender.eights(values, first, mask if fine else None))

    def either(rule: Rule) -> None:
        with builder.if_else(builder.icmp_signed("!=", words, INT(0))) as (some, all_of_them):
            with some:
                pixels(rule, True)
            with all_of_them:
                pixels(rule, False)

    return sender.all_pixels(either)


def emit_send_pixels(on: Lanes, x: Any, o: Any, p: Any, touched: Any, count: Any, *given: Any) -> Any:
    """The code of ``send_pixels``."""
    builder, sender = on.builder, Sender(on, o, p, given[:-2], *given[-2:], whole=True)
    state = on.column(p, c.X)

    def pixels(rule: Rule) -> None:
        with cgutils.for_range_slice(builder, INT(0), count, INT(1)) as (number, _):
            q = on.element(touched, number)
            first = builder.add(state, builder.mul(q, sender.cells))

            sender.pixel(rule, q, *sender.place(q), sender.eights(x, first))

    return sender.all_pixels(pixels)


def emit_send_points(
    on: Lanes, x: Any, o: Any, p: Any, path: Any, weights: Any, source: Any, count: Any, *given: Any
) -> Any:
    """The code of ``send_points``."""
    builder, sender = on.builder, Sender(on, o, p, given[:-2], *given[-2:], whole=True)
    state, weight, first_pixel, first_event = (
        on.column(row, column) for row, column in ((p, c.X), (path, c.WEIGHT), (source, c.PIXEL_AT), (source, c.EVENT_AT))
    )

    def pixels(rule: Rule) -> None:
        with cgutils.for_range_slice(builder, first_pixel, builder.add(first_pixel, count), INT(1)) as (j, _):
            q = on.element(sender.pixels, j)
            begin, end = (builder.add(first_event, on.element(sender.firsts, at)) for at in (j, builder.add(j, INT(1))))
            first = builder.add(state, builder.mul(q, sender.cells))
            arguments = x, first, weights, weight, sender.cells, sender.channels, sender.payloads, begin, end, sender.cells
            on.routine("add_rows", emit_add_rows, ir.VoidType(), arguments)

            sender.pixel(rule, q, *sender.place(q), sender.eights(x, first))

    return sender.all_pixels(pixels)


def emit_send_fields(
    on: Lanes, x: Any, o: Any, p: Any, path: Any, weights: Any, touched: Any, count: Any, *given: Any
) -> Any:
    """The code of ``send_fields``."""
    builder, sender = on.builder, Sender(on, o, p, given[:-2], *given[-2:], whole=True)
    weight, taps, pairs = (on.column(path, column) for column in (c.FIELD, c.FIELD_TAPS, c.FIELD_PAIRS))
    state = on.column(p, c.X)

    def pixels(rule: Rule) -> None:
        with cgutils.for_range_slice(builder, INT(0), count, INT(1)) as (number, _):
            q = on.element(touched, number)
            row, column = sender.place(q)
            window = window_at(on, path, row, column)
            first = builder.add(state, builder.mul(q, sender.cells))

            def some(check: Check, size: int, channel: Any) -> None:
                sums, union = field_sums(
                    on, size, sender.images, builder.add(window, channel), weights, builder.add(weight, builder.mul(channel, INT(2))),
                    builder.mul(sender.cells, INT(2)), sender.axes, taps, pairs,
                )  # fmt: skip
                for number, total in enumerate(sums):
                    here = builder.add(channel, INT(number * LANES))
                    place = builder.add(first, here)
                    value = builder.add(on.load(x, place), total)
                    on.store(value, x, place)
                    check(here, value, None)
                reached = builder.icmp_signed("!=", union, ir.Constant(union.type, [0] * size))
                more = builder.ctpop(builder.zext(builder.bitcast(reached, ir.IntType(size)), INT))
                builder.store(builder.add(builder.load(sender.checked), more), sender.checked)

            def blocks(check: Check) -> None:
                whole = builder.and_(sender.cells, INT(-2 * LANES))
                with cgutils.for_range_slice(builder, INT(0), whole, INT(2 * LANES)) as (channel, _):
                    some(check, 2 * LANES, channel)
                with builder.if_then(builder.icmp_signed("!=", whole, sender.cells)):
                    some(check, LANES, whole)

            sender.pixel(rule, q, row, column, blocks)

    return sender.all_pixels(pixels)


def emit_settled(on: Lanes, x: Any, o: Any, p: Any, count: Any) -> Any:
    """The code of ``settled``."""
    builder, waiting = on.builder, cgutils.alloca_once_value(on.builder, INT(0))
    state, sent, direct = on.column(p, c.X), on.column(p, c.O), builder.icmp_signed("!=", on.column(p, c.DIRECT), INT(0))
    with builder.if_else(direct) as branches:
        for branch, way in zip(branches, (True, False)):
            with branch:
                rule = Rule(on, p, way)
                with cgutils.for_range_slice(builder, INT(0), count, INT(LANES)) as (i, _):
                    change = rule.change(on.load(x, builder.add(state, i)), on.load(o, builder.add(sent, i)))
                    bits = on.packed(builder.icmp_signed(">=", on.size(change), rule.least))
                    builder.store(builder.or_(builder.load(waiting), bits), waiting)
    return builder.zext(builder.icmp_signed("==", builder.load(waiting), INT(0)), INT)


def field_sums(
    on: Lanes, size: int, images: Any, at: Any, weights: Any, first: Any, step: Any, axes: Any, taps: Any, pairs: Any
) -> tuple[list[Any], Any]:
    """The sums of 8 or 16 channels over all taps of a window, two taps at a time, and the payloads under it, or-ed."""
    builder, short = on.builder, ir.VectorType(SHORT, size)
    orders = [[i // 2 + LANES * (i % 2) for i in range(2 * LANES)]] if size == LANES else [FIRST_HALVES, SECOND_HALVES]
    nothing = ir.Constant(short, [0] * size)
    sums, union = [cgutils.alloca_once_value(builder, NONE) for _ in orders], cgutils.alloca_once_value(builder, nothing)
    for total, zero in ((union, nothing), *((total, NONE) for total in sums)):
        builder.store(zero, total)
    with cgutils.for_range(builder, pairs) as pair:
        tap = builder.add(taps, builder.mul(pair.index, INT(2)))
        a, b = (on.load(images, builder.add(at, on.element(axes, place)), size) for place in (tap, builder.add(tap, INT(1))))
        builder.store(builder.or_(builder.load(union), builder.or_(a, b)), union)
        for number, (total, order) in enumerate(zip(sums, orders)):
            place = builder.add(first, builder.add(builder.mul(pair.index, step), INT(number * 2 * LANES)))
            products = pairs_of_products(on, on.load(weights, place, 2 * LANES), on.shuffled(a, b, order))
            builder.store(builder.add(builder.load(total), products), total)
    return in_order(on, [builder.load(total) for total in sums]), builder.load(union)


def packing(builder: Any, size: int) -> Any:
    """A constant: for each mask of eight lanes, the lanes that are set, in order; the rest is of no account.

    Of lanes of ``size`` bytes, the numbers of their bytes.
    """
    rows = [([lane for lane in range(LANES) if mask >> lane & 1] + [LANES - 1] * LANES)[:LANES] for mask in range(1 << LANES)]
    places = [size * lane + byte for row in rows for lane in row for byte in range(size)]
    kind, name = ir.ArrayType(BYTE, len(places)), f"tfsnn.packing{size}"
    table = builder.module.globals.get(name)
    if table is None:
        table = cgutils.global_constant(builder.module, name, ir.Constant(kind, places))
    return builder.bitcast(table, BYTE.as_pointer())
