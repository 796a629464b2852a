"""net.snn.h5 and a data set become report.json, report.html and pictures: accuracy against what it costs."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tfsnn import artifact
from tfsnn.aliases import PathLike
from tfsnn.artifact import Net
from tfsnn.errors import InputError
from tfsnn.input.datasets import Dataset
from tfsnn.plan.settings import Settings
from tfsnn.simulate import run
from tfsnn.stage.output import guard, replacing, write_json
from tfsnn.stage.provenance import circumstances, digest, provenance
from tfsnn.stage.terminal import counting

from .baselines import ann as baselines
from .plots import curves as plots
from .plots.frame import one_frame
from .report import content as report
from .report import page
from .report.content import Findings
from .trial import trial
from .workload import Workload, prepare

THRESHOLDS = {
    "relative": (0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2, 0.3, 0.5),
    "absolute": (0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0),
    "lsb": (8.0, 16.0, 32.0, 64.0, 96.0, 128.0, 192.0, 256.0),
}
"""The thresholds tried where none are given, by unit."""


def evaluate(
    net: PathLike | Net,
    *,
    data: PathLike | Dataset,
    out: PathLike,
    data_dir: PathLike | None = None,
    thresholds: Sequence[float] | None = None,
    unit: str = "relative",
    spikes: str = "valued",
    schedule: str = "slot",
    initial: str = "rest",
    spiking_output: bool = False,
    engine: str | None = None,
    samples: int | None = None,
    bins: int | None = None,
    force: bool = False,
) -> dict[str, Any]:
    """Evaluate a network on the test split of a data set, at several thresholds, beside its ANN.

    Parameters
    ----------
    net
        A net.snn.h5, or what it holds.
    data
        A data set by name, an .npz file, or a :class:`tfsnn.input.datasets.Dataset`.
    out
        The directory for report.json, report.html and pictures.
    data_dir
        Where tensorflow-datasets keeps its data.
    thresholds, unit
        As :func:`tfsnn.simulate.simulate` takes them, each tried once, from low to high; default :data:`THRESHOLDS`.
    spikes, schedule, initial, spiking_output, engine
        As :func:`tfsnn.simulate.simulate` takes them.
    samples
        Take the first so many test samples; default all.
    bins
        Time bins of the ``delay`` encoder, instead of the network's own.
    force
        Overwrite what exists.

    Returns
    -------
    dict
        What report.json holds.

    Raises
    ------
    InputError
        If an argument is wrong, or network and data do not fit.
    FileError
        If the network cannot be read.
    """
    out = guard(out, force, directory=True, names=("report.json", "report.html", "frame.png"))
    first = Settings(1.0, unit, spikes, initial, spiking_output, schedule, engine, where="evaluate")
    settings = _settings(thresholds, first)
    loaded = net if isinstance(net, Net) else artifact.load(net)
    workload = prepare(loaded, data, data_dir=data_dir, samples=samples, bins=bins)
    found = measure(workload, settings)
    named = [
        ("--spikes", spikes),
        ("--schedule", schedule),
        ("--initial", initial),
        ("--engine", engine),
        ("--samples", samples),
        ("--bins", bins),
    ]
    line = _command(net, workload, out, [s.threshold for s in settings], unit, named, spiking_output)
    content = head(workload, line, net) | report.assemble(workload, found)
    with replacing(out, directory=True, fresh=not force) as place:
        captions = plots.draw(content, place)
        if not workload.streamed:
            captions = {"frame.png": _first_frame(workload, content, found, place)} | captions
        write_json(place / "report.json", content)
        pictures = [(caption, (place / name).read_bytes()) for name, caption in captions.items()]
        (place / "report.html").write_text(page.render(content, pictures), encoding="utf-8")
    return content


def measure(workload: Workload, settings: Sequence[Settings]) -> Findings:
    """Everything that a report needs to know, measured with a progress bar.

    Parameters
    ----------
    workload
        What to evaluate.
    settings
        One for each threshold, from low to high.
    """
    with counting("simulating", workload.events.samples * len(settings)) as count:
        trials = [trial(workload, s, progress=count) for s in settings]
    with counting("baselines", len(workload.labels) * (1 + len(settings))) as count:
        ann = baselines.ann(workload.graph, workload.frames, count)
        quantized = [baselines.quantized_ann(t.result.plan, workload.frames, count) for t in trials]
    return Findings(ann, trials, quantized)


def head(workload: Workload, line: str, net: PathLike | Net) -> dict[str, Any]:
    """The part of report.json that says where it comes from.

    Parameters
    ----------
    workload
        What was evaluated.
    line
        The command line that does the same again.
    net
        The network's file, if there is one.
    """
    files = {} if isinstance(net, Net) else {Path(net).name: net}
    origin = provenance("evaluate", None, files)
    inputs = origin["inputs"] | {f"{Path(workload.dataset).name}, test samples taken": digest(workload.raw, workload.labels)}
    return {
        "format": report.FORMAT,
        "format_version": report.FORMAT_VERSION,
        "command": line,
        "versions": origin["versions"],
        **circumstances(),
        "inputs": inputs,
        "provenance": workload.net.provenance,
        "verification": workload.net.verification,
    }


def _settings(thresholds: Sequence[float] | None, first: Settings) -> list[Settings]:
    """One for each threshold, from low to high; whatever is wrong is said before any work begins."""
    chosen = THRESHOLDS[first.unit] if thresholds is None else thresholds
    every = [replace(first, threshold=threshold, where="evaluate") for threshold in chosen]
    if not every:
        raise InputError("evaluate: no thresholds; give at least one positive number")
    return [replace(first, threshold=threshold) for threshold in sorted({settings.threshold for settings in every})]


def _command(
    net: PathLike | Net,
    workload: Workload,
    out: Path,
    thresholds: Sequence[float],
    unit: str,
    named: Sequence[tuple[str, object]],
    spiking: bool,
) -> str:
    """The command line that does the same again; files by their names, for it may be read elsewhere."""
    words = ["tfsnn", "evaluate", "NET.snn.h5" if isinstance(net, Net) else Path(net).name]
    words += [
        "--data",
        Path(workload.dataset).name,
        "--out",
        out.name,
        "--thresholds",
        ",".join(_digits(t) for t in thresholds),
    ]
    words += [f"--{unit}"] * (unit != "relative") + ["--spiking-output"] * spiking
    for option, value in named:
        words += [option, str(value)] if value is not None else []
    return shlex.join(words)


def _digits(number: float) -> str:
    """The shortest text that reads back as the same number."""
    short = f"{number:g}"
    return short if float(short) == number else repr(float(number))


def _first_frame(workload: Workload, content: dict[str, Any], found: Findings, place: Path) -> str:
    chosen = found.trials[content["headline"]["row"]].result.plan
    result = run(chosen, workload.events.sample(0), record=("trajectory", "events"), where="evaluate")
    return one_frame(workload, result, found.ann.outputs[0], place / "frame.png")
