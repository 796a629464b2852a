"""net.snn.h5 and recordings of an event camera become windows.json and windows.png: accuracy and cost over inference windows."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from tfsnn import artifact
from tfsnn.aliases import PathLike
from tfsnn.errors import InputError
from tfsnn.input import event_sets
from tfsnn.input.encoder import Dvs
from tfsnn.plan.make import make
from tfsnn.plan.settings import Settings
from tfsnn.simulate import prepare
from tfsnn.stage.output import guard, replacing, write_json
from tfsnn.stage.provenance import circumstances, provenance
from tfsnn.stage.terminal import counting, table

from .measure.sizes import state_bytes, weight_bytes
from .plots.windows import draw
from .windows import cuts, frame_based, measured, present

Windows = Sequence[int | None]


def evaluate_recordings(
    net: PathLike,
    *,
    data: str,
    out: PathLike,
    windows: Windows,
    thresholds: Sequence[float],
    settings: Settings,
    data_dir: PathLike | None = None,
    samples: int | None = None,
    force: bool = False,
) -> dict[str, Any]:
    """Classify the windows of all test recordings, at several lengths and thresholds, beside the frame-based network.

    Parameters
    ----------
    net
        A net.snn.h5 whose encoder is of kind ``dvs``.
    data
        A data set of :mod:`tfsnn.input.event_sets`.
    out
        The directory for windows.json and windows.png.
    windows
        Their lengths in microseconds; None stands for whole recordings.
    thresholds, settings
        Thresholds, and everything else that a run is told.
    data_dir
        Where the recordings are.
    samples
        Take the first so many recordings; default all.
    force
        Overwrite what exists.

    Returns
    -------
    dict
        What windows.json holds.
    """
    out = guard(out, force, directory=True, names=("windows.json", "windows.png"))
    loaded = artifact.load(net)
    encoder = loaded.graph.inputs[0].encoder
    if not isinstance(encoder, Dvs):
        raise InputError(f"evaluate: --windows needs an encoder of kind dvs, that of {net} is {encoder.kind}; convert with --encode dvs")
    if data not in event_sets.LEAKS:
        raise InputError(f"evaluate: --windows needs recordings, not {data}; choose one of {', '.join(event_sets.LEAKS)}")
    if samples is not None and samples < 1:
        raise InputError(f"evaluate: samples is {samples}; take at least 1")
    recordings = list(islice(event_sets.recordings(data, data_dir or os.environ.get("TFDS_DATA_DIR"), "test"), samples))
    plans = [make(loaded.graph, replace(settings, threshold=threshold, where="evaluate")) for threshold in sorted(set(thresholds))]
    for plan in plans:
        prepare(plan)
    rows = []
    total = sum(len(cuts(recording, window)) for window in windows for _, recording in recordings) * len(plans)
    with counting("simulating", total) as count:
        for window in windows:
            shown = present(encoder, recordings, window)
            rows += [measured(plan, shown, window, count) for plan in plans]
    graph, origin = loaded.graph, provenance("evaluate", None, {Path(net).name: net})
    content = {
        "format": "tfsnn-windows",
        "format_version": 1,
        "command": _command(net, data, windows, plans[0].settings, [plan.settings.threshold for plan in plans], samples),
        "versions": origin["versions"],
        "inputs": origin["inputs"],
        **circumstances(),
        "dataset": {"name": data, "split": "test", "recordings": len(recordings)},
        "settings": {name: getattr(settings, name) for name in ("unit", "spikes", "schedule", "initial")},
        "encoder": encoder.to_json(),
        "network": {
            "neurons": graph.neurons,
            "parameters": graph.parameters,
            "state_bytes": state_bytes(graph, plans[0].carrier),
            "weight_bytes": weight_bytes(graph),
        },
        "frame_based": frame_based(graph, encoder, recordings),
        "rows": rows,
    }
    with replacing(out, directory=True, fresh=not force) as place:
        write_json(place / "windows.json", content)
        draw(content, place / "windows.png")
    return content


def summary(content: dict[str, Any]) -> str:
    """The rows as a table, and the columns of the paper's Table II below it.

    Parameters
    ----------
    content
        What :func:`evaluate_recordings` returned.
    """
    headers = ["window", "T", "accuracy", "95 % (windows)", "95 % (recordings)", "Mops/s", "of CNN", "stable after"]
    headers += ["events/s", "x real time"]
    frames = content["frame_based"]
    rows = [
        [
            _length(row),
            f"{row['threshold']:g}",
            f"{row['accuracy']:.2%}",
            _interval(row["accuracy_ci95"]),
            _interval(row["accuracy_ci95_recordings"]),
            f"{row['operations_a_second'] / 1e6:,.2f}",
            f"{row['operations_a_second'] / frames['macs_a_second']:.2%}",
            f"{row['stable_after_ms']:.1f} ms",
            f"{row['camera_events_a_second_sustained']:,.0f}",
            f"{row['times_real_time']:.1f}",
        ]
        for row in content["rows"]
    ]
    best = max(content["rows"], key=lambda row: row["accuracy"])
    columns = ["ANN accuracy", "SNN accuracy", "inference window", "T", "neurons", "parameters"]
    figures = [f"{frames['value']:.2%}", f"{best['accuracy']:.2%}", _length(best), f"{best['threshold']:g}"]
    figures += [f"{content['network'][name]:,}" for name in ("neurons", "parameters")]
    rate = f"{frames['macs_a_second'] / 1e6:,.0f} MMACs/s at {frames['frames_a_second']} Hz"
    head = (
        f"{content['dataset']['recordings']} recordings of {content['dataset']['name']}; "
        f"frame-based CNN on {frames['snapshots']:,} snapshots: {frames['value']:.2%}, {rate}"
    )
    return "\n\n".join([head, table(headers, rows), table(columns, [figures])])


def lengths(text: str) -> list[int | None]:
    """Windows in microseconds, from milliseconds with commas between; ``whole`` for whole recordings.

    Examples
    --------
    >>> lengths("64,128.5,whole")
    [64000, 128500, None]
    """
    found: list[int | None] = []
    for word in (word.strip() for word in text.split(",")):
        try:
            found.append(None if word == "whole" else round(float(word) * 1000))
        except (ValueError, OverflowError):
            raise InputError(f"--windows: {word!r} is no length; give milliseconds or whole, as in 64,128,whole") from None
        if found[-1] is not None and not 1 <= found[-1] < 1 << 40:
            raise InputError(f"--windows: {word} ms; give a positive length, as in 64,128,whole")
    return list(dict.fromkeys(found))


def _length(row: dict[str, Any]) -> str:
    return "whole" if row["window_ms"] is None else f"{row['window_ms']:g} ms"


def _interval(pair: Sequence[float]) -> str:
    return f"{pair[0]:.1%} to {pair[1]:.1%}"


def _command(net: PathLike, data: str, windows: Windows, first: Settings, thresholds: Sequence[float], samples: int | None) -> str:
    """The command line that does the same again."""
    given = ",".join("whole" if window is None else f"{window / 1000:g}" for window in windows)
    line = ["tfsnn", "evaluate", Path(net).name, "--data", data, "--out", "DIR", "--windows", given]
    line += ["--thresholds", ",".join(f"{threshold:g}" for threshold in thresholds)] + [f"--{first.unit}"] * (first.unit != "relative")
    line += ["--spikes", first.spikes, "--schedule", first.schedule, "--initial", first.initial]
    return shlex.join(line + (["--samples", str(samples)] if samples is not None else []))
