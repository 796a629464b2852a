"""net.snn.h5 and recordings of an event camera become windows.json, a page and pictures: accuracy and cost over inference windows.

The threshold spoken of for a window is chosen on recordings of the training split: the one with the fewest operations that is at most a
point behind the best. So is the window of the last table.
"""

from __future__ import annotations

import os
import shlex
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import islice
from math import prod
from pathlib import Path
from typing import Any

from tfsnn import artifact
from tfsnn.aliases import PathLike
from tfsnn.errors import InputError
from tfsnn.input import event_sets
from tfsnn.input.encoder import Dvs
from tfsnn.input.recording import Recording
from tfsnn.plan.make import make
from tfsnn.plan.settings import Settings
from tfsnn.simulate import prepare
from tfsnn.stage.output import guard, replacing
from tfsnn.stage.provenance import circumstances, provenance
from tfsnn.stage.terminal import counting, table

from . import windows_page
from .measure.sizes import state_bytes, weight_bytes
from .presented import SNAPSHOTS, Labelled, Window, named, streams
from .windows import frame_based, measured

Windows = Sequence[Window]
BEHIND = 0.01
"""How far the threshold of a window may lie behind the most accurate one."""
_SPLITS = ("train", "test")


def evaluate_recordings(
    net: PathLike,
    *,
    data: str,
    out: PathLike,
    windows: Windows,
    thresholds: Sequence[float],
    settings: Settings,
    data_dir: PathLike | None = None,
    select_on: str | None = None,
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
        The directory for report.html, windows.json and pictures.
    windows
        Their lengths in microseconds; None stands for whole recordings, ``"snapshots"`` for these, decided wherever a snapshot ends.
    thresholds, settings
        Thresholds, and everything else that a run is told.
    data_dir
        Where the recordings are.
    select_on
        The split that thresholds are chosen on: ``"train"``, as many recordings as are tested, evenly from all classes (default); or
        ``"test"``.
    samples
        Take the first so many recordings; default all.
    force
        Overwrite what exists.

    Returns
    -------
    dict
        What windows.json holds.
    """
    out = guard(out, force, directory=True, names=("windows.json", "windows.png", "report.html"))
    loaded = artifact.load(net)
    encoder = loaded.graph.inputs[0].encoder
    if not isinstance(encoder, Dvs):
        raise InputError(f"evaluate: --windows needs an encoder of kind dvs, that of {net} is {encoder.kind}; convert with --encode dvs")
    if data not in event_sets.LEAKS:
        raise InputError(f"evaluate: --windows needs recordings, not {data}; choose one of {', '.join(event_sets.LEAKS)}")
    if samples is not None and samples < 1:
        raise InputError(f"evaluate: samples is {samples}; take at least 1")
    if select_on not in (None, *_SPLITS):
        raise InputError(f"evaluate: recordings have no {select_on} split of their own; choose thresholds on one of {', '.join(_SPLITS)}")
    folder = data_dir or os.environ.get("TFDS_DATA_DIR")
    recordings = list(islice(event_sets.recordings(data, folder, "test"), samples))
    plans = [make(loaded.graph, replace(settings, threshold=threshold, where="evaluate")) for threshold in sorted(set(thresholds))]
    selecting: Labelled = []
    if select_on != "test" and len(plans) * len(windows) > 1:
        classes = prod(loaded.graph[loaded.graph.outputs[0]].shape)
        selecting = evenly(event_sets.recordings(data, folder, "train"), len(recordings), classes)
    for plan in plans:
        prepare(plan)
    frames, decided = frame_based(loaded.graph, encoder, recordings)
    chosen: list[list[dict[str, Any]]] = []
    if selecting:
        with counting("choosing", _replays(selecting, windows, encoder) * len(plans)) as count:
            chosen = measured(plans, encoder, selecting, windows, count)
    with counting("simulating", _replays(recordings, windows, encoder) * len(plans)) as count:
        tested = measured(plans, encoder, recordings, windows, count, decided)
    rows = []
    for found, deciding in zip(tested, chosen or tested):
        at = cheapest(deciding)
        rows += [row | {"chosen": at == position} for position, row in enumerate(found)]
    best = [found[cheapest(found)]["accuracy"] for found in chosen] or [row["accuracy"] for row in rows if row["chosen"]]
    graph, origin = loaded.graph, provenance("evaluate", None, {Path(net).name: net})
    content = {
        "format": "tfsnn-windows",
        "format_version": 1,
        "command": _command(
            net, data, windows, plans[0].settings, [plan.settings.threshold for plan in plans], select_on, samples
        ),
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
        "frame_based": frames,
        "selection": {
            "on": "train" if selecting else "test",
            "recordings": len(selecting or recordings),
            "behind": BEHIND,
            "rows": [row for found in chosen for row in found],
            "window": named(windows[best.index(max(best))]),
        },
        "rows": rows,
    }
    with replacing(out, directory=True, fresh=not force) as place:
        windows_page.write(content, encoder, recordings, place)
    return content


def _replays(recordings: Labelled, windows: Windows, encoder: Dvs) -> int:
    """How often a network is run for one threshold."""
    return sum(len(streams(recording, windows, encoder.snapshot)) for _, recording in recordings)


def evenly(found: Iterable[tuple[int, Recording]], most: int, classes: int) -> Labelled:
    """The first recordings of each class, of each as many.

    Parameters
    ----------
    found
        Class and events of each.
    most
        So many are wanted; rounded up to a multiple of the classes.
    classes
        How many there are, numbered from 0.
    """
    quota, counts, kept = -(-most // classes), Counter[int](), []
    for label, recording in found:
        if counts[label] < quota:
            counts[label] += 1
            kept.append((label, recording))
            if len(kept) == quota * classes:
                break
    return kept


def cheapest(rows: Sequence[dict[str, Any]]) -> int:
    """The row with the fewest operations of those that are at most :data:`BEHIND` the most accurate.

    Parameters
    ----------
    rows
        Of one window.

    Examples
    --------
    >>> cheapest([{"accuracy": a, "operations_a_second": n} for a, n in ((0.9, 30), (0.895, 20), (0.8, 10))])
    1
    """
    best = max(row["accuracy"] for row in rows)
    good = [at for at, row in enumerate(rows) if row["accuracy"] >= best - BEHIND - 1e-9]
    return min(good, key=lambda at: float(rows[at]["operations_a_second"]))


def summary(content: dict[str, Any]) -> str:
    """What :mod:`tfsnn.evaluate.windows_page` says of the rows, as tables.

    Parameters
    ----------
    content
        What :func:`evaluate_recordings` returned.
    """
    first, *more = windows_page.sentences(content)
    return "\n\n".join([first, table(*windows_page.lines(content)), table(*windows_page.comparison(content)), *more])


def lengths(text: str) -> list[Window]:
    """Windows in microseconds, from milliseconds with commas between; ``whole`` for whole recordings, ``snapshots`` for these.

    Examples
    --------
    >>> lengths("64,128.5,whole,snapshots")
    [64000, 128500, None, 'snapshots']
    """
    found: list[Window] = []
    for word in (word.strip() for word in text.split(",")):
        if word in (SNAPSHOTS, "whole"):
            found.append(None if word == "whole" else word)
            continue
        try:
            length = round(float(word) * 1000)
        except (ValueError, OverflowError):
            raise InputError(f"--windows: {word!r} is no length; give milliseconds, whole or snapshots, as in 64,128,whole") from None
        if not 1 <= length < 1 << 40:
            raise InputError(f"--windows: {word} ms; give a positive length, as in 64,128,whole")
        found.append(length)
    return list(dict.fromkeys(found))


def _command(
    net: PathLike, data: str, windows: Windows, first: Settings, thresholds: Sequence[float], select_on: str | None, samples: int | None
) -> str:
    """The command line that does the same again."""
    given = ",".join(named(window).removesuffix(" ms") for window in windows)
    line = ["tfsnn", "evaluate", Path(net).name, "--data", data, "--out", "DIR", "--windows", given]
    line += ["--thresholds", ",".join(f"{threshold:g}" for threshold in thresholds)] + [f"--{first.unit}"] * (first.unit != "relative")
    line += ["--spikes", first.spikes, "--schedule", first.schedule, "--initial", first.initial]
    for option, value in (("--select-on", select_on), ("--samples", samples)):
        line += [] if value is None else [option, str(value)]
    return shlex.join(line)
