"""Recordings of an event camera, classified after an inference window (JETCAS III-C, Figs. 6 and 7, Table II).

A window is what lies between two times of a recording. The leaky population and the network begin at rest, receive it, and the class is
that of the largest output at its end. Or a recording is presented whole, and the decision is read wherever a snapshot ends: the network
has received then exactly the frame that a frame-based one is given. Decisions on one recording are not independent, so accuracy has two
intervals: Wilson's over decisions, as if they were, and a bootstrap over recordings, which draws whole recordings.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfsnn.aliases import Floats, Integers
from tfsnn.errors import InputError
from tfsnn.input.encoder import Dvs
from tfsnn.input.events import Events
from tfsnn.input.snapshots import Counts
from tfsnn.network.graph import Graph
from tfsnn.plan.plan import Plan
from tfsnn.record import Trajectory
from tfsnn.simulate import run

from .baselines.ann import dense_outputs
from .measure.score import share
from .presented import SNAPSHOTS, Labelled, Presented, Window, cuts, named, present

FRAME_RATE = 60
"""Frames a second of the network that is compared with: the paper's."""
RESAMPLES = 2000


@dataclass
class Tally:
    """What windows of one length came to: their decisions, and for each decision the recording that it is of."""

    right: list[bool] = field(default_factory=list)
    same: list[bool] = field(default_factory=list)
    recording: list[int] = field(default_factory=list)
    latency: list[float] = field(default_factory=list)
    operations: int = 0
    input_events: int = 0
    seconds: float = 0.0
    counts: Counts = Counts()


class Measurement:
    """What a network decides at one threshold, and what it costs, over recordings that are shown one by one.

    Parameters
    ----------
    plan
        The network and its settings.
    windows
        The lengths that recordings are presented with.
    """

    def __init__(self, plan: Plan, windows: Sequence[Window]) -> None:
        self.plan, self.windows = plan, windows
        self.tallies = [Tally() for _ in windows]
        self.rest = at_rest(plan)
        self.recordings, self.received, self.signal, self.took = 0, 0, 0.0, 0.0

    def show(
        self, shown: Presented, label: int, decided: Integers | None = None, progress: Callable[[int], object] | None = None
    ) -> None:
        """Replay a recording, and read every window.

        Parameters
        ----------
        shown
            What :func:`present` gave.
        label
            Its class.
        decided
            What the frame-based network decides on its snapshots.
        progress
            Called with the number of streams done.
        """
        result = run(self.plan, shown.events, record=("trajectory",), progress=progress, where="evaluate")
        if result.trajectory is None:
            raise RuntimeError("a trajectory was asked for")
        self.received += shown.received
        self.signal += shown.seconds
        self.took += result.seconds + shown.encoding_seconds
        for window, tally, reads in zip(self.windows, self.tallies, shown.reads):
            for read in reads:
                part = until(result.trajectory, read.stream, int(read.instants[-1]))
                classes = outputs_at(part, read.instants, self.rest).argmax(axis=1)
                tally.right += (classes == label).tolist()
                tally.same += [] if decided is None or window != SNAPSHOTS else (classes == decided).tolist()
                tally.recording += [self.recordings] * len(classes)
                tally.latency.append(stable_after(part))
                tally.operations += int(part.operations[-1]) if len(part.t) else 0
                begin, end = shown.events.offsets[read.stream : read.stream + 2]
                tally.input_events += int(np.searchsorted(shown.events.t[begin:end], read.instants[-1]))
                tally.seconds += int(read.instants[-1]) / 1e6
                tally.counts = Counts(*map(sum, zip(tally.counts, read.counts)))
        self.recordings += 1

    def rows(self) -> list[dict[str, Any]]:
        """Accuracy and cost after each window, rows of the report; the speed is that of all replays together."""
        speed = {
            "seconds": self.took,
            "camera_events_a_second_sustained": self.received / self.took,
            "times_real_time": self.signal / self.took,
        }
        return [self._row(window, tally) | speed for window, tally in zip(self.windows, self.tallies)]

    def _row(self, window: Window, tally: Tally) -> dict[str, Any]:
        right = np.array(tally.right)
        found = share(int(right.sum()), len(right))
        return {
            "window": named(window),
            "window_ms": window / 1000 if isinstance(window, int) else None,
            "threshold": self.plan.settings.threshold,
            "windows": len(right),
            "accuracy": found.value,
            "accuracy_ci95": [found.low, found.high],
            "accuracy_ci95_recordings": over_recordings(right, np.array(tally.recording)),
            "same_as_frame_based": float(np.mean(tally.same)) if tally.same else None,
            "operations_a_window": tally.operations / len(tally.latency),
            "operations_a_second": tally.operations / tally.seconds,
            "camera_events_a_second": tally.counts.additions / tally.seconds,
            "input_events_a_second": tally.input_events / tally.seconds,
            "population_a_second": {name: count / tally.seconds for name, count in tally.counts._asdict().items()},
            "stable_after_ms": float(np.median(tally.latency)) / 1000,
        }


def measured(
    plans: Sequence[Plan],
    encoder: Dvs,
    recordings: Labelled,
    windows: Sequence[Window],
    progress: Callable[[int], object] | None = None,
    decided: Sequence[Integers] | None = None,
) -> list[list[dict[str, Any]]]:
    """Accuracy and cost of a network over recordings: for each window, a row for each plan.

    Parameters
    ----------
    plans
        The network, at each threshold.
    encoder
        The leaky population before it.
    recordings
        Class and events of each.
    windows
        What is presented, and when decisions are read.
    progress
        Called with the number of streams done.
    decided
        What the frame-based network decides on the snapshots of each recording.
    """
    for window in windows:
        if not any(cuts(recording, window, encoder.snapshot) for _, recording in recordings):
            raise InputError(f"evaluate: --windows {named(window)}: no recording is as long; give shorter ones")
    found = [Measurement(plan, windows) for plan in plans]
    for number, (label, recording) in enumerate(recordings):
        shown = present(encoder, recording, windows)
        if shown is not None:
            for each in found:
                each.show(shown, label, None if decided is None else decided[number], progress)
    return [list(rows) for rows in zip(*(each.rows() for each in found))]


def until(trajectory: Trajectory, stream: int, instant: int) -> Trajectory:
    """What a trajectory says of one stream, of the time stamps before an instant.

    Parameters
    ----------
    trajectory
        Of all streams.
    stream
        The one.
    instant
        Microseconds from its beginning.
    """
    start, stop = trajectory.offsets[stream : stream + 2]
    stop = start + np.searchsorted(trajectory.t[start:stop], instant)
    t, outputs, operations, spikes = (getattr(trajectory, name)[start:stop] for name in ("t", "outputs", "operations", "spikes"))
    return Trajectory(np.array([0, stop - start]), t, outputs, operations, spikes)


def outputs_at(trajectory: Trajectory, instants: Integers, rest: Floats) -> Floats:
    """The outputs once everything stamped before an instant has settled, float64 (instants, outputs).

    Parameters
    ----------
    trajectory
        Outputs after each time stamp, of one stream.
    instants
        int64 (instants): in microseconds.
    rest
        float64 (outputs): before the first time stamp.
    """
    at = np.searchsorted(trajectory.t, instants)
    return np.array([trajectory.outputs[row - 1] if row else rest for row in at])


def at_rest(plan: Plan) -> Floats:
    """The outputs before any event, float64 (outputs)."""
    shape = plan.graph.inputs[0].shape
    return np.asarray(run(plan, Events([], [], [], [0, 0], shape, tick=1.0, unit="us"), where="evaluate").outputs[0])


def stable_after(trajectory: Trajectory) -> float:
    """Microseconds from the beginning of a stream until the decision no longer changes.

    Parameters
    ----------
    trajectory
        Outputs after each time stamp, of one stream.
    """
    decided = trajectory.outputs.argmax(axis=1)
    other = np.flatnonzero(decided != decided[-1]) if len(decided) else decided
    # The decision is the last one from the time stamp behind the last that said otherwise.
    return float(trajectory.t[other[-1] + 1]) if len(other) else 0.0


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


def frame_based(graph: Graph, encoder: Dvs, recordings: Labelled) -> tuple[dict[str, Any], list[Integers]]:
    """The same network on snapshots, frame by frame, as it was trained: what it achieves, and what it decides on those of each recording.

    Parameters
    ----------
    graph, encoder
        The network, and the leaky population before it.
    recordings
        Class and events of each.
    """
    decided = []
    for _, recording in recordings:
        frames = encoder.frames([recording])
        found = dense_outputs(graph, {graph.inputs[0].name: frames}).argmax(axis=1) if len(frames) else np.zeros(0, np.int64)
        decided.append(found)
    counts = [len(each) for each in decided]
    right = np.concatenate(decided) == np.repeat([label for label, _ in recordings], counts)
    macs = sum(graph.macs().values())
    content = {
        "snapshots": len(right),
        **asdict(share(int(right.sum()), len(right))),
        "ci95_recordings": over_recordings(right, np.repeat(np.arange(len(counts)), counts)),
        "macs_a_frame": macs,
        "macs_a_second": macs * FRAME_RATE,
        "frames_a_second": FRAME_RATE,
    }
    return content, decided
