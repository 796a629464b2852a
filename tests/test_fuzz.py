"""Drawn content with a hash that is right, and drawn arguments: an error of ours, or two engines that agree; nothing else."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck
from hypothesis import given as drawn
from hypothesis import settings as profile
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.nets import branches, three_layers
from tests.strategies import far_apart
from tests.test_artifact import forged
from tfsnn.artifact import Net, load, save
from tfsnn.errors import TfsnnError
from tfsnn.input.encoder import Encoder
from tfsnn.input.events import Events
from tfsnn.network.graph import Graph
from tfsnn.record import State
from tfsnn.simulate import simulate

NUMBERS: list[Any] = [
    *(0, 1, -1, 2, 3, 7, 255, 1 << 16, 1 << 20, 1 << 27, (1 << 31) - 1, 1 << 31, 1 << 52, 1 << 63, 10**400, -(1 << 31)),
    *(0.0, -0.0, 0.5, 1.5, 1e-12, 1e12, 1e-30, 1e30, 1e-308, 1e308, 5e-324, -1e300, 4.5e15),
    *(None, True, False, "", "1.5", "in", "relu", "tanh", "Conv", [], {}, [1], [0, 0], [1, 1], [[1, 1], [1, 1]], [1 << 30, 1], [[0.5, 0]]),
]
# What may stand in these places of a graph: most of it loads and runs.
SETTINGS: dict[str, list[Any]] = {
    "scale": [0.1, 0.5, 1.0, 3.0],
    "threshold": [0.5, 1.0, 2.0, 100.0],
    "step": [0.0, 1e-3, 0.5, 1.0, 7.0],
    "slope": [0.0, 0.01, 0.3, 1.0, -0.5, -3.0, [0.25, 0.7]],
    "start": [0.0, 0.2, -0.2, 1.0],
    "top": [None, 0.5, 6.0, 1e9],
    "alpha": [0.1, 1.0, 2.0],
    "softmax": [True, False],
    "padding": [[[0, 0], [0, 0]], [[1, 1], [1, 1]], [[0, 1], [0, 1]]],
    "kind": ["relu", "linear", "tanh", "sigmoid", "elu", "hard_sigmoid", "softsign", "softplus", "silu", "mish", "gelu", "delta", "graded"],
}
# One event a change only: of any other kind numbers so far apart would send them by the billion.
FAR = SETTINGS | {"scale": [0.01, 1.0, 30.0], "threshold": [0.01, 1.0, 1e6]}
ONE_EVENT = {"spikes": "direct", "schedule": "slot"}
# What is drawn must not take long either: networks are small, and so are their budgets.
BUDGET = "16M"
FOLLOWED = 2000
"""Spikes of one run; the eager engine, which takes a millisecond for each turn of its loop, is not asked to follow more."""


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a JSON value, as the keys that lead there."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield (*path, key)
        yield from places(item, (*path, key))


def mutated(described: dict[str, Any], rng: random.Random) -> None:
    """Change one to three places of a graph: another value, one of its own values, none, or one doubled."""
    for _ in range(rng.choice((1, 1, 2, 3))):
        *path, last = rng.choice(list(places(described)))
        owner: Any = described
        for key in path:
            owner = owner[key]
        action = rng.randrange(8)
        if action == 0:
            del owner[last]
        elif action == 1 and isinstance(owner, list):
            owner.insert(last, json.loads(json.dumps(owner[last])))
        elif action == 2:
            target: Any = described
            for key in rng.choice(list(places(described))):
                target = target[key]
            owner[last] = json.loads(json.dumps(target))
        elif isinstance(owner[last], (int, float)) and action < 5:
            owner[last] = owner[last] * rng.choice((-1, 0, 2, 1e-12, 1e12, 0.3)) + rng.choice((0, 0, 1, -1))
        else:
            owner[last] = rng.choice(NUMBERS)


def retuned(described: dict[str, Any], rng: random.Random, settings: dict[str, list[Any]]) -> None:
    """Change one to four settings of a graph to other values that their places may hold."""
    found = [path for path in places(described) if path[-1] in settings and (path[-1] != "kind" or path[-2] in ("activation", "encoder"))]
    for *path, last in rng.sample(found, rng.randrange(1, 5)):
        owner: Any = described
        for key in path:
            owner = owner[key]
        owner[last] = rng.choice(settings[last])


def one_array(path: Path, rng: random.Random) -> tuple[str, NDArray[Any]]:
    with h5py.File(path) as file:
        names: list[str] = []
        file["nodes"].visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
        name = rng.choice(names)
        return name.replace("/", "__"), file[f"nodes/{name}"][()]


def redrawn(path: Path, rng: random.Random, far: bool) -> dict[str, Any]:
    """Now and then one array with other numbers of its own type; far: larger whole ones."""
    if rng.randrange(2):
        return {}
    name, array = one_array(path, rng)
    top = (127 if far else 10) if array.dtype.kind == "i" else 2
    values = np.random.default_rng(rng.randrange(1 << 30)).uniform(-top, top, array.shape)
    if array.dtype.kind == "i":
        values = np.rint(values)
    return {name: values.astype(array.dtype)}


def arrays(path: Path, rng: random.Random) -> dict[str, Any]:
    """Now and then another array: another shape, type, or numbers as far apart as they can be."""
    if rng.randrange(4):
        return {}
    name, array = one_array(path, rng)
    kinds: list[Callable[[], Any]] = [
        lambda: np.asarray(array * rng.choice((1e-12, 1e12, 1e-38, 1e30)), array.dtype) if array.dtype.kind == "f" else array,
        lambda: np.full_like(array, np.iinfo(array.dtype).min if array.dtype.kind == "i" else 3e38),
        lambda: array.astype(np.int16) * 200 if array.dtype == np.int8 else array.astype(np.float64),
        lambda: array.reshape(-1)[: max(1, array.size // 2)],
        lambda: array.reshape(1, *array.shape),
    ]
    return {name: rng.choice(kinds)()}


def agreed(graph: Graph, rng: random.Random, **given: Any) -> bool:
    """Both engines give the same on a few events, or both refuse; with these settings, and drawn ones. Whether both were run."""
    size = sum(int(np.prod(node.shape)) for node in graph.inputs)
    count = rng.randrange(6)
    t = np.sort(np.array([rng.randrange(3) for _ in range(count)], np.int64))
    neuron = np.array([rng.randrange(size) for _ in range(count)], np.int64)
    payload = np.array([rng.choice((1, -1, 5, -40)) for _ in range(count)], np.int64)
    events = Events(t, neuron, payload, [0, count], (size,))
    settings: dict[str, Any] = {
        "threshold": rng.choice((0.05, 0.5, 3.0)), "spikes": rng.choice(("graded", "valued", "direct")),
        "schedule": rng.choice(("slot", "spike")), "initial": rng.choice(("rest", "bias")), "record": ("state", "events"),
    }  # fmt: skip
    settings |= given
    found: list[Any] = []
    for engine in ("compiled", "eager"):
        try:
            found.append(simulate(graph, events, engine=engine, **settings))
        except TfsnnError as error:
            found.append(type(error))
        else:
            if found[-1].log is not None and len(found[-1].log.t) > FOLLOWED:
                return False
    first, second = found
    if isinstance(first, type) or isinstance(second, type):
        # The compiled engine proves more finely that sums stay in range, and so may go on where the other cannot.
        assert first is second or isinstance(second, type) and second.__name__ in ("RangeError", "BudgetError"), found
        return True
    assert first.state is not None and second.state is not None and first.log is not None and second.log is not None
    for one, other in zip(first.state.x + first.state.o, second.state.x + second.state.o):
        np.testing.assert_array_equal(one, other)
    for name in ("t", "population", "neuron", "payload"):
        np.testing.assert_array_equal(getattr(first.log, name), getattr(second.log, name))
    np.testing.assert_array_equal(first.outputs, second.outputs)
    return True


def artifacts(folder: Path, cases: int, seed: int) -> tuple[int, int]:
    """Draw so many files, two of three with settings that their places may hold: how many were refused, how many ran in both engines."""
    rng, refused, both = random.Random(seed), 0, 0
    for case in range(cases):
        path, far = folder / f"{case}.snn.h5", case % 3 == 2
        save(Net(rng.choice((three_layers, branches))()), path)
        try:
            if case % 3:
                described = forged(path, lambda graph: retuned(graph, rng, FAR if far else SETTINGS), **redrawn(path, rng, far))
            else:
                described = forged(path, lambda graph: mutated(graph, rng), **arrays(path, rng))
            graph = load(described).graph
        except TfsnnError:
            refused += 1
        else:
            if graph.neurons < 5000:
                both += agreed(graph, rng, **(ONE_EVENT if far else {}))
        path.unlink()
    return refused, both


@pytest.fixture(autouse=True)
def small_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TFSNN_MEMORY", BUDGET)


def test_drawn_artifacts(tmp_path: Path) -> None:
    refused, ran = artifacts(tmp_path, int(os.environ.get("TFSNN_FUZZ", "200")), 0)
    assert refused > 0 and ran > 0


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 11))
def test_ten_thousand_drawn_artifacts(tmp_path: Path, seed: int) -> None:
    refused, ran = artifacts(tmp_path, 1000, seed)
    assert refused > 200 and ran > 200


@profile(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@drawn(far_apart(), st.integers(0, 1 << 16))
def test_numbers_far_apart(graph: Graph, seed: int) -> None:
    agreed(graph, random.Random(seed), **ONE_EVENT)


VALUES: list[Any] = [
    *NUMBERS[:29], None, True, "1", "slot", "", [], {}, object(), 1j, float("nan"), float("inf"), -float("inf"), np.float16(0.05),
    np.array(0.05), np.array([0.05, 0.1]), np.uint64((1 << 64) - 1), np.datetime64("2020"), b"slot", (1, 2), lambda: None,
]  # fmt: skip
ARRAYS: list[Any] = [
    *([], [0], [1, 0], [[0]], [0.5], [np.nan], ["a"], [None], [True], [1 << 63], [-(1 << 63)], [1 << 70], 3, None, "abc"),
    *(np.array([(1 << 64) - 1], np.uint64), np.array([1], ">i4"), np.array([1], object), np.array([1 + 1j]), np.zeros((2, 2), int)),
    *(np.array([(1 << 63) - 1, -(1 << 63)]), np.ma.masked_array([1], [True]), np.array(["2020"], "M8[D]"), np.arange(5)[::-1]),
]


def test_drawn_arguments(tmp_path: Path) -> None:
    """Of every public function: an error of ours, or a result."""
    rng, graph = random.Random(0), three_layers()
    whole = simulate(graph, Events([0], [0], [1], [0, 1], (3, 3, 1)), record=("state",))
    assert whole.state is not None
    frames = [np.full((3, 3, 1), value, dtype) for value, dtype in (
        (np.nan, float), (np.inf, float), (1e30, float), (1.5, np.float16), ((1 << 64) - 1, np.uint64), (-(1 << 63), np.int64), (1, bool),
        (1, object), ("a", str), (1j, complex), (0, "M8[s]"), (1, np.longdouble), (1, ">i2"),
    )]  # fmt: skip
    changes: tuple[Callable[[Any], Any], ...] = (
        lambda a: a.astype(float), lambda a: np.full(a.shape, np.nan), lambda a: a + 0.5, lambda a: a.astype(object),
        lambda a: np.full(a.shape, 1 << 62), lambda a: np.full(a.shape, -(1 << 63)), lambda a: a.astype(str), lambda a: a[:, :1],
        lambda a: np.full(a.shape, (1 << 64) - 1, np.uint64), lambda a: None, lambda a: a.tolist(), lambda a: a.astype(np.int8),
    )  # fmt: skip
    states = [State(tuple(map(change, whole.state.x)), tuple(map(change, whole.state.o))) for change in changes]
    names = ("threshold", "unit", "spikes", "schedule", "initial", "spiking_output", "engine", "record", "batch")

    def one() -> None:
        choice = rng.randrange(5)
        if choice == 0:
            simulate(graph, Events([0], [0], [1], [0, 1], (3, 3, 1)), **{rng.choice(names): rng.choice(VALUES)})
        elif choice == 1:
            given: dict[str, Any] = {"t": [0, 1], "neuron": [0, 1], "payload": [1, 1], "offsets": [0, 2], "shape": (3, 3, 1)}
            given[rng.choice(list(given))] = rng.choice(ARRAYS)
            found = Events(**given, **({rng.choice(("tick", "unit")): rng.choice(VALUES)} if rng.randrange(2) else {}))
            found.sample(rng.choice(VALUES))
        elif choice == 2:
            encoder = Encoder(rng.choice(("delay", "graded", "delta")), scale=rng.choice((1.0, 1 / 255)))
            encoder.events(rng.choice(frames)[None])
        elif choice == 3:
            Encoder(**{rng.choice(("kind", "scale", "threshold", "bins", "step")): rng.choice(VALUES)})
        else:
            simulate(graph, Events([0], [0], [1], [0, 1], (3, 3, 1)), state=rng.choice(states))

    for _ in range(400):
        try:
            one()
        except TfsnnError:
            pass


def test_arrays_that_were_checked_do_not_change() -> None:
    """A caller's buffer that is used again: once read and written outside of all arrays."""
    neuron = np.arange(3, dtype=np.int32)
    events = Events(np.zeros(3, np.int64), neuron, np.ones(3, np.int32), np.array([0, 3]), (3,))
    neuron[:] = 10**9
    assert events.neuron.tolist() == [0, 1, 2] and events.sample(0).neuron.tolist() == [0, 1, 2]
    for array in (events.t, events.neuron, events.payload, events.offsets, events.sample(0).t, events.sample(0).offsets):
        with pytest.raises(ValueError, match="read-only"):
            array[:1] = 7
