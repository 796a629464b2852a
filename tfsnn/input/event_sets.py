"""Data sets of event cameras by name: snapshots of a leaky population, each with the class of its recording.

=================  ====================================================================  ================
name               recordings                                                            frames
=================  ====================================================================  ================
gesture            DVS128 Gesture (:mod:`tfsnn.input.dvs_gesture`), split by person       64x64x2
gesture_generated  generated (:mod:`tfsnn.input.generated`), the sensor as large          64x64x2
gesture_small      generated; nothing to download                                        32x32x2
nmnist             N-MNIST (:mod:`tfsnn.input.nmnist`)                                    34x34x2
objects            two sessions of objects (:mod:`tfsnn.input.dvs_objects`)                32x32x2
objects_within     the first session, the last third of each recording for testing        32x32x2
=================  ====================================================================  ================

Snapshots of one recording are alike, so a validation split drawn from them flatters; test splits hold recordings of their own, but
for ``objects_within``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tfsnn.aliases import Array, Integers, PathLike
from tfsnn.errors import FileError, InputError
from tfsnn.input import dvs_gesture, dvs_objects, generated, nmnist
from tfsnn.input.recording import Recording
from tfsnn.input.snapshots import Leak, respond

LEAKS = {
    "gesture": Leak(),
    "gesture_generated": Leak(),
    "gesture_small": Leak(downsample=1),
    "nmnist": Leak(downsample=1),
    "objects": Leak(downsample=4),
    "objects_within": Leak(downsample=4),
}
"""The leaky population of each."""


class Generated(NamedTuple):
    """A generated data set: its camera, microseconds of a recording, and recordings of each class by split."""

    camera: generated.Camera
    duration: int
    recordings: dict[str, int]


GENERATED = {
    "gesture_generated": Generated(generated.Camera(width=128, height=128), 896_000, {"train": 24, "test": 4}),
    "gesture_small": Generated(generated.Camera(width=32, height=32, frame=8_000), 640_000, {"train": 30, "test": 10}),
}


def recordings(name: str, data_dir: PathLike | None, split: str) -> Iterator[tuple[int, Recording]]:
    """Class and events of every recording of a split.

    Parameters
    ----------
    name
        Of the data set, one of :data:`LEAKS`.
    data_dir
        Where its files are; those that are generated have none.
    split
        ``"train"`` or ``"test"``.
    """
    if name in GENERATED:
        yield from _generated(GENERATED[name], split)
        return
    if data_dir is None:
        raise InputError(f"data set {name}: its files are not downloaded for you; name the folder that holds them with --data-dir")
    if not Path(data_dir).exists():
        raise InputError(f"data set {name}: {data_dir} does not exist; name the folder that holds its files with --data-dir")
    if name == "gesture":
        yield from ((trial.label, trial.recording) for trial in dvs_gesture.trials(data_dir, split))
    elif name == "nmnist":
        yield from nmnist.digits(data_dir, split)
    else:
        yield from dvs_objects.recordings(data_dir, split, within=name == "objects_within")


def _generated(kind: Generated, split: str) -> Iterator[tuple[int, Recording]]:
    first = 0 if split == "train" else kind.recordings["train"]
    for number in range(first, first + kind.recordings[split]):
        for label in range(len(dvs_gesture.CLASSES)):
            yield label, generated.gesture(label, number * len(dvs_gesture.CLASSES) + label, kind.duration, kind.camera)


def snapshots(name: str, data_dir: PathLike | None, split: str) -> tuple[Array, Integers]:
    """Every snapshot of a split, whole (n, rows, columns, 2) in units of 1/256 event, and the classes.

    Parameters
    ----------
    name, data_dir, split
        As for :func:`recordings`.
    """
    frames, labels = [], []
    for label, recording in recordings(name, data_dir, split):
        seen = respond(LEAKS[name], recording).snapshots
        # Half the memory, wherever nothing is lost by it.
        frames.append(seen.astype(np.uint16) if seen.max(initial=0) < 1 << 16 else seen)
        labels += [label] * len(seen)
    if not labels:
        raise FileError(f"data set {name}: {data_dir}: found no events in the {split} split; download it again")
    return np.concatenate(frames), np.array(labels, np.int64)
