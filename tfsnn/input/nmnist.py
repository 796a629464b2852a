"""N-MNIST (Orchard et al., 2015): handwritten digits moved before an event camera of 34x34 pixels.

Read as it is handed out, folders ``Train/0`` to ``Train/9`` and ``Test/0`` to ``Test/9`` of .bin files, or from an .npz file with
``train_t, train_x, train_y, train_p`` one recording behind the other, ``train_offsets`` to cut them, ``train_labels``, and the same
for ``test``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from zipfile import ZipFile

from tfsnn.aliases import PathLike
from tfsnn.errors import FileError, InputError
from tfsnn.input import event_arrays, npz
from tfsnn.input.event_camera import BLOCK, read
from tfsnn.input.recording import Recording, whole

SIZE = (34, 34)
_FOLDERS = {"train": "Train", "test": "Test"}


class Digit(NamedTuple):
    """A recording and what it shows."""

    label: int
    recording: Recording


def digits(place: PathLike, split: str) -> Iterator[Digit]:
    """The recordings of one split, digit after digit from folders, in the order of the file from .npz.

    Parameters
    ----------
    place
        The .npz file, or the folder that holds it or ``Train`` and ``Test``; or the folder whose ``nmnist`` does.
    split
        ``"train"`` or ``"test"``.

    Yields
    ------
    Digit
        Damage is mended, and counted in the recording's ``found``.

    Raises
    ------
    FileError
        If the data are not there, or not as described above.
    """
    if split not in _FOLDERS:
        raise InputError(f"N-MNIST: split {split!r}; choose one of {', '.join(_FOLDERS)}")
    for option in (Path(place), Path(place) / "nmnist"):
        if option.is_file():
            return _packed(option, split)
        if (option / _FOLDERS[split]).is_dir():
            return _folders(option / _FOLDERS[split])
        files = sorted(option.glob("*.npz")) if option.is_dir() else []
        if len(files) == 1:
            return _packed(files[0], split)
    raise FileError(
        f"{place}: found neither {_FOLDERS[split]}/0 to {_FOLDERS[split]}/9 nor one .npz file; download Train.zip and Test.zip of N-MNIST, "
        "unpack them, and name the folder they lie in with --data-dir"
    )


def _folders(folder: Path) -> Iterator[Digit]:
    for label in range(10):
        files = sorted((folder / str(label)).glob("*.bin"))
        if not files:
            raise FileError(f"{folder / str(label)}: found no .bin file, expected recordings of the digit {label}; unpack N-MNIST again")
        for file in files:
            yield Digit(label, read(file, lenient=True))


def _packed(path: Path, split: str) -> Iterator[Digit]:
    label = str(path)
    try:
        with ZipFile(path) as archive:
            arrays = {name: npz.member(archive, f"{split}_{name}", label) for name in (*"txyp", "offsets", "labels")}
    except OSError as error:
        raise FileError(f"{label}: cannot be read ({error.strerror or error}); check the path") from error
    except npz.DAMAGE as error:
        raise FileError(f"{label}: lacks {split}_t, _x, _y, _p, _offsets or _labels, or is damaged ({error})") from error
    labels, offsets = arrays.pop("labels"), arrays.pop("offsets")
    if offsets.shape != (len(labels) + 1,) or labels.dtype.kind not in "iu" or labels.min(initial=0) < 0 or labels.max(initial=0) > 9:
        found = f"{labels.dtype} of shape {labels.shape}"
        raise FileError(f"{label}: {split}_labels: found {found}, expected digits for {len(offsets) - 1} recordings")
    for sample, digit in enumerate(labels.tolist()):
        name = f"{label}: sample {sample}"
        columns = event_arrays.cut(arrays, offsets, label, sample)
        yield Digit(digit, whole(event_arrays.columns_source(columns, name, SIZE, BLOCK, 1, FileError), name, True))
