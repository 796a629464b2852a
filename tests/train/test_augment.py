"""Augmented images are seeded, and moved by what is asked; their frames are what the encoder makes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.train_parts import AUGMENTATION, bars
from tfsnn.errors import InputError
from tfsnn.input.encoder import Encoder
from tfsnn.train.augment import augment, encode, frame_table, sample
from tfsnn.train.recipes import Augmentation

ENCODERS = [
    Encoder("delay", scale=1 / 255),
    Encoder("delay", scale=1 / 255, threshold=0.5),
    Encoder("graded", scale=1 / 255),
    Encoder("graded", scale=1 / 255, step=0.25),
    Encoder("delta", scale=1 / 255, threshold=0.1, step=1 / 16),
]


def images(count: int = 6) -> Any:
    return bars(count, 3).x.astype(np.float32)


@pytest.mark.parametrize("encoder", ENCODERS)
def test_frames_are_those_of_the_encoder(encoder: Encoder) -> None:
    raw = np.arange(256, dtype=np.uint8).reshape(4, 8, 8, 1)
    np.testing.assert_array_equal(encode(raw.astype(np.float32), frame_table(encoder, raw)), encoder.frames(raw))


@pytest.mark.parametrize("encoder", ENCODERS)
def test_changed_images_are_rounded_to_raw_levels(encoder: Encoder) -> None:
    raw = np.array([[0, 255]], np.uint8)
    between = np.array([[[-3.0, 50.9, 51.4, 51.6, 127.2, 255.4, 300.0]]], np.float32)
    whole = np.clip(np.rint(between), 0, 255).astype(np.uint8)
    np.testing.assert_array_equal(encode(between, frame_table(encoder, raw)), encoder.frames(whole))


@pytest.mark.parametrize("raw", [np.ones((1, 2, 2, 1), np.float32), np.full((1, 2, 2, 1), -1), np.full((1, 2, 2, 1), 1 << 16)])
def test_raw_images_that_cannot_be_looked_up(raw: Any) -> None:
    with pytest.raises(InputError, match=f"train: images are {raw.dtype} from .*; expected whole numbers from 0 to 65535"):
        frame_table(Encoder("graded"), raw)


def test_same_seed_same_images() -> None:
    first, again, other = (augment(images(), [seed, 5], AUGMENTATION).numpy() for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 1
    assert first.shape == images().shape and first.dtype == np.float32


def test_nothing_asked_nothing_changed() -> None:
    assert augment(images(), [1, 1], Augmentation()) is not None
    np.testing.assert_array_equal(augment(images(), [1, 1], Augmentation()), images())


def test_brightness_only_scales() -> None:
    changed = augment(images(), [1, 1], Augmentation(brightness=0.3)).numpy()
    factors = changed.sum((1, 2, 3)) / images().sum((1, 2, 3))
    np.testing.assert_allclose(changed, images() * factors[:, None, None, None], rtol=1e-5)
    assert np.all(np.abs(np.log(factors)) <= 0.3) and len(set(factors.tolist())) == 6


@pytest.mark.parametrize(
    "settings", [Augmentation(rotation=10), Augmentation(zoom=0.2), Augmentation(shear=0.2), Augmentation(elastic=0.8)]
)
def test_deformations_keep_the_middle_and_bend_the_rest(settings: Augmentation) -> None:
    # Brightness is the column, so that a value tells where it was read.
    ramp = np.tile(np.arange(1, 22, dtype=np.float32)[None, None, :, None], (8, 21, 1, 1))
    changed = augment(ramp, [3, 1], settings).numpy()[:, 5:16, 5:16, 0]
    moved = np.abs(changed - ramp[:, 5:16, 5:16, 0])
    assert 0.1 < moved.max() < 2.5
    if not settings.elastic:
        assert moved[:, 5, 5].max() < 1e-4


def test_sample_shifts_by_whole_and_half_pixels() -> None:
    random = np.random.default_rng(0)
    x = random.integers(0, 256, (2, 5, 4, 3)).astype(np.float32)
    row, column = (np.broadcast_to(grid, (2, 5, 4)).astype(np.float32) for grid in np.mgrid[:5, :4])
    np.testing.assert_array_equal(sample(x, row, column), x)
    down = np.zeros_like(x)
    down[:, :-1] = x[:, 1:]
    np.testing.assert_array_equal(sample(x, row + 1, column), down)
    right = np.zeros_like(x)
    right[:, :, 1:] = x[:, :, :-1]
    np.testing.assert_array_equal(sample(x, row, column - 1), right)
    np.testing.assert_allclose(sample(x, row + 0.5, column), (x + down) / 2)
    np.testing.assert_array_equal(sample(x, row + 50, column - 50), np.zeros_like(x))
