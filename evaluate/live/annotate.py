"""``--annotate``: a video of the frames as they came, with what the network makes of each and what it costs drawn on it.

Rule: a video is whole or not there. OpenCV's writer reports no error, neither of a full disk; what was written is looked at again.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from tfsnn.aliases import Array
from tfsnn.errors import FileError, InputError
from tfsnn.input.capture import capture, quiet
from tfsnn.input.framing import Framing, opencv
from tfsnn.input.video import Video
from tfsnn.stage.output import replacing

from .decisions import Decision
from .page import NOTHING, times
from .run import Row

CODECS = {".mp4": "mp4v", ".mov": "mp4v", ".avi": "MJPG"}
"""Endings of files, and what their frames are encoded by: files that say how many frames they hold."""
WHAT = "--annotate"
RATE = 25.0
"""Frames a second where neither the source nor --pace says."""
SLOWEST, FASTEST = 0.1, 480.0
"""Frames a second that all of these files take."""
WIDTH, LARGEST = 640, 4096
"""A frame is enlarged by whole factors to about this width, for the text to be read, as long as no side gets larger than this."""
SAMPLE = "00,000,000 operations, 0,000.0 times fewer than dense, 00.00 ms"
SPARE = 8 << 20
"""Bytes of the disk that are left free, for the index that ends a file."""
TINT = np.array([0, 200, 0], np.uint8)


def refuse_annotation(path: Path, source: str) -> None:
    """Refuse a video that could not be written in the end, before the work begins.

    Parameters
    ----------
    path
        Where it is to lie.
    source
        The video that is read, which must not be overwritten.

    Raises
    ------
    InputError
        If its ending is unknown, OpenCV or the codec is missing, or it is the source itself.
    """
    if path.suffix.lower() not in CODECS:
        raise InputError(f"{WHAT} {path}: ending {path.suffix!r}; give one of {', '.join(CODECS)}")
    if path.exists() and Path(source).exists() and path.samefile(source):
        raise InputError(f"{WHAT} {path}: is the video that is read; choose another name")
    with tempfile.TemporaryDirectory(prefix="tfsnn-") as folder:
        _opened(Path(folder) / f"codec{path.suffix}", RATE, (64, 64), path).release()


@contextmanager
def annotated(path: Path | None, video: Video, decision: Decision, dense: int, rate: float | None) -> Iterator[Callable[[Row], object]]:
    """A function that adds the frame that the video gave last, with its row drawn on it; in place once everything is written.

    Parameters
    ----------
    path
        The file, or None for none.
    video
        Where the rows come from.
    decision
        How outputs are read.
    dense
        Multiply-accumulates of the dense network.
    rate
        Frames a second; None: :data:`RATE`. The video shows :data:`SLOWEST` at least, :data:`FASTEST` at most.

    Raises
    ------
    FileError
        If the disk is full, or what was written is not whole.
    """
    if path is None:
        yield lambda row: None
        return
    with replacing(path) as place:
        made = Annotation(place, path, video, decision, dense, min(max(rate or RATE, SLOWEST), FASTEST))
        try:
            yield made.take
        finally:
            made.close()
        made.check()


class Annotation:
    """A video that is being written.

    Parameters
    ----------
    place, path
        Where it is written, and where it will lie, for messages.
    video, decision, dense, rate
        As of :func:`annotated`.
    """

    def __init__(self, place: Path, path: Path, video: Video, decision: Decision, dense: int, rate: float) -> None:
        self._place, self._path, self._video, self._rate = place, path, video, rate
        self._decision, self._dense = decision, dense
        self._writer: Any = None
        self._gain: float | None = None
        self.frames = 0

    def take(self, row: Row) -> None:
        """Draw a row on the frame that it is about, and write it; an interrupt waits for that."""
        before = self.frames
        try:
            self._add(row, self._video.latest)
        except KeyboardInterrupt:
            if self.frames == before:
                self._add(row, self._video.latest)
            raise

    def _add(self, row: Row, frame: Array) -> None:
        self._gain = _gain(frame) if self._gain is None else self._gain
        picture = _coloured(frame, self._gain, self._video.framing)
        if self._decision.kind == "mask":
            picture = tinted(picture, self._decision.decided(row.outputs).reshape(self._decision.shape[:2]) > 0, self._video.framing)
        picture = with_text(enlarged(picture), lines_of(row, self._decision, self._dense))
        self._check_room(picture.nbytes)
        if self._writer is None:
            self._writer = _opened(self._place, self._rate, picture.shape[1::-1], self._path)
        # Counted first: an interrupt is raised behind the call, when the frame has been written.
        self.frames += 1
        with quiet(opencv(WHAT)):
            self._writer.write(picture)

    def close(self) -> None:
        """Write what ends the file, and let go of it."""
        if self._writer is not None:
            self._writer.release()

    def check(self) -> None:
        """Refuse a file that does not hold all frames."""
        if not self.frames:
            raise FileError(f"{self._path}: no frame could be written; make room, or choose another place")
        if _holds(self._place) != self.frames:
            raise FileError(
                f"{self._path}: {self.frames} frames were written and cannot be read again: the disk is full, or files may not be as "
                "large; nothing was changed: make room, raise the limit, or choose another place"
            )

    def _check_room(self, size: int) -> None:
        if shutil.disk_usage(self._place.parent).free < SPARE + size:
            raise FileError(
                f"{self._path}: the disk is full, less than {SPARE >> 20} MB are left; it ends after {self.frames} frames: "
                "make room, or choose another place"
            )


def lines_of(row: Row, decision: Decision, dense: int) -> list[str]:
    """What is drawn: the output; operations, how many fewer than dense, ms.

    Parameters
    ----------
    row
        Of the frame.
    decision, dense
        As of :func:`annotated`.
    """
    ratio = dense / row.operations if row.operations else NOTHING
    compared = f", {times(ratio)} dense" if row.operations else ""
    return [
        f"frame {row.frame + 1:,}   {decision.shown(row.outputs)}",
        f"{row.operations:,} operations{compared}, {1e3 * row.seconds:.2f} ms",
    ]


def enlarged(picture: Array) -> Array:
    """A small picture enlarged by a whole factor, both sides even, as most codecs need them."""
    height, width = picture.shape[:2]
    factor = max(1, min(-(-WIDTH // width), LARGEST // max(height, width)))
    large = picture.repeat(factor, 0).repeat(factor, 1)
    return np.pad(large, ((0, len(large) % 2), (0, large.shape[1] % 2), (0, 0)), mode="edge")


def with_text(picture: Array, lines: list[str]) -> Array:
    """Lines in white at the lower edge, on a darkened strip; each as large as its width allows, and no higher than a third of all."""
    cv2 = opencv(WHAT)
    height, width = picture.shape[:2]
    font, (wide, high) = cv2.FONT_HERSHEY_SIMPLEX, cv2.getTextSize(SAMPLE, cv2.FONT_HERSHEY_SIMPLEX, 1.0, 1)[0]
    scale = min(0.96 * width / wide, height / 3 / (1.8 * high * len(lines)))
    step, left = round(1.8 * scale * high), round(0.02 * width)
    top = max(0, height - step * len(lines) - step // 3)
    drawn = picture.copy()
    drawn[top:] = picture[top:] // 4
    for number, line in enumerate(lines, start=1):
        size = min(scale, scale * 0.96 * width / max(1, cv2.getTextSize(line, font, scale, 1)[0][0]))
        cv2.putText(drawn, line, (left, top + number * step - step // 6), font, size, (255, 255, 255), max(1, round(scale)), cv2.LINE_AA)
    return drawn


def tinted(picture: Array, mask: Array, framing: Framing) -> Array:
    """The picture with a mask in green over what the network sees of it.

    Parameters
    ----------
    picture
        uint8 (height, width, 3), as OpenCV has it.
    mask
        bool (rows, columns)
    framing
        What was cut off for the network.
    """
    top, left, bottom, right = framing.window(*picture.shape[:2])
    kind = opencv(WHAT).INTER_NEAREST
    over = opencv(WHAT).resize(mask.astype(np.uint8), (right - left, bottom - top), interpolation=kind).astype(bool)
    drawn = picture.copy()
    part = drawn[top:bottom, left:right]
    part[over] = part[over] // 2 + TINT // 2
    return drawn


def _coloured(frame: Array, gain: float, framing: Framing) -> Array:
    """uint8 in OpenCV's order of colours."""
    pixels = frame if frame.dtype == np.uint8 else np.clip(np.rint(frame * gain), 0, 255).astype(np.uint8)
    if framing.colour == "grey":
        return pixels.repeat(3, 2)
    return pixels if framing.colour == "bgr" else np.ascontiguousarray(pixels[:, :, ::-1])


def _gain(frame: Array) -> float:
    """What brings the pixels of an array to 0 to 255, by its first frame: fractions up to 1, bytes, or more than bytes hold."""
    top = float(frame.max())
    if frame.dtype == np.uint8 or not top > 0:
        return 1.0
    return 255.0 if np.issubdtype(frame.dtype, np.floating) and top <= 1 else min(1.0, 255.0 / top)


def _opened(place: Path, rate: float, size: tuple[int, int], path: Path) -> Any:
    """OpenCV's writer of a file."""
    cv2, codec = opencv(f"{WHAT} {path}"), CODECS[place.suffix.lower()]
    with quiet(cv2):
        writer = cv2.VideoWriter(str(place), cv2.VideoWriter_fourcc(*codec), rate, size)
    if not writer.isOpened():
        others = ", ".join(ending for ending, other in CODECS.items() if other != codec)
        raise InputError(f"{WHAT} {path}: OpenCV has no codec {codec} here, or cannot write the file; try one of {others}")
    return writer


def _holds(place: Path) -> int:
    """Frames of a file, the last one of which can be read."""
    cv2, source = opencv(WHAT), capture(WHAT, str(place))
    try:
        count = int(source.get(cv2.CAP_PROP_FRAME_COUNT)) if source.isOpened() else 0
        source.set(cv2.CAP_PROP_POS_FRAMES, count - 1)
        return count if source.isOpened() and source.read()[0] else 0
    finally:
        source.release()
