"""The context: one array of addresses and lengths, of which every kernel opens the arrays that it needs.

To hand some fifty arrays to a compiled function costs tens of microseconds, more than a frame in which little changes; one array
costs less than one. Whoever makes a context keeps its arrays alive.

Kernels are handed the address of its first number, as a pointer; the type of that number says how wide the states are. At one of
int64, states are int32, weights and payloads int16: twice the lanes of anything wider, and pairs of products in one instruction.
One of uint64 says int64 everywhere, for networks whose numbers may not fit.
"""

from __future__ import annotations

import ctypes
import operator
from typing import Any

import numba
import numpy as np
from numba.core import imputils
from numba.extending import intrinsic, models, register_model

from tfsnn.aliases import Array

# Numba is typed in part; what it leaves open is open here, too.
types: Any = numba.types
lowering: Any = imputils.lower_builtin
NARROW, WIDE = np.dtype(np.int64), np.dtype(np.uint64)
"""Types of a context's own numbers."""


def make_context(arrays: dict[int, Array], narrow: bool) -> Array:
    """A context of these arrays by slot.

    Parameters
    ----------
    arrays
        Contiguous arrays; the caller keeps them.
    narrow
        Whether states are int32.
    """
    context = np.zeros(2 * (max(arrays) + 1), NARROW if narrow else WIDE)
    for slot, array in arrays.items():
        context[2 * slot], context[2 * slot + 1] = array.ctypes.data, array.size
    return context


class Flat(types.Array):  # type: ignore[misc]
    """An array whose indices are never negative: numba asks of each whether it counts from the end, which costs more than the sums.

    Parameters
    ----------
    dtype
        Numba's, of its numbers.
    constant
        Whether nobody writes to it while a stage runs, so that what has been read stays in a register.
    """

    def __init__(self, dtype: Any, *, constant: bool = False) -> None:
        self.constant = constant
        super().__init__(dtype, 1, "C", name=f"{'constant' if constant else 'flat'}({dtype})")

    @property
    def key(self) -> Any:
        """What tells it from other types."""
        return (*super().key, self.constant)


register_model(Flat)(models.ArrayModel)


def _loaded(builder: Any, pointer: Any, *, constant: bool) -> Any:
    value = builder.load(pointer)
    if constant:
        value.set_metadata("invariant.load", builder.module.add_metadata([]))
    return value


@lowering(operator.getitem, Flat, types.Integer)
def _get(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    kind, number = signature.args
    at = context.cast(builder, arguments[1], number, types.int64)
    data = context.make_array(kind)(context, builder, arguments[0]).data
    return _loaded(builder, builder.gep(data, [at]), constant=kind.constant)


@lowering(operator.setitem, Flat, types.Integer, types.Any)
def _set(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    kind, number, given = signature.args
    at = context.cast(builder, arguments[1], number, types.int64)
    data = context.make_array(kind)(context, builder, arguments[0]).data
    builder.store(context.cast(builder, arguments[2], given, kind.dtype), builder.gep(data, [at]))
    return context.get_dummy_value()


def _words(builder: Any, context: Any, slot: Any) -> tuple[Any, Any]:
    """Address and length of an array of the context; they stay while a stage runs."""
    at = builder.mul(slot, slot.type(2))
    first, second = (
        _loaded(builder, builder.gep(context, [builder.add(at, at.type(i))]), constant=True) for i in (0, 1)
    )
    return first, second


def _array(target: Any, builder: Any, kind: Any, address: Any, length: Any) -> Any:
    """An array of that type at that address."""
    array, size = target.make_array(kind)(target, builder), target.get_constant(types.intp, np.dtype(kind.dtype.name).itemsize)
    data = builder.inttoptr(address, target.get_data_type(kind.dtype).as_pointer())
    target.populate_array(array, data=data, shape=[length], strides=[size], itemsize=size, meminfo=None)
    return array._getvalue()


def _opener(narrow: Any, wide: Any, *, constant: bool = False) -> Any:
    """A function of (context, slot) that gives the array there, of one of two types."""

    @intrinsic
    def opened(typing: Any, context: Any, slot: Any) -> Any:
        kind = Flat(numba.from_dtype(np.dtype(wide if context.dtype == types.uint64 else narrow)), constant=constant)

        def generate(target: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return _array(target, builder, kind, *_words(builder, *arguments))

        return kind(context, types.int64), generate

    def plain(context: Array, slot: int) -> Array:
        kind = np.dtype(wide if context.dtype == WIDE else narrow)
        address, length = int(context[2 * slot]), int(context[2 * slot + 1])
        return np.frombuffer((ctypes.c_char * (length * kind.itemsize)).from_address(address), kind) if length else np.zeros(0, kind)

    config: Any = numba.config
    return plain if config.DISABLE_JIT else opened


states = _opener(np.int32, np.int64)
"""x, o and what is computed of them; weights of operations that lead each channel to its own."""
shorts = _opener(np.int16, np.int64)
"""Weights, and payloads of events."""
int32s = _opener(np.int32, np.int32)
int64s = _opener(np.int64, np.int64)
floats = _opener(np.float64, np.float64)
octets = _opener(np.uint8, np.uint8)
constants = _opener(np.int64, np.int64, constant=True)
"""As int64s, of what stays."""


def row_opener(slot: int, width: int, *, constant: bool = True) -> Any:
    """A function of (context, number) that gives a row of a table.

    Parameters
    ----------
    slot, width
        The table's, of int64, and how many columns it has.
    constant
        As of :class:`Flat`.
    """

    @intrinsic
    def opened(typing: Any, context: Any, number: Any) -> Any:
        kind = Flat(types.int64, constant=constant)

        def generate(target: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            word = arguments[1].type
            address, _ = _words(builder, arguments[0], word(slot))
            at = builder.add(address, builder.mul(arguments[1], word(8 * width)))
            return _array(target, builder, kind, at, word(width))

        return kind(context, types.int64), generate

    def plain(context: Array, number: int) -> Array:
        row: Array = int64s(context, slot)[number * width : (number + 1) * width]
        return row

    config: Any = numba.config
    return plain if config.DISABLE_JIT else opened
