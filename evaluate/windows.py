"""Recordings of an event camera, classified after an inference window (JETCAS III-C, Figs. 6 and 7, Table II).

A window is what lies between two times of a recording. The leaky population and the network begin at rest, receive it, and the class is
that of the largest output at its end. Or a recording is presented whole, and the decision is read wherever a snapshot ends: the network
has received then exactly the frame that a frame-based one is given. Decisions on one recording are not independent, so accuracy has two
intervals: Wilson's over decisions, as if they were, and a bootstrap over recordings, which draws whole recordings.
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
from tfsnn.input.snapshots import Counts, Response, respond
from tfsnn.network.graph import Graph
from tfsnn.plan.plan import Plan
from tfsnn.record import Trajectory
from tfsnn.simulate import run

from .baselines.ann import dense_outputs
from .measure.score import share

Labelled = Sequence[tuple[int, Recording]]
Window = int | str | None
"""Microseconds; None for whole recordings; or :data:`SNAPSHOTS`."""
SNAPSHOTS = "snapshots"
"""Whole recordings, decided at the end of every snapshot."""
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
        int64 (decisions): class, and number of the recording that it is of.
    instants
        For each stream, the times before which everything has been received when a decision is read; None: once, at the end.
    seconds
        Of signal, all windows together.
    counts
        What the population did.
    encoding_seconds
        What it took.
    """

    events: Events
    labels: Integers
    recording: Integers
    instants: list[Integers] | None
    seconds: float
    counts: Counts
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


def present(encoder: Dvs, recordings: Labelled, window: Window) -> Presented:
    """Present every window of some recordings to a leaky population at rest.

    Parameters
    ----------
    encoder
        Its settings.
    recordings
        Class and events of each.
    window
        What is presented, and when the decision is read.
    """
    begun = perf_counter()
    responses: list[Response] = []
    origin, seconds = [], 0.0
    for number, (_, recording) in enumerate(recordings):
        for start, stop in cuts(recording, window, encoder.snapshot):
            responses.append(respond(encoder, recording, start, stop))
            origin.append(number)
            seconds += (stop - start) / 1e6
    if not responses:
        raise InputError(f"evaluate: --windows {named(window)}: no recording is as long; give shorter ones")
    took = perf_counter() - begun
    instants = None
    if window == SNAPSHOTS:
        instants = [encoder.snapshot * np.arange(1, len(response.snapshots) + 1) for response in responses]
        origin = np.repeat(origin, [len(each) for each in instants]).tolist()
    labels = np.array([recordings[number][0] for number in origin], np.int64)
    counts = Counts(*(sum(column) for column in zip(*(response.counts for response in responses))))
    return Presented(one_behind_another(responses), labels, np.array(origin, np.int64), instants, seconds, counts, took)


def named(window: Window) -> str:
    """What it is called."""
    return f"{window / 1000:g} ms" if isinstance(window, int) else window or "whole"


def measured(
    plan: Plan, shown: Presented, window: Window, progress: Callable[[int], object] | None = None, decided: Integers | None = None
) -> dict[str, Any]:
    """Accuracy and cost of a network at one threshold and one window, a row of the report.

    Parameters
    ----------
    plan
        The network and its settings.
    shown
        What :func:`present` gave.
    window
        The one that it was given.
    progress
        Called with the number of windows done.
    decided
        What the frame-based network decides on every snapshot.
    """
    result = run(plan, shown.events, record=("trajectory",), progress=progress, where="evaluate")
    outputs, path = result.outputs, result.trajectory
    if shown.instants is not None and path is not None:
        outputs = outputs_at(path, shown.instants, at_rest(plan))
    classes = outputs.argmax(axis=1)
    right = classes == shown.labels
    operations, took = int(result.operations.sum()), result.seconds + shown.encoding_seconds
    found = share(int(right.sum()), len(right))
    latency = stable_after(path) if path is not None else np.zeros(0)
    return {
        "window": named(window),
        "window_ms": window / 1000 if isinstance(window, int) else None,
        "threshold": plan.settings.threshold,
        "windows": len(right),
        "accuracy": found.value,
        "accuracy_ci95": [found.low, found.high],
        "accuracy_ci95_recordings": over_recordings(right, shown.recording),
        "same_as_frame_based": None if decided is None or shown.instants is None else float(np.mean(classes == decided)),
        "operations_a_window": operations / shown.events.samples,
        "operations_a_second": operations / shown.seconds,
        "camera_events_a_second": shown.counts.additions / shown.seconds,
        "input_events_a_second": len(shown.events) / shown.seconds,
        "population_a_second": {name: count / shown.seconds for name, count in shown.counts._asdict().items()},
        "stable_after_ms": float(np.median(latency)) / 1000 if len(latency) else None,
        "seconds": took,
        "camera_events_a_second_sustained": shown.counts.additions / took,
        "times_real_time": shown.seconds / took,
    }


def outputs_at(trajectory: Trajectory, instants: Sequence[Integers], rest: Floats) -> Floats:
    """The outputs once everything stamped before an instant has settled, float64 (instants of all samples, outputs).

    Parameters
    ----------
    trajectory
        Outputs after each time stamp.
    instants
        Of each sample.
    rest
        float64 (outputs): before the first time stamp.
    """
    found = []
    for start, stop, times in zip(trajectory.offsets[:-1], trajectory.offsets[1:], instants):
        so_far = np.concatenate([rest[None], trajectory.outputs[start:stop]])
        found.append(so_far[np.searchsorted(trajectory.t[start:stop], times)])
    return np.concatenate(found)


def at_rest(plan: Plan) -> Floats:
    """The outputs before any event, float64 (outputs)."""
    shape = plan.graph.inputs[0].shape
    return np.asarray(run(plan, Events([], [], [], [0, 0], shape, tick=1.0, unit="us"), where="evaluate").outputs[0])


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


def frame_based(graph: Graph, encoder: Dvs, recordings: Labelled) -> tuple[dict[str, Any], Integers]:
    """The same network on snapshots, frame by frame, as it was trained: what it achieves, and what it decides on each.

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
    decided = dense_outputs(graph, {graph.inputs[0].name: np.concatenate(frames)}).argmax(axis=1)
    right = decided == labels
    macs = sum(graph.macs().values())
    content = {
        "snapshots": len(labels),
        **asdict(share(int(right.sum()), len(right))),
        "ci95_recordings": over_recordings(right, np.repeat(np.arange(len(counts)), counts)),
        "macs_a_frame": macs,
        "macs_a_second": macs * FRAME_RATE,
        "frames_a_second": FRAME_RATE,
    }
    return content, decided
