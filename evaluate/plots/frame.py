"""The picture of a single frame: what came in, what the outputs made of it, and every spike between (AICAS Fig. 2)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tfsnn.aliases import Floats
from tfsnn.errors import printable
from tfsnn.record import EventLog, Trajectory
from tfsnn.simulate import Result

from ..measure.curves import start
from ..workload import Workload
from .style import BLUE, DASHED, ORANGE, RED, SOLID, drawn

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import SubFigure


def one_frame(workload: Workload, result: Result, of_ann: Floats, path: Path) -> str:
    """Draw the first frame: itself, the outputs over time, and the raster of all spikes (AICAS Fig. 2).

    Parameters
    ----------
    workload
        Gives the frame and its label.
    result
        Of the first sample alone, with trajectory and events.
    of_ann
        float64 (outputs): what the dense ANN says.
    path
        Where the picture goes, .png.

    Returns
    -------
    str
        Its caption.
    """
    if result.trajectory is None or result.log is None:
        return ""
    log, tick, unit = result.log, workload.events.tick, workload.events.unit
    ordered = len(np.unique(log.t)) < 2
    with drawn(path, (9.6, 5.6)) as figure:
        left, right = np.asarray(figure.subfigures(1, 2, width_ratios=(1, 2.9)))
        _image(workload, result, left)
        upper, lower = right.subplots(2, 1, sharex=not ordered, height_ratios=(1, 1.15))
        _potentials(result, result.trajectory, of_ann, tick, upper)
        _raster(result, log, np.arange(len(log.t)) if ordered else log.t * tick, lower)
        for axes in (upper, lower):
            axes.set_xlabel(f"time ({unit})")
        if ordered:
            lower.set_xlabel("order of sending (all spikes share one time stamp)")
        else:
            upper.set_xlabel("")
    caption = (
        f"The first test frame, at a threshold of {result.plan.settings.threshold:g}: potentials of the output neurons "
    )
    caption += (
        f"over time (rings: where the dense ANN ends), and all {len(log.t):,} spikes, each population on its own scale."
    )
    return caption


def _image(workload: Workload, result: Result, figure: SubFigure) -> None:
    raw, axes = next(iter(workload.raw.values()))[0].astype(np.float64), figure.subplots()
    if raw.ndim == 3 and raw.shape[2] == 3:
        axes.imshow((raw - raw.min()) / max(float(np.ptp(raw)), 1e-9), interpolation="nearest")
    else:
        grey = np.atleast_2d(raw.mean(axis=tuple(range(2, raw.ndim))))
        axes.imshow(grey, cmap="gray_r", interpolation="nearest", aspect="equal" if raw.ndim > 1 else "auto")
    axes.set(xticks=[], yticks=[], anchor="N")
    axes.grid(visible=False)
    task, right = workload.tasks[workload.first], workload.targets[workload.first][0]
    outputs = workload.by_output(result.outputs)[workload.first]
    said = f"label {right}, network says {task.decided(outputs)[0]}"
    if task.kind == "values":
        said = f"target {np.ravel(right)[0]:.3g}, network says {outputs[0, 0]:.3g}" if outputs.size == 1 else ""
    axes.set_title(said, fontsize=9, fontweight="normal")


def _potentials(result: Result, trajectory: Trajectory, of_ann: Floats, tick: float, axes: Axes) -> None:
    at_start = start(result.plan)[None]
    stamps, outputs = (trajectory.t, trajectory.outputs) if len(trajectory.t) else (np.zeros(1), at_start)
    time = np.concatenate([stamps[:1] - 1, stamps, stamps[-1:] + 1]) * tick
    values = np.concatenate([at_start, outputs, outputs[-1:]])
    winners = np.argsort(values[-1])[::-1][:2].tolist()
    for output in range(values.shape[1]):
        front = winners.index(output) if output in winners else -1
        colour, dash = ((BLUE, SOLID), (ORANGE, DASHED), ("#B9B9B9", SOLID))[front]
        width, above = (1.8, 2.5) if front >= 0 else (0.9, 2.0)
        ring: dict[str, Any] = {"markerfacecolor": "white", "markersize": 5, "zorder": 3, "clip_on": False}
        axes.step(time, values[:, output], where="post", color=colour, linestyle=dash, linewidth=width, zorder=above)
        axes.plot(time[-1:], of_ann[output : output + 1], "o", color=colour, **ring)
    _name(winners, values[-1], float(np.ptp(values)) / 13, axes)
    axes.set(title="output neurons", ylabel="potential x")
    axes.margins(x=0.02)


def _name(winners: Sequence[int], ends: Floats, least: float, axes: Axes) -> None:
    """Number the outputs at the right end; where there are many, the two largest alone."""
    named = list(range(len(ends))) if len(ends) <= 12 else list(winners)
    for output, height in zip(named, spread([float(ends[output]) for output in named], least)):
        front = output in winners
        text: dict[str, Any] = {"fontweight": "bold" if front else "normal", "color": "#000000" if front else "#666666"}
        where: dict[str, Any] = {"xycoords": ("axes fraction", "data"), "va": "center"}
        axes.annotate(f"{output}", (1.01, height), fontsize=7.5, **where, **text)


def _raster(result: Result, log: EventLog, time: NDArray[Any], axes: Axes) -> None:
    populations = [p for p in result.plan.populations if p.name not in result.plan.graph.outputs or p.threshold]
    for band, population in enumerate(populations):
        here = log.population == result.plan.populations.index(population)
        for sign, colour, name in ((1, BLUE, "positive"), (-1, RED, "negative")):
            chosen = here & (np.sign(log.payload) == sign)
            height = band + 0.08 + 0.84 * (log.neuron[chosen] + 0.5) / population.size
            axes.scatter(
                time[chosen],
                height,
                s=5,
                marker=3 if sign < 0 else 2,
                linewidths=0.7,
                color=colour,
                label=None if band else name,
            )
        axes.axhline(band, color="#BBBBBB", linewidth=0.7)
    axes.set_yticks(np.arange(len(populations)) + 0.5, [f"{printable(p.name)}\n{p.size:,}" for p in populations])
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="y", visible=False)
    axes.set(title="spikes", ylim=(len(populations), 0))
    axes.legend(
        loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=2, handletextpad=0.2, borderaxespad=0.1, markerscale=3
    )


def spread(heights: Sequence[float], least: float) -> list[float]:
    """Heights for labels, at least so far apart and as near to the wanted ones as that allows, in their order.

    Examples
    --------
    >>> spread([2.0, 0.0, 2.0], 1.0)
    [1.5, 0.0, 2.5]
    """
    order = sorted(range(len(heights)), key=lambda at: heights[at])
    groups: list[tuple[float, int]] = []
    for place, at in enumerate(order):
        mean, count = heights[at] - place * least, 1
        # Labels that would overlap move as one, about the mean of where they wanted to be.
        while groups and groups[-1][0] > mean:
            before, size = groups.pop()
            mean, count = (mean * count + before * size) / (count + size), count + size
        groups.append((mean, count))
    flat = [mean for mean, count in groups for _ in range(count)]
    placed = dict(zip(order, (mean + place * least for place, mean in enumerate(flat))))
    return [placed[at] for at in range(len(heights))]
