"""Folders of images by class: classes as Keras numbers them, splits, channels as stored, and what cannot be read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tfsnn import memory
from tfsnn.errors import BudgetError, InputError
from tfsnn.input.datasets import load
from tfsnn.input.image_folder import is_image_folder
from tfsnn.input.video import is_video

cv2 = pytest.importorskip("cv2")
COLOURED = np.random.default_rng(0).integers(0, 256, (6, 4, 5, 3)).astype(np.uint8)


def folder(path: Path, images: NDArray[np.uint8] = COLOURED, names: tuple[str, ...] = ("dog", "ant", "cat")) -> Path:
    """Two images a class; image i is of class names[i % 3]."""
    for i, image in enumerate(images):
        place = path / names[i % len(names)]
        place.mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(place / f"{i}.png"), image[..., ::-1])
    return path


def test_classes_are_numbered_as_keras_numbers_them(tmp_path: Path) -> None:
    import keras

    path = folder(tmp_path / "pets")
    (path / ".hidden").mkdir()
    (path / "ant" / "notes.txt").write_text("no image")
    data = load(path)
    x, y = data.test
    assert data.name == str(path) and x.dtype == np.uint8 and y.tolist() == [0, 0, 1, 1, 2, 2]
    np.testing.assert_array_equal(x, COLOURED[[1, 4, 2, 5, 0, 3]])
    np.testing.assert_array_equal(data.train.x, x)
    found = keras.utils.image_dataset_from_directory(path, image_size=(4, 5), batch_size=6, shuffle=False, verbose=False)
    theirs, labels = next(iter(found))
    np.testing.assert_array_equal(theirs.numpy(), x)
    assert labels.numpy().tolist() == y.tolist()


def test_splits_and_channels_as_stored(tmp_path: Path) -> None:
    folder(tmp_path / "train", COLOURED[:3])
    folder(tmp_path / "val", COLOURED[3:])
    data = load(tmp_path)
    assert len(data.train.x) == len(data.validation.x) == 3
    with pytest.raises(InputError, match="holds no test split, only train, val; add a folder test with a folder for each class"):
        data.test
    grey = folder(tmp_path / "grey", COLOURED[..., :1])
    np.testing.assert_array_equal(np.sort(load(grey).test.x, axis=0), np.sort(COLOURED[..., :1], axis=0))


def test_folders_of_images_by_class_are_no_videos(tmp_path: Path) -> None:
    by_class = folder(tmp_path / "pets")
    assert is_image_folder(by_class) and not is_video(str(by_class))
    assert not is_image_folder(by_class / "ant") and is_video(str(by_class / "ant"))
    assert is_image_folder(tmp_path) and not is_image_folder(by_class / "ant" / "1.png") and not is_image_folder(tmp_path / "none")


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    path = folder(tmp_path / "pets")
    cv2.imwrite(str(path / "cat" / "x.png"), np.zeros((3, 3, 3), np.uint8))
    with pytest.raises(InputError, match=r"x.png: is uint8 of shape \(3, 3, 3\), 1.png is uint8 of shape \(4, 5, 3\); bring all images to"):
        load(path).train
    (path / "cat" / "x.png").write_bytes(b"no image")
    with pytest.raises(InputError, match="x.png: is no image that OpenCV can read; remove or replace it"):
        load(path).train
    (path / "cat" / "x.png").unlink()
    (path / "cat" / "x.png").mkdir()
    with pytest.raises(InputError, match=r"x.png: cannot be read \(Is a directory\); check the permissions"):
        load(path).train


def test_what_does_not_fit_into_memory_is_refused_before_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder(tmp_path / "pets")
    monkeypatch.setenv("TFSNN_MEMORY", "300")
    monkeypatch.setattr(memory, "_UNIMPORTANT", 0)
    with pytest.raises(BudgetError, match=r"pets: 6 images of shape \(4, 5, 3\)"):
        load(path).train
