"""Run a network on event streams: settings in, a :class:`Result` out; picks the engine and the carrier."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.util import find_spec
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfsnn.artifact import Net
from tfsnn.errors import InputError, RangeError
from tfsnn.input.events import Events
from tfsnn.network.graph import Graph
from tfsnn.plan.grid_function import STATE_LIMIT
from tfsnn.plan.make import make
from tfsnn.plan.plan import Plan
from tfsnn.plan.settings import Settings
from tfsnn.record import RECORDS, EventLog, Ledger, Outcome, OutOfRange, State, Trajectory, joined

SCHEDULES = ("slot", "spike")
BATCH = {"compiled": 2000, "eager": 250}
ENGINES = tuple(BATCH)
Run = Callable[[Plan, Events, str, str, tuple[str, ...], "State | None"], Outcome]


@dataclass(frozen=True, eq=False)
class Result:
    """What a simulation gives.

    Parameters
    ----------
    outputs
        float64 (samples, outputs): f(x) of the output populations in real units, softmax not applied; with a spiking
        output what has been told.
    ledger, trajectory, log, state
        Operations; and, where recorded, outputs over time, all events, the final state.
    plan
        The thresholds and grids used.
    schedule, engine, carrier
        How it ran.
    seconds
        Wall-clock time.

    See Also
    --------
    tfsnn.record : the parts.
    """

    outputs: NDArray[np.float64]
    ledger: Ledger
    plan: Plan
    schedule: str
    engine: str
    carrier: str
    seconds: float
    trajectory: Trajectory | None = None
    log: EventLog | None = None
    state: State | None = None

    @property
    def predictions(self) -> NDArray[np.int64]:
        """int64 (samples): the largest output; the first of equals."""
        largest: NDArray[np.int64] = np.argmax(self.outputs, axis=1).astype(np.int64)
        return largest

    @property
    def operations(self) -> NDArray[np.int64]:
        """int64 (samples): synaptic operations."""
        total: NDArray[np.int64] = self.ledger.synaptic_operations.sum(axis=1)
        return total

    @property
    def spikes_per_neuron(self) -> float:
        """Events sent per sample, the input's included, over all neurons, the input's included."""
        neurons = sum(population.size for population in self.plan.populations)
        return float(self.ledger.sent.sum()) / max(1, len(self.outputs)) / neurons


def simulate(
    net: Net | Graph,
    events: Events,
    *,
    threshold: float = 0.05,
    unit: str = "relative",
    spikes: str = "valued",
    schedule: str = "slot",
    initial: str = "rest",
    spiking_output: bool = False,
    engine: str | None = None,
    record: Iterable[str] = (),
    state: State | None = None,
    batch: int | None = None,
    progress: Callable[[int], object] | None = None,
) -> Result:
    """Deliver event streams to a network and report what came out, and at what cost.

    Parameters
    ----------
    net
        What :func:`tfsnn.load` or :func:`tfsnn.convert_model` gave.
    events
        Input, a stream for each sample; neurons counted through all inputs, one behind the other.
    threshold, unit
        T, ``"relative"`` to each population's calibrated scale, ``"absolute"``, or in ``"lsb"`` of its weights.
    spikes
        ``"signed"`` (AICAS), ``"graded"``, ``"valued"`` (JETCAS Algorithm 2) or ``"direct"`` (JETCAS Eq. 6).
    schedule
        ``"slot"``: a population is checked once a time stamp. ``"spike"``: after every event (both papers).
    initial
        ``"rest"``: settled on an all-zero input. ``"bias"``: x = bias, o = 0 (both papers).
    spiking_output
        Outputs have a threshold and are read from their spikes (AICAS).
    engine
        ``"compiled"`` or ``"eager"``, which give the same; default the compiled one where numba is present.
    record
        Any of ``"trajectory"``, ``"events"``, ``"state"``.
    state
        Where to go on from: the state of an earlier result with the same settings.
    batch
        Samples at a time, default :data:`BATCH`; bounds memory, changes no result.
    progress
        Called with the number of samples done, after each batch.

    Raises
    ------
    InputError
        If a setting is unknown or the events do not fit the network.
    RangeError
        If a state leaves the range in which arithmetic is exact.
    """
    graph = net.graph if isinstance(net, Net) else net
    kept, chosen = tuple(record), engine or (ENGINES[0] if find_spec("numba") else "eager")
    for name, value, allowed in (("schedule", schedule, SCHEDULES), ("engine", chosen, ENGINES)):
        if value not in allowed:
            raise InputError(f"simulate: {name} is {value!r}; choose one of {', '.join(allowed)}")
    if not set(kept) <= set(RECORDS):
        raise InputError(f"simulate: record is {', '.join(sorted(kept))}; choose among {', '.join(RECORDS)}")
    if batch is not None and batch < 1:
        raise InputError(f"simulate: batch is {batch}; it must be 1 or above")
    _check_shape(graph, events)
    plan = make(graph, Settings(threshold, unit, spikes, initial, spiking_output))
    if state is not None:
        _check_state(state, plan, events.samples)
    start = perf_counter()
    outcomes: list[Outcome] = []
    carrier = "float32" if plan.narrow and (state is None or _narrow(state, plan)) else "float64"
    size = 1 if schedule == "spike" and chosen == "eager" else batch or BATCH[chosen]
    for first in range(0, events.samples, size):
        part = events.sample(first, min(first + size, events.samples))
        here = None if state is None else _cut(state, first, first + part.samples)
        outcome, carrier = _exact(_engine(chosen), plan, part, schedule, carrier, kept, here, first)
        outcomes.append(outcome)
        if progress is not None:
            progress(part.samples)
    whole = _whole(outcomes, plan, kept)
    return Result(
        whole.outputs, whole.ledger, plan, schedule, chosen, carrier, perf_counter() - start, whole.trajectory, whole.log, whole.state
    )


def _engine(name: str) -> Run:
    if name == "compiled":
        from tfsnn.compiled import engine as compiled

        return compiled.run
    from tfsnn.eager import engine as eager

    return eager.run


def _exact(
    run: Run, plan: Plan, events: Events, schedule: str, carrier: str, record: tuple[str, ...], state: State | None, first: int
) -> tuple[Outcome, str]:
    """The outcome in float32 where all sums stay exact in it, else in float64; the same either way."""
    try:
        return run(plan, events, schedule, carrier, record, state), carrier
    except OutOfRange as error:
        if carrier == "float32":
            return _exact(run, plan, events, schedule, "float64", record, state, first)
        name, sample = plan.populations[error.population].name, first + int(error.samples[0])
        raise RangeError(
            f"simulate: sample {sample}: the state of {name} may leave 2^52 grid steps, where sums stay exact; "
            "raise the threshold, or look for events that never take back what they brought"
        ) from None


def _check_shape(graph: Graph, events: Events) -> None:
    size = sum(int(np.prod(node.shape)) for node in graph.inputs)
    single = graph.inputs[0].shape if len(graph.inputs) == 1 else (size,)
    if int(np.prod(events.shape)) != size or (len(events.shape) > 1 and events.shape != single):
        raise InputError(f"simulate: events of shape {events.shape}; the network's input is {single}: give data of that shape")


def _check_state(state: State, plan: Plan, samples: int) -> None:
    parts = [*zip(state.x, (p.rest_x for p in plan.populations)), *zip(state.o, (p.rest_o for p in plan.populations))]
    same = len(state.x) == len(state.o) == len(plan.populations)
    if not same or any(found.shape != (samples, len(rest)) for found, rest in parts):
        found = f"{len(state.o[0])} samples of {', '.join(str(o.shape[-1]) for o in state.o)} neurons"
        wanted = ", ".join(f"{population.name} {population.size}" for population in plan.populations)
        way_out = "give the state of a run of the same network and samples"
        raise InputError(f"simulate: state of {found}; expected {samples} samples of {wanted}: {way_out}")


def _narrow(state: State, plan: Plan) -> bool:
    told = (o * population.payload for o, population in zip(state.o, plan.populations))
    return all(int(np.abs(values).max(initial=0)) < STATE_LIMIT["float32"] for values in (*state.x, *told))


def _cut(state: State, first: int, stop: int) -> State:
    return State(tuple(v[first:stop] for v in state.x), tuple(v[first:stop] for v in state.o))


def _whole(outcomes: list[Outcome], plan: Plan, record: tuple[str, ...]) -> Outcome:
    if not outcomes:
        raise InputError("simulate: the event stream holds no samples; give at least one")
    parts: dict[str, Any] = {
        name: joined([getattr(outcome, name) for outcome in outcomes]) if getattr(outcomes[0], name) is not None else None
        for name in ("ledger", "trajectory", "log", "state")
    }
    return Outcome(np.concatenate([outcome.outputs for outcome in outcomes]), **parts)
