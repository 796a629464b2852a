"""Data sets of event cameras by name: snapshots of a leaky population, each with the class of its recording.

=================  ====================================================================  ================
name               recordings                                                            frames
=================  ====================================================================  ================
gesture            DVS128 Gesture (:mod:`tfsnn.input.dvs_gesture`), split by person       64x64x2
gesture_small      generated (:mod:`tfsnn.input.generated`); nothing to download          32x32x2
nmnist             N-MNIST (:mod:`tfsnn.input.nmnist`)                                    34x34x2
=================  ====================================================================  ================

Snapshots of one recording are alike, so a validation split drawn from them flatters; test splits hold recordings of their own.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tfsnn.aliases import Array, Integers, PathLike
from tfsnn.errors import FileError, InputError
from tfsnn.input import dvs_gesture, generated, nmnist
from tfsnn.input.recording import Recording
from tfsnn.input.snapshots import Leak, respond

LEAKS = {
    "gesture": Leak(),
    "gesture_small": Leak(downsample=1),
    "nmnist": Leak(downsample=1),
}
"""The leaky population of each."""

GENERATED = {"train": 30, "test": 10}
"""Recordings of each class."""
_CAMERA = generated.Camera(width=32, height=32, frame=8_000)


def recordings(name: str, data_dir: PathLike | None, split: str) -> Iterator[tuple[int, Recording]]:
    """Class and events of every recording of a split.

    Parameters
    ----------
    name
        Of the data set, one of :data:`LEAKS`.
    data_dir
        Where its files are; ``gesture_small`` has none.
    split
        ``"train"`` or ``"test"``.
    """
    if name == "gesture_small":
        first = 0 if split == "train" else GENERATED["train"]
        for number in range(first, first + GENERATED[split]):
            for label in range(len(dvs_gesture.CLASSES)):
                yield label, generated.gesture(label, seed=number * len(dvs_gesture.CLASSES) + label, camera=_CAMERA)
        return
    if data_dir is None:
        raise InputError(f"data set {name}: its files are not downloaded for you; name the folder that holds them with --data-dir")
    if not Path(data_dir).exists():
        raise InputError(f"data set {name}: {data_dir} does not exist; name the folder that holds its files with --data-dir")
    if name == "gesture":
        yield from ((trial.label, trial.recording) for trial in dvs_gesture.trials(data_dir, split))
    else:
        yield from nmnist.digits(data_dir, split)


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
