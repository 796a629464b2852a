"""AEDAT, the format of iniVation's cameras: versions 2.0 and 3.1.

Written from the format descriptions at https://docs.inivation.com (file formats).

2.0
    Lines that begin with ``#``, then big-endian pairs of a 32-bit address and a 32-bit time stamp. Of a DVS128 address, bit 0 is 0
    for brighter, bits 1 to 7 are the column counted from the right, bits 8 to 14 the row counted from the bottom, and bit 15
    marks an event that is not of a pixel. Rows stay as jAER, whose format this is, numbers them: from the bottom.
3.1
    Lines up to ``#!END-HEADER``, then little-endian packets: a header of 28 bytes (type, source, size of an event, place of its
    time stamp, overflow of time stamps, capacity, number, number valid), then ``capacity`` events. In an event of a pixel, type 1,
    bit 0 says valid, bit 1 brighter, bits 2 to 16 are the row from the top, bits 17 to 31 the column; then 31 bits of microseconds.
4
    Read by :mod:`tfsnn.input.dv`.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np

from tfsnn.errors import FileError
from tfsnn.input.recording import Found, Part, Source

SENSORS = {
    **dict.fromkeys(("DVS128", "DAVIS128"), (128, 128)),
    **dict.fromkeys(("DAVIS240", "DAVIS240A", "DAVIS240B", "DAVIS240C"), (240, 180)),
    **dict.fromkeys(("DAVIS346", "DAVIS346A", "DAVIS346B", "DAVIS346C", "DAVIS346BSI"), (346, 260)),
    "DAVIS640": (640, 480),
}
"""Width and height by the name in the header."""

_LONGEST_LINE = 1 << 16
_END_2, _END_3 = b"#End Of ASCII Header", b"#!END-HEADER"
_PACKET = struct.Struct("<hhiiiiii")
_POLARITY = 1
_KINDS = 14


def aedat(file: BinaryIO, label: str, size: tuple[int, int] | None, block: int) -> Source:
    """An open AEDAT 2.0 or 3.1 file.

    Parameters
    ----------
    file
        At its beginning.
    label
        What messages call it.
    size
        Width and height of the sensor, where the header does not say.
    block
        Events in a part, at most.
    """
    first = file.readline(_LONGEST_LINE).strip()
    version = first.removeprefix(b"#!AER-DAT") if first.startswith(b"#!AER-DAT") else b""
    if version == b"2.0":
        return _version_2(file, label, size, block)
    if version in (b"3.0", b"3.1"):
        return _version_3(file, label, size, block)
    found = f"version {version[:16].decode(errors='replace')}" if version else repr(first[:16])
    raise FileError(f"{label}: first line: found {found}, expected #!AER-DAT2.0, 3.1 or 4.0; export it from jAER in one of these")


def _version_2(file: BinaryIO, label: str, size: tuple[int, int] | None, block: int) -> Source:
    lines = list(_header(file, label, _END_2))
    chips = [line.rsplit(b".", 1)[-1].decode(errors="replace") for line in lines if line.startswith(b"# AEChip:")]
    if chips and chips[0] != "DVS128":
        raise FileError(
            f"{label}: AEChip: found {chips[0][:40]}, expected DVS128, the one whose addresses are read from version 2.0; "
            "export it from jAER as AEDAT 3.1"
        )
    return Source(*(size or SENSORS["DVS128"]), True, _events_2(file, block))


def _events_2(file: BinaryIO, block: int) -> Iterator[Part]:
    while data := file.read(8 * block):
        length = len(data) // 8 * 8
        address, t = np.frombuffer(data[:length], ">u4").reshape(-1, 2).T
        pixel = address < 1 << 15
        found = Found(unread=len(data) - length, skipped=int(np.count_nonzero(~pixel)))
        address = address[pixel].astype(np.int32)
        # jAER's counter is signed.
        stamps = np.ascontiguousarray(t[pixel]).astype(np.uint32).view(np.int32)
        yield Part(stamps, 127 - (address >> 1 & 127), address >> 8 & 127, 1 - (address & 1), found)


def _version_3(file: BinaryIO, label: str, size: tuple[int, int] | None, block: int) -> Source:
    lines = list(_header(file, label, _END_3))
    if not lines or not lines[-1].startswith(_END_3):
        raise FileError(f"{label}: header: found no {_END_3.decode()}, expected it before the events; the file is damaged: copy it again")
    named = {match[1]: match[2].strip() for line in lines if (match := re.match(rb"#([A-Za-z][\w -]*?)\s*:(.*)", line))}
    kind = named.get(b"Format", b"RAW")
    if kind != b"RAW":
        raise FileError(f"{label}: Format: found {kind[:40].decode(errors='replace')}, expected RAW; record or export it uncompressed")
    sensors = [value.decode(errors="replace") for name, value in named.items() if name.startswith(b"Source")]
    if len(sensors) > 1:
        raise FileError(f"{label}: found sources {', '.join(sensors)[:80]}, expected one camera; export the one that is wanted")
    return Source(*(size or _sensor(sensors, label)), False, _packets(file, block))


def _sensor(sensors: list[str], label: str) -> tuple[int, int]:
    name = sensors[0].split()[0].upper() if sensors and sensors[0].split() else ""
    if name not in SENSORS:
        found = f"source {name[:40]!r}" if name else "no source"
        raise FileError(f"{label}: header: found {found}, known are {', '.join(SENSORS)}; give size=(width, height)")
    return SENSORS[name]


def _packets(file: BinaryIO, block: int) -> Iterator[Part]:
    here = file.tell()
    end = file.seek(0, 2)
    file.seek(here)
    while head := file.read(_PACKET.size):
        left = end - file.tell()
        if len(head) < _PACKET.size:
            yield _nothing(Found(unread=len(head)))
            return
        kind, _, size, place, overflow, capacity, number, valid = _PACKET.unpack(head)
        sound = 0 <= kind < _KINDS and size > 0 and 0 <= place <= size - 4 and 0 <= valid <= number <= capacity and overflow >= 0
        if not sound or (kind == _POLARITY and (size, place) != (8, 4)):
            # Where one packet's length cannot be trusted, nobody knows where the next begins.
            yield _nothing(Found(unread=len(head) + left))
            return
        body = size * capacity
        missing = max(0, body - left)
        if kind == _POLARITY:
            yield from _events_3(file, min(8 * number, left), overflow << 31, block)
            skip = min(body, left) - min(8 * number, left)
        else:
            yield _nothing(Found(skipped=number))
            skip = min(body, left)
        file.seek(skip, 1)
        if missing:
            yield _nothing(Found(missing=missing))


def _events_3(file: BinaryIO, length: int, base: int, block: int) -> Iterator[Part]:
    while length > 0 and (data := file.read(min(length, 8 * block))):
        length -= len(data)
        use = len(data) // 8 * 8
        words = np.frombuffer(data[:use], "<u4").reshape(-1, 2)
        valid = (words[:, 0] & 1).astype(bool)
        found = Found(unread=len(data) - use, invalid=int(np.count_nonzero(~valid)))
        bits = words[valid, 0].astype(np.int64)
        t = words[valid, 1].astype(np.uint32).view(np.int32).astype(np.int64) + base
        yield Part(t, bits >> 17, bits >> 2 & 0x7FFF, bits >> 1 & 1, found)


def _header(file: BinaryIO, label: str, end: bytes) -> Iterator[bytes]:
    while (line := file.readline(_LONGEST_LINE)).startswith(b"#"):
        if not line.endswith(b"\n"):
            raise FileError(f"{label}: header: found a line without an end, expected text; the file is damaged: copy it again")
        yield line.strip()
        if line.startswith(end):
            return
    file.seek(-len(line), 1)


def _nothing(found: Found) -> Part:
    none = np.zeros(0, np.int64)
    return Part(none, none, none, none, found)
