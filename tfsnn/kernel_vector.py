"""Vector loops of the compiled engine: operations on runs of neurons, as LLVM vector code of fixed width.

``deliver``    one event to the runs that it reaches: x += w k, and who has something to tell now, tells it
``check``      who of a run has something to tell, tells it
``gather``     x += sum of w_e k_e over the runs of one place: events that meet are summed in registers before x is touched
``highest``    the largest abs(x) of a run
``prefetch``   a row of a table that will soon be read

A neuron has something to tell if abs(min(max(x, FLOOR), CEILING) - told) >= CHANGE; telling is the neuron rule, and a row
of the queue. Each operation is an intrinsic that emits vectors of 512 bits, which LLVM cuts to what the CPU has, with the
end of a run masked; numba vectorizes none of these loops well by itself. The first three become functions of their own:
woven into the loops around them they lost as much time to registers that ran out as they took themselves. Beside each
stands its twin in :mod:`tfsnn.kernel_plain`. Arrays are flat; positions count elements and are proved to lie inside when
the network is flattened.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
from numba.extending import intrinsic

from tfsnn import kernel_columns as c
from tfsnn import kernel_plain as plain
from tfsnn.kernel_lanes import BLOCK, DOUBLE, INT, Lanes, cgutils, ir

# Numba is typed in part; what it leaves open is open here, too.
config: Any = numba.config
types: Any = numba.types
MOST = 8
"""Vectors that are worked on together."""


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
    """

    def __init__(self, on: Lanes, x: Any, told: Any, queue: Any, p: Any, level: Any, number: Any, tail: Any) -> None:
        builder = on.builder
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
            builder.store(self.on.routine("tell", emit_tell, INT, arguments), self.tail)


def emit_tell(on: Lanes, x: Any, told: Any, queue: Any, p: Any, level: Any, number: Any, at: Any, bits: Any, tail: Any) -> Any:
    """The neuron rule for the cells of a word that its bits name; the new end of the queue."""
    builder = on.builder
    left, end = cgutils.alloca_once_value(builder, bits), cgutils.alloca_once_value(builder, tail)
    low, high, offset = (on.column(level, column) for column in (c.FLOOR, c.CEILING, c.OFFSET))
    payload, largest, least, direct, base = (on.column(p, column) for column in (c.PAYLOAD, c.LARGEST, c.LEAST, c.DIRECT, c.BASE))
    divisor = builder.sitofp(payload, DOUBLE)
    with cgutils.for_range(builder, on.call("llvm.ctpop.i64", INT, [bits])):
        here = builder.load(left)
        builder.store(builder.and_(here, builder.sub(here, INT(1))), left)
        cell = builder.add(at, builder.cttz(here, ir.IntType(1)(1)))
        before = builder.gep(told, [cell])
        change = builder.fsub(on.clamp(builder.load(builder.gep(x, [cell])), low, high), builder.load(before))
        exact, shift = (value if on.element == DOUBLE else builder.fpext(value, DOUBLE) for value in (change, offset))
        # Offset is 0 but for direct quantization; towards 0 is what turning into a whole number does.
        quotient = builder.fdiv(builder.fadd(exact, shift), divisor)
        floored = on.call("llvm.floor.f64", DOUBLE, [quotient])
        quotient = builder.select(builder.icmp_signed("!=", direct, INT(0)), floored, quotient)
        units = cgutils.alloca_once_value(builder, builder.fptosi(quotient, INT))
        emit_last(builder, units, largest, least)
        sent = builder.load(units)
        more = builder.sitofp(builder.mul(sent, payload), on.element)
        builder.store(builder.fadd(builder.load(before), more), before)
        row = builder.gep(queue, [builder.mul(builder.load(end), INT(3))])
        for column, value in ((c.NEURON, builder.sub(cell, base)), (c.UNITS, sent), (c.TIMES, number)):
            builder.store(value, builder.gep(row, [INT(column)]))
        builder.store(builder.add(builder.load(end), INT(1)), end)
    return builder.load(end)


def emit_check(on: Lanes, x: Any, told: Any, queue: Any, p: Any, level: Any, number: Any, start: Any, stop: Any, tail: Any) -> Any:
    """The code of ``check``."""
    builder, rule = on.builder, Rule(on, x, told, queue, p, level, number, tail)
    with cgutils.for_range_slice(builder, start, stop, INT(on.word)) as (at, _):
        cells = [on.add(at, v) for v in range(BLOCK)]
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
    """The code of ``deliver``: what is left of runs behind whole blocks of MOST vectors in straight lines of as many as it takes."""
    builder, factor, rule = on.builder, on.splat(k), Rule(on, x, told, queue, p, level, number, tail)
    rows, taps, run = (on.column(shape, column) for column in (c.ROWS, c.TAPS, c.RUN))
    # Runs go by the row where a row is one run, else by the tap, row after row: in neuron order either way.
    by_row = builder.icmp_signed("==", taps, INT(1))
    outer, count = builder.select(by_row, INT(1), rows), builder.select(by_row, rows, taps)
    step, weight_step = (
        builder.select(by_row, on.column(shape, row), on.column(shape, tap))
        for row, tap in ((c.ROW_STEP, c.TAP_STEP), (c.ROW_WEIGHT, c.TAP_WEIGHT))
    )

    whole = builder.mul(builder.sdiv(run, INT(MOST * on.count)), INT(MOST * on.count))

    def block(here: Any, there: Any, masks: list[Any]) -> None:
        changes = []
        for v, mask in enumerate(masks):
            cell = on.add(here, v)
            total = on.multiply_add(on.load(w, on.add(there, v), mask), factor, on.load(x, cell, mask))
            on.store(total, x, cell, mask)
            changes.append(rule.change(total, cell, mask))
        largest = changes[0]
        for change in changes[1:]:
            largest = builder.select(builder.fcmp_ordered(">", change, largest), change, largest)
        with builder.if_then(builder.icmp_signed("!=", rule.tells(largest), INT(0)), likely=False):
            for begin in range(0, len(changes), BLOCK):
                rule.word(on.add(here, begin), changes[begin : begin + BLOCK])

    def blocks(here: Any, there: Any) -> None:
        with cgutils.for_range_slice(builder, INT(0), whole, INT(MOST * on.count)) as (i, _):
            block(builder.add(here, i), builder.add(there, i), [None] * MOST)

    with cgutils.for_range(builder, outer) as loop:
        begin = builder.add(at, builder.mul(loop.index, on.column(shape, c.ROW_STEP)))
        weight = builder.add(first, builder.mul(loop.index, on.column(shape, c.ROW_WEIGHT)))

        def runs(masks: list[Any]) -> None:
            with cgutils.for_range(builder, count) as turn:
                here = builder.add(begin, builder.mul(turn.index, step))
                there = builder.add(weight, builder.mul(turn.index, weight_step))
                blocks(here, there)
                if masks:
                    block(builder.add(here, whole), builder.add(there, whole), masks)

        on.by_vectors(builder.sub(run, whole), MOST, runs)
    return builder.load(rule.tail)


def emit_gather(on: Lanes, x: Any, w: Any, shape: Any, at: Any, firsts: Any, factors: Any, count: Any) -> None:
    """The code of ``gather``: up to MOST vectors stay in registers while all events are added."""
    builder = on.builder
    run, wide = on.column(shape, c.RUN), INT(MOST * on.count)
    whole = builder.mul(builder.sdiv(run, wide), wide)

    def block(start: Any, weight: Any, masks: list[Any]) -> None:
        totals = [cgutils.alloca_once(builder, on.type) for _ in masks]
        for v, (total, mask) in enumerate(zip(totals, masks)):
            builder.store(on.load(x, on.add(start, v), mask), total)
        with cgutils.for_range(builder, count) as loop:
            factor = on.splat(builder.load(builder.gep(factors, [loop.index])))
            row = builder.add(builder.load(builder.gep(firsts, [loop.index])), weight)
            for v, (total, mask) in enumerate(zip(totals, masks)):
                builder.store(on.multiply_add(on.load(w, on.add(row, v), mask), factor, builder.load(total)), total)
        for v, (total, mask) in enumerate(zip(totals, masks)):
            on.store(builder.load(total), x, on.add(start, v), mask)

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


def _plain_arguments(context: Any, builder: Any, signature: Any, arguments: Any) -> list[Any]:
    """Arguments as LLVM sees them, arrays as pointers to their data."""
    return [
        context.make_array(kind)(context, builder, value).data if isinstance(kind, types.Array) else value
        for kind, value in zip(signature.args, arguments)
    ]


def _routine(name: str, emit: Callable[..., Any], result: Any = None) -> Any:
    """What an intrinsic generates that calls a function of its own; element, and result if not given, are of its first argument's type."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        on = Lanes(builder, context.get_value_type(signature.args[0].dtype))
        value = on.routine(name, emit, result or on.element, _plain_arguments(context, builder, signature, arguments))
        return context.get_dummy_value() if signature.return_type == types.void else value

    return generate


@intrinsic
def vector_deliver(
    typing: Any, x: Any, told: Any, w: Any, queue: Any, shape: Any, p: Any, level: Any, number: Any, at: Any, first: Any, k: Any, tail: Any
) -> Any:
    """``deliver`` in vectors."""
    signature = types.int64(x, told, w, queue, shape, p, level, *[types.int64] * 3, x.dtype, types.int64)
    return signature, _routine("deliver", emit_deliver, INT)


@intrinsic
def vector_check(typing: Any, x: Any, told: Any, queue: Any, p: Any, level: Any, number: Any, start: Any, stop: Any, tail: Any) -> Any:
    """``check`` in vectors."""
    return types.int64(x, told, queue, p, level, *[types.int64] * 4), _routine("check", emit_check, INT)


@intrinsic
def vector_gather(typing: Any, x: Any, w: Any, shape: Any, at: Any, firsts: Any, factors: Any, count: Any) -> Any:
    """``gather`` in vectors."""
    return types.void(x, w, shape, types.int64, firsts, factors, types.int64), _routine("gather", emit_gather, ir.VoidType())


@intrinsic
def vector_highest(typing: Any, x: Any, start: Any, stop: Any) -> Any:
    """``highest`` in vectors."""
    return x.dtype(x, *[types.int64] * 2), _routine("highest", emit_highest)


@intrinsic
def vector_prefetch(typing: Any, table: Any, row: Any) -> Any:
    """``prefetch`` as an instruction."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data, _ = _plain_arguments(context, builder, signature, arguments)
        width = cgutils.unpack_tuple(builder, context.make_array(signature.args[0])(context, builder, arguments[0]).shape)[1]
        emit_prefetch(builder, builder.gep(data, [builder.mul(arguments[1], width)]))
        return context.get_dummy_value()

    return types.void(table, types.int64), generate


deliver: Any = plain.deliver if config.DISABLE_JIT else vector_deliver
check: Any = plain.check if config.DISABLE_JIT else vector_check
gather: Any = plain.gather if config.DISABLE_JIT else vector_gather
highest: Any = plain.highest if config.DISABLE_JIT else vector_highest
prefetch: Any = plain.prefetch if config.DISABLE_JIT else vector_prefetch
