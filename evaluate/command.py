"""``tfsnn evaluate NET.snn.h5 --data NAME --out DIR``."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import fill
from typing import Any

from tfsnn import artifact
from tfsnn.errors import InputError
from tfsnn.input import datasets
from tfsnn.input.framing_options import OPTIONS, add_framing_arguments, chosen_framing, video_source
from tfsnn.input.video import is_video
from tfsnn.plan.settings import ENGINES, INITIAL, Settings
from tfsnn.stage.terminal import table

from .options import add_force_argument, add_spike_arguments, add_unit_arguments
from .report import page, steps

SPLITS = ("train", "validation", "test")
QUALITY, FIRST = 0.99, 64
WIDTH = 110
"""Of sentences on a terminal."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``tfsnn evaluate``."""
    add, default = parser.add_argument, "default: %(default)s"
    add("net", type=Path, metavar="NET.snn.h5", help="what tfsnn convert wrote")
    help_data = "data set by name, or an .npz with x and y, or an array for each input and output; or a video"
    add("--data", required=True, metavar="NAME", help=help_data)
    add("--out", required=True, type=Path, metavar="DIR", help="where report.html, report.json and pictures go")
    add(
        "--data-dir", type=Path, metavar="DIR", help="where tensorflow-datasets keeps its data (default: TFDS_DATA_DIR)"
    )
    add(
        "--thresholds",
        metavar="T,T,...",
        help="positive numbers (default: about ten, over the useful range of their unit)",
    )
    add("--model", type=Path, metavar="MODEL", help="the Keras model, as the first baseline (default: looked for beside the network)")
    add_unit_arguments(parser, "thresholds are")
    add("--select-on", choices=SPLITS, help="split that the headline's threshold is chosen on (default: train where there is one)")
    add("--baselines", metavar="NAME,...", help="spiking baselines: rate or rate:STEPS, ttfs or ttfs:DURATION:DT")
    add("--margin", type=float, default=1.0, metavar="P", help=f"points lost from which on no saving is claimed ({default})")
    add_spike_arguments(parser)
    add("--initial", choices=INITIAL, default="rest", help=f"where neurons start ({default})")
    add("--spiking-output", action="store_true", help="outputs spike too, and are read from their spikes (AICAS)")
    add("--engine", choices=ENGINES, help="default: the fastest there is")
    add("--samples", type=int, metavar="N", help="the first N test samples only")
    add(
        "--bins",
        type=int,
        metavar="N",
        help="time bins of the delay encoder; 0: the pixels' own resolution (default: the network's)",
    )
    add("--windows", metavar="MS,MS,...", help="classify recordings of an event camera after so many ms, or whole, as in 64,896,whole")
    add("--stream", action="store_true", help="samples are frames of one recording: keep the state (default: drives and videos alone)")
    help_quality = f"of recordings: what a threshold must keep of the integer ANN (default: {QUALITY:g})"
    add("--quality", type=float, metavar="Q", help=help_quality)
    add("--first", type=int, metavar="N", help=f"of a video: frames to choose a threshold on, not reported (default: {FIRST})")
    add_force_argument(parser)
    add_framing_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """``tfsnn evaluate``."""
    # TensorFlow reads it when it is imported, by the engine.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if args.windows is not None:
        return _run_windows(args)
    if args.stream or _recorded(args.data, args.data_dir):
        return _run_streams(args)
    _refuse(args, ("quality", "first", *OPTIONS), "goes with recordings; leave it out, or give --stream where samples are frames of one")
    from .pipeline import evaluate

    report = evaluate(
        args.net,
        data=args.data,
        out=args.out,
        data_dir=args.data_dir,
        model=args.model,
        thresholds=thresholds(args.thresholds),
        unit=args.unit,
        select_on=args.select_on,
        baselines=args.baselines.split(",") if args.baselines else (),
        margin=args.margin,
        spikes=args.spikes,
        schedule=args.schedule,
        initial=args.initial,
        spiking_output=args.spiking_output,
        engine=args.engine,
        samples=args.samples,
        bins=args.bins,
        force=args.force,
    )
    print(summary(report))
    print(f"\nwrote {args.out / 'report.html'}, report.json and pictures")
    return 0


def _run_windows(args: argparse.Namespace) -> int:
    """``tfsnn evaluate --windows``: recordings instead of frames."""
    from . import recordings
    from .pipeline import THRESHOLDS

    _refuse(args, ("model", "select_on", "baselines", "bins"), "goes with frames, --windows with recordings; leave out one of them")
    first = Settings(1.0, args.unit, args.spikes, args.initial, args.spiking_output, args.schedule, args.engine, where="evaluate")
    content = recordings.evaluate_recordings(
        args.net,
        data=args.data,
        out=args.out,
        windows=recordings.lengths(args.windows),
        thresholds=thresholds(args.thresholds) or THRESHOLDS[args.unit],
        settings=first,
        data_dir=args.data_dir,
        samples=args.samples,
        force=args.force,
    )
    print(recordings.summary(content))
    print(f"\nwrote {args.out / 'windows.json'} and windows.png")
    return 0


def _run_streams(args: argparse.Namespace) -> int:
    """``tfsnn evaluate`` on recordings: state is carried from frame to frame."""
    from .live import streams, streams_page
    from .live.recorded import of_dataset, of_video
    from .live.tune import LADDER
    from .pipeline import settings_of

    _refuse(args, ("select_on", "baselines", "bins"), "goes with samples that are no recording; leave it out")
    wanted, first = QUALITY if args.quality is None else args.quality, FIRST if args.first is None else args.first
    if not 0 < wanted <= 1:
        raise InputError(f"--quality {wanted:g}; give a share above 0, up to 1")
    if first < 0 or (args.samples is not None and args.samples < 2):
        raise InputError("--first takes 0 frames or more, --samples 2 or more")
    if args.spiking_output or args.engine == "eager":
        raise InputError("recordings are run frame by frame on the compiled engine; leave out --spiking-output and --engine")
    tried = thresholds(args.thresholds) or (LADDER if args.unit == "relative" else None)
    everything = Settings(1.0, args.unit, args.spikes, args.initial, schedule=args.schedule, where="evaluate")
    found = settings_of(tried, everything)
    net = artifact.load(args.net)
    if is_video(args.data):
        framing = chosen_framing(args, net.graph.inputs[0].shape, net.graph.inputs[0].framing)
        footage = of_video(net.graph, video_source(args.data), framing, first=first if len(found) > 1 else 0, most=args.samples)
    else:
        _refuse(args, ("first", *OPTIONS), "goes with a video; leave it out")
        footage = of_dataset(net.graph, datasets.load(args.data, args.data_dir), most=args.samples, choosing=len(found) > 1)
    content = streams.evaluate_streams(
        net,
        footage,
        path=args.net,
        out=args.out,
        settings=found,
        wanted=wanted,
        model=args.model,
        command=shlex.join(["tfsnn", *(Path(word).name if "/" in word else word for word in sys.argv[1:])]),
        force=args.force,
    )
    print(streams_page.summary(content))
    print(f"\nwrote {args.out / 'report.html'}, streams.json and pictures")
    return 0


def _recorded(data: str, data_dir: Path | None) -> bool:
    """Whether samples are frames of recordings: a video, or a data set of drives."""
    if data in datasets.NAMES.split(", "):
        return datasets.load(data, data_dir).starts is not None
    return is_video(data) or (Path(data).is_dir() and datasets.load(data, data_dir).starts is not None)


def _refuse(args: argparse.Namespace, options: Sequence[str], why: str) -> None:
    for option in options:
        if getattr(args, option) is not None:
            raise InputError(f"--{option.replace('_', '-')}: {why}")


def thresholds(text: str | None) -> tuple[float, ...] | None:
    """The numbers of a comma-separated list; None stays None.

    Examples
    --------
    >>> thresholds("0.05, 0.1")
    (0.05, 0.1)
    """
    if text is None:
        return None
    numbers = []
    for word in text.split(","):
        try:
            numbers.append(float(word))
        except ValueError:
            raise InputError(
                f"--thresholds: {word.strip()!r} is no number; give positive numbers, as in 0.02,0.05,0.1"
            ) from None
        if not 0 < numbers[-1] < float("inf"):
            raise InputError(f"--thresholds: {word.strip()} is not allowed; give positive numbers, as in 0.02,0.05,0.1")
    return tuple(numbers)


def summary(report: Mapping[str, Any]) -> str:
    """A row for each step from the user's model to the event network, the baselines, times, and the result in sentences.

    The row that the report speaks of is marked.
    """
    spoken = steps.baselines_before(report) + report["headline"]["row"]
    rows = [[*line, "<" if at == spoken else ""] for at, line in enumerate(steps.lines(report))]
    costs = [[name, count] for name, _, count in page.baselines(report)]
    parts = [table([*steps.head(report), ""], rows), table(["beside it", "MACs a frame"], costs)]
    head, coded = page.coded(report)
    if coded:
        parts.append(table(head, coded))
    if report["speed"]:
        ms = [[name, *(f"{found[key]:.3f}" for key in ("mean", "median", "p99"))] for name, found in report["speed"]["ms"].items()]
        parts.append(table(["ms a frame", "mean", "median", "p99"], ms))
    headline, *more = page.summary(report)
    return "\n\n".join([*parts, fill(headline, WIDTH), fill(" ".join(more), WIDTH)])
