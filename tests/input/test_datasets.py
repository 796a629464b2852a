"""Data sets: what they hold, that splits are read apart and stay the same, and a message for everything that can be missing."""

from __future__ import annotations

import hashlib
import importlib
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.data_folder import folder
from tfsnn.errors import InputError
from tfsnn.input.datasets import _protobuf_mismatch, load
from tfsnn.input.encoder import Encoder

X = np.arange(5 * 4 * 3 * 2, dtype=np.uint8).reshape(5, 4, 3, 2)
Y = np.array([0, 1, 2, 1, 0])


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


def test_unknown_name() -> None:
    names = "digits, mnist, gesture, gesture_generated, gesture_small, nmnist, objects, objects_within, road, road_small, road_halts, "
    names += "tfds:NAME, keras:NAME, a folder of images by class"
    with pytest.raises(InputError, match=f"data set 'mnits' is unknown; choose {names} or of drives, or give an .npz file with"):
        load("mnits")


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
    with pytest.raises(InputError, match=r"^data set mnist: has no validation split; there are (test and train|train and test)$"):
        mnist.validation


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
