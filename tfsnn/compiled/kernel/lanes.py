"""Vectors of fixed width in LLVM's language: what the compiled engine's operations are emitted with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba.core import cgutils as numba_cgutils

# Numba is typed in part; what it leaves open is open here, too.
cgutils: Any = numba_cgutils
ir = cgutils.ir
INT = ir.IntType(64)
WIDTH = 64
"""Bytes."""
BLOCK = 4
"""Vectors whose neurons one word of bits tells of."""


class Lanes:
    """Emits operations on vectors of one floating-point type, of WIDTH bytes or half of them."""

    def __init__(self, builder: Any, element: Any, *, half: bool = False) -> None:
        self.builder, self.element, self.bytes = builder, element, 4 if element == ir.FloatType() else 8
        self.count, self.block = (WIDTH // 2 // self.bytes, 2 * BLOCK) if half else (WIDTH // self.bytes, BLOCK)
        self.word = self.block * self.count
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

    def weights(self, data: Any, at: Any, mask: Any) -> Any:
        """The vector of weights at an element, as the carrier's numbers; they may be stored as shorter whole numbers."""
        kind = data.type.pointee
        if kind == self.element:
            return self.load(data, at, mask)
        whole = ir.VectorType(kind, self.count)
        vector = self.builder.load(self.builder.bitcast(self.builder.gep(data, [at]), whole.as_pointer()))
        vector.align = kind.width // 8
        numbers = self.builder.sitofp(vector, self.type)
        return numbers if mask is None else self.builder.select(mask, numbers, ir.Constant(self.type, [0.0] * self.count))

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

    def rounded(self, how: str, x: Any) -> Any:
        """A vector rounded by ``floor`` or ``trunc``."""
        return self.call(f"llvm.{how}.{self.suffix}", self.type, [x])

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
