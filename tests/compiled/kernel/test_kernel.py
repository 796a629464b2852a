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

from tfsnn.compiled.kernel import columns as c
from tfsnn.compiled.kernel import emit as ke
from tfsnn.compiled.kernel import plain
from tfsnn.compiled.kernel import vector as kv
from tfsnn.compiled.kernel.lanes import Lanes
from tfsnn.compiled.kernel.state import units_to_tell

Array = NDArray[Any]
CARRIERS = [np.float32, np.float64]
# Seen as it is called in compiled code, not as numba's intrinsics are declared.
vectors: Any = kv
Function = TypeVar("Function", bound=Callable[..., Any])


def jitted(function: Function) -> Function:
    """Compiled, and to a type checker still the function that it was."""
    return cast(Function, njit(function))


def native(function: Function) -> Function:
    """Compiled whatever NUMBA_DISABLE_JIT says: vector code has its twin, and both are tested in either mode."""
    return cast(Function, CPUDispatcher(function, targetoptions={"nopython": True}))


@native
def deliver(
    x: Array, told: Array, w: Array, queue: Array, shape: Array, p: Array, level: Array,
    number: int, at: int, first: int, k: float, tail: int,
) -> int:  # fmt: skip
    return vectors.vector_deliver(x, told, w, queue, shape, p, level, number, at, first, k, tail)  # type: ignore[no-any-return]


@native
def check(x: Array, told: Array, queue: Array, p: Array, level: Array, number: int, start: int, stop: int, tail: int) -> int:
    return vectors.vector_check(x, told, queue, p, level, number, start, stop, tail)  # type: ignore[no-any-return]


@native
def gather(x: Array, w: Array, shape: Array, at: int, firsts: Array, factors: Array, begin: int, count: int) -> None:
    vectors.vector_gather(x, w, shape, at, firsts, factors, begin, count)


@native
def gather_many(x: Array, w: Array, shape: Array, at: int, firsts: Array, factors: Array, begin: int, count: int) -> None:
    vectors.vector_gather_many(x, w, shape, at, firsts, factors, begin, count)


@native
def collect(firsts: Array, factors: Array, begin: int, end: int, pile_firsts: Array, pile_factors: Array, to: int, by: int) -> None:
    vectors.vector_collect(firsts, factors, begin, end, pile_firsts, pile_factors, to, by)


@native
def highest(x: Array, start: int, stop: int) -> float:
    return vectors.vector_highest(x, start, stop)  # type: ignore[no-any-return]


@native
def prefetch(table: Array, row: int) -> None:
    vectors.vector_prefetch(table, row)


@jitted
def tell(change: float, p: Array, offset: float) -> int:
    return units_to_tell(change, p, offset)  # type: ignore[no-any-return]


@st.composite
def populations(draw: st.DrawFn) -> tuple[Array, tuple[float, float, float, float]]:
    """A population's row, and its level; base 7, so that its first 300 cells are 7 to 306."""
    p = np.zeros(21, np.int64)
    bits, largest, direct = draw(st.sampled_from([(0, 1, 0), (0, 127, 0), (2, 20, 0), (4, 32767, 0), (0, 32767, 1)]))
    payload = draw(st.integers(1, 9))
    kind = draw(st.sampled_from([c.VECTOR, c.SLOPED]))
    p[[c.BASE, c.KIND, c.PAYLOAD, c.LEAST, c.LARGEST, c.DIRECT]] = 7, kind, payload, 1 << bits, largest, direct
    floor, ceiling = draw(st.sampled_from([(-np.inf, np.inf), (0.0, np.inf), (0.0, 30.0)]))
    return p, (floor, ceiling, payload / 2, (payload - 1) / 2) if direct else (floor, ceiling, payload << bits, 0.0)


@st.composite
def shapes(draw: st.DrawFn) -> Array:
    """Rows and taps of runs, together within 500 cells and weights; as a rule they do not overlap."""
    shape = np.zeros(11, np.int64)
    rows, taps, run = draw(st.integers(0, 4)), draw(st.integers(1, 3)), draw(st.integers(0, 40) | st.integers(110, 300))
    shape[[c.ROWS, c.TAPS, c.RUN]] = (rows, taps, run) if run < 41 else (1, 1, run)
    shape[c.TAP_STEP], shape[c.TAP_WEIGHT] = run + draw(st.integers(0, 2)), run + draw(st.integers(0, 2))
    shape[c.ROW_STEP], shape[c.ROW_WEIGHT] = taps * shape[c.TAP_STEP] + draw(st.integers(0, 2)), taps * shape[c.TAP_WEIGHT]
    return shape


Population = tuple[Array, tuple[float, ...]]


def drawn(seed: int, carrier: Any, direct: Population | None = None) -> tuple[np.random.Generator, Array, Array, Array]:
    """A source of numbers; x, told (as a quantizer would leave it), w."""
    rng = np.random.default_rng(seed)
    x, told = (rng.integers(-50, 50, 700).astype(carrier) for _ in range(2))
    if direct is not None:
        told = (told * direct[0][c.PAYLOAD] + direct[1][3]).astype(carrier)
    return rng, x, told, rng.integers(-9, 9, 1500).astype(carrier)


def rule(x: Array, told: Array, queue: list[tuple[int, int, int]], p: Array, level: tuple[float, ...], cells: range) -> None:
    """The neuron rule, a cell at a time."""
    for cell in cells:
        change = min(max(x[cell], level[0]), level[1]) - told[cell]
        if abs(change) >= level[2]:
            units = int(plain.units_to_tell(change, p, level[3]))
            told[cell] += units * p[c.PAYLOAD]
            queue.append((cell - 7, units, 3))


seeds = st.integers(0, 1 << 20)


@pytest.mark.parametrize("carrier", CARRIERS)
@given(seed=seeds, shape=shapes(), population=populations(), at=st.integers(7, 40))
def test_deliver_adds_and_tells(carrier: Any, seed: int, shape: Array, population: Population, at: int) -> None:
    p, level = population
    rng, x, told, w = drawn(seed, carrier, population)
    first, k = int(rng.integers(0, 99)), carrier(rng.integers(-5, 6))
    right, right_told, right_queue = x.copy(), told.copy(), list[tuple[int, int, int]]()
    for row in range(shape[c.ROWS]):
        for tap in range(shape[c.TAPS]):
            start = at + row * shape[c.ROW_STEP] + tap * shape[c.TAP_STEP]
            weight = first + row * shape[c.ROW_WEIGHT] + tap * shape[c.TAP_WEIGHT]
            for i in range(shape[c.RUN]):
                right[start + i] += w[weight + i] * k
            if p[c.KIND] == c.VECTOR:
                rule(right, right_told, right_queue, p, level, range(start, start + shape[c.RUN]))
    for function in (deliver, plain.deliver):
        found, found_told, queue = x.copy(), told.copy(), np.zeros((800, 3), np.int64)
        tail = function(found, found_told, w, queue, shape, p, np.array(level, carrier), 3, at, first, k, 5)
        np.testing.assert_array_equal(found, right)
        np.testing.assert_array_equal(found_told, right_told)
        assert queue[5:tail].tolist() == [list(row) for row in right_queue]


@pytest.mark.parametrize("carrier", CARRIERS)
@given(seed=seeds, population=populations(), start=st.integers(7, 99), length=st.integers(0, 300))
def test_check_tells_in_neuron_order(carrier: Any, seed: int, population: Population, start: int, length: int) -> None:
    p, level = population
    p[c.KIND] = c.VECTOR
    _, x, told, _ = drawn(seed, carrier, population)
    right_told, right_queue = told.copy(), list[tuple[int, int, int]]()
    rule(x, right_told, right_queue, p, level, range(start, start + length))
    for function in (check, plain.check):
        found_told, queue = told.copy(), np.zeros((400, 3), np.int64)
        tail = function(x, found_told, queue, p, np.array(level, carrier), 3, start, start + length, 2)
        np.testing.assert_array_equal(found_told, right_told)
        assert queue[2:tail].tolist() == [list(row) for row in right_queue]


@pytest.mark.parametrize("carrier", CARRIERS)
@pytest.mark.parametrize("short", [False, True])
@given(seed=seeds, shape=shapes(), at=st.integers(0, 40), begin=st.integers(0, 3), count=st.integers(0, 9))
def test_gather_adds_each(carrier: Any, short: bool, seed: int, shape: Array, at: int, begin: int, count: int) -> None:
    rng, x, told, w = drawn(seed, carrier)
    firsts = rng.integers(0, 500, begin + count + kv.SPARE).astype(np.int32)
    factors = rng.integers(-5, 6, len(firsts)).astype(carrier)
    right, silent, level = x.copy(), np.full(21, c.SLOPED), np.full(4, np.inf, carrier)
    for first, factor in zip(firsts[begin : begin + count], factors[begin : begin + count]):
        plain.deliver(right, told, w, np.zeros((0, 3), np.int64), shape, silent, level, 0, at, int(first), factor, 0)
    for function in (gather, gather_many, plain.gather):
        found = x.copy()
        function(found, w.astype(np.int16) if short else w, shape, at, firsts.copy(), factors.copy(), begin, count)
        np.testing.assert_array_equal(found, right)


@pytest.mark.parametrize("carrier", CARRIERS)
@given(begin=st.integers(0, 20), count=st.integers(0, 70), to=st.integers(0, 20), by=st.integers(-5, 5))
def test_collect_appends_a_part(carrier: Any, begin: int, count: int, to: int, by: int) -> None:
    firsts, factors = np.arange(90 + kv.SPARE, dtype=np.int32), np.arange(90 + kv.SPARE).astype(carrier)
    for function in (collect, plain.collect):
        pile = np.full(90 + kv.SPARE, -1, np.int32), np.full(90 + kv.SPARE, -1, carrier)
        function(firsts, factors, begin, begin + count, *pile, to, by)
        for found, added in zip(pile, (by, 0)):
            assert found[to : to + count].tolist() == [begin + i + added for i in range(count)]
            assert (found[:to] == -1).all()


@pytest.mark.parametrize("carrier", CARRIERS)
@given(seed=seeds, start=st.integers(0, 150), length=st.integers(0, 140))
def test_highest_is_the_largest_size(carrier: Any, seed: int, start: int, length: int) -> None:
    _, x, _, _ = drawn(seed, carrier)
    for function in (highest, plain.highest):
        assert function(x, start, start + length) == max(map(abs, x[start : start + length]), default=0)


def test_prefetch_changes_nothing() -> None:
    table = np.arange(8, dtype=np.int32).reshape(4, 2)
    for function in (prefetch, plain.prefetch):
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
    result = emit(Lanes(builder, element), *inside.args[:-1])
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
@pytest.mark.parametrize("length", [0, 5, 16, 75, 160])
def test_emitted_code_without_numba(carrier: Any, element: Any, length: int) -> None:
    _, x, told, w = drawn(length, carrier)
    data, whole = element.as_pointer(), ir.IntType(64)
    table, p, level = whole.as_pointer(), np.zeros(21, np.int64), np.array([0, 40, 30, 0], carrier)
    p[[c.BASE, c.KIND, c.PAYLOAD, c.LEAST, c.LARGEST]] = 3, c.VECTOR, 7, 2, 5
    shape = np.array([2, 1, length, length + 1, 0, length, 0, 0, 0, 0, 0], np.int64)
    found, right = ((x.copy(), told.copy(), np.zeros((700, 3), np.int64)) for _ in range(2))
    run = machine(
        element, lambda on, *a: on.routine("deliver", ke.emit_deliver, whole, list(a)),
        [data] * 3 + [table] * 3 + [data] + [whole] * 3 + [element, whole],
    )  # fmt: skip
    rest = (shape, p, level, 1, 3, 10, 3.0, 0)
    assert run(*found[:2], w, found[2], *rest) == plain.deliver(right[0], right[1], w, right[2], *rest)
    who = machine(
        element, lambda on, *a: on.routine("check", ke.emit_check, whole, list(a)), [data] * 2 + [table] * 2 + [data] + [whole] * 4
    )  # fmt: skip
    assert who(*found, p, level, 1, 0, 400, 0) == plain.check(*right, p, level, 1, 0, 400, 0)
    few = ir.IntType(32).as_pointer()
    for emit in (ke.emit_gather, ke.emit_gather_many):
        firsts, factors = np.array([10, 200, 0, 0, 0], np.int32), np.array([2, -1, 9, 9, 9], carrier)
        many = machine(
            element, lambda on, *a: on.routine("gather", emit, ir.VoidType(), list(a)) and None,
            [data, data, table, whole, few, data, whole, whole],
        )  # fmt: skip
        many(found[0], w, shape, 3, firsts, factors, 0, 2)
        plain.gather(right[0], w, shape, 3, firsts, factors, 0, 2)
    pile = np.zeros(40, np.int32), np.zeros(40, carrier)
    part = machine(element, ke.emit_collect, [few, data, whole, whole, few, data, whole, whole])
    part(np.arange(40, dtype=np.int32), np.arange(40).astype(carrier), 3, 5, *pile, 2, 7)
    assert pile[0][2:4].tolist() == [10, 11] and pile[1][2:4].tolist() == [3, 4]
    for one, other in zip(found, right):
        np.testing.assert_array_equal(one, other)
    most = machine(element, ke.emit_highest, [data, whole, whole])
    assert most(found[0], 3, 3 + length) == plain.highest(found[0], 3, 3 + length)
    machine(element, lambda on, a: ke.emit_prefetch(on.builder, a), [data])(found[0])
    np.testing.assert_array_equal(found[0], right[0])


@given(change=st.integers(-200_000, 200_000), payload=st.integers(1, 50), spikes=st.sampled_from([(0, 1), (0, 127), (4, 32767), (4, 20)]))
def test_units_are_what_the_rule_sends(change: int, payload: int, spikes: tuple[int, int]) -> None:
    bits, largest = spikes
    threshold = payload << bits
    p = np.zeros(21, np.int64)
    p[[c.PAYLOAD, c.LEAST, c.LARGEST]] = payload, 1 << bits, largest
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
    p[[c.PAYLOAD, c.LEAST, c.LARGEST, c.DIRECT]] = payload, 1, 32767, 1
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
