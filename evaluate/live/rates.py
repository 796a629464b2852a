"""``tfsnn evaluate --rates``: the same scene at several frame rates, and what a frame and a second of each cost (JETCAS IV-C)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from tfsnn.aliases import PathLike
from tfsnn.artifact import Net
from tfsnn.errors import InputError
from tfsnn.input.framing import Framing
from tfsnn.input.road_sets import SCENES, drives_at, steering_range
from tfsnn.input.video import Source, open_video
from tfsnn.memory import afford
from tfsnn.network.graph import Graph
from tfsnn.plan.settings import Settings
from tfsnn.stage.output import guard, replacing, write_json
from tfsnn.stage.provenance import circumstances, provenance
from tfsnn.stage.terminal import counting

from ..baselines.ann import dense_outputs
from ..measure.task import Task
from . import rates_page as page
from .judged import Passage, apart, chosen, distance, nonzero_macs, passed, quality, streamed
from .recorded import Footage, Recording, evenly, extent, frames_of, of_video, targets_of

COMPARED = 200
"""Frames on which the integer ANN is computed, at most, evenly chosen."""
DRIVES = 2
FILES = ("rates.json", "report.html", "rates.png")


@dataclass(frozen=True)
class Scenes:
    """What is shown at several frame rates.

    Parameters
    ----------
    source
        ``"road"`` or ``"road_small"``: the same drives are drawn at each rate. Or a video, of which every n-th frame is taken.
    framing
        Of a video.
    seconds
        Of each drive.
    noise
        Of the sensor in a drawn road: standard deviation in levels.
    first
        Frames of a video to choose thresholds on, at its full rate.
    """

    source: Source
    framing: Framing | None = None
    seconds: float = 5.0
    noise: float = 0.0
    first: int = 64

    @property
    def name(self) -> str:
        """For reports."""
        return Path(self.source).name if isinstance(self.source, str) else str(self.source)


def evaluate_rates(
    net: Net,
    scenes: Scenes,
    rates: Sequence[float],
    *,
    path: Path,
    out: PathLike,
    settings: Sequence[Settings],
    wanted: float,
    decide: str | None = None,
    command: str = "",
    force: bool = False,
) -> dict[str, Any]:
    """Operations and errors at several frame rates.

    Parameters
    ----------
    net, path
        The network, and the file that it was read from.
    scenes
        What is shown.
    rates
        Frames a second.
    out
        The directory for rates.json, report.html and rates.png.
    settings
        One for each threshold to choose from, from low to high; at each rate the largest is taken that keeps ``wanted`` of the
        integer ANN on other drives at the same rate, or on the first frames.
    wanted
        The quality to keep.
    decide
        How outputs of a video are read; None: by their shape.
    command
        The command line that does the same again.
    force
        Overwrite what exists.

    Returns
    -------
    dict
        What rates.json holds.
    """
    out, graph = guard(out, force, directory=True, names=FILES), net.graph
    found = []
    for rate in rates:
        footage = _footage(graph, scenes, rate, decide)
        found.append(_measured(graph, footage, settings, wanted))
    content = {
        "format": page.FORMAT,
        "format_version": page.FORMAT_VERSION,
        "title": f"{path.name} on {scenes.name} at {len(rates)} frame rates",
        "command": command,
        "versions": provenance("evaluate", None, {})["versions"],
        **circumstances(),
        "inputs": provenance("evaluate", None, {path.name: path})["inputs"],
        "scenes": {"name": scenes.name, "seconds": scenes.seconds, "noise": scenes.noise, "first": scenes.first},
        "settings": {name: getattr(settings[0], name) for name in ("unit", "spikes", "schedule", "initial")},
        "encoder": graph.inputs[0].encoder.to_json(),
        "dense_macs": sum(graph.macs().values()),
        "wanted": wanted,
        "rates": found,
    }
    with replacing(out, directory=True, fresh=not force) as place:
        page.draw(content, place / "rates.png")
        write_json(place / "rates.json", content)
        (place / "report.html").write_text(page.render(content), encoding="utf-8")
    return content


def numbers(text: str) -> list[float]:
    """Frame rates with commas between.

    Examples
    --------
    >>> numbers("10, 60,480")
    [10.0, 60.0, 480.0]
    """
    try:
        found = sorted({float(word) for word in text.split(",")})
    except ValueError:
        raise InputError(f"--rates {text!r}; give frames a second with commas between, as in 10,60,480") from None
    if not all(0.01 <= rate <= 1e5 for rate in found):
        raise InputError(f"--rates {text}; give frames a second from 0.01 to 100000")
    return found


def _footage(graph: Graph, scenes: Scenes, rate: float, decide: str | None) -> Footage:
    if isinstance(scenes.source, str) and scenes.source in SCENES:
        return _drawn(graph, scenes, scenes.source, rate)
    if scenes.framing is None:
        raise InputError(f"--rates: {scenes.name} is no video and no generated road; give one of {', '.join(SCENES)}, or a video")
    with open_video(scenes.source, replace(scenes.framing, every=1)) as video:
        own = video.rate
    if own is None:
        raise InputError(f"--rates: {scenes.name} does not say how many frames it has a second; give a video file, or a generated road")
    every = round(own / rate)
    if every < 1 or abs(own / every - rate) > 0.05 * rate:
        allowed = ", ".join(f"{own / n:.4g}" for n in range(1, 5))
        raise InputError(f"--rates {rate:g}: {scenes.name} has {own:g} frames a second; every n-th frame gives {allowed}, ...")
    return of_video(graph, scenes.source, replace(scenes.framing, every=every), first=max(2, scenes.first // every), decide=decide)


def _drawn(graph: Graph, scenes: Scenes, name: str, rate: float) -> Footage:
    """Drives of the test split to report on, and one of the training split to choose on, at the same rate."""
    count, source = max(2, round(rate * scenes.seconds)), graph.inputs[0]
    if (*SCENES[name].size, 3) != source.shape:
        raise InputError(f"--rates: frames of {name} have shape {(*SCENES[name].size, 3)}, the network's input {source.shape}")
    afford((DRIVES + 1) * count * int(np.prod(source.shape)), f"--rates: {count} frames a drive", "draw fewer with --seconds")
    made = [
        [Recording(f"drive {number}", frames, steering[:, None]) for number, (frames, steering) in enumerate(found, start=1)]
        for found in (
            drives_at(name, "train", 1, rate, count, noise=scenes.noise),
            drives_at(name, "test", DRIVES, rate, count, noise=scenes.noise),
        )
    ]
    return Footage(name, made[0], "another drive at the same rate", made[1], Task("values", (1,)), rate, range=steering_range(name, "test"))


def _measured(graph: Graph, footage: Footage, settings: Sequence[Settings], wanted: float) -> dict[str, Any]:
    """The threshold that keeps what is wanted, and what the others of the recordings cost with it."""
    qualities: list[float] = []
    total = len(settings) * sum(len(each.frames) for each in footage.chosen_on) + sum(len(each.frames) for each in footage.reported)
    with counting(f"{footage.rate:g} frames/s" if footage.rate else "simulating", total) as count:
        for each in settings:
            found = passed(streamed(graph, each), footage.chosen_on, count)
            qualities.append(quality(_error(graph, footage, footage.chosen_on, found)))
            if not qualities[-1] >= wanted:
                break
        held, within = chosen(qualities, wanted)
        found = passed(streamed(graph, settings[held]), footage.reported, count)
    skipping = nonzero_macs(graph, footage.reported)
    costs = apart(found, sum(graph.macs().values()), skipping)
    frames = sum(len(each.frames) for each in footage.reported)
    return {
        "rate": footage.rate,
        "frames": frames,
        "recordings": len(footage.reported),
        "threshold": settings[held].threshold,
        "within": within,
        "chosen_on": footage.chosen_from,
        "quality": qualities,
        **costs,
        "zero_skipping_macs": skipping,
        "error": _error(graph, footage, footage.reported, found),
        "operations_a_second": costs["operations"]["mean"] * (footage.rate or 0.0),
    }


def _error(graph: Graph, footage: Footage, recordings: Sequence[Recording], found: Passage) -> dict[str, Any]:
    """How far outputs are from those of the integer ANN, on frames evenly chosen."""
    frames = frames_of(recordings)
    some = evenly(len(frames), COMPARED)
    source, targets = graph.inputs[0], targets_of(recordings)
    exact = dense_outputs(graph, {source.name: source.encoder.frames(frames[some])})
    range_ = footage.range or extent(footage.task, targets, exact)
    return distance(footage.task, found.outputs[some], exact, range_)
