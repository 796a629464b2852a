"""Data sets of event cameras: snapshots with labels, from files in the real formats and from none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.input import test_dvs_gesture, test_nmnist
from tfsnn.errors import FileError, InputError
from tfsnn.input import event_sets
from tfsnn.input.event_sets import LEAKS, recordings, snapshots
from tfsnn.input.snapshots import respond


def test_generated_splits_share_no_recording(monkeypatch: pytest.MonkeyPatch) -> None:
    kind = event_sets.GENERATED["gesture_small"]
    monkeypatch.setitem(event_sets.GENERATED, "gesture_small", kind._replace(recordings={"train": 2, "test": 1}))
    (x, y), (test_x, test_y) = (snapshots("gesture_small", None, split) for split in ("train", "test"))
    assert x.shape == (220, 32, 32, 2) and test_x.shape == (110, 32, 32, 2) and x.dtype == np.uint16
    assert np.bincount(y).tolist() == [20] * 11 and np.bincount(test_y).tolist() == [10] * 11
    assert not any(np.array_equal(a[:10], b) for a in x.reshape(22, 10, -1) for b in test_x.reshape(11, 10, -1))


def test_snapshots_are_those_of_the_recordings(tmp_path: Path) -> None:
    test_dvs_gesture.write(tmp_path, test_dvs_gesture.FILES)
    x, y = snapshots("gesture", tmp_path, "train")
    expected = [(label, respond(LEAKS["gesture"], recording).snapshots) for label, recording in recordings("gesture", tmp_path, "train")]
    np.testing.assert_array_equal(x, np.concatenate([frames for _, frames in expected]))
    assert x.shape == (4, 64, 64, 2) and y.tolist() == [0, 10, 0, 10]


def test_one_snapshot_of_each_short_recording(tmp_path: Path) -> None:
    test_nmnist.npz(tmp_path / "some.npz")
    x, y = snapshots("nmnist", tmp_path, "train")
    assert x.shape == (2, 34, 34, 2) and y.tolist() == [7, 0]


def test_generated_with_the_sensor_and_the_windows_of_the_paper(monkeypatch: pytest.MonkeyPatch) -> None:
    kind = event_sets.GENERATED["gesture_generated"]
    assert kind.duration == 14 * LEAKS["gesture_generated"].snapshot
    monkeypatch.setitem(event_sets.GENERATED, "gesture_generated", kind._replace(duration=128_000, recordings={"train": 1, "test": 1}))
    x, y = snapshots("gesture_generated", None, "test")
    assert x.shape == (22, 64, 64, 2) and y.tolist() == [label for label in range(11) for _ in range(2)]


def test_files_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="data set nmnist: its files are not downloaded for you; name the folder .* with --data-dir"):
        snapshots("nmnist", None, "train")
    with pytest.raises(InputError, match="data set gesture: .*nowhere does not exist"):
        snapshots("gesture", tmp_path / "nowhere", "train")
    test_nmnist.npz(tmp_path / "e.npz", train_offsets=[0], train_labels=np.zeros(0, int))
    with pytest.raises(FileError, match="data set nmnist: .*: found no events in the train split"):
        snapshots("nmnist", tmp_path, "train")
