"""Recorded drives with the steering of each frame, in two formats.

========  ==========================================================  ===================================  ==========================
format    files of a folder                                           frames                               splits
========  ==========================================================  ===================================  ==========================
papers'   ``data.txt``, lines ``N.jpg ANGLE``: degrees of the          the lower 150 rows of 256, red in    the last fifth of the
          steering wheel (JETCAS III-B; other image files as well)     front                                frames is test
picar     ``out-video-N.avi``, ``out-key-N.csv`` with lines            all of it, blue in front             episodes of odd N are test
          ``ts_micro,frame,wheel``: radians of the wheels
========  ==========================================================  ===================================  ==========================

Frames become 66x200. Steering comes in half turns, so that it suits a tanh: 1 is 180 degrees, and what lies beyond is cut off. Splits
are contiguous: no frame of a test recording has neighbours that are trained on, but for the one at the cut. In data.txt
an angle of exactly 0 between two others of one sign is a gap of the recording; it becomes their mean.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from math import isfinite
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tfsnn.aliases import Array, Floats, Integers
from tfsnn.errors import InputError, shown
from tfsnn.input.capture import capture, captured, coloured
from tfsnn.input.framing import Framing
from tfsnn.input.image_folder import decoded
from tfsnn.input.road import HALF_TURN
from tfsnn.memory import afford

LIST = "data.txt"
SIZE = (66, 200)
PAPERS = Framing(SIZE, "rgb", crop=(106 / 256, 0, 0, 0), interpolation="area")
PICAR = Framing(SIZE, "bgr")
SPLITS = ("train", "test")


class Drives(NamedTuple):
    """uint8 ``x`` (frames, 66, 200, 3), float32 ``y`` (frames): steering in half turns, and ``starts``: where each recording begins."""

    x: NDArray[np.uint8]
    y: NDArray[np.float32]
    starts: Integers


def is_driving_folder(path: Path) -> bool:
    """Whether a folder holds recorded drives in one of the formats."""
    return path.is_dir() and ((path / LIST).is_file() or bool(_episodes(path)))


def framing_of(path: Path) -> Framing:
    """How the frames of a folder become those of a network."""
    return PAPERS if (path / LIST).is_file() else PICAR


def read_drives(path: Path, split: str) -> Drives:
    """Frames and steering of a split.

    Parameters
    ----------
    path
        The folder.
    split
        ``"train"`` or ``"test"``.

    Raises
    ------
    InputError
        If there is nothing in the split, a line or a file cannot be read, or frames are more than memory may hold.
    """
    if split not in SPLITS:
        raise InputError(f"data set {path}: has no {split} split; there are {' and '.join(SPLITS)}")
    return _listed(path, split) if (path / LIST).is_file() else _recorded(path, split)


def starts_of(path: Path, split: str) -> Integers:
    """int64 (recordings): the number of the frame that each recording of a split begins with.

    Parameters
    ----------
    path, split
        As of :func:`read_drives`.
    """
    if (path / LIST).is_file():
        return np.zeros(1, np.int64)
    counts = [len(_wheel(path / f"out-key-{number}.csv")) for number in _chosen(path, split)]
    return np.cumsum([0, *counts[:-1]]).astype(np.int64)


def without_gaps(angles: Floats) -> Floats:
    """The angles, those that are exactly 0 between two of one sign replaced by the mean of these.

    Examples
    --------
    >>> without_gaps(np.array([0.9, 0.0, 0.8, 0.1, 0.0, -0.1])).round(2).tolist()
    [0.9, 0.85, 0.8, 0.1, 0.0, -0.1]
    """
    filled = angles.copy()
    before, after = angles[:-2], angles[2:]
    gaps = 1 + np.flatnonzero((angles[1:-1] == 0) & (before * after > 0))
    filled[gaps] = (before[gaps - 1] + after[gaps - 1]) / 2
    return filled


def _listed(path: Path, split: str) -> Drives:
    names, degrees = _lines(path / LIST)
    cut = len(names) - max(1, len(names) // 5)
    chosen = slice(0, cut) if split == "train" else slice(cut, None)
    files = names[chosen]
    if not files:
        raise InputError(f"{path / LIST}: names {len(names)} frames, none of them is left for the {split} split; add more")
    x = _room(path, len(files))
    for row, name in zip(x, files):
        row[:] = PAPERS.apply(coloured(decoded(path / name, "IMREAD_COLOR"), PAPERS))
    return Drives(x, _half_turns(np.radians(without_gaps(degrees)[chosen])), np.zeros(1, np.int64))


def _lines(path: Path) -> tuple[list[str], Floats]:
    """Names and degrees of data.txt; some copies of it have a date behind the angle."""
    names, degrees = [], []
    for number, line in enumerate(_text(path).splitlines(), start=1):
        words = line.replace(",", " ").split()
        if not words:
            continue
        angle = _number(words[1]) if len(words) > 1 else None
        if angle is None or Path(words[0]).name != words[0]:
            wanted = "expected the name of a file in this folder and degrees, as in 7.jpg 1.5"
            raise InputError(f"{path}: line {number} is {shown(line)}; {wanted}")
        names.append(words[0])
        degrees.append(angle)
    return names, np.array(degrees, np.float64)


def _recorded(path: Path, split: str) -> Drives:
    episodes = _chosen(path, split)
    labels = [_wheel(path / f"out-key-{number}.csv") for number in episodes]
    x, at = _room(path, sum(len(angles) for angles in labels)), 0
    for number, angles in zip(episodes, labels):
        file = path / f"out-video-{number}.avi"
        count = 0
        for row, frame in zip(x[at : at + len(angles)], _frames(file)):
            row[:] = PICAR.apply(frame)
            count += 1
        if count < len(angles):
            lines = f"out-key-{number}.csv {len(angles)} lines"
            raise InputError(f"{file}: has {count} frames that can be read, and {lines}; leave this episode out")
        at += count
    return Drives(x, _half_turns(np.concatenate(labels)), starts_of(path, split))


def _frames(file: Path) -> Iterator[Array]:
    source = capture(f"{file}: reading a video", str(file))
    if not source.isOpened():
        raise InputError(f"{file}: OpenCV cannot open it: damaged, or no video; leave this episode out")
    try:
        yield from captured(source, PICAR)
    finally:
        source.release()


def _chosen(path: Path, split: str) -> list[int]:
    found = [number for number in _episodes(path) if number % 2 == (split == "test")]
    if not found:
        kind = "odd" if split == "test" else "even"
        raise InputError(f"data set {path}: has no {split} split: no episode of {kind} number (out-video-N.avi, out-key-N.csv)")
    return found


def _episodes(path: Path) -> list[int]:
    """Numbers of the episodes that have both files."""
    found = (re.fullmatch(r"out-key-(\d{1,9})\.csv", file.name) for file in path.iterdir())
    return sorted(int(match[1]) for match in found if match and (path / f"out-video-{match[1]}.avi").is_file())


def _wheel(path: Path) -> Floats:
    """Radians, a line a frame."""
    rows = list(csv.reader(_text(path).splitlines()))
    if not rows or [word.strip() for word in rows[0]] != ["ts_micro", "frame", "wheel"]:
        raise InputError(f"{path}: begins with {shown(rows[0] if rows else '')}; expected the line ts_micro,frame,wheel")
    angles = [_number(row[2]) if len(row) == 3 else None for row in rows[1:]]
    if None in angles or not angles:
        line = angles.index(None) + 2 if angles else 2
        raise InputError(f"{path}: line {line} is no frame; expected three numbers, the last one in radians")
    return np.array(angles, np.float64)


def _half_turns(angles: Floats) -> NDArray[np.float32]:
    return np.asarray(np.clip(angles / HALF_TURN, -1, 1), np.float32)


def _room(path: Path, frames: int) -> NDArray[np.uint8]:
    afford(frames * SIZE[0] * SIZE[1] * 3, f"data set {path}: {frames} frames of {SIZE[0]}x{SIZE[1]}", "leave some out")
    return np.empty((frames, *SIZE, 3), np.uint8)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error}); check the file") from error


def _number(word: str) -> float | None:
    try:
        value = float(word)
    except ValueError:
        return None
    return value if isfinite(value) else None
