"""Objects on a turntable before a DVS128, in two sessions of different days: train on one, test on the other.

Files ``session_A.npz`` and ``session_B.npz`` with columns ``OBJECT_t, OBJECT_x, OBJECT_y, OBJECT_p`` of one long recording each. The
classes are the objects of both sessions, in alphabetical order.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

from tfsnn.aliases import PathLike
from tfsnn.errors import FileError
from tfsnn.input import npz
from tfsnn.input.event_camera import read
from tfsnn.input.recording import Recording

SIZE = (128, 128)
SESSIONS = {"train": "session_A.npz", "test": "session_B.npz"}
LEARNT = 2 / 3
"""Of a recording, if both splits are of the first session: the share at its beginning that is learnt."""


def recordings(place: PathLike, split: str, within: bool = False) -> Iterator[tuple[int, Recording]]:
    """Class and events of every recording of a split.

    Parameters
    ----------
    place
        The folder that holds the two files, or the folder whose ``dvs128_objects`` does.
    split
        ``"train"`` or ``"test"``.
    within
        Take both splits from the first session, one after the other in time.

    Raises
    ------
    FileError
        If the files are not there, or not as described above.
    """
    folder = next((f for f in (Path(place), Path(place) / "dvs128_objects") if (f / SESSIONS["train"]).is_file()), Path(place))
    path = folder / SESSIONS["train" if within else split]
    for label, name in enumerate(classes(folder)):
        recording = read(path, size=SIZE, key=name, lenient=True)
        if within and len(recording):
            first, last = int(recording.t[0]), int(recording.t[-1]) + 1
            cut = first + int((last - first) * LEARNT)
            recording = recording.between(first, cut) if split == "train" else recording.between(cut, last)
        yield label, recording


def classes(folder: PathLike) -> list[str]:
    """The objects that both sessions have.

    Parameters
    ----------
    folder
        That holds the two files.
    """
    found = [_objects(Path(folder) / name) for name in SESSIONS.values()]
    if not found[0] & found[1]:
        raise FileError(f"{folder}: sessions of {sorted(found[0])} and of {sorted(found[1])} have no object in common; copy them again")
    return sorted(found[0] & found[1])


def _objects(path: Path) -> set[str]:
    try:
        with ZipFile(path) as archive:
            return {name.removesuffix("_t") for name in npz.names(archive) if name.endswith("_t")}
    except OSError as error:
        raise FileError(f"{path}: cannot be read ({error.strerror or error}); name the folder that holds it with --data-dir") from error
    except npz.DAMAGE as error:
        raise FileError(f"{path}: is no .npz file, or damaged ({error}); copy it again") from error
