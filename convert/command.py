"""``tfsnn convert``: model.h5 becomes net.snn.h5."""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfsnn.artifact import save
from tfsnn.data import load
from tfsnn.encode import KINDS, Encoder
from tfsnn.errors import InputError
from tfsnn.stage import guard

from .affine import affine
from .call import Affine
from .reader import read
from .run import convert_model, default_encoder


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``tfsnn convert``."""
    parser.add_argument("model", metavar="MODEL", help="Keras model: .h5 of Keras 1, 2 or 3, or .keras")
    parser.add_argument("--out", metavar="NET.snn.h5", required=True, help="where the network goes")
    parser.add_argument("--calibrate", metavar="DATA", help="data set by name, or .npz with x and y (its train split is used)")
    parser.add_argument("--data-dir", metavar="DIR", help="where tensorflow-datasets keeps its data")
    parser.add_argument("--samples", type=int, default=1000, help="calibration samples at most (default: 1000)")
    parser.add_argument("--weight-bits", type=int, default=8, metavar="N", help="2 to 16 (default: 8)")
    parser.add_argument("--per-tensor", action="store_true", help="one scale a tensor instead of one a channel")
    add_model_arguments(parser)
    parser.add_argument("--seed", type=int, default=0, help="of drawn inputs (default: 0)")
    parser.add_argument("--force", action="store_true", help="overwrite what exists")


def add_model_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that say what a model file leaves open."""
    parser.add_argument("--encode", choices=KINDS, help="input encoder (default: what the model was trained for, else graded)")
    parser.add_argument("--scale", metavar="A/B", help="value of one raw unit (default: 1/255)")
    parser.add_argument("--encode-threshold", type=float, metavar="V", help="pixels at or below V stay silent (default: 0.2)")
    parser.add_argument("--bins", type=int, metavar="N", help="time bins of the delay code; 0: the pixels' own resolution")
    parser.add_argument("--lambda", dest="lambdas", action="append", default=[], metavar="[LAYER=]EXPR", help='such as "x / 127.5 - 1"')
    parser.add_argument("--input-shape", action="append", default=[], metavar="HxWxC", help="where the model leaves an axis open")
    parser.add_argument("--backend", metavar="NAME", help="Keras backend of the weights, where the file does not say (theano)")


def run(args: argparse.Namespace) -> int:
    """Convert, verify, write."""
    out = guard(args.out, args.force)
    if args.samples < 1:
        raise InputError(f"--samples {args.samples}; calibrate on one sample at least")
    encoder = chosen_encoder(args)
    calibration = None if args.calibrate is None else _spread(load(args.calibrate, args.data_dir).train.x, args.samples)
    net = convert_model(
        args.model,
        encoder=encoder,
        calibration=calibration,
        calibrated_on=f"{args.calibrate}, train split",
        weight_bits=args.weight_bits,
        per_tensor=args.per_tensor,
        affine=lambdas(args),
        input_shapes=shapes(args),
        backend=args.backend,
        seed=args.seed,
    )
    save(net, out)
    print(net.graph)
    for note in net.provenance["notes"]:
        print(f"note: {note}")
    print(f"calibrated on {net.provenance['calibration']['samples']} samples: {net.provenance['calibration']['data']}")
    for line in verification_lines(net.verification):
        print(line)
    print(f"written: {out}")
    return 0


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


def chosen_encoder(args: argparse.Namespace) -> Encoder | None:
    """The encoder that the arguments ask for on top of the stored one; None where they ask for nothing."""
    given = {"kind": args.encode, "scale": None if args.scale is None else number(args.scale), "threshold": args.encode_threshold}
    given = {key: value for key, value in (given | {"bins": args.bins}).items() if value is not None}
    if not given:
        return None
    base = default_encoder(read(args.model, backend=args.backend), lambdas(args))
    settings = base.to_json() | given
    if settings["kind"] != "delay" and "bins" not in given:
        settings["bins"] = 0
    return Encoder.from_json(settings)


def number(text: str) -> float:
    """A number, or a fraction such as 1/255."""
    try:
        parts = [float(part) for part in text.split("/")]
        value = parts[0] if len(parts) == 1 else parts[0] / parts[1]
        if len(parts) > 2:
            raise ValueError
    except (ValueError, ZeroDivisionError):
        raise InputError(f"--scale {text!r}; give a number or a fraction such as 1/255") from None
    return value


def lambdas(args: argparse.Namespace) -> dict[str, Affine]:
    """What the user says Lambda layers are, by layer name, "" for all."""
    found: dict[str, Affine] = {}
    for text in args.lambdas:
        name, _, expression = text.rpartition("=")
        found[name.strip()] = affine(expression)
    return found


def shapes(args: argparse.Namespace) -> dict[int, tuple[int, ...]]:
    """Input shapes by number of the input."""
    found = {}
    for index, text in enumerate(args.input_shape):
        try:
            shape = tuple(int(part) for part in text.lower().split("x"))
        except ValueError:
            shape = ()
        if not shape or min(shape) < 1:
            raise InputError(f"--input-shape {text!r}; give whole numbers such as 66x200x3")
        found[index] = shape
    return found


def _spread(x: NDArray[Any], samples: int) -> NDArray[Any]:
    """At most so many samples, evenly over the split."""
    chosen: NDArray[Any] = x[np.linspace(0, len(x) - 1, min(samples, len(x))).astype(int)]
    return chosen
