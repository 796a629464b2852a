"""One setting tried on the workload: a row of the report, and its curve."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tfsnn.aliases import Floats
from tfsnn.errors import InputError
from tfsnn.plan.make import make
from tfsnn.plan.settings import Settings
from tfsnn.simulate import Result, run

from .measure import curves
from .measure.curves import Curve
from .workload import Workload

POINTS = 400


@dataclass(frozen=True, eq=False)
class Trial:
    """One run of all frames at one threshold.

    Parameters
    ----------
    result
        What the simulation gave, without its trajectory.
    outputs, operations
        float64 (frames, outputs) and int64 (frames): what was said at the end of each frame, and what the frame cost.
    curve, budget
        Score over the course of a frame; None of a stream, whose frames are a time stamp each.
    stamps
        Time stamps of all samples together.
    """

    result: Result
    outputs: Floats
    operations: NDArray[np.int64]
    curve: Curve | None
    budget: tuple[Floats, Floats] | None
    stamps: int


def trial(workload: Workload, settings: Settings, *, progress: Callable[[int], object] | None = None) -> Trial:
    """Simulate all frames at one threshold.

    Parameters
    ----------
    workload
        What to simulate.
    settings
        How.
    progress
        Called with the number of samples done.
    """
    plan = make(workload.graph, settings)
    result = run(plan, workload.events, record=("trajectory",), progress=progress, where="evaluate")
    trajectory, at_start = result.trajectory, curves.start(result.plan)
    if trajectory is None:
        raise InputError(f"evaluate: engine {result.engine!r} records no trajectory; choose another")
    kept, stamps = replace(result, trajectory=None), len(trajectory.t)
    if workload.streamed:
        outputs, operations, _ = curves.frames_of(trajectory, at_start, len(workload.labels))
        return Trial(kept, outputs, operations, None, None, stamps)
    curve = curves.curve(trajectory, workload.labels, at_start, workload.measure).thinned(POINTS)
    budget = curves.budget(trajectory, workload.labels, at_start, workload.measure)
    return Trial(kept, result.outputs, result.operations, curve, budget, stamps)
