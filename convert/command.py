"""``tfsnn convert``: model.h5 becomes net.snn.h5."""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfsnn.artifact import save
from tfsnn.errors import InputError, printable
from tfsnn.input.datasets import load
from tfsnn.input.framing import Framing
from tfsnn.input.framing_options import add_framing_arguments, chosen_framing, framing_given, video_source
from tfsnn.input.video import first_frames, is_video
from tfsnn.stage.output import guard, replacing

from .options import add_model_arguments, chosen_encoder, lambdas, shapes
from .pipeline import convert_model
from .read.read import read


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``tfsnn convert``."""
    parser.add_argument("model", metavar="MODEL", help="Keras model: .h5 of Keras 1, 2 or 3, or .keras")
    parser.add_argument("--out", metavar="NET.snn.h5", required=True, help="where the network goes")
    parser.add_argument("--calibrate", metavar="DATA", help="data set by name, .npz with x and y, or a video (see below)")
    parser.add_argument("--data-dir", metavar="DIR", help="where tensorflow-datasets keeps its data")
    parser.add_argument("--samples", type=int, default=1000, help="calibration samples at most (default: 1000)")
    parser.add_argument("--weight-bits", type=int, default=8, metavar="N", help="2 to 16 (default: 8)")
    parser.add_argument("--per-tensor", action="store_true", help="one scale a tensor instead of one a channel")
    add_model_arguments(parser)
    add_framing_arguments(parser)
    parser.add_argument("--seed", type=int, default=0, help="of drawn inputs (default: 0)")
    parser.add_argument("--force", action="store_true", help="overwrite what exists")


def run(args: argparse.Namespace) -> int:
    """Convert, verify, write."""
    out = guard(args.out, args.force)
    if args.samples < 1:
        raise InputError(f"--samples {args.samples}; calibrate on one sample at least")
    encoder = chosen_encoder(args)
    calibration, framing = calibration_of(args)
    net = convert_model(
        args.model,
        encoder=encoder,
        framing=framing,
        calibration=calibration,
        calibrated_on=f"{args.calibrate}, {'its first frames' if is_video(args.calibrate or '') else 'train split'}",
        weight_bits=args.weight_bits,
        per_tensor=args.per_tensor,
        affine=lambdas(args),
        input_shapes=shapes(args),
        backend=args.backend,
        seed=args.seed,
    )
    with replacing(out, fresh=not args.force) as place:
        save(net, place)
    print(net.graph)
    for note in net.provenance["notes"]:
        print(f"note: {printable(note)}")
    print(f"calibrated on {net.provenance['calibration']['samples']} samples: {printable(net.provenance['calibration']['data'])}")
    for line in verification_lines(net.verification):
        print(printable(line))
    print(f"written: {printable(str(out))}")
    return 0


def calibration_of(args: argparse.Namespace) -> tuple[NDArray[Any] | None, Framing | None]:
    """Raw input to calibrate on, if there is any; and the framing, where a video is spoken of."""
    video = args.calibrate is not None and is_video(args.calibrate)
    framing = None
    if video or framing_given(args):
        record = read(args.model, backend=args.backend)
        framing = chosen_framing(args, shapes(args).get(0) or record.inputs[0].shape)
    if args.calibrate is None:
        return None, framing
    if video and framing is not None:
        return first_frames(video_source(args.calibrate), framing, args.samples), framing
    return _spread(load(args.calibrate, args.data_dir).train.x, args.samples), framing


def verification_lines(report: dict[str, Any]) -> list[str]:
    """What verification found, in words."""
    keras = report["keras"]
    if isinstance(keras, str):
        lines = [keras]
    else:
        lines = [f"against Keras, output {name}: {value:.1e} of its largest value" for name, value in keras.items()]
        compared = {name: layer["keras"] for name, layer in report["layers"].items() if "keras" in layer}
        if compared:
            worst_layer = max(compared, key=lambda name: compared[name])
            lines.append(f"against Keras, layer by layer: worst of {len(compared)} at {worst_layer}, {compared[worst_layer]:.1e}")
    worst = max(report["layers"].items(), key=lambda item: item[1]["difference"] / max(item[1]["largest"], 1e-9))
    share = worst[1]["difference"] / max(worst[1]["largest"], 1e-9)
    where = f"{worst[0]}, {share:.1%} of its largest value"
    lines.append(f"whole weights against float: worst at {where}, on {report['samples']} seeded inputs")
    return lines


def _spread(x: NDArray[Any], samples: int) -> NDArray[Any]:
    """At most so many samples, evenly over the split."""
    chosen: NDArray[Any] = x[np.linspace(0, len(x) - 1, min(samples, len(x))).astype(int)]
    return chosen
