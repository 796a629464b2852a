"""Options that ``tfsnn convert`` and ``tfsnn check`` share, and what their texts mean."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from math import isfinite
from typing import Any

from tfsnn.errors import InputError
from tfsnn.input.encoder import KINDS, Encoder

from .lambda_text import affine
from .lower.call import Affine

ENCODING = {
    "encode": ("KIND", f"input encoder: {', '.join(KINDS)} (default: what the model was trained for, else graded); again for an input"),
    "scale": ("A/B", "value of one raw unit (default: 1/255 for bytes, else 1)"),
    "offset": ("A/B", "value of the raw number 0 (default: 0)"),
    "step": ("A/B", "grid of values (default: that of the data: whole numbers, or 8 to 16 bits)"),
    "range": ("LO:HI", "least and largest raw value (default: those of the data; without data 0:255)"),
    "encode-threshold": ("V", "pixels at or below V send nothing (default: 0.2); delta: the least change, or V,V,V by channel"),
    "bins": ("N", "time bins of the delay code; 0: the pixels' own resolution"),
    "downsample": ("N", "dvs: width and height of the block of pixels that share a neuron (default: 2)"),
    "leak-period": ("N", "dvs: microseconds between leaks (default: 6400)"),
    "tau": ("N", "dvs: microseconds in which the state falls to 1/e (default: 32000)"),
    "snapshot": ("N", "dvs: microseconds between snapshots (default: 64000)"),
}
"""Options that say how raw input is encoded: what they take, and what they mean."""
LEAKY = ("downsample", "leak_period", "tau", "snapshot")
"""Settings of the leaky population behind an event camera."""


def add_model_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that say what a model file leaves open."""
    for option, (letter, text) in ENCODING.items():
        parser.add_argument(f"--{option}", action="append", default=[], metavar=f"[INPUT=]{letter}", help=text)
    parser.add_argument("--lambda", dest="lambdas", action="append", default=[], metavar="[LAYER=]EXPR", help='such as "x / 127.5 - 1"')
    open_axes = "where the model leaves an axis open, or in place of its own size"
    parser.add_argument("--input-shape", action="append", default=[], metavar="[INPUT=]HxWxC", help=open_axes)
    parser.add_argument("--weights", metavar="FILE", help="weights of a model whose architecture is MODEL.json (model.save_weights)")
    parser.add_argument("--backend", metavar="NAME", help="Keras backend of the weights, where the file does not say (theano)")


def chosen_settings(args: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """The encoder's settings that the arguments ask for, by name of the input, "" for all; what they leave open is up to model and data."""
    found: dict[str, dict[str, Any]] = {}
    for setting, (option, read) in SETTINGS.items():
        for text in getattr(args, option.replace("-", "_")):
            name, value = _for_input(text)
            found.setdefault(name, {})[setting] = read(value, f"--{option}")
    # Whatever is wrong by itself is said before the model is read.
    for settings in found.values():
        _of_event_camera(settings, found.get("", {}))
        together = found.get("", {}) | settings
        Encoder.from_json({"kind": "delay" if together.get("bins") else "graded", "step": 1.0} | together)
    return found


def _of_event_camera(settings: dict[str, Any], general: dict[str, Any]) -> None:
    """Settings of a leaky population ask for the kind that has one."""
    leaky = next((name for name in settings if name in LEAKY), None)
    if leaky is not None and settings.setdefault("kind", general.get("kind", "dvs")) != "dvs":
        option = f"--{leaky.replace('_', '-')}"
        raise InputError(f"{option}: an encoder of kind {settings['kind']} has none; leave it out, or take --encode dvs")


def _for_input(text: str) -> tuple[str, str]:
    """The input that an argument is for, "" for all, and its value."""
    name, _, value = text.rpartition("=")
    return name.strip(), value.strip()


def _kind(text: str, option: str) -> str:
    if text not in KINDS:
        raise InputError(f"{option} {text!r}; choose {', '.join(KINDS)}")
    return text


def _whole(text: str, option: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise InputError(f"{option} {text!r}; give a whole number") from None


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


def _thresholds(text: str, option: str) -> float | list[float]:
    """One threshold, or with commas between one for each channel."""
    found = [number(part, option) for part in text.split(",")]
    return found[0] if len(found) == 1 else found


def lambdas(args: argparse.Namespace) -> dict[str, Affine]:
    """What the user says Lambda layers are, by layer name, "" for all."""
    found: dict[str, Affine] = {}
    for text in args.lambdas:
        name, _, expression = text.rpartition("=")
        found[name.strip()] = affine(expression)
    return found


def shapes(args: argparse.Namespace) -> dict[int | str, tuple[int, ...]]:
    """Input shapes by name of the input, or where none is given by number."""
    found: dict[int | str, tuple[int, ...]] = {}
    for text in args.input_shape:
        name, value = _for_input(text)
        try:
            shape = tuple(int(part) for part in value.lower().split("x"))
        except ValueError:
            shape = ()
        if not shape or min(shape) < 1:
            raise InputError(f"--input-shape {text!r}; give whole numbers such as 66x200x3")
        found[name or sum(isinstance(key, int) for key in found)] = shape
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


def input_ranges(args: argparse.Namespace) -> dict[str, tuple[float, float]]:
    """Least and largest raw value by name of the input, "" for all, where they were given."""
    found = {}
    for text in args.range:
        name, value = _for_input(text)
        try:
            low, high = (float(part) for part in value.split(":"))
        except ValueError:
            low, high = 0.0, 0.0
        if not low < high or not isfinite(low) or not isfinite(high):
            raise InputError(f"--range {text!r}; give the least and the largest raw value, such as 0:1")
        found[name] = low, high
    return found


SETTINGS: dict[str, tuple[str, Callable[[str, str], Any]]] = {
    "kind": ("encode", _kind),
    "scale": ("scale", number),
    "offset": ("offset", number),
    "step": ("step", number),
    "threshold": ("encode-threshold", _thresholds),
    "bins": ("bins", _whole),
    **{name: (name.replace("_", "-"), _whole) for name in LEAKY},
}
"""Settings of an encoder: the option that asks for each, and what reads it."""
