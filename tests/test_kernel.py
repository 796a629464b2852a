"""The compiled loops against obvious ones; under NUMBA_DISABLE_JIT=1 the same tests run them as plain Python."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from llvmlite import binding, ir
from numba import njit
from numpy.typing import NDArray

from tfsnn import kernel_state as k
from tfsnn import kernel_vector as kv
from tfsnn.kernel_state import units_to_tell

Array = NDArray[Any]
CARRIERS = [np.float32, np.float64]
LIMITS = [(-np.inf, np.inf), (0.0, np.inf), (0.0, 30.0)]


@njit
def add_check(x: Array, told: Array, w: Array, at: int, first: int, length: int, factor: float, low: float, high: float, least: float) -> bool:
    return kv.add_check(x, told, w, at, first, length, factor, low, high, least)  # type: ignore[no-any-return]


@njit
def add_many(x: Array, w: Array, firsts: Array, factors: Array, count: int, at: int, shift: int, length: int) -> None:
    kv.add_many(x, w, firsts, factors, count, at, shift, length)


@njit
def crossing(x: Array, told: Array, start: int, stop: int, low: float, high: float, least: float) -> int:
    return kv.crossing(x, told, start, stop, low, high, least)  # type: ignore[no-any-return]


@njit
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
@given(seed=seeds, run=runs, limits=st.sampled_from(LIMITS), least=st.integers(1, 200))
def test_add_check_is_an_axpy_and_a_look(carrier: Any, seed: int, run: tuple[int, int], limits: tuple[float, float], least: int) -> None:
    rng, x, told, w = drawn(seed, carrier)
    at, length = run
    factor, first = carrier(rng.integers(-5, 6)), int(rng.integers(0, 500))
    expected = x.copy()
    for i in range(length):
        expected[at + i] += w[first + i] * factor
    value = np.clip(expected, *limits)[at : at + length]
    speaks = bool(np.any(np.abs(value - told[at : at + length]) >= least))
    for function in (add_check, kv.plain_add_check):
        found = x.copy()
        low, high = (carrier(limit) for limit in limits)
        assert function(found, told, w, at, first, length, factor, low, high, carrier(least)) == speaks
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
@given(seed=seeds, run=runs, limits=st.sampled_from(LIMITS), least=st.integers(1, 90))
def test_crossing_is_the_first(carrier: Any, seed: int, run: tuple[int, int], limits: tuple[float, float], least: int) -> None:
    _, x, told, _ = drawn(seed, carrier)
    start, stop = run[0], sum(run)
    speaks = [i for i in range(start, stop) if abs(min(max(x[i], limits[0]), limits[1]) - told[i]) >= least]
    low, high = (carrier(limit) for limit in limits)
    for function in (crossing, kv.plain_crossing):
        assert function(x, told, start, stop, low, high, carrier(least)) == (speaks[0] if speaks else stop)


def machine(element: Any, emit: Any, parameters: list[Any]) -> Any:
    """A native function made straight from emitted code, without numba: takes addresses and numbers, gives int64."""
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    module = ir.Module()
    function = ir.Function(module, ir.FunctionType(ir.IntType(64), parameters), "f")
    builder = ir.IRBuilder(function.append_basic_block())
    result = emit(kv.Lanes(builder, element), *function.args)
    builder.ret(ir.IntType(64)(0) if result is None else builder.zext(result, ir.IntType(64)) if result.type.width == 1 else result)
    target = binding.Target.from_default_triple().create_target_machine()
    engine = binding.create_mcjit_compiler(binding.parse_assembly(str(module)), target)
    engine.finalize_object()
    kinds = [ctypes.c_void_p if p.is_pointer else ctypes.c_int64 if p == ir.IntType(64) else ctypes.c_float if p == ir.FloatType() else ctypes.c_double for p in parameters]
    call = ctypes.CFUNCTYPE(ctypes.c_int64, *kinds)(engine.get_function_address("f"))
    call.engine = engine
    return call


@pytest.mark.parametrize(("carrier", "element"), [(np.float32, ir.FloatType()), (np.float64, ir.DoubleType())])
@pytest.mark.parametrize("length", [0, 5, 16, 75])
def test_emitted_code_without_numba(carrier: Any, element: Any, length: int) -> None:
    _, x, told, w = drawn(length, carrier)
    data, whole = element.as_pointer(), ir.IntType(64)
    start, firsts, factors = 3, np.array([10, 200], np.int64), np.array([2, -1], carrier)
    found, expected = x.copy(), x.copy()
    check = machine(
        element, lambda lanes, a, b, c, at, f, n, *rest: kv.emit_add_check(lanes, a, b, c, (at, f, n), rest[0], rest[1:]),
        [data, data, data, whole, whole, whole, *[element] * 4],
    )  # fmt: skip
    arguments = (start, 10, length, 3.0, 0.0, 40.0, 30.0)
    assert check(found.ctypes.data, told.ctypes.data, w.ctypes.data, *arguments) == kv.plain_add_check(expected, told, w, *arguments)
    np.testing.assert_array_equal(found, expected)
    many = machine(
        element, lambda lanes, a, b, fs, ks, n, at, s, length: kv.emit_add_many(lanes, a, b, (at, s, length), fs, ks, n),
        [data, data, whole.as_pointer(), data, whole, whole, whole, whole],
    )  # fmt: skip
    many(found.ctypes.data, w.ctypes.data, firsts.ctypes.data, factors.ctypes.data, 2, start, 1, length)
    kv.plain_add_many(expected, w, firsts, factors, 2, start, 1, length)
    np.testing.assert_array_equal(found, expected)
    first = machine(
        element, lambda lanes, a, b, at, end, *limits: kv.emit_crossing(lanes, a, b, at, end, limits),
        [data, data, whole, whole, *[element] * 3],
    )  # fmt: skip
    for least in (1.0, 60.0, 1e6):
        limits = (start, start + length, 0.0, 40.0, least)
        assert first(found.ctypes.data, told.ctypes.data, *limits) == kv.plain_crossing(found, told, *limits)


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
