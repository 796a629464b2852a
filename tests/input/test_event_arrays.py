"""Events in arrays: any order of columns and any type of number, in memory and in files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from tests.data_folder import folder
from tests.event_files import EVENTS
from tests.input.test_aedat import rows
from tfsnn.errors import FileError, InputError
from tfsnn.input.event_camera import from_array, read, replay
from tfsnn.input.recording import Found

SIZE = (128, 128)
COLUMNS = {name: np.array([event[i] for event in EVENTS]) for i, name in enumerate("txyp")}


def structured(fields: list[tuple[str, str]]) -> np.ndarray[Any, Any]:
    array = np.zeros(len(EVENTS), fields)
    for name, _ in fields:
        array[name] = COLUMNS[{"ts": "t", "timestamp": "t", "polarity": "p", "on": "p", "pol": "p"}.get(name, name)]
    return array


@pytest.mark.parametrize(
    "fields",
    [
        [("t", "<i8"), ("x", "<i2"), ("y", "<i2"), ("p", "?")],
        [("x", ">u2"), ("y", "<i4"), ("timestamp", "<u8"), ("polarity", "i1")],
        [("p", "<f4"), ("y", "u1"), ("ts", "<f8"), ("x", "u1")],
        [("on", "?"), ("t", "<u4"), ("x", "<f8"), ("y", "<i8")],
    ],
)
def test_any_order_and_any_type(tmp_path: Path, fields: list[tuple[str, str]]) -> None:
    assert rows(from_array(structured(fields), size=SIZE)) == EVENTS
    np.save(tmp_path / "e.npy", structured(fields))
    assert rows(read(tmp_path / "e.npy", size=SIZE)) == EVENTS
    assert [rows(part) for part in replay(tmp_path / "e.npy", size=SIZE, block=3)] == [EVENTS[:3], EVENTS[3:]]


def test_the_arrays_of_the_package_aedat() -> None:
    array = np.array([(7, 1, 2, True)], [("t", "<u8"), ("x", "<u2"), ("y", "<u2"), (("p", "on"), "?")])
    assert rows(from_array(array, size=SIZE)) == [(7, 1, 2, 1)]


def test_polarities_of_minus_one_and_seconds() -> None:
    array = np.array([(0.25, 1, 2, -1), (0.5, 1, 2, 1)], [("t", "f8"), ("x", "i2"), ("y", "i2"), ("p", "i1")])
    assert rows(from_array(array, size=SIZE, tick=1e6)) == [(250_000, 1, 2, 0), (500_000, 1, 2, 1)]


@pytest.mark.parametrize("names", [("t", "x", "y", "p"), ("ts", "x", "y", "polarities")])
def test_npz(tmp_path: Path, names: tuple[str, ...]) -> None:
    np.savez(tmp_path / "e.npz", **dict(zip(names, COLUMNS.values())))  # type: ignore[arg-type]
    np.savez(tmp_path / "k.npz", other=np.zeros(3), **{f"a_b_{n}": c for n, c in zip(names, COLUMNS.values())})  # type: ignore[arg-type]
    assert rows(read(tmp_path / "e.npz", size=SIZE)) == rows(read(tmp_path / "k.npz", size=SIZE, key="a_b")) == EVENTS


def test_npz_of_several_recordings(tmp_path: Path) -> None:
    np.savez(tmp_path / "e.npz", offsets=[0, 3, 5], **COLUMNS)  # type: ignore[arg-type]
    assert rows(read(tmp_path / "e.npz", size=SIZE, sample=1)) == EVENTS[3:]
    for sample in (None, 2, -1):
        with pytest.raises(FileError, match="e.npz: holds 2 recordings; choose one with sample=0 to 1"):
            read(tmp_path / "e.npz", size=SIZE, sample=sample)
    np.savez(tmp_path / "e.npz", offsets=[0, 9, 5], **COLUMNS)  # type: ignore[arg-type]
    with pytest.raises(FileError, match="offsets of sample 0: found 0 to 9, expected places within 5 events"):
        read(tmp_path / "e.npz", size=SIZE, sample=0)


@pytest.mark.parametrize("group", ["", "events"])
@pytest.mark.parametrize("packed", [{}, {"chunks": (2,), "compression": "gzip", "shuffle": True}])
def test_hdf5(tmp_path: Path, group: str, packed: dict[str, Any]) -> None:
    with h5py.File(tmp_path / "e.h5", "w") as file:
        for name, column in COLUMNS.items():
            file.create_dataset(f"{group}/{name}", data=column.astype("u4"), **packed)
    assert rows(read(tmp_path / "e.h5", size=SIZE, key=group)) == rows(read(tmp_path / "e.h5", size=SIZE)) == EVENTS


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"t": None}, "found p, x, y, but nothing for t; expected x, y, t and p"),
        ({"x": COLUMNS["x"][:2]}, r"column x is int64 of shape \(2,\); expected 5 numbers"),
        ({"x": COLUMNS["x"].astype(complex)}, "column x is complex128"),
        ({"t": COLUMNS["t"] > 0}, "column t is bool"),
        ({"x": COLUMNS["x"] + 0.5}, "column x holds fractions"),
        ({"p": COLUMNS["p"] * 2}, "column p reaches from 0 to 2; expected 0 and 1, -1 and 1, or false and true"),
        ({"t": COLUMNS["t"] * np.nan}, r"column t holds a time beyond 2\^62 microseconds, or not a number"),
        ({"t": COLUMNS["t"] / 1e12}, r"column t holds 3 different times from \S+ to \S+; in whole .* tick= says .* \(of seconds, 1e6\)"),
        ({"t": COLUMNS["t"].astype("u8") + (1 << 63)}, r"column t holds a time beyond 2\^62"),
        ({"p": COLUMNS["p"].astype(object)}, "is no .npz file, or damaged"),
    ],
)
def test_columns_that_do_not_fit(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    columns = {name: column for name, column in (COLUMNS | changes).items() if column is not None}
    np.savez(tmp_path / "e.npz", **columns)
    with pytest.raises(FileError, match=f"e.npz: {message}"):
        read(tmp_path / "e.npz", size=SIZE, lenient=True)


def test_fields_that_do_not_fit() -> None:
    with pytest.raises(InputError, match=r"array: found \(none\), but nothing for t, x, y; expected x, y, t and p"):
        from_array(np.zeros(3), size=SIZE)
    with pytest.raises(InputError, match=r"array: found an array of shape \(1, 5\), expected a structured one of one axis"):
        from_array(structured([("t", "i8"), ("x", "i2"), ("y", "i2")])[None], size=SIZE)
    with pytest.raises(InputError, match="array: found 2 events outside the sensor"):
        from_array(structured([("t", "i8"), ("x", "i2"), ("y", "i2")]), size=(99, 128))


def test_some_events_of_one_microsecond_are_no_mistake() -> None:
    array = np.array([(0.2, 1, 2), (0.4, 1, 2), (1.0, 1, 2), (3.0, 1, 2)], [("t", "f8"), ("x", "i2"), ("y", "i2")])
    assert from_array(array, size=SIZE).t.tolist() == [0, 0, 1, 3]


def test_keys_that_are_not_there(tmp_path: Path) -> None:
    np.savez(tmp_path / "e.npz", **{f"a_{n}": c for n, c in COLUMNS.items()})  # type: ignore[arg-type]
    with pytest.raises(FileError, match=r"e.npz: found no b_\*, but a_p, a_t, a_x, a_y; choose another key"):
        read(tmp_path / "e.npz", size=SIZE, key="b")
    assert rows(read(tmp_path / "e.npz", size=SIZE, key="a_")) == EVENTS
    with h5py.File(tmp_path / "e.h5", "w") as file:
        file.create_group("camera")
    with pytest.raises(FileError, match="e.h5: found no left, but camera; choose another key"):
        read(tmp_path / "e.h5", size=SIZE, key="left")
    with pytest.raises(InputError, match=r"e.npz: arrays do not say how large the sensor is; give size=\(width, height\)"):
        read(tmp_path / "e.npz", key="a")


def test_real_npz() -> None:
    path = folder("nmnist", "nmnist_small_us.npz")
    with np.load(path) as arrays:
        offsets = arrays["test_offsets"]
    for sample in (0, 99):
        recording = read(path, key="test", sample=sample, size=(34, 34))
        assert (len(recording), recording.found) == (offsets[sample + 1] - offsets[sample], Found())
        assert recording.x.max() < 34 and recording.t[-1] > 290_000


def test_real_objects() -> None:
    recording = read(folder("dvs128_objects", "session_B.npz"), key="cutter_2", size=(128, 128))
    assert (len(recording), recording.t[-1], recording.found) == (408_860, 34_973_655, Found())


def test_real_excerpts_of_dvs_gesture() -> None:
    path = folder("dvsgesture", "dvsgesture_right_hand_wave.npz")
    a, b = read(path, key="a", size=(60, 60), tick=16_600), read(path, key="b", size=(32, 24), tick=16_600)
    assert (len(a), a.t[-1], len(b), b.t[-1]) == (29_186, 179 * 16_600, 28_266, 299 * 16_600)
    assert set(a.p.tolist()) == {1}
