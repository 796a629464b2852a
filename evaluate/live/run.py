"""The loop: a frame in, a step of the stream, a row out; and what all rows amount to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from time import perf_counter, sleep
from typing import Any, Protocol, TypeVar

import numpy as np

from tfsnn.aliases import Array, Floats
from tfsnn.artifact import Net
from tfsnn.errors import TfsnnError
from tfsnn.stream import Stream

from ..baselines.ann import ann
from ..baselines.reference import Reference
from .decisions import Decision

Item = TypeVar("Item")
KEPT = 16
"""Frames kept for the zero-skipping ANN; and outputs kept of each frame, at most."""


@dataclass(frozen=True)
class Options:
    """How a network is streamed, whatever feeds it.

    Parameters
    ----------
    threshold, unit, spikes, schedule
        As of :class:`tfsnn.stream.Stream`.
    decide
        How outputs are read; None: by their shape.
    pace
        Frames or snapshot periods a second to wait for; 0: the source's own; None: none.
    """

    threshold: float = 0.05
    unit: str = "relative"
    spikes: str = "valued"
    schedule: str = "slot"
    decide: str | None = None
    pace: float | None = None

    def stream(self, net: Net, threshold: float | None = None) -> Stream:
        """A stream of a network, at another threshold where one is given."""
        found = self.threshold if threshold is None else threshold
        return Stream(net, threshold=found, unit=self.unit, spikes=self.spikes, schedule=self.schedule)


@dataclass(frozen=True, eq=False)
class Row:
    """One frame.

    Parameters
    ----------
    frame
        Its number, from 0.
    time
        Seconds since the stream began.
    seconds, read
        Wall-clock time of the step, encoding included; and of reading and framing the frame.
    events, operations
        Events of the input, and synaptic operations.
    outputs
        float64 (outputs)
    reference, reference_seconds
        What the reference makes of the frame, and its time; None where it did not see it.
    """

    frame: int
    time: float
    seconds: float
    read: float
    events: int
    operations: int
    outputs: Floats
    reference: Floats | None = None
    reference_seconds: float | None = None


@dataclass(eq=False)
class Record:
    """What is kept of all rows: a few numbers a frame.

    Parameters
    ----------
    decision
        How outputs are read.
    rows
        Frames so far.
    series
        By name, a value for each frame.
    outputs, compared
        The first outputs of each frame; and of those the reference saw: number, agreement, its first outputs.
    errors
        Sum of squares of the differences to the reference, and their number, first frame left out.
    sample, spacing
        Frames as the network sees them, so many frames apart, for the zero-skipping ANN.
    ended
        Why the stream ended before its source did; empty if it did not.
    """

    decision: Decision
    rows: int = 0
    series: dict[str, list[float]] = field(default_factory=dict)
    outputs: list[list[float]] = field(default_factory=list)
    compared: list[tuple[int, float, list[float]]] = field(default_factory=list)
    errors: tuple[float, int] = (0.0, 0)
    sample: list[Array] = field(default_factory=list)
    ended: str = ""
    spacing: int = 1

    def take(self, row: Row, frame: Array) -> None:
        """Keep what is needed of a row."""
        numbers = {"operations": row.operations, "events": row.events, "ms": 1e3 * row.seconds, "read_ms": 1e3 * row.read}
        for name, value in numbers.items():
            self.series.setdefault(name, []).append(value)
        self.outputs.append(row.outputs[:KEPT].tolist())
        if row.reference is not None:
            self.compared.append((row.frame, self.decision.agreement(row.outputs, row.reference), row.reference[:KEPT].tolist()))
            if row.reference_seconds is not None:
                self.series.setdefault("reference_ms", []).append(1e3 * row.reference_seconds)
            if row.frame:
                difference = row.outputs - row.reference
                self.errors = self.errors[0] + float(difference @ difference), self.errors[1] + len(difference)
        if row.frame % self.spacing == 0:
            self.sample.append(frame)
            if len(self.sample) > KEPT:
                self.sample, self.spacing = self.sample[::2], 2 * self.spacing
        self.rows += 1


def rows(
    stream: Stream,
    frames: Iterable[Array],
    *,
    reference: Reference | None = None,
    rate: float | None = None,
    most: int | None = None,
) -> Iterator[tuple[Row, Array]]:
    """Step the stream through frames; with each row the frame as the network sees it.

    Parameters
    ----------
    stream
        The network.
    frames
        Raw, of the input's shape.
    reference
        Sees the same frames, after the stream has.
    rate
        Frames a second to wait for; None: as fast as it goes.
    most
        Frames at most.
    """
    encoder, begun = stream.plan.graph.inputs[0].encoder, perf_counter()
    inputs = stream.plan.inputs[0]
    for number, (frame, read) in enumerate(islice(timed(frames), most)):
        if rate is not None:
            sleep(max(0.0, begun + number / rate - perf_counter()))
        outputs = stream.step(frame).copy()
        ledger, seconds = stream.ledger, stream.seconds
        events, operations = int(ledger.sent[0, inputs]), int(ledger.synaptic_operations.sum())
        seen, found, took = encoder.frames(frame[None]), None, None
        if reference is not None and number % reference.every == 0:
            found = reference(seen)
            took = reference.seconds if reference.timed else None
        yield Row(number, perf_counter() - begun, seconds, read, events, operations, outputs, found, took), seen


def timed(items: Iterable[Item]) -> Iterator[tuple[Item, float]]:
    """Items, and how long each took to come, in seconds."""
    start = perf_counter()
    for item in items:
        yield item, perf_counter() - start
        start = perf_counter()


def record(found: Iterator[tuple[Row, Array]], decision: Decision, watch: Callable[[Row, Record], object]) -> Record:
    """Keep the rows until they end, an error of the source or an interrupt ends them: what came before is whole.

    Parameters
    ----------
    found
        Of :func:`rows`.
    decision
        How outputs are read.
    watch
        Called with each row, once it is kept.
    """
    kept = Record(decision)

    def take(item: tuple[Row, Array]) -> None:
        kept.take(*item)
        watch(item[0], kept)

    take_all(found, kept, take)
    return kept


class Kept(Protocol):
    """What rows are kept in: how many there are, and why they ended early."""

    rows: int
    ended: str


def take_all(found: Iterable[Item], kept: Kept, take: Callable[[Item], object]) -> None:
    """Take rows until they end, or an error of the source or an interrupt ends them: what came before is whole.

    Parameters
    ----------
    found
        The rows.
    kept
        Where they are kept.
    take
        Keeps one.
    """
    try:
        for item in found:
            take(item)
    except TfsnnError as error:
        if not kept.rows:
            raise
        kept.ended = f"error: {error}"
    except KeyboardInterrupt:
        kept.ended = "interrupted"


def summary(net: Net, kept: Record) -> dict[str, Any]:
    """What the rows amount to; the first frame, which brings everything, apart from the rest.

    Parameters
    ----------
    net
        The network.
    kept
        The rows.
    """
    dense = sum(net.graph.macs().values())
    skipping = ann(net.graph, {net.graph.inputs[0].name: np.concatenate(kept.sample)})
    zero_skipping = float(sum(counts.mean() for counts in skipping.nonzero_macs.values()))
    later = {name: spread(values[1:] or values) for name, values in kept.series.items()}
    operations = max(later["operations"]["mean"], 1e-9)
    return {
        "frames": kept.rows,
        "ended": kept.ended,
        "first_frame": {name: values[0] for name, values in kept.series.items()},
        "later_frames": later,
        "dense_macs": dense,
        "zero_skipping_macs": zero_skipping,
        "reduction": {"dense": dense / operations, "zero_skipping": zero_skipping / operations},
        "fidelity": fidelity(kept),
    }


def fidelity(kept: Record) -> dict[str, Any] | None:
    """How close the outputs are to the reference's, the first frame left out; None if it saw none."""
    seen = [(share, outputs) for number, share, outputs in kept.compared if number]
    if not seen:
        return None
    found: dict[str, Any] = {"frames": len(seen), "rms_error": float(np.sqrt(kept.errors[0] / max(kept.errors[1], 1)))}
    if kept.decision.kind == "values":
        values = np.array([outputs for _, outputs in seen])
        extent = float(np.ptp(values))
        found |= {"range": extent, "rms_share_of_range": found["rms_error"] / extent if extent > 0 else None}
    else:
        found["same_decisions"] = float(np.mean([share for share, _ in seen]))
    return found


def spread(values: list[float]) -> dict[str, float]:
    """Mean, median, 99th percentile."""
    array = np.asarray(values, np.float64)
    return {"mean": float(array.mean()), "median": float(np.median(array)), "p99": float(np.percentile(array, 99))}
