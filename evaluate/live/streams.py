"""``tfsnn evaluate`` on recordings: state carried from frame to frame, at several thresholds, beside the model and LiteRT."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from tfsnn.aliases import Floats, PathLike
from tfsnn.artifact import Net
from tfsnn.network.graph import Graph
from tfsnn.plan.settings import Settings
from tfsnn.stage.output import guard, replacing, write_json
from tfsnn.stage.provenance import circumstances, digest, provenance
from tfsnn.stage.terminal import counting
from tfsnn.stream import Stream

from ..baselines.ann import dense_outputs
from ..baselines.original import Original, original
from ..measure.sizes import state_bytes, weight_bytes
from . import streams_page as page
from .beside import at_once, in_turn, variants
from .judged import Passage, Progress, against_labels, apart, chosen, distance, nonzero_macs, passed, quality, streamed
from .recorded import Footage, Recording, extent, frames_of, targets_of
from .run import KEPT
from .streams_page import INTEGER

ONE_SIDED = 0.9
"""Share of the frames to choose on that may show one class without a remark."""
FILES = ("streams.json", "report.html", "operations.png", "output.png", "thresholds.png")


def evaluate_streams(
    net: Net,
    footage: Footage,
    *,
    path: Path,
    out: PathLike,
    settings: Sequence[Settings],
    wanted: float,
    model: PathLike | None = None,
    command: str = "",
    force: bool = False,
) -> dict[str, Any]:
    """Evaluate a network on recordings.

    Parameters
    ----------
    net, path
        The network, and the file that it was read from.
    footage
        What it is evaluated on.
    out
        The directory for streams.json, report.html and pictures.
    settings
        One for each threshold, from low to high.
    wanted
        The quality that the threshold which the report speaks of must keep against the integer network, on recordings to choose on.
    model
        The Keras model; by default it is looked for beside the network.
    command
        The command line that does the same again.
    force
        Overwrite what exists.

    Returns
    -------
    dict
        What streams.json holds.
    """
    out = guard(out, force, directory=True, names=FILES)
    content = _head(net, footage, path, command) | measured(net, footage, settings, wanted, original(net, path, model))
    with replacing(out, directory=True, fresh=not force) as place:
        page.draw(content, place)
        write_json(place / "streams.json", content)
        (place / "report.html").write_text(page.render(content), encoding="utf-8")
    return content


def measured(net: Net, footage: Footage, settings: Sequence[Settings], wanted: float, model: Original | None) -> dict[str, Any]:
    """Everything that is measured.

    Parameters
    ----------
    net, footage, settings, wanted
        As of :func:`evaluate_streams`.
    model
        The user's model, if it is there.
    """
    graph, (name,), task = net.graph, net.graph.outputs, footage.task
    streams = [partial(streamed, graph, each) for each in settings]
    frames, targets, source = frames_of(footage.reported), targets_of(footage.reported), graph.inputs[0].name
    beside = {INTEGER: dense_outputs(graph, {source: _framed(graph, footage.reported)})}
    # Numbers in front of a softmax are not what the model gives.
    if model is not None and not (task.kind == "values" and graph[name].softmax):
        beside |= {model.what: model.on_raw(graph, {source: frames})[name]}
    range_ = extent(task, targets, beside[INTEGER])
    dense, zero_skipping = sum(graph.macs().values()), nonzero_macs(graph, footage.reported)
    with counting("simulating", len(streams) * (len(frames) + sum(len(each.frames) for each in footage.chosen_on))) as count:
        tried = [_qualities(made(), footage.chosen_on, footage, count) for made in streams] if footage.chosen_on else None
        passages = [passed(made(), footage.reported, count) for made in streams]
    rows = [
        {"threshold": each.threshold, **apart(passage, dense, zero_skipping), "labels": against_labels(task, passage.outputs, targets)}
        | {"against": {what: distance(task, passage.outputs, outputs, range_) for what, outputs in beside.items()}}
        for each, passage in zip(settings, passages)
    ]
    qualities = tried or [quality(row["against"][INTEGER]) for row in rows]
    row, within = chosen(qualities, wanted)
    others, notes = variants(model, graph, footage.chosen_on or footage.reported)
    timed = in_turn(streams[row](), footage.reported, model, others, task, range_)
    return {
        "settings": described(settings[0]),
        "task": {"kind": task.kind, "measure": task.measure if footage.labelled else None, "range": range_},
        "network": _sizes(graph, streams[row]()) | {"dense_macs": dense, "zero_skipping_macs": zero_skipping},
        "baselines": {what: against_labels(task, outputs, targets) for what, outputs in beside.items()},
        "constant": None if targets is None else task.constant(targets),
        "rows": rows,
        "headline": {"row": row, "wanted": wanted, "within": within, "quality": qualities, "on": footage.chosen_from or "these frames"},
        "speed": timed | {"at_once": at_once(streams[row], footage.reported)},
        "notes": [*(model.notes if model else ()), *notes, *_one_sided(graph, footage)],
        "series": _series(passages[row], beside, targets, task.kind),
    }


def _framed(graph: Graph, recordings: Sequence[Recording]) -> Any:
    """float32 (frames, \\*shape): frames as the network would see them if everything that changes were sent."""
    return graph.inputs[0].encoder.frames(frames_of(recordings))


def _qualities(stream: Stream, recordings: Sequence[Recording], footage: Footage, count: Progress) -> float:
    """The quality of one threshold on recordings to choose on, against the integer network."""
    graph, task = stream.plan.graph, footage.task
    exact = dense_outputs(graph, {graph.inputs[0].name: _framed(graph, recordings)})
    found = passed(stream, recordings, count)
    return quality(distance(task, found.outputs, exact, extent(task, targets_of(recordings), exact)))


def _one_sided(graph: Graph, footage: Footage) -> list[str]:
    """A note where nearly all frames to choose on show one class, which nearly any threshold keeps."""
    if footage.task.kind not in ("classes", "binary") or not footage.chosen_on:
        return []
    exact = dense_outputs(graph, {graph.inputs[0].name: _framed(graph, footage.chosen_on)})
    most = float(np.bincount(footage.task.decided(exact)).max()) / len(exact)
    if most < ONE_SIDED:
        return []
    return [
        f"{100 * most:.1f} % of the frames that the threshold was chosen on show one class, which nearly any threshold keeps: give more "
        "with --first, or judge the outputs themselves with --decide values"
    ]


def _sizes(graph: Graph, stream: Stream) -> dict[str, Any]:
    counts = {"neurons": graph.neurons, "parameters": graph.parameters}
    return counts | {"state_bytes": state_bytes(graph, stream.carrier), "weight_bytes": weight_bytes(graph)}


def _series(passage: Passage, beside: dict[str, Floats], targets: Any, kind: str) -> dict[str, Any]:
    """What the pictures show: numbers of each frame."""
    found: dict[str, Any] = {name: getattr(passage, name).tolist() for name in ("operations", "events", "ms", "first")}
    if kind == "mask":
        return found
    found |= {"outputs": passage.outputs[:, :KEPT].tolist()}
    if kind == "values":
        found |= {"against": {what: outputs[:, :KEPT].tolist() for what, outputs in beside.items()}}
        found |= {"labels": None if targets is None else targets[:, :KEPT].tolist()}
    return found


def _head(net: Net, footage: Footage, path: Path, command: str) -> dict[str, Any]:
    """Where it comes from, and what it was evaluated on."""
    origin, source = provenance("evaluate", None, {path.name: path}), net.graph.inputs[0]
    framing = None if source.framing is None else source.framing.to_json()
    return {
        "format": page.FORMAT,
        "format_version": page.FORMAT_VERSION,
        "title": f"{path.name} on {footage.name}",
        "command": command,
        "versions": origin["versions"],
        **circumstances(),
        "inputs": origin["inputs"] | {f"{footage.name}, frames taken": digest(frames_of(footage.reported))},
        "data": {
            "name": footage.name,
            "rate": footage.rate,
            "ended": footage.ended,
            "recordings": [{"name": each.name, "frames": len(each.frames)} for each in footage.reported],
        },
        "encoder": source.encoder.to_json(),
        "framing": framing,
    }


def described(settings: Settings) -> dict[str, Any]:
    """How all rows were run."""
    return {name: value for name, value in asdict(settings).items() if name in ("unit", "spikes", "schedule", "initial")}
