"""What a run is worth and what it costs over the course of a frame.

A *cut* asks what a network would have said, had it been stopped there. Between two time stamps nothing changes, so
every curve is a staircase and is computed exactly, over all samples, from what a trajectory holds:

* cut at time t: each sample has settled its time stamps up to t. Score, operations and events are means over samples;
  drawn against each other they are the papers' figures (AICAS Figs. 3 and 4, JETCAS Fig. 3).
* cut at a budget B: each sample has settled as many time stamps as B synaptic operations pay for.

Before its first event a sample says what the network says at its start, :func:`start`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfsnn.aliases import Floats
from tfsnn.errors import InputError
from tfsnn.plan.plan import Plan
from tfsnn.record import Trajectory, readout

from .task import Task


@dataclass(frozen=True, eq=False)
class Curve:
    """Means over samples, all stopped at the same time; the first entry is the start, a tick ahead of the first event.

    Parameters
    ----------
    time
        int64 (cuts): time stamps, in ticks.
    score
        float64 (cuts): the measure that decides.
    operations, spikes
        float64 (cuts): synaptic operations, and events sent (the input's included), a sample has spent by then.
    """

    time: NDArray[np.int64]
    score: Floats
    operations: Floats
    spikes: Floats

    def thinned(self, points: int) -> Curve:
        """At most so many of its cuts, the first and the last among them; each as exact as before."""
        kept = np.unique(np.rint(np.linspace(0, len(self.time) - 1, points)).astype(np.int64))
        return Curve(self.time[kept], self.score[kept], self.operations[kept], self.spikes[kept])


def start(plan: Plan) -> Floats:
    """float64 (outputs): what the network says before any event."""
    populations = plan.populations
    said = readout(plan, [p.rest_x[None] for p in populations], [p.rest_o[None] for p in populations])
    return np.asarray(said[0], np.float64)


def curve(trajectory: Trajectory, task: Task, targets: NDArray[Any], at_start: Floats) -> Curve:
    """Score, operations and events against time.

    Parameters
    ----------
    trajectory
        Of all samples.
    task, targets
        How its outputs are judged, and (samples, ...) against what; no masks.
    at_start
        (outputs): :func:`start`.
    """
    rows, first = _scored(trajectory, task, targets, at_start)
    nothing = np.zeros(len(first))
    columns = [
        _staircase(trajectory.t, trajectory.offsets, values, before)
        for values, before in ((rows, first), (trajectory.operations, nothing), (trajectory.spikes, nothing))
    ]
    stamps = columns[0][0]
    time = np.concatenate([stamps[:1] - 1 if len(stamps) else [0], stamps]).astype(np.int64)
    score, operations, spikes = (np.concatenate([[mean], after]) for (_, after), mean in zip(columns, (first.mean(), 0, 0)))
    return Curve(time, task.summarized(score), operations, spikes)


def budget(trajectory: Trajectory, task: Task, targets: NDArray[Any], at_start: Floats) -> tuple[Floats, Floats]:
    """Score against the synaptic operations that each sample may spend.

    Parameters
    ----------
    trajectory, task, targets, at_start
        As for :func:`curve`.

    Returns
    -------
    float64 (steps), float64 (steps)
        Budgets at which the score changes, from 0, and the score from each of them on.
    """
    rows, first = _scored(trajectory, task, targets, at_start)
    spent, score = _staircase(trajectory.operations, trajectory.offsets, rows, first)
    keep = np.concatenate([[True], np.diff(score) != 0]) if len(score) else np.zeros(0, np.bool_)
    ahead = int(not len(spent) or bool(spent[0] > 0))
    return np.append([0.0] * ahead, spent[keep]), task.summarized(np.append([first.mean()] * ahead, score[keep]))


def frames_of(
    trajectory: Trajectory, at_start: Floats, frames: int
) -> tuple[Floats, NDArray[np.int64], NDArray[np.int64]]:
    """One stream of frames, a time stamp each, taken apart: what was said after each frame, and what it took.

    Parameters
    ----------
    trajectory
        Of one sample, whose time stamps number the frames from 0; a frame without events has none.
    at_start
        (outputs): :func:`start`.
    frames
        How many there were.

    Returns
    -------
    float64 (frames, outputs), int64 (frames), int64 (frames)
        Outputs; synaptic operations and events sent in each frame.
    """
    row = np.searchsorted(trajectory.t, np.arange(frames), side="right")
    outputs = np.concatenate([at_start[None], trajectory.outputs])[row]
    operations, spikes = (
        np.diff(np.append(0, values)[row], prepend=0) for values in (trajectory.operations, trajectory.spikes)
    )
    return outputs, operations, spikes


def _scored(trajectory: Trajectory, task: Task, targets: NDArray[Any], at_start: Floats) -> tuple[Floats, Floats]:
    """Score of each row of the trajectory, and of each sample before its first."""
    lengths = np.diff(trajectory.offsets)
    if len(targets) != len(lengths) or task.kind == "mask":
        raise InputError(
            f"metrics: {len(targets)} targets of kind {task.kind} for {len(lengths)} samples; give one a sample, and no masks"
        )
    rows = task.scores(trajectory.outputs, np.repeat(targets, lengths, axis=0))
    return rows, task.scores(np.broadcast_to(at_start, (len(targets), len(at_start))), targets)


def _staircase(
    position: NDArray[np.int64], offsets: NDArray[np.int64], values: NDArray[Any], before: Floats
) -> tuple[NDArray[np.int64], Floats]:
    """Mean over samples of a quantity that each row sets: where it may change, and its value from there on.

    Parameters
    ----------
    position
        int64 (rows), not decreasing within a sample: where a row takes effect.
    offsets
        int64 (samples + 1)
    values
        (rows): the quantity from there on.
    before
        (samples): and before the first row.
    """
    previous = np.roll(np.asarray(values, np.float64), 1)
    filled = np.diff(offsets) > 0
    previous[offsets[:-1][filled]] = before[filled]
    where, index = np.unique(position, return_inverse=True)
    change = np.bincount(index, values - previous, len(where))
    return where, (before.sum() + np.cumsum(change)) / len(before)
