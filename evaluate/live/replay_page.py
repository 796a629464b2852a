"""What a replay leaves behind: stream.json, two pictures, and the page that shows them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tfsnn.stage.output import write_json

from ..plots import replay as charts
from ..plots.style import BLUE, GREY, ORANGE, drawn
from ..report.environment import render
from ..report.parts import Code, Points, Section, Table
from ..report.sentences import one_by_one

FORMAT, FORMAT_VERSION = "tfsnn-replay", 1
SHOWN = 4
"""Outputs drawn at most."""
Content = Mapping[str, Any]


def write(content: Content, place: Path) -> None:
    """Write stream.json, the pictures and report.html into a directory.

    Parameters
    ----------
    content
        What stream.json is to hold.
    place
        The directory.
    """
    _rates(content, place / "rates.png")
    if content["decision"] != "mask":
        _outputs(content, place / "output.png")
    write_json(place / "stream.json", content)
    (place / "report.html").write_text(_page(content), encoding="utf-8")


def answer(content: Content) -> list[str]:
    """What the replay showed, in sentences."""
    found, recording = content["summary"], content["recording"]
    times = found["times_real_time"]
    lines = [
        f"{found['camera_events']:,} events in {found['signal_seconds']:,.3f} s of {recording['name']}: "
        f"{found['camera_events_a_second']:,.0f} events/s, from which the leaky population makes {found['input_events_a_second']:,.0f}; "
        f"{found['operations_a_second']:,.0f} synaptic operations a second of signal, {found['operations_an_event']:,.1f} an event.",
        f"Replayed in {found['busy_seconds']:.3f} s (reading {found['read_seconds']:.3f} s): "
        f"{found['events_a_second_sustained']:,.0f} events/s, {times:.3g} times real time.",
        f"At the end: {found['decided']}" + (f", since {found['settled_s']:.3f} s." if content["decision"] == "classes" else "."),
    ]
    return lines + [note for note in (found["ended"], recording["ended"], recording["found"]) if note]


def _page(content: Content) -> str:
    found, outputs = content["summary"], charts.outputs(content)
    rows = [
        ["Camera", f"{found['camera_events_a_second']:,.0f}", None],
        ["Input of the network", f"{found['input_events_a_second']:,.0f}", None],
        ["Event network", None, f"{found['operations_a_second']:,.0f}"],
    ]
    settings = one_by_one(content["settings"])
    headline = f"{found['operations_a_second']:,.0f} operations a second of signal; "
    headline += f"replayed {found['times_real_time']:.3g} times as fast as "
    return render(
        "report.html",
        title=f"{content['recording']['name']}, event by event",
        over=content["title"],
        headline=f"{headline}it was recorded, {found['events_a_second_sustained']:,.0f} events a second.",
        first_text=[],
        first_table=Table("A second of signal", ["", "events", "operations"], rows, {2: "chosen"}),
        first_chart=charts.operations(content),
        sections=[
            Section("What it amounts to", [Points(answer(content))]),
            *([Section("Output over time", [outputs])] if outputs is not None else []),
            Section("Events over time", [charts.events(content)]),
            Section("How it ran", [Points(settings), Code(content["command"], wrapped=True)]),
        ],
        footer=f"Written by tfsnn {content['versions']['tfsnn']}, {content['time']}. The numbers are in stream.json.",
    )


def _rates(content: Content, path: Path) -> None:
    series = {name: np.asarray(values, np.float64) for name, values in content["series"].items() if name != "outputs"}
    seconds = np.maximum(series["stop_s"] - series["start_s"], 1e-6)
    with drawn(path, (9.6, 4.4)) as figure_:
        upper, lower = figure_.subplots(2, 1, sharex=True)
        for name, color in (("camera_events", GREY), ("input_events", BLUE)):
            upper.plot(series["stop_s"], series[name] / seconds, color=color, linewidth=0.9, label=name.replace("_", " "))
        lower.plot(series["stop_s"], series["operations"] / seconds, color=ORANGE, linewidth=0.9, label="synaptic operations")
        upper.set(title="events a second", ylim=(0, None))
        lower.set(title="operations a second", xlabel="seconds of signal", ylim=(0, None))
        for axes in (upper, lower):
            axes.legend(loc="upper right")


def _outputs(content: Content, path: Path) -> None:
    outputs, seconds = np.asarray(content["series"]["outputs"], np.float64), content["series"]["stop_s"]
    # Those that were largest at some time come first.
    highest = np.argsort(-outputs.max(axis=0), kind="stable")[:SHOWN]
    with drawn(path, (9.6, 2.8)) as figure_:
        axes = figure_.subplots()
        for index in sorted(int(at) for at in highest):
            axes.plot(seconds, outputs[:, index], linewidth=1.0, label=f"output {index}")
        axes.set(title="outputs", xlabel="seconds of signal")
        axes.legend(loc="upper right")
