"""Prefixes are beginnings of the event stream, and what is taken back is counted as the formula says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.train_parts import bars
from tfsnn.errors import InputError
from tfsnn.input.encoder import Encoder
from tfsnn.train.arrivals import NO_EVENT, prefixes, taken_back, time_table

ENCODERS = [Encoder("delay"), Encoder("delay", threshold=0.5), Encoder("delay", bins=3), Encoder("delay", bins=1)]


def begun(raw: Any, encoder: Encoder, count: int, seed: int = 1) -> Any:
    """(count, images, pixels)"""
    times = time_table(encoder, 256)[raw]
    return prefixes(encoder.frames(raw), times, count, [seed, 5]).numpy().reshape(count, len(raw), -1)


@pytest.mark.parametrize("encoder", ENCODERS)
def test_times_are_those_of_the_encoder(encoder: Encoder) -> None:
    table = time_table(encoder, 256)
    stream = encoder.events(np.arange(256)[None])
    assert table.shape == (256,) and 0 < len(stream.t) < 256
    np.testing.assert_array_equal(table[stream.neuron], stream.t)
    np.testing.assert_array_equal(np.sort(np.flatnonzero(table < NO_EVENT)), np.sort(stream.neuron))


@pytest.mark.parametrize("kind", ["graded", "delta"])
def test_frames_that_come_at_once_have_no_prefix(kind: str) -> None:
    with pytest.raises(InputError, match=f"prefixes of images of encoder kind '{kind}'; they need kind 'delay': set prefixes to 0"):
        time_table(Encoder(kind), 256)


@pytest.mark.parametrize("encoder", ENCODERS)
def test_prefixes_begin_the_stream(encoder: Encoder) -> None:
    raw = bars(20, 3).x
    stream, parts = encoder.events(raw), begun(raw, encoder, 3)
    for image, (first, last) in enumerate(zip(stream.offsets, stream.offsets[1:])):
        order = stream.neuron[first:last]
        lengths = [int(part[image].sum()) for part in parts]
        assert min(1, len(order)) <= lengths[0] <= lengths[1] <= lengths[2] <= len(order)
        for part, length in zip(parts, lengths):
            np.testing.assert_array_equal(np.flatnonzero(part[image]), np.sort(order[:length]))


def test_ends_are_drawn_uniformly() -> None:
    raw = np.zeros((3000, 2, 3, 1), np.uint8)
    raw[:, :, :2] = [[[100], [200]], [[200], [255]]]
    lengths = begun(raw, Encoder("delay"), 1)[0].sum(1)
    np.testing.assert_allclose(np.bincount(lengths.astype(int), minlength=5) / 3000, [0, 0.25, 0.25, 0.25, 0.25], atol=0.04)


def test_same_seed_same_prefixes() -> None:
    raw = bars(20, 3).x
    first, again, other = (begun(raw, Encoder("delay"), 2, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_an_image_without_events() -> None:
    assert not begun(np.zeros((2, 3, 3, 1), np.uint8), Encoder("delay"), 2).any()


def test_taken_back() -> None:
    rises, falls = [0.5, 0.5, 2.0, 3.0], [-0.5, -1.0, -1.5, -1.5]
    overshoots, returns, swings = [1.0, 4.0, 4.0, 3.0], [2.0, 3.0, 0.0, 0.0], [1.0, -1.0, 0.0, 2.0]
    *early, whole = np.array([rises, falls, overshoots, returns, swings], np.float32).T
    np.testing.assert_allclose(taken_back(early, whole), [0, 0, 2, 6, 4])
    np.testing.assert_allclose(taken_back(early[:1], whole), [0, 0, 0, 4, 0])
