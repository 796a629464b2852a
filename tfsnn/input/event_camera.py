"""Recordings of event cameras: one door to every format.

======================  ============================================================================================
AEDAT 2.0, 3.1          DVS128 and DAVIS cameras; DVS128 Gesture (:mod:`tfsnn.input.aedat`)
AEDAT 4                 whatever DV records, by the extra ``camera`` (:mod:`tfsnn.input.dv`)
.bin                    N-MNIST and N-Caltech101: 5 bytes an event
.dat                    Prophesee, version 2
.npy, .npz, .h5, .hdf5  columns x, y, t, p by name (:mod:`tfsnn.input.event_arrays`), as tonic writes them
======================  ============================================================================================

:func:`read` gives the whole recording, :func:`replay` the same block by block, so that a file larger than memory can be replayed
(.npz and HDF5 are read whole by either), :func:`camera` what a camera delivers. Damage is refused, or with ``lenient`` mended and counted.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from math import isfinite
from pathlib import Path

import numpy as np

from tfsnn.aliases import Array, PathLike
from tfsnn.errors import FileError, InputError
from tfsnn.input import dv, event_arrays
from tfsnn.input.aedat import aedat
from tfsnn.input.recording import Found, Part, Recording, Source, in_blocks, whole

BLOCK = 1 << 16
SUFFIXES = (".aedat", ".aedat4", ".bin", ".dat", ".npy", ".npz", ".h5", ".hdf5")
_NMNIST = (34, 34)
# In the row of an event that says: time stamps have started again, 2^13 microseconds later.
_OVERFLOW, _OVERFLOW_TIME = 240, 1 << 13
_LONGEST_LINE = 1 << 16
_VERSION_4 = b"#!AER-DAT4"
_CHANGES = (0, 12)


def read(
    path: PathLike, *, size: tuple[int, int] | None = None, key: str = "", sample: int | None = None, tick: float = 1, lenient: bool = False
) -> Recording:
    """The whole recording that a file holds.

    Parameters
    ----------
    path
        Of the file; its ending says what format it has, and of AEDAT its first line.
    size
        Width and height of the sensor: needed for arrays, elsewhere instead of what the file says.
    key
        Of arrays: the group, or what stands before the names, as in ``key_x``.
    sample
        Of an .npz file with several recordings, cut by ``offsets``: which.
    tick
        Of arrays: microseconds in a unit of time; 1e6 for seconds.
    lenient
        Mend and count damage instead of refusing it: events outside the sensor are left out, events out of order sorted (stably),
        bytes that make no event ignored.

    Returns
    -------
    Recording
        Its ``found`` says what was mended or left out.

    Raises
    ------
    FileError
        If the file cannot be read, or, unless ``lenient``, is damaged.
    InputError
        If an argument is wrong, or the size of the sensor has to be given.
    """
    with _opened(path, size, key, sample, tick, BLOCK) as source:
        return whole(source, os.fspath(path), lenient)


def replay(
    path: PathLike,
    *,
    size: tuple[int, int] | None = None,
    key: str = "",
    sample: int | None = None,
    tick: float = 1,
    lenient: bool = False,
    block: int = BLOCK,
) -> Iterator[Recording]:
    """The same recording block by block, in the order of arrival, as a program behind the camera would have seen it.

    With ``lenient``, an event stamped earlier than one before it takes the latest time so far, where :func:`read` sorts.

    Parameters
    ----------
    path, size, key, sample, tick, lenient
        As for :func:`read`.
    block
        Events in a block, at most.

    Yields
    ------
    Recording
        The next events; its ``found`` counts within the block.
    """
    if block < 1:
        raise InputError(f"replay: block is {block}; it holds at least 1 event")
    with _opened(path, size, key, sample, tick, block) as source:
        yield from in_blocks(source, os.fspath(path), lenient)


def camera(number: int = 0, *, lenient: bool = False, block: int = BLOCK) -> Iterator[Recording]:
    """What an event camera delivers, block by block, until it is unplugged or nobody asks for more; by the extra ``camera``.

    Parameters
    ----------
    number
        Among the cameras that are found, from 0.
    lenient, block
        As for :func:`replay`.
    """
    if block < 1:
        raise InputError(f"camera: block is {block}; it holds at least 1 event")
    yield from in_blocks(dv.camera(number, block), f"camera {number}", lenient)


def from_array(array: Array, *, size: tuple[int, int], tick: float = 1, lenient: bool = False) -> Recording:
    """The recording that a structured array holds.

    Parameters
    ----------
    array
        With fields x, y, t and p, in any order and of any type, as tonic makes them.
    size, tick, lenient
        As for :func:`read`.

    Raises
    ------
    InputError
        If it lacks a field, an argument is wrong, or, unless ``lenient``, events lie outside the sensor or are out of order.

    Examples
    --------
    >>> events = np.array([(3, 0, 1, True), (2, 1, 9, False)], [("x", "i2"), ("y", "i2"), ("t", "i8"), ("p", "?")])
    >>> from_array(events, size=(4, 4)).t.tolist()
    [1, 9]
    """
    _check(size, tick)
    columns = event_arrays.structured(np.asarray(array), "array", InputError)
    return whole(event_arrays.columns_source(columns, "array", size, BLOCK, tick, InputError), "array", lenient, InputError)


def _check(size: tuple[int, int] | None, tick: float) -> None:
    if size is not None and (len(size) != 2 or min(size) < 1 or max(size) > 1 << 15):
        raise InputError(f"event camera: size is {size}; give width and height in pixels")
    if not isfinite(tick) or tick <= 0:
        raise InputError(f"event camera: tick is {tick}; give the microseconds in a unit of time, more than 0")


@contextmanager
def _opened(
    path: PathLike, size: tuple[int, int] | None, key: str, sample: int | None, tick: float, block: int
) -> Iterator[Source]:
    label, suffix = os.fspath(path), Path(path).suffix.lower()
    _check(size, tick)
    if suffix not in SUFFIXES:
        raise InputError(f"{label}: ending {suffix!r} is none of {', '.join(SUFFIXES)}; rename it, or make arrays of it and save these")
    arrays = suffix in (".npy", ".npz", ".h5", ".hdf5")
    if not arrays and (key or sample is not None or tick != 1):
        raise InputError(f"{label}: key, sample and tick belong to arrays; leave them out for {suffix}")
    if sample is not None and suffix != ".npz":
        raise InputError(f"{label}: sample belongs to .npz files; leave it out for {suffix}")
    try:
        with open(path, "rb") as file:
            if arrays:
                columns = _columns(file, label, suffix, key, sample)
                yield event_arrays.columns_source(columns, label, size, block, tick, FileError)
            elif file.peek(1).startswith(_VERSION_4):
                yield dv.aedat4(label, size, block)
            else:
                yield {".bin": _bin, ".dat": _dat}.get(suffix, aedat)(file, label, size, block)
    except OSError as error:
        raise FileError(f"{label}: cannot be read ({error.strerror or error}); check the path") from error


def _columns(file: BufferedReader, label: str, suffix: str, key: str, sample: int | None) -> dict[str, Array]:
    if suffix == ".npz":
        return event_arrays.zipped(file, label, key, sample)
    return event_arrays.mapped(label) if suffix == ".npy" else event_arrays.grouped(label, key)


def _bin(file: BufferedReader, label: str, size: tuple[int, int] | None, block: int) -> Source:
    """N-MNIST's own format: column, row, then polarity and 23 bits of microseconds, big-endian."""
    return Source(*(size or _NMNIST), False, _events_bin(file, block))


def _events_bin(file: BufferedReader, block: int) -> Iterator[Part]:
    past = 0
    while data := file.read(5 * block):
        length = len(data) // 5 * 5
        rows = np.frombuffer(data[:length], np.uint8).reshape(-1, 5).astype(np.int64)
        overflow = rows[:, 1] == _OVERFLOW
        # The event that marks the overflow counts for itself, too.
        overflows = past + np.cumsum(overflow)
        t = ((rows[:, 2] & 127) << 16 | rows[:, 3] << 8 | rows[:, 4]) + overflows * _OVERFLOW_TIME
        past = int(overflows[-1]) if len(overflows) else past
        found = Found(unread=len(data) - length, wraps=int(np.count_nonzero(overflow)))
        kept = ~overflow
        yield Part(t[kept], rows[kept, 0], rows[kept, 1], rows[kept, 2] >> 7, found)


def _dat(file: BufferedReader, label: str, size: tuple[int, int] | None, block: int) -> Source:
    """Prophesee's DAT: lines that begin with %, the type and size of an event, then 32 bits of microseconds and 14 + 14 + 4 of place."""
    named = {}
    while file.peek(1)[:1] == b"%":
        line = file.readline(_LONGEST_LINE)
        name, _, value = line[1:].strip().partition(b" ")
        named[name.decode(errors="replace")] = value.strip().decode(errors="replace")
        if not line.endswith(b"\n"):
            break
    kind = file.read(2)
    if named.get("Version") != "2" or len(kind) < 2 or kind[0] not in _CHANGES or kind[1] != 8:
        found = f"version {named.get('Version', 'none')[:20]!r}, type and size of an event {list(kind)}"
        raise FileError(f"{label}: header: found {found}, expected version '2', [0, 8] or [12, 8]; export its CD events again")
    if size is None:
        try:
            size = int(named["Width"]), int(named["Height"])
            _check(size, 1)
        except (KeyError, ValueError) as error:
            raise InputError(f"{label}: header: says no Width and Height of a sensor; give size=(width, height)") from error
    return Source(*size, True, _events_dat(file, block))


def _events_dat(file: BufferedReader, block: int) -> Iterator[Part]:
    while data := file.read(8 * block):
        length = len(data) // 8 * 8
        t, bits = np.frombuffer(data[:length], "<u4").reshape(-1, 2).T.astype(np.int64)
        yield Part(t, bits & 0x3FFF, bits >> 14 & 0x3FFF, bits >> 28 & 1, Found(unread=len(data) - length))
