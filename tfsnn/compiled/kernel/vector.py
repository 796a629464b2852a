"""Vector loops of the compiled engine: operations on runs of neurons, as LLVM vector code of fixed width.

``deliver``    one event to the runs that it reaches: x += w k, and who has something to tell now, tells it
``check``      who of a run has something to tell, tells it
``gather``     x += sum of w_e k_e over the runs of one place: events that meet are summed in registers before x is touched
``gather_many`` the same for long lists; it may write some rows behind them
``collect``    a part of a list of events, appended to a pile
``highest``    the largest abs(x) of a run
``prefetch``   a row of a table that will soon be read

A neuron has something to tell if abs(min(max(x, FLOOR), CEILING) - told) >= CHANGE; telling is the neuron rule, and a row
of the queue. Each operation is an intrinsic that emits vectors of 512 bits, which LLVM cuts to what the CPU has, with the
end of a run masked (:mod:`tfsnn.compiled.kernel.emit`); numba vectorizes none of these loops well by itself. Beside each stands
its twin in :mod:`tfsnn.compiled.kernel.plain`. Arrays are flat; positions count elements and are proved to lie inside when
the network is flattened.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
from numba.extending import intrinsic

from tfsnn.compiled.kernel import emit, plain
from tfsnn.compiled.kernel.lanes import INT, Lanes, cgutils, ir

# Numba is typed in part; what it leaves open is open here, too.
config: Any = numba.config
types: Any = numba.types
SPARE = 32
"""Rows that a pile, or a list to collect from, must have behind its own: vectors reach beyond its end."""


def _plain_arguments(context: Any, builder: Any, signature: Any, arguments: Any) -> list[Any]:
    """Arguments as LLVM sees them, arrays as pointers to their data."""
    return [
        context.make_array(kind)(context, builder, value).data if isinstance(kind, types.Array) else value
        for kind, value in zip(signature.args, arguments)
    ]


def _routine(name: str, code: Callable[..., Any], result: Any = None) -> Any:
    """What an intrinsic generates that calls a function of its own; element, and result if not given, are of its first argument's type."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        on = Lanes(builder, context.get_value_type(signature.args[0].dtype))
        value = on.routine(name, code, result or on.element, _plain_arguments(context, builder, signature, arguments))
        return context.get_dummy_value() if signature.return_type == types.void else value

    return generate


@intrinsic
def vector_deliver(
    typing: Any, x: Any, told: Any, w: Any, queue: Any, shape: Any, p: Any, level: Any, number: Any, at: Any, first: Any, k: Any, tail: Any
) -> Any:
    """``deliver`` in vectors."""
    signature = types.int64(x, told, w, queue, shape, p, level, *[types.int64] * 3, x.dtype, types.int64)
    return signature, _routine("deliver", emit.emit_deliver, INT)


@intrinsic
def vector_check(typing: Any, x: Any, told: Any, queue: Any, p: Any, level: Any, number: Any, start: Any, stop: Any, tail: Any) -> Any:
    """``check`` in vectors."""
    return types.int64(x, told, queue, p, level, *[types.int64] * 4), _routine("check", emit.emit_check, INT)


@intrinsic
def vector_gather(typing: Any, x: Any, w: Any, shape: Any, at: Any, firsts: Any, factors: Any, begin: Any, count: Any) -> Any:
    """``gather`` in vectors."""
    return types.void(x, w, shape, types.int64, firsts, factors, *[types.int64] * 2), _routine("gather", emit.emit_gather, ir.VoidType())


@intrinsic
def vector_gather_many(typing: Any, x: Any, w: Any, shape: Any, at: Any, firsts: Any, factors: Any, begin: Any, count: Any) -> Any:
    """``gather_many`` in vectors."""
    kinds = x, w, shape, types.int64, firsts, factors, *[types.int64] * 2
    return types.void(*kinds), _routine("gather_many", emit.emit_gather_many, ir.VoidType())


@intrinsic
def vector_collect(
    typing: Any, firsts: Any, factors: Any, begin: Any, end: Any, pile_firsts: Any, pile_factors: Any, to: Any, by: Any
) -> Any:
    """``collect`` in vectors."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        on = Lanes(builder, context.get_value_type(signature.args[1].dtype))
        emit.emit_collect(on, *_plain_arguments(context, builder, signature, arguments))
        return context.get_dummy_value()

    return types.void(firsts, factors, *[types.int64] * 2, pile_firsts, pile_factors, *[types.int64] * 2), generate


@intrinsic
def vector_highest(typing: Any, x: Any, start: Any, stop: Any) -> Any:
    """``highest`` in vectors."""
    return x.dtype(x, *[types.int64] * 2), _routine("highest", emit.emit_highest)


@intrinsic
def vector_prefetch(typing: Any, table: Any, row: Any) -> Any:
    """``prefetch`` as an instruction."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data, _ = _plain_arguments(context, builder, signature, arguments)
        width = cgutils.unpack_tuple(builder, context.make_array(signature.args[0])(context, builder, arguments[0]).shape)[1]
        emit.emit_prefetch(builder, builder.gep(data, [builder.mul(arguments[1], width)]))
        return context.get_dummy_value()

    return types.void(table, types.int64), generate


deliver: Any = plain.deliver if config.DISABLE_JIT else vector_deliver
check: Any = plain.check if config.DISABLE_JIT else vector_check
gather: Any = plain.gather if config.DISABLE_JIT else vector_gather
gather_many: Any = plain.gather if config.DISABLE_JIT else vector_gather_many
collect: Any = plain.collect if config.DISABLE_JIT else vector_collect
highest: Any = plain.highest if config.DISABLE_JIT else vector_highest
prefetch: Any = plain.prefetch if config.DISABLE_JIT else vector_prefetch
