"""The context: one array of addresses and lengths, of which every kernel opens the arrays that it needs.

To hand some fifty arrays to a compiled function costs tens of microseconds, more than a frame in which little changes; one array
costs less than one. Whoever makes a context keeps its arrays alive.

Kernels are handed the address of its first number, as a pointer; the type of that number says how wide the states are. At one of
int64, states are int32, weights and payloads int16: twice the lanes of anything wider, and pairs of products in one instruction.
One of uint64 says int64 everywhere, for networks whose numbers may not fit.
"""

from __future__ import annotations

import ctypes
from typing import Any

import numba
import numpy as np
from numba.core import cgutils as numba_cgutils
from numba.extending import intrinsic

from tfsnn.aliases import Array

# Numba is typed in part; what it leaves open is open here, too.
types: Any = numba.types
cgutils: Any = numba_cgutils
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


def _opener(narrow: Any, wide: Any) -> Any:
    """A function of (context, slot) that gives the array there, of one of two types."""

    @intrinsic
    def opened(typing: Any, context: Any, slot: Any) -> Any:
        kind = types.Array(numba.from_dtype(np.dtype(wide if context.dtype == types.uint64 else narrow)), 1, "C")

        def generate(target: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            words = arguments[0]
            at = builder.mul(arguments[1], arguments[1].type(2))
            address, length = (builder.load(builder.gep(words, [builder.add(at, at.type(i))])) for i in (0, 1))
            array = target.make_array(kind)(target, builder)
            size = target.get_constant(types.intp, np.dtype(kind.dtype.name).itemsize)
            data = builder.inttoptr(address, target.get_data_type(kind.dtype).as_pointer())
            target.populate_array(array, data=data, shape=[length], strides=[size], itemsize=size, meminfo=None)
            return array._getvalue()

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


def row_opener(slot: int, width: int) -> Any:
    """A function of (context, number) that gives a row of a table.

    Parameters
    ----------
    slot, width
        The table's, of int64, and how many columns it has.
    """

    @intrinsic
    def opened(typing: Any, context: Any, number: Any) -> Any:
        kind = types.Array(types.int64, 1, "C")

        def generate(target: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            words = arguments[0]
            word = arguments[1].type
            address = builder.load(builder.gep(words, [word(2 * slot)]))
            data = builder.inttoptr(builder.add(address, builder.mul(arguments[1], word(8 * width))), words.type)
            array, size = target.make_array(kind)(target, builder), target.get_constant(types.intp, 8)
            target.populate_array(array, data=data, shape=[word(width)], strides=[size], itemsize=size, meminfo=None)
            return array._getvalue()

        return kind(context, types.int64), generate

    def plain(context: Array, number: int) -> Array:
        row: Array = int64s(context, slot)[number * width : (number + 1) * width]
        return row

    config: Any = numba.config
    return plain if config.DISABLE_JIT else opened
