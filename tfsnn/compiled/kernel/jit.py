"""How the compiled engine's kernels are compiled: in stages, each on its own, that call one another by address.

Numba links whatever a function calls into that function and optimizes all of it again, at each level of a tree of calls. So the tree is
cut: a *stage* is compiled once, kept in the cache by itself, and only where a network needs it; its address stands in the context,
and who calls it jumps there. What a stage calls inside is small.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
from numba.core import cgutils as numba_cgutils
from numba.extending import intrinsic

from tfsnn.compiled.kernel import columns as c

# Numba is typed in part; what it leaves open is open here, too.
config: Any = numba.config
types: Any = numba.types
compiler: Any = numba.njit
ir: Any = cast(Any, numba_cgutils).ir

Function = TypeVar("Function", bound=Callable[..., Any])
OPTIONS: dict[str, Any] = {"_nrt": False, "error_model": "numpy"}
"""No arrays are made, and no references counted, which would cost fifteen times what the loops themselves do; and divisions do
not look for zeros."""
STAGES: list[Callable[..., int]] = []
"""All stages, in the order of their addresses in the context."""


def kernel(function: Function) -> Function:
    """A function that is linked into the stage that calls it."""
    return cast(Function, compiler(no_cpython_wrapper=True, no_cfunc_wrapper=True, **OPTIONS)(function))


def inlined(function: Function) -> Function:
    """A few lines for the inside of loops."""
    return cast(Function, compiler(no_cpython_wrapper=True, no_cfunc_wrapper=True, forceinline=True, **OPTIONS)(function))


def stage(function: Function) -> Function:
    """A function of a context and numbers that gives a number, compiled by itself; within kernels, a call of its address."""
    number = len(STAGES)
    STAGES.append(function)
    if config.DISABLE_JIT:
        return function

    @intrinsic
    def call(typing: Any, context: Any, *numbers: Any) -> Any:
        def generate(target: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            word = ir.IntType(64)
            codes = builder.inttoptr(builder.load(builder.gep(arguments[0], [word(2 * c.CODES)])), word.as_pointer())
            address = builder.load(builder.gep(codes, [word(number)]))
            given = [arguments[0]] + [
                target.cast(builder, builder.extract_value(arguments[1], i), of, types.int64) for i, of in enumerate(numbers)
            ]
            kind = ir.FunctionType(word, [argument.type for argument in given])
            return builder.call(builder.inttoptr(address, kind.as_pointer()), given)

        return types.int64(context, types.StarArgTuple(numbers)), generate

    made: Any = call
    made.stage = number
    return cast(Function, made)
