"""``tfsnn stream NET.snn.h5|MODEL.h5 VIDEO|FOLDER|CAMERA|RECORDING``."""

from __future__ import annotations

import argparse
import io
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import Any

from tfsnn import artifact
from tfsnn.artifact import Net
from tfsnn.errors import FileError, InputError, printable
from tfsnn.hdf5 import reader as h5
from tfsnn.input.framing_options import add_framing_arguments, chosen_framing, framing_words, video_source
from tfsnn.input.video import open_video
from tfsnn.plan.factors import read_factors, with_factors
from tfsnn.stage.output import guard

from ..options import add_force_argument, add_spike_arguments, add_unit_arguments
from .decisions import KINDS
from .replay_command import add_recording_arguments, refuse_recording, run_recording

Dispatch = Callable[[Sequence[str]], int]
VIDEO = (
    "a video file, a folder of images, an array (.npy, .npz), the number of a camera; "
    "for a network whose encoder is of kind dvs, a recording of an event camera or the number of one"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``tfsnn stream``."""
    add, default = parser.add_argument, "default: %(default)s"
    add("net", type=Path, metavar="NET", help="NET.snn.h5; or a Keras model, which is converted and calibrated on the first frames")
    add("video", metavar="VIDEO", help=VIDEO)
    add("--threshold", type=float, default=0.05, metavar="T", help=f"of all layers ({default})")
    add_unit_arguments(parser, "T is")
    add("--factors", metavar="LAYER=F,...", help="factors of layers on T; or a .json file that holds them")
    least = "least change of a pixel that is sent, or one for each channel (default: the network's own)"
    add("--input-threshold", metavar="LEVELS", help=least)
    add_spike_arguments(parser)
    add("--quality", type=float, metavar="Q", help="choose T on the first frames: a share Q of decisions stays")
    add("--decide", choices=KINDS, help="how outputs are read (default: by their shape)")
    add("--first", type=int, default=64, metavar="N", help=f"frames to calibrate and choose T on; they are not reported ({default})")
    add("--frames", type=int, metavar="N", help="frames to report at most; of a recording, snapshot periods")
    add("--pace", type=float, nargs="?", const=0.0, metavar="FPS", help="wait for each frame or period (default: no; FPS: its own)")
    add("--against", type=Path, metavar="MODEL.h5", help="the Keras model to compare with, and to time by LiteRT")
    add("--scale", metavar="A/B", help="value of one raw unit, where NET is a Keras model (default: what suits the first frames)")
    add("--csv", type=Path, metavar="FILE", help="a line for each frame or snapshot period, written at once")
    add("--annotate", type=Path, metavar="FILE", help="a video (.mp4, .mov, .avi) of the frames with outputs and operations on them")
    add("--out", type=Path, metavar="DIR", help="where report.html, stream.json and pictures go")
    add_force_argument(parser)
    add_framing_arguments(parser)
    add_recording_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """``tfsnn stream``."""
    _check(args)
    keras = not _is_net(args.net)
    if keras:
        refuse_recording(args, "a Keras model")
    with tempfile.TemporaryDirectory(prefix="tfsnn-") as folder:
        if keras:
            converted = Path(folder) / "net.snn.h5"
            _convert(args, converted, args.dispatch)
        net = artifact.load(converted if keras else args.net)
    if keras:
        encoder = net.graph.inputs[0].encoder
        offset = f" {encoder.offset:+g}" if encoder.offset else ""
        reading = f"value = {encoder.scale:g} x raw{offset}, raw from {' to '.join(f'{bound:g}' for bound in encoder.range)}"
        print(f"converted {args.net.name}, calibrated on the first {args.first} frames: {reading}")
        print("".join(f"note: {printable(note)}\n" for note in net.provenance["notes"]), end="", flush=True)
    kind = net.graph.inputs[0].encoder.kind
    if kind == "dvs":
        content = run_recording(args, net)
        from .replay_page import answer as answer_recording

        return _finish(args, content, answer_recording(content))
    refuse_recording(args, f"a network whose encoder is of kind {kind}")
    framing = chosen_framing(args, net.graph.inputs[0].shape, net.graph.inputs[0].framing)
    from .pipeline import VideoOptions, stream

    options = VideoOptions(
        threshold=args.threshold,
        unit=args.unit,
        spikes=args.spikes,
        schedule=args.schedule,
        quality=args.quality,
        decide=args.decide,
        skip=args.first if keras or args.quality is not None else 0,
        frames=args.frames,
        pace=args.pace,
    )
    model = args.against or (args.net if keras else None)
    with open_video(video_source(args.video), framing) as video:
        fed = _with_threshold(net, _levels(args.input_threshold))
        if args.factors is not None:
            fed = replace(fed, graph=with_factors(fed.graph, read_factors(args.factors)))
        content = stream(fed, video, options, model=model, out=args.out, csv=args.csv, name=args.net.name, annotate=args.annotate)
    from .page import answer

    return _finish(args, content, answer(content))


def _finish(args: argparse.Namespace, content: Mapping[str, Any], lines: Sequence[str]) -> int:
    """Say what was found and where it lies; the exit code."""
    print("\n".join(lines))
    written = [str(path) for path in (args.csv, content.get("annotated") and args.annotate, args.out and args.out / "report.html") if path]
    if written:
        print(f"wrote {', '.join(written[:-1])}{' and ' * (len(written) > 1)}{written[-1]}")
    ended = content["summary"]["ended"]
    return 130 if ended == "interrupted" else 2 if ended else 0


def _check(args: argparse.Namespace) -> None:
    """What can be refused before anything is read."""
    for option in ("first", "frames"):
        value = getattr(args, option)
        if value is not None and value < 2:
            raise InputError(f"--{option} {value}; give 2 frames at least: the first one brings everything, and is reported apart")
    if args.quality is not None and not 0 < args.quality <= 1:
        raise InputError(f"--quality {args.quality:g}; give a share above 0, up to 1")
    if args.pace is not None and not 0 <= args.pace < 1e6:
        raise InputError(f"--pace {args.pace:g}; give frames a second")
    _levels(args.input_threshold)
    if args.against is not None and not args.against.is_file():
        raise FileError(f"{args.against}: no such file; --against takes the Keras model that the network was converted from")
    if not args.net.is_file():
        raise FileError(f"{args.net}: no such file; give a .snn.h5 that tfsnn convert wrote, or a Keras model")
    if args.out is not None:
        guard(args.out, args.force, directory=True)
    if args.csv is not None:
        guard(args.csv, args.force)
    if args.annotate is not None:
        from .annotate import refuse_annotation

        guard(args.annotate, args.force)
        refuse_annotation(args.annotate, args.video)


def _is_net(path: Path) -> bool:
    """Whether a file is an artifact; else it is taken for a Keras model."""
    try:
        with h5.opened(path) as root:
            return "format" in h5.attributes(root) and h5.text(root, "format") == artifact.FORMAT
    except FileError:
        return False


def _convert(args: argparse.Namespace, out: Path, dispatch: Dispatch) -> None:
    """Convert the Keras model by the command that does that: stages talk through files."""
    words = ["convert", str(args.net), "--out", str(out), "--calibrate", args.video, "--samples", str(args.first), *framing_words(args)]
    with redirect_stdout(io.StringIO()):
        dispatch([*words, *(["--scale", args.scale] if args.scale else [])])


def _levels(text: str | None) -> list[float]:
    """What ``--input-threshold`` says: a least change in levels, or one for each channel."""
    refusal = InputError(f"--input-threshold {text}; give levels of a raw pixel, 0 or above: one, or one for each channel as in 4,4,10")
    try:
        found = [] if text is None else [float(part) for part in text.split(",")]
    except ValueError:
        raise refusal from None
    if not all(0 <= level < 1e6 for level in found):
        raise refusal
    return found


def _with_threshold(net: Net, levels: Sequence[float]) -> Net:
    """The network whose input sends changes from so many levels on (JETCAS Algorithm 3); from none: as it is."""
    if not levels:
        return net
    (source,) = net.graph.inputs
    settings = source.encoder.to_json() | {"kind": "delta", "bins": 0}
    settings["threshold"] = [level * source.encoder.scale for level in levels]
    changed = replace(source, encoder=type(source.encoder).from_json(settings))
    nodes = tuple(changed if node is source else node for node in net.graph.nodes)
    return replace(net, graph=replace(net.graph, nodes=nodes))
