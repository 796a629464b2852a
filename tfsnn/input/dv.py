"""AEDAT 4 files and event cameras, by iniVation's own library dv-processing (Apache 2.0), which is the extra ``camera``.

Files and cameras have one interface there: ``getEventResolution()``, ``isRunning()``, and ``getNextEventBatch()``, which gives events
with the columns timestamp (microseconds), x, y and polarity, or None.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from time import sleep
from typing import Any

from tfsnn.errors import FileError, InputError, TfsnnError
from tfsnn.input.recording import Part, Source

FAILURES = (RuntimeError, OSError, IndexError, ValueError)
"""What the library raises, of whatever is wrong."""
_PAUSE = 0.001


def library(what: str) -> Any:
    """The library, imported where it is needed.

    Parameters
    ----------
    what
        What needs it, for the message where it is missing.
    """
    try:
        import dv_processing
    except ImportError as error:
        raise InputError(f"{what} needs dv-processing, which is not installed; pip install 'tfsnn[camera]'") from error
    return dv_processing


def aedat4(label: str, size: tuple[int, int] | None, block: int) -> Source:
    """The events of an AEDAT 4 file.

    Parameters
    ----------
    label
        Its path.
    size
        Width and height of the sensor, instead of what the file says.
    block
        Events in a part, at most.
    """
    dv = library(f"{label}: AEDAT 4")
    with _failing(label, "get it again, or export it from DV once more"):
        opened = dv.io.MonoCameraRecording(label)
        return _source(opened, label, size, _parts(opened, label, block, live=False))


def camera(number: int, block: int) -> Source:
    """The events of a camera, as they come, until it is unplugged.

    Parameters
    ----------
    number
        Among those that are found, from 0.
    block
        Events in a part, at most.
    """
    label = f"camera {number}"
    dv = library(label)
    with _failing(label, "see that it is plugged in and that no other program uses it"):
        found = dv.io.camera.discover()
        if number >= len(found):
            raise InputError(f"{label}: found {len(found)} event cameras; plug it in, or give a smaller number")
        opened = dv.io.camera.open(found[number])
        return _source(opened, label, None, _parts(opened, label, block, live=True))


def _source(opened: Any, label: str, size: tuple[int, int] | None, parts: Iterator[Part]) -> Source:
    resolution = opened.getEventResolution()
    if resolution is None:
        raise FileError(f"{label}: holds no events, only other streams; record with events enabled")
    return Source(*(size or (int(resolution[0]), int(resolution[1]))), False, parts)


def _parts(opened: Any, label: str, block: int, live: bool) -> Iterator[Part]:
    with _failing(label, "what came before is whole"):
        while opened.isRunning():
            batch = opened.getNextEventBatch()
            if batch is None and not live:
                # The end of a file, whatever isRunning says.
                return
            if batch is None:
                sleep(_PAUSE)
                continue
            events = batch.numpy()
            for first in range(0, len(events), block):
                some = events[first : first + block]
                yield Part(some["timestamp"], some["x"], some["y"], some["polarity"] != 0)


@contextmanager
def _failing(label: str, way_out: str) -> Iterator[None]:
    try:
        yield
    except TfsnnError:
        raise
    except FAILURES as error:
        # The library's messages go on with where in its sources they are from.
        said = str(error).split("Stacktrace")[0].strip().splitlines() or [type(error).__name__]
        raise FileError(f"{label}: dv-processing cannot read it ({said[-1].strip()}); {way_out}") from error
