"""A recording of an event camera, replayed through a network: events in, and a row for each snapshot period of the leaky population.

A file is read block by block and cut where periods and blocks end, never between events of one time stamp: what the network sends
is what it sends when it is given the whole recording at once, and a file larger than memory can be replayed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from time import perf_counter, sleep
from typing import Any

import numpy as np

from tfsnn.aliases import Floats
from tfsnn.errors import FileError
from tfsnn.input.events import Events
from tfsnn.input.recording import Found, Recording
from tfsnn.input.snapshots import Population
from tfsnn.stream import Stream

from .decisions import Decision
from .run import KEPT, take_all, timed

SILENT = 16
"""Periods without an event that have rows of their own; the rest of a silence shares one."""
_NAP = 1.0


@dataclass(eq=False)
class Source:
    """Blocks of a recording, and what was wrong with them.

    Parameters
    ----------
    name
        What messages call it.
    blocks
        As of :func:`tfsnn.input.event_camera.replay`, which mends and counts.
    lenient
        Go on after damage. Otherwise events outside the sensor or out of order are an error, and bytes that make no event end it.
    live
        They come from a camera: time that it takes to read them is spent waiting.
    found
        What was found in the blocks so far.
    ended
        Empty, or why it ended early.
    """

    name: str
    blocks: Iterable[Recording]
    lenient: bool = False
    live: bool = False
    found: Found = Found()
    ended: str = ""

    def __iter__(self) -> Iterator[Recording]:
        for block in self.blocks:
            self.found += block.found
            wrong = block.found.damage
            if wrong and not self.lenient and (block.found.outside or block.found.backwards):
                raise FileError(f"{self.name}: found {wrong}; get it again, or give --lenient, which mends and counts")
            yield block
            if wrong and not self.lenient:
                self.ended = f"{self.name} ends early: found {wrong}; it was cut off, or is damaged (--lenient goes on)"
                return


@dataclass(frozen=True, eq=False)
class Period:
    """One row.

    Parameters
    ----------
    number
        From 0.
    start, stop
        Microseconds since the first event.
    read_seconds, seconds
        Wall-clock time of reading the file, and of the population and the network.
    camera_events, events, operations
        Events of the camera, of the network's input, and synaptic operations.
    outputs
        float64 (outputs): at the end of the period.
    """

    number: int
    start: int
    stop: int
    read_seconds: float
    seconds: float
    camera_events: int
    events: int
    operations: int
    outputs: Floats


@dataclass(eq=False)
class Replayed:
    """What is kept of all rows.

    Parameters
    ----------
    decision
        How outputs are read.
    rows
        So far.
    series
        By name, a value for each row.
    outputs
        The first outputs of each row.
    stop
        Microseconds replayed.
    settled
        When the decision became what it is now, in microseconds.
    ended
        Why the replay ended before its source did; empty if it did not.
    last
        float64 (outputs): all outputs of the last row; None before the first.
    """

    decision: Decision
    rows: int = 0
    series: dict[str, list[float]] = field(default_factory=dict)
    outputs: list[list[float]] = field(default_factory=list)
    stop: int = 0
    settled: int = 0
    ended: str = ""
    last: Floats | None = None

    def take(self, row: Period) -> None:
        """Keep what is needed of a row."""
        numbers = {"start_s": row.start / 1e6, "stop_s": row.stop / 1e6, "camera_events": row.camera_events, "input_events": row.events}
        numbers |= {"operations": row.operations, "ms": 1e3 * row.seconds, "read_ms": 1e3 * row.read_seconds}
        for name, value in numbers.items():
            self.series.setdefault(name, []).append(value)
        self.outputs.append(row.outputs[:KEPT].tolist())
        decided = self.decision.decided
        if self.last is None or not np.array_equal(decided(row.outputs), decided(self.last)):
            self.settled = row.stop
        self.rows, self.stop, self.last = self.rows + 1, row.stop, row.outputs

    def total(self, name: str) -> float:
        """The sum of a series."""
        return float(sum(self.series[name]))

    @property
    def shown(self) -> str:
        """The last decision in a few words."""
        return "" if self.last is None else self.decision.shown(self.last)

    @property
    def busy(self) -> float:
        """Seconds that reading, the population and the network took."""
        return max((self.total("ms") + self.total("read_ms")) / 1e3, 1e-9)


def chunks(blocks: Iterable[Recording], period: int) -> Iterator[tuple[Recording, int, bool]]:
    """Cut a recording where periods end, and where blocks do.

    Parameters
    ----------
    blocks
        Of the recording.
    period
        Microseconds in one; they are counted from the first event.

    Yields
    ------
    tuple
        Events, the time before which they are, and whether a period ends there.
    """
    held: Recording | None = None
    begun = end = quiet = 0
    for block in blocks:
        if not len(block):
            continue
        if held is None:
            begun, end = int(block.t[0]), int(block.t[0]) + period
        held = block if held is None else _joined(held, block)
        last = int(held.t[-1])
        while end <= last:
            part = held.between(begun, end)
            quiet = 0 if len(part) else quiet + 1
            yield part, end, True
            following = int(held.t[np.searchsorted(held.t, end)])
            # A damaged time stamp can make a silence of centuries.
            silence = (following - end) // period if quiet >= SILENT else 0
            begun, end = end, end + max(1, silence) * period
        # More events of the last time stamp may come.
        yield held.between(begun, last), last, False
        held, begun = held.between(last, last + 1), last
    if held is not None:
        yield held, end, True


def replayed(
    stream: Stream,
    population: Population,
    blocks: Iterable[Recording],
    period: int,
    *,
    slower: float | None = None,
    most: int | None = None,
    live: bool = False,
) -> Iterator[Period]:
    """Replay a recording through a population and a network.

    Parameters
    ----------
    stream, population
        At rest; the population counts from the first event.
    blocks
        Of the recording.
    period
        Microseconds in a row.
    slower
        Wait until events are due, at so many times the recording's own time; None: as fast as it goes.
    most
        Rows at most.
    live
        The blocks come from a camera: waiting for them is no work.
    """
    inputs, begun, first = stream.plan.inputs[0], perf_counter(), population.next_leak - population.leak.leak_period
    number = start = received = events = operations = 0
    reading = working = 0.0
    for (recording, stop, ends), seconds in timed(chunks(blocks, period)):
        if slower is not None:
            _wait(begun + (stop - first) * slower / 1e6)
        at = perf_counter()
        t, neuron, payload = population.advance(recording, stop)
        outputs = stream.step(Events(t - first, neuron, payload, [0, len(t)], population.shape, tick=1.0, unit="us"))
        reading, working, ledger = reading + seconds * (not live), working + perf_counter() - at, stream.ledger
        received, events = received + len(recording), events + int(ledger.sent[0, inputs])
        operations += int(ledger.synaptic_operations.sum())
        if ends:
            yield Period(number, start, stop - first, reading, working, received, events, operations, outputs)
            number, start, received, events, operations, reading, working = number + 1, stop - first, 0, 0, 0, 0.0, 0.0
            if number == most:
                return


def keep(found: Iterator[Period], decision: Decision, watch: Callable[[Period, Replayed], Any]) -> Replayed:
    """Keep the rows until they end, or an error of the source or an interrupt ends them: what came before is whole.

    Parameters
    ----------
    found
        Of :func:`replayed`.
    decision
        How outputs are read.
    watch
        Called with each row, once it is kept.
    """
    kept = Replayed(decision)

    def take(row: Period) -> None:
        kept.take(row)
        watch(row, kept)

    take_all(found, kept, take)
    return kept


def _joined(one: Recording, other: Recording) -> Recording:
    t, x, y, p = (np.concatenate([getattr(one, name), getattr(other, name)]) for name in "txyp")
    return Recording(t, x, y, p, one.width, one.height)


def _wait(due: float) -> None:
    # In naps: one sleep cannot be as long as a recording may be.
    while (left := due - perf_counter()) > 0:
        sleep(min(left, _NAP))
