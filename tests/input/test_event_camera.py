"""The door to all formats: which file is read how, in pieces or whole, and that damage ends in one error or in a count."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.event_files import EVENTS, HEADER_DAT, Event, aedat2, aedat3, dat, nmnist
from tests.input.test_aedat import rows
from tests.input.test_event_arrays import COLUMNS, structured
from tfsnn.errors import FileError, InputError
from tfsnn.input.event_camera import read, replay
from tfsnn.input.recording import Found

SMALL: list[Event] = [(t, x % 34, y % 34, p) for t, x, y, p in EVENTS]


def hdf5_bytes() -> bytes:
    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        for name, column in COLUMNS.items():
            file[name] = column
    return stream.getvalue()


def npz_bytes() -> bytes:
    stream = io.BytesIO()
    np.savez(stream, **COLUMNS)  # type: ignore[arg-type]
    return stream.getvalue()


def npy_bytes() -> bytes:
    stream = io.BytesIO()
    np.save(stream, structured([("t", "<i8"), ("x", "<i2"), ("y", "<i2"), ("p", "?")]))
    return stream.getvalue()


FILES = {
    "2.aedat": aedat2(EVENTS),
    "3.aedat": aedat3(EVENTS),
    "e.bin": nmnist(SMALL),
    "e.dat": dat(EVENTS),
    "e.npy": npy_bytes(),
    "e.npz": npz_bytes(),
    "e.h5": hdf5_bytes(),
}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("block", [1, 2, 1000])
def test_blocks_joined_are_the_recording(tmp_path: Path, name: str, block: int) -> None:
    (tmp_path / name).write_bytes(FILES[name])
    size = (128, 128) if "n" in name or "h5" in name else None
    wanted = SMALL if name == "e.bin" else EVENTS
    assert rows(read(tmp_path / name, size=size)) == wanted
    blocks = [rows(part) for part in replay(tmp_path / name, size=size, block=block)]
    assert [row for part in blocks for row in part] == wanted and max(map(len, blocks)) <= block


def test_nmnist_byte_for_byte(tmp_path: Path) -> None:
    # Column 3, row 7, brighter, 0x012345 us; then row 240 says that 2^13 us have to be added from there on.
    (tmp_path / "e.bin").write_bytes(bytes.fromhex("0307812345 00f0012345 0000010000 2121010002"))
    for block in (1, 2, 9):
        parts = list(replay(tmp_path / "e.bin", block=block, lenient=True))
        assert [row for part in parts for row in rows(part)][0] == (0x12345, 3, 7, 1)
    recording = read(tmp_path / "e.bin", lenient=True)
    assert sorted(recording.t.tolist()) == [0x10000 + 8192, 0x10002 + 8192, 0x12345] and recording.found.wraps == 1
    assert (recording.width, recording.height) == (34, 34)


def test_dat_byte_for_byte(tmp_path: Path) -> None:
    (tmp_path / "e.dat").write_bytes(HEADER_DAT + bytes.fromhex("2a000000 03400110"))
    recording = read(tmp_path / "e.dat")
    # 0x10014003: polarity 1, row 5, column 3.
    assert rows(recording) == [(42, 3, 5, 1)] and (recording.width, recording.height) == (304, 240)


@pytest.mark.parametrize(
    ("header", "error", "message"),
    [
        (HEADER_DAT.replace(b"Version 2", b"Version 1"), FileError, "found version '1', type and size of an event"),
        (HEADER_DAT[:-2] + b"\x0e\x08", FileError, r"type and size of an event \[14, 8\], expected version '2', \[0, 8\]"),
        (HEADER_DAT[:-2], FileError, r"type and size of an event \[\]"),
        (HEADER_DAT.replace(b"% Width 304\n", b""), InputError, "says no Width and Height of a sensor; give size"),
        (HEADER_DAT.replace(b"304", b"wide"), InputError, "says no Width and Height of a sensor; give size"),
    ],
)
def test_dat_headers_that_are_refused(tmp_path: Path, header: bytes, error: type[Exception], message: str) -> None:
    (tmp_path / "e.dat").write_bytes(header)
    with pytest.raises(error, match=f"e.dat: header: .*{message}"):
        read(tmp_path / "e.dat")


def test_dat_without_a_size_takes_the_one_given(tmp_path: Path) -> None:
    (tmp_path / "e.dat").write_bytes(dat(EVENTS, HEADER_DAT.replace(b"% Width 304\n", b"")))
    assert read(tmp_path / "e.dat", size=(128, 128)).width == 128


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda path: read(path / "e.txt"), "ending '.txt' is none of .aedat, .aedat4, .bin"),
        (lambda path: read(path / "e.aedat", key="a"), "key, sample and tick belong to arrays; leave them out for .aedat"),
        (lambda path: read(path / "e.h5", sample=1), "sample belongs to .npz files"),
        (lambda path: read(path / "e.bin", size=(0, 3)), r"size is \(0, 3\); give width and height in pixels"),
        (lambda path: read(path / "e.npy", tick=0), "tick is 0; give the microseconds in a unit of time"),
        (lambda path: list(replay(path / "e.bin", block=0)), "block is 0; it holds at least 1 event"),
    ],
)
def test_arguments_that_are_wrong(tmp_path: Path, call: Callable[[Path], object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        call(tmp_path)


@pytest.mark.parametrize("name", FILES)
def test_files_that_are_not_there(tmp_path: Path, name: str) -> None:
    with pytest.raises(FileError, match=rf"{name}: cannot be read \(No such file or directory\); check the path"):
        read(tmp_path / name, size=(128, 128))


def test_bytes_at_the_end_are_counted(tmp_path: Path) -> None:
    for name in ("2.aedat", "e.bin", "e.dat"):
        (tmp_path / name).write_bytes(FILES[name] + b"\0\0\0")
        with pytest.raises(FileError, match="found 3 bytes that make no event"):
            read(tmp_path / name)
        assert read(tmp_path / name, lenient=True).found == Found(unread=3)


@pytest.mark.parametrize("name", FILES)
@given(data=st.data())
def test_damage_anywhere_is_an_error_or_a_count(tmp_path_factory: pytest.TempPathFactory, name: str, data: st.DataObject) -> None:
    content = bytearray(FILES[name])
    for _ in range(data.draw(st.integers(0, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    content = content[: data.draw(st.integers(0, len(content)))] if data.draw(st.booleans()) else content
    path = tmp_path_factory.getbasetemp() / name
    path.write_bytes(content)
    counts = []
    for lenient in (False, True):
        try:
            counts.append(len(read(path, size=(128, 128), lenient=lenient)))
        except FileError as error:
            assert str(error).startswith(str(path))
    assert len(counts) < 2 or counts[0] == counts[1]
