"""What a stream leaves behind: stream.json, two pictures (JETCAS Figs. 4 and 5), and the page that shows them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tfsnn.stage.output import write_json

from ..plots import stream as plots
from ..report.environment import render
from ..report.parts import Cell, Code, Points, Section, Table, Text
from ..report.sentences import one_by_one
from ..report.steps import percent
from .judged import quality

FORMAT, FORMAT_VERSION = "tfsnn-stream", 1
WANTED = 0.98
"""What a threshold must keep of the decisions (of values, 1 - rms error / range) where nobody says; below, no saving is claimed."""
SLACK = 0.01
"""By so much frames may keep less than those that a threshold was chosen on."""
NOTHING = 1e9
"""How many times fewer operations are as good as none: summaries divide by a mean of 1e-9 at least."""
NEAR = 0.95
"""Times are about the same from this share of one another on."""
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
    plots.draw(content, place)
    write_json(place / "stream.json", content)
    (place / "report.html").write_text(page(content), encoding="utf-8")


def answer(content: Content) -> list[str]:
    """Would it pay for this camera? In sentences, for better or worse."""
    found = content["summary"]
    later, reduction = found["later_frames"], found["reduction"]["dense"]
    skipping = found["reduction"]["zero_skipping"]
    fps, video = content["fps"], content["video"]
    lines = [
        f"{found['frames']:,} frames of {video['name']}: {later['operations']['mean']:,.0f} synaptic operations a frame on average, "
        f"{times(reduction)} the {found['dense_macs']:,} multiply-accumulates of the dense network, and {times(skipping)} the "
        f"{found['zero_skipping_macs']:,.0f} that are left when it skips zeros; the first frame, which brings everything, left out."
    ]
    ms, rate = later["ms"], video["rate"]
    speed = f"A frame takes {spent(ms)}, 99th percentile {ms['p99']:.2f})"
    beside = later.get("reference_ms")
    if beside is not None:
        speed += f"; {content['reference']} takes {spent(beside)}): by medians the stream {verdict(ms['median'], beside['median'])}"
    lines.append(speed + ".")
    lines.append(f"With reading the video, {fps:.1f} frames/s" + (f"; it was recorded at {rate:.4g}." if rate else "."))
    fidelity = found["fidelity"]
    seen = "" if fidelity is None else f"{fidelity['frames']:,} frame{'s' * (fidelity['frames'] != 1)}"
    if fidelity is not None and "same_decisions" in fidelity:
        lines.append(f"{percent(fidelity['same_decisions'])} of the decisions are those of {content['reference']} ({seen}).")
    elif fidelity is not None:
        share = fidelity["rms_share_of_range"]
        extent = "" if share is None else f", {percent(share)} of the range of its outputs"
        off = f"The output is off by {fidelity['rms_error']:.4g} rms{extent}"
        lines.append(f"{off}, from {content['reference']} ({seen}).")
    return lines + way_out(content) + [note for note in (found["ended"], video["ended"]) if note]


def way_out(content: Content) -> list[str]:
    """What to do where too little is kept; nothing where enough is."""
    fidelity, settings = content["summary"]["fidelity"], content["settings"]
    wanted = settings["quality"] or WANTED
    if fidelity is None or not short(fidelity, wanted):
        return []
    if settings["quality"] is None:
        again = f"{content['command']} --quality {wanted:g}"
        again += " --force" if "--out" in again and "--force" not in again else ""
        lost = f"More than {100 * (1 - wanted):.3g} % is lost"
        return [f"{lost}; the largest threshold that loses less is chosen on the first frames by: {again}"]
    return [promised(wanted, f"the first {settings['skip']} frames")]


def short(distance: Mapping[str, Any], wanted: float) -> bool:
    """Whether frames that a threshold was not chosen on keep so much less than was wanted that no saving is claimed."""
    return quality(distance) < wanted - SLACK


def promised(wanted: float, on: str) -> str:
    """What to do where other frames keep less than those that the threshold was chosen on.

    Parameters
    ----------
    wanted
        What was to be kept.
    on
        The frames that the threshold was chosen on.
    """
    said = f"The threshold keeps {wanted:g} on {on}, and less on the frames reported"
    return f"{said}: choose on frames that show more (--first takes more of a video), or ask for more (--quality)."


def times(ratio: float) -> str:
    """How operations compare.

    Examples
    --------
    >>> times(4.0), times(1.0), times(0.5), times(1e12)
    ('4.0 times fewer than', 'about as many as', '2.0 times as many as', 'none against')
    """
    if ratio >= NOTHING:
        return "none against"
    if 0.95 < ratio < 1.05:
        return "about as many as"
    return f"{ratio:.1f} times fewer than" if ratio >= 1 else f"{1 / max(ratio, 1e-9):.1f} times as many as"


def worded(ratio: float) -> str:
    """How operations compare, in the middle of a sentence.

    Examples
    --------
    >>> worded(4.0), worded(0.5)
    ('4.0 times fewer operations than', '2.0 times as many operations as')
    """
    return times(ratio).replace("fewer", "fewer operations").replace("many", "many operations").replace("none", "no operations")


def verdict(own: float, other: float) -> str:
    """How times compare, as a predicate.

    Examples
    --------
    >>> verdict(1.0, 3.0), verdict(1.0, 1.01), verdict(3.0, 1.5)
    ('is 3.00 times as fast', 'is about as fast', 'takes 2.00 times as long')
    """
    ratio = other / max(own, 1e-9)
    if NEAR < ratio < 1 / NEAR:
        return "is about as fast"
    return f"is {ratio:.2f} times as fast" if ratio >= 1 else f"takes {1 / max(ratio, 1e-9):.2f} times as long"


def spent(ms: Mapping[str, float]) -> str:
    """Milliseconds, the median first: a frame that another program interrupts moves the mean. The bracket is left open.

    Examples
    --------
    >>> spent({"median": 1.0, "mean": 1.5})
    '1.00 ms (median; mean 1.50'
    """
    return f"{ms['median']:.2f} ms (median; mean {ms['mean']:.2f}"


def brief(distance: Mapping[str, Any]) -> str:
    """A distance of two networks in a cell.

    Examples
    --------
    >>> brief({"same_decisions": 0.985}), brief({"rms_error": 0.01, "rms_share_of_range": 0.02})
    ('98.50 % the same', '2.00 % of range')
    """
    if "same_decisions" in distance:
        return f"{percent(distance['same_decisions'])} the same"
    share = distance["rms_share_of_range"]
    return f"{distance['rms_error']:.4g} rms" if share is None else f"{percent(share)} of range"


def page(content: Content) -> str:
    """report.html.

    Parameters
    ----------
    content
        What stream.json holds.
    """
    found, outputs = content["summary"], plots.outputs(content)
    numbers = {name: (found["first_frame"][name], *spread.values()) for name, spread in found["later_frames"].items()}
    rows = [[name.replace("_", " "), *(f"{value:,.4g}" for value in values)] for name, values in numbers.items()]
    settings = one_by_one(content["settings"])
    versions = ", ".join(f"{name} {version}" for name, version in content["versions"].items() if version)
    host = ", ".join(f"{name} {value}" for name, value in content["host"].items())
    spread_table = Table("Every frame but the first", ["", "first frame", "mean", "median", "99th percentile"], rows)
    return render(
        "report.html",
        title=f"{content['video']['name']}, frame by frame",
        over=content["title"],
        headline=headline(content),
        first_text=[],
        first_table=_networks(content),
        first_chart=plots.operations(content),
        sections=[
            Section("What it amounts to", [Points(answer(content))]),
            *([Section("Output over time", [outputs])] if outputs is not None else []),
            Section("Time a frame", [plots.milliseconds(content), spread_table]),
            Section("How it ran", [Points([*settings, *content["notes"]]), Code(content["command"], wrapped=True)]),
            Section("Where this comes from", [Text(f"{versions}; {host}.")]),
        ],
        footer=f"Written by tfsnn {content['versions']['tfsnn']}, {content['time']}. The numbers are in stream.json.",
    )


def headline(content: Content) -> str:
    """Whether it would pay, in time and in operations, and what remains of the answers; no saving where too little does."""
    found, settings = content["summary"], content["settings"]
    later, fidelity = found["later_frames"], found["fidelity"]
    if way_out(content):
        said = f"At a threshold of {settings['threshold']:g}, {kept(fidelity)}: no saving is claimed."
        return f"{said} --quality {WANTED:g} chooses a threshold on the first frames." if settings["quality"] is None else said
    beside = None if "reference_ms" not in later else ("LiteRT", later["reference_ms"]["median"])
    text = pays(found["reduction"]["dense"], later["ms"]["median"], beside)
    return f"{text}{'' if fidelity is None else f'; {kept(fidelity)}'}."


def pays(ratio: float, own: float, beside: tuple[str, float] | None) -> str:
    """Whether a frame takes less time than elsewhere, and how its operations compare, as a sentence without its end.

    Parameters
    ----------
    ratio
        Operations of the dense network in those of the event network.
    own
        Milliseconds.
    beside
        What else runs the model, and its milliseconds; None where nothing was timed.

    Examples
    --------
    >>> print(pays(4.0, 0.25, ("LiteRT", 0.5)))
    A frame takes 4.0 times fewer operations than the dense network, and less time: 0.25 ms beside 0.50 ms (LiteRT)
    >>> print(pays(4.0, 0.75, ("LiteRT", 0.5)))
    A frame takes more time, 0.75 ms beside 0.50 ms (LiteRT), though 4.0 times fewer operations than the dense network
    """
    needs = f"{worded(ratio)} the dense network"
    if beside is None:
        return f"A frame takes {needs}, and {own:.2f} ms"
    name, other = beside
    if own > other / NEAR:
        return f"A frame takes more time, {own:.2f} ms beside {other:.2f} ms ({name}), {'though' if ratio > 1 else 'and'} {needs}"
    time = "less time" if own < NEAR * other else "about as much time"
    return f"A frame takes {needs}, and {time}: {own:.2f} ms beside {other:.2f} ms ({name})"


def kept(distance: Mapping[str, Any]) -> str:
    """What remains of the answers of another network, as a clause: a saving means little without it.

    Examples
    --------
    >>> kept({"same_decisions": 0.985}), kept({"rms_error": 0.01, "rms_share_of_range": 0.02})
    ('98.50 % of the decisions are the same', 'its output is off by 2.00 % of the range')
    """
    if "same_decisions" in distance:
        return f"{percent(distance['same_decisions'])} of the decisions are the same"
    share = distance["rms_share_of_range"]
    return "its output is off by " + (f"{distance['rms_error']:.4g} rms" if share is None else f"{percent(share)} of the range")


def _networks(content: Content) -> Table:
    """What a frame costs on average, dense, with zeros skipped, and as events."""
    found = content["summary"]
    later, dense = found["later_frames"], found["dense_macs"]
    spent = later["operations"]["mean"]
    rows = [
        _network("Dense network", content["reference"], dense, dense, later.get("reference_ms")),
        _network("Dense, zeros skipped", "", found["zero_skipping_macs"], dense, None),
        _network("Event network", f"threshold {content['settings']['threshold']:g}", spent, dense, later["ms"]),
    ]
    return Table("What a frame costs, the first one left out", ["", "operations", "ms (median)", "share of dense"], rows, {2: "chosen"})


def _network(name: str, more: str, operations: float, dense: float, ms: Mapping[str, float] | None) -> list[str | Cell | None]:
    share = f"{100 * operations / dense:.3g} %" if dense else None
    return [Cell(name, more), f"{operations:,.0f}", None if ms is None else f"{ms['median']:.3g}", share]
