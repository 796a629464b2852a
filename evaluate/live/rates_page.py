"""What ``tfsnn evaluate --rates`` leaves behind: a table, a picture, and the page that shows them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tfsnn.stage import terminal

from ..plots import rates as charts
from ..plots.style import BLUE, DASHED, GREY, ORANGE, drawn, logarithmic
from ..report.environment import render as rendered
from ..report.parts import Code, Points, Section, Table
from ..report.sentences import one_by_one
from .page import brief, times, worded

FORMAT, FORMAT_VERSION = "tfsnn-rates", 1
PAPER = {10.0: 16.0, 480.0: 140.0}
"""Frames a second, and how many times fewer operations than dense: JETCAS IV-C, PilotNet on a real road."""
HEAD = ["frames/s", "threshold", "operations a frame", "a second", "dense /", "zero-skipping /", "ms, median", "error"]
Content = Mapping[str, Any]


def sentences(content: Content) -> list[str]:
    """What was found."""
    low, high = content["rates"][0], content["rates"][-1]
    lines = [
        f"From {low['rate']:g} to {high['rate']:g} frames a second the operations of a frame fall from {low['operations']['mean']:,.0f} "
        f"to {high['operations']['mean']:,.0f}: {times(low['reduction']['dense'])} the {content['dense_macs']:,} multiply-accumulates of "
        f"the dense network, and {times(high['reduction']['dense'])} them; a second costs "
        f"{high['operations_a_second'] / max(low['operations_a_second'], 1e-9):.2f} times as much."
    ]
    short = [f"{row['rate']:g}" for row in content["rates"] if not row["within"]]
    ons = {row["chosen_on"] for row in content["rates"]}
    on = ons.pop() if len(ons) == 1 else f"the first {content['scenes']['first']} frames, of which each rate has its share"
    lines.append(f"The threshold at each rate is the largest tried that keeps {content['wanted']:g} of the integer ANN on {on}.")
    if short:
        lines.append(f"At {', '.join(short)} frames a second none did; the best one was taken.")
    return lines


def summary(content: Content) -> str:
    """Rows and sentences for a terminal."""
    return "\n\n".join([terminal.table(HEAD, _rows(content)), "\n".join(sentences(content))])


def draw(content: Content, path: Path) -> None:
    """Draw reduction and error over the frame rate.

    Parameters
    ----------
    content
        What rates.json is to hold.
    path
        The picture.
    """
    rows = content["rates"]
    rates = [row["rate"] for row in rows]
    values = "rms_error" in rows[0]["error"]
    with drawn(path, (9.6, 3.4)) as figure_:
        left, right = figure_.subplots(1, 2)
        for name, color, style, mark in (("dense", BLUE, "-", "o"), ("zero_skipping", ORANGE, DASHED, "s")):
            label = f"than the {'dense' if name == 'dense' else 'zero-skipping'} network"
            left.plot(rates, [row["reduction"][name] for row in rows], color=color, linestyle=style, marker=mark, label=label)
        left.plot([*PAPER], [*PAPER.values()], color=GREY, linestyle="", marker="x", label="JETCAS, PilotNet on a real road")
        left.set(title="how many times fewer operations a frame", xlabel="frames a second")
        for axis in (left.xaxis, left.yaxis):
            logarithmic(axis)
        left.legend(loc="upper left")
        found = [row["error"].get("rms_share_of_range" if values else "same_decisions") for row in rows]
        shares = [float("nan") if share is None else 100 * share for share in found]
        right.plot(rates, shares, color=BLUE, marker="o", label="event network")
        right.axhline(100 * (1 - content["wanted"] if values else content["wanted"]), color=GREY, linestyle=DASHED, label="asked for")
        title = "rms error in % of the range, from the integer ANN" if values else "same decisions as the integer ANN in %"
        right.set(title=title, xlabel="frames a second")
        logarithmic(right.xaxis)
        right.set_ylim(bottom=0 if values else None)
        right.legend(loc="best")


def render(content: Content) -> str:
    """The page.

    Parameters
    ----------
    content
        What rates.json holds.
    """
    low, high = content["rates"][0], content["rates"][-1]
    settings = one_by_one({**content["scenes"], **content["settings"], "encoder": content["encoder"]})
    brief_rows = [[f"{row['rate']:g}", f"{row['operations']['mean']:,.0f}", f"{row['ms']['median']:.3g}", brief(row["error"])]
                  for row in content["rates"]]  # fmt: skip
    headline = f"At {low['rate']:g} frames a second a frame takes {worded(low['reduction']['dense'])} the dense network, "
    return rendered(
        "report.html",
        title=content["title"],
        over=content["title"],
        headline=f"{headline}at {high['rate']:g} it takes {worded(high['reduction']['dense'])} it.",
        first_text=[],
        first_table=Table("What a frame costs", ["frames a second", "operations", "ms (median)", "error"], brief_rows),
        first_chart=charts.saved(content, PAPER),
        sections=[
            Section("What it amounts to", [Points(sentences(content))]),
            Section("Answers", [charts.error(content)]),
            Section("Every frame rate", [Table("Every frame rate", HEAD, _rows(content))]),
            Section("How it ran", [Points(settings), Code(content["command"], wrapped=True)]),
        ],
        footer=f"Written by tfsnn {content['versions']['tfsnn']}, {content['time']}. The numbers are in rates.json.",
    )


def _rows(content: Content) -> list[list[str]]:
    return [
        [
            f"{row['rate']:g}",
            f"{row['threshold']:g}",
            f"{row['operations']['mean']:,.0f}",
            f"{row['operations_a_second']:,.0f}",
            *(f"{row['reduction'][name]:.1f}" for name in ("dense", "zero_skipping")),
            f"{row['ms']['median']:.3f}",
            brief(row["error"]),
        ]
        for row in content["rates"]
    ]
