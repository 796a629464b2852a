"""The charts of one scene at several frame rates, from what rates.json holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .chart import BLUE, DASHED, GREY, ORANGE, SOLID, Chart, Key, Mark
from .settings import Curve, by_setting, percent

Content = Mapping[str, Any]


def saved(content: Content, quoted: Mapping[float, float]) -> Chart:
    """How many times fewer operations a frame takes at each rate.

    Parameters
    ----------
    content
        What rates.json holds.
    quoted
        The paper's own, by frame rate.
    """
    rows = content["rates"]
    looks = {"dense": (BLUE, SOLID), "zero_skipping": (ORANGE, DASHED)}
    names = {"dense": "than the dense network", "zero_skipping": "than the dense network, zeros skipped"}
    curves: list[Curve] = [(names[name], [row["reduction"][name] for row in rows], *look) for name, look in looks.items()]
    text = "How many times fewer operations a frame takes. Grey: JETCAS, PilotNet on a real road, where the axes reach so far."
    labels = ("frames a second", "times fewer")
    chart = by_setting("Operations against frame rate", text, labels, [row["rate"] for row in rows], curves, log=True)
    for rate, times in quoted.items():
        if chart.x.inside(rate) and chart.y.inside(times):
            words = f"JETCAS, PilotNet on a real road, {rate:g} frames a second: {times:g} times fewer"
            chart.marks.append(Mark(chart.x.at(rate), chart.down(times), words, GREY))
    chart.legend.append(Key("JETCAS (quoted)", GREY, dotted=True))
    return chart


def error(content: Content) -> Chart:
    """How far the output is from the integer ANN at each rate."""
    rows = content["rates"]
    values = "rms_error" in rows[0]["error"]
    shares = [percent(row["error"].get("rms_share_of_range" if values else "same_decisions")) for row in rows]
    curves: list[Curve] = [("event network", shares, BLUE, SOLID)]
    label = "rms error, % of the range" if values else "same decisions, %"
    wanted = 100 * (1 - content["wanted"] if values else content["wanted"])
    text = "How far the output is from that of the integer ANN."
    at = [row["rate"] for row in rows]
    return by_setting("Answers against frame rate", text, ("frames a second", label), at, curves, wanted=wanted)
