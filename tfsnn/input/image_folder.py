"""A folder of images by class, as Keras' ``image_dataset_from_directory`` takes it: a folder for each class.

    FOLDER/CLASS/*.png                  serves as any split
    FOLDER/train|validation|test/CLASS/*.png    (``val`` is read as well)

Classes are numbered in the order of their names, as Keras numbers them.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tfsnn.aliases import Array
from tfsnn.errors import InputError
from tfsnn.input.framing import opencv
from tfsnn.memory import afford

ENDINGS = (".bmp", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")
SPLITS = {"train": ("train",), "validation": ("validation", "val"), "test": ("test",)}


def is_image_folder(path: Path) -> bool:
    """Whether a folder holds images by class: folders that hold some, at once or by split."""
    return path.is_dir() and any(_images(folder) for inner in _folders(path) for folder in (inner, *_folders(inner)))


def read_image_folder(path: Path, split: str) -> tuple[Array, NDArray[np.int64]]:
    """Images (n, height, width, channels) and class numbers (n) of a split.

    Parameters
    ----------
    path
        The folder.
    split
        ``"train"``, ``"validation"`` or ``"test"``; where the folder has no splits, all of it.

    Raises
    ------
    InputError
        If there is no such split, and for images that cannot be read, of different sizes, or more than memory may hold.
    """
    names = [folder.name for folder in _folders(path)]
    here = path
    if any(name in names for every in SPLITS.values() for name in every):
        found = [name for name in SPLITS[split] if name in names]
        if not found:
            raise InputError(f"{path}: holds no {split} split, only {', '.join(names)}; add a folder {split} with a folder for each class")
        here = path / found[0]
    classes = _folders(here)
    files = [(file, number) for number, folder in enumerate(classes) for file in _images(folder)]
    if not files:
        raise InputError(f"{here}: holds no images; expected a folder for each class, with images ({', '.join(ENDINGS)})")
    first = _image(files[0][0])
    afford(first.nbytes * len(files), f"{here}: {len(files)} images of shape {first.shape}", "make the images smaller, or take fewer")
    x: Array = np.empty((len(files), *first.shape), first.dtype)
    x[0] = first
    for row, (file, _) in zip(x[1:], files[1:]):
        image = _image(file)
        if image.shape != first.shape or image.dtype != first.dtype:
            kinds = f"{image.dtype} of shape {image.shape}, {files[0][0].name} is {first.dtype} of shape {first.shape}"
            raise InputError(f"{file}: is {kinds}; bring all images to the size and the channels of the network's input")
        row[:] = image
    return x, np.array([number for _, number in files], np.int64)


def _folders(path: Path) -> list[Path]:
    return [item for item in _visible(path) if item.is_dir()]


def _images(path: Path) -> list[Path]:
    return [item for item in _visible(path) if item.suffix.lower() in ENDINGS]


def _visible(path: Path) -> list[Path]:
    try:
        return sorted(item for item in path.iterdir() if not item.name.startswith("."))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error}); check the permissions") from error


def decoded(path: Path, flag: str) -> Array:
    """What OpenCV makes of an image file: blue in front, or (height, width).

    Parameters
    ----------
    path
        The file.
    flag
        What to make of colours: the name of one of OpenCV's flags, ``"IMREAD_COLOR"``.

    Raises
    ------
    InputError
        If it cannot be read, or is no image.
    """
    cv2 = opencv("reading an image")
    # Not imread, which cannot say why: it gives None for a missing file and for a damaged one.
    try:
        content = np.fromfile(path, np.uint8)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error}); check the permissions") from error
    image: Array | None = cv2.imdecode(content, getattr(cv2, flag)) if content.size else None
    if image is None:
        raise InputError(f"{path}: is no image that OpenCV can read; remove or replace it")
    return image


def _image(path: Path) -> Array:
    """(height, width, channels): grey, or red, green, blue and perhaps alpha, as stored."""
    image = decoded(path, "IMREAD_UNCHANGED")
    if image.ndim == 2:
        return np.asarray(image[:, :, None])
    # OpenCV keeps blue in front.
    return np.ascontiguousarray(image[:, :, [2, 1, 0, *range(3, image.shape[2])]])
