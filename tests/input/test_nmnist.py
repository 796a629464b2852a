"""N-MNIST as folders of .bin files and as one .npz file, and what stands in for neither."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.data_folder import folder
from tests.event_files import EVENTS, Event, nmnist
from tests.input.test_aedat import rows
from tfsnn.errors import FileError, InputError
from tfsnn.input.nmnist import digits

SMALL: list[Event] = [(t, x % 34, y % 34, p) for t, x, y, p in EVENTS]
COLUMNS = {name: np.array([event[i] for event in SMALL]) for i, name in enumerate("txyp")}


def npz(path: Path, **changes: Any) -> Path:
    arrays = {f"train_{name}": column for name, column in COLUMNS.items()} | {"train_offsets": [0, 2, 5], "train_labels": [7, 0]}
    np.savez(path, **{name: array for name, array in (arrays | changes).items() if array is not None})
    return path


def test_folders(tmp_path: Path) -> None:
    for digit in range(10):
        (tmp_path / "nmnist" / "Train" / str(digit)).mkdir(parents=True)
        for number in (2, 1):
            (tmp_path / "nmnist" / "Train" / str(digit) / f"0000{number}.bin").write_bytes(nmnist(SMALL[:number]))
    found = list(digits(tmp_path, "train"))
    assert [(d.label, len(d.recording)) for d in found] == [(digit, n) for digit in range(10) for n in (1, 2)]
    assert rows(found[1].recording) == SMALL[:2]
    (tmp_path / "nmnist" / "Train" / "3" / "00001.bin").unlink()
    (tmp_path / "nmnist" / "Train" / "3" / "00002.bin").unlink()
    with pytest.raises(FileError, match="3: found no .bin file, expected recordings of the digit 3"):
        list(digits(tmp_path, "train"))


def test_npz(tmp_path: Path) -> None:
    path = npz(tmp_path / "some.npz")
    for place in (path, tmp_path):
        found = list(digits(place, "train"))
        assert [(d.label, rows(d.recording)) for d in found] == [(7, SMALL[:2]), (0, SMALL[2:])]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"train_p": None}, "lacks train_t, _x, _y, _p, _offsets or _labels, or is damaged"),
        ({"train_labels": [7]}, r"train_labels: found int64 of shape \(1,\), expected digits for 2 recordings"),
        ({"train_labels": [7, 10]}, "train_labels: found int64"),
        ({"train_labels": [7.0, 1.0]}, "train_labels: found float64"),
        ({"train_offsets": [0, 9, 5]}, "offsets of sample 0: found 0 to 9"),
        ({"train_x": COLUMNS["x"][:2]}, r"sample 1: column x is int64 of shape \(0,\)"),
    ],
)
def test_npz_that_is_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(FileError, match=f"e.npz: {message}"):
        list(digits(npz(tmp_path / "e.npz", **changes), "train"))


def test_nothing_of_the_kind(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="found neither Train/0 to Train/9 nor one .npz file; download Train.zip"):
        digits(tmp_path, "train")
    with pytest.raises(InputError, match="split 'all'; choose one of train, test"):
        digits(tmp_path, "all")
    (tmp_path / "no.npz").write_bytes(b"no")
    with pytest.raises(FileError, match="no.npz: lacks .* or is damaged"):
        list(digits(tmp_path, "test"))


def test_the_real_one() -> None:
    found = list(digits(folder("nmnist"), "test"))
    assert len(found) == 100 and sum(len(d.recording) for d in found) == 385_596
    assert not any(d.recording.found.damage for d in found)
