"""Vectors of fixed width in LLVM's language: what the compiled engine's hot routines are emitted with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numba
from numba.core import cgutils as numba_cgutils
from numba.core import codegen

# Numba is typed in part; what it leaves open is open here, too.
cgutils: Any = numba_cgutils
ir = cgutils.ir
BYTE, SHORT, WORD, INT, REAL = ir.IntType(8), ir.IntType(16), ir.IntType(32), ir.IntType(64), ir.DoubleType()
config: Any = numba.config
features: Any = codegen.get_host_cpu_features
HAS_AVX2 = "+avx2" in (features() if config.CPU_FEATURES is None else config.CPU_FEATURES).split(",")
"""Whether numba compiles for a CPU that has it."""
LANES = 8
"""States that are worked on together: a vector of AVX2; LLVM cuts it in two, or joins two, where the CPU has others."""


class Lanes:
    """Emits operations on vectors of whole numbers.

    Parameters
    ----------
    builder
        Where to.
    """

    def __init__(self, builder: Any) -> None:
        self.builder = builder

    def splat(self, value: Any, count: int = LANES) -> Any:
        """A vector of one value."""
        kind = ir.VectorType(value.type, count)
        first = self.builder.insert_element(ir.Constant(kind, ir.Undefined), value, WORD(0))
        return self.shuffled(first, first, [0] * count)

    def shuffled(self, a: Any, b: Any, order: Sequence[int]) -> Any:
        """The elements of two vectors in this order."""
        return self.builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(WORD, len(order)), list(order)))

    def load(self, data: Any, at: Any, count: int = LANES) -> Any:
        """The vector at an element."""
        kind = data.type.pointee
        vector = self.builder.load(self.builder.bitcast(self.builder.gep(data, [at]), ir.VectorType(kind, count).as_pointer()))
        vector.align = kind.width // 8
        return vector

    def store(self, vector: Any, data: Any, at: Any) -> None:
        """Write a vector at an element."""
        pointer = self.builder.bitcast(self.builder.gep(data, [at]), vector.type.as_pointer())
        self.builder.store(vector, pointer).align = vector.type.element.width // 8

    def prefetch(self, data: Any, at: Any) -> None:
        """Have the cache line of an element brought near."""
        kind = ir.FunctionType(ir.VoidType(), [BYTE.as_pointer(), WORD, WORD, WORD])
        pointer = self.builder.bitcast(self.builder.gep(data, [at]), BYTE.as_pointer())
        function = cgutils.get_or_insert_function(self.builder.module, kind, "llvm.prefetch.p0i8")
        self.builder.call(function, [pointer, WORD(0), WORD(3), WORD(1)])

    def column(self, row: Any, column: int) -> Any:
        """A number of a table's row."""
        return self.builder.load(self.builder.gep(row, [INT(column)]))

    def set_column(self, value: Any, row: Any, column: int) -> None:
        """Write a number of a table's row."""
        self.builder.store(value, self.builder.gep(row, [INT(column)]))

    def element(self, data: Any, at: Any) -> Any:
        """The whole number at an element, in 64 bits."""
        return self.builder.sext(self.builder.load(self.builder.gep(data, [at])), INT)

    def row_and_column(self, pixel: Any, width: Any) -> tuple[Any, Any]:
        """Of a pixel, in 64 bits; both numbers fit 32."""
        builder = self.builder
        row = builder.zext(builder.udiv(builder.trunc(pixel, WORD), builder.trunc(width, WORD)), INT)
        return row, builder.sub(pixel, builder.mul(row, width))

    def larger(self, a: Any, b: Any) -> Any:
        """max(a, b), of vectors or numbers."""
        return self.builder.select(self.builder.icmp_signed(">", a, b), a, b)

    def smaller(self, a: Any, b: Any) -> Any:
        """min(a, b), of vectors or numbers."""
        return self.builder.select(self.builder.icmp_signed("<", a, b), a, b)

    def size(self, a: Any) -> Any:
        """abs(a)."""
        return self.larger(a, self.builder.sub(ir.Constant(a.type, [0] * a.type.count), a))

    def signed(self, size: Any, sign: Any) -> Any:
        """The numbers of one vector with the signs of another, 0 where that is 0 at the most."""
        if HAS_AVX2:
            return self.call("llvm.x86.avx2.psign.d", size.type, [size, sign])
        signs = self.builder.ashr(sign, self.splat(WORD(31)))
        return self.builder.sub(self.builder.xor(size, signs), signs)

    def shortened(self, vector: Any) -> Any:
        """8 numbers of 32 bits that fit 16 in these."""
        if HAS_AVX2:
            # Of a plain truncation LLVM makes a way across halves that takes three times as long.
            halves = [self.shuffled(vector, vector, range(first, first + LANES // 2)) for first in (0, LANES // 2)]
            return self.call("llvm.x86.sse2.packssdw.128", ir.VectorType(SHORT, LANES), halves)
        return self.builder.trunc(vector, ir.VectorType(SHORT, LANES))

    def gathered(self, vector: Any, order: Any) -> Any:
        """The bytes of a vector of 16 in an order known when it runs."""
        builder, kind = self.builder, ir.VectorType(BYTE, 16)
        given = builder.bitcast(vector, kind)
        if HAS_AVX2:
            return builder.bitcast(self.call("llvm.x86.ssse3.pshuf.b.128", kind, [given, order]), vector.type)
        result = ir.Constant(kind, ir.Undefined)
        for byte in range(16):
            chosen = builder.extract_element(given, builder.zext(builder.extract_element(order, WORD(byte)), WORD))
            result = builder.insert_element(result, chosen, WORD(byte))
        return builder.bitcast(result, vector.type)

    def packed(self, mask: Any) -> Any:
        """A mask as an integer, lane 0 its lowest bit."""
        if HAS_AVX2 and mask.type.count == LANES:
            signs = self.builder.bitcast(self.builder.sext(mask, ir.VectorType(WORD, LANES)), ir.VectorType(ir.FloatType(), LANES))
            return self.builder.zext(self.call("llvm.x86.avx.movmsk.ps.256", WORD, [signs]), INT)
        return self.builder.zext(self.builder.bitcast(mask, ir.IntType(mask.type.count)), INT)

    def total(self, vector: Any, step: Callable[[Any, Any], Any]) -> Any:
        """The elements of a vector joined by ``step``."""
        result = self.builder.extract_element(vector, WORD(0))
        for lane in range(1, vector.type.count):
            result = step(result, self.builder.extract_element(vector, WORD(lane)))
        return result

    def call(self, name: str, result: Any, arguments: Sequence[Any]) -> Any:
        """A call of what LLVM brings along."""
        kind = ir.FunctionType(result, [argument.type for argument in arguments])
        return self.builder.call(cgutils.get_or_insert_function(self.builder.module, kind, name), arguments)

    def routine(self, name: str, emit: Callable[..., Any], result: Any, arguments: Sequence[Any]) -> Any:
        """A call of a function that ``emit(lanes, *arguments)`` fills, once a module; no two of its arrays overlap."""
        kind = ir.FunctionType(result, [argument.type for argument in arguments])
        function = cgutils.get_or_insert_function(self.builder.module, kind, f"tfsnn.{name}")
        if function.is_declaration:
            function.linkage = "internal"
            function.attributes.add("nounwind")
            for argument in function.args:
                if argument.type.is_pointer:
                    argument.add_attribute("noalias")
            builder = ir.IRBuilder(function.append_basic_block())
            value = emit(Lanes(builder), *function.args)
            builder.ret_void() if value is None else builder.ret(value)
        return self.builder.call(function, arguments)
