"""Milliseconds a frame: the stream beside LiteRT, frame by frame in turn in one process; and several streams in turn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Any

import numpy as np

from tfsnn.aliases import Array
from tfsnn.errors import FileError
from tfsnn.network.graph import Graph
from tfsnn.stream import Stream

from ..baselines.original import Original
from ..baselines.reference import Reference, litert
from ..measure.task import Task
from .judged import distance
from .recorded import Recording, evenly, frames_of
from .run import spread

SECONDS = 30.0
"""After how many no further frame is timed."""
CALIBRATION = 100
"""Frames that the int8 form of LiteRT is calibrated on."""
STREAMS = (1, 2, 4)
FRAMES, EACH = 60, 5.0
"""Of several streams in turn: frames of each at most, and after how many seconds no further one is begun."""
WARM = 2
"""Frames that each stream takes before the clock counts, the first one included."""


def variants(model: Original | None, graph: Graph, calibration: Sequence[Recording]) -> tuple[list[Reference], list[str]]:
    """The float model in LiteRT, float32 and int8, on one thread and on two; and why something is missing.

    Parameters
    ----------
    model
        The user's model.
    graph
        The network that it became.
    calibration
        Frames for the int8 form.
    """
    if model is None or model.keras is None:
        why = "the Keras model was not found (--model MODEL.h5)" if model is None else f"Keras cannot load {model.name}"
        return [], [f"{why}: nothing was timed beside the stream"]
    frames = frames_of(calibration)
    some = frames[evenly(len(frames), CALIBRATION)]
    samples = model.values(graph, {graph.inputs[0].name: some})[0]
    found, notes = [], []
    for given in (None, samples):
        for threads in (1, 2):
            try:
                found.append(litert(model.keras, threads=threads, calibration=given))
            except FileError as error:
                notes.append(f"{'float32' if given is None else 'int8'}, {threads} threads: {error}")
    return found, notes


def in_turn(
    stream: Stream, recordings: Sequence[Recording], model: Original | None, others: Sequence[Reference], task: Task, range_: float
) -> dict[str, Any]:
    """Each frame through the stream, then through each of the others; batches of one.

    Parameters
    ----------
    stream
        The event network, on one thread; it starts over with each recording.
    recordings
        The frames.
    model
        Says what the others take for a frame.
    others
        Of :func:`variants`.
    task, range_
        As of :func:`tfsnn.evaluate.live.judged.distance`.

    Returns
    -------
    dict
        By name milliseconds of frames that are not the first of a recording, and how far outputs are from the first of the others.
    """
    graph, begun = stream.plan.graph, perf_counter()
    took: dict[str, list[float]] = {"event network": []}
    gave: dict[str, list[Array]] = {}
    for recording in recordings:
        stream.reset()
        for number, frame in enumerate(recording.frames):
            if perf_counter() - begun > SECONDS:
                break
            stream.step(frame)
            # What a model takes is made outside of its time.
            value = model.values(graph, {graph.inputs[0].name: frame[None]})[0] if model is not None and others else None
            found = [(other.name, other(value), other.seconds) for other in others] if value is not None else []
            if number:
                took["event network"].append(1e3 * stream.seconds)
                for name, outputs, seconds in found:
                    took.setdefault(name, []).append(1e3 * seconds)
                    gave.setdefault(name, []).append(outputs)
    rows: dict[str, Any] = {name: spread(ms) for name, ms in took.items() if ms}
    for other in others:
        rows[other.name] |= distance(task, np.stack(gave[other.name]), np.stack(gave[others[0].name]), range_)
    return {"frames": len(took["event network"]), "ms": rows}


def at_once(made: Callable[[], Stream], recordings: Sequence[Recording]) -> list[dict[str, Any]]:
    """Several streams that take turns on one thread: frames a second of all together, the first of each stream left out.

    Parameters
    ----------
    made
        A stream.
    recordings
        Each stream begins with another one.
    """
    found = []
    for count in STREAMS:
        streams = [made() for _ in range(count)]
        shown = [recordings[at % len(recordings)].frames for at in range(count)]
        most, total, steps, begun = min(FRAMES, *map(len, shown)), 0.0, 0, perf_counter()
        for number in range(most):
            if perf_counter() - begun > EACH and number > WARM:
                break
            for stream, frames in zip(streams, shown):
                stream.step(frames[number])
                if number >= min(WARM, most - 1):
                    total, steps = total + stream.seconds, steps + 1
        found.append({"streams": count, "ms": 1e3 * total / steps, "frames_a_second": steps / total})
    return found
