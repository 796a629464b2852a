"""The charts of a video stream, from what stream.json holds: JETCAS Figs. 4 and 5, for the page and as PNG."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tfsnn.aliases import Floats

from . import chart
from .style import BLUE, DASHED, GREEN, GREY, ORANGE, RED, drawn, logarithmic
from .timeline import Course, Still, timeline

SHOWN = 4
"""Outputs drawn at most."""
COLOURS = (chart.BLUE, chart.ORANGE, chart.GREEN, chart.PURPLE)
Content = Mapping[str, Any]


def operations(content: Content) -> chart.Chart:
    """Operations of every frame."""
    found, spent = content["summary"], content["series"]["operations"]
    return timeline(
        "Operations over time",
        "Where nothing moves, nothing is computed (JETCAS Fig. 5).",
        ("frame", "operations a frame"),
        [Course("event network", range(len(spent)), spent, chart.BLUE)],
        [
            Still("dense, MACs", found["dense_macs"], chart.GREY, chart.SOLID),
            Still("zeros skipped, MACs", found["zero_skipping_macs"], chart.ORANGE, chart.DASHED),
        ],
        log=True,
    )


def milliseconds(content: Content) -> chart.Chart:
    """Wall clock of every frame."""
    series = content["series"]
    courses = [Course("event network", range(len(series["ms"])), series["ms"], chart.BLUE)]
    beside = series.get("reference_ms", ())
    if len(beside):
        courses.append(Course("LiteRT, in turn", series["reference_frames"], beside, chart.ORANGE))
    text = "Encoding included; frames that the system was busy in may stand beyond the top."
    return timeline("Time over time", text, ("frame", "ms a frame"), courses, zero=True, top=_ceiling(series["ms"]))


def outputs(content: Content) -> chart.Chart | None:
    """Outputs over time, beside those of the reference; None where there are none to draw."""
    values = _values(content)
    if values is None:
        return None
    series, courses, shown = content["series"], [], _largest(content, values)
    for index, colour in zip(shown, COLOURS):
        courses.append(Course(f"output {index}", range(len(values)), values[:, index], colour))
        if content["decision"] == "values" and len(series["reference"]):
            beside = np.asarray(series["reference"], np.float64)[:, index]
            name = content["reference"] if len(shown) == 1 else f"its reference, {index}"
            dash, tint = chart.DASHED, chart.ORANGE if len(shown) == 1 else colour
            courses.append(Course(name, series["reference_frames"], beside, tint, dash))
    return timeline("Outputs over time", _caption(content), ("frame", "output"), courses)


def draw(content: Content, folder: Path) -> None:
    """The same as operations.png and, where there are outputs to draw, output.png.

    Parameters
    ----------
    content
        What stream.json holds.
    folder
        Where the files go.
    """
    series, found = content["series"], content["summary"]
    with drawn(folder / "operations.png", (9.6, 4.4)) as figure:
        upper, lower = figure.subplots(2, 1, sharex=True)
        frames = np.arange(found["frames"])
        upper.plot(frames, np.maximum(series["operations"], 0.1), color=BLUE, linewidth=0.9, label="event network")
        upper.axhline(found["dense_macs"], color=GREY, linestyle=DASHED, label="dense network")
        upper.axhline(found["zero_skipping_macs"], color=ORANGE, linestyle=DASHED, label="dense network, zeros skipped")
        least = max(1.0, min(series["operations"]) / 2)
        upper.set(title="operations a frame", ylim=(least, 2 * found["dense_macs"]))
        logarithmic(upper.yaxis)
        lower.plot(frames, series["ms"], color=BLUE, linewidth=0.9, label="event network")
        if len(series.get("reference_ms", ())) == len(frames):
            lower.plot(frames, series["reference_ms"], color=ORANGE, linewidth=0.9, label="LiteRT, in turn")
        lower.set(title="ms a frame", xlabel="frame", ylim=(0, _ceiling(series["ms"])))
        for axes in (upper, lower):
            axes.legend(loc="upper right")
    values = _values(content)
    if values is None:
        return
    with drawn(folder / "output.png", (9.6, 2.8)) as figure:
        axes = figure.subplots()
        for index, colour in zip(_largest(content, values), (BLUE, ORANGE, GREEN, RED)):
            axes.plot(values[:, index], linewidth=1.0, color=colour, label=f"output {index}")
            if content["decision"] == "values" and len(series["reference"]):
                beside = np.asarray(series["reference"], np.float64)[:, index]
                axes.plot(series["reference_frames"], beside, color=GREY, linestyle=DASHED, linewidth=0.9, label=content["reference"])
        axes.set(title="outputs", xlabel="frame")
        axes.legend(loc="upper right")


def _values(content: Content) -> Floats | None:
    """float64 (frames, outputs); None of masks, whose outputs are not kept."""
    values = np.asarray(content["series"]["outputs"], np.float64)
    return None if content["decision"] == "mask" or not values.size else values


def _largest(content: Content, values: Floats) -> list[int]:
    """The outputs to draw: of classes those that are most often the largest."""
    if content["decision"] != "classes":
        return list(range(min(SHOWN, values.shape[1])))
    counts = np.bincount(values.argmax(axis=1), minlength=values.shape[1])
    return sorted(np.argsort(-counts, kind="stable")[:SHOWN].tolist())


def _caption(content: Content) -> str:
    which = ", those that are most often the largest" if content["decision"] == "classes" else ""
    beside = ", and those of the reference (JETCAS Fig. 4)" if content["decision"] == "values" and content["series"]["reference"] else ""
    return f"The network's outputs{which}, softmax not applied{beside}."


def _ceiling(ms: list[float]) -> float:
    """Where the axis of times ends: a single frame that took long would flatten all others."""
    return 1.3 * float(np.percentile(ms, 99.5))
