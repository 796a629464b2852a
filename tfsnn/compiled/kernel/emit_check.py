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
from tfsnn.compiled.kernel.emit_rule import NONE, STATES, Rule
from tfsnn.compiled.kernel.lanes import BYTE, INT, LANES, SHORT, WORD, Lanes, cgutils, ir

ORDERS = {LANES: [[i // 2 + LANES * (i % 2) for i in range(2 * LANES)]], 2 * LANES: [FIRST_HALVES, SECOND_HALVES]}
"""How 8 or 16 payloads of two taps are interleaved."""
AHEAD = 3
"""How many pixels ahead of the check states are fetched: what runs between two frames may have taken the caches."""
Check = Callable[[Any, Any, Any], None]


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

    def reached_eights(self, values: Any, first: Any, reached: Any, word: Any, words: Any) -> Callable[[Check], None]:
        """Those blocks of a pixel in which something is reached, by the bits of its channels."""
        on, builder = self.on, self.on.builder
        low, high = (INT(sum(byte << 8 * at for at in range(8)) - (byte >> 7 << 64)) for byte in (0x7F, 0x80))

        def blocks(check: Check) -> None:
            left = cgutils.alloca_once(builder, INT)
            with cgutils.for_range(builder, words) as number:
                bits = builder.load(builder.gep(reached, [builder.add(word, number.index)]))
                # The highest bit of each byte that is not 0.
                found = builder.and_(builder.or_(bits, builder.add(builder.and_(bits, low), low)), high)
                builder.store(found, left)
                with cgutils.for_range(builder, builder.ctpop(found)):
                    now = builder.load(left)
                    builder.store(builder.and_(now, builder.sub(now, INT(1))), left)
                    inside = builder.and_(builder.cttz(now, ir.IntType(1)(0)), INT(56))
                    channel = builder.add(builder.mul(number.index, INT(64)), inside)
                    check(channel, on.load(values, builder.add(first, channel)), None)

        return blocks

    def ahead(self, x: Any, state: Any, touched: Any, number: Any, end: Any) -> None:
        """Fetch the states of a pixel that is soon to be checked: of ``touched``, behind place ``number``, before ``end``."""
        on, builder = self.on, self.on.builder
        q = on.element(touched, on.smaller(builder.add(number, INT(AHEAD)), builder.sub(end, INT(1))))
        far = builder.mul(q, self.cells)
        with cgutils.for_range_slice(builder, INT(0), self.cells, INT(2 * LANES)) as (channel, _):
            at = builder.add(far, channel)
            on.prefetch(x, builder.add(state, at))
            on.prefetch(self.o, builder.add(self.base, at))

    def _block(self, rule: Rule, cell: Any, shown: Any, counts: Any, channel: Any, value: Any, mask: Any) -> None:
        on, builder = self.on, self.on.builder
        before = on.load(self.o, cell)
        change = rule.change(value, before)
        size = on.size(change)
        fires = builder.icmp_signed(">", size, rule.idle)
        if self.whole:
            more = builder.and_(builder.sext(fires, STATES), on.load(self.nonzeros, counts))
            builder.store(builder.add(builder.load(self.nonzero), more), self.nonzero)
        else:
            unfit = builder.icmp_signed(">=", size, rule.beyond)
            fires = builder.and_(fires, builder.not_(unfit))
            if mask is not None:
                fires, unfit = builder.and_(fires, mask), builder.and_(unfit, mask)
            builder.store(builder.or_(builder.load(self.unfit), builder.sext(unfit, STATES)), self.unfit)

        def large() -> Any:
            builder.store(on.larger(builder.load(self.largest), size), self.largest)
            return on.smaller(size, rule.last)

        units = builder.select(fires, rule.units(change, size, large), NONE)
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


def emit_send_pixels(on: Lanes, x: Any, o: Any, p: Any, touched: Any, count: Any, reached: Any, *given: Any) -> Any:
    """The code of ``send_pixels``."""
    builder, sender = on.builder, Sender(on, o, p, given[:-2], *given[-2:], whole=True)
    state, words, reach = (on.column(p, column) for column in (c.X, c.WORDS, c.REACH))

    def pixels(rule: Rule, some: bool) -> None:
        with cgutils.for_range_slice(builder, INT(0), count, INT(1)) as (number, _):
            q = on.element(touched, number)
            sender.ahead(x, state, touched, number, count)
            first = builder.add(state, builder.mul(q, sender.cells))
            blocks = sender.eights(x, first)
            if some:
                blocks = sender.reached_eights(x, first, reached, builder.add(reach, builder.mul(q, words)), words)
            sender.pixel(rule, q, *sender.place(q), blocks)

    def either(rule: Rule) -> None:
        with builder.if_else(builder.icmp_signed("!=", words, INT(0))) as branches:
            for branch, some in zip(branches, (True, False)):
                with branch:
                    pixels(rule, some)

    return sender.all_pixels(either)


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
            sender.ahead(x, state, sender.pixels, j, builder.add(first_pixel, count))
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
    state = on.column(p, c.X)

    def pixels(rule: Rule, nine: bool) -> None:
        field = Window(on, path, sender.axes, weights, sender.images, sender.cells, nine=nine)
        with cgutils.for_range_slice(builder, INT(0), count, INT(1)) as (number, _):
            q = on.element(touched, number)
            sender.ahead(x, state, touched, number, count)
            row, column = sender.place(q)
            window = window_at(on, path, row, column)
            first = builder.add(state, builder.mul(q, sender.cells))

            def some(check: Check, size: int, channel: Any) -> None:
                sums, union = field.sums(size, window, channel)
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

    def either(rule: Rule) -> None:
        with builder.if_else(builder.icmp_signed("!=", on.column(path, c.FIELD_NINE), INT(0))) as branches:
            for branch, nine in zip(branches, (True, False)):
                with branch:
                    pixels(rule, nine)

    return sender.all_pixels(either)


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


class Window:
    """Emits the sums of a depthwise window over its image, two taps at a time.

    Parameters
    ----------
    on, path, axes, weights, images
        Where to; the path's row; all axes, weights and images.
    cells
        Numbers of a pixel.
    nine
        Whether it is one of 3x3: its taps stand evenly, so that their places need not be looked up, and none is repeated.
    """

    def __init__(self, on: Lanes, path: Any, axes: Any, weights: Any, images: Any, cells: Any, *, nine: bool) -> None:
        self.on, self.axes, self.weights, self.images, self.nine = on, axes, weights, images, nine
        self.first, self.taps, self.pairs = (on.column(path, column) for column in (c.FIELD, c.FIELD_TAPS, c.FIELD_PAIRS))
        self.step = on.builder.mul(cells, INT(2))
        if nine:
            self.across, self.down = (on.element(axes, on.builder.add(self.taps, INT(tap))) for tap in (1, 3))

    def sums(self, size: int, window: Any, channel: Any) -> tuple[list[Any], Any]:
        """The sums of 8 or 16 channels over all taps, and the payloads under it, or-ed.

        Parameters
        ----------
        size
            How many channels.
        window
            Where the window begins in the image.
        channel
            The first of them.
        """
        builder, zero = self.on.builder, ir.Constant(ir.VectorType(SHORT, size), [0] * size)
        sums, union = [cgutils.alloca_once_value(builder, NONE) for _ in range(size // LANES)], cgutils.alloca_once_value(builder, zero)
        for total, nothing in ((union, zero), *((total, NONE) for total in sums)):
            builder.store(nothing, total)
        at, first = builder.add(window, channel), builder.add(self.first, builder.mul(channel, INT(2)))

        def add(pair: Any, a: Any, b: Any) -> None:
            begin = builder.add(first, builder.mul(pair, self.step))
            builder.store(builder.or_(builder.load(union), builder.or_(a, b)), union)
            for number, (total, order) in enumerate(zip(sums, ORDERS[size])):
                loaded = self.on.load(self.weights, builder.add(begin, INT(number * 2 * LANES)), 2 * LANES)
                products = pairs_of_products(self.on, loaded, self.on.shuffled(a, b, order))
                builder.store(builder.add(builder.load(total), products), total)

        if self.nine:
            rows = [builder.add(at, builder.mul(self.down, INT(row))) for row in range(3)]
            places = [builder.add(row, builder.mul(self.across, INT(column))) for row in rows for column in range(3)]
            loaded = [self.on.load(self.images, place, size) for place in (*places, places[-1])]
            for pair in range(5):
                add(INT(pair), *loaded[2 * pair : 2 * pair + 2])
        else:
            with cgutils.for_range(builder, self.pairs) as pair:
                tap = builder.add(self.taps, builder.mul(pair.index, INT(2)))
                taps = (self.on.element(self.axes, builder.add(tap, INT(i))) for i in (0, 1))
                add(pair.index, *(self.on.load(self.images, builder.add(at, place), size) for place in taps))
        return in_order(self.on, [builder.load(total) for total in sums]), builder.load(union)


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
