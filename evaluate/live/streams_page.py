"""What ``tfsnn evaluate`` says of recordings: sentences, tables, pictures, and the page that holds them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfsnn.stage import terminal

from ..plots import recorded as charts
from ..plots.style import BLUE, DASHED, GREEN, GREY, ORANGE, drawn, logarithmic
from ..report.environment import render as rendered
from ..report.parts import Cell, Charts, Code, Part, Points, Section, Table
from ..report.sentences import one_by_one
from ..report.steps import percent
from .page import brief, kept, pays, promised, short, spent, times, verdict

FORMAT, FORMAT_VERSION = "tfsnn-streams", 1
EVENT, INTEGER = "event network", "the integer ANN"
Content = Mapping[str, Any]


def sentences(content: Content) -> list[str]:
    """What was found, for better or worse."""
    data, row, found = content["data"], spoken_of(content), content["headline"]
    frames = sum(each["frames"] for each in data["recordings"])
    count = len(data["recordings"])
    lines = [
        f"{frames:,} frames of {data['name']} in {count} recording{'s' * (count > 1)}: "
        f"at a threshold of {row['threshold']:g} the event "
        f"network needs {row['operations']['mean']:,.0f} synaptic operations a frame, "
        f"{times(row['reduction']['dense'])} the "
        f"{content['network']['dense_macs']:,} multiply-accumulates of the dense network and "
        f"{times(row['reduction']['zero_skipping'])} "
        f"the {content['network']['zero_skipping_macs']:,.0f} that are left when it skips zeros; "
        "the first frame of a recording, "
        f"which brings everything, needs {row['operations']['first']:,.0f}."
    ]
    lines += [f"{_close(distance)} {what}." for what, distance in row["against"].items()]
    if row["labels"] is not None:
        measure = content["task"]["measure"]
        others = ", ".join(
            f"{what} {_shown(measure, found_[measure])}" for what, found_ in content["baselines"].items()
        )
        constant = _shown(measure, content["constant"])
        lines.append(
            f"{measure} {_shown(measure, row['labels'][measure])}; {others}; "
            f"an answer that is always the same {constant}."
        )
    share, on = found["quality"][found["row"]], found["on"]
    if len(content["rows"]) == 1:
        lines.append(f"The threshold was given; it keeps {share:.4f} of the integer ANN on {on}.")
    elif found["within"]:
        lines.append(
            f"The threshold is the largest tried that keeps {found['wanted']:g} of the integer ANN "
            f"on {on} ({share:.4f})."
        )
        lines += [promised(found["wanted"], on)] if short(row["against"][INTEGER], found["wanted"]) else []
    else:
        lines.append(
            f"No threshold tried keeps {found['wanted']:g} of the integer ANN on {on}; "
            f"this one comes nearest ({share:.4f})."
        )
        lines.append("Try finer ones (--thresholds), or ask for less (--quality).")
    return [*lines, *_speed(content), *([data["ended"]] if data["ended"] else [])]


def summary(content: Content) -> str:
    """Rows, times and sentences for a terminal."""
    rows = [[*line, "<" if at == content["headline"]["row"] else ""] for at, line in enumerate(_rows(content))]
    parts = [terminal.table([*_head(content), ""], rows), terminal.table(_SPEED_HEAD, _speeds(content))]
    return "\n\n".join([*parts, "\n".join(sentences(content) + list(content["notes"]))])


def spoken_of(content: Content) -> Mapping[str, Any]:
    """The row that the report speaks of."""
    found: Mapping[str, Any] = content["rows"][content["headline"]["row"]]
    return found


def draw(content: Content, place: Path) -> None:
    """Draw the pictures.

    Parameters
    ----------
    content
        What streams.json is to hold.
    place
        The directory.
    """
    if len(content["rows"]) > 1:
        _thresholds(content, place / "thresholds.png")
    _operations(content, place / "operations.png")
    if content["task"]["kind"] == "values":
        _outputs(content, place / "output.png")


def render(content: Content) -> str:
    """The page.

    Parameters
    ----------
    content
        What streams.json holds.
    """
    outputs = charts.outputs(content)
    settings = one_by_one({**content["settings"], "encoder": content["encoder"]})
    return rendered(
        "report.html",
        title=content["title"],
        over=content["title"],
        headline=headline(content),
        first_text=[],
        first_table=_networks(content),
        first_chart=charts.operations(content),
        sections=[
            Section("What it amounts to", [Points(sentences(content))]),
            *([Section("Output over time", [outputs])] if outputs is not None else []),
            Section("Thresholds", _by_threshold(content)),
            Section("Time a frame", _time(content)),
            Section("How it ran", [Points([*settings, *content["notes"]]), Code(content["command"], wrapped=True)]),
        ],
        footer=f"Written by tfsnn {content['versions']['tfsnn']}, {content['time']}. The numbers are in streams.json.",
    )


def headline(content: Content) -> str:
    """Whether it would pay: operations, times and what remains of the answers; no saving where too little does."""
    row, found, ms = spoken_of(content), content["headline"], content["speed"]["ms"]
    answers = kept(next(reversed(row["against"].values())))
    said = f"At a threshold of {row['threshold']:g}, {answers}"
    of = f"{found['wanted']:g} of the integer ANN on {found['on']}"
    if not found["within"]:
        given = len(content["rows"]) == 1
        tried = "the threshold that was given does not keep" if given else "no threshold tried keeps"
        return f"{said}: {tried} {of}, so no saving is claimed."
    if short(row["against"][INTEGER], found["wanted"]):
        return f"{said}: it keeps {of}, and less on the frames reported, so no saving is claimed."
    fastest = min((name for name in ms if name != EVENT), key=lambda name: ms[name]["median"], default=None)
    beside = None if fastest is None else (fastest, ms[fastest]["median"])
    return f"{pays(row['reduction']['dense'], ms[EVENT]['median'], beside)}; {answers}."


def _networks(content: Content) -> Table:
    """What a frame costs on average, dense, with zeros skipped, and as events."""
    row, network, ms = spoken_of(content), content["network"], content["speed"]["ms"]
    dense, rival = network["dense_macs"], next((name for name in ms if name != EVENT), None)
    found = [
        (Cell("Dense network", rival or ""), dense, None if rival is None else ms[rival]["median"]),
        (Cell("Dense, zeros skipped"), network["zero_skipping_macs"], None),
        (Cell("Event network", f"threshold {row['threshold']:g}"), row["operations"]["mean"], ms[EVENT]["median"]),
    ]
    lines = [
        [name, f"{cost:,.0f}", None if time is None else f"{time:.3g}", f"{100 * cost / dense:.3g} %"]
        for name, cost, time in found
    ]
    head = ["", "operations", "ms (median)", "share of dense"]
    return Table("What a frame costs, first ones left out", head, lines, {2: "chosen"})


def _by_threshold(content: Content) -> list[Part]:
    table = Table("Every threshold", _head(content), _rows(content), {content["headline"]["row"]: "chosen"})
    return [*([Charts(found)] if (found := charts.thresholds(content)) else []), table]


def _time(content: Content) -> list[Part]:
    head = ["streams", "ms a frame", "frames/s of all"]
    at_once = Table("Several streams, in turn on one thread", head, _several(content))
    speeds = Table("Milliseconds a frame, in turn", _SPEED_HEAD, _speeds(content))
    return [charts.milliseconds(content), speeds, at_once]


_SPEED_HEAD = ["", "mean", "median", "99th percentile", "from the float model"]


def _head(content: Content) -> list[str]:
    head = ["threshold", "operations", "dense /", "zero-skipping /", "first frame"]
    head += [f"from {what}" for what in content["rows"][0]["against"]]
    return head + ([] if content["task"]["measure"] is None else [content["task"]["measure"]])


def _rows(content: Content) -> list[list[str]]:
    found, measure = [], content["task"]["measure"]
    for row in content["rows"]:
        line = [f"{row['threshold']:g}", f"{row['operations']['mean']:,.0f}"]
        line += [f"{row['reduction'][name]:.1f}" for name in ("dense", "zero_skipping")]
        line.append(f"{row['operations']['first']:,.0f}")
        line += [brief(distance) for distance in row["against"].values()]
        found.append(line + ([] if measure is None else [_shown(measure, row["labels"][measure])]))
    return found


def _speeds(content: Content) -> list[list[str]]:
    return [
        [name, *(f"{ms[key]:.3f}" for key in ("mean", "median", "p99")), brief(ms) if name != EVENT else ""]
        for name, ms in content["speed"]["ms"].items()
    ]


def _several(content: Content) -> list[list[str]]:
    return [
        [str(each["streams"]), f"{each['ms']:.3f}", f"{each['frames_a_second']:,.0f}"]
        for each in content["speed"]["at_once"]
    ]


def _speed(content: Content) -> list[str]:
    ms = content["speed"]["ms"]
    own, lines = ms[EVENT], []
    lines.append(f"A frame takes {spent(own)}, 99th percentile {own['p99']:.2f}) on one thread.")
    for name, other in ms.items():
        if name != EVENT:
            compared = f"{spent(other)}); by medians the stream {verdict(own['median'], other['median'])}"
            lines.append(f"{name[0].upper()}{name[1:]}: {compared}.")
    several = content["speed"]["at_once"][-1]
    together = f"{several['frames_a_second']:,.0f} frames/s together"
    lines.append(f"{several['streams']} streams in turn on one thread: {together}.")
    return lines


def _close(distance: Mapping[str, Any]) -> str:
    if "same_decisions" in distance:
        return f"{percent(distance['same_decisions'])} of its decisions are those of"
    share = distance["rms_share_of_range"]
    extent = "" if share is None else f", {percent(share)} of the range,"
    return f"Its output is off by {distance['rms_error']:.4g} rms{extent} from"


def _shown(measure: str, value: float) -> str:
    return f"{value:.4f}" if measure == "rmse" else percent(value)


def _boundaries(axes: Any, content: Content) -> None:
    starts = np.flatnonzero(content["series"]["first"])
    for at in starts[1:]:
        axes.axvline(at, color=GREY, linewidth=0.6, alpha=0.6)


def _operations(content: Content, path: Path) -> None:
    """Operations and ms over time (JETCAS Fig. 5)."""
    series, network = content["series"], content["network"]
    with drawn(path, (9.6, 4.4)) as figure_:
        upper, lower = figure_.subplots(2, 1, sharex=True)
        upper.plot(np.maximum(series["operations"], 0.1), color=BLUE, linewidth=0.9, label=EVENT)
        upper.axhline(network["dense_macs"], color=GREY, linestyle=DASHED, label="dense network")
        zeros = network["zero_skipping_macs"]
        upper.axhline(zeros, color=ORANGE, linestyle=DASHED, label="dense network, zeros skipped")
        logarithmic(upper.yaxis)
        upper.set(title="operations a frame", ylim=(max(1.0, min(series["operations"]) / 2), 2 * network["dense_macs"]))
        lower.plot(series["ms"], color=BLUE, linewidth=0.9, label=EVENT)
        rival = next((name for name in content["speed"]["ms"] if name != EVENT), None)
        # A frame that another program interrupts must not hide the others.
        top = 1.5 * float(np.percentile(series["ms"], 95))
        if rival is not None:
            top = max(top, 1.5 * content["speed"]["ms"][rival]["median"])
            middle = content["speed"]["ms"][rival]["median"]
            lower.axhline(middle, color=ORANGE, linestyle=DASHED, label=f"{rival}, median")
        lower.set(title="ms a frame", xlabel="frame", ylim=(0, top))
        for axes in (upper, lower):
            _boundaries(axes, content)
            axes.legend(loc="upper right")


def _outputs(content: Content, path: Path) -> None:
    """Outputs over time, beside what is right and the other networks (JETCAS Fig. 4)."""
    series = content["series"]
    with drawn(path, (9.6, 3.2)) as figure_:
        axes = figure_.subplots()
        if series["labels"] is not None:
            axes.plot(np.asarray(series["labels"])[:, 0], color=GREY, linewidth=1.6, label="label")
        for (what, outputs), color in zip(series["against"].items(), (ORANGE, GREEN)):
            axes.plot(np.asarray(outputs)[:, 0], color=color, linestyle=DASHED, linewidth=1.0, label=what)
        axes.plot(np.asarray(series["outputs"])[:, 0], color=BLUE, linewidth=0.9, label=EVENT)
        axes.set(title="output", xlabel="frame")
        _boundaries(axes, content)
        axes.legend(loc="upper right")


def _thresholds(content: Content, path: Path) -> None:
    """What a threshold saves, and what it does to the output."""
    rows: Sequence[Mapping[str, Any]] = content["rows"]
    at = [row["threshold"] for row in rows]
    values = content["task"]["kind"] == "values"
    with drawn(path, (9.6, 2.8)) as figure_:
        left, right = figure_.subplots(1, 2)
        left.plot(at, [row["reduction"]["dense"] for row in rows], color=BLUE, marker="o", label="dense")
        skipped = [row["reduction"]["zero_skipping"] for row in rows]
        left.plot(at, skipped, color=ORANGE, marker="s", linestyle=DASHED, label="zeros skipped")
        left.set(title="operations: how many times fewer", xlabel="threshold")
        for axis in (left.xaxis, left.yaxis):
            logarithmic(axis)
        left.legend(loc="upper left")
        for (what, _), color in zip(rows[0]["against"].items(), (GREEN, BLUE)):
            found = [row["against"][what] for row in rows]
            share = [each.get("rms_share_of_range" if values else "same_decisions") for each in found]
            percent = [np.nan if each is None else 100 * each for each in share]
            right.plot(at, percent, color=color, marker="o", label=what)
        title = "rms error in % of the range, from" if values else "same decisions in %, as"
        right.set(title=title, xlabel="threshold")
        logarithmic(right.xaxis)
        right.legend(loc="best")
