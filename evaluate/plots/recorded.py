"""The charts of the page of evaluated recordings, from what streams.json holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .chart import BLUE, DASHED, DOTTED, GREEN, GREY, INK, ORANGE, PURPLE, SOLID, Chart
from .settings import Curve, by_setting, percent
from .timeline import Course, Still, timeline

EVENT = "event network"
Content = Mapping[str, Any]


def operations(content: Content) -> Chart:
    """Operations of every frame at the threshold chosen (JETCAS Fig. 5)."""
    network, spent = content["network"], np.maximum(content["series"]["operations"], 0.1)
    stills = [Still("dense, MACs", network["dense_macs"], GREY, SOLID)]
    stills.append(Still("zeros skipped, MACs", network["zero_skipping_macs"], ORANGE, DASHED))
    text = f"What each frame cost at the threshold chosen{_boundaries(content)} (JETCAS Fig. 5)."
    labels, courses = ("frame", "operations a frame"), [Course(EVENT, range(len(spent)), spent, BLUE)]
    return _started(content, timeline("Operations over time", text, labels, courses, stills, log=True))


def milliseconds(content: Content) -> Chart:
    """Wall clock of every frame, beside the median of what it is compared with."""
    ms, times = content["series"]["ms"], content["speed"]["ms"]
    stills = [Still(f"{name}, median", times[name]["median"], ORANGE, DASHED) for name in [name for name in times if name != EVENT][:1]]
    courses, top = [Course(EVENT, range(len(ms)), ms, BLUE)], 1.3 * float(np.percentile(ms, 99.5))
    text = "Encoding included; frames that the system was busy in may stand beyond the top."
    return _started(content, timeline("Time over time", text, ("frame", "ms a frame"), courses, stills, zero=True, top=top))


def outputs(content: Content) -> Chart | None:
    """The output at every frame (JETCAS Fig. 4); None of classes and masks."""
    if content["task"]["kind"] != "values":
        return None
    series, found = content["series"], []
    if series["labels"] is not None:
        found.append(("label", series["labels"], GREY, SOLID))
    looks = ((ORANGE, DASHED), (GREEN, DOTTED))
    found += [(what, values, *look) for (what, values), look in zip(series["against"].items(), looks)]
    found.append((EVENT, series["outputs"], BLUE, SOLID))
    courses = [Course(name, range(len(values)), np.asarray(values)[:, 0], colour, dash) for name, values, colour, dash in found]
    text = f"The output at every frame, beside the networks that see each frame as a whole{_boundaries(content)} (JETCAS Fig. 4)."
    return _started(content, timeline("Output over time", text, ("frame", "output"), courses))


def thresholds(content: Content) -> list[Chart]:
    """What a threshold saves, and how far the output is from networks that see each frame as a whole; empty of a single one."""
    rows = content["rows"]
    if len(rows) < 2:
        return []
    values, at = content["task"]["kind"] == "values", [row["threshold"] for row in rows]
    saved = {"dense": (BLUE, SOLID), "zero_skipping": (ORANGE, DASHED)}
    cost: list[Curve] = [
        (name.replace("_", " "), [row["reduction"][name] for row in rows], *look) for name, look in saved.items()
    ]
    key, looks = ("rms_share_of_range" if values else "same_decisions"), ((GREEN, SOLID), (PURPLE, DASHED), (INK, DOTTED))
    close: list[Curve] = [
        (what, [percent(row["against"][what].get(key)) for row in rows], *look) for what, look in zip(rows[0]["against"], looks)
    ]
    what = "rms error, % of the range" if values else "same decisions, %"
    text = "How many times fewer operations a frame takes."
    caption = "How far the answers are from networks that see each frame as a whole."
    return [
        by_setting("What a threshold saves", text, ("threshold", "times fewer"), at, cost, log=True),
        by_setting("What it does to the answers", caption, ("threshold", what), at, close),
    ]


def _boundaries(content: Content) -> str:
    several = sum(content["series"]["first"]) > 1
    return "; upright lines: a recording begins, and the state starts over" if several else ""


def _started(content: Content, chart: Chart) -> Chart:
    """The chart, with a line where a recording but the first begins."""
    for at in np.flatnonzero(content["series"]["first"])[1:].tolist():
        chart.start(at)
    return chart
