"""The pictures of a report, drawn from what report.json holds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tfsnn.aliases import Floats
from tfsnn.errors import printable

from .style import BLUE, DASHED, DOTTED, GREEN, GREY, ORANGE, RED, SOLID, drawn

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.ticker import Formatter

Report = Mapping[str, Any]
QUANTITIES = {
    "operations": "synaptic operations a frame (mean)",
    "spikes_per_neuron": "spikes per neuron and frame (mean)",
}
LABELS = {
    "accuracy": ("Accuracy", "right answers (%)"),
    "iou": ("Mean IoU", "mean IoU (%)"),
    "rmse": ("Error", "root mean squared error"),
    "error": ("Error", "mean absolute error"),
}
"""By measure, what captions and axes call it."""
SHARES = ("accuracy", "iou")
ENDS = {"operations": "synaptic_operations", "spikes_per_neuron": "spikes_per_neuron"}
LABEL = 0.06
"""Width of a point's label, as a share of the axis."""


def draw(report: Report, folder: Path) -> dict[str, str]:
    """Draw all pictures that a report alone gives.

    Parameters
    ----------
    report
        What report.json holds.
    folder
        Where the PNG files go.

    Returns
    -------
    dict
        Caption by file name.
    """
    measure = LABELS[report["measure"]][0]
    within = len(report["rows"][0]["curve"]["time"]) > 2
    inside = "over the course of a frame, all frames stopped at the same time (left), and " if within else ""
    intervals = ", with 95 % intervals" if report["measure"] == "accuracy" else ""
    captions = {}
    for quantity, what in (("operations", "synaptic operations"), ("spikes_per_neuron", "spikes per neuron")):
        name = f"{report['measure']}_{quantity.split('_')[0]}.png"
        with drawn(folder / name, (9.6 if within else 5.6, 3.9 if within else 4.2)) as figure:
            _score(report, quantity, figure, within)
        captions[name] = f"{measure} against {what}: {inside}at the end of a frame, for every threshold{intervals}."
    if within:
        name = f"{report['measure']}_time.png"
        with drawn(folder / name, (5.6, 3.5)) as figure:
            _time(report, figure)
        captions[name] = f"{measure} against time: what the network would say had every frame been cut short there."
    with drawn(folder / "layers.png", (9.6, 1.2 + 0.62 * len(_computing(report)))) as figure:
        _layers(report, figure)
    captions["layers.png"] = f"Where the operations are spent, at a threshold of {report['headline']['threshold']:g}."
    return captions


def _score(report: Report, quantity: str, figure: Figure, within: bool) -> None:
    panels = figure.subplots(1, 2 if within else 1, squeeze=False)[0]
    if within:
        _within(report, quantity, panels[0])
        _baselines(report, quantity, panels[0], labels=False)
        panels[0].set(title="within a frame", xlabel=QUANTITIES[quantity], ylabel=_label(report), xlim=(0, None))
        panels[0].xaxis.set_major_formatter(_ticks(quantity))
        panels[0].legend(loc="best")
    ends = panels[-1]
    _ends(report, quantity, ends)
    ends.set(title="at the end of a frame", xlabel=QUANTITIES[quantity])
    ends.set_ylabel("" if within else _label(report))
    _baselines(report, quantity, ends, labels=True)
    if all(row[ENDS[quantity]] > 0 for row in report["rows"]):
        ends.set_xscale("log")
        _plain_ticks(ends, quantity)
    figure.legend(*ends.get_legend_handles_labels(), loc="outside lower center", ncols=3 if within else 1)


def _within(report: Report, x: str, axes: Axes) -> None:
    for at, colour, dash in zip(few(report), (BLUE, ORANGE, GREEN), (SOLID, DASHED, DOTTED)):
        row = report["rows"][at]
        score = percent(report, row["curve"][report["measure"]])
        axes.plot(
            row["curve"][x],
            score,
            color=colour,
            linestyle=dash,
            label=f"threshold {row['threshold']:g}",
            drawstyle="steps-post",
        )
        axes.plot(row["curve"][x][-1:], score[-1:], "o", color=colour, markersize=4)
    if report["measure"] == "accuracy":
        axes.set_ylim(0, 102)


def _ends(report: Report, quantity: str, axes: Axes) -> None:
    rows = report["rows"]
    x = np.array([row[ENDS[quantity]] for row in rows])
    y = percent(report, [row[report["measure"]] for row in rows])
    near = shown(report, y)
    whiskers = None
    if report["measure"] == "accuracy":
        bounds = percent(report, [row["accuracy_ci95"] for row in rows])
        whiskers = np.abs(bounds.T - y)[:, near]
        others = (report["baselines"]["ann"], report["baselines"].get("original"))
        reach = [*bounds[near].flat, *(100 * entry["accuracy"] for entry in others if entry is not None)]
        margin = 0.16 * max(max(reach) - min(reach), 0.1)
        axes.set_ylim(min(reach) - margin, max(reach) + margin)
    axes.errorbar(
        x[near],
        y[near],
        yerr=whiskers,
        color=BLUE,
        ecolor="#9CC5DF",
        elinewidth=1.2,
        linewidth=0.9,
        marker="o",
        markersize=4,
    )
    chosen = report["headline"]["row"]
    axes.plot(x[chosen], y[chosen], "o", color=BLUE, markersize=9, markerfacecolor="none", markeredgewidth=1.3)
    style: dict[str, Any] = {"textcoords": "offset points", "fontsize": 7, "color": "#444444"}
    above = sides(x, near, chosen)
    for at, row in enumerate(rows):
        if at in above:
            axes.annotate(f"{row['threshold']:g}", (x[at], y[at]), (0, 7 if above[at] else -13), ha="center", **style)
        elif not near[at]:
            axes.plot(x[at], 0.015, "v", color=BLUE, markersize=5, transform=axes.get_xaxis_transform(), clip_on=False)
            # These stand close together at the border: each label a line above the one before.
            axes.annotate(
                f"{row['threshold']:g}: {y[at]:.1f} %",
                (x[at], 0.015),
                (6, 9 * int(np.count_nonzero(~near[at:])) - 10),
                xycoords=axes.get_xaxis_transform(),
                **style,
            )


def sides(x: Floats, shown: NDArray[np.bool_], chosen: int) -> dict[int, bool]:
    """Of the rows whose label finds room on a logarithmic axis, the chosen one first: whether it stands above its point."""
    place = np.log(np.maximum(x, 1e-12))
    room = LABEL * max(float(place.max() - place.min()), 0.1)
    sides: dict[int, bool] = {}
    for at in sorted(np.flatnonzero(shown).tolist(), key=lambda at: (at != chosen, place[at])):
        free = [side for side in (True, False) if all(abs(place[at] - place[n]) > room for n in sides if sides[n] == side)]
        if free:
            sides[at] = free[0]
    return sides


def shown(report: Report, y: Floats) -> NDArray[np.bool_]:
    """Rows that share a scale: where a network has collapsed, the differences between the others would be lost."""
    if report["measure"] not in SHARES:
        return np.ones(len(y), np.bool_)
    near: NDArray[np.bool_] = y >= 100 * report["baselines"]["ann"][report["measure"]] - 3
    near[report["headline"]["row"]] = True
    return near


def _baselines(report: Report, quantity: str, axes: Axes, *, labels: bool) -> None:
    ann, skipping = report["baselines"]["ann"], report["baselines"]["zero_skipping"]
    unit = " %" if report["measure"] in SHARES else ""
    levels: list[tuple[str, Report, str, Any]] = [("integer network", ann, "black", DOTTED)]
    first = report["baselines"].get("original")
    levels += [] if first is None else [("Keras" if first["keras"] else "the model, as read", first, GREEN, DASHED)]
    for name, entry, colour, dash in levels:
        said = float(percent(report, [entry[report["measure"]]])[0])
        label = f"{name}: {said:.4g}{unit}" if labels else None
        axes.axhline(said, color=colour, linewidth=0.9, linestyle=dash, label=label)
    if quantity != "operations":
        return
    counts: list[tuple[str, Report, str, Any]] = [("zero-skipping", skipping, RED, DASHED), ("dense", ann, GREY, SOLID)]
    for name, entry, colour, dash in counts:
        label = f"{name} ANN: {entry['operations']:,.0f} MACs" if labels else None
        axes.axvline(entry["operations"], color=colour, linewidth=1.2, linestyle=dash, label=label)


def _time(report: Report, figure: Figure) -> None:
    axes = figure.subplots()
    _within(report, "time", axes)
    _baselines(report, "time", axes, labels=True)
    axes.set(xlabel=f"time ({report['rows'][0]['curve']['unit']})", ylabel=_label(report))
    axes.legend(loc="best")


def _layers(report: Report, figure: Figure) -> None:
    layers, chosen, axes = _computing(report), report["headline"]["row"], figure.subplots()
    bars: tuple[tuple[str, str, Callable[[Report], float]], ...] = (
        ("dense ANN (MACs)", "#C4C4C4", lambda layer: layer["dense_macs"]),
        ("zero-skipping ANN (MACs)", ORANGE, lambda layer: layer["zero_skipping_macs"]),
        ("event-driven (synaptic operations)", BLUE, lambda layer: layer["rows"][chosen]["synaptic_operations"]),
    )
    place, height = np.arange(len(layers)), 0.27
    for number, (label, colour, value) in enumerate(bars):
        values = [value(layer) for layer in layers]
        drawn = axes.barh(place + (number - 1) * height, values, height * 0.92, color=colour, label=label)
        axes.bar_label(drawn, [f"{v:,.0f}" for v in values], padding=3, fontsize=7, color="#444444")
    axes.set_yticks(place, [f"{printable(layer['name'])}  {'x'.join(map(str, layer['shape']))}" for layer in layers])
    axes.invert_yaxis()
    axes.xaxis.set_major_formatter(_ticks("operations"))
    axes.margins(x=0.1)
    axes.grid(axis="y", visible=False)
    axes.set_xlabel("operations a frame (mean)")
    axes.legend(loc="best")


def _computing(report: Report) -> list[Report]:
    """The populations that operations are spent on."""
    return [layer for layer in report["layers"] if layer["kind"] == "neurons"]


def few(report: Report) -> list[int]:
    """The rows whose course is drawn: that of the headline, the finest, the coarsest."""
    return list(dict.fromkeys([report["headline"]["row"], 0, len(report["rows"]) - 1]))


def percent(report: Report, values: Sequence[Any]) -> Floats:
    return np.asarray(values, np.float64) * (100 if report["measure"] in SHARES else 1)


def _label(report: Report) -> str:
    return LABELS[report["measure"]][1]


def _plain_ticks(axes: Axes, quantity: str) -> None:
    """A logarithmic axis with plain numbers, few enough to be read."""
    from matplotlib.ticker import LogLocator, NullFormatter

    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0), numticks=12))
    axes.xaxis.set_major_formatter(_ticks(quantity))
    axes.xaxis.set_minor_formatter(NullFormatter())


def _ticks(quantity: str) -> Formatter:
    """Numbers as people write them: 200k."""
    from matplotlib.ticker import FuncFormatter

    return FuncFormatter(lambda value, _: _short(value) if quantity == "operations" else f"{value:g}")


def _short(value: float) -> str:
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"
