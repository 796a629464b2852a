"""Charts of what goes on over time, for streams of any length: beyond some hundred values, means and their extremes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from tfsnn.aliases import Floats

from .axis import around
from .chart import COLUMNS, SOLID, Chart

POINTS = 300
"""Values of a line drawn as they are, at most."""


@dataclass(frozen=True, eq=False)
class Course:
    """Values over time.

    Parameters
    ----------
    name
        In the legend, and in the words of a place.
    x, y
        When, in rising order, and what.
    colour, dash
        How the line is drawn.
    """

    name: str
    x: ArrayLike
    y: ArrayLike
    colour: str
    dash: str = SOLID


@dataclass(frozen=True)
class Still:
    """A value that does not change over time, drawn as a straight line."""

    name: str
    value: float
    colour: str
    dash: str


def timeline(
    title: str,
    caption: str,
    labels: tuple[str, str],
    courses: Sequence[Course],
    stills: Sequence[Still] = (),
    *,
    log: bool = False,
    zero: bool = False,
    steps: bool = False,
    top: float | None = None,
) -> Chart:
    """A chart of values over time.

    Parameters
    ----------
    title, caption
        What it is called, and the sentence under it.
    labels
        Of the horizontal axis, such as ``"frame"``, and of the vertical one.
    courses, stills
        What is drawn.
    log
        A logarithmic vertical axis; values below a ten-thousandth of the highest stand at its low end.
    zero
        The vertical axis begins at 0.
    steps
        Each value holds until the next.
    top
        Where the vertical axis ends at the latest: what goes beyond is said in words alone.
    """
    lines = [(np.asarray(each.x, np.float64), np.asarray(each.y, np.float64)) for each in courses]
    values = np.concatenate([y for _, y in lines] + [np.array([still.value for still in stills])])
    values = values[np.isfinite(values)] if top is None else np.minimum(values[np.isfinite(values)], top)
    if log:
        values = np.maximum(values, max(float(values.max(initial=0.0)) / 1e4, 1e-12))
    times = np.concatenate([x for x, _ in lines])
    x_axis = around(times.tolist(), margin=0.01)
    y_axis = around(values.tolist(), log=log, zero=zero, margin=0.06)
    chart = Chart(title, caption, x_axis, y_axis, *labels, long=True)
    for each, (x, y) in zip(courses, lines):
        if len(x) > POINTS:
            at, means, low, high = _binned(x, y, POINTS)
            chart.band(at.tolist(), low.tolist(), high.tolist(), each.colour)
            chart.line(at.tolist(), means.tolist(), each.colour, dash=each.dash, name=each.name)
        else:
            chart.line(x.tolist(), y.tolist(), each.colour, dash=each.dash, steps=steps, name=each.name)
    for still in stills:
        chart.level(still.value, still.colour, still.dash, f"{still.name}: {_number(still.value)}")
    _columns(chart, labels[0], courses, lines)
    return chart


def _binned(x: Floats, y: Floats, most: int) -> tuple[Floats, Floats, Floats, Floats]:
    """Means, least and largest values of at most so many stretches of equal count, and where they lie."""
    cuts = np.unique(np.linspace(0, len(x), min(most, len(x)) + 1).astype(int))
    first = cuts[:-1]
    counts = np.diff(cuts)
    means = np.add.reduceat(y, first) / counts
    return np.add.reduceat(x, first) / counts, means, np.minimum.reduceat(y, first), np.maximum.reduceat(y, first)


def _columns(chart: Chart, what: str, courses: Sequence[Course], lines: Sequence[tuple[Floats, Floats]]) -> None:
    """What every line is on average, stretch by stretch."""
    times = np.unique(np.concatenate([x for x, _ in lines]))
    for part in np.array_split(times, min(COLUMNS, len(times))):
        said = []
        for each, (x, y) in zip(courses, lines):
            here = y[(x >= part[0]) & (x <= part[-1])]
            if len(here):
                extent = f" ({_number(here.min())} to {_number(here.max())})" if len(here) > 1 else ""
                said.append(f"{each.name} {_number(here.mean())}{extent}")
        span = f"{part[0]:,.6g}" if len(part) == 1 else f"{part[0]:,.6g} to {part[-1]:,.6g}"
        chart.column(float(part[0]), float(part[-1]), f"{what.capitalize()} {span}: {'; '.join(said)}")


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
