"""What of a recording is presented to a network: windows, each from rest, and the instants at which the decision is read.

What a network does until some instant does not depend on what comes later, so windows that begin together are one replay, as long as the
longest of them, and all of them are read off it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import NamedTuple

import numpy as np

from tfsnn.aliases import Integers
from tfsnn.input.dvs import one_behind_another
from tfsnn.input.encoder import Dvs
from tfsnn.input.events import Events
from tfsnn.input.recording import Recording
from tfsnn.input.snapshots import Counts, Response, respond

Labelled = Sequence[tuple[int, Recording]]
Window = int | str | None
"""Microseconds; None for whole recordings; or :data:`SNAPSHOTS`."""
SNAPSHOTS = "snapshots"
"""Whole recordings, decided at the end of every snapshot."""


class Read(NamedTuple):
    """A window, as a part of a replay.

    Parameters
    ----------
    stream
        The replay.
    instants
        int64 (decisions): microseconds from its beginning before which everything has been received when a decision is read; the window
        ends with the last of them.
    counts
        What the leaky population does in the window.
    """

    stream: int
    instants: Integers
    counts: Counts


@dataclass(frozen=True, eq=False)
class Presented:
    """A recording, and what a leaky population makes of it.

    Parameters
    ----------
    events
        A stream for each instant at which windows begin, as long as the longest of them.
    reads
        For each length, its windows.
    seconds
        Of signal, all streams together.
    received
        Events of the camera, all streams together.
    encoding_seconds
        What the population took.
    """

    events: Events
    reads: list[list[Read]]
    seconds: float
    received: int
    encoding_seconds: float


def cuts(recording: Recording, window: Window, snapshot: int) -> list[tuple[int, int]]:
    """Beginning and end of each whole window of a recording, in microseconds.

    Parameters
    ----------
    recording
        The events; windows are counted from the first one.
    window
        Their length.
    snapshot
        Microseconds between snapshots: where the decision is read at their ends, the recording lasts until the last of them.
    """
    if not len(recording):
        return []
    first, last = int(recording.t[0]), int(recording.t[-1]) + 1
    if isinstance(window, int):
        return [(start, start + window) for start in range(first, last - window + 1, window)]
    return [(first, last if window is None else first - (first - last) // snapshot * snapshot)]


def streams(recording: Recording, windows: Sequence[Window], snapshot: int) -> dict[int, list[int]]:
    """Where the windows of a recording begin, and all the ends of those that begin there, in ascending order; in microseconds.

    Parameters
    ----------
    recording, snapshot
        As of :func:`cuts`.
    windows
        All their lengths.
    """
    found: dict[int, set[int]] = {}
    for window in windows:
        for start, stop in cuts(recording, window, snapshot):
            found.setdefault(start, set()).add(stop)
    return {start: sorted(found[start]) for start in sorted(found)}


def present(encoder: Dvs, recording: Recording, windows: Sequence[Window]) -> Presented | None:
    """Present every window of a recording to a leaky population at rest; None if it is too short for any.

    Parameters
    ----------
    encoder
        Its settings.
    recording
        The events.
    windows
        What is presented, and when decisions are read.
    """
    begun = perf_counter()
    responses: list[Response] = []
    at: dict[tuple[int, int], tuple[int, Counts]] = {}
    seconds = 0.0
    for number, (start, stops) in enumerate(streams(recording, windows, encoder.snapshot).items()):
        responses.append(respond(encoder, recording, start, stops[-1], stops))
        at |= {(start, stop): (number, counts) for stop, counts in zip(stops, responses[-1].marks)}
        seconds += (stops[-1] - start) / 1e6
    if not responses:
        return None
    took = perf_counter() - begun
    reads = []
    for window in windows:
        step = encoder.snapshot if window == SNAPSHOTS else None
        found = [(start, stop, *at[start, stop]) for start, stop in cuts(recording, window, encoder.snapshot)]
        reads.append([Read(number, _instants(stop - start, step), counts) for start, stop, number, counts in found])
    received = sum(response.counts.additions for response in responses)
    return Presented(one_behind_another(responses), reads, seconds, received, took)


def _instants(length: int, step: int | None) -> Integers:
    return np.array([length]) if step is None else np.arange(step, length + 1, step)


def named(window: Window) -> str:
    """What it is called."""
    return f"{window / 1000:g} ms" if isinstance(window, int) else window or "whole"
