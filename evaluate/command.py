"""``tfsnn evaluate NET.snn.h5 --data NAME --out DIR``."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tfsnn.errors import InputError
from tfsnn.plan.settings import ENGINES, INITIAL, Settings
from tfsnn.stage.terminal import paragraph, table

from .live import evaluating
from .options import add_force_argument, add_spike_arguments, add_unit_arguments
from .report import sentences, steps, tables

SPLITS = ("train", "validation", "held-out", "test")
WINDOWS = "classify recordings of an event camera after so many ms, whole, or at every snapshot, as in 64,896,whole,snapshots"


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
    help_choice = "frames that the headline's threshold is chosen on (default: those that tfsnn train held out, else train, else test)"
    add("--select-on", choices=SPLITS, help=help_choice)
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
    add("--windows", metavar="MS,MS,...", help=WINDOWS)
    add_force_argument(parser)
    evaluating.add_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """``tfsnn evaluate``."""
    # TensorFlow reads it when it is imported, by the engine.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if args.windows is not None:
        return _run_windows(args)
    if evaluating.takes(args):
        print(evaluating.run(args, thresholds(args.thresholds)))
        return 0
    evaluating.refuse(args, evaluating.OWN, "goes with recordings; leave it out, or give --stream where samples are frames of one")
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
        baselines=() if args.baselines is None else args.baselines.split(","),
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

    frames_alone = ("model", "baselines", "bins")
    evaluating.refuse(args, frames_alone, "goes with frames, --windows with recordings; leave out one of them")
    first = Settings(1.0, args.unit, args.spikes, args.initial, args.spiking_output, args.schedule, args.engine, where="evaluate")
    content = recordings.evaluate_recordings(
        args.net,
        data=args.data,
        out=args.out,
        windows=recordings.lengths(args.windows),
        thresholds=thresholds(args.thresholds) or THRESHOLDS[args.unit],
        settings=first,
        data_dir=args.data_dir,
        select_on=args.select_on,
        samples=args.samples,
        force=args.force,
    )
    print(recordings.summary(content))
    print(f"\nwrote {args.out / 'report.html'}, windows.json and pictures")
    return 0


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
    costs = [[name, count] for name, _, count in tables.baselines(report)]
    parts = [table([*steps.head(report), ""], rows), table(["beside it", "MACs a frame"], costs)]
    head, coded = tables.coded(report)
    if coded:
        parts.append(table(head, coded))
    if report["speed"]:
        ms = [[name, *(f"{found[key]:.3f}" for key in ("mean", "median", "p99"))] for name, found in report["speed"]["ms"].items()]
        parts.append(table(["ms a frame", "mean", "median", "p99"], ms))
    headline, *more = sentences.summary(report)
    return "\n\n".join([*parts, paragraph(headline), paragraph(" ".join(more))])
