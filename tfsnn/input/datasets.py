"""Data sets by name, and from .npz files: raw images, labels, and the encoder that suits them.

A data set is described at once and read when a split is asked for, so that evaluating needs the test images alone and
calibrating the training images alone. Images come raw (n, height, width, channels); an :class:`Encoder` turns them into
frames or events.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfsnn.aliases import PathLike
from tfsnn.errors import InputError, shown
from tfsnn.input import event_sets
from tfsnn.input.dataset import Dataset, Split
from tfsnn.input.driving import framing_of, is_driving_folder, read_drives, starts_of
from tfsnn.input.encoder import Dvs, Encoder
from tfsnn.input.framing import Framing
from tfsnn.input.image_folder import is_image_folder, read_image_folder
from tfsnn.input.npz import DAMAGE
from tfsnn.input.npz_set import PAIRS, npy_set, npz_set
from tfsnn.input.road_sets import SCENES, read_road, road_starts
from tfsnn.input.targets import targets

NAMES = f"digits, mnist, {', '.join((*event_sets.LEAKS, *SCENES))}"
STEP = 0.02
"""The least change of a pixel, as a share of white, that is sent of a drive: 5 levels of 255, above the noise of a camera."""


def load(name: PathLike, data_dir: PathLike | None = None) -> Dataset:
    """A data set by name, or from an .npz file.

    Parameters
    ----------
    name
        ``"digits"``: the 1,797 real 8x8 digits that scikit-learn ships, raw 0 to 16; of each class the same share is test.
        ``"mnist"``: 60,000 + 10,000 images by tensorflow-datasets, raw 0 to 255. Or the path of an .npz file with arrays x and y,
        which serve as either split, or with x_train, y_train, x_test, y_test (train_x and so on are read as well); without
        labels it serves for calibration; for several inputs or outputs with an array for each, by their names, alone or with the
        split (image_train). An .npy file of images alone does, too. ``"tfds:NAME"``: any image classification of
        tensorflow-datasets; ``"keras:NAME"``: one of ``keras.datasets``. A folder of images by class, as of
        :mod:`tfsnn.input.image_folder`, or of drives, as of :mod:`tfsnn.input.driving`. Or one of :mod:`tfsnn.input.event_sets` and
        :mod:`tfsnn.input.road_sets`.
    data_dir
        Where tensorflow-datasets keeps its data, or where the files of an event camera are; by default TFDS_DATA_DIR, or else the
        default of tensorflow-datasets.

    Raises
    ------
    InputError
        For an unknown name, when the data cannot be had, and for arrays that make no data set.

    Examples
    --------
    >>> digits = load("digits")
    >>> digits.train.x.shape, digits.test.x.shape, digits.test.x.dtype
    ((1297, 8, 8, 1), (500, 8, 8, 1), dtype('uint8'))
    """
    # The path of no name is the folder at hand.
    if name == "":
        raise InputError("data set: an empty name; give the name of a data set, a file or a folder")
    if os.fspath(name).endswith(".npz"):
        return npz_set(Path(name))
    if os.fspath(name).endswith(".npy"):
        return npy_set(Path(name))
    if os.fspath(name).startswith("keras:"):
        module = os.fspath(name).removeprefix("keras:")
        return Dataset(module, Encoder("delay", scale=1 / 255), partial(_read_keras, module))
    if name == "digits":
        # At the papers' 0.2, strokes of so few pixels run together: 3 % fewer validation images are recognized than at 0.4.
        return Dataset("digits", Encoder("delay", scale=1 / 16, threshold=0.4, bins=4), _read_digits)
    if name in event_sets.LEAKS:
        name = os.fspath(name)
        return Dataset(name, Dvs(**asdict(event_sets.LEAKS[name])), partial(_read_snapshots, name, data_dir))
    if name in SCENES:
        known = os.fspath(name)
        encoder = Encoder("delta", scale=1 / 255, threshold=STEP)
        framing = Framing(SCENES[known].size)
        return Dataset(known, encoder, partial(_read_road, known), framing=framing, starts=partial(road_starts, known))
    if is_driving_folder(Path(name)):
        folder = Path(name)
        encoder = Encoder("delta", scale=1 / 255, threshold=STEP)
        framing = framing_of(folder)
        return Dataset(str(folder), encoder, partial(_read_drives, folder), framing=framing, starts=partial(starts_of, folder))
    if name == "mnist":
        return Dataset("mnist", Encoder("delay", scale=1 / 255, bins=8), partial(_read_tfds, "mnist", data_dir))
    if os.fspath(name).startswith("tfds:"):
        builder = os.fspath(name).removeprefix("tfds:")
        return Dataset(builder, Encoder("delay", scale=1 / 255), partial(_read_tfds, builder, data_dir))
    if is_image_folder(Path(name)):
        return Dataset(os.fspath(name), Encoder("delay", scale=1 / 255), partial(_read_folder, Path(name)))
    files = "a folder of images by class or of drives, or give an .npz file with arrays x and y"
    raise InputError(f"data set {os.fspath(name)!r} is unknown; choose {NAMES}, tfds:NAME, keras:NAME, {files}")


def _check_split(name: str, split: str, known: Iterable[str] = ("train", "test")) -> None:
    if split not in known:
        raise InputError(f"data set {name}: has no {split} split; there are {' and '.join(known)}")


def _read_snapshots(name: str, data_dir: PathLike | None, split: str) -> Split:
    _check_split(name, split)
    return Split(*event_sets.snapshots(name, data_dir or os.environ.get("TFDS_DATA_DIR"), split))


def _read_road(name: str, split: str) -> Split:
    return Split(*read_road(name, split))


def _read_drives(path: Path, split: str) -> Split:
    found = read_drives(path, split)
    return Split(found.x, found.y)


def _read_digits(split: str) -> Split:
    _check_split("digits", split)
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise InputError(f"data set digits: scikit-learn ships it and {_why_not(error)}; pip install --upgrade scikit-learn") from error
    digits = load_digits()
    x, y = digits.images.astype(np.uint8)[..., None], digits.target.astype(np.int64)
    chosen = np.sort(_shuffled_evenly(y)[:500] if split == "test" else _shuffled_evenly(y)[500:])
    return Split(x[chosen], y[chosen])


def _shuffled_evenly(y: NDArray[np.int64]) -> NDArray[np.intp]:
    # The numbers of the legacy generator are promised never to change, so the split is the same with every NumPy.
    order = np.random.RandomState(0).permutation(len(y))
    place = np.empty(len(y))
    for label in np.unique(y):
        members = order[y[order] == label]
        place[members] = (np.arange(len(members)) + 0.5) / len(members)
    return np.argsort(place, kind="stable")


def _read_tfds(name: str, data_dir: PathLike | None, split: str) -> Split:
    # tensorflow-datasets reads the variable when it is imported, and never again.
    data_dir = data_dir or os.environ.get("TFDS_DATA_DIR")
    if data_dir is not None and not Path(data_dir).is_dir():
        raise InputError(
            f"data set {name}: {os.fspath(data_dir)} is no directory; make it, or name the one that tensorflow-datasets keeps its data in"
        )
    tf, tfds = _packages(name)
    failures = (OSError, ValueError, RuntimeError, AssertionError, tf.errors.OpError, tfds.download.DownloadError)
    try:
        builder = tfds.builder(name, data_dir=data_dir)
        if not builder.is_prepared():
            _reach("https://storage.googleapis.com")
            builder.download_and_prepare()
        _check_split(name, split, builder.info.splits)
        arrays = tfds.as_numpy(builder.as_dataset(split=split, batch_size=-1))
    except InputError:
        # One of ours, such as a split that there is not, is a ValueError as well.
        raise
    except failures as error:
        where = "~/tensorflow_datasets" if data_dir is None else os.fspath(data_dir)
        reason = " ".join(str(error).split())[:200]
        raise InputError(
            f"data set {name}: not to be had in {where} ({type(error).__name__}: {reason}); "
            f"name the directory that holds {name}/ with --data-dir or TFDS_DATA_DIR, or connect to the internet for a download"
        ) from error
    if not isinstance(arrays, dict) or not {"image", "label"} <= set(arrays) or not isinstance(arrays["image"], np.ndarray):
        found = ", ".join(arrays) if isinstance(arrays, dict) else type(arrays).__name__
        raise InputError(f"data set {name}: holds {found}; expected image and label, images of one size: choose another")
    return Split(arrays["image"], targets(arrays["label"], len(arrays["image"]), f"data set {name}: label"))


def _read_keras(name: str, split: str) -> Split:
    _check_split(f"keras:{name}", split)
    import keras

    module: Any = getattr(keras.datasets, name, None) if name.isidentifier() else None
    if module is None or not hasattr(module, "load_data"):
        known = ", ".join(sorted(known for known in dir(keras.datasets) if not known.startswith("_")))
        raise InputError(f"data set keras:{shown(name)} is unknown; keras.datasets has {known}")
    try:
        parts = module.load_data()
    except (OSError, ValueError, *DAMAGE) as error:
        raise InputError(
            f"data set keras:{name}: not to be had ({type(error).__name__}: {' '.join(str(error).split())[:200]}); "
            "connect to the internet for a download, or give an .npz file with arrays x and y"
        ) from error
    x, y = parts[0 if split == "train" else 1]
    if x.dtype.kind not in "iuf":
        raise InputError(f"data set keras:{name}: holds {x.dtype}, no images or numbers of one shape; choose another")
    # Keras' digits come without a channel.
    return Split(x[..., None] if x.ndim == 3 else x, targets(y, len(x), f"data set keras:{name}: labels"))


def _read_folder(path: Path, split: str) -> Split:
    _check_split(str(path), split, PAIRS)
    return Split(*read_image_folder(path, split))


def _packages(name: str) -> tuple[Any, Any]:
    """TensorFlow and tensorflow-datasets, imported to the last part that reading a data set needs."""
    try:
        import tensorflow as tf
        import tensorflow_datasets as tfds

        # Imported late by tensorflow-datasets, and generated by a protobuf that the installed one may be too old for.
        importlib.import_module("tensorflow_metadata.proto.v0.schema_pb2")
    except (ImportError, AttributeError, TypeError, _protobuf_mismatch()) as error:
        way_out = "pip install --upgrade tensorflow tensorflow-datasets importlib_resources protobuf"
        raise InputError(f"data set {name}: tensorflow-datasets {_why_not(error)}; {way_out}") from error
    return tf, tfds


def _protobuf_mismatch() -> type[Exception]:
    try:
        mismatch: type[Exception] = importlib.import_module("google.protobuf.runtime_version").VersionError
    except (ImportError, AttributeError):
        return ImportError
    return mismatch


def _why_not(error: Exception) -> str:
    if isinstance(error, ModuleNotFoundError):
        return f"is not installed, or not as a whole (no module {error.name})"
    return f"cannot be imported ({type(error).__name__}: {' '.join(str(error).split())[:200]})"


def _reach(url: str) -> None:
    # Without a network, tensorflow-datasets retries for minutes and leaves half-made directories behind.
    import requests

    requests.head(url, timeout=10)
