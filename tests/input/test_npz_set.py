"""Data sets in .npz files: what their arrays may be called, and one message for whatever is wrong with them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tfsnn.errors import InputError
from tfsnn.input.dataset import Ports
from tfsnn.input.datasets import load

X = np.arange(5 * 4 * 3 * 2, dtype=np.uint8).reshape(5, 4, 3, 2)
Y = np.array([0, 1, 2, 1, 0])
IMU = np.linspace(-1, 1, 15, dtype=np.float32).reshape(5, 3)
PORTS = Ports((("image", (4, 3, 2)), ("imu", (3,))), ("class", "angle"))


def npz(tmp_path: Path, **arrays: Any) -> Path:
    np.savez(tmp_path / "data.npz", **arrays)
    return tmp_path / "data.npz"


def test_splits_are_read_when_asked_for(tmp_path: Path) -> None:
    path = npz(tmp_path, train_x=X, train_y=Y, test_x=X[:2], test_y=Y[:2])
    data = load(path)
    assert data.name == str(path) and data.test.x.shape == (2, 4, 3, 2)
    path.unlink()
    assert data.test.y.tolist() == [0, 1]
    with pytest.raises(InputError, match=r"data.npz: array train_x cannot be read \(.*No such file"):
        data.train


def test_npz_without_names_serves_both_splits(tmp_path: Path) -> None:
    data = load(npz(tmp_path, x=X, y=Y.astype(np.uint8)))
    for split in (data.train, data.test):
        np.testing.assert_array_equal(split.x, X)
        np.testing.assert_array_equal(split.y, Y)
        assert split.y.dtype == np.int64


@pytest.mark.parametrize("names", [("x_validation", "y_validation"), ("x_val", "y_val"), ("validation_x", "validation_y")])
def test_validation_split(tmp_path: Path, names: tuple[str, str]) -> None:
    data = load(npz(tmp_path, **{names[0]: X[:3], names[1]: Y[:3]}, x=X, y=Y))
    assert len(data.validation.x) == 3 and len(data.train.x) == len(data.test.x) == 5
    with pytest.raises(InputError, match=f"holds {names[1]} without {names[0]}"):
        load(npz(tmp_path, **{names[1]: Y}, x=X, y=Y))


def test_no_validation_split(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds no validation split, only arrays x, y; add x_validation and y_validation$"):
        load(npz(tmp_path, x=X, y=Y)).validation
    for name in ("digits", "gesture_small"):
        with pytest.raises(InputError, match=f"data set {name}: has no validation split; there are train and test"):
            load(name).validation


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"test_y": Y}, "holds test_y without test_x; images and labels"),
        ({}, r"holds no test split, only arrays \(none\); add x_test and y_test, or x and y for both splits"),
        ({"train_x": X, "train_y": Y}, "holds no test split, only arrays train_x, train_y; add x_test and y_test"),
        ({"x": Y, "y": Y}, r"x is int64 of shape \(5,\); expected numbers of shape \(samples, height, width, channels\)"),
        ({"x": X[:0], "y": Y[:0]}, r"x is uint8 of shape \(0, 4, 3, 2\); expected numbers"),
        ({"x": X.astype(complex), "y": Y}, "x is complex128 of shape"),
        ({"x": X + np.nan, "y": Y}, "x holds NaN or infinity; replace them first"),
        ({"x": X, "y": Y[:4]}, r"y is int64 of shape \(4,\); expected class numbers \(5,\) or \(5, 1\), one-hot rows, or"),
        ({"x": X, "y": Y + np.nan}, "y holds NaN or infinity; leave these samples out"),
        ({"x": X, "y": Y.astype("U")}, r"y is <U\d+ of shape \(5,\); expected class numbers"),
        ({"x": X, "y": Y - 1}, "y goes from -1 to 1; classes are numbered from 0, and numbers to be met are floats"),
        ({"x": X.astype(object), "y": Y}, "array x cannot be read .*; it must be plain numbers, no objects, and whole"),
    ],
)
def test_npz_that_is_no_data_set(tmp_path: Path, arrays: dict[str, Any], message: str) -> None:
    path = npz(tmp_path, **arrays)
    with pytest.raises(InputError, match=f"data.npz: {message}"):
        load(path).test


def test_npz_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"missing.npz: cannot be read \(No such file or directory\); check the path"):
        load(tmp_path / "missing.npz")
    (tmp_path / "text.npz").write_text("no zip")
    with pytest.raises(InputError, match=r"text.npz: is no .npz file, or damaged \(.*\); write it with numpy.savez"):
        load(tmp_path / "text.npz")
    with open(tmp_path / "bare.npz", "wb") as file:
        np.save(file, X)
    with pytest.raises(InputError, match="bare.npz: is no .npz file, or damaged"):
        load(tmp_path / "bare.npz")


def test_npz_cut_or_changed_anywhere_gives_one_message(tmp_path: Path) -> None:
    content = npz(tmp_path, x=X, y=Y).read_bytes()
    damaged = tmp_path / "damaged.npz"
    for size in range(0, len(content), 97):
        damaged.write_bytes(content[:size])
        with pytest.raises(InputError, match="damaged.npz: "):
            load(damaged).test
    for place in range(0, len(content), 7):
        damaged.write_bytes(content[:place] + bytes([content[place] ^ 0x55]) + content[place + 1 :])
        try:
            load(damaged).test
        except InputError as error:
            assert str(error).startswith(str(damaged))


@pytest.mark.parametrize("names", [("x_train", "y_train", "x_test", "y_test"), ("train_x", "train_y", "test_x", "test_y")])
def test_names_of_the_splits(tmp_path: Path, names: tuple[str, ...]) -> None:
    found = load(npz(tmp_path, **dict(zip(names, (X, Y, X[:2], Y[:2])))))
    assert np.array_equal(found.train.x, X) and np.array_equal(found.test.y, Y[:2])


def test_images_alone(tmp_path: Path) -> None:
    assert load(npz(tmp_path, x=X)).train.y is None
    np.save(tmp_path / "images.npy", X)
    split = load(tmp_path / "images.npy").train
    assert split.y is None and np.array_equal(split.x, X)
    (tmp_path / "text.npy").write_text("no array")
    with pytest.raises(InputError, match="text.npy: cannot be read as an array"):
        load(tmp_path / "text.npy").train
    with pytest.raises(InputError, match="missing.npy: cannot be read as an array"):
        load(tmp_path / "missing.npy").train


def test_arrays_by_the_names_of_inputs_and_outputs(tmp_path: Path) -> None:
    both = load(npz(tmp_path, **{"image": X, "imu": IMU, "class": Y, "angle": IMU[:, :1], "other": Y}))
    for split in ("train", "test"):
        x, y = both.split(split, PORTS)
        assert list(x) == ["image", "imu"] and np.array_equal(x["image"], X) and np.array_equal(x["imu"], IMU)
        assert y["class"].tolist() == Y.tolist() and y["angle"].dtype == np.float32
    with pytest.raises(InputError, match="data.npz: holds no validation data for input image, imu, .*; add an array image_validation$"):
        both.split("validation", PORTS)
    apart = {"image_train": X, "train_imu": IMU, "image_test": X[:2], "imu_test": IMU[:2], "y_test": Y[:2]}
    one = load(npz(tmp_path, **apart))
    assert one.split("train", PORTS).y is None
    assert one.split("test", PORTS._replace(outputs=("class",))).y["class"].tolist() == [0, 1]


def test_one_input_and_several_outputs(tmp_path: Path) -> None:
    found = load(npz(tmp_path, x=X, angle=IMU)).split("test", Ports((("input", (4, 3, 2)),), ("class", "angle")))
    assert list(found.x) == ["input"] and list(found.y) == ["angle"]
    plain = load(npz(tmp_path, x=X, y=Y)).split("test", Ports((("input", (4, 3, 2)),), ("class",)))
    assert np.array_equal(plain.x, X) and plain.y.tolist() == Y.tolist()


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"image": X}, "holds no test data for input imu, only arrays image; add an array imu_test, or imu for both splits"),
        ({"image": X, "imu": IMU[:2]}, "holds 5 of image, 2 of imu; give each input as many samples"),
        ({"image": X, "imu": IMU * np.nan}, "imu holds NaN or infinity; replace them first"),
        ({"image": X, "imu": IMU, "class": Y[:3]}, r"class is int64 of shape \(3,\); expected class numbers \(5,\)"),
    ],
)
def test_what_is_wrong_with_arrays_by_name(tmp_path: Path, arrays: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=f"data.npz: {message}"):
        load(npz(tmp_path, **arrays)).split("test", PORTS)
