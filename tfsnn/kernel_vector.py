"""Vector loops of the compiled engine: operations on runs of neurons, as LLVM vector code of fixed width.

``add_check``  x += w k over up to 32 runs at equal distances; as bits, which of them have neurons with something to tell now
``add_many``   x += sum of w_e k_e over one run: events that meet are summed in registers before x is touched
``tellers``    as bits, which of up to 32 neurons have something to tell
``highest``    the largest abs(x) of a run
``lowest``     the number of the lowest bit that is set
``prefetch``   a row of a table that will soon be read

A neuron has something to tell if abs(min(max(x, low), high) - told) >= threshold. Each operation is an intrinsic that
emits vectors of 512 bits, which LLVM cuts to what the CPU has, with the end of a run masked; numba vectorizes none of
these loops well by itself. Beside each stands its twin in plain NumPy, which takes its place where NUMBA_DISABLE_JIT=1.
Arrays are flat; positions count elements and are proved to lie inside when the network is flattened.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numba.core import cgutils as numba_cgutils
from numba.extending import intrinsic
from numpy.typing import NDArray

# Numba is typed in part; what it leaves open is open here, too.
cgutils: Any = numba_cgutils
config: Any = numba.config
types: Any = numba.types
ir = cgutils.ir
INT = ir.IntType(64)
WIDTH = 64
BLOCK = 4
WORD = 32
"""Neurons, or runs, that one mask of bits tells of."""
Array = NDArray[Any]


class Lanes:
    """Emits operations on vectors of WIDTH bytes of one floating-point type."""

    def __init__(self, builder: Any, element: Any) -> None:
        self.builder, self.bytes = builder, 4 if element == ir.FloatType() else 8
        self.count = WIDTH // self.bytes
        self.type, self.bits = ir.VectorType(element, self.count), ir.VectorType(ir.IntType(1), self.count)
        self.suffix = f"v{self.count}f{8 * self.bytes}"

    def splat(self, value: Any) -> Any:
        """A vector of one value."""
        kind = ir.VectorType(value.type, self.count)
        none, order = ir.Constant(kind, ir.Undefined), ir.Constant(ir.VectorType(ir.IntType(32), self.count), [0] * self.count)
        return self.builder.shuffle_vector(self.builder.insert_element(none, value, ir.IntType(32)(0)), none, order)

    def below(self, count: Any) -> Any:
        """A mask of the lanes whose number is below ``count``."""
        lanes = ir.Constant(ir.VectorType(INT, self.count), list(range(self.count)))
        return self.builder.icmp_signed("<", lanes, self.splat(count))

    def load(self, data: Any, at: Any, mask: Any = None) -> Any:
        """The vector at an element; lanes that are masked out are not read and are 0."""
        pointer = self.builder.bitcast(self.builder.gep(data, [at]), self.type.as_pointer())
        if mask is None:
            vector = self.builder.load(pointer)
            vector.align = self.bytes
            return vector
        arguments = [pointer, ir.IntType(32)(self.bytes), mask, ir.Constant(self.type, [0.0] * self.count)]
        return self._call(f"llvm.masked.load.{self.suffix}.p0", self.type, arguments)

    def store(self, vector: Any, data: Any, at: Any, mask: Any = None) -> None:
        """Write a vector at an element; lanes that are masked out are left alone."""
        pointer = self.builder.bitcast(self.builder.gep(data, [at]), self.type.as_pointer())
        if mask is None:
            self.builder.store(vector, pointer).align = self.bytes
        else:
            arguments = [vector, pointer, ir.IntType(32)(self.bytes), mask]
            self._call(f"llvm.masked.store.{self.suffix}.p0", ir.VoidType(), arguments)

    def multiply_add(self, a: Any, b: Any, c: Any) -> Any:
        """a b + c; on exact numbers the same whether fused or not."""
        return self._call(f"llvm.fmuladd.{self.suffix}", self.type, [a, b, c])

    def tells(self, x: Any, told: Any, limits: tuple[Any, ...]) -> Any:
        """A mask of the lanes that have something to tell; never where told is not a number."""
        low, high, threshold = limits
        value = self.builder.select(self.builder.fcmp_ordered(">", x, low), x, low)
        value = self.builder.select(self.builder.fcmp_ordered("<", value, high), value, high)
        return self.builder.fcmp_ordered(">=", self.size(self.builder.fsub(value, told)), threshold)

    def size(self, x: Any) -> Any:
        """abs(x)."""
        return self._call(f"llvm.fabs.{self.suffix}", self.type, [x])

    def pack(self, mask: Any) -> Any:
        """A mask as an integer, lane 0 its lowest bit."""
        return self.builder.zext(self.builder.bitcast(mask, ir.IntType(self.count)), INT)

    def runs(self, start: Any, stop: Any, body: Any) -> None:
        """Loop ``body(at, mask)`` over a run: whole vectors without a mask, then what is left."""
        builder = self.builder
        whole = builder.add(start, builder.and_(builder.sub(stop, start), INT(-self.count)))
        with cgutils.for_range_slice(builder, start, whole, INT(self.count)) as (at, _):
            body(at, None)
        with builder.if_then(builder.icmp_signed("<", whole, stop)):
            body(whole, self.below(builder.sub(stop, whole)))

    def _call(self, name: str, result: Any, arguments: list[Any]) -> Any:
        kind = ir.FunctionType(result, [argument.type for argument in arguments])
        return self.builder.call(cgutils.get_or_insert_function(self.builder.module, kind, name), arguments)


def emit_add_check(lanes: Lanes, arrays: tuple[Any, Any, Any], runs: tuple[Any, ...], k: Any, limits: tuple[Any, ...]) -> Any:
    """The code of ``add_check``."""
    builder, (x, told, w) = lanes.builder, arrays
    at, first, length, count, step, weight_step = runs
    factor, levels = lanes.splat(k), tuple(lanes.splat(limit) for limit in limits)
    any_tells, nothing = cgutils.alloca_once(builder, lanes.bits), ir.Constant(lanes.bits, [0] * lanes.count)
    found = cgutils.alloca_once_value(builder, INT(0))
    with cgutils.for_range(builder, count) as loop:
        start = builder.add(at, builder.mul(loop.index, step))
        shift = builder.sub(builder.add(first, builder.mul(loop.index, weight_step)), start)
        builder.store(nothing, any_tells)

        def body(i: Any, mask: Any) -> None:
            total = lanes.multiply_add(lanes.load(w, builder.add(i, shift), mask), factor, lanes.load(x, i, mask))
            lanes.store(total, x, i, mask)
            tells = lanes.tells(total, lanes.load(told, i, mask), levels)
            tells = tells if mask is None else builder.and_(tells, mask)
            builder.store(builder.or_(builder.load(any_tells), tells), any_tells)

        lanes.runs(start, builder.add(start, length), body)
        speaks = builder.icmp_unsigned("!=", lanes.pack(builder.load(any_tells)), INT(0))
        bit = builder.shl(builder.zext(speaks, INT), loop.index)
        builder.store(builder.or_(builder.load(found), bit), found)
    return builder.load(found)


def emit_add_many(lanes: Lanes, x: Any, w: Any, place: tuple[Any, Any, Any], firsts: Any, factors: Any, count: Any) -> None:
    """The code of ``add_many``: blocks of BLOCK vectors stay in registers while all events are added, then single ones."""
    builder = lanes.builder
    at, shift, length = place
    stop, wide = builder.add(at, length), BLOCK * lanes.count
    middle = builder.add(at, builder.mul(builder.sdiv(length, INT(wide)), INT(wide)))
    offset = builder.sub(shift, at)

    def block(i: Any, vectors: int, mask: Any) -> None:
        totals = [cgutils.alloca_once(builder, lanes.type) for _ in range(vectors)]
        here = [builder.add(i, INT(v * lanes.count)) for v in range(vectors)]
        for total, v in zip(totals, here):
            builder.store(lanes.load(x, v, mask), total)
        with cgutils.for_range(builder, count) as loop:
            factor = lanes.splat(builder.load(builder.gep(factors, [loop.index])))
            row = builder.add(builder.load(builder.gep(firsts, [loop.index])), offset)
            for total, v in zip(totals, here):
                weight = lanes.load(w, builder.add(v, row), mask)
                builder.store(lanes.multiply_add(weight, factor, builder.load(total)), total)
        for total, v in zip(totals, here):
            lanes.store(builder.load(total), x, v, mask)

    with cgutils.for_range_slice(builder, at, middle, INT(wide)) as (i, _):
        block(i, BLOCK, None)
    lanes.runs(middle, stop, lambda i, mask: block(i, 1, mask))


def emit_tellers(lanes: Lanes, x: Any, told: Any, start: Any, stop: Any, limits: tuple[Any, ...]) -> Any:
    """The code of ``tellers``."""
    builder, levels = lanes.builder, tuple(lanes.splat(limit) for limit in limits)
    found = cgutils.alloca_once_value(builder, INT(0))

    def body(i: Any, mask: Any) -> None:
        tells = lanes.tells(lanes.load(x, i, mask), lanes.load(told, i, mask), levels)
        bits = lanes.pack(tells if mask is None else builder.and_(tells, mask))
        builder.store(builder.or_(builder.load(found), builder.shl(bits, builder.sub(i, start))), found)

    lanes.runs(start, stop, body)
    return builder.load(found)


def emit_highest(lanes: Lanes, x: Any, start: Any, stop: Any) -> Any:
    """The code of ``highest``."""
    builder, element = lanes.builder, lanes.type.element
    largest = cgutils.alloca_once_value(builder, ir.Constant(lanes.type, [0.0] * lanes.count))

    def body(i: Any, mask: Any) -> None:
        size, before = lanes.size(lanes.load(x, i, mask)), builder.load(largest)
        builder.store(builder.select(builder.fcmp_ordered(">", size, before), size, before), largest)

    lanes.runs(start, stop, body)
    vector, found = builder.load(largest), ir.Constant(element, 0.0)
    for lane in range(lanes.count):
        size = builder.extract_element(vector, ir.IntType(32)(lane))
        found = builder.select(builder.fcmp_ordered(">", size, found), size, found)
    return found


def emit_prefetch(builder: Any, pointer: Any) -> None:
    """The code of ``prefetch``: to be read, and kept close."""
    pointer = builder.bitcast(pointer, ir.IntType(8).as_pointer())
    arguments = [pointer, *(ir.IntType(32)(hint) for hint in (0, 3, 1))]
    kind = ir.FunctionType(ir.VoidType(), [argument.type for argument in arguments])
    builder.call(cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0"), arguments)


def _data(context: Any, builder: Any, signature: Any, arguments: Any, count: int) -> tuple[Any, ...]:
    return tuple(context.make_array(t)(context, builder, v).data for t, v in zip(signature.args[:count], arguments[:count]))


@intrinsic
def vector_add_check(typing: Any, x: Any, told: Any, w: Any, runs: Any, k: Any, low: Any, high: Any, threshold: Any) -> Any:
    """``add_check`` in vectors."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        lanes = Lanes(builder, context.get_value_type(x.dtype))
        data = _data(context, builder, signature, arguments, 3)
        return emit_add_check(lanes, data, cgutils.unpack_tuple(builder, arguments[3]), arguments[4], tuple(arguments[5:]))

    return types.int64(x, told, w, types.UniTuple(types.int64, 6), *[x.dtype] * 4), generate


@intrinsic
def vector_add_many(typing: Any, x: Any, w: Any, firsts: Any, factors: Any, count: Any, at: Any, shift: Any, length: Any) -> Any:
    """``add_many`` in vectors."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        lanes = Lanes(builder, context.get_value_type(x.dtype))
        x_data, w_data, first, factor = _data(context, builder, signature, arguments, 4)
        emit_add_many(lanes, x_data, w_data, tuple(arguments[5:]), first, factor, arguments[4])
        return context.get_dummy_value()

    return types.void(x, w, firsts, factors, *[types.intp] * 4), generate


@intrinsic
def vector_tellers(typing: Any, x: Any, told: Any, start: Any, stop: Any, low: Any, high: Any, threshold: Any) -> Any:
    """``tellers`` in vectors."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        lanes = Lanes(builder, context.get_value_type(x.dtype))
        data = _data(context, builder, signature, arguments, 2)
        return emit_tellers(lanes, data[0], data[1], arguments[2], arguments[3], tuple(arguments[4:]))

    return types.int64(x, told, *[types.intp] * 2, *[x.dtype] * 3), generate


@intrinsic
def vector_highest(typing: Any, x: Any, start: Any, stop: Any) -> Any:
    """``highest`` in vectors."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        lanes = Lanes(builder, context.get_value_type(x.dtype))
        (data,) = _data(context, builder, signature, arguments, 1)
        return emit_highest(lanes, data, arguments[1], arguments[2])

    return x.dtype(x, *[types.intp] * 2), generate


@intrinsic
def vector_lowest(typing: Any, bits: Any) -> Any:
    """``lowest`` as an instruction."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.IntType(1)(1))

    return types.int64(types.int64), generate


@intrinsic
def vector_prefetch(typing: Any, table: Any, row: Any) -> Any:
    """``prefetch`` as an instruction."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        (data,) = _data(context, builder, signature, arguments, 1)
        width = cgutils.unpack_tuple(builder, context.make_array(signature.args[0])(context, builder, arguments[0]).shape)[1]
        emit_prefetch(builder, builder.gep(data, [builder.mul(arguments[1], width)]))
        return context.get_dummy_value()

    return types.void(table, types.intp), generate


def plain_add_check(
    x: Array, told: Array, w: Array, runs: tuple[int, int, int, int, int, int], k: float, low: float, high: float, threshold: float
) -> int:
    """``add_check`` in NumPy; ``runs``: cell and weight where the first begins, length, number, and distances from one to the next."""
    at, first, length, count, step, weight_step = runs
    found = 0
    for run in range(count):
        x[at : at + length] += w[first : first + length] * k
        found |= bool(plain_tellers(x, told, at, at + length, low, high, threshold)) << run
        at, first = at + step, first + weight_step
    return found


def plain_add_many(x: Array, w: Array, firsts: Array, factors: Array, count: int, at: int, shift: int, length: int) -> None:
    """``add_many`` in NumPy."""
    for event in range(count):
        x[at : at + length] += w[firsts[event] + shift :][:length] * factors[event]


def plain_tellers(x: Array, told: Array, start: int, stop: int, low: float, high: float, threshold: float) -> int:
    """``tellers`` in NumPy."""
    tells = np.abs(np.minimum(np.maximum(x[start:stop], low), high) - told[start:stop]) >= threshold
    return sum(1 << int(i) for i in np.flatnonzero(tells))


def plain_highest(x: Array, start: int, stop: int) -> float:
    """``highest`` in NumPy."""
    return float(np.abs(x[start:stop]).max(initial=0))


def plain_lowest(bits: int) -> int:
    """``lowest`` in Python."""
    return (int(bits) & -int(bits)).bit_length() - 1


def plain_prefetch(table: Array, row: int) -> None:
    """``prefetch`` in NumPy: nothing."""


add_check: Any = plain_add_check if config.DISABLE_JIT else vector_add_check
add_many: Any = plain_add_many if config.DISABLE_JIT else vector_add_many
tellers: Any = plain_tellers if config.DISABLE_JIT else vector_tellers
highest: Any = plain_highest if config.DISABLE_JIT else vector_highest
lowest: Any = plain_lowest if config.DISABLE_JIT else vector_lowest
prefetch: Any = plain_prefetch if config.DISABLE_JIT else vector_prefetch
