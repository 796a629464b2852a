"""How long a frame takes: the event network beside the user's model in Keras and in LiteRT, frame by frame in turn."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Any

import numpy as np

from tfsnn.aliases import Array
from tfsnn.errors import FileError
from tfsnn.plan.plan import Plan
from tfsnn.stream import Stream

from .baselines.original import Original
from .baselines.reference import by_keras, litert
from .workload import Workload

FRAMES, SECONDS = 200, 10.0
"""Frames that are timed at most, and after how many seconds no further one is begun."""
WARM = 3
"""Frames before the clock counts."""


def speed(workload: Workload, plan: Plan, model: Original | None) -> dict[str, Any] | None:
    """Milliseconds a frame, mean, median and 99th percentile; None where there is nothing to time fairly.

    All take a raw frame each in turn: the event network encodes it and runs on the compiled engine, one thread; Keras and
    LiteRT take its values in float32.

    Parameters
    ----------
    workload
        The frames, of one input.
    plan
        The event network, at the threshold of the headline.
    model
        The user's model, if it is there.
    """
    if len(workload.raw) > 1 or len(workload.tasks) > 1 or plan.settings.engine == "eager" or plan.settings.spiking_output:
        return None
    (raw,) = workload.raw.values()
    took: dict[str, list[float]] = {}
    runners: dict[str, Callable[[Array], object]] = {"event": _event(workload, plan)}
    beside, notes = _beside(model)
    begun = perf_counter()
    for number in range(min(len(raw), FRAMES + WARM)):
        if perf_counter() - begun > SECONDS and number > WARM:
            break
        runs = {name: (run, raw[number]) for name, run in runners.items()}
        if model is not None and beside:
            value = model.values(workload.graph, {name: part[number : number + 1] for name, part in workload.raw.items()})[0]
            runs |= {name: (run, value) for name, run in beside.items()}
        for name, (run, frame) in runs.items():
            start = perf_counter()
            run(frame)
            took.setdefault(name, []).append(1e3 * (perf_counter() - start))
    found = {name: _spread(values[WARM:] or values) for name, values in took.items()}
    count = len(took["event"]) - WARM
    return {"frames": max(count, 1), "ms": found, "notes": notes}


def _event(workload: Workload, plan: Plan) -> Callable[[Array], object]:
    s = plan.settings
    stream = Stream(workload.graph, threshold=s.threshold, unit=s.unit, spikes=s.spikes, schedule=s.schedule, initial=s.initial)
    if workload.streamed:
        return stream.step

    def run(frame: Array) -> object:
        stream.reset()
        return stream.step(frame)

    return run


def _beside(model: Original | None) -> tuple[dict[str, Callable[[Array], object]], list[str]]:
    if model is None or model.keras is None:
        return {}, []
    found: dict[str, Callable[[Array], object]] = {"keras": by_keras(model.keras).run}
    try:
        return found | {"litert": litert(model.keras).run}, []
    except FileError as error:
        return found, [str(error)]


def _spread(values: list[float]) -> dict[str, float]:
    array = np.asarray(values, np.float64)
    return {"mean": float(array.mean()), "median": float(np.median(array)), "p99": float(np.percentile(array, 99))}
