"""``tfsnn stream`` on an event camera or a recording of one: its options, and what does not go with it."""

from __future__ import annotations

import argparse
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from tfsnn.artifact import Net
from tfsnn.errors import FileError, InputError
from tfsnn.input import event_camera
from tfsnn.input.encoder import Dvs
from tfsnn.input.framing_options import framing_given
from tfsnn.plan.factors import read_factors, with_factors

ARRAYS = (".npy", ".npz", ".h5", ".hdf5")
_OPTIONS = ("size", "key", "recording", "tick", "lenient")


def add_recording_arguments(parser: argparse.ArgumentParser) -> None:
    """Add how a recording is read."""
    group = parser.add_argument_group("recordings of an event camera")
    group.add_argument("--size", metavar="WxH", help="pixels of the sensor (default: what the file says; of arrays, the network's)")
    group.add_argument("--key", metavar="NAME", help="of arrays: the group, or what stands before the names x, y, t, p")
    group.add_argument("--recording", type=int, metavar="N", help="which one, of an .npz file that holds several")
    group.add_argument("--tick", type=float, metavar="US", help="of arrays: microseconds in a unit of time (default: 1)")
    group.add_argument("--lenient", action="store_const", const=True, help="go on after damage, which is mended or left out and counted")


def refuse_recording(args: argparse.Namespace, what: str) -> None:
    """Refuse a recording, or options of one, for a network that takes frames.

    Parameters
    ----------
    args
        As given.
    what
        What was given as the network.
    """
    suffix = Path(args.video).suffix.lower()
    if suffix in event_camera.SUFFIXES and suffix not in (".npy", ".npz"):
        raise InputError(
            f"{args.video}: is a recording of an event camera, {args.net} is {what}; "
            "give a network that was converted with --encode dvs, or a video"
        )
    given = [name for name in _OPTIONS if getattr(args, name) is not None]
    if given:
        raise InputError(f"--{given[0]}: belongs to recordings of an event camera, {args.net} is {what}; leave it out")


def run_recording(args: argparse.Namespace, net: Net) -> dict[str, Any]:
    """Replay a recording through a network whose encoder is of kind ``dvs``.

    Parameters
    ----------
    args
        As given.
    net
        The network.

    Returns
    -------
    dict
        What stream.json holds.
    """
    _check(args)
    from .replay import Source
    from .replay_pipeline import ReplayOptions, replay

    size = _size(args, net)
    if args.factors is not None:
        net = replace(net, graph=with_factors(net.graph, read_factors(args.factors)))
    live = args.video.isdecimal()
    if live:
        blocks = event_camera.camera(int(args.video), lenient=True)
    else:
        tick = 1 if args.tick is None else args.tick
        blocks = event_camera.replay(args.video, size=size, key=args.key or "", sample=args.recording, tick=tick, lenient=True)
    options = ReplayOptions(
        threshold=args.threshold,
        unit=args.unit,
        spikes=args.spikes,
        schedule=args.schedule,
        decide=args.decide,
        periods=args.frames,
        pace=args.pace,
    )
    source = Source(f"camera {args.video}" if live else Path(args.video).name, blocks, bool(args.lenient), live)
    return replay(net, source, options, out=args.out, csv=args.csv, name=args.net.name)


def _check(args: argparse.Namespace) -> None:
    path = Path(args.video)
    if args.video.isdecimal():
        for name in ("size", "key", "recording", "tick", "pace"):
            if getattr(args, name) is not None:
                raise InputError(f"--{name}: belongs to recordings, {args.video} is the number of a camera; leave it out")
    elif path.suffix.lower() not in event_camera.SUFFIXES or path.is_dir():
        raise InputError(
            f"{args.video}: the encoder of {args.net} is of kind dvs and takes recordings of an event camera "
            f"({', '.join(event_camera.SUFFIXES)}), or the number of one; give one, or for a video a network with another encoder"
        )
    elif not path.is_file():
        raise FileError(f"{args.video}: no such file; give a recording of an event camera")
    named = ("input_threshold", "quality", "against", "scale", "annotate")
    given = [name.replace("_", "-") for name in named if getattr(args, name) is not None]
    if given or framing_given(args):
        option = f"--{given[0]}" if given else "--colour, --crop, --interpolation and --every"
        raise InputError(f"{option}: go with videos, and {args.video} is a recording of an event camera; leave them out")


def _size(args: argparse.Namespace, net: Net) -> tuple[int, int] | None:
    """The sensor: as given, or for arrays, which do not say it, the one that the network's population stands behind."""
    if args.size is not None:
        found = re.fullmatch(r"(\d{1,5})x(\d{1,5})", args.size)
        if found is None:
            raise InputError(f"--size {args.size}: give width and height of the sensor in pixels, as in 128x128")
        return int(found[1]), int(found[2])
    node = net.graph.inputs[0]
    if Path(args.video).suffix.lower() not in ARRAYS or not isinstance(node.encoder, Dvs):
        return None
    return node.shape[1] * node.encoder.downsample, node.shape[0] * node.encoder.downsample
