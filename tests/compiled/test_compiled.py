"""The wrapper of the compiled engine: layout, queues that grow, threads, failures, going on from a state."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.compiled.test_equivalence import assert_same
from tests.nets import due, meant
from tests.nets import streams as some_streams
from tests.nets import three_layers, told
from tests.strategies import graphs, settings_of, streams
from tfsnn.compiled import engine, work
from tfsnn.compiled.cells import gathered, spread
from tfsnn.compiled.kernel import loop
from tfsnn.compiled.tables import flatten
from tfsnn.evaluate.measure.sizes import state_bytes
from tfsnn.input.events import Events
from tfsnn.network.nodes import MaxPool
from tfsnn.plan.make import make
from tfsnn.plan.plan import Plan
from tfsnn.plan.settings import Settings
from tfsnn.record import RECORDS, Outcome, OutOfRange
from tfsnn.simulate import simulate

few = st.data()
SCHEDULES = pytest.mark.parametrize("schedule", ["slot", "spike"])


@given(few)
def test_state_goes_to_cells_and_back(data: st.DataObject) -> None:
    plan = make(data.draw(graphs()), data.draw(settings_of()))
    flat = flatten(plan, "float64", "slot")
    rng = np.random.default_rng(0)
    x = [rng.integers(-99, 99, (2, len(p.rest_x))) * (at not in plan.inputs) for at, p in enumerate(plan.populations)]
    o = [rng.integers(-99, 99, (2, p.size)) * (at not in plan.inputs) for at, p in enumerate(plan.populations)]
    cells = spread(plan, flat.net, x, o)
    for number in range(len(x)):
        assert_same(gathered(flat.net, *cells, number), (x[number], o[number]))


@given(few)
def test_batches_equal_samples(data: st.DataObject) -> None:
    graph = data.draw(graphs(most=3))
    plan, events = make(graph, data.draw(settings_of(0.5))), data.draw(streams(graph, samples=5, extreme=False))
    for schedule in ("slot", "spike"):
        whole = engine.run(plan, events, schedule, "float64", ("state",))
        for sample in range(events.samples):
            alone = engine.run(plan, events.sample(sample), schedule, "float64", ("state",))
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
    whole = engine.run(plan, events, schedule, "float64", ("state",))
    begun = engine.run(plan, first, schedule, "float64", ("state",))
    ended = engine.run(plan, second, schedule, "float64", ("state",), begun.state)
    assert_same(ended.state, whole.state)
    np.testing.assert_array_equal(ended.outputs, whole.outputs)


@given(few)
def test_at_the_end_everything_is_settled(data: st.DataObject) -> None:
    """x = b + W o of its sources, exactly, and nobody has anything left to tell."""
    graph = data.draw(graphs())
    settings = replace(data.draw(settings_of(0.5)), initial="rest")
    plan, events = make(graph, settings), data.draw(streams(graph, samples=1, extreme=False))
    outcome = engine.run(plan, events, data.draw(st.sampled_from(["slot", "spike"])), "float64", ("state",))
    assert outcome.state is not None
    amounts = told(plan, outcome.state, events)
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
    expected = engine.run(plan, events, schedule, "float64", RECORDS)
    plan, events = _network()
    monkeypatch.setattr(engine, "QUEUE", 1)
    assert_same(engine.run(plan, events, schedule, "float64", RECORDS), expected)


@SCHEDULES
def test_cores_change_nothing(schedule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plan, events = _network()
    results = []
    for cores in (1, 3):
        monkeypatch.setattr(engine, "_cores", lambda cores=cores: cores)
        results.append(engine.run(plan, events, schedule, "float64", RECORDS))
    assert_same(results[0], results[1])


@SCHEDULES
def test_leaving_the_range_names_the_samples(schedule: str) -> None:
    plan, _ = _network()
    big = 1 << 30
    rows = [(0, 0, 1), (3, 0, big), (0, 1, 1), (3, 1, big), (5, 0, big)]
    t, neuron, payload = zip(*rows)
    events = Events(t, neuron, payload, [0, 2, 4, 5], plan.graph.inputs[0].shape)
    with pytest.raises(OutOfRange, match="1") as caught:
        engine.run(plan, events, schedule, "float32", ())
    assert caught.value.samples.tolist() == [0, 1]
    # The work that was left in the middle of a sample serves the next run.
    quiet = events.sample(0)
    quiet = Events(quiet.t[:1], quiet.neuron[:1], quiet.payload[:1], [0, 1], quiet.shape)
    again, fresh = engine.run(plan, quiet, schedule, "float32", RECORDS), engine.run(_network()[0], quiet, schedule, "float32", RECORDS)
    assert_same(again, fresh)


def test_no_samples_is_no_trouble() -> None:
    plan, events = _network()
    outcome = engine.run(plan, events.sample(0, 0), "slot", "float64", RECORDS)
    assert outcome.outputs.shape[0] == 0


def test_read_only_events_are_taken() -> None:
    plan, events = _network()
    for array in (events.t, events.neuron, events.payload, events.offsets):
        array.setflags(write=False)
    assert isinstance(engine.run(plan, events, "slot", "float64", ()), Outcome)


def test_the_cache_depends_on_every_kernel_source(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in (("loop.py", "a"), ("vector.py", "b")):
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(loop, "__file__", str(tmp_path / "loop.py"))
    before = work.sources_digest()
    assert work.sources_digest() == before
    (tmp_path / "vector.py").write_text("e")
    assert work.sources_digest() != before


def test_it_is_the_default_engine() -> None:
    plan, events = _network()
    assert simulate(plan.graph, events).engine == "compiled"


def test_state_is_all_that_a_thread_keeps_of_a_sample() -> None:
    plan, _ = _network()
    flat = flatten(plan, "float32", "spike")
    kept, lines = flat.start_x.nbytes + flat.start_told.nbytes, 2 * 64 * len(plan.populations)
    assert 0 <= kept - state_bytes(plan.graph, "float32", spiking_output=True) < lines


def _network() -> tuple[Plan, Events]:
    graph = three_layers()
    rng = np.random.default_rng(1)
    samples = [sorted((int(rng.integers(4)), int(rng.integers(9)), int(rng.integers(1, 9))) for _ in range(n)) for n in (5, 0, 9, 1, 7, 3)]
    return make(graph, Settings(0.3, "absolute", "signed")), some_streams(graph, *samples)
