"""A single frame for report.json: what came in, what the outputs made of it, and the spikes between (AICAS Fig. 2)."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np

from tfsnn.aliases import Array, Floats
from tfsnn.record import EventLog
from tfsnn.simulate import Result

from ..measure.curves import start
from ..workload import Workload

SPIKES, STAMPS, OUTPUTS, SIDE = 400, 200, 10, 64
"""Spikes of a population, time stamps, outputs and pixels of a side that are kept, at most."""


def one_frame(workload: Workload, result: Result, of_ann: Floats) -> dict[str, Any] | None:
    """What the page shows of the first frame; None where the result has no trajectory or no events.

    Parameters
    ----------
    workload
        Gives the frame and its label.
    result
        Of the first sample alone, with trajectory and events.
    of_ann
        float64 (outputs): what the dense ANN gives.
    """
    if result.trajectory is None or result.log is None:
        return None
    course, log, tick = result.trajectory, result.log, workload.events.tick
    first = start(result.plan)[None]
    stamps, outputs = (course.t, course.outputs) if len(course.t) else (np.zeros(1), first)
    kept = np.unique(np.linspace(0, len(stamps) - 1, min(STAMPS, len(stamps))).astype(int))
    largest = sorted(np.argsort(-outputs[-1], kind="stable")[:OUTPUTS].tolist())
    # All spikes may share one time stamp: then they stand in the order of sending.
    ordered = len(np.unique(log.t)) < 2
    time: Floats = np.arange(len(log.t)).astype(np.float64) if ordered else (log.t * tick).astype(np.float64)
    return {
        "threshold": result.plan.settings.threshold,
        "image": _image(next(iter(workload.raw.values()))[0]),
        "words": _words(workload, result),
        "unit": workload.events.unit,
        "time": [float(stamps[0] - 1) * tick, *(stamps[kept] * tick).tolist()],
        "outputs": {str(at): [float(first[0, at]), *outputs[kept, at].tolist()] for at in largest},
        "integer_network": {str(at): float(of_ann[at]) for at in largest},
        "in_order": ordered,
        "spikes": [_spikes(result, log, time, position) for position in range(len(result.plan.populations))],
    }


def _spikes(result: Result, log: EventLog, time: Floats, position: int) -> dict[str, Any]:
    """The spikes of a population; of many, some that are evenly chosen."""
    population = result.plan.populations[position]
    here = np.flatnonzero(log.population == position)
    some = here[np.unique(np.linspace(0, len(here) - 1, min(SPIKES, len(here))).astype(int))] if len(here) else here
    return {
        "name": population.name,
        "neurons": population.size,
        "sent": len(here),
        "sent_negative": int(np.count_nonzero(log.payload[here] < 0)),
        "time": time[some].tolist(),
        "neuron": log.neuron[some].tolist(),
        "sign": np.sign(log.payload[some]).tolist(),
    }


def _image(raw: Array) -> dict[str, Any]:
    """The frame as bytes, each (rows, columns, 1 or 3) of 0 to 255; large ones at every n-th pixel."""
    values = raw.astype(np.float64)
    colour = values.ndim == 3 and values.shape[2] == 3
    if not colour:
        values = np.atleast_2d(values.mean(axis=tuple(range(2, values.ndim))))[..., None]
    step = -(-max(values.shape[:2]) // SIDE)
    values = values[::step, ::step]
    low, extent = float(values.min()), max(float(np.ptp(values)), 1e-9)
    pixels = np.round(255 * (values - low) / extent).astype(np.uint8)
    return {"shape": list(pixels.shape), "base64": base64.b64encode(pixels.tobytes()).decode()}


def _words(workload: Workload, result: Result) -> str:
    """What is right, and what the network answers."""
    task, right = workload.tasks[workload.first], workload.targets[workload.first][0]
    outputs = workload.by_output(result.outputs)[workload.first]
    if task.kind == "values":
        return f"target {np.ravel(right)[0]:.3g}, the network says {outputs[0, 0]:.3g}" if outputs.size == 1 else ""
    return f"label {right}, the network says {task.decided(outputs)[0]}"
