"""Charts of what comes out at several settings: thresholds, frame rates."""

from __future__ import annotations

from collections.abc import Sequence

from .axis import around
from .chart import DASHED, GREY, Chart, Mark

Curve = tuple[str, Sequence[float | None], str, str]
"""Name, value at each setting (None: there is none), colour, dash."""


def by_setting(
    title: str,
    caption: str,
    labels: tuple[str, str],
    at: Sequence[float],
    curves: Sequence[Curve],
    *,
    log: bool = False,
    wanted: float | None = None,
) -> Chart:
    """A chart with a point for each setting, on a logarithmic horizontal axis.

    Parameters
    ----------
    title, caption
        What it is called, and the sentence under it.
    labels
        Of the horizontal and of the vertical axis.
    at, curves
        The settings, and what came out at each.
    log
        A logarithmic vertical axis.
    wanted
        A level that was asked for; None: none was.
    """
    values = [value for _, y, _, _ in curves for value in y if value is not None]
    chart = Chart(title, caption, around(at, log=True), around([*values, *([] if wanted is None else [wanted])], log=log), *labels)
    if wanted is not None:
        chart.level(wanted, GREY, DASHED, f"asked for: {wanted:.4g}")
    for name, y, colour, dash in curves:
        points = [(x, value) for x, value in zip(at, y) if value is not None]
        chart.line([x for x, _ in points], [value for _, value in points], colour, dash=dash, name=name)
        for x, value in points:
            words = f"{labels[0].capitalize()} {x:g}, {name}: {value:.4g} ({labels[1]})"
            chart.marks.append(Mark(chart.x.at(x), chart.down(value), words, colour))
    return chart


def percent(share: float | None) -> float | None:
    """A share as a percentage; None stays None."""
    return None if share is None else 100 * share
