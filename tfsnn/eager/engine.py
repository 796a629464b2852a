"""The TF-eager engine: the definition of what a network does, one line per equation.

State of a population: ``x`` (samples, neurons), the accumulated input in grid steps, and ``o``, what it has sent so
far, in payload units (``o * P`` in grid steps). Max pooling keeps what it has received in place of x. All of it is whole
numbers carried in floating point (:mod:`tfsnn.plan.make` has the grid and the proof).

Delivery of payloads d from q to p, by every synapse between them:     x += W d
Check of the neurons that an event has reached, with v = f(x):         while abs(v - o P) >= T: send k, o += k
                                                                       with k = clip(trunc((v - o P) / P), -K, K)

Under ``slot`` all events of a time stamp are delivered to a population, then it is checked, in topological order. Under
``spike`` events of a time stamp enter a first-in-first-out queue in stream order; each is delivered alone to its consumers
in topological order, each of them is checked at once, and what it sends, in neuron order, joins the queue, which is
drained before the next time stamp.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from tfsnn.eager.tally import Tally
from tfsnn.input.events import Events
from tfsnn.memory import afford
from tfsnn.network.ops import Conv, Dense, Linear, Shape
from tfsnn.plan.grid_function import STATE_LIMIT
from tfsnn.plan.plan import Path, Plan, Population
from tfsnn.record import Outcome, OutOfRange, State, readout

Tensor = Any
MANY_SPIKES = "raise the threshold, send smaller payloads, or choose spikes that carry more (graded, valued)"


class Eager:
    """The state of a batch of samples, and the equations that move it.

    Parameters
    ----------
    plan
        What to run.
    samples
        Size of the batch.
    carrier
        ``"float32"`` or ``"float64"``.
    tally
        Where events are counted.
    """

    def __init__(self, plan: Plan, samples: int, carrier: str, tally: Tally) -> None:
        self.plan, self.carrier, self.tally = plan, tf.dtypes.as_dtype(carrier), tally
        self.limit = STATE_LIMIT[carrier]
        self.x = [self._tiled(population.rest_x, samples) for population in plan.populations]
        self.o = [self._tiled(population.rest_o, samples) for population in plan.populations]
        self.weights = [[self._number(path.weight) for path in population.paths] for population in plan.populations]
        self.consumers = [plan.consumers(position) for position in range(len(plan.populations))]

    def deliver(self, target: int, payloads: dict[int, Tensor], counts: dict[int, Tensor]) -> Tensor:
        """Add what arrives at a population to its x; return bool (samples, neurons): which neurons an event has reached.

        Parameters
        ----------
        target
            Position of the population.
        payloads, counts
            (samples, source neurons) by position of the source: sum of payloads, and number of events.
        """
        population = self.plan.populations[target]
        if population.pools:
            received = gather_sum(payloads[population.source], population.index)
            self._prove(target, tf.reduce_max(tf.abs(received), axis=1))
            self.x[target] += received
            return tf.reduce_any(taps(gather_sum(counts[population.source], population.index) > 0, population), axis=2)
        reached = tf.zeros(self.x[target].shape, tf.bool)
        arriving = [path for path in population.paths if path.source in payloads]
        self._prove(target, sum(_growth(path, payloads[path.source]) for path in arriving))
        for path, weight in zip(population.paths, self.weights[target]):
            if path.source in payloads:
                self.x[target] += linear(path.op, weight, gather_sum(payloads[path.source], path.index), path.shape)
                reached |= reach(path, gather_sum(counts[path.source], path.index))
        return reached

    def check(self, target: int, reached: Tensor) -> list[Tensor]:
        """The neuron rule on the neurons reached; the payloads k of each turn of its loop, (samples, neurons).

        This is the rule's definition. :func:`tfsnn.plan.rule.fire` says the same in closed form, the kernel as compiled code.
        """
        population, sent = self.plan.populations[target], []
        payload, threshold = self._number(population.payload), self._number(population.threshold)
        if population.threshold == 0:
            return []
        v = self.value(target)
        d = v - self.o[target] * payload
        while tf.reduce_any(reached & (tf.abs(d) >= threshold)):
            k = tf.clip_by_value(truncate(d / payload), -self.plan.largest, self.plan.largest)
            k = tf.where(reached & (tf.abs(d) >= threshold), k, tf.zeros_like(k))
            self.o[target] += k
            sent.append(k)
            # Every turn of the loop is kept until all are counted, several times over.
            afford(4 * len(sent) * int(tf.size(k)) * 8, f"simulate: the spikes of {population.name} in one check", MANY_SPIKES)
            d = v - self.o[target] * payload
        return sent

    def value(self, target: int) -> Tensor:
        """v: f(x) in grid steps, quantized downwards for direct spikes; the maximum over each window for max pooling."""
        population = self.plan.populations[target]
        v = self._number(population.value(np.asarray(self.x[target], np.int64)))
        floored = self.plan.direct and population.node.requantizes
        return tf.floor(v / population.payload) * population.payload if floored else v

    def slot(self, payloads: dict[int, Tensor], counts: dict[int, Tensor]) -> None:
        """One time stamp under ``slot``: populations in topological order, each delivered to, then checked."""
        for target, population in enumerate(self.plan.populations):
            sources = population.sources & set(payloads)
            if not sources:
                continue
            reached = self.deliver(target, {q: payloads[q] for q in sources}, {q: counts[q] for q in sources})
            self.tally.delivered(target, {q: counts[q] for q in sources}, reached)
            sent = self.check(target, reached)
            if sent:
                payloads[target], counts[target] = tf.add_n(sent), tf.add_n([tf.cast(k != 0, self.carrier) for k in sent])
                self.tally.sent(target, sent)

    def spike(self, queue: deque[tuple[int, int, int]]) -> None:
        """One time stamp under ``spike``, one sample: (population, neuron, payload) first in, first out."""
        while queue:
            source, neuron, k = queue.popleft()
            event = tf.one_hot([neuron], self.plan.populations[source].size, dtype=self.carrier)
            for target in self.consumers[source]:
                reached = self.deliver(target, {source: event * k}, {source: event})
                self.tally.delivered(target, {source: event}, reached)
                sent = self.check(target, reached)
                if sent:
                    queue.extend((target, at, value) for at, value in self.tally.sent(target, sent))

    def _prove(self, target: int, growth: Tensor) -> None:
        """No sum in any order leaves the range in which floating point is exact."""
        beyond = tf.reduce_max(tf.abs(self.x[target]), axis=1) + growth >= self.limit
        if tf.reduce_any(beyond):
            raise OutOfRange(target, np.flatnonzero(beyond.numpy()))

    def _tiled(self, values: NDArray[np.int64], samples: int) -> Tensor:
        return tf.tile(self._number(values)[None], [samples, 1])

    def _number(self, values: NDArray[np.int64] | int) -> Tensor:
        return tf.constant(np.asarray(values, self.carrier.as_numpy_dtype))


def linear(op: Linear, weight: Tensor, x: Tensor, shape: Shape) -> Tensor:
    """W x: (samples, inputs) to (samples, outputs)."""
    if isinstance(op, Dense):
        return tf.matmul(x, weight)
    if not isinstance(op, Conv):
        return tf.reshape(tf.reshape(x, [-1, *shape]) * weight, [x.shape[0], -1])
    image = tf.pad(tf.reshape(x, [-1, *shape]), [(0, 0), *op.padding, (0, 0)])
    if op.groups == shape[2] > 1:
        kernel = tf.reshape(weight, [*op.window, shape[2], -1])
        y = tf.nn.depthwise_conv2d(image, kernel, [1, 1, 1, 1], "VALID", dilations=op.dilation)
    else:
        groups = zip(tf.split(image, op.groups, axis=3), tf.split(weight, op.groups, axis=3))
        y = tf.concat([tf.nn.conv2d(part, kernel, 1, "VALID", dilations=op.dilation) for part, kernel in groups], axis=3)
    return tf.reshape(y[:, :: op.strides[0], :: op.strides[1]], [x.shape[0], -1])


def reach(path: Path, counts: Tensor) -> Tensor:
    """bool (samples, targets): those at the end of a connection on which an event has come."""
    op, shape = path.op, path.shape
    if isinstance(op, Dense):
        return tf.tile(tf.reduce_any(counts > 0, axis=1, keepdims=True), [1, op.units])
    if not isinstance(op, Conv):
        return counts > 0
    grouped = tf.reduce_sum(tf.reshape(counts, [counts.shape[0], *shape[:2], op.groups, -1]), axis=4)
    one = Conv(op.groups, op.window, op.strides, op.padding, op.dilation, op.groups)
    ones = tf.ones(one.weight_shape((*shape[:2], op.groups)), counts.dtype)
    reached = linear(one, ones, tf.reshape(grouped, [counts.shape[0], -1]), (*shape[:2], op.groups)) > 0
    return tf.repeat(reached, op.filters // op.groups, axis=1)


def gather_sum(x: Tensor, index: NDArray[np.int64]) -> Tensor:
    """A relay: y[i] = sum of x[j] over j in row i of the index map, -1 standing for nothing."""
    return tf.reduce_sum(tf.gather(tf.pad(x, [(0, 0), (1, 0)]), index + 1, axis=1), axis=2)


def taps(x: Tensor, population: Population) -> Tensor:
    """(samples, neurons, taps): what lies under each tap of a max-pooling window, False in the border."""
    return tf.gather(tf.pad(x, [(0, 0), (1, 0)], constant_values=False), population.windows + 1, axis=1)


def truncate(x: Tensor) -> Tensor:
    """The integer part of x."""
    return tf.sign(x) * tf.floor(tf.abs(x))


def _growth(path: Path, payloads: Tensor) -> Tensor:
    size = tf.abs(payloads)
    return tf.minimum(path.reach[0] * tf.reduce_max(size, axis=1), path.reach[1] * tf.reduce_sum(size, axis=1))


def run(plan: Plan, events: Events, schedule: str, carrier: str, record: tuple[str, ...], state: State | None = None) -> Outcome:
    """Deliver all events of a batch of samples.

    Parameters
    ----------
    plan
        What to run.
    events
        The samples' input; neurons counted through all inputs, one behind the other.
    schedule
        ``"slot"`` (all samples at a time) or ``"spike"`` (one sample).
    carrier
        ``"float32"`` or ``"float64"``.
    record
        Any of :data:`tfsnn.record.RECORDS`.
    state
        Where to go on from; default the plan's own start.

    Raises
    ------
    OutOfRange
        If a sum may leave the carrier's exact range.
    """
    tally = Tally(plan, events.samples, record)
    engine = Eager(plan, events.samples, carrier, tally)
    if state is not None:
        engine.x, engine.o = ([engine._number(values) for values in part] for part in (state.x, state.o))
    for now, samples, arrivals in _time_stamps(plan, events):
        tally.now = now
        for sample, source, neuron, payload in arrivals:
            tally.arrived(sample, source, neuron, payload)
        if schedule == "slot":
            engine.slot(*_summed(plan, engine.carrier, events.samples, arrivals))
        else:
            (_, source, neuron, payload), = arrivals
            engine.spike(deque(zip(source.tolist(), neuron.tolist(), payload.tolist())))
        tally.settled(samples, engine.x, engine.o)
    x, o = ([np.asarray(values).astype(np.int64) for values in part] for part in (engine.x, engine.o))
    kept = State(tuple(x), tuple(o)) if "state" in record else None
    return Outcome(readout(plan, x, o), tally.ledger, tally.trajectory(), tally.log(), kept)


Arrival = tuple[int, NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]


def _time_stamps(plan: Plan, events: Events) -> Iterator[tuple[int, list[int], list[Arrival]]]:
    """Time stamps in order: when, which samples have events in it, and for each (sample, sources, neurons, payloads)."""
    inputs = plan.inputs
    starts = np.cumsum([0, *(plan.populations[position].size for position in inputs)])
    sample = np.repeat(np.arange(events.samples), np.diff(events.offsets))
    order = np.lexsort((sample, events.t))
    which = np.searchsorted(starts, events.neuron, side="right") - 1
    source, neuron = np.asarray(inputs)[which], events.neuron - starts[which]
    cuts = np.flatnonzero(np.diff(events.t[order])) + 1
    for rows in np.split(order, cuts) if len(order) else []:
        parts = np.split(rows, np.flatnonzero(np.diff(sample[rows])) + 1)
        arrivals = [(int(sample[p[0]]), source[p], neuron[p].astype(np.int64), events.payload[p].astype(np.int64)) for p in parts]
        yield int(events.t[rows[0]]), [arrival[0] for arrival in arrivals], arrivals


def _summed(plan: Plan, carrier: Any, samples: int, arrivals: list[Arrival]) -> tuple[dict[int, Tensor], dict[int, Tensor]]:
    """Payload sums and event counts of one time stamp, (samples, neurons) by position of the input."""
    sums: dict[int, NDArray[np.float64]] = {}
    counts: dict[int, NDArray[np.float64]] = {}
    for sample, sources, neurons, payloads in arrivals:
        for position in np.unique(sources).tolist():
            shape = (samples, plan.populations[position].size)
            here = sources == position
            np.add.at(sums.setdefault(position, np.zeros(shape))[sample], neurons[here], payloads[here])
            np.add.at(counts.setdefault(position, np.zeros(shape))[sample], neurons[here], 1)
    return {q: tf.cast(v, carrier) for q, v in sums.items()}, {q: tf.cast(v, carrier) for q, v in counts.items()}
