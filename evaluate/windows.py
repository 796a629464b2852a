"""Recordings of an event camera, classified after an inference window (JETCAS III-C, Figs. 6 and 7, Table II).

A window is what lies between two times of a recording. The leaky population and the network begin at rest, receive it, and the class is
that of the largest output at its end. Windows of one recording are not independent, so accuracy has two intervals: Wilson's over
windows, as if they were, and a bootstrap over recordings, which draws whole recordings.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfsnn.aliases import Floats, Integers
from tfsnn.errors import InputError
from tfsnn.input.dvs import one_behind_another
from tfsnn.input.encoder import Dvs
from tfsnn.input.events import Events
from tfsnn.input.recording import Recording
from tfsnn.input.snapshots import Response, respond
from tfsnn.network.graph import Graph
from tfsnn.plan.plan import Plan
from tfsnn.record import Trajectory
from tfsnn.simulate import run

from .baselines.ann import ann
from .measure.score import share

Labelled = Sequence[tuple[int, Recording]]
FRAME_RATE = 60
"""Frames a second of the network that is compared with: the paper's."""
RESAMPLES = 2000


@dataclass(frozen=True, eq=False)
class Presented:
    """All windows of one length, and what a leaky population makes of them.

    Parameters
    ----------
    events
        A stream for each window.
    labels, recording
        int64 (windows): class, and number of the recording that it is of.
    seconds
        Of signal, all windows together.
    camera_events, leak_updates, comparisons
        Received by the population; multiplications and comparisons there.
    encoding_seconds
        What it took.
    """

    events: Events
    labels: Integers
    recording: Integers
    seconds: float
    camera_events: int
    leak_updates: int
    comparisons: int
    encoding_seconds: float


def cuts(recording: Recording, window: int | None) -> list[tuple[int, int]]:
    """Beginning and end of each whole window of a recording, in microseconds; with None all of it is one.

    Parameters
    ----------
    recording
        The events; windows are counted from the first one.
    window
        Their length.
    """
    if not len(recording):
        return []
    first, last = int(recording.t[0]), int(recording.t[-1]) + 1
    if window is None:
        return [(first, last)]
    return [(start, start + window) for start in range(first, last - window + 1, window)]


def present(encoder: Dvs, recordings: Labelled, window: int | None) -> Presented:
    """Present every window of some recordings to a leaky population at rest.

    Parameters
    ----------
    encoder
        Its settings.
    recordings
        Class and events of each.
    window
        Its length in microseconds, None: whole recordings.
    """
    begun = perf_counter()
    responses: list[Response] = []
    origin, seconds, received = [], 0.0, 0
    for number, (_, recording) in enumerate(recordings):
        for start, stop in cuts(recording, window):
            responses.append(respond(encoder, recording, start, stop))
            origin.append(number)
            seconds += (stop - start) / 1e6
            received += int(np.diff(np.searchsorted(recording.t, (start, stop)))[0])
    if not responses:
        length = "whole recordings" if window is None else f"{window / 1000:g} ms"
        raise InputError(f"evaluate: --windows {length}: no recording is as long; give shorter ones")
    events = one_behind_another(responses)
    labels = np.array([recordings[number][0] for number in origin], np.int64)
    updates, comparisons = (sum(getattr(response, name) for response in responses) for name in ("leak_updates", "comparisons"))
    return Presented(events, labels, np.array(origin, np.int64), seconds, received, updates, comparisons, perf_counter() - begun)


def measured(plan: Plan, shown: Presented, window: int | None, progress: Callable[[int], object] | None = None) -> dict[str, Any]:
    """Accuracy and cost of a network at one threshold and one window, a row of the report.

    Parameters
    ----------
    plan
        The network and its settings.
    shown
        What :func:`present` gave.
    window
        Its length in microseconds, None: whole recordings.
    progress
        Called with the number of windows done.
    """
    result = run(plan, shown.events, record=("trajectory",), progress=progress, where="evaluate")
    right = result.outputs.argmax(axis=1) == shown.labels
    operations, took = int(result.operations.sum()), result.seconds + shown.encoding_seconds
    found = share(int(right.sum()), len(right))
    latency = stable_after(result.trajectory) if result.trajectory is not None else np.zeros(0)
    return {
        "window_ms": None if window is None else window / 1000,
        "threshold": plan.settings.threshold,
        "windows": len(right),
        "accuracy": found.value,
        "accuracy_ci95": [found.low, found.high],
        "accuracy_ci95_recordings": over_recordings(right, shown.recording),
        "operations_a_second": operations / shown.seconds,
        "camera_events_a_second": shown.camera_events / shown.seconds,
        "input_events_a_second": len(shown.events) / shown.seconds,
        "leak_updates_a_second": shown.leak_updates / shown.seconds,
        "comparisons_a_second": shown.comparisons / shown.seconds,
        "stable_after_ms": float(np.median(latency)) / 1000 if len(latency) else None,
        "seconds": took,
        "camera_events_a_second_sustained": shown.camera_events / took,
        "times_real_time": shown.seconds / took,
    }


def stable_after(trajectory: Trajectory) -> Floats:
    """Microseconds from the beginning of each window until the decision no longer changes, float64 (windows).

    Parameters
    ----------
    trajectory
        Outputs after each time stamp.
    """
    decided, found = trajectory.outputs.argmax(axis=1), []
    for start, stop in zip(trajectory.offsets[:-1], trajectory.offsets[1:]):
        other = np.flatnonzero(decided[start:stop] != decided[stop - 1]) if stop > start else np.zeros(0, np.int64)
        # The decision is the last one from the time stamp behind the last that said otherwise.
        found.append(float(trajectory.t[start + other[-1] + 1]) if len(other) else 0.0)
    return np.array(found)


def over_recordings(right: NDArray[np.bool_], recording: Integers) -> list[float]:
    """A 95 % interval of accuracy from drawing recordings, with all their windows, again and again.

    Parameters
    ----------
    right
        (windows): whether each was classified right.
    recording
        Number of the recording that it is of.

    Examples
    --------
    >>> over_recordings(np.array([True, True, False, False]), np.array([0, 0, 1, 1]))
    [0.0, 1.0]
    """
    numbers, inverse = np.unique(recording, return_inverse=True)
    good, all_of = np.bincount(inverse, weights=right), np.bincount(inverse)
    drawn = np.random.RandomState(0).randint(0, len(numbers), (RESAMPLES, len(numbers)))
    shares = good[drawn].sum(axis=1) / all_of[drawn].sum(axis=1)
    return [float(value) for value in np.percentile(shares, (2.5, 97.5))]


def frame_based(graph: Graph, encoder: Dvs, recordings: Labelled) -> dict[str, Any]:
    """The same network on snapshots, frame by frame, as it was trained.

    Parameters
    ----------
    graph, encoder
        The network, and the leaky population before it.
    recordings
        Class and events of each.
    """
    frames = [encoder.frames([recording]) for _, recording in recordings]
    counts = [len(each) for each in frames]
    labels = np.repeat([label for label, _ in recordings], counts)
    found = ann(graph, {graph.inputs[0].name: np.concatenate(frames)})
    right = found.outputs.argmax(axis=1) == labels
    macs = sum(graph.macs().values())
    return {
        "snapshots": len(labels),
        **asdict(share(int(right.sum()), len(right))),
        "ci95_recordings": over_recordings(right, np.repeat(np.arange(len(counts)), counts)),
        "macs_a_frame": macs,
        "macs_a_second": macs * FRAME_RATE,
        "frames_a_second": FRAME_RATE,
    }
