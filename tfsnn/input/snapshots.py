"""The leaky population between an event camera and a network (JETCAS, Algorithms 2 and 4), and its snapshots.

One neuron for each block of pixels and each polarity, with f the identity. The paper's exponent lacks its minus sign: the state decays.
Everything is an integer: an event adds ONE = 256, and a leak keeps ``kept / 65536`` of the state, rounded towards zero,

    kept = round(65536 exp(-leak_period / tau)),        x <- floor(x kept / 65536)

so that a neuron that receives nothing comes back to exactly 0, and any two computers agree. This is the definition, T being the
threshold in the same units, ``sent`` what the neuron has sent so far, and time counted from the beginning of the recording:

    for each event of the camera, in order of time (all leaks up to and including its time stamp came before):
        x <- x + ONE;  check
    at each multiple of leak_period, for each neuron in order:
        x <- floor(x kept / 65536);  check
    check:  if |x - sent| >= T:  send x - sent;  sent <- x

What it sends are the input events of the network. A snapshot at time s is ``sent`` after all that is stamped before s, so the frame
that an ANN is trained on is exactly what the network has received at that instant.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, isfinite
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tfsnn.aliases import Integers
from tfsnn.errors import InputError
from tfsnn.input import leaking
from tfsnn.input.events import Events
from tfsnn.input.recording import Recording
from tfsnn.memory import afford

ONE = leaking.ONE
"""What an event of the camera adds to the state; a payload of as much has the value 1."""
_ROOM = 1 << 16
_LONGEST = 1 << 40


@dataclass(frozen=True)
class Leak:
    """Settings of a leaky population.

    Parameters
    ----------
    downsample
        Width and height of the block of pixels that share a neuron.
    leak_period, tau
        Microseconds between leaks, and in which the state falls to 1/e.
    threshold
        The least change that is sent, in events.
    snapshot
        Microseconds between snapshots.
    """

    downsample: int = 2
    leak_period: int = 6_400
    tau: int = 32_000
    threshold: float = 0.5
    snapshot: int = 64_000

    def __post_init__(self) -> None:
        for name in ("downsample", "leak_period", "tau", "snapshot"):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value < _LONGEST:
                raise InputError(f"leaky population: {name} is {value!r}; it must be a whole number, 1 or more")
        if not isinstance(self.threshold, (int, float)) or isinstance(self.threshold, bool) or not isfinite(self.threshold):
            raise InputError(f"leaky population: threshold is {self.threshold!r}; it must be a number")
        if not 1 / ONE <= self.threshold < 1 << 20:
            raise InputError(f"leaky population: threshold is {self.threshold:g} events; the grid reaches from 1/{ONE} to {1 << 20}")
        if not 0 < self.kept < 1 << leaking.BITS:
            found = f"a leak keeps {self.kept} of {1 << leaking.BITS} parts"
            raise InputError(f"leaky population: {found} with leak_period {self.leak_period}, tau {self.tau}; choose them closer")

    @property
    def kept(self) -> int:
        """What a leak keeps, in 65536ths."""
        return round(exp(-self.leak_period / self.tau) * (1 << leaking.BITS))

    @property
    def limit(self) -> int:
        """The threshold in units of the state, rounded up."""
        return -int(-self.threshold * ONE // 1)

    def shape(self, width: int, height: int) -> tuple[int, int, int]:
        """Rows, columns and polarities (darker, brighter) of the population behind a sensor."""
        return -(-height // self.downsample), -(-width // self.downsample), 2


class Counts(NamedTuple):
    """The ledger of a leaky population.

    Parameters
    ----------
    additions
        One at every event of the camera.
    leak_updates, leak_updates_nonzero
        Multiplications: every neuron at every leak; and those of them whose state was not 0.
    comparisons
        With the threshold: every neuron at every leak, and one at every event of the camera.
    """

    additions: int = 0
    leak_updates: int = 0
    leak_updates_nonzero: int = 0
    comparisons: int = 0


class Population:
    """A leaky population at some time.

    Parameters
    ----------
    leak
        Its settings.
    width, height
        Of the sensor.
    start
        The time from which its leaks are counted, in microseconds.
    """

    def __init__(self, leak: Leak, width: int, height: int, start: int) -> None:
        self.leak, self.width, self.height = leak, width, height
        self.shape = leak.shape(width, height)
        self.x: Integers = np.zeros(int(np.prod(self.shape)), np.int64)
        self.sent = self.x.copy()
        self.received = 0
        self._clock = np.array([start + leak.leak_period, 0, 0, 0], np.int64)
        self._settings = np.array([leak.leak_period, leak.kept, leak.limit, leak.downsample, self.shape[1]], np.int64)

    @property
    def next_leak(self) -> int:
        """When it leaks next, in microseconds."""
        return int(self._clock[leaking.NEXT_LEAK])

    @property
    def leaks(self) -> int:
        """How often it has."""
        return int(self._clock[leaking.LEAKS])

    @property
    def counts(self) -> Counts:
        """What it has done so far."""
        updates = self.leaks * self.x.size
        return Counts(self.received, updates, int(self._clock[leaking.CHANGED]), updates + self.received)

    def advance(self, recording: Recording, stop: int) -> tuple[Integers, Integers, Integers]:
        """Receive events of the camera, and carry on to a time.

        Parameters
        ----------
        recording
            Events not earlier than what was received before, and earlier than ``stop``.
        stop
            The time in microseconds; what is stamped so comes after it.

        Returns
        -------
        tuple
            int64 (events): time, neuron and payload of what is sent.
        """
        if (recording.width, recording.height) != (self.width, self.height):
            found, own = f"{recording.width}x{recording.height}", f"{self.width}x{self.height}"
            raise InputError(f"leaky population: events of a sensor of {found}; it stands behind one of {own}")
        # Events that are mapped from a file may not be written, and compiled code takes arrays that may.
        events = [np.require(getattr(recording, name), requirements="W") for name in "txyp"]
        out = np.empty((3, 2 * self.x.size + min(len(recording), _ROOM)), np.int64)
        run = leaking.compiled()
        sent: list[Integers] = []
        self._clock[leaking.AT] = 0
        while not sent or self.next_leak < stop or self._clock[leaking.AT] < len(recording):
            count = run(self.x, self.sent, self._clock, *events, self._settings, stop, *out)
            sent.append(out[:, :count].copy())
        self.received += len(recording)
        t, neuron, payload = np.concatenate(sent, axis=1)
        return t, neuron, payload


@dataclass(frozen=True, eq=False)
class Response:
    """What a leaky population makes of a recording.

    Parameters
    ----------
    events
        What it sends: microseconds from the start, payloads in 256ths.
    snapshots
        int32 (snapshots, \\*shape): what every neuron has sent before each multiple of the snapshot period.
    counts
        What it took.
    marks
        What it had taken before each of the times that were asked for.
    """

    events: Events
    snapshots: NDArray[np.int32]
    counts: Counts
    marks: tuple[Counts, ...] = ()


def respond(
    leak: Leak, recording: Recording, start: int | None = None, stop: int | None = None, marks: Sequence[int] = ()
) -> Response:
    """Present a recording, or a window of it, to a leaky population at rest.

    Parameters
    ----------
    leak
        Settings.
    recording
        The events.
    start, stop
        The window in microseconds, ``start <= t < stop``; by default from the first event to where the snapshot period that
        holds the last one ends.
    marks
        Times in between, in microseconds, before which the ledger is read.

    Raises
    ------
    BudgetError
        If the snapshots would not fit the memory.

    Examples
    --------
    >>> recording = Recording([0, 10, 20], [0, 1, 1], [0, 0, 1], [1, 1, 1], width=2, height=2)
    >>> response = respond(Leak(threshold=1), recording)
    >>> response.events.t.tolist(), response.events.payload.tolist()
    ([0, 10, 20, 19200, 51200], [256, 256, 256, -348, -267])
    >>> response.snapshots.tolist()
    [[[[0, 153]]]]
    """
    first = (int(recording.t[0]) if len(recording) else 0) if start is None else start
    if stop is None:
        last = int(recording.t[-1]) + 1 if len(recording) else first
        stop = first - (first - max(last, first)) // leak.snapshot * leak.snapshot
    if stop < first:
        raise InputError(f"leaky population: a window from {first} to {stop} us; it must not end before it begins")
    for mark in marks:
        if not first <= mark <= stop:
            raise InputError(f"leaky population: a mark at {mark} us; it must lie in the window, from {first} to {stop}")
    population = Population(leak, recording.width, recording.height, first)
    # One damaged time stamp makes a recording of centuries.
    needed = 4 * population.x.size * ((stop - first) // leak.snapshot)
    afford(needed, f"leaky population: snapshots of {(stop - first) / 1e6:,.0f} s", "give a window with start and stop")
    snapshots = np.zeros(((stop - first) // leak.snapshot, *population.shape), np.int32)
    sent, at = [], first
    counts = {first: population.counts}
    for until in sorted({*range(first + leak.snapshot, stop + 1, leak.snapshot), *marks, stop}):
        sent.append(population.advance(recording.between(at, until), until))
        if until > first and (until - first) % leak.snapshot == 0:
            snapshots[(until - first) // leak.snapshot - 1] = population.sent.reshape(population.shape)
        counts[until] = population.counts
        at = until
    t, neuron, payload = (np.concatenate(columns) for columns in zip(*sent))
    events = Events(t - first, neuron, payload, [0, len(t)], population.shape, tick=1.0, unit="us")
    return Response(events, snapshots, population.counts, tuple(counts[mark] for mark in marks))
