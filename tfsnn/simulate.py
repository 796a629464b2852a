"""Run a network on event streams: settings in, a :class:`Result` out; picks the engine.

:func:`run` takes a plan, which holds its settings; :func:`simulate` makes the plan from keywords first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.util import find_spec
from math import prod
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfsnn.artifact import Net
from tfsnn.errors import InputError, RangeError, shown
from tfsnn.input.events import Events
from tfsnn.memory import afford, samples_within
from tfsnn.network.graph import Graph
from tfsnn.network.nodes import Node
from tfsnn.network.room import forward_bytes
from tfsnn.plan.grid_function import STATE_LIMIT
from tfsnn.plan.make import make
from tfsnn.plan.plan import Plan
from tfsnn.plan.settings import ENGINES, Settings
from tfsnn.record import RECORDS, EventLog, Ledger, Outcome, OutOfRange, State, Trajectory, joined

BATCH = {"compiled": 2000, "eager": 250}
BEYOND_RANGE = (
    "may leave 2^52 grid steps, where sums stay exact; "
    "raise the threshold, or check the input: some neuron keeps receiving payloads of one sign"
)
Engine = Callable[[Plan, Events, str, tuple[str, ...], "State | None"], Outcome]


@dataclass(frozen=True, eq=False)
class Result:
    """What a simulation returns.

    Parameters
    ----------
    outputs
        float64 (samples, outputs): f(x) of the output populations in real units, softmax not applied; with a spiking
        output the sum of what it has sent.
    ledger, trajectory, log, state
        Operations; and, if ``record`` asked for them, outputs over time, all events, the final state.
    plan
        The thresholds and grids used.
    schedule, engine, carrier
        How it ran; the carrier is what the plan's numbers need, whichever engine ran.
    seconds
        Wall-clock time; compiling the engine for this machine is not part of it.
    dense_macs
        int64 (samples, populations): multiply-accumulates of layers that the engine looked at from their targets, where much had
        changed; the ledger counts what their events cost all the same. None from the eager engine.

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
    dense_macs: NDArray[np.int64] | None = None

    @property
    def by_output(self) -> dict[str, NDArray[np.float64]]:
        """:attr:`outputs` by the name of each output population, (samples, \\*shape)."""
        nodes = [self.plan.graph[name] for name in self.plan.graph.outputs]
        cuts = np.cumsum([prod(node.shape) for node in nodes])[:-1]
        parts = np.split(self.outputs, cuts, axis=1)
        return {node.name: part.reshape(-1, *node.shape) for node, part in zip(nodes, parts)}

    @property
    def predictions(self) -> Any:
        """int64 (samples): the class that each output names; by output name where there are several.

        That is the number of the largest value along the last axis (of equal ones the first), and for a single sigmoid whether it
        lies above one half. InputError for a single value of any other kind, which names no class: see :attr:`outputs`.
        """
        found = {name: _classes(self.plan.graph[name], values) for name, values in self.by_output.items()}
        return found if len(found) > 1 else next(iter(found.values()))

    @property
    def operations(self) -> NDArray[np.int64]:
        """int64 (samples): synaptic operations of each sample."""
        total: NDArray[np.int64] = self.ledger.synaptic_operations.sum(axis=1)
        return total

    @property
    def spikes_per_neuron(self) -> float:
        """Mean events a sample divided by neurons; events and neurons of the input are included in both."""
        neurons = sum(population.size for population in self.plan.populations)
        return float(self.ledger.sent.sum()) / max(1, len(self.outputs)) / neurons

    def __repr__(self) -> str:
        return f"<Result of {len(self.outputs):,} samples, {self.outputs.shape[1]} outputs: {self._settings}>"

    def __str__(self) -> str:
        kept = [name for name in ("trajectory", "log", "state") if getattr(self, name) is not None]
        lines = [
            f"Result of {len(self.outputs):,} samples, {self.outputs.shape[1]} outputs",
            f"  {self._settings}; engine {self.engine}, {self.seconds:.2f} s",
            f"  a sample: {self.operations.mean():,.0f} synaptic operations, {self.spikes_per_neuron:.4g} spikes a neuron",
        ]
        return "\n".join([*lines, *([f"  recorded: {', '.join(kept)}"] if kept else [])])

    @property
    def _settings(self) -> str:
        s = self.plan.settings
        return f"threshold {s.threshold:g} {s.unit}, spikes {s.spikes}, schedule {self.schedule}, initial {s.initial}"


def _classes(node: Node, values: NDArray[np.float64]) -> NDArray[np.int64]:
    if node.shape[-1] > 1:
        largest: NDArray[np.int64] = np.argmax(values, axis=-1).astype(np.int64)
        return largest
    if "sigmoid" not in node.activation.kind:
        raise InputError(f"result: output {node.name} is one number and names no class; take result.outputs, or result.by_output")
    return (values[..., 0] > 0.5).astype(np.int64)


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
    """Deliver event streams to a network; return what came out, and every operation that it took.

    Parameters
    ----------
    net
        What :func:`tfsnn.load` or :func:`tfsnn.convert_model` returned.
    events
        Input, a stream for each sample; of several inputs, the neurons are numbered one input after the other.
    threshold, unit
        T and its unit: ``"relative"`` to each population's calibrated scale, ``"absolute"``, or ``"lsb"``, steps of its weights.
    spikes
        ``"signed"`` (AICAS), ``"graded"``, ``"valued"`` (JETCAS Algorithm 2) or ``"direct"`` (JETCAS Eq. 6).
    schedule
        ``"slot"``: a population is checked once for each time stamp. ``"spike"``: after every event (both papers).
    initial
        ``"rest"``: settled on an all-zero input. ``"bias"``: x = bias, o = 0 (both papers).
    spiking_output
        Outputs have a threshold and are read from their spikes (AICAS).
    engine
        ``"compiled"`` or ``"eager"``, which give the same results; default the compiled one where numba is installed.
    record
        Any of ``"trajectory"``, ``"events"``, ``"state"``.
    state
        Continue from here: the state of an earlier result with the same settings. Default: the initial state.
    batch
        Samples at a time, default :data:`BATCH`; limits memory and changes no result.
    progress
        Called with the number of samples done, after each batch.

    Raises
    ------
    InputError
        If a setting is unknown or the events do not fit the network.
    RangeError
        If a state leaves the range in which arithmetic is exact.
    """
    graph, kept = graph_of(net, "simulate"), _record(record, "simulate")
    settings = Settings(threshold, unit, spikes, initial, spiking_output, schedule, engine, where="simulate")
    _check(graph, events, batch, "simulate")
    return run(make(graph, settings), events, record=kept, state=state, batch=batch, progress=progress)


def run(
    plan: Plan,
    events: Events,
    *,
    record: Iterable[str] = (),
    state: State | None = None,
    batch: int | None = None,
    progress: Callable[[int], object] | None = None,
    where: str = "simulate",
) -> Result:
    """Deliver event streams to a plan, under the settings that it was made with.

    Parameters
    ----------
    plan
        What to run.
    events, record, state, batch, progress
        As of :func:`simulate`.
    where
        What error messages begin with.

    Raises
    ------
    InputError
        If the events, or one of the arguments, do not fit.
    RangeError
        If a state leaves the range in which arithmetic is exact.
    """
    kept, settings = _record(record, where), plan.settings
    _check(plan.graph, events, batch, where)
    if state is not None:
        _check_state(state, plan, events.samples, where)
    outcomes: list[Outcome] = []
    chosen = _chosen(plan)
    check_results(plan, events, kept)
    engine = _engine(chosen, plan)
    start = perf_counter()
    size = 1 if settings.schedule == "spike" and chosen == "eager" else batch or batch_size(plan, chosen, kept)
    for first in range(0, events.samples, size):
        part = events.sample(first, min(first + size, events.samples))
        here = None if state is None else _cut(state, first, first + part.samples)
        try:
            outcome = engine(plan, part, settings.schedule, kept, here)
        except OutOfRange as error:
            name, sample = plan.populations[error.population].name, first + int(error.samples[0])
            raise RangeError(f"{where}: sample {sample}: the state of {name} {BEYOND_RANGE}") from None
        outcomes.append(outcome)
        if progress is not None:
            progress(part.samples)
    merged = _merged(outcomes)
    return Result(
        merged.outputs, merged.ledger, plan, settings.schedule, chosen, plan.carrier, perf_counter() - start,
        merged.trajectory, merged.log, merged.state, merged.dense_macs,
    )  # fmt: skip


def check_results(plan: Plan, events: Events, record: tuple[str, ...]) -> None:
    """Refuse to record what does not fit the budget; the log of events is watched while it grows.

    Parameters
    ----------
    plan, events, record
        As of :func:`run`.
    """
    neurons = sum(population.size for population in plan.populations)
    outputs = sum(plan.populations[at].size for at in plan.outputs)
    # Each part is there twice while batches are joined.
    needed = events.samples * (2 * 7 * 8 * len(plan.populations) + 16 * outputs)
    needed += 32 * neurons * events.samples if "state" in record else 0
    needed += (16 * outputs + 64) * len(events) if "trajectory" in record else 0
    what = ", ".join(name for name in record if name != "events") or "outputs and operations"
    afford(needed, f"simulate: {what} of {events.samples} samples", "simulate fewer samples at a time, or record less")


def batch_size(plan: Plan, engine: str, record: tuple[str, ...]) -> int:
    """Samples at a time that take a quarter of the budget at most.

    Parameters
    ----------
    plan, engine, record
        As of :func:`run`.
    """
    neurons = sum(population.size for population in plan.populations)
    if engine == "compiled":
        return samples_within(16 * neurons if "state" in record else 8 * len(plan.populations), 4, BATCH[engine])
    once, each = forward_bytes(plan.graph, 8)
    return samples_within(3 * each + once + 64 * neurons, 4, BATCH[engine])


def graph_of(net: Net | Graph, where: str) -> Graph:
    """The graph of what a public function was given as its network.

    Parameters
    ----------
    net
        A network with its history, or the graph alone.
    where
        The function, for messages.
    """
    graph = net.graph if isinstance(net, Net) else net
    if not isinstance(graph, Graph):
        raise InputError(f"{where}: the network is {shown(net)}; give what tfsnn.load or tfsnn.convert_model returned")
    return graph


def prepare(plan: Plan) -> None:
    """Compile all that a run of a plan needs, so that it need not be waited for later.

    Parameters
    ----------
    plan
        What will be run.
    """
    _engine(_chosen(plan), plan)


def _chosen(plan: Plan) -> str:
    return plan.settings.engine or (ENGINES[0] if find_spec("numba") else "eager")


def _engine(name: str, plan: Plan) -> Engine:
    """An engine, with all compiled that the plan needs."""
    if name == "compiled":
        from tfsnn.compiled import engine as compiled

        compiled.prepare(plan)
        return compiled.run
    return _eager


def _eager(plan: Plan, events: Events, schedule: str, record: tuple[str, ...], state: State | None = None) -> Outcome:
    """The eager engine's outcome, in float32 where all sums stay exact in it, else in float64; the same either way."""
    from tfsnn.eager import engine as eager

    if plan.narrow and (state is None or _narrow(state, plan)):
        try:
            return eager.run(plan, events, schedule, "float32", record, state)
        except OutOfRange:
            pass
    return eager.run(plan, events, schedule, "float64", record, state)


def _record(record: Iterable[str], where: str) -> tuple[str, ...]:
    # An array of no axes says that it can be iterated, and cannot.
    axes = getattr(record, "ndim", 1)
    if isinstance(record, str) or not isinstance(record, Iterable) or axes == 0:
        raise InputError(f"{where}: record is {shown(record)}; give a list, of any of {', '.join(RECORDS)}")
    names = tuple(record)
    if not all(isinstance(name, str) and name in RECORDS for name in names):
        raise InputError(f"{where}: record is {', '.join(map(shown, names))}; choose among {', '.join(RECORDS)}")
    return names


def _check(graph: Graph, events: Events, batch: int | None, where: str) -> None:
    if batch is not None and (not isinstance(batch, (int, np.integer)) or isinstance(batch, bool) or batch < 1):
        raise InputError(f"{where}: batch is {shown(batch)}; it must be a whole number, 1 or above")
    if not isinstance(events, Events):
        raise InputError(f"{where}: events are {shown(events)}; give tfsnn.Events, as an encoder's events(...) makes them")
    size = sum(int(np.prod(node.shape)) for node in graph.inputs)
    single = graph.inputs[0].shape if len(graph.inputs) == 1 else (size,)
    if int(np.prod(events.shape)) != size or (len(events.shape) > 1 and events.shape != single):
        raise InputError(f"{where}: events of shape {events.shape}; the network's input is {single}: give data of that shape")
    if events.samples == 0:
        raise InputError(f"{where}: the event stream holds no samples; give at least one")


def _check_state(state: State, plan: Plan, samples: int, where: str) -> None:
    way_out = "give the state of a run of the same network and samples"
    if not isinstance(state, State):
        raise InputError(f"{where}: state is {shown(state)}; {way_out}")
    parts = [*zip(state.x, (p.rest_x for p in plan.populations)), *zip(state.o, (p.rest_o for p in plan.populations))]
    same = len(state.x) == len(state.o) == len(plan.populations)
    if not same or any(np.shape(found) != (samples, len(rest)) for found, rest in parts):
        wanted = ", ".join(f"{population.name} {population.size}" for population in plan.populations)
        found = ", ".join(str(np.shape(o)) for o in state.o)
        raise InputError(f"{where}: state of (samples, neurons) {found}; expected {samples} samples of {wanted}: {way_out}")
    odd = next((found for found, _ in parts if not isinstance(found, np.ndarray) or found.dtype.kind not in "iu"), None)
    if odd is not None:
        raise InputError(f"{where}: state holds {shown(odd)}; it must be arrays of whole numbers: {way_out}")
    limit = STATE_LIMIT["float64"]
    for population, x, o in zip(plan.populations, state.x, state.o):
        # As Python's integers: the product may leave 64 bits, and so may the size of the least one.
        sizes = [max(int(v.max(initial=0)), -int(v.min(initial=0))) for v in (x, o)]
        if sizes[0] >= limit or sizes[1] * population.payload >= limit:
            found = f"the state of {population.name} reaches {sizes[0]} grid steps, {sizes[1]} payload units sent"
            raise InputError(f"{where}: {found}; both must stay below 2^52 grid steps: {way_out}")


def _narrow(state: State, plan: Plan) -> bool:
    sent = (o * population.payload for o, population in zip(state.o, plan.populations))
    return all(int(np.abs(values).max(initial=0)) < STATE_LIMIT["float32"] for values in (*state.x, *sent))


def _cut(state: State, first: int, stop: int) -> State:
    return State(tuple(v[first:stop] for v in state.x), tuple(v[first:stop] for v in state.o))


def _merged(outcomes: list[Outcome]) -> Outcome:
    """Batches as one."""
    parts: dict[str, Any] = {
        name: joined([getattr(outcome, name) for outcome in outcomes]) if getattr(outcomes[0], name) is not None else None
        for name in ("ledger", "trajectory", "log", "state")
    }
    dense = [outcome.dense_macs for outcome in outcomes if outcome.dense_macs is not None]
    return Outcome(np.concatenate([outcome.outputs for outcome in outcomes]), **parts, dense_macs=np.concatenate(dense) if dense else None)
