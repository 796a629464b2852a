"""The wrapper of the compiled engine: layout, queues that grow, threads, failures, going on from a state."""

from __future__ import annotations

import _thread
import threading
from dataclasses import replace
from math import prod
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.compiled.test_equivalence import assert_same
from tests.nets import due, meant
from tests.nets import streams as some_streams
from tests.nets import sums, three_layers
from tests.strategies import graphs, relay_chains, settings_of, streams
from tfsnn.compiled import engine, first_use
from tfsnn.compiled.axes import composed, pixel_map, windowed
from tfsnn.compiled.kernel import columns as c
from tfsnn.compiled.kernel.jit import STAGES
from tfsnn.compiled.tables import lay_out
from tfsnn.compiled.work import Work, outputs_of, state_of, to_cells
from tfsnn.input.events import Events
from tfsnn.network.nodes import MaxPool
from tfsnn.network.ops import route
from tfsnn.plan.make import make
from tfsnn.plan.plan import Plan
from tfsnn.plan.settings import Settings
from tfsnn.record import RECORDS, Outcome, OutOfRange, State
from tfsnn.simulate import simulate

few = st.data()
SCHEDULES = pytest.mark.parametrize("schedule", ["slot", "spike"])


@given(few)
def test_state_goes_to_cells_and_back(data: st.DataObject) -> None:
    plan = make(data.draw(graphs()), data.draw(settings_of()))
    tables = lay_out(plan, False)
    rng = np.random.default_rng(0)
    x = [rng.integers(-99, 99, (2, len(p.rest_x))) * (at not in plan.inputs) for at, p in enumerate(plan.populations)]
    o = [rng.integers(-99, 99, (2, p.size)) * (at not in plan.inputs) for at, p in enumerate(plan.populations)]
    found = state_of(tables, *to_cells(plan, tables, x, o))
    assert_same(found, State(tuple(x), tuple(o)))


@given(few)
def test_batches_equal_samples(data: st.DataObject) -> None:
    graph = data.draw(graphs(most=3))
    plan, events = make(graph, data.draw(settings_of(0.5))), data.draw(streams(graph, samples=5, extreme=False))
    for schedule in ("slot", "spike"):
        whole = engine.run(plan, events, schedule, ("state",))
        for sample in range(events.samples):
            alone = engine.run(plan, events.sample(sample), schedule, ("state",))
            np.testing.assert_array_equal(whole.outputs[sample], alone.outputs[0])
            np.testing.assert_array_equal(whole.ledger.checks[sample], alone.ledger.checks[0])
            assert whole.state is not None and alone.state is not None
            for a, b in zip(whole.state.x, alone.state.x):
                np.testing.assert_array_equal(a[sample], b[0])


@given(few)
def test_two_runs_equal_one(data: st.DataObject) -> None:
    graph = data.draw(graphs(most=3))
    plan, events = make(graph, data.draw(settings_of(0.5))), data.draw(streams(graph, samples=1, extreme=False))
    schedule, cut = data.draw(st.sampled_from(["slot", "spike"])), data.draw(st.integers(0, 5))
    at = int(np.searchsorted(events.t, cut))
    first, second = (
        Events(events.t[part], events.neuron[part], events.payload[part], [0, len(events.t[part])], events.shape)
        for part in (slice(0, at), slice(at, None))
    )
    whole = engine.run(plan, events, schedule, ("state",))
    begun = engine.run(plan, first, schedule, ("state",))
    ended = engine.run(plan, second, schedule, ("state",), begun.state)
    assert_same(ended.state, whole.state)
    np.testing.assert_array_equal(ended.outputs, whole.outputs)


@given(few)
def test_at_the_end_everything_is_settled(data: st.DataObject) -> None:
    """x = b + W o of its sources, exactly, and nobody has anything left to tell."""
    graph = data.draw(graphs())
    settings = replace(data.draw(settings_of(0.5)), initial="rest")
    plan, events = make(graph, settings), data.draw(streams(graph, samples=1, extreme=False))
    outcome = engine.run(plan, events, data.draw(st.sampled_from(["slot", "spike"])), ("state",))
    assert outcome.state is not None
    amounts = sums(plan, outcome.state, events)
    for number, population in enumerate(plan.populations):
        if number not in plan.inputs:
            x = outcome.state.x[number]
            np.testing.assert_array_equal(x, due(plan, population, amounts))
            left = meant(population, x) - outcome.state.o[number] * population.payload
            neurons = plan.direct and not isinstance(population.node, MaxPool)
            settled = (left >= 0) & (left < population.payload) if neurons else np.abs(left) < population.threshold
            assert population.threshold == 0 or settled.all()


@SCHEDULES
def test_a_small_queue_grows(schedule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plan, events = _network()
    expected = engine.run(plan, events, schedule, RECORDS)
    plan, events = _network()
    monkeypatch.setattr(engine, "QUEUE", 1)
    assert_same(engine.run(plan, events, schedule, RECORDS), expected)


@SCHEDULES
def test_cores_change_nothing(schedule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plan, events = _network()
    results = []
    for cores in (1, 3):
        monkeypatch.setattr(engine, "cores", lambda cores=cores: cores)
        results.append(engine.run(plan, events, schedule, RECORDS))
    assert_same(results[0], results[1])


@SCHEDULES
def test_leaving_the_range_names_the_samples(schedule: str) -> None:
    plan, _ = _network(1e-6)
    big = (1 << 31) - 1
    rows = [(0, 0, 1), *((3, n, big) for n in range(9) for _ in range(400))]
    quiet = [(0, 0, 1)]
    events = some_streams(plan.graph, rows, quiet, rows)
    with pytest.raises(OutOfRange, match="1") as caught:
        engine.run(plan, events, schedule, ())
    assert caught.value.samples.tolist() == [0, 2]
    # The work that was left in the middle of a sample serves the next run.
    again = engine.run(plan, events.sample(1), schedule, RECORDS)
    assert_same(again, engine.run(_network(1e-6)[0], events.sample(1), schedule, RECORDS))


@SCHEDULES
def test_a_batch_that_leaves_int32_goes_on_in_int64(schedule: str) -> None:
    plan = make(three_layers(), Settings(0.3, "absolute", "valued"))
    events = some_streams(plan.graph, [(0, 0, 1), (3, 0, 1 << 28), (4, 0, 5 - (1 << 28))], [(0, 1, 3)])
    record = ("trajectory", "state")
    assert plan.carrier == "int32" and engine.run_in(plan, events, schedule, record, narrow=True) is None
    assert_same(engine.run(plan, events, schedule, record), engine.run_in(plan, events, schedule, record, narrow=False))


def test_no_samples_is_no_trouble() -> None:
    plan, events = _network()
    outcome = engine.run(plan, events.sample(0, 0), "slot", RECORDS)
    assert outcome.outputs.shape[0] == 0


def test_read_only_events_are_taken() -> None:
    plan, events = _network()
    for array in (events.t, events.neuron, events.payload, events.offsets):
        array.setflags(write=False)
    assert isinstance(engine.run(plan, events, "slot", ()), Outcome)


def test_the_cache_depends_on_every_kernel_source(tmp_path: Path) -> None:
    for name, text in (("loop.py", "a"), ("vector.py", "b")):
        (tmp_path / name).write_text(text)
    before = first_use.sources_digest(tmp_path)
    assert first_use.sources_digest(tmp_path) == before
    (tmp_path / "vector.py").write_text("e")
    assert first_use.sources_digest(tmp_path) != before


def test_no_sources_is_an_error_and_no_key(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="holds no kernel sources; install tfsnn with its Python files"):
        first_use.sources_digest(tmp_path)


def test_where_nothing_may_be_written_kernels_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(function: object) -> None:
        raise RuntimeError("cannot cache function: no locator available")

    monkeypatch.setattr(first_use, "KernelCache", nowhere)
    assert first_use.cache_of.__wrapped__(len) is None


@pytest.mark.skipif(first_use.config.DISABLE_JIT, reason="nothing is compiled with NUMBA_DISABLE_JIT=1")
def test_only_what_a_network_needs_is_compiled() -> None:
    tables = lay_out(_network()[0], True)
    slot, spike = (first_use.needed(tables, [schedule]) for schedule in ("slot", "spike"))
    names = [{STAGES[stage].__name__ for stage in stages} for stages in (slot, spike)]
    assert names == [{"run_slot", "sweep", "check", "deliver_full", "deliver_windows"}, {"run_spike", "check", "deliver_full"}]


def test_what_fails_while_compiling_is_raised_here(monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(stage: int, narrow: bool) -> None:
        raise ValueError("no memory")

    monkeypatch.setattr(first_use, "compile_stage", failing)
    with pytest.raises(ValueError, match="no memory"):
        first_use._waited_for([0], True)


def test_an_interrupt_ends_the_wait_for_compilation(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, ended = threading.Event(), threading.Event()

    def endless(stage: int, narrow: bool) -> None:
        begun.set()
        ended.wait(60)

    def interrupt() -> None:
        begun.wait(60)
        _thread.interrupt_main()

    monkeypatch.setattr(first_use, "compile_stage", endless)
    threading.Thread(target=interrupt).start()
    with pytest.raises(KeyboardInterrupt, match="^$"):
        first_use._waited_for([0], True)
    assert not ended.is_set()
    ended.set()


@given(few)
def test_pixels_lead_where_the_index_map_says(data: st.DataObject) -> None:
    """Relays that map pixels to pixels, as entries of rows and columns, are the relays' own index map."""
    shape = data.draw(st.tuples(st.integers(1, 5), st.integers(1, 5), st.integers(1, 2)))
    relays = data.draw(relay_chains(shape))
    mapped = pixel_map(relays, shape)
    if mapped is not None:
        found = np.zeros((prod(shape), prod(mapped.shape)), np.int64)
        image, places = (np.arange(prod(part)).reshape(part) for part in (shape, mapped.shape))
        for row, shown_row in zip(*mapped.rows):
            for column, shown in zip(*mapped.columns):
                np.add.at(found, (image[row, column], places[shown_row, shown][mapped.shift :][: shape[2]]), 1)
        index = route(relays, shape)
        expected = np.zeros_like(found)
        place, term = np.nonzero(index >= 0)
        np.add.at(expected, (index[place, term], place), 1)
        np.testing.assert_array_equal(found, expected)


def test_an_axis_costs_what_exists_and_not_what_is_named() -> None:
    entries = windowed(10, 4, 3, 3000, 2)
    assert (entries.position.tolist(), entries.target.tolist(), entries.tap().tolist()) == ([0], [0], [2])
    assert len(composed((np.arange(3), np.zeros(3, np.int64)), entries).position) == 3


def test_it_is_the_default_engine() -> None:
    plan, events = _network()
    assert simulate(plan.graph, events).engine == "compiled"


def test_state_is_all_that_a_thread_keeps_of_a_sample() -> None:
    plan, _ = _network()
    tables = lay_out(plan, True)
    work = Work(tables)
    # Channels are filled up to whole vectors of 8.
    assert work.arrays[c.X_CELLS].nbytes + work.arrays[c.O_CELLS].nbytes == 2 * 4 * 8 * (4 + 1 + 1)
    assert outputs_of(plan, tables, np.zeros((1, 2), np.int32), np.zeros((1, 2), np.int32)).shape == (1, 2)


def _network(threshold: float = 0.3) -> tuple[Plan, Events]:
    graph = three_layers()
    rng = np.random.default_rng(1)
    samples = [sorted((int(rng.integers(4)), int(rng.integers(9)), int(rng.integers(1, 9))) for _ in range(n)) for n in (5, 0, 9, 1, 7, 3)]
    return make(graph, Settings(threshold, "absolute", "signed")), some_streams(graph, *samples)
