"""Events in arrays: structured ones as tonic makes them, and columns in .npy, .npz and HDF5 files.

A column has one of a few names: x; y; t, ts, time, timestamp(s) or step; p, pol, polarity, polarities or on. Polarities are 0 and 1, -1 and
1, or false and true; without a column for them every event is one of becoming brighter.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import BinaryIO
from zipfile import ZipFile

import numpy as np

from tfsnn.aliases import Array
from tfsnn.errors import FileError, InputError, TfsnnError
from tfsnn.hdf5 import reader as hdf5
from tfsnn.input import npz
from tfsnn.input.npz import DAMAGE
from tfsnn.input.recording import Part, Source

NAMES = {
    "t": ("t", "ts", "time", "timestamp", "timestamps", "step"),
    "x": ("x",),
    "y": ("y",),
    "p": ("p", "pol", "polarity", "polarities", "on"),
}
"""What each column may be called."""

_BEYOND = 1 << 62


def columns_source(
    columns: Mapping[str, Array], label: str, size: tuple[int, int] | None, block: int, tick: float, error: type[TfsnnError]
) -> Source:
    """Events from columns.

    Parameters
    ----------
    columns
        Arrays by t, x, y and p; p may be missing.
    label
        What messages call them.
    size
        Width and height of the sensor.
    block
        Events in a part, at most.
    tick
        Microseconds in a unit of t.
    error
        What to raise.
    """
    if size is None:
        raise InputError(f"{label}: arrays do not say how large the sensor is; give size=(width, height)")
    count = len(columns["t"])
    for name, column in columns.items():
        if column.ndim != 1 or len(column) != count or column.dtype.kind not in ("iuf" if name == "t" else "iufb"):
            raise error(f"{label}: column {name} is {column.dtype} of shape {column.shape}; expected {count} numbers, one for each event")
    wraps = tick == 1 and columns["t"].dtype.kind in "iu" and columns["t"].dtype.itemsize == 4
    return Source(*size, wraps, _parts(columns, label, count, block, tick, error))


def _parts(
    columns: Mapping[str, Array], label: str, count: int, block: int, tick: float, error: type[TfsnnError]
) -> Iterator[Part]:
    for start in range(0, count, block):
        piece = {name: np.asarray(column[start : start + block]) for name, column in columns.items()}
        t = _times(piece["t"], tick)
        if t is None:
            raise error(f"{label}: column t holds a time beyond 2^62 microseconds, or not a number; tick= says how long a unit is")
        merged = _merged(piece["t"], t)
        if merged:
            found = f"column t holds {merged}; in whole microseconds most of them are the same"
            raise error(f"{label}: {found}: tick= says how long a unit is (of seconds, 1e6)")
        for name in ("x", "y"):
            if piece[name].dtype.kind == "f" and not np.array_equal(piece[name], np.rint(piece[name])):
                raise error(f"{label}: column {name} holds fractions; pixels have whole numbers")
        yield Part(t, _whole(piece["x"]), _whole(piece["y"]), _polarities(piece.get("p"), len(t), label, error))


def _times(t: Array, tick: float) -> Array | None:
    if tick == 1 and t.dtype.kind in "iu":
        return t.astype(np.int64) if t.dtype != np.uint64 or t.max(initial=0) < _BEYOND else None
    scaled = t.astype(np.float64) * tick
    return np.rint(scaled).astype(np.int64) if np.all(np.abs(scaled) < _BEYOND) else None


def _merged(t: Array, rounded: Array) -> str:
    """What is lost where times are fractions of microseconds, as seconds are if nobody says so; "" for next to nothing."""
    if t.dtype.kind != "f" or len(t) < 2:
        return ""
    different = len(np.unique(t))
    return f"{different} different times from {t.min():g} to {t.max():g}" if 2 * len(np.unique(rounded)) < different else ""


def _whole(values: Array) -> Array:
    # Far outside any sensor stays outside, whatever the type.
    return np.clip(values, -1, 1 << 30).astype(np.int64)


def _polarities(p: Array | None, count: int, label: str, error: type[TfsnnError]) -> Array:
    if p is None:
        return np.ones(count, np.uint8)
    if not np.all((p == 0) | (p == 1) | ((p == -1) if p.dtype.kind in "if" else False)):
        raise error(f"{label}: column p reaches from {p.min()} to {p.max()}; expected 0 and 1, -1 and 1, or false and true")
    return np.asarray(p > 0).astype(np.uint8)


def structured(array: Array, label: str, error: type[TfsnnError]) -> dict[str, Array]:
    """The columns of a structured array.

    Parameters
    ----------
    array
        One-dimensional; its fields may stand in any order, and have any type of number.
    label
        What messages call it.
    error
        What to raise.
    """
    if array.ndim != 1:
        raise error(f"{label}: found an array of shape {array.shape}, expected a structured one of one axis, with fields x, y, t and p")
    return _named(array.dtype.names or (), lambda name: array[name], label, error)


def _named(
    names: Collection[str], column: Callable[[str], Array], label: str, error: type[TfsnnError]
) -> dict[str, Array]:
    found = {key: next((name for name in options if name in names), None) for key, options in NAMES.items()}
    lacking = [key for key, name in found.items() if name is None and key != "p"]
    if lacking:
        shown = ", ".join(sorted(str(name) for name in names)[:20]) or "(none)"
        found_here = f"found {shown}, but nothing for {', '.join(lacking)}"
        raise error(f"{label}: {found_here}; expected x, y, t and p; key= names their group, or what stands before their names")
    return {key: column(name) for key, name in found.items() if name is not None}


def mapped(path: str) -> dict[str, Array]:
    """The columns of an .npy file, which stay on the disk until they are needed."""
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except DAMAGE as error:
        raise FileError(f"{path}: is no .npy file, or damaged ({error}); write it with numpy.save") from error
    return structured(array, path, FileError)


def zipped(file: BinaryIO, label: str, key: str, sample: int | None) -> dict[str, Array]:
    """The columns of an .npz file.

    Parameters
    ----------
    file
        Open.
    label
        What messages call it.
    key
        What stands before the names of the columns, as in ``key_x``, with or without the underscore; "" where they stand alone.
    sample
        Number of the recording, where ``offsets`` cut the columns into several.
    """
    try:
        with ZipFile(file) as archive:
            names = npz.names(archive)
            prefix = f"{key.removesuffix('_')}_" if key else ""
            own = {name.removeprefix(prefix) for name in names if name.startswith(prefix)}
            if key and not own:
                raise FileError(f"{label}: found no {prefix}*, but {', '.join(sorted(names)[:20]) or '(nothing)'}; choose another key")
            columns = _named(own, lambda name: npz.member(archive, prefix + name, label), label, FileError)
            offsets = npz.member(archive, f"{prefix}offsets", label) if "offsets" in own else None
    except DAMAGE as error:
        raise FileError(f"{label}: is no .npz file, or damaged ({error}); write it with numpy.savez") from error
    return columns if offsets is None else cut(columns, offsets, label, sample)


def cut(columns: dict[str, Array], offsets: Array, label: str, sample: int | None) -> dict[str, Array]:
    """The columns of one recording of several.

    Parameters
    ----------
    columns
        Of all.
    offsets
        Where each begins, and the last one ends.
    label
        What messages call the file.
    sample
        Number of the recording.
    """
    count = max(len(offsets) - 1, 0) if offsets.ndim == 1 and offsets.dtype.kind in "iu" else 0
    if sample is None or not 0 <= sample < count:
        raise FileError(f"{label}: holds {count} recordings; choose one with sample=0 to {count - 1}")
    start, stop = int(offsets[sample]), int(offsets[sample + 1])
    if not 0 <= start <= stop <= len(columns["t"]):
        raise FileError(f"{label}: offsets of sample {sample}: found {start} to {stop}, expected places within {len(columns['t'])} events")
    return {name: column[start:stop] for name, column in columns.items()}


def grouped(path: str, key: str) -> dict[str, Array]:
    """The columns of an HDF5 file, which are read whole.

    Parameters
    ----------
    path
        Of the file.
    key
        Of the group that holds them; "" for the root, or for its one group that holds columns.
    """
    with hdf5.opened(path) as root:
        if key and not hdf5.has(root, key):
            raise FileError(f"{path}: found no {key}, but {', '.join(hdf5.children(root)[:20]) or '(nothing)'}; choose another key")
        group = hdf5.child(root, key) if key else root
        names = hdf5.children(group)
        if not key and not set(NAMES["x"]) & set(names):
            inner = [name for name in names if hdf5.has(root, f"{name}/x")]
            if len(inner) == 1:
                group = hdf5.child(root, inner[0])
                names = hdf5.children(group)
        return _named(names, lambda name: np.asarray(hdf5.dataset(group, name)), path, FileError)
