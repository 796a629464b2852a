"""A network on recordings: what it gives at every frame, what that costs, and how far it is from others and from what is right."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfsnn.aliases import Array, Floats
from tfsnn.network.graph import Graph
from tfsnn.plan.settings import Settings
from tfsnn.stream import Stream

from ..baselines.ann import ann
from ..measure.task import Task
from .recorded import Recording, evenly, frames_of
from .run import rows, spread

Progress = Callable[[int], object]
COUNTED = 100
"""Frames on which it is counted what the zero-skipping ANN computes, at most."""


@dataclass(frozen=True, eq=False)
class Passage:
    """All frames of all recordings through one stream that starts over with each recording.

    Parameters
    ----------
    outputs
        float64 (frames, outputs)
    operations, events
        int64 (frames): synaptic operations, and events of the input.
    ms
        float64 (frames): wall-clock time of a step.
    first
        bool (frames): whether a recording begins with it. It brings everything, and is reported apart.
    """

    outputs: Floats
    operations: NDArray[np.int64]
    events: NDArray[np.int64]
    ms: Floats
    first: NDArray[np.bool_]


def streamed(graph: Graph, settings: Settings) -> Stream:
    """A stream of a network.

    Parameters
    ----------
    graph, settings
        The network, and how it is run.
    """
    s = settings
    return Stream(graph, threshold=s.threshold, unit=s.unit, spikes=s.spikes, schedule=s.schedule, initial=s.initial)


def nonzero_macs(graph: Graph, recordings: Sequence[Recording]) -> float:
    """Multiply-accumulates of a frame whose input is not 0, counted on :data:`COUNTED` frames at most.

    Parameters
    ----------
    graph, recordings
        The network, and the frames.
    """
    frames, source = frames_of(recordings), graph.inputs[0]
    found = ann(graph, {source.name: source.encoder.frames(frames[evenly(len(frames), COUNTED)])})
    return float(sum(counts.mean() for counts in found.nonzero_macs.values()))


def passed(stream: Stream, recordings: Sequence[Recording], progress: Progress) -> Passage:
    """Step a stream through recordings.

    Parameters
    ----------
    stream
        The network.
    recordings
        The frames.
    progress
        Called with 1 for each frame.
    """
    outputs, counts, first = [], [], []
    for recording in recordings:
        stream.reset()
        for row, _ in rows(stream, recording.frames):
            outputs.append(row.outputs)
            counts.append((row.operations, row.events, 1e3 * row.seconds))
            first.append(row.frame == 0)
            progress(1)
    operations, events, ms = zip(*counts)
    return Passage(np.stack(outputs), np.array(operations), np.array(events), np.array(ms), np.array(first))


def apart(passage: Passage, dense: int, zero_skipping: float) -> dict[str, Any]:
    """What frames cost, the first of each recording apart.

    Parameters
    ----------
    passage
        The frames.
    dense, zero_skipping
        Multiply-accumulates a frame of the dense network, and of the one that skips zeros.
    """
    later = ~passage.first if not passage.first.all() else passage.first
    found: dict[str, Any] = {}
    for name in ("operations", "events", "ms"):
        values = getattr(passage, name)
        found[name] = {"first": float(values[passage.first].mean())} | spread(values[later].tolist())
    operations = max(found["operations"]["mean"], 1e-9)
    return found | {"reduction": {"dense": dense / operations, "zero_skipping": zero_skipping / operations}}


def distance(task: Task, outputs: Floats, others: Floats, range_: float) -> dict[str, Any]:
    """How far outputs are from another network's: the rms error and its share of the range; or the share of the same decisions.

    Parameters
    ----------
    task
        How outputs are read.
    outputs, others
        float64 (frames, outputs)
    range_
        What errors of numbers are measured by.
    """
    if task.kind == "values":
        rms = float(np.sqrt(np.mean((outputs - others) ** 2)))
        return {"rms_error": rms, "rms_share_of_range": rms / range_ if range_ > 0 else None}
    return {"same_decisions": float(np.mean(task.decided(outputs) == task.decided(others)))}


def quality(found: Mapping[str, Any]) -> float:
    """Share of the same decisions; of values 1 - rms error / range, NaN where nothing has a range."""
    if "same_decisions" in found:
        return float(found["same_decisions"])
    share = found["rms_share_of_range"]
    return float("nan") if share is None else 1 - float(share)


def chosen(found: Sequence[float], wanted: float) -> tuple[int, bool]:
    """The last of the thresholds, from low to high, up to which quality holds, and whether one does; else the best.

    Examples
    --------
    >>> chosen([0.999, 0.995, 0.98, 0.992], 0.99)
    (1, True)
    >>> chosen([0.9, 0.95], 0.99)
    (1, False)
    """
    held = 0
    while held < len(found) and found[held] >= wanted:
        held += 1
    return (held - 1, True) if held else (int(np.nan_to_num(np.asarray(found), nan=-np.inf).argmax()), False)


def against_labels(task: Task, outputs: Floats, targets: Array | None) -> dict[str, Any] | None:
    """Measures of outputs against what is right; None where nobody knows."""
    return None if targets is None else task.figures(outputs, targets)
