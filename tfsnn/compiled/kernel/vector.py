"""The hot routines of the compiled engine in vectors.

Each has its plain twin in :mod:`tfsnn.compiled.kernel.plain` or :mod:`tfsnn.compiled.kernel.plain_check`. Compiled for narrow
contexts (states of 32 bits) it emits the vector code of :mod:`tfsnn.compiled.kernel.emit`; for wide ones, or with
NUMBA_DISABLE_JIT=1, it is that twin.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
from numba.extending import intrinsic

from tfsnn.compiled.kernel import emit, emit_check, plain, plain_check
from tfsnn.compiled.kernel.lanes import INT, Lanes, ir

# Numba is typed in part; what it leaves open is open here, too.
types: Any = numba.types


def _vectors(plain_one: Any, code: Callable[..., Any], result: Any, *, of: int | None = 0, own: bool = True) -> Any:
    """A routine in vectors where its argument number ``of`` is an array of a narrow context (None: always), else in plain loops.

    Parameters
    ----------
    plain_one, code, result
        The plain routine, what emits the other, and what that gives.
    of
        See above.
    own
        Whether it becomes a function of its own, or is emitted where it is called.
    """
    if config.DISABLE_JIT:
        return plain_one

    @intrinsic
    def routine(typing: Any, *given: Any) -> Any:
        kinds = [kind if isinstance(kind, (types.Array, types.BaseTuple)) else types.int64 for kind in given]
        made = types.void if result == NOTHING else types.int64

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            values = [
                context.cast(builder, builder.extract_value(arguments[0], i), kind, to) for i, (kind, to) in enumerate(zip(given, kinds))
            ]
            if of is not None and given[of].dtype not in (types.int32, types.int16):
                return context.compile_internal(builder, plain_one, made(*kinds), values)
            on, parts = Lanes(builder), []
            for kind, value in zip(kinds, values):
                # Arrays are handed over as pointers to their data; tuples hold arrays.
                few = [(kind, value)]
                if isinstance(kind, types.BaseTuple):
                    few = [(part, builder.extract_value(value, i)) for i, part in enumerate(kind.types)]
                parts += [
                    context.make_array(part)(context, builder, held).data if isinstance(part, types.Array) else held for part, held in few
                ]
            value = on.routine(plain_one.__name__, code, result, parts) if own else code(on, *parts)
            return context.get_dummy_value() if result == NOTHING else value

        return made(types.StarArgTuple(given)), generate

    return routine


config: Any = numba.config
NOTHING = ir.VoidType()
add_rows = _vectors(plain.add_rows, emit.emit_add_rows, NOTHING)
add_windows = _vectors(plain.add_windows, emit.emit_add_windows, NOTHING)
add_products = _vectors(plain.add_products, emit.emit_add_products, NOTHING)
clear = _vectors(plain.clear, emit.emit_clear, NOTHING, own=False)
add_and_test = _vectors(plain.add_and_test, emit.emit_add_and_test, INT)
send = _vectors(plain_check.send, emit_check.emit_send, INT)
send_pixels = _vectors(plain_check.send_pixels, emit_check.emit_send_pixels, INT)
settled = _vectors(plain_check.settled, emit_check.emit_settled, INT)
send_points = _vectors(plain_check.send_points, emit_check.emit_send_points, INT)
send_fields = _vectors(plain_check.send_fields, emit_check.emit_send_fields, INT)
summarize = _vectors(plain.summarize, emit.emit_summarize, INT)
highest = _vectors(plain.highest, emit.emit_highest, INT)
raise_to = _vectors(plain.raise_to, emit.emit_raise_to, NOTHING)
differs = _vectors(plain.differs, emit.emit_differs, INT, of=None, own=False)
lowest_bit = _vectors(plain.lowest_bit, lambda on, word: on.builder.cttz(word, ir.IntType(1)(0)), INT, of=None, own=False)
count_bits = _vectors(plain.count_bits, lambda on, word: on.builder.ctpop(word), INT, of=None, own=False)
