"""Options that ``tfsnn convert`` and ``tfsnn check`` share, and what their texts mean."""

from __future__ import annotations

import argparse
from math import isfinite
from typing import Any

from tfsnn.errors import InputError
from tfsnn.input.encoder import KINDS, Encoder

from .lambda_text import affine
from .lower.call import Affine


def add_model_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that say what a model file leaves open."""
    parser.add_argument("--encode", choices=KINDS, help="input encoder (default: what the model was trained for, else graded)")
    parser.add_argument("--scale", metavar="A/B", help="value of one raw unit (default: 1/255 for bytes, else 1)")
    parser.add_argument("--offset", metavar="A/B", help="value of the raw number 0 (default: 0)")
    parser.add_argument("--step", metavar="A/B", help="grid of values (default: that of the data: whole numbers, or 8 to 16 bits)")
    parser.add_argument("--range", metavar="LO:HI", help="least and largest raw value (default: those of the data; without data 0:255)")
    parser.add_argument("--encode-threshold", type=float, metavar="V", help="pixels at or below V send nothing (default: 0.2)")
    parser.add_argument("--bins", type=int, metavar="N", help="time bins of the delay code; 0: the pixels' own resolution")
    parser.add_argument("--lambda", dest="lambdas", action="append", default=[], metavar="[LAYER=]EXPR", help='such as "x / 127.5 - 1"')
    open_axes = "where the model leaves an axis open, or in place of its own size"
    parser.add_argument("--input-shape", action="append", default=[], metavar="HxWxC", help=open_axes)
    parser.add_argument("--weights", metavar="FILE", help="weights of a model whose architecture is MODEL.json (model.save_weights)")
    parser.add_argument("--backend", metavar="NAME", help="Keras backend of the weights, where the file does not say (theano)")


def chosen_settings(args: argparse.Namespace) -> dict[str, Any]:
    """The encoder's settings that the arguments ask for; what they leave open is up to model and data."""
    texts = {name: getattr(args, name) for name in ("scale", "step", "offset")}
    settings = {name: None if text is None else number(text, f"--{name}") for name, text in texts.items()}
    settings |= {"kind": args.encode, "threshold": args.encode_threshold, "bins": args.bins}
    found = {name: value for name, value in settings.items() if value is not None}
    # Whatever is wrong by itself is said before the model is read.
    Encoder.from_json({"kind": "delay" if found.get("bins") else "graded", "step": 1.0} | found)
    return found


def number(text: str, option: str) -> float:
    """A number, or a fraction such as 1/255; ``option`` is named where it is neither."""
    try:
        parts = [float(part) for part in text.split("/")]
        value = parts[0] if len(parts) == 1 else parts[0] / parts[1]
        if len(parts) > 2:
            raise ValueError
    except (ValueError, ZeroDivisionError):
        raise InputError(f"{option} {text!r}; give a number or a fraction such as 1/255") from None
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


def weight_bits(args: argparse.Namespace) -> tuple[int, dict[str, int]]:
    """Bits of all weights, and those of layers that differ."""
    general, layers = 8, {}
    for text in args.weight_bits:
        name, _, count = text.rpartition("=")
        try:
            bits = int(count)
        except ValueError:
            raise InputError(f"--weight-bits {text!r}; give a whole number from 2 to 16, or LAYER=N for a layer of its own") from None
        if name:
            layers[name.strip()] = bits
        else:
            general = bits
    return general, layers


def input_range(args: argparse.Namespace) -> tuple[float, float] | None:
    """Least and largest raw value, if they were given."""
    if args.range is None:
        return None
    try:
        low, high = (float(part) for part in args.range.split(":"))
    except ValueError:
        low, high = 0.0, 0.0
    if not low < high or not isfinite(low) or not isfinite(high):
        raise InputError(f"--range {args.range!r}; give the least and the largest raw value, such as 0:1")
    return low, high
