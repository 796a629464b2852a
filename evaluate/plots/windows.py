"""Figs. 6 and 7 of JETCAS, drawn from what windows.json holds; and the recordings behind them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfsnn.input.encoder import Dvs
from tfsnn.input.recording import Recording

from ..presented import SNAPSHOTS
from . import chart
from .axis import around
from .style import BLUE, DASHED, DOTTED, GREEN, GREY, ORANGE, RED, SOLID, drawn, logarithmic

COLUMNS = 6
"""Snapshots drawn of a recording, at most."""
_STYLES = [(color, line) for line in (SOLID, DASHED, DOTTED) for color in (BLUE, ORANGE, GREEN, RED, GREY)]
_BIN = 20_000


def draw(content: Mapping[str, Any], path: Path) -> None:
    """Accuracy over windows (left) and over thresholds (middle), operations over thresholds (right).

    Parameters
    ----------
    content
        What windows.json holds.
    path
        Where the PNG goes.
    """
    rows, frames, unit = content["rows"], content["frame_based"], content["settings"]["unit"]
    # Decisions at snapshots are no window, and no line leads to them.
    windows = sorted(dict.fromkeys(row["window"] for row in rows), key=lambda window: bool(window == SNAPSHOTS))
    lined = len(windows) - (SNAPSHOTS in windows)
    thresholds = sorted({row["threshold"] for row in rows})
    with drawn(path, (9.6, 3.6)) as figure:
        over, against, cost = figure.subplots(1, 3)
        for threshold, (color, line) in zip(thresholds, _STYLES):
            right = {row["window"]: 100 * row["accuracy"] for row in rows if row["threshold"] == threshold}
            values = [right[window] for window in windows]
            over.plot(range(lined), values[:lined], "o", color=color, linestyle=line, label=f"T = {threshold:g}")
            over.plot(range(lined, len(values)), values[lined:], "o", color=color)
        for window, (color, line) in zip(windows, _STYLES):
            found = [row for row in rows if row["window"] == window]
            at = [row["threshold"] for row in found]
            against.plot(at, [100 * row["accuracy"] for row in found], "o", color=color, linestyle=line, label=window)
            cost.plot(at, [max(row["operations_a_second"], 1) / 1e6 for row in found], "o", color=color, linestyle=line, label=window)
        for axes in (over, against):
            axes.axhline(100 * frames["value"], color=GREY, linestyle=DOTTED, linewidth=1, label="frame-based CNN")
        cost.axhline(frames["macs_a_second"] / 1e6, color=GREY, linestyle=DOTTED, linewidth=1, label="frame-based CNN")
        over.set_xticks(range(len(windows)), windows, rotation=30)
        over.set(xlabel="inference window", ylabel="right (%)", title="Accuracy over windows")
        against.set(xlabel=f"threshold ({unit})", title="Accuracy over thresholds")
        logarithmic(cost.yaxis)
        cost.set(xlabel=f"threshold ({unit})", title="Million operations a second")
        for axes in (over, cost):
            axes.legend(loc="best", fontsize=7)


def over_thresholds(content: Mapping[str, Any]) -> chart.Chart:
    """Accuracy over thresholds, at the first windows.

    Parameters
    ----------
    content
        What windows.json holds.
    """
    rows, frames = content["rows"], content["frame_based"]
    windows = list(dict.fromkeys(row["window"] for row in rows))
    x, y = around(row["threshold"] for row in rows), around([*(row["accuracy"] for row in rows), frames["value"]])
    text = "Right decisions; the dashed line is the frame-based network."
    found = chart.Chart("Accuracy over thresholds", text, x, y, f"threshold ({content['settings']['unit']})", "accuracy")
    found.level(frames["value"], chart.GREY, chart.DASHED, "frame-based")
    for window, colour in zip(windows, (chart.BLUE, chart.ORANGE, chart.GREEN, chart.PURPLE)):
        points = [(row["threshold"], row["accuracy"]) for row in rows if row["window"] == window]
        found.line([at for at, _ in points], [value for _, value in points], colour, name=window)
        for threshold, accuracy in points:
            words = f"{window}, T = {threshold:g}: {100 * accuracy:.2f} %"
            found.marks.append(chart.Mark(found.x.at(threshold), found.down(accuracy), words, colour))
    return found


def snapshots(encoder: Dvs, recordings: Sequence[tuple[int, Recording]], path: Path) -> None:
    """Some snapshots of recordings, a row each: blue where it became brighter, red where it became darker.

    Parameters
    ----------
    encoder
        The leaky population.
    recordings
        Class and events of each; at least one, and none is empty.
    path
        Where the PNG goes.
    """
    with drawn(path, (9.6, 1.7 * len(recordings))) as figure:
        grid = figure.subplots(len(recordings), COLUMNS, squeeze=False)
        for line, (label, recording) in zip(grid, recordings):
            frames = encoder.frames([recording])
            chosen = np.unique(np.linspace(0, len(frames) - 1, COLUMNS).round().astype(int))
            for axes in line:
                axes.set_axis_off()
            for axes, at in zip(line, chosen):
                change = frames[at, ..., 1] - frames[at, ..., 0]
                most = max(float(np.abs(change).max()), 1.0)
                axes.imshow(change, cmap="RdBu", vmin=-most, vmax=most, interpolation="nearest")
                axes.set_title(f"class {label}, {(at + 1) * encoder.snapshot / 1000:g} ms", fontsize=7, fontweight="normal")


def rates(encoder: Dvs, recordings: Sequence[tuple[int, Recording]], path: Path) -> None:
    """The camera's events a second over time.

    Parameters
    ----------
    encoder, recordings, path
        As for :func:`snapshots`.
    """
    with drawn(path, (9.6, 2.8)) as figure:
        axes = figure.subplots()
        for (label, recording), (color, line) in zip(recordings, _STYLES):
            since = recording.t - recording.t[0]
            # A bin of its own for each short time, but no more than the picture has room for.
            bins = int(np.clip(since[-1] // _BIN, 1, 400))
            count, edges = np.histogram(since, bins=bins, range=(0, int(since[-1]) + 1))
            axes.plot(edges[:-1] / 1e6, count / np.diff(edges) * 1e6, color=color, linestyle=line, linewidth=1, label=f"class {label}")
        axes.set(title="events a second", xlabel="seconds", ylim=(0, None))
        axes.legend(loc="upper right")
