"""The options that say how a video is shown to a network, shared by the commands that take one."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tfsnn.errors import InputError
from tfsnn.input.framing import COLOURS, INTERPOLATIONS, Framing

OPTIONS = ("colour", "crop", "interpolation", "every")


def add_framing_arguments(parser: argparse.ArgumentParser) -> None:
    """Add ``--colour``, ``--crop``, ``--interpolation`` and ``--every``."""
    group = parser.add_argument_group("frames of a video")
    group.add_argument("--colour", choices=tuple(COLOURS), help="order of colours that the model was trained on (default: rgb, or grey)")
    group.add_argument("--crop", metavar="T,L,B,R", help="shares to cut off at top, left, bottom, right: 0.4,0,0,0 (default: nothing)")
    group.add_argument("--interpolation", choices=INTERPOLATIONS, help="how frames are resized (default: linear)")
    group.add_argument("--every", type=int, metavar="N", help="take every n-th frame (default: 1)")


def framing_given(args: argparse.Namespace) -> bool:
    """Whether any of the options was given."""
    return any(getattr(args, name) is not None for name in OPTIONS)


def chosen_framing(args: argparse.Namespace, shape: Sequence[int | None], base: Framing | None = None) -> Framing:
    """The framing that the options ask for.

    Parameters
    ----------
    args
        What :func:`add_framing_arguments` made.
    shape
        Of the network's input.
    base
        What holds where an option was not given, such as the framing that the artifact holds.

    Raises
    ------
    InputError
        If an option does not fit, or the network takes no frames.
    """
    channels = {COLOURS[name]: name for name in ("grey", "rgb")}
    if len(shape) != 3 or None in shape or shape[2] not in channels:
        raise InputError(f"a video cannot feed an input of shape {tuple(shape)}; it takes (height, width, channels) with 1 or 3 channels")
    start = base or Framing((shape[0], shape[1]), channels[shape[2]])  # type: ignore[arg-type]
    given: dict[str, Any] = {name: getattr(args, name) for name in OPTIONS if getattr(args, name) is not None}
    if "crop" in given:
        given["crop"] = _crop(given["crop"])
    framing = replace(start, **given)
    if framing.shape != tuple(shape):
        raise InputError(f"--colour {framing.colour} gives {framing.shape[2]} channels; the network's input takes {shape[2]}")
    return framing


def framing_words(args: argparse.Namespace) -> list[str]:
    """The options as they were given, for a command line that says the same."""
    return [word for name in OPTIONS if getattr(args, name) is not None for word in (f"--{name}", str(getattr(args, name)))]


def video_source(text: str) -> str | int:
    """The number of a camera, or a path.

    Examples
    --------
    >>> video_source("0"), video_source("drive.mp4")
    (0, 'drive.mp4')
    """
    return int(text) if re.fullmatch(r"\d{1,5}", text) and not Path(text).exists() else text


def _crop(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(word) for word in text.split(","))
    except ValueError:
        raise InputError(f"--crop {text!r}; give four shares, of top, left, bottom and right, as in 0.4,0,0,0") from None
