"""A network that stays: frames or events go in one after the other, and only what changes is computed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from math import prod
from threading import Lock
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tfsnn.artifact import Net
from tfsnn.compiled.session import Session
from tfsnn.errors import InputError, RangeError
from tfsnn.input.events import Events
from tfsnn.network.graph import Graph
from tfsnn.plan.factors import with_thresholds
from tfsnn.plan.make import make
from tfsnn.plan.settings import Settings
from tfsnn.record import Ledger, OutOfRange, State
from tfsnn.simulate import BEYOND_RANGE, graph_of

DEFAULT = 0.05
"""Threshold where none is given."""
BUSY = "stream: another thread is in the middle of a step; give each thread a stream of its own, or use a lock"


class Stream:
    """One network with a state, on the compiled engine.

    Parameters
    ----------
    net
        What :func:`tfsnn.load` or :func:`tfsnn.convert_model` gave.
    threshold
        As of :func:`tfsnn.simulate`; or a dict of thresholds by layer, the others then have 0.05 times their own factor.
    unit, spikes, schedule, initial
        As of :func:`tfsnn.simulate`.

    Attributes
    ----------
    seconds, total_seconds
        Wall-clock time of the last step, and of all.
    steps
        Steps since the start, or the last reset.

    Notes
    -----
    A frame is encoded as the network's input says. ``graded`` and ``delta`` send what has changed since the frame before;
    ``delay`` starts from rest with each frame, as each pixel sends but once.
    """

    def __init__(
        self, net: Net | Graph, *, threshold: float | Mapping[str, float] = DEFAULT, unit: str = "relative", spikes: str = "valued",
        schedule: str = "slot", initial: str = "rest",
    ) -> None:
        graph = graph_of(net, "stream")
        if isinstance(threshold, Mapping):
            graph, threshold = with_thresholds(graph, threshold, DEFAULT), 1.0
        settings = Settings(threshold, unit, spikes, initial, schedule=schedule, engine="compiled", where="stream")
        self.plan = make(graph, settings)
        node: Any = self.plan.populations[self.plan.inputs[0]].node
        least = node.encoder.byte_thresholds if schedule == "slot" and len(self.plan.inputs) == 1 else None
        self._node, self._bytes = node, least is not None
        self._session, self._busy = Session(self.plan, least), Lock()
        self.reset()

    def step(self, frame: ArrayLike | Events) -> NDArray[np.float64]:
        """Take in a frame, or the events of one sample; return a copy of :attr:`outputs`.

        Parameters
        ----------
        frame
            Raw pixels of the input's shape, or events.

        Raises
        ------
        InputError
            If it does not fit the network's input, or another thread is in the middle of a step.
        RangeError
            If a state leaves the range in which arithmetic is exact; the stream must then be reset.
        """
        # The pieces of _alone, as a step may take but some microseconds.
        if not self._busy.acquire(blocking=False):
            raise InputError(BUSY)
        try:
            start, session = perf_counter(), self._session
            if self._frames_as_bytes and type(frame) is np.ndarray and frame.dtype == np.uint8 and frame.shape == self._node.shape:
                session.step_frame(frame)
            else:
                self._take(frame)
            np.add(self._total, session.counts, out=self._total)
            self.steps += 1
            self.seconds = perf_counter() - start
            self.total_seconds += self.seconds
            outputs: NDArray[np.float64] = session.outputs.copy()
            return outputs
        except OutOfRange as error:
            name = self.plan.populations[error.population].name
            raise RangeError(f"stream: the state of {name} {BEYOND_RANGE}; reset() starts over") from None
        finally:
            self._busy.release()

    def reset(self) -> None:
        """Back to the start: the state, the totals, and what the input has sent."""
        with self._alone():
            self._session.rest()
            # What frames have sent, once some are no bytes; before that the session keeps it.
            self._levels: NDArray[np.int32] | None = None
            self._frames_as_bytes = self._bytes
            self._total = np.zeros_like(self._session.counts)
            self.steps = 0
            self.seconds = self.total_seconds = 0.0

    def __reduce_ex__(self, protocol: object) -> Any:
        raise InputError("stream: a stream cannot be copied or pickled, its state lives in it alone; make another and feed it the same")

    @property
    def outputs(self) -> NDArray[np.float64]:
        """float64 (outputs): f(x) of the output populations in real units, softmax not applied."""
        return self._session.outputs.copy()

    @property
    def sent(self) -> NDArray[np.int32]:
        """int32 (inputs): what each input neuron has sent so far in frames."""
        return (self._session.sent if self._levels is None else self._levels).astype(np.int32)

    @property
    def ledger(self) -> Ledger:
        """Operations of the last step, one sample."""
        return _ledger(self._session.counts)

    @property
    def total(self) -> Ledger:
        """Operations of all steps, one sample."""
        return _ledger(self._total)

    @property
    def dense_macs(self) -> int:
        """Multiply-accumulates of layers that the last step looked at from their targets, where much had changed.

        The ledger counts what their events cost all the same.
        """
        return int(self._session.counts[-1].sum())

    @property
    def total_dense_macs(self) -> int:
        """The same of all steps."""
        return int(self._total[-1].sum())

    @property
    def state(self) -> State:
        """Where the neurons stand, one sample."""
        return self._session.state

    @property
    def carrier(self) -> str:
        """What states are kept in: ``"int32"`` where that holds the plan's numbers, else ``"int64"``."""
        return self.plan.carrier

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Nobody else may be in a step now."""
        if not self._busy.acquire(blocking=False):
            raise InputError(BUSY)
        try:
            yield
        finally:
            self._busy.release()

    def _take(self, frame: ArrayLike | Events) -> None:
        """Run a step."""
        if isinstance(frame, Events):
            self._take_events(frame)
        else:
            self._take_frame(frame)

    def _take_events(self, events: Events) -> None:
        size = sum(self.plan.populations[at].size for at in self.plan.inputs)
        if events.samples != 1 or prod(events.shape) != size:
            raise InputError(f"stream: {events.samples} samples of shape {events.shape}; give one, of {size} input neurons")
        self._session.step_events(events.t, events.neuron, events.payload)

    def _take_frame(self, frame: ArrayLike) -> None:
        """A frame of any type of numbers."""
        if len(self.plan.inputs) != 1:
            raise InputError(f"stream: a frame for {len(self.plan.inputs)} inputs; give Events, neurons counted through all inputs")
        self._check_shape(np.shape(frame))
        encoder = self._node.encoder
        if encoder.kind == "delay":
            events = encoder.events(np.asarray(frame)[None])
            self._session.rest()
            self._session.step_events(events.t, events.neuron, events.payload)
            return
        levels = self.sent
        neuron, payload = encoder.changes(frame, levels)
        self._levels, self._frames_as_bytes = levels, False
        self._session.step_events(0, neuron, payload)

    def _check_shape(self, shape: tuple[int, ...]) -> None:
        if shape != self._node.shape:
            raise InputError(f"stream: a frame of shape {shape}; the network's input is {self._node.shape}")


def _ledger(counts: NDArray[np.int64]) -> Ledger:
    return Ledger(*(row[None].copy() for row in counts[:-1]))
