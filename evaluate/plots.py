"""The pictures of a report. All but the one of a single frame are drawn from what report.json holds.

Colours are those of Okabe and Ito, which colour-blind eyes tell apart, and no picture tells things apart by colour alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tfsnn.record import EventLog, Trajectory
from tfsnn.simulate import Result

from .material import Floats, Material

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

Report = Mapping[str, Any]
BLUE, ORANGE, GREEN, RED, GREY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#8A8A8A"
STYLE = {
    "font.size": 9, "axes.titlesize": 10, "axes.titleweight": "bold", "axes.titlelocation": "left", "axes.labelcolor": "#333333",
    "axes.edgecolor": "#777777", "axes.spines.top": False, "axes.spines.right": False, "axes.axisbelow": True, "axes.grid": True,
    "grid.color": "#E4E4E4", "grid.linewidth": 0.7, "xtick.color": "#555555", "ytick.color": "#555555", "legend.frameon": False,
    "legend.fontsize": 8, "lines.linewidth": 1.6, "lines.solid_capstyle": "round",
}
DASHES = ("-", (0, (5, 1.5)), (0, (1.5, 1.2)))
QUANTITIES = {"operations": "synaptic operations a frame (mean)", "spikes_per_neuron": "spikes per neuron and frame (mean)"}
ENDS = {"operations": "synaptic_operations", "spikes_per_neuron": "spikes_per_neuron"}


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
    measure = "Accuracy" if report["measure"] == "accuracy" else "Error"
    within = bool(report["rows"][0]["curve"]["time"])
    inside = "over the course of a frame, all frames stopped at the same time (left), and " if within else ""
    captions = {}
    for quantity, what in (("operations", "synaptic operations"), ("spikes_per_neuron", "spikes per neuron")):
        name = f"{report['measure']}_{quantity.split('_')[0]}.png"
        with _figure(folder / name, (9.6 if within else 5.6, 3.7)) as figure:
            _score(report, quantity, figure, within)
        captions[name] = f"{measure} against {what}: {inside}at the end of it for every threshold, with 95 % intervals where they apply."
    if within:
        name = f"{report['measure']}_time.png"
        with _figure(folder / name, (5.6, 3.5)) as figure:
            _time(report, figure)
        captions[name] = f"{measure} against time: what the network would say had every frame been cut short there."
    with _figure(folder / "layers.png", (9.6, 1.2 + 0.62 * len(_computing(report)))) as figure:
        _layers(report, figure)
    captions["layers.png"] = f"Where the operations are spent, at a threshold of {report['headline']['threshold']:g}."
    return captions


def one_frame(material: Material, result: Result, of_ann: Floats, path: Path) -> str:
    """Draw the first frame: itself, the outputs over time, and the raster of all spikes (AICAS Fig. 2).

    Parameters
    ----------
    material
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
    log, tick, unit = result.log, material.events.tick, material.events.unit
    ordered = len(np.unique(log.t)) < 2
    with _figure(path, (9.6, 5.6)) as figure:
        left, right = figure.subfigures(1, 2, width_ratios=(1, 2.9))
        _image(material, result, left)
        upper, lower = right.subplots(2, 1, sharex=not ordered, height_ratios=(1, 1.15))
        _potentials(result, result.trajectory, of_ann, tick, upper)
        _raster(result, log, np.arange(len(log.t)) if ordered else log.t * tick, lower)
        for axes in (upper, lower):
            axes.set_xlabel(f"time ({unit})")
        if ordered:
            lower.set_xlabel("order of sending (all spikes share one time stamp)")
        else:
            upper.set_xlabel("")
    return (
        f"The first test frame, at a threshold of {result.plan.settings.threshold:g}: potentials of the output neurons over time (rings: "
        f"where the dense ANN ends), and all {len(log.t):,} spikes, each population on its own scale."
    )


@contextmanager
def _figure(path: Path, size: tuple[float, float]) -> Iterator[Figure]:
    """A figure in our style, written as PNG at the end."""
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=size, layout="constrained")
        FigureCanvasAgg(figure)
        yield figure
        figure.savefig(path, dpi=170, metadata={"Software": "tfsnn"})


def _score(report: Report, quantity: str, figure: Figure, within: bool) -> None:
    panels = np.atleast_1d(figure.subplots(1, 2 if within else 1))
    if within:
        _within(report, quantity, panels[0])
        panels[0].set(title="within a frame", xlabel=QUANTITIES[quantity], ylabel=_label(report), xlim=(0, None))
        _baselines(report, quantity, panels[0], labels=False)
    ends = panels[-1]
    _ends(report, quantity, ends)
    ends.set(title="at the end of a frame", xlabel=QUANTITIES[quantity], xscale="log")
    ends.set_ylabel("" if within else _label(report))
    _baselines(report, quantity, ends, labels=True)
    _plain_ticks(ends, quantity)
    ends.legend(loc="lower right" if report["measure"] == "accuracy" else "upper right")


def _within(report: Report, x: str, axes: Axes) -> None:
    for at, colour, dash in zip(_few(report), (BLUE, ORANGE, GREEN), DASHES):
        row = report["rows"][at]
        score = _percent(report, row["curve"][report["measure"]])
        axes.plot(row["curve"][x], score, color=colour, linestyle=dash, label=f"threshold {row['threshold']:g}", drawstyle="steps-post")
        axes.plot(row["curve"][x][-1:], score[-1:], "o", color=colour, markersize=4)
    if report["measure"] == "accuracy":
        axes.set_ylim(0, 102)
    axes.legend(loc="lower right" if report["measure"] == "accuracy" else "upper right")


def _ends(report: Report, quantity: str, axes: Axes) -> None:
    rows = report["rows"]
    x = [row[ENDS[quantity]] for row in rows]
    y = _percent(report, [row[report["measure"]] for row in rows])
    if report["measure"] == "accuracy":
        interval = _percent(report, [row["accuracy_ci95"] for row in rows])
        axes.errorbar(x, y, yerr=np.abs(interval.T - y), color=BLUE, ecolor="#9CC5DF", elinewidth=1.2, linewidth=0.9, marker="o", markersize=4)
    else:
        axes.plot(x, y, color=BLUE, linewidth=0.9, marker="o", markersize=4)
    chosen = report["headline"]["row"]
    axes.plot(x[chosen], y[chosen], "o", color=BLUE, markersize=9, markerfacecolor="none", markeredgewidth=1.3)
    for row, here, there in zip(rows, x, y):
        axes.annotate(f"{row['threshold']:g}", (here, there), (5, -9), textcoords="offset points", fontsize=7, color="#444444")


def _baselines(report: Report, quantity: str, axes: Axes, *, labels: bool) -> None:
    ann, skipping = report["baselines"]["ann"], report["baselines"]["zero_skipping"]
    said = float(_percent(report, [ann[report["measure"]]])[0])
    unit = " %" if report["measure"] == "accuracy" else ""
    axes.axhline(said, color="black", linewidth=0.9, linestyle=DASHES[2], label=f"ANN: {said:.4g}{unit}" if labels else None)
    if quantity != "operations":
        return
    for name, entry, colour, dash in (("zero-skipping", skipping, RED, DASHES[1]), ("dense", ann, GREY, DASHES[0])):
        label = f"{name} ANN: {entry['operations']:,.0f} MACs"
        axes.axvline(entry["operations"], color=colour, linewidth=1.2, linestyle=dash, label=label if labels else None)


def _time(report: Report, figure: Figure) -> None:
    axes = figure.subplots()
    _within(report, "time", axes)
    _baselines(report, "time", axes, labels=True)
    axes.set(xlabel=f"time ({report['rows'][0]['curve']['unit']})", ylabel=_label(report))
    axes.legend(loc="lower right" if report["measure"] == "accuracy" else "upper right")


def _layers(report: Report, figure: Figure) -> None:
    from matplotlib.ticker import FuncFormatter

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
    axes.set_yticks(place, [f"{layer['name']}  {'x'.join(map(str, layer['shape']))}" for layer in layers])
    axes.invert_yaxis()
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _short(value)))
    axes.margins(x=0.1)
    axes.grid(axis="y", visible=False)
    axes.set_xlabel("operations a frame (mean)")
    axes.legend(loc="lower right")


def _image(material: Material, result: Result, figure: SubFigure) -> None:
    raw, axes = material.raw[0], figure.subplots()
    if raw.ndim == 3 and raw.shape[2] in (1, 3):
        axes.imshow(raw if raw.shape[2] == 3 else raw[..., 0], cmap="gray_r", interpolation="nearest")
    else:
        axes.imshow(np.atleast_2d(raw.mean(axis=2) if raw.ndim == 3 else raw), cmap="gray_r", aspect="auto", interpolation="nearest")
    axes.set(xticks=[], yticks=[])
    axes.grid(visible=False)
    said = f"{result.predictions[0]}" if material.measure == "accuracy" else f"{result.outputs[0, 0]:.3g}"
    axes.set_title(f"label {material.labels[0]}, network says {said}", fontsize=9, fontweight="normal")


def _potentials(result: Result, trajectory: Trajectory, of_ann: Floats, tick: float, axes: Axes) -> None:
    from tfsnn.metrics import start

    time = np.concatenate([trajectory.t[:1] - 1, trajectory.t]) * tick
    values = np.concatenate([start(result.plan)[None], trajectory.outputs])[-len(time) :]
    winners = np.argsort(values[-1])[::-1][:2].tolist()
    for output in range(values.shape[1]):
        front = winners.index(output) if output in winners else -1
        colour, dash = ((BLUE, "-"), (ORANGE, DASHES[1]), ("#B9B9B9", "-"))[front]
        axes.plot(time, values[:, output], color=colour, linestyle=dash, drawstyle="steps-post", linewidth=1.8 if front >= 0 else 0.9, zorder=3 - front)
        axes.plot(time[-1:], of_ann[output : output + 1], "o", color=colour, markerfacecolor="none", markersize=5, clip_on=False)
    ends = {output: values[-1, output] for output in (range(values.shape[1]) if values.shape[1] <= 12 else winners)}
    for output, height in _apart(ends, np.ptp(values) / 13).items():
        text = {"fontsize": 7.5, "fontweight": "bold"} if output in winners else {"fontsize": 7.5, "color": "#666666"}
        axes.annotate(f"{output}", (1.015, height), xycoords=("axes fraction", "data"), va="center", **text)
    axes.set(title="output neurons", ylabel="potential x")


def _raster(result: Result, log: EventLog, time: NDArray[Any], axes: Axes) -> None:
    populations = [p for p in result.plan.populations if not p.node.name in result.plan.graph.outputs or p.threshold]
    for band, population in enumerate(populations):
        here = log.population == result.plan.populations.index(population)
        for sign, colour, name in ((1, BLUE, "positive"), (-1, RED, "negative")):
            chosen = here & (np.sign(log.payload) == sign)
            height = band + 0.08 + 0.84 * (log.neuron[chosen] + 0.5) / population.size
            axes.scatter(time[chosen], height, s=5, marker=3 if sign < 0 else 2, linewidths=0.7, color=colour, label=None if band else name)
        axes.axhline(band, color="#BBBBBB", linewidth=0.7)
    axes.set_yticks(np.arange(len(populations)) + 0.5, [f"{p.name}\n{p.size:,}" for p in populations])
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="y", visible=False)
    axes.set(title="spikes", ylim=(len(populations), 0))
    axes.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=2, handletextpad=0.2, borderaxespad=0.1, markerscale=1.6)


def _computing(report: Report) -> list[Report]:
    """The populations that operations are spent on."""
    return [layer for layer in report["layers"] if layer["kind"] == "neurons"]


def _few(report: Report) -> list[int]:
    """The rows whose course is drawn: that of the headline, the finest, the coarsest."""
    return list(dict.fromkeys([report["headline"]["row"], 0, len(report["rows"]) - 1]))


def _percent(report: Report, values: Sequence[Any]) -> Floats:
    return np.asarray(values, np.float64) * (100 if report["measure"] == "accuracy" else 1)


def _label(report: Report) -> str:
    return "right answers (%)" if report["measure"] == "accuracy" else "mean absolute error"


def _plain_ticks(axes: Axes, quantity: str) -> None:
    """A logarithmic axis with plain numbers, few enough to be read."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0), numticks=12))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _short(value) if quantity == "operations" else f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())


def _short(value: float) -> str:
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"


def _apart(ends: Mapping[int, float], least: float) -> dict[int, float]:
    """Heights for labels that would overlap: pushed upwards until they do not."""
    placed: dict[int, float] = {}
    height = -np.inf
    for name, value in sorted(ends.items(), key=lambda item: item[1]):
        height = max(value, height + least)
        placed[name] = height
    return placed
