"""The compiled loops against obvious ones; under NUMBA_DISABLE_JIT=1 the same tests run them as plain Python."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from llvmlite import binding, ir
from numba import njit
from numba.core.registry import CPUDispatcher
from numpy.typing import NDArray

from tfsnn import kernel_state as k
from tfsnn import kernel_vector as kv
from tfsnn.kernel_state import units_to_tell

Array = NDArray[Any]
CARRIERS = [np.float32, np.float64]
# Seen as it is called in compiled code, not as numba's intrinsics are declared.
vectors: Any = kv
LIMITS = [(-np.inf, np.inf), (0.0, np.inf), (0.0, 30.0)]


Runs = tuple[int, int, int, int, int, int]
Function = TypeVar("Function", bound=Callable[..., Any])


def jitted(function: Function) -> Function:
    """Compiled, and to a type checker still the function that it was."""
    return cast(Function, njit(function))


def native(function: Function) -> Function:
    """Compiled whatever NUMBA_DISABLE_JIT says: vector code has its twin, and both are tested in either mode."""
    return cast(Function, CPUDispatcher(function, targetoptions={"nopython": True}))


@native
def add_check(x: Array, told: Array, w: Array, runs: Runs, factor: float, low: float, high: float, least: float) -> int:
    return vectors.vector_add_check(x, told, w, runs, factor, low, high, least)  # type: ignore[no-any-return]


@native
def add_many(x: Array, w: Array, firsts: Array, factors: Array, count: int, at: int, shift: int, length: int) -> None:
    vectors.vector_add_many(x, w, firsts, factors, count, at, shift, length)


@native
def tellers(x: Array, told: Array, start: int, stop: int, low: float, high: float, least: float) -> int:
    return vectors.vector_tellers(x, told, start, stop, low, high, least)  # type: ignore[no-any-return]


@native
def highest(x: Array, start: int, stop: int) -> float:
    return vectors.vector_highest(x, start, stop)  # type: ignore[no-any-return]


@native
def lowest(bits: int) -> int:
    return vectors.vector_lowest(bits)  # type: ignore[no-any-return]


@native
def prefetch(table: Array, row: int) -> None:
    vectors.vector_prefetch(table, row)


@jitted
def tell(change: float, p: Array, offset: float) -> int:
    return units_to_tell(change, p, offset)  # type: ignore[no-any-return]


def drawn(seed: int, carrier: Any) -> tuple[np.random.Generator, Array, Array, Array]:
    """A source of numbers; x, told, w."""
    rng = np.random.default_rng(seed)
    x, told = (rng.integers(-50, 50, 300).astype(carrier) for _ in range(2))
    return rng, x, told, rng.integers(-9, 9, 900).astype(carrier)


runs = st.tuples(st.integers(0, 150), st.integers(0, 140))
seeds = st.integers(0, 1 << 20)


@pytest.mark.parametrize("carrier", CARRIERS)
@given(seed=seeds, length=st.integers(0, 70), count=st.integers(0, kv.WORD), limits=st.sampled_from(LIMITS), least=st.integers(1, 200))
def test_add_check_is_an_axpy_and_a_look(
    carrier: Any, seed: int, length: int, count: int, limits: tuple[float, float], least: int
) -> None:
    rng, x, told, w = drawn(seed, carrier)
    at, first, step, weight_step = (int(rng.integers(0, n)) for n in (30, 99, 7, 9))
    factor, expected, bits = carrier(rng.integers(-5, 6)), x.copy(), 0
    for run in range(count):
        for i in range(length):
            cell = at + run * step + i
            expected[cell] += w[first + run * weight_step + i] * factor
            if abs(min(max(expected[cell], limits[0]), limits[1]) - told[cell]) >= least:
                bits |= 1 << run
    for function in (add_check, kv.plain_add_check):
        found = x.copy()
        low, high = (carrier(limit) for limit in limits)
        assert function(found, told, w, (at, first, length, count, step, weight_step), factor, low, high, carrier(least)) == bits
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("carrier", CARRIERS)
@given(seed=seeds, run=runs, count=st.integers(0, 9))
def test_add_many_adds_each(carrier: Any, seed: int, run: tuple[int, int], count: int) -> None:
    rng, x, _, w = drawn(seed, carrier)
    at, length = run
    firsts, factors = rng.integers(0, 500, count), rng.integers(-5, 6, count).astype(carrier)
    expected = x.copy()
    for first, factor in zip(firsts, factors):
        expected[at : at + length] += w[first + 7 : first + 7 + length] * factor
    for function in (add_many, kv.plain_add_many):
        found = x.copy()
        function(found, w, firsts, factors, count, at, 7, length)
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("carrier", CARRIERS)
@given(seed=seeds, start=st.integers(0, 99), length=st.integers(0, kv.WORD), limits=st.sampled_from(LIMITS), least=st.integers(1, 90))
def test_tellers_are_bits(carrier: Any, seed: int, start: int, length: int, limits: tuple[float, float], least: int) -> None:
    _, x, told, _ = drawn(seed, carrier)
    speaks = [i for i in range(length) if abs(min(max(x[start + i], limits[0]), limits[1]) - told[start + i]) >= least]
    low, high = (carrier(limit) for limit in limits)
    for function in (tellers, kv.plain_tellers):
        assert function(x, told, start, start + length, low, high, carrier(least)) == sum(1 << i for i in speaks)


@pytest.mark.parametrize("carrier", CARRIERS)
@given(seed=seeds, run=runs)
def test_highest_is_the_largest_size(carrier: Any, seed: int, run: tuple[int, int]) -> None:
    _, x, _, _ = drawn(seed, carrier)
    for function in (highest, kv.plain_highest):
        assert function(x, run[0], sum(run)) == max(map(abs, x[run[0] : sum(run)]), default=0)


@given(st.integers(1, (1 << 32) - 1))
def test_lowest_is_the_first_bit(bits: int) -> None:
    expected = f"{bits:b}"[::-1].index("1")
    assert lowest(bits) == kv.plain_lowest(bits) == expected


def test_prefetch_changes_nothing() -> None:
    table = np.arange(8, dtype=np.int32).reshape(4, 2)
    for function in (prefetch, kv.plain_prefetch):
        function(table, 2)
    assert table.tolist() == [[0, 1], [2, 3], [4, 5], [6, 7]]


def machine(element: Any, emit: Any, parameters: list[Any]) -> Any:
    """A native function made straight from emitted code, without numba: takes addresses and numbers, gives what is emitted."""
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    kinds: dict[Any, Any] = {ir.IntType(64): ctypes.c_int64, ir.FloatType(): ctypes.c_float, ir.DoubleType(): ctypes.c_double}
    module = ir.Module()
    inside = ir.Function(module, ir.FunctionType(ir.VoidType(), [*parameters, ir.IntType(64).as_pointer()]), "f")
    builder = ir.IRBuilder(inside.append_basic_block())
    result = emit(kv.Lanes(builder, element), *inside.args[:-1])
    if result is not None:
        builder.store(result, builder.bitcast(inside.args[-1], result.type.as_pointer()))
    builder.ret_void()
    target = binding.Target.from_default_triple().create_target_machine()
    engine = binding.create_mcjit_compiler(binding.parse_assembly(str(module)), target)
    engine.finalize_object()
    native = ctypes.CFUNCTYPE(None, *(ctypes.c_void_p if p.is_pointer else kinds[p] for p in parameters), ctypes.c_void_p)(
        engine.get_function_address("f")
    )

    def call(*arguments: Any) -> Any:
        answer = (kinds[result.type] if result is not None else ctypes.c_int64)(0)
        native(*(a.ctypes.data if isinstance(a, np.ndarray) else a for a in arguments), ctypes.addressof(answer))
        return answer.value

    call.engine = engine  # type: ignore[attr-defined]
    return call


@pytest.mark.parametrize(("carrier", "element"), [(np.float32, ir.FloatType()), (np.float64, ir.DoubleType())])
@pytest.mark.parametrize("length", [0, 5, 16, 75])
def test_emitted_code_without_numba(carrier: Any, element: Any, length: int) -> None:
    _, x, told, w = drawn(length, carrier)
    data, whole = element.as_pointer(), ir.IntType(64)
    found, expected, limits = x.copy(), x.copy(), (0.0, 40.0, 30.0)
    check = machine(
        element, lambda on, a, b, c, *rest: kv.emit_add_check(on, (a, b, c), rest[:6], rest[6], rest[7:]),
        [data] * 3 + [whole] * 6 + [element] * 4,
    )  # fmt: skip
    runs = (3, 10, length, 4, 20, 9)
    assert check(found, told, w, *runs, 3.0, *limits) == kv.plain_add_check(expected, told, w, runs, 3.0, *limits)
    np.testing.assert_array_equal(found, expected)
    firsts, factors = np.array([10, 200], np.int64), np.array([2, -1], carrier)
    many = machine(
        element, lambda on, a, b, fs, ks, n, *place: kv.emit_add_many(on, a, b, place, fs, ks, n),
        [data, data, whole.as_pointer(), data, *[whole] * 4],
    )  # fmt: skip
    many(found, w, firsts, factors, 2, 3, 1, length)
    kv.plain_add_many(expected, w, firsts, factors, 2, 3, 1, length)
    np.testing.assert_array_equal(found, expected)
    who = machine(
        element, lambda on, a, b, at, end, *rest: kv.emit_tellers(on, a, b, at, end, rest),
        [data, data, whole, whole, *[element] * 3],
    )  # fmt: skip
    few = min(length, kv.WORD)
    assert who(found, told, 3, 3 + few, *limits) == kv.plain_tellers(found, told, 3, 3 + few, *limits)
    most = machine(element, kv.emit_highest, [data, whole, whole])
    assert most(found, 3, 3 + length) == kv.plain_highest(found, 3, 3 + length)
    machine(element, lambda on, a: kv.emit_prefetch(on.builder, a), [data])(found)
    np.testing.assert_array_equal(found, expected)


@given(change=st.integers(-200_000, 200_000), payload=st.integers(1, 50), spikes=st.sampled_from([(0, 1), (0, 127), (4, 32767), (4, 20)]))
def test_units_are_what_the_rule_sends(change: int, payload: int, spikes: tuple[int, int]) -> None:
    bits, largest = spikes
    threshold = payload << bits
    p = np.zeros(21, np.int64)
    p[[k.PAYLOAD, k.LEAST, k.LARGEST]] = payload, 1 << bits, largest
    left, sent = change, 0
    while abs(left) >= threshold and abs(sent) < 50_000:
        units = min(max(int(left / payload), -largest), largest)
        sent += units
        left -= units * payload
    if abs(change) >= threshold and abs(sent) < 50_000:
        assert tell(float(change), p, 0.0) == sent


@given(value=st.integers(-10_000, 10_000), told=st.integers(-100, 100), payload=st.integers(1, 50))
def test_direct_units_round_down(value: int, told: int, payload: int) -> None:
    p = np.zeros(21, np.int64)
    p[[k.PAYLOAD, k.LEAST, k.LARGEST, k.DIRECT]] = payload, 1, 32767, 1
    offset = (payload - 1) / 2
    assert tell(value - (told * payload + offset), p, offset) == value // payload - told


def test_the_other_mode(request: pytest.FixtureRequest) -> None:
    """These tests also pass with the other setting of NUMBA_DISABLE_JIT."""
    if "TFSNN_OTHER_MODE" in os.environ:
        pytest.skip("this is the other mode")
    other = "0" if os.environ.get("NUMBA_DISABLE_JIT", "0") == "1" else "1"
    environment = {**os.environ, "NUMBA_DISABLE_JIT": other, "TFSNN_OTHER_MODE": "1", "HYPOTHESIS_PROFILE": "ci"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(request.path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout[-2000:]
