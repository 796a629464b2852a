"""DVS128 Gesture from an archive in exactly its format, packed and unpacked, and from ones that are not."""

from __future__ import annotations

import tarfile
from io import BytesIO
from pathlib import Path

import pytest

from tests.event_files import Event, aedat3
from tests.input.test_aedat import rows
from tfsnn.errors import FileError, InputError
from tfsnn.input.dvs_gesture import ARCHIVE, CLASSES, trials

EVENTS: list[Event] = [(t, t % 128, t // 2 % 128, t % 2) for t in range(1000, 3000, 40)]
LABELS = "class,startTime_usec,endTime_usec\n1,1000,1400\n11,1600,2000\n"
FILES = {
    "README.txt": b"caf\xc3\xa9",
    "gesture_mapping.csv": b"action,label\nhand_clapping,1\n",
    "trials_to_test.txt": b"user24_led.aedat\n",
    "trials_to_train.txt": b"user01_fluorescent.aedat\nuser01_natural.aedat\n\n",
    "user01_fluorescent.aedat": aedat3(EVENTS),
    "user01_fluorescent_labels.csv": LABELS.encode(),
    "user01_natural.aedat": aedat3([(t + 7, x, y, p) for t, x, y, p in EVENTS]),
    "user01_natural_labels.csv": LABELS.replace("\n", "\r\n").encode(),
    "user24_led.aedat": aedat3(EVENTS)[:-3],
    "user24_led_labels.csv": LABELS.encode(),
}


def write(folder: Path, files: dict[str, bytes], packed: bool = True) -> Path:
    if not packed:
        (folder / "DvsGesture").mkdir()
        for name, content in files.items():
            (folder / "DvsGesture" / name).write_bytes(content)
        return folder
    with tarfile.open(folder / ARCHIVE, "w:gz") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(f"DvsGesture/{name}")
            info.size = len(content)
            archive.addfile(info, BytesIO(content))
    return folder


@pytest.mark.parametrize("packed", [True, False])
def test_gestures_are_cut_where_the_labels_say(tmp_path: Path, packed: bool) -> None:
    found = list(trials(write(tmp_path, FILES, packed), "train"))
    assert [(t.name, t.label) for t in found] == [(f"user01_{light}.aedat", k) for light in ("fluorescent", "natural") for k in (0, 10)]
    assert rows(found[0].recording) == [event for event in EVENTS if 1000 <= event[0] < 1400]
    assert rows(found[3].recording) == [(t + 7, x, y, p) for t, x, y, p in EVENTS if 1600 <= t + 7 < 2000]
    assert (found[0].recording.width, found[0].recording.height, len(CLASSES)) == (128, 128, 11)


def test_splits_are_the_official_ones_and_damage_is_counted(tmp_path: Path) -> None:
    found = list(trials(write(tmp_path, FILES) / ARCHIVE, "test"))
    assert [t.name for t in found] == ["user24_led.aedat"] * 2 and found[0].recording.found.missing == 3
    with pytest.raises(InputError, match="split 'validation'; choose one of train, test"):
        next(trials(tmp_path, "validation"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"trials_to_train.txt": None}, "found no trials_to_train.txt, expected the whole of DvsGesture.tar.gz"),
        ({"trials_to_train.txt": b"user09_led.aedat\n"}, "found no user09_led_labels.csv, expected the labels of user09_led.aedat"),
        ({"trials_to_train.txt": b"\xff\xfe"}, "trials_to_train.txt: found bytes that are no text"),
        ({"user01_natural.aedat": None}, "trials_to_train.txt names user01_natural.aedat, not found"),
        ({"user01_natural.aedat": b"no"}, "user01_natural.aedat: first line: found b'no', expected #!AER-DAT2.0"),
        ({"user01_natural_labels.csv": b""}, "user01_natural_labels.csv: first line: found '', expected 'class,startTime_usec,"),
        ({"user01_natural_labels.csv": LABELS.encode() + b"1,x,2\n"}, "_labels.csv: line 4: found '1,x,2', expected three whole numbers"),
        ({"user01_natural_labels.csv": LABELS.encode() + b"12,1,2\n"}, "line 4: found class 12, 1 to 2; expected 1 to 11"),
        (
            {"user01_natural_labels.csv": LABELS.encode() + b"3,9000,9900\n"},
            "_labels.csv: class 3, 9000 to 9900: no event lies there, user01_natural.aedat reaches from 1007 to 2967; download .* again",
        ),
        ({"user01_natural_labels.csv": LABELS.encode() + b"1,3,2\n"}, "line 4: found class 1, 3 to 2; .* no end before the start"),
    ],
)
def test_archives_that_are_refused(tmp_path: Path, changes: dict[str, bytes | None], message: str) -> None:
    files = {name: content for name, content in (FILES | changes).items() if content is not None}
    with pytest.raises(FileError, match=f"DvsGesture.tar.gz: .*{message}"):
        list(trials(write(tmp_path, files), "train"))


def test_an_archive_that_is_not_there_or_damaged(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="found neither DvsGesture.tar.gz nor what it unpacks to; download it from https"):
        next(trials(tmp_path, "train"))
    content = (write(tmp_path, FILES) / ARCHIVE).read_bytes()
    for size in (0, 5, len(content) // 2):
        (tmp_path / ARCHIVE).write_bytes(content[:size])
        with pytest.raises(FileError, match="DvsGesture.tar.gz: is no archive, or damaged"):
            list(trials(tmp_path, "train"))
