"""Frames from OpenCV: a file or a camera, opened without noise on the terminal, and read in the framing's colours."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from tfsnn.aliases import Array
from tfsnn.input.framing import Framing, opencv


def capture(what: str, source: str | int) -> Any:
    """OpenCV's reader of a file or a camera, which may have failed to open it.

    Parameters
    ----------
    what
        What needs it, for the message where OpenCV is missing.
    source
        A path, or the number of a camera.
    """
    cv2 = opencv(what)
    with quiet(cv2):
        return cv2.VideoCapture(source)


@contextmanager
def quiet(cv2: Any) -> Iterator[None]:
    """OpenCV writes nothing to the terminal while it opens something.

    Parameters
    ----------
    cv2
        The module.
    """
    # ffmpeg writes to stderr on its own; what is wrong with a file is said in one line of ours.
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    level = cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        cv2.utils.logging.setLogLevel(level)


def captured(source: Any, framing: Framing) -> Generator[Array, None, int]:
    """Frames in the framing's colours; returns how many there were, those included that ``every`` leaves out, which are not decoded."""
    grabbed = 0
    while source.grab():
        if grabbed % framing.every == 0:
            found, frame = source.retrieve()
            if not found:
                break
            yield coloured(frame, framing)
        grabbed += 1
    return grabbed


def coloured(frame: Array, framing: Framing) -> Array:
    """From OpenCV's blue, green, red to the framing's order."""
    if framing.colour == "bgr":
        return frame
    if framing.colour == "rgb":
        return np.ascontiguousarray(frame[:, :, ::-1])
    cv2 = opencv("making a frame grey")
    return np.asarray(cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY))[:, :, None]
