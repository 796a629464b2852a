"""The papers' figures from what commands wrote, in one style, with the papers' own values where these are numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfsnn.aliases import Floats
from tfsnn.input.encoder import Encoder
from tfsnn.network.graph import Graph
from tfsnn.network.nodes import Input, Neurons, Synapse
from tfsnn.network.ops import Activation, OneToOne
from tfsnn.plan.make import make
from tfsnn.plan.rule import fire
from tfsnn.plan.settings import Settings

from ..plots.style import BLUE, DASHED, DOTTED, GREEN, GREY, ORANGE, RED, SOLID, drawn, logarithmic
from .published import PAPERS_ACCURACY, PAPERS_OPERATIONS

COLOURS, STYLES = (BLUE, ORANGE, GREEN, RED, GREY), (SOLID, DASHED, DOTTED)
SHOWN = 400
"""Frames of a drive that a figure shows at most."""
Report = Mapping[str, Any]


def sent_for(values: Floats, spikes: str) -> Floats:
    """What one ReLU neuron with a threshold of 1 has sent in all after each of these values of x, by the neuron rule itself.

    Parameters
    ----------
    values
        x, one after the other.
    spikes
        Kind of spikes; ``"direct"`` has no hysteresis.
    """
    given = Input("in", (1,), Encoder("graded", scale=1 / 64))
    synapse = Synapse("in", (), OneToOne(), np.ones(1, np.int8), np.ones(1, np.float32))
    neuron = Neurons("neuron", (1,), (synapse,), np.zeros(1, np.float32), Activation("relu"))
    out = Neurons("out", (1,), (Synapse("neuron", (), OneToOne(), np.ones(1, np.int8), np.ones(1, np.float32)),), np.zeros(1, np.float32))
    plan = make(Graph((given, neuron, out), ("out",)), Settings(1.0, "absolute", spikes))
    population = plan.populations[1]
    sent, found = np.zeros(1, np.int64), np.zeros(len(values))
    for at, value in enumerate(values):
        sent = sent + fire(plan, population, np.array([round(max(value, 0.0) / population.step)], np.int64), sent)[0]
        found[at] = sent[0] * population.payload * population.step
    return found


def hysteresis(path: Path) -> None:
    """AICAS Fig. 1: what a neuron has sent while its x rises to 4 and falls again."""
    up = np.linspace(-1, 4, 1001)
    both = sent_for(np.concatenate([up, up[::-1]]), "signed")
    with drawn(path, (6.4, 4.0)) as figure:
        axes = figure.subplots()
        axes.plot(up, np.maximum(up, 0), color=ORANGE, linestyle=DOTTED, label="ReLU")
        axes.plot(up, both[:1001], color=BLUE, label="sent, x rising")
        axes.plot(up[::-1], both[1001:], color=RED, linestyle=DASHED, label="sent, x falling")
        axes.set(xlabel="x", ylabel="sum of what was sent", title="Hysteresis quantization of a ReLU, threshold 1")
        axes.legend()


def direct_and_hysteresis(path: Path) -> None:
    """JETCAS Fig. 2: a neuron that receives events of random values, with direct and with hysteresis quantization."""
    x = np.cumsum(np.random.default_rng(0).normal(0, 0.35, 200)) + 2
    with drawn(path, (9.6, 5.0)) as figure:
        for axes, kind in zip(figure.subplots(2, 1, sharex=True), ("direct", "valued")):
            found, title = sent_for(x, kind), "direct quantization" if kind == "direct" else "hysteresis quantization"
            count = int(np.count_nonzero(np.diff(found, prepend=0)))
            axes.plot(np.maximum(x, 0), color=GREY, linestyle=DOTTED, label="f(x)")
            axes.step(range(len(x)), found, where="post", color=BLUE, label=f"sent, {count} spikes")
            axes.set(ylabel="output", title=f"{title}, threshold 1")
            axes.legend()
        axes.set_xlabel("events received")


def within_frame(report: Report, path: Path, quantities: Sequence[str]) -> None:
    """AICAS Figs. 3 and 4, JETCAS Fig. 3: accuracy if the network is stopped, against time, spikes or operations.

    Parameters
    ----------
    report
        report.json in the papers' settings.
    path
        Where it goes.
    quantities
        One for each panel: ``"time"``, ``"spikes_per_neuron"`` or ``"operations"``.
    """
    labels = {"time": "time units", "spikes_per_neuron": "spikes a neuron", "operations": "synaptic operations"}
    ann = report["baselines"]["ann"]
    with drawn(path, (4.8 * max(1.4, len(quantities)), 4.0)) as figure:
        for axes, quantity in zip(np.atleast_1d(figure.subplots(1, len(quantities))), quantities):
            for at, row in enumerate(report["rows"]):
                style: dict[str, Any] = {"color": COLOURS[at % 5], "linestyle": STYLES[at % 3], "label": f"T = {row['threshold']:g}"}
                axes.plot(row["curve"][quantity], 100 * np.array(row["curve"]["accuracy"]), **style)
            axes.axhline(100 * ann["accuracy"], color=GREY, linestyle=DOTTED, label="int8 ANN")
            if quantity == "operations":
                axes.axvline(report["baselines"]["zero_skipping"]["operations"], color=GREY, linewidth=0.8, label="zero-skipping ANN, MACs")
                axes.plot([PAPERS_OPERATIONS], [PAPERS_ACCURACY], "*", color=RED, markersize=11, label="the paper, T = 1")
            axes.set(xlabel=labels[quantity], ylabel="accuracy, %")
            axes.legend(loc="lower right")


def steering(streams: Report, path: Path) -> None:
    """JETCAS Fig. 4: what the frame-based and the event network steer, frame by frame."""
    series = streams["series"]
    with drawn(path, (9.6, 3.6)) as figure:
        axes = figure.subplots()
        lines = {**series["against"], "event network": series["outputs"]}
        lines |= {} if series["labels"] is None else {"label": series["labels"]}
        for at, (name, values) in enumerate(lines.items()):
            axes.plot(np.array(values)[:SHOWN, 0], color=COLOURS[at % 5], linestyle=STYLES[at % 3], label=name)
        axes.set(xlabel="frame", ylabel="output", title=streams["title"])
        axes.legend()


def operations(streams: Report, path: Path) -> None:
    """JETCAS Fig. 5: operations of each frame beside the multiply-accumulates of the frame-based network."""
    network, counts = streams["network"], np.array(streams["series"]["operations"][:SHOWN])
    with drawn(path, (9.6, 3.6)) as figure:
        axes = figure.subplots()
        axes.plot(counts, color=BLUE, label=f"event network, mean {counts.mean():,.0f}")
        axes.axhline(network["dense_macs"], color=ORANGE, linestyle=DASHED, label=f"dense, {network['dense_macs']:,} MACs")
        skipping = network["zero_skipping_macs"]
        axes.axhline(skipping, color=GREY, linestyle=DOTTED, label=f"zeros skipped, {skipping:,.0f} MACs")
        axes.set(xlabel="frame", ylabel="operations", title=streams["title"])
        logarithmic(axes.yaxis)
        axes.legend()


def thresholds(windows: Report, path: Path) -> None:
    """JETCAS Fig. 6: accuracy and operations a second at the shortest window against the threshold."""
    least = min(row["window_ms"] for row in windows["rows"] if row["window_ms"] is not None)
    rows = sorted((row for row in windows["rows"] if row["window_ms"] == least), key=lambda row: float(row["threshold"]))
    x = [row["threshold"] for row in rows]
    with drawn(path, (9.6, 3.6)) as figure:
        left, right = figure.subplots(1, 2)
        left.plot(x, [100 * row["accuracy"] for row in rows], "o-", color=BLUE)
        left.axhline(100 * windows["frame_based"]["value"], color=GREY, linestyle=DOTTED, label="frame-based network, snapshots")
        left.set(xlabel="threshold, steps of the weight grid", ylabel=f"accuracy in windows of {least:g} ms, %")
        left.legend()
        right.plot(x, [row["operations_a_second"] for row in rows], "o-", color=BLUE)
        right.axhline(windows["frame_based"]["macs_a_second"], color=GREY, linestyle=DOTTED, label="frame-based network, MACs")
        right.set(xlabel="threshold, steps of the weight grid", ylabel="synaptic operations a second")
        logarithmic(right.yaxis)
        right.legend()


def lengths(windows: Report, path: Path) -> None:
    """JETCAS Fig. 7: accuracy against the inference window, a line for each threshold."""
    with drawn(path, (6.4, 4.0)) as figure:
        axes = figure.subplots()
        for at, threshold in enumerate(sorted({row["threshold"] for row in windows["rows"]})):
            rows = [row for row in windows["rows"] if row["threshold"] == threshold and row["window_ms"] is not None]
            points = sorted((row["window_ms"], 100 * row["accuracy"]) for row in rows)
            axes.plot(*zip(*points), marker="o", color=COLOURS[at % 5], linestyle=STYLES[at % 3], label=f"T = {threshold:g}")
        axes.axhline(100 * windows["frame_based"]["value"], color=GREY, linestyle=DOTTED, label="frame-based network, snapshots")
        axes.set(xlabel="inference window, ms", ylabel="accuracy, %")
        axes.legend()
