"""The part of ``tfsnn evaluate`` that takes frames in their order: recordings, videos, and scenes at several frame rates."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from tfsnn import artifact
from tfsnn.errors import InputError
from tfsnn.input import datasets
from tfsnn.input.framing_options import OPTIONS, add_framing_arguments, chosen_framing, video_source
from tfsnn.input.road_sets import SCENES
from tfsnn.input.video import is_video
from tfsnn.plan.settings import Settings
from tfsnn.stage.provenance import command_line

from .decisions import KINDS

QUALITY, FIRST, SECONDS = 0.99, 64, 5.0
OWN = ("quality", "first", "decide", "rates", "seconds", "noise", *OPTIONS)
"""Options that other samples do not take."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of recordings."""
    group = parser.add_argument_group("recordings and videos")
    add = group.add_argument
    add("--stream", action="store_true", help="samples are frames of one recording: keep the state (default: drives and videos alone)")
    add("--quality", type=float, metavar="Q", help=f"what a threshold must keep of the integer ANN (default: {QUALITY:g})")
    add("--first", type=int, metavar="N", help=f"of a video: frames to choose a threshold on, not reported (default: {FIRST})")
    add("--decide", choices=KINDS, help="of a video: how outputs are read (default: by their shape)")
    add("--rates", metavar="FPS,...", help="compare frame rates: of road or road_small, or of every n-th frame of a video")
    add("--seconds", type=float, metavar="S", help=f"with --rates: of each generated drive (default: {SECONDS:g})")
    add("--noise", type=float, metavar="LEVELS", help="with --rates: noise of the sensor in a generated drive (default: 0)")
    add_framing_arguments(parser)


def takes(args: argparse.Namespace) -> bool:
    """Whether the samples are frames in their order: a video, a data set of drives, or whatever the user says is one."""
    if args.stream or args.rates is not None or args.data in SCENES:
        return True
    if args.data in datasets.NAMES.split(", "):
        return False
    return is_video(args.data) or (Path(args.data).is_dir() and datasets.load(args.data, args.data_dir).starts is not None)


def run(args: argparse.Namespace, thresholds: Sequence[float] | None) -> str:
    """Evaluate, and return what the terminal is to show.

    Parameters
    ----------
    args
        Of the command.
    thresholds
        To try; None: :data:`tfsnn.evaluate.live.tune.LADDER`.
    """
    _check(args)
    from ..pipeline import settings_of
    from .tune import LADDER

    first = Settings(1.0, args.unit, args.spikes, args.initial, schedule=args.schedule, where="evaluate")
    settings = settings_of(LADDER if thresholds is None and args.unit == "relative" else thresholds, first)
    return _run_rates(args, settings) if args.rates is not None else _run_streams(args, settings)


def refuse(args: argparse.Namespace, options: Sequence[str], why: str) -> None:
    """Refuse options that do not go with the others."""
    for option in options:
        if getattr(args, option) is not None:
            raise InputError(f"--{option.replace('_', '-')}: {why}")


def _check(args: argparse.Namespace) -> None:
    refuse(args, ("select_on", "baselines", "bins"), "goes with samples that are no recording; leave it out")
    from ..pipeline import MARGIN

    if args.margin != MARGIN:
        raise InputError(f"--margin {args.margin:g}: goes with samples that are no recording; --quality says what a recording must keep")
    if args.spiking_output or args.engine == "eager":
        raise InputError("recordings are run frame by frame on the compiled engine; leave out --spiking-output and --engine")
    if args.quality is not None and not 0 < args.quality <= 1:
        raise InputError(f"--quality {args.quality:g}; give a share above 0, up to 1")
    if (args.first is not None and args.first < 0) or (args.samples is not None and args.samples < 2):
        raise InputError("--first takes 0 frames or more, --samples 2 or more")
    if args.rates is None:
        refuse(args, ("seconds", "noise"), "goes with --rates")
    elif args.seconds is not None and not 0 < args.seconds <= 3600:
        raise InputError(f"--seconds {args.seconds:g}; give a positive number up to 3600")
    elif args.noise is not None and not 0 <= args.noise <= 255:
        raise InputError(f"--noise {args.noise:g}; give levels from 0 to 255")


def _run_streams(args: argparse.Namespace, settings: Sequence[Settings]) -> str:
    from . import streams, streams_page
    from .recorded import of_dataset, of_video

    net = artifact.load(args.net)
    if is_video(args.data) and args.data not in SCENES and not args.stream:
        framing = chosen_framing(args, net.graph.inputs[0].shape, net.graph.inputs[0].framing)
        first = (FIRST if args.first is None else args.first) if len(settings) > 1 else 0
        footage = of_video(net.graph, video_source(args.data), framing, first=first, most=args.samples, decide=args.decide)
    else:
        refuse(args, ("first", "decide", *OPTIONS), "goes with a video; leave it out")
        footage = of_dataset(net.graph, datasets.load(args.data, args.data_dir), most=args.samples, choosing=len(settings) > 1)
    content = streams.evaluate_streams(
        net,
        footage,
        path=args.net,
        out=args.out,
        settings=settings,
        wanted=QUALITY if args.quality is None else args.quality,
        model=args.model,
        command=command_line(),
        force=args.force,
    )
    return f"{streams_page.summary(content)}\n\nwrote {args.out / 'report.html'}, streams.json and pictures"


def _run_rates(args: argparse.Namespace, settings: Sequence[Settings]) -> str:
    from . import rates, rates_page

    refuse(args, ("samples", "model", "every"), "does not go with --rates; leave it out")
    net, video = artifact.load(args.net), args.data not in SCENES and is_video(args.data)
    if not video:
        refuse(args, ("first", "decide", *OPTIONS), "goes with a video; leave it out")
    scenes = rates.Scenes(
        video_source(args.data) if video else args.data,
        chosen_framing(args, net.graph.inputs[0].shape, net.graph.inputs[0].framing) if video else None,
        seconds=SECONDS if args.seconds is None else args.seconds,
        noise=0.0 if args.noise is None else args.noise,
        first=FIRST if args.first is None else args.first,
    )
    content = rates.evaluate_rates(
        net,
        scenes,
        rates.numbers(args.rates),
        path=args.net,
        out=args.out,
        settings=settings,
        wanted=QUALITY if args.quality is None else args.quality,
        decide=args.decide,
        command=command_line(),
        force=args.force,
    )
    return f"{rates_page.summary(content)}\n\nwrote {args.out / 'report.html'}, rates.json and rates.png"
