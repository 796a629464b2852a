"""Inference windows in sentences, tables, pictures and a page; nothing is shown that windows.json does not hold, but for the recordings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tfsnn.input.encoder import Dvs
from tfsnn.stage.output import write_json

from .plots import windows as plots
from .presented import Labelled
from .report.environment import render
from .report.parts import Code, Picture, Points, Section, Table
from .report.picture import of_png
from .report.sentences import one_by_one
from .report.steps import percent

SHOWN = 6
"""Recordings drawn, each of another class."""
Content = Mapping[str, Any]
_CAPTIONS = {
    "windows.png": "Accuracy against threshold and window, and operations a second of signal (JETCAS, Figs. 6 and 7).",
    "snapshots.png": "What the network has received of a recording at the end of some of its snapshots: brighter, darker.",
    "rates.png": "Events a second of the camera over time, of the same recordings.",
}


def sentences(content: Content) -> list[str]:
    """What was presented, how thresholds were chosen, what the speed is of, and what the leaky population costs."""
    frames, selection, rows = content["frame_based"], content["selection"], content["rows"]
    rate = f"{frames['macs_a_second'] / 1e6:,.0f} MMACs/s at {frames['frames_a_second']} Hz"
    head = (
        f"{content['dataset']['recordings']} recordings of {content['dataset']['name']}; "
        f"frame-based CNN on {frames['snapshots']:,} snapshots: {percent(frames['value'])}, {rate}"
    )
    chosen = (
        f"Marked: the fewest operations within {100 * selection['behind']:g} point of the best threshold, "
        f"on {selection['recordings']} recordings of the {selection['on']} split."
    )
    if selection["on"] == "test":
        chosen += " These are the ones tested: expect slightly less on new data."
    done = rows[0]["population_a_second"]
    population = (
        f"The leaky population before the network, a second: {done['additions']:,.0f} additions, {done['leak_updates']:,.0f} leaks "
        f"({done['leak_updates_nonzero']:,.0f} of states that are not 0), {done['comparisons']:,.0f} comparisons; "
        "they are no synaptic operations, and not in the columns above."
    )
    speed = "Windows that begin together are read off one replay: events/s and x real time are those of all replays at a threshold."
    return [head, chosen, speed, population]


def lines(content: Content) -> tuple[list[str], list[list[str]]]:
    """A row for each window and threshold: head, and lines."""
    frames = content["frame_based"]
    same = any(row["same_as_frame_based"] is not None for row in content["rows"])
    head = ["window", "T", "accuracy", "95 % (windows)", "95 % (recordings)", *["as the CNN"] * same, "Mops", "Mops/s", "of CNN"]
    head += ["stable after", "events/s", "x real time", ""]
    return head, [
        [
            row["window"],
            f"{row['threshold']:g}",
            percent(row["accuracy"]),
            _interval(row["accuracy_ci95"]),
            _interval(row["accuracy_ci95_recordings"]),
            *["" if row["same_as_frame_based"] is None else percent(row["same_as_frame_based"])] * same,
            f"{row['operations_a_window'] / 1e6:,.2f}",
            f"{row['operations_a_second'] / 1e6:,.2f}",
            percent(row["operations_a_second"] / frames["macs_a_second"]),
            f"{row['stable_after_ms']:.1f} ms",
            f"{row['camera_events_a_second_sustained']:,.0f}",
            f"{row['times_real_time']:.1f}",
            "<" if row["chosen"] else "",
        ]
        for row in content["rows"]
    ]


def comparison(content: Content) -> tuple[list[str], list[list[str]]]:
    """The columns of the paper's Table II: the frame-based network, and this one at the window and threshold that were chosen."""
    frames, network = content["frame_based"], content["network"]
    row = next(row for row in content["rows"] if row["chosen"] and row["window"] == content["selection"]["window"])
    head = ["network", "accuracy", "window", "T", "latency", "million operations/s", "neurons", "parameters", "weight bytes"]
    same = [f"{network[name]:,}" for name in ("neurons", "parameters", "weight_bytes")]
    period = f"{content['encoder']['snapshot'] / 1000:g} ms"
    return head, [
        ["frame-based", percent(frames["value"]), period, "", period, f"{frames['macs_a_second'] / 1e6:,.2f}", *same],
        [
            "event-driven",
            percent(row["accuracy"]),
            row["window"],
            f"{row['threshold']:g}",
            f"{row['stable_after_ms']:.1f} ms",
            f"{row['operations_a_second'] / 1e6:,.2f}",
            *same,
        ],
    ]


def headline(content: Content) -> str:
    """Both networks beside one another, at the window and threshold that were chosen."""
    frames, window = content["frame_based"], content["selection"]["window"]
    row = next(row for row in content["rows"] if row["chosen"] and row["window"] == window)
    when = {"whole": "After whole recordings", "snapshots": "At every snapshot"}.get(window, f"After {window}")
    own, other = (f"{each / 1e6:,.2f} million operations a second" for each in (row["operations_a_second"], frames["macs_a_second"]))
    said = f"{when} the event network gets {percent(row['accuracy'])} right with {own}"
    return f"{said}; frame by frame it is {percent(frames['value'])} with {other}."


def write(content: Content, encoder: Dvs, recordings: Labelled, place: Path) -> None:
    """Write windows.json, the pictures and report.html into a directory.

    Parameters
    ----------
    content
        What windows.json is to hold.
    encoder, recordings
        The leaky population, and class and events of what was presented.
    place
        The directory.
    """
    shown = list({label: (label, recording) for label, recording in reversed(recordings) if len(recording)}.values())[-SHOWN:][::-1]
    plots.draw(content, place / "windows.png")
    plots.snapshots(encoder, shown, place / "snapshots.png")
    plots.rates(encoder, shown, place / "rates.png")
    write_json(place / "windows.json", content)
    pictures = {name: of_png((place / name).read_bytes(), caption) for name, caption in _CAPTIONS.items()}
    (place / "report.html").write_text(_page(content, pictures), encoding="utf-8")


def _page(content: Content, pictures: Mapping[str, Picture]) -> str:
    marks = {at: "chosen" for at, row in enumerate(content["rows"]) if row["chosen"]}
    settings = one_by_one({**content["settings"], "encoder": content["encoder"]})
    beside, every = comparison(content), Table("Every window and threshold", *lines(content), marks)
    return render(
        "report.html",
        title=f"{content['dataset']['name']}, after inference windows",
        over="tfsnn evaluate",
        headline=headline(content),
        first_text=[],
        first_table=Table("Frame by frame, and event by event", *beside, {len(beside[1]) - 1: "chosen"}),
        first_chart=plots.over_thresholds(content),
        sections=[
            Section("Windows and thresholds", [pictures["windows.png"], every, Points(sentences(content))]),
            Section("Recordings", [pictures["snapshots.png"], pictures["rates.png"]]),
            Section("How it ran", [Points(settings), Code(content["command"], wrapped=True)]),
        ],
        footer=f"Written by tfsnn {content['versions']['tfsnn']}, {content['time']}. The numbers are in windows.json.",
    )


def _interval(pair: Sequence[float]) -> str:
    return f"{100 * pair[0]:.1f} to {100 * pair[1]:.1f} %"
