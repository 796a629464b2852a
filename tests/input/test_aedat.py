"""AEDAT: every bit of both versions, and what a damaged file gives."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.data_folder import folder
from tests.event_files import EVENTS, HEADER_2, HEADER_3, aedat2, aedat3, packet
from tfsnn.errors import FileError
from tfsnn.input.event_camera import read
from tfsnn.input.recording import Found, Recording


def file(tmp_path: Path, content: bytes) -> Path:
    (tmp_path / "x.aedat").write_bytes(content)
    return tmp_path / "x.aedat"


def rows(recording: Recording) -> list[tuple[int, ...]]:
    return list(zip(*(getattr(recording, name).tolist() for name in "txyp")))


@pytest.mark.parametrize("write", [aedat2, aedat3])
def test_every_field(tmp_path: Path, write: type[aedat2]) -> None:  # type: ignore[valid-type]
    recording = read(file(tmp_path, write(EVENTS)))  # type: ignore[misc]
    assert rows(recording) == EVENTS and (recording.width, recording.height) == (128, 128)


def test_version_2_byte_for_byte(tmp_path: Path) -> None:
    content = b"#!AER-DAT2.0\r\n" + bytes.fromhex("00002502 0000000a 00007fff 0000000b 00008000 0000000c")
    recording = read(file(tmp_path, content))
    # 0x2502: row 0x25 from the bottom, column 127 - 1, bit 0 clear: brighter. Bit 15: no event of a pixel.
    assert rows(recording) == [(10, 126, 0x25, 1), (11, 0, 127, 0)] and recording.found == Found(skipped=1)


def test_version_2_ends_its_header_where_it_says(tmp_path: Path) -> None:
    # The address of the first event begins with the character #.
    content = HEADER_2 + b"#End Of ASCII Header\r\n" + b"\x23\x00\x00\x00" + bytes(4) + aedat2(EVENTS, b"")
    assert read(file(tmp_path, content)).found == Found(skipped=1)


def test_version_2_wraps_as_a_signed_counter(tmp_path: Path) -> None:
    recording = read(file(tmp_path, aedat2([((1 << 31) - 1, 0, 0, 1), ((1 << 31) + 4, 0, 0, 1)])))
    assert recording.t.tolist() == [(1 << 31) - 1, (1 << 31) + 4] and recording.found == Found(wraps=1)


def test_version_3_byte_for_byte(tmp_path: Path) -> None:
    head = bytes.fromhex("0100 0100 08000000 04000000 00000000 01000000 01000000 01000000")
    # Valid, brighter, row 3, column 5.
    recording = read(file(tmp_path, HEADER_3 + head + (1 | 2 | 3 << 2 | 5 << 17).to_bytes(4, "little") + (77).to_bytes(4, "little")))
    assert rows(recording) == [(77, 5, 3, 1)]


def test_version_3_adds_the_overflow_of_its_packets(tmp_path: Path) -> None:
    content = HEADER_3 + packet([((1 << 31) - 1, 0, 0, 1)]) + packet([(3, 0, 0, 1)], overflow=1)
    assert read(file(tmp_path, content)).t.tolist() == [(1 << 31) - 1, (1 << 31) + 3]


def test_version_3_leaves_out_what_is_invalid_unused_or_of_another_kind(tmp_path: Path) -> None:
    content = HEADER_3 + packet(EVENTS[:2], valid=[False, True], capacity=5) + packet(EVENTS, kind=6) + packet(EVENTS[2:])
    recording = read(file(tmp_path, content))
    assert rows(recording) == EVENTS[1:] and recording.found == Found(invalid=1, skipped=5)


def test_version_3_cut_within_a_packet(tmp_path: Path) -> None:
    path = file(tmp_path, (HEADER_3 + packet(EVENTS))[:-11])
    with pytest.raises(FileError, match="x.aedat: found 5 bytes that make no event, 11 bytes missing at the end; get it again"):
        read(path)
    recording = read(path, lenient=True)
    assert rows(recording) == EVENTS[:3] and recording.found == Found(unread=5, missing=11)


def test_version_3_stops_at_a_header_that_makes_no_sense(tmp_path: Path) -> None:
    broken = bytearray(packet(EVENTS))
    broken[4] = 9
    recording = read(file(tmp_path, HEADER_3 + packet(EVENTS) + broken + packet(EVENTS)), lenient=True)
    assert rows(recording) == EVENTS and recording.found == Found(unread=2 * len(packet(EVENTS)))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"first line: found b'', expected #!AER-DAT2.0, 3.1 or 4.0; export it"),
        (b"#!AER-DAT1.0\r\n", "first line: found version 1.0, expected"),
        (b"#!AER-DAT5.0\r\n", "first line: found version 5.0, expected #!AER-DAT2.0, 3.1 or 4.0; export it from jAER in one of these"),
        (HEADER_2.replace(b"DVS128", b"DAVIS240C"), "AEChip: found DAVIS240C, expected DVS128"),
        (HEADER_3.replace(b"#!END-HEADER\r\n", b""), "header: found no #!END-HEADER, expected it before the events"),
        (HEADER_3.replace(b"RAW", b"Serial-TS"), "Format: found Serial-TS, expected RAW"),
        (HEADER_3.replace(b"#Start", b"#Source 2: DAVIS346\r\n#Start"), "found sources DVS128, DAVIS346, expected one camera"),
        (HEADER_3.replace(b"DVS128", b"Eye"), r"header: found source 'EYE', known are DVS128, .*; give size=\(width, height\)"),
        (HEADER_3.replace(b"#Source 1: DVS128\r\n", b""), "header: found no source, known are"),
        (b"#!AER-DAT2.0\r\n# no end", "header: found a line without an end"),
    ],
)
def test_headers_that_are_refused(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(FileError, match=f"x.aedat: {message}"):
        read(file(tmp_path, content), lenient=True)


def test_a_sensor_that_nobody_knows_is_given(tmp_path: Path) -> None:
    recording = read(file(tmp_path, aedat3(EVENTS, HEADER_3.replace(b"DVS128", b"Eye"))), size=(100, 200), lenient=True)
    assert (recording.width, recording.height, recording.found.outside) == (100, 200, 1)


@pytest.mark.parametrize(
    ("name", "count", "first", "last", "darker"),
    [
        ("alexouyang_alex_walking_for_10secs", 125_028, 262_847_757, 270_891_631, 0.5523),
        ("alexouyang_cam300_fix_lense_alex_standing_up", 155_766, 63_137_881, 76_178_163, 0.4763),
        ("alexouyang_neal_walking", 70_304, 135_707_767, 144_951_371, 0.5159),
        ("colleen_DVS128-2017-03-21-short", 130_114, 113_476_330, 119_657_829, 0.4237),
    ],
)
def test_real_recordings(name: str, count: int, first: int, last: int, darker: float) -> None:
    recording = read(folder("dvs128", f"{name}.aedat"))
    assert (len(recording), recording.t[0], recording.t[-1], recording.found) == (count, first, last, Found())
    assert [(int(v.min()), int(v.max())) for v in (recording.x, recording.y)] == [(0, 127), (0, 127)]
    assert round(1 - recording.p.mean(), 4) == darker


def test_a_real_recording_is_what_others_read_from_it() -> None:
    ours = read(folder("dvs128_objects", "sample_A_scissors.aedat"))
    theirs = read(folder("dvs128_objects", "session_A.npz"), key="scissors", size=(128, 128))
    np.testing.assert_array_equal(ours.t - ours.t[0], theirs.t)
    for name in "xyp":
        np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name))
