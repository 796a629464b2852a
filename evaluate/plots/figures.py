"""The charts of the page of an evaluation, made from report.json."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from tfsnn.aliases import Floats

from .axis import around
from .chart import BLUE, DASHED, DOTTED, GREEN, GREY, INK, ORANGE, PURPLE, SOLID, Chart, Key, Mark
from .curves import ENDS, LABELS, SHARES, few, percent, shown, sides
from .timeline import Course, timeline

Report = Mapping[str, Any]
QUANTITIES = {
    "operations": ("operations", "operations a frame", "{:,.0f} operations a frame"),
    "spikes_per_neuron": ("spikes", "spikes per neuron and frame", "{:.4g} spikes per neuron"),
}
"""Name, label of the axis, and words of a value."""
LINES = ((BLUE, SOLID), (ORANGE, DASHED), (GREEN, DOTTED), (PURPLE, SOLID))
"""Looks of the outputs that are drawn."""
WORDS = 40
"""Places along a curve that have words."""


def ends(report: Report, quantity: str) -> Chart:
    """What the network gets right at the end of a frame, against what that costs, for every threshold.

    Parameters
    ----------
    report
        What report.json holds.
    quantity
        ``"operations"`` or ``"spikes_per_neuron"``.
    """
    rows, measure = report["rows"], report["measure"]
    x, y = np.array([row[ENDS[quantity]] for row in rows]), percent(report, [row[measure] for row in rows])
    near, (name, label, words) = shown(report, y), QUANTITIES[quantity]
    scores, costs = list(_scores(report)), list(_costs(report)) if quantity == "operations" else []
    bounds = percent(report, [row["accuracy_ci95"] for row in rows]) if measure == "accuracy" else None
    seen = y[near] if bounds is None else bounds[near]
    chart = Chart(
        f"{LABELS[measure][0]} against {name}",
        _caption(report, bool(near.all())),
        around([*x, *(value for _, value, _, _ in costs)], log=True, margin=0.09),
        around([*seen.flat, *(value for _, value, _, _ in scores)], margin=0.14),
        label,
        LABELS[measure][1],
    )
    for text, value, colour, dash in scores:
        chart.level(value, colour, dash, f"{text}: {_said(report, value)}")
    for text, value, colour, dash in costs:
        chart.level(value, colour, dash, f"{text}: {value:,.0f}", upright=True)
    chart.line(list(x[near]), list(y[near]), BLUE)
    chart.legend.insert(0, Key("event network, by threshold", BLUE, dotted=True))
    chosen, above = report["headline"]["row"], sides(x, near, report["headline"]["row"])
    for at in np.argsort(x).tolist():
        row = rows[at]
        told = f"Threshold {row['threshold']:g}: {_said(report, y[at])}, {words.format(x[at])}"
        place: dict[str, Any] = {"shape": "ring" if at == chosen else "dot" if near[at] else "below"}
        if bounds is not None:
            told = f"{told}; 95 % interval {bounds[at][0]:.2f} to {bounds[at][1]:.2f} %"
            place |= {"low": chart.down(bounds[at][0]), "high": chart.down(bounds[at][1])} if near[at] else {}
        label = f"{row['threshold']:g}" if at in above else ""
        chart.marks.append(Mark(chart.x.at(x[at]), chart.down(y[at]), told, label=label, under=not above.get(at, True), **place))
    return chart


def _caption(report: Report, every: bool) -> str:
    text = "At the end of a frame; the numbers beside the points are thresholds, the ring is the one that the sentence above speaks of"
    text += ", bars are 95 % intervals" if report["measure"] == "accuracy" else ""
    return text + ("." if every else "; triangles lie below what is drawn.")


def _scores(report: Report) -> Iterator[tuple[str, float, str, str]]:
    """The baselines' scores: name, value, colour, dash."""
    if (model := report["baselines"].get("original")) is not None:
        yield "Keras" if model["keras"] else "the model, as read", _one(report, model), GREEN, DASHED
    yield "integer network", _one(report, report["baselines"]["ann"]), INK, DOTTED


def _costs(report: Report) -> Iterator[tuple[str, float, str, str]]:
    """The baselines' multiply-accumulates."""
    yield "zeros skipped, MACs", report["baselines"]["zero_skipping"]["operations"], ORANGE, DASHED
    yield "dense, MACs", report["baselines"]["ann"]["operations"], GREY, SOLID


def course(report: Report) -> list[Chart]:
    """How the answer forms within a frame, against operations and against time; empty where a frame has no course."""
    if len(report["rows"][0]["curve"]["time"]) <= 2:
        return []
    return [_course(report, "operations"), _course(report, "time")]


def _course(report: Report, quantity: str) -> Chart:
    measure, rows = report["measure"], [report["rows"][at] for at in few(report)]
    lines = [(row["curve"][quantity], percent(report, row["curve"][measure])) for row in rows]
    unit = rows[0]["curve"]["unit"]
    label, words = ("operations a frame", "after {:,.0f} operations") if quantity == "operations" else (f"time ({unit})", "at {:.4g}")
    scores, thresholds = list(_scores(report)), ", ".join(f"{row['threshold']:g}" for row in rows)
    extremes = [value for _, y in lines for value in (min(y), max(y))] + [value for _, value, _, _ in scores]
    chart = Chart(
        f"{LABELS[measure][0]} within a frame, against {'operations' if quantity == 'operations' else 'time'}",
        f"What the network would answer had every frame been cut short there, at thresholds of {thresholds}.",
        around([value for x, _ in lines for value in x], zero=quantity == "operations", margin=0.03),
        around(extremes, margin=0.05),
        label,
        LABELS[measure][1],
    )
    for row, (x, y), colour, dash in zip(rows, lines, (BLUE, ORANGE, PURPLE), (SOLID, DASHED, DOTTED)):
        chart.line(x, list(y), colour, dash=dash, steps=True, name=f"threshold {row['threshold']:g}")
    for text, value, colour, dash in scores:
        chart.level(value, colour, dash, f"{text}: {_said(report, value)}")
    _columns(report, chart, rows, lines, words)
    return chart


def _columns(report: Report, chart: Chart, rows: Sequence[Report], lines: Sequence[tuple[Sequence[float], Floats]], words: str) -> None:
    """What every line says, for stretches of the horizontal axis."""
    edges = np.linspace(min(x[0] for x, _ in lines), max(x[-1] for x, _ in lines), WORDS + 1)
    for first, last in zip(edges, edges[1:]):
        said = []
        for row, (x, y) in zip(rows, lines):
            at = int(np.searchsorted(x, last, side="right")) - 1
            said.append(f"threshold {row['threshold']:g} {_said(report, y[max(at, 0)])}")
        chart.column(float(first), float(last), f"{words.format(last).capitalize()}: {'; '.join(said)}")


def frame_outputs(report: Report) -> Chart:
    """The outputs over a single frame, and where the integer network ends."""
    found = report["frame"]
    ends = {name: values[-1] for name, values in found["outputs"].items()}
    front = sorted(ends, key=lambda name: -ends[name])[: len(LINES)]
    courses = [Course(f"output {name}", found["time"], found["outputs"][name], *look) for name, look in zip(front, LINES)]
    text = "The outputs that end highest, softmax not applied; dots at the right: where the integer network ends."
    chart = timeline("Outputs", text, (f"time ({found['unit']})", "potential"), courses, steps=True)
    for name, (colour, _) in zip(front, LINES):
        value = found["integer_network"][name]
        if chart.y.inside(value):
            chart.marks.append(Mark(100.0, chart.down(value), f"Output {name}: the integer network ends at {value:.4g}", colour))
    return chart


def _one(report: Report, entry: Report) -> float:
    return float(percent(report, [entry[report["measure"]]])[0])


def _said(report: Report, value: float) -> str:
    return f"{value:.2f} %" if report["measure"] in SHARES else f"{value:.4g}"
