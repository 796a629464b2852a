"""``tfsnn convert``: model.h5 becomes net.snn.h5."""

from __future__ import annotations

import argparse
import sys
import warnings
from math import log2
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from tfsnn.artifact import save
from tfsnn.errors import InputError, printable
from tfsnn.input.dataset import Dataset
from tfsnn.input.datasets import load
from tfsnn.input.encoder import Dvs, Encoder
from tfsnn.input.framing import Framing
from tfsnn.input.framing_options import add_framing_arguments, chosen_framing, framing_given, video_source
from tfsnn.input.video import first_frames, is_video
from tfsnn.plan.factors import read_factors
from tfsnn.stage.output import guard, replacing

from .input_encoder import stored_framing
from .losses import LossWarning, report_lines
from .lower.driver import numbered
from .options import add_model_arguments, chosen_settings, input_ranges, lambdas, shapes, weight_bits
from .pipeline import convert_model
from .pooled import POOLINGS
from .read.read import read


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``tfsnn convert``."""
    parser.add_argument("model", metavar="MODEL", help="Keras model: .h5 of Keras 1, 2 or 3, .keras, or .json with --weights")
    parser.add_argument("--out", metavar="NET.snn.h5", required=True, help="where the network goes")
    parser.add_argument("--calibrate", metavar="DATA", help="data set by name, .npz (x, x_train, or one array an input), .npy, or a video")
    parser.add_argument("--data-dir", metavar="DIR", help="where tensorflow-datasets keeps its data")
    parser.add_argument("--samples", type=int, default=1000, help="calibration samples at most (default: 1000)")
    parser.add_argument("--weight-bits", action="append", default=[], metavar="[LAYER=]N", help="2 to 16 (default: 8); again for a layer")
    parser.add_argument("--per-tensor", action="store_true", help="one scale for each tensor instead of one for each output channel")
    parser.add_argument("--lossy", action="store_true", help="accept weights that change a layer by more than half of its values")
    help_pooling = "what average pooling becomes; auto: whichever is expected to cost less (default: auto)"
    parser.add_argument("--pooling", choices=POOLINGS, default="auto", help=help_pooling)
    help_factors = "factors of layers on the network's threshold, kept in the network; or a .json file that holds them"
    parser.add_argument("--factors", metavar="LAYER=F,...", help=help_factors)
    add_model_arguments(parser)
    add_framing_arguments(parser)
    parser.add_argument("--seed", type=int, default=0, help="seed of drawn inputs (default: 0)")
    parser.add_argument("--force", action="store_true", help="overwrite what exists")


def run(args: argparse.Namespace) -> int:
    """Convert, verify, write."""
    out = guard(args.out, args.force)
    if args.samples < 1:
        raise InputError(f"--samples {args.samples}; calibrate on one sample at least")
    bits, layer_bits = weight_bits(args)
    settings, known = chosen_settings(args), input_ranges(args)
    factors = None if args.factors is None else read_factors(args.factors)
    calibration, framing = calibration_of(args)
    with warnings.catch_warnings():
        # Said below, a line each.
        warnings.simplefilter("ignore", LossWarning)
        net = convert_model(
            args.model,
            encoder=settings,
            framing=framing,
            calibration=calibration,
            samples=args.samples,
            # The folder it lies in means nothing elsewhere.
            calibrated_on=f"{Path(args.calibrate or '').name}, {'train split' if isinstance(calibration, Dataset) else 'its first frames'}",
            weight_bits=bits,
            layer_bits=layer_bits,
            per_tensor=args.per_tensor,
            lossy=args.lossy,
            pooling=args.pooling,
            factors=factors,
            affine=lambdas(args),
            input_shapes=shapes(args),
            input_range=known,
            backend=args.backend,
            weights=args.weights,
            seed=args.seed,
        )
    with replacing(out, fresh=not args.force) as place:
        save(net, place)
    print(net.graph)
    for text in net.provenance["warnings"]:
        print(f"warning: {printable(text)}", file=sys.stderr)
    for note in net.provenance["notes"]:
        print(f"note: {printable(note)}")
    print(f"calibrated on {net.provenance['calibration']['samples']} samples: {printable(net.provenance['calibration']['data'])}")
    for node in net.graph.inputs:
        print(f"input {printable(node.name)}: {in_words(node.encoder)}")
    for name, factor in net.provenance["options"].get("factors", {}).items():
        print(f"threshold of {printable(name)}: {factor:g} times the network's")
    for line in report_lines(net.verification):
        print(printable(line))
    print(f"written: {printable(str(out))}")
    return 0


def calibration_of(args: argparse.Namespace) -> tuple[NDArray[Any] | Dataset | None, Framing | None]:
    """What to calibrate on, if anything; and the framing, where a video is spoken of."""
    video = args.calibrate is not None and is_video(args.calibrate)
    framing = None
    if video or framing_given(args):
        record = read(args.model, backend=args.backend, weights=args.weights)
        # No video feeds several inputs; an archive may hold an array for each.
        video = video and not (len(record.inputs) > 1 and args.calibrate.endswith(".npz"))
        if video or framing_given(args):
            shape = numbered(record, shapes(args)).get(0) or record.inputs[0].shape or (None, None, None)
            framing = chosen_framing(args, shape, stored_framing(record))
    if args.calibrate is None:
        return None, framing
    if video and framing is not None:
        return first_frames(video_source(args.calibrate), framing, args.samples), framing
    dataset = load(args.calibrate, args.data_dir)
    return dataset, framing or dataset.framing


def in_words(encoder: Encoder) -> str:
    """Kind, scale, grid and range of an encoder; or its leaky population.

    Examples
    --------
    >>> in_words(Encoder("graded", scale=1 / 255, range=(0, 255)))
    'graded, value = 0.00392157 x raw on a grid of 0.00392157, raw from 0 to 255 (8.0 bits)'
    """
    if isinstance(encoder, Dvs):
        leak = f"a leak every {encoder.leak_period / 1000:g} ms with tau {encoder.tau / 1000:g} ms"
        return f"dvs, blocks of {encoder.downsample}x{encoder.downsample} pixels, {leak}, changes of {encoder.threshold:g} events are sent"
    offset = f" {encoder.offset:+g}" if encoder.offset else ""
    text = f"{encoder.kind}, value = {encoder.scale:g} x raw{offset} on a grid of {encoder.grid:g}"
    if not encoder.range:
        return f"{text}; its range is unknown (--calibrate DATA, or --range LO:HI)"
    low, high = encoder.range
    levels = (high - low) * encoder.scale / encoder.grid + 1
    return f"{text}, raw from {low:g} to {high:g} ({log2(levels):.1f} bits)"
