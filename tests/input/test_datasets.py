"""Data sets: what they hold, that splits are read apart and stay the same, and a message for everything that can be missing."""

from __future__ import annotations

import hashlib
import importlib
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.data_folder import folder
from tfsnn.errors import InputError
from tfsnn.input.datasets import _protobuf_mismatch, load
from tfsnn.input.encoder import Encoder

X = np.arange(5 * 4 * 3 * 2, dtype=np.uint8).reshape(5, 4, 3, 2)
Y = np.array([0, 1, 2, 1, 0])


def npz(tmp_path: Path, **arrays: Any) -> Path:
    np.savez(tmp_path / "data.npz", **arrays)
    return tmp_path / "data.npz"


def test_digits() -> None:
    digits = load("digits")
    (x, y), test = digits.train, digits.test
    assert (x.shape, test.x.shape) == ((1297, 8, 8, 1), (500, 8, 8, 1))
    assert x.dtype == test.x.dtype == np.uint8 and y.dtype == test.y.dtype == np.int64
    assert x.max() == 16 and digits.encoder == Encoder("delay", scale=1 / 16, threshold=0.4, bins=4)


def test_digits_split_is_even_whole_and_always_the_same() -> None:
    from sklearn.datasets import load_digits

    digits, whole = load("digits"), load_digits()
    share = np.bincount(whole.target) * 500 / len(whole.target)
    assert np.all(np.abs(np.bincount(digits.test.y) - share) <= 1)
    both = sorted(image.tobytes() for split in (digits.train, digits.test) for image in split.x)
    assert both == sorted(image.astype(np.uint8).tobytes() for image in whole.images)
    assert hashlib.sha256(digits.test.y.tobytes()).hexdigest() == "608e9fdd3b3f068a47156d2a1499bab07ce3c81885a5491f6f0b77085bbbf9c5"


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


def test_unknown_name() -> None:
    names = "digits, mnist, gesture, gesture_small, nmnist, tfds:NAME, keras:NAME, a folder of images by class"
    with pytest.raises(InputError, match=f"data set 'mnits' is unknown; choose {names}, or give an .npz file with arrays x and y"):
        load("mnits")


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


@pytest.mark.parametrize(("name", "package"), [("digits", "sklearn"), ("mnist", "tensorflow_datasets")])
def test_package_that_is_not_installed(monkeypatch: pytest.MonkeyPatch, name: str, package: str) -> None:
    for module in [module for module in sys.modules if module.split(".")[0] == package]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(InputError, match=rf"data set {name}: .* is not installed, or not as a whole \(no module {package}.*\); pip"):
        load(name).test


ERRORS = [AttributeError("no GetMessages"), ImportError("cannot import\nruntime_version"), TypeError("descriptors")]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_a_package_that_cannot_be_imported_is_one_line(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    generated = "tensorflow_metadata.proto.v0.schema_pb2"
    # As a whole first, so that none of it stays half imported behind this test.
    for module in ("tensorflow_datasets", generated):
        importlib.import_module(module)

    class Broken:
        @staticmethod
        def find_spec(name: str, path: object = None, target: object = None) -> None:
            if name == generated:
                raise error

    monkeypatch.delitem(sys.modules, generated)
    monkeypatch.setattr(sys, "meta_path", [Broken, *sys.meta_path])
    reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
    message = rf"^data set mnist: tensorflow-datasets cannot be imported \({reason}\); pip install --upgrade [^\n]*$"
    with pytest.raises(InputError, match=message):
        load("mnist").test


def test_what_protobuf_says_of_generated_code_that_is_too_new_is_expected_too() -> None:
    assert _protobuf_mismatch().__module__ == "google.protobuf.runtime_version"


def test_data_dir_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="data set mnist: .*nowhere is no directory; make it, or name the one"):
        load("mnist", tmp_path / "nowhere").test


def test_data_dir_without_the_data_and_no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(url: str) -> None:
        raise ConnectionError(f"no route\nto {url}")

    monkeypatch.setattr("tfsnn.input.datasets._reach", offline)
    message = r"data set mnist: not to be had in .* \(ConnectionError: no route to https.*\); name the directory that holds mnist/ with"
    with pytest.raises(InputError, match=message):
        load("mnist", tmp_path).test
    assert list(tmp_path.iterdir()) == []


def test_damaged_tfds(tmp_path: Path) -> None:
    source = folder("tfds", "mnist")
    for path in source.rglob("*.*"):
        if path.is_file():
            place = tmp_path / path.relative_to(source.parent)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(InputError, match=r"data set mnist: not to be had in .* \(DataLossError: "):
        load("mnist", tmp_path).test


def test_mnist(monkeypatch: pytest.MonkeyPatch) -> None:
    place = folder("tfds", "mnist").parent
    by_argument = load("mnist", place).test
    monkeypatch.setenv("TFDS_DATA_DIR", str(place))
    mnist = load("mnist")
    assert mnist.encoder == Encoder("delay", scale=1 / 255, threshold=0.2, bins=8)
    assert mnist.test.x.shape == (10_000, 28, 28, 1) and mnist.test.x.dtype == np.uint8 and mnist.test.y.dtype == np.int64
    assert np.bincount(mnist.test.y).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    np.testing.assert_array_equal(by_argument.x, mnist.test.x)


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


def test_data_sets_of_keras(monkeypatch: pytest.MonkeyPatch) -> None:
    import keras

    parts = (X[..., 0], Y[:, None]), (X[:2], Y[:2, None])
    monkeypatch.setattr(keras.datasets.mnist, "load_data", lambda: parts)
    data = load("keras:mnist")
    assert data.name == "mnist" and data.train.x.shape == (5, 4, 3, 1) and data.test.x.shape == (2, 4, 3, 2)
    assert data.train.y.tolist() == Y.tolist() and data.train.y.dtype == np.int64
    with pytest.raises(InputError, match="data set keras:mnist: has no validation split; there are train and test"):
        data.validation

    def failing() -> None:
        raise OSError("no network")

    monkeypatch.setattr(keras.datasets.mnist, "load_data", failing)
    with pytest.raises(InputError, match=r"keras:mnist: not to be had \(OSError: no network\); connect to the internet"):
        load("keras:mnist").train
    with pytest.raises(InputError, match="data set keras:'nothing' is unknown; keras.datasets has .*mnist"):
        load("keras:nothing").train
    monkeypatch.setattr(keras.datasets.imdb, "load_data", lambda: ((np.array([[1], [2, 3]], object), Y[:2]),) * 2)
    with pytest.raises(InputError, match="keras:imdb: holds object, no images or numbers of one shape"):
        load("keras:imdb").test
