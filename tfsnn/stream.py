"""A network that stays: frames or events go in one after the other, and only what changes is computed."""

from __future__ import annotations

from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tfsnn.artifact import Net
from tfsnn.compiled import work as compiled
from tfsnn.compiled.cells import gathered
from tfsnn.compiled.kernel import columns as c
from tfsnn.compiled.tables import flatten
from tfsnn.errors import InputError, RangeError
from tfsnn.input.events import Events
from tfsnn.network.graph import Graph
from tfsnn.plan.make import make
from tfsnn.plan.settings import Settings
from tfsnn.record import Ledger, State
from tfsnn.simulate import BEYOND_RANGE, graph_of


class Stream:
    """One network with a state, on the compiled engine.

    Parameters
    ----------
    net
        What :func:`tfsnn.load` or :func:`tfsnn.convert_model` gave.
    threshold, unit, spikes, schedule, initial
        As of :func:`tfsnn.simulate`.

    Attributes
    ----------
    outputs
        float64 (outputs): f(x) of the output populations in real units, softmax not applied; written anew by each step.
    sent
        int32 (inputs): what each input neuron has sent so far in frames.
    seconds, total_seconds
        Wall-clock time of the last step, and of all.
    steps
        Steps since the start, or the last reset.

    Notes
    -----
    A frame is encoded as the network's input says. ``graded`` and ``delta`` send what has changed since the frame before;
    ``delay`` starts from rest with each frame, as each pixel speaks but once.
    """

    def __init__(
        self, net: Net | Graph, *, threshold: float = 0.05, unit: str = "relative", spikes: str = "valued", schedule: str = "slot",
        initial: str = "rest",
    ) -> None:
        settings = Settings(threshold, unit, spikes, initial, schedule=schedule, engine="compiled", where="stream")
        self.plan = make(graph_of(net, "stream"), settings)
        self._entry = compiled.RUN_SPIKE if schedule == "spike" else compiled.RUN_SLOT
        self._schedule = schedule
        self._flat = flatten(self.plan, "float32" if self.plan.narrow else "float64", schedule)
        self._work = compiled.make_work(self._flat, compiled.QUEUE)
        self.sent = np.zeros(sum(self.plan.populations[at].size for at in self.plan.inputs), np.int32)
        self._job = compiled.one_sample(self._flat, max(256, len(self.sent)))
        self._total = np.zeros((1, 7, len(self.plan.populations)), np.int64)
        self.outputs = np.zeros(len(self._flat.net.output))
        self.reset()

    def step(self, frame: ArrayLike | Events) -> NDArray[np.float64]:
        """Take in a frame, or the events of one sample; return :attr:`outputs`.

        Parameters
        ----------
        frame
            Raw pixels of the input's shape, or events.

        Raises
        ------
        InputError
            If it does not fit the network's input.
        RangeError
            If a state leaves the range in which arithmetic is exact; the stream must then be reset.
        """
        start = perf_counter()
        self._run(self._take(frame))
        self._total += self._job.counts
        self.steps += 1
        self.seconds = perf_counter() - start
        self.total_seconds += self.seconds
        return self.outputs

    def reset(self) -> None:
        """Back to the start: the state, the totals, and what the input has sent."""
        self.sent[:], self._total[:], self._job.counts[:] = 0, 0, 0
        self.steps, self.seconds, self.total_seconds = 0, 0.0, 0.0
        self._rest()
        self._run(0)
        self._job.counts[:] = 0

    @property
    def ledger(self) -> Ledger:
        """Operations of the last step, one sample."""
        return Ledger(*(self._job.counts[:, row].copy() for row in range(7)))

    @property
    def total(self) -> Ledger:
        """Operations of all steps, one sample."""
        return Ledger(*(self._total[:, row].copy() for row in range(7)))

    @property
    def state(self) -> State:
        """Where the neurons stand, one sample."""
        net, work = self._flat.net, self._work
        parts = [gathered(net, work.x[None], work.told[None], number) for number in range(len(self.plan.populations))]
        return State(tuple(x for x, _ in parts), tuple(o for _, o in parts))

    @property
    def carrier(self) -> str:
        """``"float32"``, or ``"float64"`` once a sum might not have been exact in it."""
        return str(self._flat.start_x.dtype)

    def _rest(self) -> None:
        work, flat = self._work, self._flat
        work.x[:], work.told[:], work.bound[:] = flat.start_x[0], flat.start_told[0], flat.start_bound[0]
        work.flags[:], work.mark[:], work.length[:], work.events[:], work.progress[:] = 0, 0, 0, 0, 0

    def _take(self, frame: ArrayLike | Events) -> int:
        """Put a step's events where the loops read them; their number."""
        if isinstance(frame, Events):
            if frame.samples != 1 or int(np.prod(frame.shape)) != len(self.sent):
                raise InputError(f"stream: {frame.samples} samples of shape {frame.shape}; give one, of {len(self.sent)} input neurons")
            return self._put(frame.t, frame.neuron, frame.payload)
        if len(self.plan.inputs) != 1:
            raise InputError(f"stream: a frame for {len(self.plan.inputs)} inputs; give Events, neurons counted through all inputs")
        node: Any = self.plan.populations[self.plan.inputs[0]].node
        if np.shape(frame) != node.shape:
            raise InputError(f"stream: a frame of shape {np.shape(frame)}; the network's input is {node.shape}")
        if node.encoder.kind == "delay":
            events = node.encoder.events(np.asarray(frame)[None])
            self._rest()
            return self._put(events.t, events.neuron, events.payload)
        neuron, payload = node.encoder.changes(frame, self.sent)
        return self._put(0, neuron, payload)

    def _put(self, t: NDArray[np.int64] | int, neuron: NDArray[Any], payload: NDArray[Any]) -> int:
        count = len(neuron)
        if count > len(self._job.t):
            job = compiled.one_sample(self._flat, 2 * count)
            self._job = job._replace(counts=self._job.counts)
        self._job.t[:count], self._job.neuron[:count], self._job.payload[:count] = t, neuron, payload
        return count

    def _run(self, count: int) -> None:
        """Deliver the events; in float64 from where float32 may no longer be exact."""
        progress = self._work.progress
        self._work.counts[:], self._job.offsets[1] = 0, count
        progress[:] = 0
        progress[c.LAST_SAMPLE], progress[c.FROM] = 1, len(self._work.flags)
        status, self._work = compiled.advance(self._entry, self._flat.net, self._work, self._job)
        if status == c.RANGE and self.carrier == "float32":
            self._widen()
            status, self._work = compiled.advance(self._entry, self._flat.net, self._work, self._job)
        if status == c.RANGE:
            name = self.plan.populations[progress[c.NEXT]].name
            raise RangeError(f"stream: the state of {name} {BEYOND_RANGE}; reset() starts over")
        self.outputs[:] = compiled.read(self.plan, self._flat.net, self._job.final_x, self._job.final_told)[0]

    def _widen(self) -> None:
        """Carry on in float64, in the middle of a step if need be: nothing is lost, float32 was exact so far."""
        self._flat = flatten(self.plan, "float64", self._schedule)
        wide = compiled.make_work(self._flat, 1)
        wide.x[:], wide.told[:] = self._work.x, self._work.told
        carried = {name: getattr(wide, name) for name in ("x", "told", "pile_units", "near_units", "kept")}
        self._work = self._work._replace(**carried)
        job, old = compiled.one_sample(self._flat, len(self._job.t)), self._job
        self._job = job._replace(t=old.t, neuron=old.neuron, payload=old.payload, offsets=old.offsets, counts=old.counts)
