"""net.snn.h5 and a data set become report.json, report.html and pictures: accuracy against what it costs."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tfsnn import artifact
from tfsnn.aliases import PathLike
from tfsnn.artifact import Net
from tfsnn.errors import InputError
from tfsnn.input import datasets
from tfsnn.input.batches import batched, is_batched
from tfsnn.input.dataset import Dataset
from tfsnn.plan.make import make
from tfsnn.plan.plan import Plan
from tfsnn.plan.settings import Settings
from tfsnn.simulate import prepare as prepare_engine
from tfsnn.simulate import run
from tfsnn.stage.output import guard, replacing, write_json
from tfsnn.stage.provenance import circumstances, provenance
from tfsnn.stage.terminal import counting

from .baselines import ann as dense
from .baselines.codings import Coding, codings
from .baselines.original import Original, as_it_is_fed, original
from .measure.deviation import deviations
from .plots import curves as plots
from .plots.frame import one_frame
from .report import content as report
from .report import frame, page
from .report.content import Findings
from .selection import held_out, select
from .speed import speed
from .trial import trial
from .workload import Workload, prepare

THRESHOLDS = {
    "relative": (0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2, 0.3, 0.5),
    "absolute": (0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0),
    "lsb": (8.0, 16.0, 32.0, 64.0, 96.0, 128.0, 192.0, 256.0),
}
"""The thresholds tried where none are given, by unit."""
COMPARED, STATES = 50, 20_000_000
"""Frames on which the layers are compared, and states kept of them, at most."""
MARGIN = 1.0
"""Points that a network may lose against the first baseline and still be credited with a saving."""


def evaluate(
    net: PathLike | Net,
    *,
    data: Any,
    out: PathLike,
    data_dir: PathLike | None = None,
    model: PathLike | None = None,
    thresholds: Sequence[float] | None = None,
    unit: str = "relative",
    select_on: str | None = None,
    baselines: Sequence[str] = (),
    margin: float = MARGIN,
    spikes: str = "valued",
    schedule: str = "slot",
    initial: str = "rest",
    spiking_output: bool = False,
    engine: str | None = None,
    samples: int | None = None,
    bins: int | None = None,
    force: bool = False,
) -> dict[str, Any]:
    """Evaluate a network on the test split of a data set, at several thresholds, beside the model that it comes from.

    Parameters
    ----------
    net
        A net.snn.h5, or what it holds.
    data
        A data set by name, an .npz file, or a :class:`tfsnn.input.dataset.Dataset`; or batches of (x, y) from a
        ``tf.data.Dataset``, a ``keras.utils.Sequence`` or a generator: of these the first ``samples`` are taken.
    out
        The directory for report.json, report.html and pictures.
    data_dir
        Where tensorflow-datasets keeps its data.
    model
        The Keras model that the network was converted from; by default it is looked for beside the network.
    thresholds, unit
        As :func:`tfsnn.simulate.simulate` takes them, each tried once, from low to high; default :data:`THRESHOLDS`.
    select_on
        What the headline's threshold is chosen on: ``"held-out"``, the frames that ``tfsnn train`` held out, or the split
        ``"train"``, ``"validation"`` or ``"test"``; default the first of held-out, train and test that there is.
    baselines
        Spiking baselines on the same frames, as in ``["rate:15", "rate:25", "ttfs"]``; see :func:`.baselines.codings.codings`.
    margin
        Points below the first baseline from which on no saving is claimed: of accuracy or IoU; of numbers, rmse in percent of
        their range.
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
        If the network or the model cannot be read.
    """
    out = guard(out, force, directory=True, names=("report.json", "report.html", "frame.png"))
    first = Settings(1.0, unit, spikes, initial, spiking_output, schedule, engine, where="evaluate")
    settings = settings_of(thresholds, first)
    if not 0 <= margin <= 100:
        raise InputError(f"evaluate: margin is {margin}; give points from 0 to 100")
    coded = codings(baselines)
    loaded, path = (net, None) if isinstance(net, Net) else (artifact.load(net), net)
    dataset = _dataset(data, data_dir, samples)
    workload = prepare(loaded, dataset, samples=samples, bins=bins)
    keras = original(loaded, path, model)
    training = None if keras is None else keras.training
    held = held_out(loaded, dataset, workload, select_on, len(settings), bins, training)
    found = measure(workload, settings, keras, held, coded)
    named = {
        "model": None if model is None else Path(model).name,
        "select-on": select_on,
        "baselines": ",".join(baselines) or None,
        "margin": None if margin == MARGIN else margin,
        "spikes": spikes,
        "schedule": schedule,
        "initial": initial,
        "engine": engine,
        "samples": samples,
        "bins": bins,
    }
    source = Path(dataset.name).name
    words = ["NET.snn.h5" if path is None else Path(path).name, "--data", source, "--out", out.name]
    content = head(workload, _command(words, settings, named), path) | report.assemble(workload, found, margin)
    with replacing(out, directory=True, fresh=not force) as place:
        _write(workload, found, content, place)
    return content


def _dataset(data: Any, data_dir: PathLike | None, samples: int | None) -> Dataset:
    if isinstance(data, Dataset):
        return data
    if is_batched(data):
        return batched(data, samples, where="evaluate: data")
    if not isinstance(data, (str, os.PathLike)):
        allowed = "give a data set by name, an .npz file, or batches of (x, y) from a tf.data.Dataset or a generator"
        raise InputError(f"evaluate: data is a {type(data).__name__}; {allowed}")
    return datasets.load(data, data_dir)


def measure(
    workload: Workload,
    settings: Sequence[Settings],
    model: Original | None = None,
    held: Workload | None = None,
    coded: Sequence[Coding] = (),
) -> Findings:
    """Everything that a report needs to know, measured with a progress bar.

    Parameters
    ----------
    workload
        What to evaluate.
    settings
        One for each threshold, from low to high.
    model
        The user's own model.
    held
        The frames to choose a threshold on; None: those of the workload.
    coded
        The spiking baselines.
    """
    plans = [make(workload.graph, each) for each in settings]
    # Compiled before a bar begins to count: what takes a minute then is no simulation.
    for plan in plans:
        prepare_engine(plan)
    model = None if model is None else as_it_is_fed(model, workload)
    selected = None
    if held is not None:
        with counting("choosing", held.events.samples * len(plans)) as count:
            selected = select(held, plans, count)
    with counting("simulating", workload.events.samples * len(plans)) as count:
        trials = [trial(workload, plan, progress=count) for plan in plans]
    with counting("baselines", workload.samples * (1 + len(plans) + 2 * (model is not None) + len(coded))) as count:
        ann = dense.ann(workload.graph, workload.frames, count)
        quantized = [dense.quantized_ann(plan, workload.frames, count) for plan in plans]
        on_raw = None if model is None else model.on_raw(workload.graph, workload.raw, count)
        on_frames = None if model is None else model.on_frames(workload.graph, workload.frames, count)
        spiking = [(coding, coding.run(workload.graph, workload.frames, count)) for coding in coded]
    found = Findings(ann, trials, quantized, model, on_raw, on_frames, selected, coded=spiking)
    chosen = plans[report.spoken_of(workload, found)[0]]
    return replace(found, speed=speed(workload, chosen, model), errors=_errors(workload, chosen))


def _errors(workload: Workload, plan: Plan) -> dict[str, Any]:
    """How far each layer is from the integer network, on as many frames as their state takes little room."""
    neurons = sum(population.size for population in plan.populations)
    count = max(1, min(COMPARED, STATES // neurons, workload.events.samples))
    result = run(plan, workload.events.sample(0, count), record=("state",), where="evaluate")
    if result.state is None:
        raise InputError(f"evaluate: engine {result.engine!r} records no state; choose another")
    # Of a stream, whose frames are one sample, the state is that of its last frame.
    last = workload.samples if workload.streamed else count
    frames = {name: values[last - count : last] for name, values in workload.frames.items()}
    return {"frames": count, "layers": deviations(plan, result.state, result.outputs, frames)}


def head(workload: Workload, line: str, net: PathLike | None) -> dict[str, Any]:
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
    origin = provenance("evaluate", None, {} if net is None else {Path(net).name: net})
    inputs = origin["inputs"] | {f"{workload.dataset}, test samples taken": workload.sha256}
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


def settings_of(thresholds: Sequence[float] | None, first: Settings) -> list[Settings]:
    """One for each threshold, from low to high; whatever is wrong is said before any work begins.

    Parameters
    ----------
    thresholds
        Each is tried once; None: :data:`THRESHOLDS`.
    first
        Everything else.
    """
    chosen = THRESHOLDS[first.unit] if thresholds is None else thresholds
    every = [replace(first, threshold=threshold, where="evaluate") for threshold in chosen]
    if not every:
        raise InputError("evaluate: no thresholds; give at least one positive number")
    return [replace(first, threshold=threshold) for threshold in sorted({settings.threshold for settings in every})]


def _command(words: Sequence[str], settings: Sequence[Settings], named: Mapping[str, object]) -> str:
    """The command line that does the same again; files by their names, for it may be read elsewhere."""
    unit, thresholds = settings[0].unit, ",".join(_digits(each.threshold) for each in settings)
    line = ["tfsnn", "evaluate", *words, "--thresholds", thresholds]
    line += [f"--{unit}"] * (unit != "relative") + ["--spiking-output"] * settings[0].spiking_output
    for option, value in named.items():
        line += [f"--{option}", str(value)] if value is not None else []
    return shlex.join(line)


def _digits(number: float) -> str:
    """The shortest text that reads back as the same number."""
    short = f"{number:g}"
    return short if float(short) == number else repr(float(number))


def _write(workload: Workload, found: Findings, content: dict[str, Any], place: Path) -> None:
    plots.draw(content, place)
    if found.trials[0].curve is not None and len(workload.raw) == 1:
        content["frame"] = _first_frame(workload, content, found, place)
    write_json(place / "report.json", content)
    (place / "report.html").write_text(page.render(content), encoding="utf-8")


def _first_frame(workload: Workload, content: dict[str, Any], found: Findings, place: Path) -> dict[str, Any] | None:
    chosen = found.trials[content["headline"]["row"]].result.plan
    result = run(chosen, workload.events.sample(0), record=("trajectory", "events"), where="evaluate")
    one_frame(workload, result, found.ann.outputs[0], place / "frame.png")
    return frame.one_frame(workload, result, found.ann.outputs[0])
