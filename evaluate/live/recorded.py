"""Recordings: frames in their order, and what is right for each where that is known; of a data set, or of a video."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from tfsnn.aliases import Array, Floats, Integers
from tfsnn.errors import InputError
from tfsnn.input.dataset import Dataset
from tfsnn.input.framing import Framing
from tfsnn.input.video import Source, open_video
from tfsnn.memory import afford
from tfsnn.network.graph import Graph

from ..measure.task import Task, task_of
from ..workload import ports_of
from .decisions import decision


@dataclass(frozen=True, eq=False)
class Recording:
    """Frames that follow one another; between two recordings a stream starts over.

    Parameters
    ----------
    name
        For reports.
    frames
        Raw, (frames, \\*shape).
    targets
        What is right for each, in the form that :class:`tfsnn.evaluate.measure.task.Task` takes; None where nobody knows.
    """

    name: str
    frames: Array
    targets: Array | None = None


@dataclass(frozen=True, eq=False)
class Footage:
    """What a network is evaluated on.

    Parameters
    ----------
    name
        Of the data set or the video.
    chosen_on, chosen_from
        Recordings that a threshold is chosen on, and what they are, in words; none: it is chosen on those that are reported.
    reported
        Recordings that results are reported on.
    task
        How outputs are judged.
    rate
        Frames a second, where that is known.
    ended
        Why a video ended early, else empty.
    range
        What errors of numbers are measured by, where that is known of more than these recordings.
    """

    name: str
    chosen_on: list[Recording]
    chosen_from: str
    reported: list[Recording]
    task: Task
    rate: float | None = None
    ended: str = ""
    range: float | None = None

    @property
    def labelled(self) -> bool:
        """Whether it is known what is right."""
        return self.reported[0].targets is not None


def of_dataset(graph: Graph, dataset: Dataset, *, most: int | None = None, choosing: bool = True) -> Footage:
    """The recordings of a data set: those of its test split, and of its training split those to choose on.

    Parameters
    ----------
    graph
        The network.
    dataset
        Samples of which each is the frame that follows the one before, but where ``dataset.recordings`` says that one begins.
    most
        Frames at most.
    choosing
        Whether there is something to choose.
    """
    reported, task = _split(graph, dataset, "test", most)
    chosen_on: list[Recording] = []
    if choosing:
        try:
            chosen_on, _ = _split(graph, dataset, "train", most)
        except InputError:
            # There is no such split; the report says what it was chosen on.
            chosen_on = []
        if len(chosen_on) == len(reported) and all(np.array_equal(a.frames, b.frames) for a, b in zip(chosen_on, reported)):
            chosen_on = []
    name = Path(dataset.name).name
    return Footage(name, chosen_on, "training recordings" if chosen_on else "", reported, task)


def of_video(graph: Graph, source: Source, framing: Framing, *, first: int, most: int | None = None, decide: str | None = None) -> Footage:
    """A video, of which the first frames are to choose on.

    Parameters
    ----------
    graph
        The network.
    source, framing
        As of :func:`tfsnn.input.video.open_video`.
    first
        Frames to choose on; they are not reported.
    most
        Frames at most behind these.
    decide
        How outputs are read; None: by their shape.
    """
    read = decision(graph, decide)
    with open_video(source, framing) as video:
        if video.count is not None:
            wanted = min(video.count, first + (most or video.count))
            afford(wanted * int(np.prod(framing.shape)), f"{video.name}: {wanted} frames", "take fewer with --samples")
        frames = iter(video)
        begin, rest = list(islice(frames, first)), list(islice(frames, most))
    if len(rest) < 2:
        found = f"{video.name}: has {len(begin) + len(rest)} frames; a threshold is chosen on the first {first}"
        raise InputError(f"{found}, and two at least must follow; give fewer with --first")
    chosen_on = [Recording(f"its first {first} frames", np.stack(begin))] if begin else []
    task = Task(read.kind, read.shape, read.level)
    reported = [Recording(video.name, np.stack(rest))]
    return Footage(video.name, chosen_on, f"the first {first} frames" if begin else "", reported, task, video.rate, video.ended)


def frames_of(recordings: Sequence[Recording]) -> Array:
    """All frames, one behind the other."""
    return np.concatenate([recording.frames for recording in recordings])


def evenly(count: int, most: int) -> Integers:
    """Numbers of frames, evenly chosen, the first and the last included.

    Examples
    --------
    >>> evenly(9, 3).tolist(), evenly(2, 3).tolist()
    ([0, 4, 8], [0, 1])
    """
    return np.linspace(0, count - 1, min(most, count)).astype(np.int64)


def targets_of(recordings: Sequence[Recording]) -> Array | None:
    """What is right for all frames; None where nobody knows."""
    found = [recording.targets for recording in recordings if recording.targets is not None]
    return np.concatenate(found) if found else None


def extent(task: Task, targets: Array | None, outputs: Floats) -> float:
    """What errors of numbers are measured by: the range of what is right, or of the outputs of a reference where nobody knows."""
    return float(np.ptp(outputs if targets is None or task.kind != "values" else targets))


def _split(graph: Graph, dataset: Dataset, split: str, most: int | None) -> tuple[list[Recording], Task]:
    read = decision(graph)
    found = dataset.split(split, ports_of(graph))
    x, y = _one(found.x, graph.inputs[0].name), _one(found.y, graph.outputs[0])
    if x.shape[1:] != graph.inputs[0].shape:
        raise InputError(
            f"evaluate: frames of {dataset.name} have shape {x.shape[1:]}, the network's input {graph.inputs[0].shape}; "
            "evaluate on the data it was trained for"
        )
    task, targets = (Task(read.kind, read.shape, read.level), None) if y is None else _judged(graph, y, dataset.name)
    starts = dataset.recordings(split)
    cuts: Any = [0] if starts is None else starts.tolist()
    count = len(x) if most is None else min(most, len(x))
    parts = [slice(begin, min(end, count)) for begin, end in zip(cuts, [*cuts[1:], len(x)]) if begin < count]
    made = [
        Recording(f"recording {number}", x[part], None if targets is None else targets[part]) for number, part in enumerate(parts, start=1)
    ]
    return made, task


def _one(part: Any, name: str) -> Any:
    return part[name] if isinstance(part, Mapping) else part


def _judged(graph: Graph, y: Array, name: str) -> tuple[Task, Array]:
    return task_of(graph[graph.outputs[0]], y, f"labels of {name}")
