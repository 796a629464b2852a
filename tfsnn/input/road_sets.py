"""Data sets of generated drives by name: nothing to download.

=============  ========  ===============================================  ==================================
name           frames    train                                            test
=============  ========  ===============================================  ==================================
road           66x200    30 drives of 100 frames, 2 a second              4 other drives of 150, 10 a second
road_small     33x100    20 drives of 60 frames, 2 a second               2 other drives of 100, 10 a second
road_halts     33x100    as of road_small                                 another one of 600, 30 a second, noise of
                                                                          a sensor; the car halts twice
=============  ========  ===============================================  ==================================

Training frames lie half a second apart, so that few show much of the road; test frames are a video.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tfsnn.aliases import Integers
from tfsnn.errors import InputError
from tfsnn.input.road import Drive, Halts, Scene, driven


class Part(NamedTuple):
    """Seed of the first drive (the others follow), how many, frames of each, frames a second, and when the car stands."""

    seed: int
    drives: int
    frames: int
    rate: float
    halts: Halts = ()


SCENES = {"road": Scene(66, 200), "road_small": Scene(33, 100), "road_halts": Scene(33, 100, noise=1.0)}
PARTS = {
    "road": {"train": Part(0, 30, 100, 2.0), "test": Part(1000, 4, 150, 10.0)},
    "road_small": {"train": Part(0, 20, 60, 2.0), "test": Part(1000, 2, 100, 10.0)},
    "road_halts": {"train": Part(0, 20, 60, 2.0), "test": Part(1002, 1, 600, 30.0, ((5.0, 9.0), (14.0, 17.0)))},
}


def read_road(name: str, split: str) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Frames uint8 (n, height, width, 3), and the steering of each, float32 (n), in half turns.

    Parameters
    ----------
    name
        One of :data:`SCENES`.
    split
        ``"train"`` or ``"test"``.
    """
    part = _part(name, split)
    drives = (Drive(part.seed + drive, SCENES[name]) for drive in range(part.drives))
    pairs = [pair for drive in drives for pair in drive.frames(part.rate, part.frames, halts=part.halts)]
    frames, steering = zip(*pairs)
    return np.stack(frames), np.array(steering, np.float32)


def drives_at(
    name: str, split: str, count: int, rate: float, frames: int, *, noise: float = 0.0
) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.float32]]]:
    """Drives of a split at another frame rate: frames uint8 (frames, height, width, 3) and steering float32 (frames) of each.

    Parameters
    ----------
    name, split
        As of :func:`read_road`.
    count
        How many drives, the first ones of the split.
    rate, frames
        Frames a second, and how many of each drive.
    noise
        Of the sensor: standard deviation in levels.
    """
    part, scene = _part(name, split), replace(SCENES[name], noise=noise)
    for drive in range(min(count, part.drives)):
        found, steering = zip(*Drive(part.seed + drive, scene).frames(rate, frames, halts=part.halts))
        yield np.stack(found), np.array(steering, np.float32)


def steering_range(name: str, split: str) -> float:
    """From the least to the greatest steering of a split, in half turns; parameters as of :func:`read_road`."""
    part = _part(name, split)
    times = [driven(number / part.rate, part.halts) for number in range(part.frames)]
    found = [Drive(part.seed + drive, SCENES[name]).steering(t) for drive in range(part.drives) for t in times]
    return float(np.ptp(found))


def road_starts(name: str, split: str) -> Integers:
    """int64 (drives): the number of the frame that each drive begins with; parameters as of :func:`read_road`."""
    part = _part(name, split)
    return np.arange(part.drives, dtype=np.int64) * part.frames


def _part(name: str, split: str) -> Part:
    if split not in PARTS[name]:
        raise InputError(f"data set {name}: has no {split} split; there are train and test")
    return PARTS[name][split]
