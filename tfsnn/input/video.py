"""Frames one after the other, from whatever holds them: a video file, a folder of images, a camera, an array, a generator.

========================  ===========================================================  ====================================
source                    what it is                                                   colours come as
========================  ===========================================================  ====================================
a path, a file            a video, by OpenCV; ``.npy``; ``.npz``                       the framing's; arrays are taken as is
a path, a folder          its images in natural order (``9.jpg`` before ``10.jpg``)    the framing's
a whole number            the camera of that number, by OpenCV                         the framing's
an array, an iterable     (frames, height, width, channels), or frames of that shape   taken as they are
========================  ===========================================================  ====================================

A source that ends early (a file that breaks off, a camera that goes away) ends the frames, and :attr:`Video.ended` says
so; one that gives a frame which cannot be used (NaN, another size) raises an error at that frame.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np

from tfsnn.aliases import Array, PathLike
from tfsnn.errors import InputError, shown
from tfsnn.input.capture import capture, captured, coloured
from tfsnn.input.driving import is_driving_folder
from tfsnn.input.framing import COLOURS, Framing, opencv
from tfsnn.input.image_folder import ENDINGS, decoded, is_image_folder
from tfsnn.input.npz import DAMAGE
from tfsnn.input.npz_set import PAIRS

Source = PathLike | int | Array | Iterable[Array]
FASTEST = 100_000
"""Frames a second: a container that says more does not know."""


@dataclass(eq=False)
class Video:
    """The frames of a source, as the network is to see them. Iterate over it once; ``close`` it, or use ``with``.

    Parameters
    ----------
    name
        What the source is called in messages and reports: a file's name without its folders.
    framing
        What was done to the frames.
    rate
        Frames a second after ``framing.every``, as far as the source says; else None.
    count
        How many there are after ``framing.every``, as far as the source says; else None.
    ended
        Empty, or why the frames ended early.

    Attributes
    ----------
    latest
        The frame taken last, as it came, its colours ordered; empty before the first.

    Examples
    --------
    >>> with open_video(np.zeros((3, 4, 6, 3), np.uint8), Framing((4, 6), every=2)) as video:
    ...     [frame.shape for frame in video]
    [(4, 6, 3), (4, 6, 3)]
    """

    name: str
    framing: Framing
    rate: float | None = None
    count: int | None = None
    ended: str = ""
    latest: Array = field(default_factory=lambda: np.zeros((0, 0, 0), np.uint8), init=False, repr=False)
    _raw: Iterator[Array] = field(default=iter(()), init=False, repr=False)
    _release: Callable[[], object] | None = field(default=None, init=False, repr=False)

    def __iter__(self) -> Iterator[Array]:
        framing, before = self.framing, None
        for number, frame in enumerate(self._raw):
            _check(frame, f"{self.name}: frame {number * framing.every}", framing, before)
            self.latest, before = frame, frame.shape
            yield framing.apply(frame)

    def __enter__(self) -> Video:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file or the camera."""
        self._raw = iter(())
        if self._release is not None:
            self._release()


def open_video(source: Source, framing: Framing) -> Video:
    """Open a source of frames; that it has a first one is known when this returns.

    Parameters
    ----------
    source
        See the module.
    framing
        What becomes of its frames.

    Raises
    ------
    InputError
        If there is nothing to read, no codec for it, or if OpenCV is needed and not installed.
    """
    if isinstance(source, bool):
        raise InputError(f"video: source is {source}; give a file, a folder, the number of a camera, an array or frames")
    if isinstance(source, (int, np.integer)):
        return _camera(int(source), framing)
    if isinstance(source, (str, os.PathLike)):
        # The path of no name is the folder at hand.
        if source == "":
            raise InputError("video: source is an empty name; give a file, a folder, or the number of a camera")
        return _path(Path(source), framing)
    if isinstance(source, np.ndarray):
        return _array(source, "array", framing)
    if not isinstance(source, Iterable):
        raise InputError(f"video: source is {shown(source)}; give a file, a folder, the number of a camera, an array or frames")
    return _begun(Video("frames", framing), (np.asarray(frame) for frame in islice(source, None, None, framing.every)))


def is_video(name: str) -> bool:
    """Whether a name given on a command line is a video, and no data set: a camera, a folder of frames, a file that holds frames alone."""
    path = Path(name)
    if is_image_folder(path) or is_driving_folder(path):
        return False
    if path.suffix.lower() == ".npz" and path.is_file():
        try:
            with ZipFile(path) as archive:
                images = {f"{x}.npy" for pairs in PAIRS.values() for x, _ in pairs}
                names = archive.namelist()
                # Several arrays may be those of a network's several inputs.
                return len(names) == 1 and not images & set(names)
        except (OSError, *DAMAGE):
            # Whoever reads it as a data set says what is wrong.
            return False
    return bool(name) and (path.exists() or name.isdigit())


def first_frames(source: Source, framing: Framing, count: int) -> Array:
    """The first frames of a source, to calibrate on.

    Parameters
    ----------
    source, framing
        As of :func:`open_video`.
    count
        How many at most.
    """
    with open_video(source, framing) as video:
        return np.stack(list(islice(video, count)))


def _check(frame: Array, where: str, framing: Framing, before: tuple[int, ...] | None) -> None:
    channels = COLOURS[framing.colour]
    if frame.ndim != 3 or frame.shape[2] != channels or 0 in frame.shape:
        grey = "make them grey, as by frames.mean(axis=-1, keepdims=True); a video file or images are turned grey as they are read"
        colour = "repeat the channel of grey ones, as by np.repeat(frames, 3, axis=-1), or --colour grey for a model of one channel"
        raise InputError(
            f"{where} has shape {frame.shape}; colour {framing.colour!r} takes (height, width, {channels}): "
            f"{grey if channels == 1 else colour}"
        )
    if not (np.issubdtype(frame.dtype, np.integer) or np.issubdtype(frame.dtype, np.floating)):
        raise InputError(f"{where} is {frame.dtype}; give whole numbers or floats")
    if np.issubdtype(frame.dtype, np.floating) and not np.isfinite(frame).all():
        raise InputError(f"{where} holds NaN or infinity; replace them first")
    if before is not None and frame.shape != before:
        old, new = (f"{shape[1]}x{shape[0]}" for shape in (before, frame.shape))
        raise InputError(f"{where} is {new}, those before it are {old}; cut the video where its size changes")


def _begun(video: Video, raw: Iterator[Array], release: Callable[[], object] | None = None) -> Video:
    """The video once its first frame was read, so that an empty one is an error before any work begins."""
    first = next(raw, None)
    if first is None:
        if release is not None:
            release()
        raise InputError(f"{video.name}: holds no frame that can be read; give a video with one at least")
    video._raw, video._release = chain([first], raw), release
    return video


def _array(frames: Array, name: str, framing: Framing) -> Video:
    if frames.ndim == 3 and framing.colour == "grey":
        frames = frames[..., None]
    if frames.ndim != 4:
        grey = "; grey ones as colours: np.repeat(frames[..., None], 3, axis=-1)" if frames.ndim == 3 else ""
        raise InputError(f"{name}: is {frames.dtype} of shape {frames.shape}; expected (frames, height, width, channels){grey}")
    taken = frames[:: framing.every]
    return _begun(Video(name, framing, None, len(taken)), iter(taken))


def _path(path: Path, framing: Framing) -> Video:
    if path.is_dir():
        return _folder(path, framing)
    if not path.is_file():
        raise InputError(f"{path}: no such file or folder; give a video, a folder of images, or the number of a camera")
    if not path.stat().st_size:
        raise InputError(f"{path}: is empty; give a video with one frame at least")
    if path.suffix.lower() in (".npy", ".npz"):
        return _array(_stored(path), path.name, framing)
    return _file(path, framing)


def _stored(path: Path) -> Array:
    """The one array of an .npy file, and of an .npz the one that holds frames."""
    try:
        with open(path, "rb") as file:
            content: Any = np.load(file, allow_pickle=False)
            if isinstance(content, np.ndarray):
                return content
            names = [name for name in content.files if content[name].ndim == 4]
            if len(names) != 1:
                raise InputError(f"{path}: holds {len(names)} arrays of shape (frames, height, width, channels), not 1; store one alone")
            return np.asarray(content[names[0]])
    except (OSError, *DAMAGE) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path}: cannot be read as an array of frames ({error}); write it with numpy.save") from error


def _file(path: Path, framing: Framing) -> Video:
    source = capture(f"{path}: reading a video", str(path))
    if not source.isOpened():
        raise InputError(
            f"{path}: OpenCV cannot open it: damaged, no video, or of a codec that it lacks; play it elsewhere to see which, "
            "and convert it (ffmpeg -i IN -c:v mjpeg OUT.avi), or give a folder of its images"
        )
    cv2 = opencv("reading a video")
    announced = int(source.get(cv2.CAP_PROP_FRAME_COUNT))
    video = Video(path.name, framing, _rate(source, framing), -(-announced // framing.every) if announced > 0 else None)

    def frames() -> Iterator[Array]:
        grabbed = yield from captured(source, framing)
        if grabbed < announced:
            video.ended = f"{video.name} ends after {grabbed} of the {announced} frames that it announces: it was cut off, or is damaged"

    return _begun(video, frames(), source.release)


def _camera(number: int, framing: Framing) -> Video:
    video = Video(f"camera {number}", framing)
    if not 0 <= number < 1 << 16:
        raise InputError(f"{video.name}: cameras are numbered from 0")
    source = capture(f"{video.name}: reading a camera", number)
    if not source.isOpened():
        raise InputError(f"{video.name}: cannot be opened; check that it is plugged in, and that nothing else uses it")
    video.rate = _rate(source, framing)

    def frames() -> Iterator[Array]:
        yield from captured(source, framing)
        video.ended = f"{video.name} gives no more frames: it went away"

    return _begun(video, frames(), source.release)


def _rate(source: Any, framing: Framing) -> float | None:
    rate = float(source.get(opencv("reading a video").CAP_PROP_FPS))
    return rate / framing.every if 0 < rate < FASTEST else None


def _folder(path: Path, framing: Framing) -> Video:
    files = sorted((p for p in path.iterdir() if p.suffix.lower() in ENDINGS), key=lambda p: natural(p.name))
    if not files:
        raise InputError(f"{path}: holds no image ({', '.join(ENDINGS)}); give a folder of frames")
    taken = files[:: framing.every]
    return _begun(Video(path.name, framing, None, len(taken)), (coloured(decoded(file, "IMREAD_COLOR"), framing) for file in taken))


def natural(name: str) -> tuple[tuple[int, int, str], ...]:
    """A key that sorts names as people count: digits by their value.

    Examples
    --------
    >>> sorted(["10.jpg", "9.jpg", "a.jpg"], key=natural)
    ['9.jpg', '10.jpg', 'a.jpg']
    """
    parts = re.findall(r"(\d+)|(\D+)", name)
    return tuple((0, int(digits), "") if digits else (1, 0, text.lower()) for digits, text in parts)
