"""Figs. 6 and 7 of JETCAS, drawn from what windows.json holds."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .style import BLUE, DASHED, DOTTED, GREEN, GREY, ORANGE, RED, SOLID, drawn


def draw(content: Mapping[str, Any], path: Path) -> None:
    """Accuracy and operations over thresholds at the shortest window (left), accuracy over windows (right).

    Parameters
    ----------
    content
        What windows.json holds.
    path
        Where the PNG goes.
    """
    rows, frames = content["rows"], content["frame_based"]
    windows = list(dict.fromkeys(row["window_ms"] for row in rows))
    thresholds = sorted({row["threshold"] for row in rows})
    shortest = min(windows, key=lambda window: float("inf") if window is None else window)
    with drawn(path, (9.6, 3.8)) as figure:
        left, right = figure.subplots(1, 2)
        chosen = [row for row in rows if row["window_ms"] == shortest]
        at = [row["threshold"] for row in chosen]
        left.plot(at, [100 * row["accuracy"] for row in chosen], "o-", color=BLUE, label="accuracy")
        left.axhline(100 * frames["value"], color=GREY, linestyle=DASHED, label="frame-based CNN")
        left.set(xlabel=f"threshold ({content['settings']['unit']})", ylabel="right windows (%)")
        left.set_title(f"Windows of {_words(shortest)}")
        cost = left.twinx()
        cost.plot(at, [row["operations_a_second"] / 1e6 for row in chosen], "s--", color=ORANGE, label="operations")
        cost.set(ylabel="million synaptic operations a second", ylim=(0, None))
        cost.grid(False)
        handles = [axes.get_legend_handles_labels() for axes in (left, cost)]
        left.legend(handles[0][0] + handles[1][0], handles[0][1] + handles[1][1], loc="best")
        styles = [(color, line) for line in (SOLID, DASHED, DOTTED) for color in (BLUE, ORANGE, GREEN, RED, GREY)]
        for threshold, (color, line) in zip(thresholds, styles):
            values = [100 * row["accuracy"] for row in rows if row["threshold"] == threshold]
            right.plot(range(len(values)), values, "o", color=color, linestyle=line, label=f"T = {threshold:g}")
        right.set_xticks(range(len(windows)), [_words(window) for window in windows], rotation=30)
        right.set(xlabel="inference window", ylabel="right windows (%)")
        right.set_title("Accuracy over windows")
        right.legend(loc="best")


def _words(window: float | None) -> str:
    return "all" if window is None else f"{window:g} ms"
