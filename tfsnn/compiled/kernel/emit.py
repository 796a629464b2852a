"""The vector loops of the compiled engine as code: what each of :mod:`tfsnn.compiled.kernel.vector`'s operations emits.

Each becomes a function of its own: woven into the loops around them they lost as much time to registers that ran out as
they took themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tfsnn.compiled.kernel import columns as c
from tfsnn.compiled.kernel.lanes import INT, Lanes, cgutils, ir

MOST = 8
"""Vectors that are worked on together."""
TOGETHER = {1: 4, 2: 2, 3: 2}
"""Events whose runs of so many vectors are summed apart: one sum would have to wait for itself."""
CROWDED = 3
"""Neurons of a word from which on what they tell is worked out in vectors."""


class Rule:
    """Emits the check of a population's neurons: what they have to tell is appended to a queue.

    Parameters
    ----------
    on
        Where to.
    x, told, queue, p, level
        Pointers: state, told, queue, and the population's rows.
    number, tail
        The population, and the end of the queue.
    crowded
        From how many of a word's neurons on they tell in vectors; alone that would take longer.
    """

    def __init__(
        self, on: Lanes, x: Any, told: Any, queue: Any, p: Any, level: Any, number: Any, tail: Any, crowded: int | None = None
    ) -> None:
        builder, self.crowded = on.builder, crowded
        self.on, self.told, self.given, self.tail = on, told, [x, told, queue, p, level, number], cgutils.alloca_once_value(builder, tail)
        low, high, change = (on.column(level, column) for column in (c.FLOOR, c.CEILING, c.CHANGE))
        watched = builder.icmp_signed("==", on.column(p, c.KIND), INT(c.VECTOR))
        change = builder.select(watched, change, ir.Constant(on.element, float("inf")))
        self.low, self.high, self.threshold = on.splat(low), on.splat(high), on.splat(change)

    def change(self, x: Any, at: Any, mask: Any) -> Any:
        """abs(f(x) - told) of a vector of x at a cell; 0 in lanes that are masked out."""
        return self.on.size(self.on.builder.fsub(self.on.clamp(x, self.low, self.high), self.on.load(self.told, at, mask)))

    def tells(self, change: Any) -> Any:
        """Which lanes have something to tell, as bits."""
        return self.on.pack(self.on.builder.fcmp_ordered(">=", change, self.threshold))

    def word(self, at: Any, changes: list[Any]) -> None:
        """Let those of a word of neurons that have something to tell, tell it."""
        builder, bits = self.on.builder, INT(0)
        for v, change in enumerate(changes):
            bits = builder.or_(bits, builder.shl(self.tells(change), INT(v * self.on.count)))
        with builder.if_then(builder.icmp_signed("!=", bits, INT(0))):
            arguments = [*self.given, at, bits, builder.load(self.tail)]
            if self.crowded is None:
                builder.store(self.on.routine("tell", emit_tell, INT, arguments), self.tail)
            else:
                many = builder.icmp_signed(">=", self.on.call("llvm.ctpop.i64", INT, [bits]), INT(self.crowded))
                with builder.if_else(many) as (then, otherwise):
                    with then:
                        builder.store(self.on.routine("tell_many", emit_tell_many, INT, arguments), self.tail)
                    with otherwise:
                        builder.store(self.on.routine("tell", emit_tell, INT, arguments), self.tail)


def each_bit(on: Lanes, bits: Any, emit: Callable[[Any], None]) -> None:
    """Emit ``emit(number)`` in a loop over the bits that are set, from the lowest on."""
    builder, left = on.builder, cgutils.alloca_once_value(on.builder, bits)
    with cgutils.for_range(builder, on.call("llvm.ctpop.i64", INT, [bits])):
        here = builder.load(left)
        builder.store(builder.and_(here, builder.sub(here, INT(1))), left)
        emit(builder.cttz(here, ir.IntType(1)(1)))


def append(builder: Any, queue: Any, end: Any, neuron: Any, units: Any, number: Any) -> None:
    """Append a row to a queue."""
    row = builder.gep(queue, [builder.mul(builder.load(end), INT(3))])
    for column, value in ((c.NEURON, neuron), (c.UNITS, units), (c.TIMES, number)):
        builder.store(value, builder.gep(row, [INT(column)]))
    builder.store(builder.add(builder.load(end), INT(1)), end)


def emit_tell(on: Lanes, x: Any, told: Any, queue: Any, p: Any, level: Any, number: Any, at: Any, bits: Any, tail: Any) -> Any:
    """The neuron rule for the cells of a word that its bits name; the new end of the queue."""
    builder = on.builder
    end = cgutils.alloca_once_value(builder, tail)
    low, high, offset = (on.column(level, column) for column in (c.FLOOR, c.CEILING, c.OFFSET))
    payload, largest, least, direct, base = (on.column(p, column) for column in (c.PAYLOAD, c.LARGEST, c.LEAST, c.DIRECT, c.BASE))
    divisor, direct = builder.sitofp(payload, on.element), builder.icmp_signed("!=", direct, INT(0))

    def tell(lane: Any) -> None:
        cell = builder.add(at, lane)
        before = builder.gep(told, [cell])
        change = builder.fsub(on.clamp(builder.load(builder.gep(x, [cell])), low, high), builder.load(before))
        # The quotient of whole numbers that the carrier holds never rounds up to the next whole number. Offset is 0 but for direct
        # quantization; towards 0 is what turning into a whole number does.
        quotient = cgutils.alloca_once_value(builder, builder.fdiv(builder.fadd(change, offset), divisor))
        with builder.if_then(direct, likely=False):
            name = f"llvm.floor.f{8 * on.bytes}"
            builder.store(on.call(name, on.element, [builder.load(quotient)]), quotient)
        units = cgutils.alloca_once_value(builder, builder.fptosi(builder.load(quotient), INT))
        emit_last(builder, units, largest, least)
        sent = builder.load(units)
        more = builder.sitofp(builder.mul(sent, payload), on.element)
        builder.store(builder.fadd(builder.load(before), more), before)
        append(builder, queue, end, builder.sub(cell, base), sent, number)

    each_bit(on, bits, tell)
    return builder.load(end)


def emit_tell_many(on: Lanes, x: Any, told: Any, queue: Any, p: Any, level: Any, number: Any, at: Any, bits: Any, tail: Any) -> Any:
    """As :func:`emit_tell`, in vectors."""
    builder, whole = on.builder, ir.VectorType(ir.IntType(8 * on.bytes), on.count)
    low, high, offset = (on.splat(on.column(level, column)) for column in (c.FLOOR, c.CEILING, c.OFFSET))
    payload, largest = (on.splat(builder.sitofp(on.column(p, column), on.element)) for column in (c.PAYLOAD, c.LARGEST))
    direct = on.splat(builder.icmp_signed("!=", on.column(p, c.DIRECT), INT(0)))
    room, more, over = cgutils.alloca_once(builder, ir.ArrayType(whole, on.block)), [], ir.Constant(on.bits, [0] * on.count)
    for v in range(on.block):
        cells, lanes = on.add(at, v), builder.trunc(builder.lshr(bits, INT(v * on.count)), ir.IntType(on.count))
        mask = builder.bitcast(lanes, on.bits)
        before = on.load(told, cells, mask)
        quotient = builder.fdiv(builder.fadd(builder.fsub(on.clamp(on.load(x, cells, mask), low, high), before), offset), payload)
        units = builder.select(direct, on.rounded("floor", quotient), on.rounded("trunc", quotient))
        over = builder.or_(over, builder.and_(mask, builder.fcmp_ordered(">", on.size(units), largest)))
        builder.store(builder.fptosi(units, whole), builder.gep(room, [INT(0), INT(v)]))
        more.append((cells, mask, builder.fadd(before, builder.fmul(units, payload))))
    end = cgutils.alloca_once_value(builder, tail)
    with builder.if_else(builder.icmp_signed("!=", on.pack(over), INT(0)), likely=False) as (several, once):
        with several:
            builder.store(on.routine("tell", emit_tell, INT, [x, told, queue, p, level, number, at, bits, tail]), end)
        with once:
            for cells, mask, after in more:
                on.store(after, told, cells, mask)
            first, units = builder.sub(at, on.column(p, c.BASE)), builder.bitcast(room, whole.element.as_pointer())

            def tell(lane: Any) -> None:
                sent = builder.load(builder.gep(units, [lane]))
                append(builder, queue, end, builder.add(first, lane), sent if on.bytes == 8 else builder.sext(sent, INT), number)

            each_bit(on, bits, tell)
    return builder.load(end)


def emit_check(on: Lanes, x: Any, told: Any, queue: Any, p: Any, level: Any, number: Any, start: Any, stop: Any, tail: Any) -> Any:
    """The code of ``check``."""
    builder, rule = on.builder, Rule(on, x, told, queue, p, level, number, tail, CROWDED)
    with cgutils.for_range_slice(builder, start, stop, INT(on.word)) as (at, _):
        cells = [on.add(at, v) for v in range(on.block)]
        masks = [on.below(builder.sub(stop, cell)) for cell in cells]
        rule.word(at, [rule.change(on.load(x, cell, mask), cell, mask) for cell, mask in zip(cells, masks)])
    return builder.load(rule.tail)


def emit_last(builder: Any, units: Any, largest: Any, least: Any) -> None:
    """Take a last payload that would stay below T off the units, where they take several payloads."""
    whole = builder.load(units)
    negative = builder.icmp_signed("<", whole, INT(0))
    size = builder.select(negative, builder.neg(whole), whole)
    with builder.if_then(builder.icmp_signed(">", size, largest), likely=False):
        rest = builder.srem(size, largest)
        kept = builder.sub(size, builder.select(builder.icmp_signed("<", rest, least), rest, INT(0)))
        builder.store(builder.select(negative, builder.neg(kept), kept), units)


def emit_deliver(
    on: Lanes, x: Any, told: Any, w: Any, queue: Any, shape: Any, p: Any, level: Any, number: Any, at: Any, first: Any, k: Any, tail: Any
) -> Any:
    """The code of ``deliver``; short runs that leave half a vector empty go by half vectors, of which fewer lie across two cache lines."""
    builder, half = on.builder, Lanes(on.builder, on.element, half=True)
    run = on.column(shape, c.RUN)
    rest = builder.and_(builder.sub(run, INT(1)), INT(on.count - 1))
    short = builder.icmp_signed("<=", run, INT(MOST * half.count))
    narrow = builder.and_(short, builder.icmp_signed("<", rest, INT(half.count)))
    given, end = (x, told, w, queue, shape, p, level, number, at, first, k, tail), cgutils.alloca_once(builder, INT(0).type)
    with builder.if_else(narrow) as (then, otherwise):
        with then:
            builder.store(emit_runs(half, *given), end)
        with otherwise:
            builder.store(emit_runs(on, *given), end)
    return builder.load(end)


def emit_runs(
    on: Lanes, x: Any, told: Any, w: Any, queue: Any, shape: Any, p: Any, level: Any, number: Any, at: Any, first: Any, k: Any, tail: Any
) -> Any:
    """``deliver`` in vectors of one width: what is left behind whole blocks of MOST of them in straight lines of as many as it takes."""
    builder, factor, rule = on.builder, on.splat(k), Rule(on, x, told, queue, p, level, number, tail)
    rows, taps, run, step, weight_step = (on.column(shape, column) for column in (c.ROWS, c.TAPS, c.RUN, c.TAP_STEP, c.TAP_WEIGHT))
    whole = builder.and_(run, INT(-MOST * on.count))

    def block(here: Any, there: Any, masks: list[Any]) -> None:
        changes = []
        for v, mask in enumerate(masks):
            cell = on.add(here, v)
            total = on.multiply_add(on.weights(w, on.add(there, v), mask), factor, on.load(x, cell, mask))
            on.store(total, x, cell, mask)
            changes.append(rule.change(total, cell, mask))
        largest = changes[0]
        for change in changes[1:]:
            largest = builder.select(builder.fcmp_ordered(">", change, largest), change, largest)
        with builder.if_then(builder.icmp_signed("!=", rule.tells(largest), INT(0)), likely=False):
            for begin in range(0, len(changes), on.block):
                rule.word(on.add(here, begin), changes[begin : begin + on.block])

    def blocks(here: Any, there: Any) -> None:
        with cgutils.for_range_slice(builder, INT(0), whole, INT(MOST * on.count)) as (i, _):
            block(builder.add(here, i), builder.add(there, i), [None] * MOST)

    with cgutils.for_range(builder, rows) as loop:
        begin = builder.add(at, builder.mul(loop.index, on.column(shape, c.ROW_STEP)))
        weight = builder.add(first, builder.mul(loop.index, on.column(shape, c.ROW_WEIGHT)))

        def runs(masks: list[Any]) -> None:
            with cgutils.for_range(builder, taps) as turn:
                here = builder.add(begin, builder.mul(turn.index, step))
                there = builder.add(weight, builder.mul(turn.index, weight_step))
                blocks(here, there)
                if masks:
                    block(builder.add(here, whole), builder.add(there, whole), masks)

        on.by_vectors(builder.sub(run, whole), MOST, runs)
    return builder.load(rule.tail)


def emit_gather_many(on: Lanes, x: Any, w: Any, shape: Any, at: Any, firsts: Any, factors: Any, begin: Any, count: Any) -> None:
    """The code of ``gather_many``: where vectors are few, several events go into sums of their own."""
    emit_gather(on, x, w, shape, at, firsts, factors, begin, count, TOGETHER)


def emit_gather(
    on: Lanes, x: Any, w: Any, shape: Any, at: Any, firsts: Any, factors: Any, begin: Any, count: Any, several: dict[int, int] | None = None
) -> None:
    """The code of ``gather``: up to MOST vectors stay in registers while all events are added."""
    builder = on.builder
    run, wide = on.column(shape, c.RUN), INT(MOST * on.count)
    whole, end = builder.and_(run, INT(-MOST * on.count)), builder.add(begin, count)
    # Silent events fill up the last turn of the loops that take several at once.
    filler = builder.load(builder.gep(firsts, [begin]))
    for extra in range(max(several.values()) - 1 if several else 0):
        behind = builder.add(end, INT(extra))
        builder.store(filler, builder.gep(firsts, [behind]))
        builder.store(ir.Constant(on.element, 0.0), builder.gep(factors, [behind]))

    def block(start: Any, weight: Any, masks: list[Any]) -> None:
        together = several.get(len(masks), 1) if several else 1
        totals = [[cgutils.alloca_once(builder, on.type) for _ in masks] for _ in range(together)]
        for v, mask in enumerate(masks):
            builder.store(on.load(x, on.add(start, v), mask), totals[0][v])
            for part in totals[1:]:
                builder.store(ir.Constant(on.type, [0.0] * on.count), part[v])
        with cgutils.for_range_slice(builder, begin, end, INT(together)) as (event, _):
            for turn, part in enumerate(totals):
                here = builder.add(event, INT(turn))
                factor = on.splat(builder.load(builder.gep(factors, [here])))
                row = builder.add(builder.sext(builder.load(builder.gep(firsts, [here])), INT), weight)
                for v, (total, mask) in enumerate(zip(part, masks)):
                    builder.store(on.multiply_add(on.weights(w, on.add(row, v), mask), factor, builder.load(total)), total)
        for v, mask in enumerate(masks):
            total = builder.load(totals[0][v])
            for part in totals[1:]:
                total = builder.fadd(total, builder.load(part[v]))
            on.store(total, x, on.add(start, v), mask)

    with cgutils.for_range(builder, on.column(shape, c.ROWS)) as row, cgutils.for_range(builder, on.column(shape, c.TAPS)) as tap:
        start, weight = (
            builder.add(builder.mul(row.index, on.column(shape, by_row)), builder.mul(tap.index, on.column(shape, by_tap)))
            for by_row, by_tap in ((c.ROW_STEP, c.TAP_STEP), (c.ROW_WEIGHT, c.TAP_WEIGHT))
        )
        start = builder.add(at, start)
        with cgutils.for_range_slice(builder, INT(0), whole, wide) as (i, _):
            block(builder.add(start, i), builder.add(weight, i), [None] * MOST)
        rest = builder.add(start, whole), builder.add(weight, whole)
        on.by_vectors(builder.sub(run, whole), MOST, lambda masks: block(*rest, masks))


def emit_collect(on: Lanes, firsts: Any, factors: Any, begin: Any, end: Any, pile_firsts: Any, pile_factors: Any, to: Any, by: Any) -> None:
    """The code of ``collect``, a vector at a time; what is copied too much is written over later."""
    builder, many = on.builder, ir.VectorType(ir.IntType(32), on.count)
    shift = on.splat(builder.trunc(by, ir.IntType(32)))
    with cgutils.for_range_slice(builder, begin, end, INT(on.count)) as (event, _):
        place = builder.add(to, builder.sub(event, begin))
        here, there = (
            builder.bitcast(builder.gep(data, [at]), many.as_pointer()) for data, at in ((firsts, event), (pile_firsts, place))
        )
        moved = builder.load(here)
        moved.align = 4
        builder.store(builder.add(moved, shift), there).align = 4
        on.store(on.load(factors, event), pile_factors, place)


def emit_highest(on: Lanes, x: Any, start: Any, stop: Any) -> Any:
    """The code of ``highest``."""
    builder = on.builder
    largest = cgutils.alloca_once_value(builder, ir.Constant(on.type, [0.0] * on.count))
    whole = builder.add(start, builder.and_(builder.sub(stop, start), INT(-on.count)))

    def vector(at: Any, mask: Any) -> None:
        size, before = on.size(on.load(x, at, mask)), builder.load(largest)
        builder.store(builder.select(builder.fcmp_ordered(">", size, before), size, before), largest)

    with cgutils.for_range_slice(builder, start, whole, INT(on.count)) as (at, _):
        vector(at, None)
    vector(whole, on.below(builder.sub(stop, whole)))
    vector_of, found = builder.load(largest), ir.Constant(on.element, 0.0)
    for lane in range(on.count):
        size = builder.extract_element(vector_of, ir.IntType(32)(lane))
        found = builder.select(builder.fcmp_ordered(">", size, found), size, found)
    return found


def emit_prefetch(builder: Any, pointer: Any) -> None:
    """The code of ``prefetch``: to be read, and kept close."""
    pointer = builder.bitcast(pointer, ir.IntType(8).as_pointer())
    arguments = [pointer, *(ir.IntType(32)(hint) for hint in (0, 3, 1))]
    kind = ir.FunctionType(ir.VoidType(), [argument.type for argument in arguments])
    builder.call(cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0"), arguments)
