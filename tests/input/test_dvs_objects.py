"""Objects before a DVS128: classes are those of both sessions, and splits are sessions, or parts of one in time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.data_folder import folder
from tfsnn.errors import FileError
from tfsnn.input.dvs_objects import SESSIONS, classes, recordings


def session(path: Path, *names: str, events: int = 9) -> None:
    t = np.arange(events) * 10.0
    columns = {"t": t, "x": np.arange(events) % 128, "y": np.full(events, 5), "p": np.arange(events) % 2}
    arrays: dict[str, Any] = {f"{name}_{column}": values for name in names for column, values in columns.items()}
    np.savez(path, **arrays)


@pytest.fixture
def sessions(tmp_path: Path) -> Path:
    session(tmp_path / SESSIONS["train"], "mug", "box", "phone")
    session(tmp_path / SESSIONS["test"], "cube", "box", "mug", events=6)
    return tmp_path


def test_sessions(sessions: Path) -> None:
    assert classes(sessions) == ["box", "mug"]
    assert [(label, len(recording)) for label, recording in recordings(sessions, "train")] == [(0, 9), (1, 9)]
    assert [(label, len(recording)) for label, recording in recordings(sessions, "test")] == [(0, 6), (1, 6)]


def test_within_a_session_by_time(sessions: Path) -> None:
    first, last = (next(recordings(sessions, split, within=True))[1] for split in ("train", "test"))
    assert first.t.tolist() == [0, 10, 20, 30, 40, 50] and last.t.tolist() == [60, 70, 80]


def test_files_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"session_A.npz: cannot be read \(No such file or directory\); name the folder .* --data-dir"):
        classes(tmp_path)
    for name in SESSIONS.values():
        session(tmp_path / name, name)
    with pytest.raises(FileError, match="have no object in common; copy them again"):
        classes(tmp_path)
    (tmp_path / SESSIONS["test"]).write_text("text")
    with pytest.raises(FileError, match="session_B.npz: is no .npz file, or damaged"):
        classes(tmp_path)


def test_real_sessions() -> None:
    found = list(recordings(folder("dvs128_objects").parent, "test"))
    assert classes(folder("dvs128_objects")) == ["box", "cutter", "mug", "pencil", "scissors"]
    assert [len(recording) for _, recording in found] == [374039, 413436, 518133, 249545, 263941]
