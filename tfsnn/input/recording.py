"""A recording of an event camera, and how what a file holds becomes one.

Formats yield :class:`Part` after :class:`Part`, as the file has it. Here parts become recordings that can be trusted: every event
lies on the sensor, time never decreases, and whatever had to be mended or left out is counted in :class:`Found`.

Time stamps of 32 bits start again every 71 minutes. A step backwards by more than half that range is such a wrap, and is undone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tfsnn.aliases import Array, Integers
from tfsnn.errors import FileError, InputError, TfsnnError

_HALF, _FULL = 1 << 31, 1 << 32


@dataclass(frozen=True)
class Found:
    """What was found in a recording that is no sound event, counted.

    Parameters
    ----------
    outside
        Events beyond the sensor; they are left out.
    backwards
        Events stamped earlier than one before them.
    unread
        Bytes left out because they make no whole event, or because a packet header before them makes no sense.
    missing
        Bytes that packets announce and the file does not have.
    invalid
        Events that the camera's own software marked as invalid; they are left out.
    skipped
        Events of other kinds (synchronization, frames, motion); they are left out.
    wraps
        How often the time stamps started again; this is undone, and loses nothing.
    """

    outside: int = 0
    backwards: int = 0
    unread: int = 0
    missing: int = 0
    invalid: int = 0
    skipped: int = 0
    wraps: int = 0

    def __add__(self, other: Found) -> Found:
        return Found(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    @property
    def damage(self) -> str:
        """What is wrong, in words; empty where nothing is."""
        counts = (
            (self.outside, "events outside the sensor"),
            (self.backwards, "events stamped earlier than one before them"),
            (self.unread, "bytes that make no event"),
            (self.missing, "bytes missing at the end"),
        )
        return ", ".join(f"{count:,} {what}" for count, what in counts if count)


class Part(NamedTuple):
    """Events as a file has them, one array a column, and what the format already left out."""

    t: Array
    x: Array
    y: Array
    p: Array
    found: Found = Found()


class Source(NamedTuple):
    """What a format makes of an open file: the sensor, whether time stamps have 32 bits, and the events part by part."""

    width: int
    height: int
    wraps: bool
    parts: Iterator[Part]


@dataclass(frozen=True, eq=False)
class Recording:
    """Events of a camera in the order of time.

    Parameters
    ----------
    t
        int64 (events): microseconds, as the camera counted them; not decreasing.
    x, y
        int32 (events): column and row.
    p
        uint8 (events): 1 where it became brighter, 0 where it became darker.
    width, height
        Of the sensor, in pixels.
    found
        What was mended or left out.

    Raises
    ------
    InputError
        If lengths disagree, time runs backwards, or an event lies outside the sensor.

    Examples
    --------
    >>> recording = Recording([0, 30, 70], [1, 0, 3], [0, 2, 1], [1, 1, 0], width=4, height=3)
    >>> len(recording), recording.between(10, 70).x.tolist()
    (3, [0])
    """

    t: Integers
    x: NDArray[np.int32]
    y: NDArray[np.int32]
    p: NDArray[np.uint8]
    width: int
    height: int
    found: Found = Found()

    if TYPE_CHECKING:
        # Sequences are taken too: __post_init__ makes arrays of them.
        def __init__(
            self, t: ArrayLike, x: ArrayLike, y: ArrayLike, p: ArrayLike, width: int, height: int, found: Found = Found()
        ) -> None: ...

    def __post_init__(self) -> None:
        for name, dtype in (("t", np.int64), ("x", np.int32), ("y", np.int32), ("p", np.uint8)):
            values = np.asarray(getattr(self, name))
            if values.ndim != 1 or (values.size and values.dtype.kind not in "iub"):
                raise InputError(f"recording: {name} is {values.dtype} of shape {values.shape}; give one whole number for each event")
            object.__setattr__(self, name, np.ascontiguousarray(values, dtype))
        _check(self)

    def __len__(self) -> int:
        return len(self.t)

    def between(self, start: int, stop: int) -> Recording:
        """The events of ``start <= t < stop``, in microseconds."""
        cut = slice(*np.searchsorted(self.t, (start, stop)))
        return Recording(self.t[cut], self.x[cut], self.y[cut], self.p[cut], self.width, self.height)


def _check(recording: Recording) -> None:
    t, x, y, p = recording.t, recording.x, recording.y, recording.p
    if not len(t) == len(x) == len(y) == len(p):
        raise InputError(f"recording: {len(t)} times, {len(x)} columns, {len(y)} rows, {len(p)} polarities; give one of each an event")
    if min(recording.width, recording.height) < 1:
        raise InputError(f"recording: a sensor of {recording.width}x{recording.height}; it has at least one pixel")
    if np.any(np.diff(t) < 0):
        raise InputError("recording: time runs backwards; sort the events by time, in a stable way")
    if not np.all(_inside(x, y, recording.width, recording.height)) or p.max(initial=0) > 1:
        raise InputError(
            f"recording: columns {x.min()} to {x.max()}, rows {y.min()} to {y.max()}, polarities {p.min()} to {p.max()}; "
            f"the sensor has {recording.width}x{recording.height} pixels, and a polarity is 0 or 1"
        )


def whole(source: Source, label: str, lenient: bool, error: type[TfsnnError] = FileError) -> Recording:
    """Everything a file holds, as one recording: events stamped earlier than one before them are sorted to where they belong.

    Parameters
    ----------
    source
        What the file's format gives.
    label
        What messages call the file.
    lenient
        Count damage instead of refusing it.
    error
        What to raise.
    """
    kept = list(_kept(source))
    t, x, y, p = (np.concatenate([getattr(part, name) for part in kept] or [np.zeros(0, int)]) for name in "txyp")
    found = sum((part.found for part in kept), Found()) + Found(backwards=_backwards(t, t[:1])[0])
    if found.backwards:
        order = np.argsort(t, kind="stable")
        t, x, y, p = t[order], x[order], y[order], p[order]
    _refuse(found, label, lenient, error)
    return Recording(t, x, y, p, source.width, source.height, found)


def in_blocks(source: Source, label: str, lenient: bool) -> Iterator[Recording]:
    """The same block by block, in the order of arrival: an event stamped earlier than one before it takes the latest time so far.

    Parameters
    ----------
    source, label, lenient
        As for :func:`whole`.
    """
    latest: Integers = np.zeros(0, np.int64)
    for part in _kept(source):
        late, t = _backwards(part.t, latest)
        found = part.found + Found(backwards=late)
        _refuse(found, label, lenient, FileError)
        latest = t[-1:] if len(t) else latest
        yield Recording(t, part.x, part.y, part.p, source.width, source.height, found)


def _kept(source: Source) -> Iterator[Part]:
    """Parts with time stamps unwrapped, and without events outside the sensor."""
    previous, offset = None, 0
    for part in source.parts:
        t = part.t.astype(np.int64)
        wraps = 0
        if source.wraps and len(t):
            steps = np.diff(t, prepend=t[0] if previous is None else previous)
            turns = (steps < -_HALF).astype(np.int64) - (steps > _HALF)
            previous, wraps = int(t[-1]), int(np.count_nonzero(turns > 0))
            t = t + offset + np.cumsum(turns) * _FULL
            offset += int(turns.sum()) * _FULL
        inside = _inside(part.x, part.y, source.width, source.height)
        outside = len(t) - int(np.count_nonzero(inside))
        columns = (t, part.x, part.y, part.p) if not outside else (t[inside], part.x[inside], part.y[inside], part.p[inside])
        yield Part(*columns, part.found + Found(outside=outside, wraps=wraps))


def _inside(x: Array, y: Array, width: int, height: int) -> NDArray[np.bool_]:
    return np.asarray((x >= 0) & (x < width) & (y >= 0) & (y < height))


def _backwards(t: Integers, latest: Integers) -> tuple[int, Integers]:
    """How many events are stamped earlier than one before them, and the latest time at each."""
    so_far = np.maximum.accumulate(np.concatenate([latest, t]))[len(latest) :]
    return int(np.count_nonzero(so_far > t)), so_far


def _refuse(found: Found, label: str, lenient: bool, error: type[TfsnnError]) -> None:
    if found.damage and not lenient:
        raise error(f"{label}: found {found.damage}; get it again, or read it with lenient=True, which mends and counts")
