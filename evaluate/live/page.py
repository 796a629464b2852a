"""What a stream leaves behind: stream.json, two pictures (JETCAS Figs. 4 and 5), and the page that shows them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tfsnn.stage.output import write_json

from ..plots.style import BLUE, DASHED, GREY, ORANGE, drawn
from ..report.html import code, document, escape, facts, figure, heading, listed, table

FORMAT, FORMAT_VERSION = "tfsnn-stream", 1
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
    captions = {"operations.png": _operations(content, place / "operations.png"), "output.png": _outputs(content, place / "output.png")}
    write_json(place / "stream.json", content)
    pictures = [figure(caption, (place / name).read_bytes()) for name, caption in captions.items() if caption]
    (place / "report.html").write_text(_page(content, pictures), encoding="utf-8")


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
    speed = f"A frame takes {ms['mean']:.2f} ms (median {ms['median']:.2f}, 99th percentile {ms['p99']:.2f})"
    beside = later.get("reference_ms")
    if beside is not None:
        faster = verdict(ms["mean"], beside["mean"])
        speed += f"; {content['reference']} takes {beside['mean']:.2f} ms (median {beside['median']:.2f}): the stream is {faster}"
    lines.append(speed + ".")
    lines.append(f"With reading the video, {fps:.1f} frames/s" + (f"; it was recorded at {rate:.4g}." if rate else "."))
    fidelity = found["fidelity"]
    if fidelity is not None and "same_decisions" in fidelity:
        same, seen = fidelity["same_decisions"], fidelity["frames"]
        lines.append(f"{same:.2%} of the decisions are those of {content['reference']} ({seen:,} frames).")
    elif fidelity is not None:
        share = fidelity["rms_share_of_range"]
        extent = "" if share is None else f", {share:.2%} of the range of its outputs"
        off = f"The output is off by {fidelity['rms_error']:.4g} rms{extent}"
        lines.append(f"{off}, from {content['reference']} ({fidelity['frames']:,} frames).")
    return lines + [note for note in (found["ended"], video["ended"]) if note]


def times(ratio: float) -> str:
    """How operations compare.

    Examples
    --------
    >>> times(4.0), times(0.5)
    ('4.0 times fewer than', '2.0 times as many as')
    """
    return f"{ratio:.1f} times fewer than" if ratio >= 1 else f"{1 / max(ratio, 1e-9):.1f} times as many as"


def verdict(own: float, other: float) -> str:
    """How times compare.

    Examples
    --------
    >>> verdict(1.0, 3.0), verdict(3.0, 1.5)
    ('3.00 times as fast', '2.00 times slower')
    """
    ratio = other / max(own, 1e-9)
    return f"{ratio:.2f} times as fast" if ratio >= 1 else f"{1 / max(ratio, 1e-9):.2f} times slower"


def brief(distance: Mapping[str, Any]) -> str:
    """A distance of two networks in a cell.

    Examples
    --------
    >>> brief({"same_decisions": 0.985}), brief({"rms_error": 0.01, "rms_share_of_range": 0.02})
    ('98.50% the same', '2.00% of range')
    """
    if "same_decisions" in distance:
        return f"{distance['same_decisions']:.2%} the same"
    share = distance["rms_share_of_range"]
    return f"{distance['rms_error']:.4g} rms" if share is None else f"{share:.2%} of range"


def _page(content: Content, pictures: list[str]) -> str:
    found = content["summary"]
    later = found["later_frames"]
    tiles = [(f"{found['reduction']['dense']:.1f}x", "fewer operations than dense"), (f"{later['ms']['median']:.2f} ms", "a frame, median")]
    if "reference_ms" in later:
        tiles.append((f"{later['reference_ms']['median']:.2f} ms", "LiteRT, median, in turn"))
    if found["fidelity"] is not None and "same_decisions" in found["fidelity"]:
        tiles.append((f"{found['fidelity']['same_decisions']:.2%}", "same decisions as the float model"))
    numbers = {name: (found["first_frame"][name], *spread.values()) for name, spread in later.items()}
    rows = [[name.replace("_", " "), *(f"{value:,.4g}" for value in values)] for name, values in numbers.items()]
    settings = [f"{name}: {value}" for name, value in content["settings"].items()]
    body = [
        f"<header><p>tfsnn stream</p><h1>{escape(content['title'])}</h1></header>",
        listed(answer(content)),
        facts(tiles),
        *pictures,
        heading("Every frame but the first"),
        table(["", "first frame", "mean", "median", "99th percentile"], rows),
        heading("How it ran"),
        listed([*settings, *content["notes"]]),
        code(content["command"], wrapped=True),
    ]
    return document(f"{content['video']['name']}, frame by frame", body)


def _operations(content: Content, path: Path) -> str:
    """Operations and ms over time (JETCAS Fig. 5)."""
    series, found = content["series"], content["summary"]
    with drawn(path, (9.6, 4.4)) as figure_:
        upper, lower = figure_.subplots(2, 1, sharex=True)
        frames = np.arange(found["frames"])
        upper.plot(frames, np.maximum(series["operations"], 0.1), color=BLUE, linewidth=0.9, label="event network")
        upper.axhline(found["dense_macs"], color=GREY, linestyle=DASHED, label="dense network")
        upper.axhline(found["zero_skipping_macs"], color=ORANGE, linestyle=DASHED, label="dense network, zeros skipped")
        least = max(1.0, min(series["operations"]) / 2)
        upper.set(title="operations a frame", yscale="log", ylim=(least, 2 * found["dense_macs"]))
        lower.plot(frames, series["ms"], color=BLUE, linewidth=0.9, label="event network")
        if len(series.get("reference_ms", ())) == len(frames):
            lower.plot(frames, series["reference_ms"], color=ORANGE, linewidth=0.9, label="LiteRT, in turn")
        lower.set(title="ms a frame", xlabel="frame", ylim=(0, 1.3 * float(np.percentile(series["ms"], 99.5))))
        for axes in (upper, lower):
            axes.legend(loc="upper right")
    return "What each frame cost: where nothing moves, nothing is computed (JETCAS Fig. 5)."


def _outputs(content: Content, path: Path) -> str:
    """Outputs over time, beside those of the reference (JETCAS Fig. 4)."""
    outputs = np.asarray(content["series"]["outputs"], np.float64)
    if content["decision"] == "mask" or not outputs.size:
        return ""
    with drawn(path, (9.6, 2.8)) as figure_:
        axes = figure_.subplots()
        for index in range(min(SHOWN, outputs.shape[1])):
            (line,) = axes.plot(outputs[:, index], linewidth=1.0, label=f"output {index}")
            seen = [(at, values[index]) for at, values in zip(content["series"]["reference_frames"], content["series"]["reference"])]
            if seen and content["decision"] == "values":
                axes.plot(*zip(*seen), color=ORANGE, linestyle=DASHED, linewidth=0.9, label=content["reference"])
            line.set_zorder(3)
        axes.set(title="outputs", xlabel="frame")
        axes.legend(loc="upper right")
    return "The network's outputs, softmax not applied" + (", and the float model's (JETCAS Fig. 4)." if content["reference"] else ".")
