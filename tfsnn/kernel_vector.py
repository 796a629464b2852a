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
from numba.core import cgutils as numba_cgutils
from numba.extending import intrinsic

from tfsnn import kernel_columns as c
from tfsnn import kernel_plain as plain

# Numba is typed in part; what it leaves open is open here, too.
cgutils: Any = numba_cgutils
config: Any = numba.config
types: Any = numba.types
ir = cgutils.ir
INT, DOUBLE = ir.IntType(64), ir.DoubleType()
WIDTH = 64
BLOCK = 4
"""Vectors whose neurons one word of bits tells of."""
MOST = 8
"""Vectors that are worked on together."""


class Lanes:
    """Emits operations on vectors of WIDTH bytes of one floating-point type."""

    def __init__(self, builder: Any, element: Any) -> None:
        self.builder, self.element, self.bytes = builder, element, 4 if element == ir.FloatType() else 8
        self.count = WIDTH // self.bytes
        self.word = BLOCK * self.count
        self.type, self.bits = ir.VectorType(element, self.count), ir.VectorType(ir.IntType(1), self.count)
        self.suffix = f"v{self.count}f{8 * self.bytes}"

    def splat(self, value: Any) -> Any:
        """A vector of one value."""
        kind = ir.VectorType(value.type, self.count)
        none, order = ir.Constant(kind, ir.Undefined), ir.Constant(ir.VectorType(ir.IntType(32), self.count), [0] * self.count)
        return self.builder.shuffle_vector(self.builder.insert_element(none, value, ir.IntType(32)(0)), none, order)

    def below(self, count: Any) -> Any:
        """A mask of the lanes whose number is below ``count``."""
        lanes = ir.Constant(ir.VectorType(ir.IntType(32), self.count), list(range(self.count)))
        return self.builder.icmp_signed("<", lanes, self.splat(self.builder.trunc(count, ir.IntType(32))))

    def load(self, data: Any, at: Any, mask: Any = None) -> Any:
        """The vector at an element; lanes that are masked out are not read and are 0."""
        pointer = self.builder.bitcast(self.builder.gep(data, [at]), self.type.as_pointer())
        if mask is None:
            vector = self.builder.load(pointer)
            vector.align = self.bytes
            return vector
        arguments = [pointer, ir.IntType(32)(self.bytes), mask, ir.Constant(self.type, [0.0] * self.count)]
        return self.call(f"llvm.masked.load.{self.suffix}.p0", self.type, arguments)

    def store(self, vector: Any, data: Any, at: Any, mask: Any = None) -> None:
        """Write a vector at an element; lanes that are masked out are left alone."""
        pointer = self.builder.bitcast(self.builder.gep(data, [at]), self.type.as_pointer())
        if mask is None:
            self.builder.store(vector, pointer).align = self.bytes
        else:
            arguments = [vector, pointer, ir.IntType(32)(self.bytes), mask]
            self.call(f"llvm.masked.store.{self.suffix}.p0", ir.VoidType(), arguments)

    def multiply_add(self, a: Any, b: Any, to: Any) -> Any:
        """a b + to; on exact numbers the same whether fused or not."""
        return self.call(f"llvm.fmuladd.{self.suffix}", self.type, [a, b, to])

    def clamp(self, x: Any, low: Any, high: Any) -> Any:
        """min(max(x, low), high), of vectors or numbers."""
        value = self.builder.select(self.builder.fcmp_ordered(">", x, low), x, low)
        return self.builder.select(self.builder.fcmp_ordered("<", value, high), value, high)

    def size(self, x: Any) -> Any:
        """abs(x)."""
        return self.call(f"llvm.fabs.{self.suffix}", self.type, [x])

    def pack(self, mask: Any) -> Any:
        """A mask as an integer, lane 0 its lowest bit."""
        return self.builder.zext(self.builder.bitcast(mask, ir.IntType(self.count)), INT)

    def add(self, number: Any, vectors: int) -> Any:
        """A position some vectors on."""
        return self.builder.add(number, INT(vectors * self.count))

    def column(self, row: Any, column: int) -> Any:
        """A number of a table's row."""
        return self.builder.load(self.builder.gep(row, [INT(column)]))

    def by_vectors(self, length: Any, most: int, emit: Callable[[list[Any]], None]) -> None:
        """Emit ``emit(masks)`` for each number of vectors, 0 to ``most``, that a length can fill; the last is masked."""
        builder = self.builder
        vectors = builder.sdiv(builder.add(length, INT(self.count - 1)), INT(self.count))
        last = self.below(builder.sub(length, builder.mul(builder.sub(vectors, INT(1)), INT(self.count))))
        done = builder.append_basic_block("done")
        choice = builder.switch(vectors, done)
        for number in range(most + 1):
            block = builder.append_basic_block(f"vectors{number}")
            choice.add_case(INT(number), block)
            builder.position_at_end(block)
            emit([None] * (number - 1) + [last] if number else [])
            builder.branch(done)
        builder.position_at_end(done)

    def call(self, name: str, result: Any, arguments: list[Any]) -> Any:
        """A call of what LLVM brings along."""
        kind = ir.FunctionType(result, [argument.type for argument in arguments])
        return self.builder.call(cgutils.get_or_insert_function(self.builder.module, kind, name), arguments)

    def routine(self, name: str, emit: Callable[..., Any], result: Any, arguments: list[Any]) -> Any:
        """A call of a function that ``emit(lanes, *arguments)`` fills, once a module."""
        kind = ir.FunctionType(result, [argument.type for argument in arguments])
        function = cgutils.get_or_insert_function(self.builder.module, kind, f"tfsnn.{name}.{self.suffix}")
        if function.is_declaration:
            function.linkage = "internal"
            for attribute in ("noinline", "nounwind"):
                function.attributes.add(attribute)
            for argument in function.args:
                if argument.type.is_pointer:
                    argument.add_attribute("noalias")
            builder = ir.IRBuilder(function.append_basic_block())
            value = emit(Lanes(builder, self.element), *function.args)
            builder.ret_void() if value is None else builder.ret(value)
        return self.builder.call(function, arguments)


class Rule:
    """Emits who of a population has something to tell.

    Parameters
    ----------
    on
        Where to.
    told, p, level
        Pointers: told, and the population's rows.
    """

    def __init__(self, on: Lanes, told: Any, p: Any, level: Any) -> None:
        builder = on.builder
        self.on, self.told = on, told
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


def emit_check(on: Lanes, x: Any, told: Any, queue: Any, p: Any, level: Any, number: Any, start: Any, stop: Any, tail: Any) -> Any:
    """The code of ``check``: word by word, who has something to tell; then, one by one, what."""
    builder, rule, end = on.builder, Rule(on, told, p, level), cgutils.alloca_once_value(on.builder, tail)
    low, high, offset = (on.column(level, column) for column in (c.FLOOR, c.CEILING, c.OFFSET))
    payload, largest, least, direct, base = (on.column(p, column) for column in (c.PAYLOAD, c.LARGEST, c.LEAST, c.DIRECT, c.BASE))
    divisor, bits = builder.sitofp(payload, DOUBLE), cgutils.alloca_once(builder, INT)
    with cgutils.for_range_slice(builder, start, stop, INT(on.word)) as (at, _):
        word: Any = INT(0)
        for v in range(BLOCK):
            cell = on.add(at, v)
            mask = on.below(builder.sub(stop, cell))
            here = rule.tells(rule.change(on.load(x, cell, mask), cell, mask))
            word = builder.or_(word, builder.shl(here, INT(v * on.count)))
        builder.store(word, bits)
        with cgutils.for_range(builder, on.call("llvm.ctpop.i64", INT, [word])):
            left = builder.load(bits)
            builder.store(builder.and_(left, builder.sub(left, INT(1))), bits)
            cell = builder.add(at, builder.cttz(left, ir.IntType(1)(1)))
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
    builder, factor, rule, end = on.builder, on.splat(k), Rule(on, told, p, level), cgutils.alloca_once_value(on.builder, tail)
    rows, taps, run = (on.column(shape, column) for column in (c.ROWS, c.TAPS, c.RUN))
    # Runs go by the row where a row is one run, else by the tap, row after row: in neuron order either way.
    by_row = builder.icmp_signed("==", taps, INT(1))
    outer, count = builder.select(by_row, INT(1), rows), builder.select(by_row, rows, taps)
    step, weight_step = (
        builder.select(by_row, on.column(shape, row), on.column(shape, tap))
        for row, tap in ((c.ROW_STEP, c.TAP_STEP), (c.ROW_WEIGHT, c.TAP_WEIGHT))
    )

    whole = builder.mul(builder.sdiv(run, INT(MOST * on.count)), INT(MOST * on.count))

    def block(here: Any, there: Any, masks: list[Any], stop: Any) -> None:
        largest: Any = None
        for v, mask in enumerate(masks):
            cell = on.add(here, v)
            total = on.multiply_add(on.load(w, on.add(there, v), mask), factor, on.load(x, cell, mask))
            on.store(total, x, cell, mask)
            change = rule.change(total, cell, mask)
            largest = change if largest is None else builder.select(builder.fcmp_ordered(">", change, largest), change, largest)
        with builder.if_then(builder.icmp_signed("!=", rule.tells(largest), INT(0)), likely=False):
            arguments = [x, told, queue, p, level, number, here, stop, builder.load(end)]
            builder.store(on.routine("check", emit_check, INT, arguments), end)

    def blocks(here: Any, there: Any) -> None:
        with cgutils.for_range_slice(builder, INT(0), whole, INT(MOST * on.count)) as (i, _):
            start = builder.add(here, i)
            block(start, builder.add(there, i), [None] * MOST, on.add(start, MOST))

    with cgutils.for_range(builder, outer) as loop:
        begin = builder.add(at, builder.mul(loop.index, on.column(shape, c.ROW_STEP)))
        weight = builder.add(first, builder.mul(loop.index, on.column(shape, c.ROW_WEIGHT)))

        def runs(masks: list[Any]) -> None:
            with cgutils.for_range(builder, count) as turn:
                here = builder.add(begin, builder.mul(turn.index, step))
                there = builder.add(weight, builder.mul(turn.index, weight_step))
                blocks(here, there)
                if masks:
                    block(builder.add(here, whole), builder.add(there, whole), masks, builder.add(here, run))

        on.by_vectors(builder.sub(run, whole), MOST, runs)
    return builder.load(end)


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


def _routine(name: str, emit: Callable[..., Any], result: Any) -> Any:
    """What an intrinsic generates that calls a function of its own; the element is that of its first argument."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        on = Lanes(builder, context.get_value_type(signature.args[0].dtype))
        value = on.routine(name, emit, result, _plain_arguments(context, builder, signature, arguments))
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

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        on = Lanes(builder, context.get_value_type(x.dtype))
        return on.routine("highest", emit_highest, on.element, _plain_arguments(context, builder, signature, arguments))

    return x.dtype(x, *[types.int64] * 2), generate


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
