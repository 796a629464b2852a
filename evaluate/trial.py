"""One setting tried on the workload: a row of the report, and its curve."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import prod

import numpy as np
from numpy.typing import NDArray

from tfsnn.aliases import Floats
from tfsnn.errors import InputError
from tfsnn.plan.plan import Plan
from tfsnn.record import Trajectory
from tfsnn.simulate import Result, run

from .measure import curves
from .measure.curves import Curve
from .workload import Workload

POINTS = 400
WATCHED = 1024
"""Outputs of a network whose course within a frame is recorded, at most: it is kept for every time stamp of every frame."""


@dataclass(frozen=True, eq=False)
class Trial:
    """One run of all frames at one threshold.

    Parameters
    ----------
    result
        What the simulation gave, without its trajectory.
    outputs, operations
        float64 (frames, outputs) and int64 (frames): outputs at the end of each frame, and what the frame cost.
    curve, budget
        Score over the course of a frame; None of a stream, whose frames are a time stamp each, and of large outputs.
    stamps
        Time stamps of all samples together; None where they were not recorded.
    """

    result: Result
    outputs: Floats
    operations: NDArray[np.int64]
    curve: Curve | None
    budget: tuple[Floats, Floats] | None
    stamps: int | None


def trial(workload: Workload, plan: Plan, *, curved: bool = True, progress: Callable[[int], object] | None = None) -> Trial:
    """Simulate all frames at one threshold.

    Parameters
    ----------
    workload
        What to simulate.
    plan
        How.
    curved
        Record the course within a frame, where outputs are few.
    progress
        Called with the number of samples done.
    """
    outputs = sum(prod(task.shape) for task in workload.tasks.values())
    curved = curved and not workload.streamed and outputs <= WATCHED and workload.tasks[workload.first].kind != "mask"
    if not curved and not workload.streamed:
        result = run(plan, workload.events, progress=progress, where="evaluate")
        return Trial(result, result.outputs, result.operations, None, None, None)
    result = run(plan, workload.events, record=("trajectory",), progress=progress, where="evaluate")
    trajectory, at_start = result.trajectory, curves.start(result.plan)
    if trajectory is None:
        raise InputError(f"evaluate: engine {result.engine!r} records no trajectory; choose another")
    kept, stamps = replace(result, trajectory=None), len(trajectory.t)
    if workload.streamed:
        said, operations, _ = curves.frames_of(trajectory, at_start, workload.samples)
        return Trial(kept, said, operations, None, None, stamps)
    task, targets = workload.tasks[workload.first], workload.targets[workload.first]
    trajectory, at_start = _of_first(trajectory, prod(task.shape)), at_start[: prod(task.shape)]
    curve = curves.curve(trajectory, task, targets, at_start).thinned(POINTS)
    budget = curves.budget(trajectory, task, targets, at_start)
    return Trial(kept, result.outputs, result.operations, curve, budget, stamps)


def _of_first(trajectory: Trajectory, units: int) -> Trajectory:
    """The trajectory of the first output alone."""
    return replace(trajectory, outputs=trajectory.outputs[:, :units])
