"""AEDAT 4 and cameras: through the same door as all formats, by a library that need not be there."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from tests.dv_stand_in import COLUMNS, StandIn, installed
from tfsnn.errors import FileError, InputError
from tfsnn.input.event_camera import camera, read, replay
from tfsnn.input.recording import Recording

RECORDING = Recording(1_700_000_000_000_000 + np.arange(50) * 7, np.arange(50) % 16, np.arange(50) % 12, np.arange(50) % 2, 16, 12)


def file(folder: Path, name: str = "x.aedat4") -> Path:
    (folder / name).write_bytes(b"#!AER-DAT4.0\r\n" + bytes(20))
    return folder / name


def same(one: Recording, other: Recording) -> bool:
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in "txyp") and one.width == other.width


@pytest.mark.parametrize("name", ["x.aedat4", "x.aedat"])
def test_every_event_of_a_file(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, StandIn(RECORDING, 20))
    assert same(read(file(tmp_path, name)), RECORDING)
    installed(monkeypatch, StandIn(RECORDING, 20))
    assert [len(block) for block in replay(file(tmp_path, name), block=15)] == [15, 5, 15, 5, 10]
    installed(monkeypatch, StandIn(RECORDING, 20))
    assert read(file(tmp_path, name), size=(20, 30)).height == 30
    installed(monkeypatch, StandIn(RECORDING, 20, endless=True))
    assert same(read(file(tmp_path, name)), RECORDING)


def test_events_outside_the_sensor_are_found_as_everywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, StandIn(RECORDING, 20))
    with pytest.raises(FileError, match="x.aedat4: found 8 events outside the sensor; get it again"):
        read(file(tmp_path), size=(16, 10))


def test_a_camera(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, StandIn(RECORDING, 20))
    blocks = list(camera(0, block=15))
    assert [len(block) for block in blocks] == [15, 5, 15, 5, 10] and blocks[0].t[0] == RECORDING.t[0]
    with pytest.raises(InputError, match="camera 1: found 1 event cameras; plug it in, or give a smaller number"):
        list(camera(1))
    with pytest.raises(InputError, match="camera: block is 0; it holds at least 1 event"):
        list(camera(0, block=0))


def test_without_the_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "dv_processing", None)
    missing = r"dv-processing, which is not installed; pip install 'tfsnn\[camera\]'"
    with pytest.raises(InputError, match=f"x.aedat4: AEDAT 4 needs {missing}"):
        read(file(tmp_path))
    with pytest.raises(InputError, match=f"camera 0 needs {missing}"):
        list(camera())


def test_what_the_library_cannot_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, RuntimeError("/project/file.hpp(183): open()\nFileError: truncated or corrupt.\nStacktrace:\n 0# 0x0000"))
    with pytest.raises(FileError, match=r"x.aedat4: dv-processing cannot read it \(FileError: truncated or corrupt.\); get it again"):
        read(file(tmp_path))
    with pytest.raises(FileError, match="camera 0: dv-processing cannot read it .*; see that it is plugged in"):
        list(camera())
    installed(monkeypatch, StandIn(RECORDING, 20, IndexError()))
    with pytest.raises(FileError, match=r"x.aedat4: dv-processing cannot read it \(IndexError\); what came before is whole"):
        list(replay(file(tmp_path)))
    installed(monkeypatch, StandIn(Recording([], [], [], [], 1, 1), 20))
    with pytest.raises(FileError, match="x.aedat4: holds no events, only other streams; record with events enabled"):
        read(file(tmp_path))
    (tmp_path / "other.aedat4").write_bytes(b"something else")
    with pytest.raises(FileError, match="other.aedat4: first line: found b'something else', expected #!AER-DAT2.0, 3.1 or 4.0"):
        read(tmp_path / "other.aedat4")


def test_files_that_the_library_writes(tmp_path: Path) -> None:
    dv = pytest.importorskip("dv_processing", reason="the extra camera is not installed")
    path = tmp_path / "x.aedat4"
    writer = dv.io.MonoCameraWriter(str(path), dv.io.MonoCameraWriter.EventOnlyConfig("DVS128_1", (16, 12)))
    store = dv.EventStore()
    for event in zip(*(getattr(RECORDING, name).tolist() for name in "txyp")):
        store.push_back(*event[:3], bool(event[3]))
    assert [(name, store.numpy().dtype[name].kind) for name, _ in COLUMNS] == [(name, np.dtype(kind).kind) for name, kind in COLUMNS]
    writer.writeEvents(store)
    del writer
    assert same(read(path), RECORDING)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(FileError, match="x.aedat4: dv-processing cannot read it"):
        read(path)
