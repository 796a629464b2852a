"""Small data and a small recipe for the tests of training: four kinds of bars that a network learns in seconds."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tfsnn.input.dataset import Split
from tfsnn.train.recipes import Augmentation, Network, Recipe, Steering

SHAPE = (8, 6, 1)
AUGMENTATION = Augmentation(rotation=5, shift=0.5, zoom=0.05, shear=0.05, elastic=0.3, brightness=0.1)


def bars(count: int, seed: int) -> Split:
    """Bright bars on dim noise: class 0 and 1 stand in the left and right half, 2 and 3 lie in the upper and lower half."""
    random = np.random.default_rng(seed)
    x = random.integers(0, 40, (count, *SHAPE), dtype=np.uint8)
    y = random.integers(0, 4, count)
    for image, kind in zip(x, y):
        place = random.integers(0, SHAPE[1 - kind // 2] // 2) + kind % 2 * (SHAPE[1 - kind // 2] // 2)
        image[(slice(None), place) if kind < 2 else place] = random.integers(120, 256)
    return Split(x, y)


def write_bars(path: Path) -> Path:
    """An .npz file of 160 training and 40 test images."""
    train, test = bars(160, 0), bars(40, 1)
    np.savez(path, train_x=train.x, train_y=train.y, test_x=test.x, test_y=test.y)
    return path


def recipe(path: Path | str) -> Recipe:
    """A recipe for :func:`write_bars` with a little of everything."""
    return Recipe(
        name="bars",
        dataset=str(path),
        network=Network(filters=(3,), kernel=3, hidden=8, dropout=0.1),
        epochs=2,
        augmentation=AUGMENTATION,
        batch=16,
        validation=40,
        learning_rate=0.01,
        averaging=0.9,
        sparsity=0.1,
        silenced=0.5,
    )


def drives(count: int, seed: int) -> Split:
    """A bright column on dim noise, and how far it lies from the middle, from -0.5 to 0.5."""
    random = np.random.default_rng(seed)
    x = random.integers(0, 40, (count, 9, 11, 3), dtype=np.uint8)
    at = random.integers(0, 11, count)
    x[np.arange(count), :, at] = 200
    return Split(x, ((at - 5) / 10).astype(np.float32))


def steering_recipe(path: Path | str) -> Recipe:
    """A recipe for :func:`drives`."""
    network = Steering((4, 6), (3, 3), (2, 1), (8,))
    return Recipe("drives", str(path), network, epochs=2, batch=16, validation=0.25, learning_rate=0.01, averaging=0.9, threshold=0.1)


def write_drives(path: Path) -> Path:
    """An .npz file of 120 training and 40 test frames."""
    train, test = drives(120, 0), drives(40, 1)
    np.savez(path, train_x=train.x, train_y=train.y, test_x=test.x, test_y=test.y)
    return path
