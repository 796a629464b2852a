"""DVS128 Gesture (Amir et al., CVPR 2017): the archive as IBM hands it out, or the folder that it unpacks to.

``DvsGesture.tar.gz`` must be downloaded by hand, because its terms have to be agreed to (https://research.ibm.com/dvsgesture). It holds
a recording in AEDAT 3.1 for each person and light, ``user01_fluorescent.aedat``, beside it ``user01_fluorescent_labels.csv`` with the
lines ``class,startTime_usec,endTime_usec``, classes from 1 to 11; and ``trials_to_train.txt`` and ``trials_to_test.txt``, which name the
recordings of 23 and of 6 people. Nothing is unpacked to the disk.
"""

from __future__ import annotations

import csv
import tarfile
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import IO, NamedTuple

from tfsnn.aliases import PathLike
from tfsnn.errors import FileError, InputError
from tfsnn.input.aedat import aedat
from tfsnn.input.event_camera import BLOCK
from tfsnn.input.recording import Recording, whole

ARCHIVE = "DvsGesture.tar.gz"
CLASSES = (
    *("hand clapping", "right hand wave", "left hand wave", "right arm clockwise", "right arm counter clockwise"),
    *("left arm clockwise", "left arm counter clockwise", "arm roll", "air drums", "air guitar", "other gestures"),
)
"""Their numbers count from 0 here, from 1 in the files."""
LISTS = {"train": "trials_to_train.txt", "test": "trials_to_test.txt"}
_COLUMNS = ["class", "startTime_usec", "endTime_usec"]
_LARGEST_TEXT = 1 << 20
_LARGEST_RECORDING = 1 << 30


class Trial(NamedTuple):
    """One gesture: the recording it is cut from, its class from 0, and its events."""

    name: str
    label: int
    recording: Recording


Members = Callable[[Callable[[str], bool]], Iterator[tuple[str, bytes]]]
"""Gives name and content of the files whose name is wanted."""


def trials(place: PathLike, split: str) -> Iterator[Trial]:
    """The gestures of one split, recording after recording.

    Parameters
    ----------
    place
        The archive, the folder that it unpacks to, or the folder that either lies in.
    split
        ``"train"`` or ``"test"``, the official one by person.

    Yields
    ------
    Trial
        Damage in a recording is mended, and counted in its ``found``.

    Raises
    ------
    FileError
        If the data are not there, or not as described above.
    """
    if split not in LISTS:
        raise InputError(f"DVS128 Gesture: split {split!r}; choose one of {', '.join(LISTS)}")
    label, members = _found(Path(place))
    texts = {name: _text(content, f"{label}: {name}") for name, content in members(lambda name: name.endswith((".csv", ".txt")))}
    if LISTS[split] not in texts:
        raise FileError(f"{label}: found no {LISTS[split]}, expected the whole of {ARCHIVE}; download it again")
    wanted = [line.strip() for line in texts[LISTS[split]].splitlines() if line.strip()]
    intervals = {name: _intervals(texts, name, label) for name in wanted}
    missing = set(wanted)
    for name, content in members(intervals.__contains__):
        missing.discard(name)
        recording = whole(aedat(BytesIO(content), f"{label}: {name}", None, BLOCK), f"{label}: {name}", True)
        for number, start, end in intervals[name]:
            cut = recording.between(start, end)
            if not len(cut):
                reaches = f"reaches from {recording.t[0]} to {recording.t[-1]}" if len(recording) else "holds none"
                where = f"{_labels_of(name)}: class {number + 1}, {start} to {end}"
                raise FileError(f"{label}: {where}: no event lies there, {name} {reaches}; download {ARCHIVE} again")
            yield Trial(name, number, Recording(cut.t, cut.x, cut.y, cut.p, cut.width, cut.height, recording.found))
    if missing:
        raise FileError(f"{label}: {LISTS[split]} names {', '.join(sorted(missing)[:5])}, not found; download {ARCHIVE} again")


def _found(place: Path) -> tuple[str, Members]:
    options = (place, place / ARCHIVE, place / "DvsGesture")
    for option in options:
        if option.is_file():
            return str(option), partial(_packed, option)
        if (option / LISTS["train"]).is_file():
            return str(option), partial(_unpacked, option)
    raise FileError(
        f"{place}: found neither {ARCHIVE} nor what it unpacks to; download it from https://research.ibm.com/dvsgesture, "
        "whose terms have to be agreed to, and name the folder it lies in with --data-dir"
    )


def _packed(path: Path, wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes]]:
    try:
        with tarfile.open(path, "r|*") as archive:
            for member in archive:
                name = Path(member.name).name
                file = archive.extractfile(member) if member.isfile() and wanted(name) else None
                if file is not None:
                    yield name, _content(file, name, f"{path}: {name}")
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        raise FileError(f"{path}: is no archive, or damaged ({error}); download it again") from error


def _unpacked(folder: Path, wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.iterdir()):
        if wanted(path.name):
            with path.open("rb") as file:
                yield path.name, _content(file, path.name, str(path))


def _content(file: IO[bytes], name: str, label: str) -> bytes:
    limit = _LARGEST_RECORDING if name.endswith(".aedat") else _LARGEST_TEXT
    content = file.read(limit + 1)
    if len(content) > limit:
        raise FileError(f"{label}: found more than {limit} bytes, which no file of DVS128 Gesture has")
    return content


def _text(content: bytes, label: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FileError(f"{label}: found bytes that are no text ({error}); download {ARCHIVE} again") from error


def _labels_of(name: str) -> str:
    return f"{name.removesuffix('.aedat')}_labels.csv"


def _intervals(texts: dict[str, str], name: str, label: str) -> list[tuple[int, int, int]]:
    file = _labels_of(name)
    if file not in texts:
        raise FileError(f"{label}: found no {file}, expected the labels of {name}; download {ARCHIVE} again")
    header, *lines = list(csv.reader(texts[file].splitlines())) or [[]]
    if header != _COLUMNS:
        raise FileError(f"{label}: {file}: first line: found {','.join(header)[:60]!r}, expected {','.join(_COLUMNS)!r}")
    found = []
    for number, line in enumerate(lines, 2):
        if not line:
            continue
        if len(line) != 3 or not all(part.strip().isdecimal() for part in line):
            raise FileError(f"{label}: {file}: line {number}: found {','.join(line)[:60]!r}, expected three whole numbers")
        kind, start, end = (int(part) for part in line)
        if not 1 <= kind <= len(CLASSES) or end < start:
            found_here = f"class {kind}, {start} to {end}"
            raise FileError(f"{label}: {file}: line {number}: found {found_here}; expected 1 to 11, and no end before the start")
        found.append((kind - 1, start, end))
    return found
