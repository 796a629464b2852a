"""Files of event cameras, built byte by byte as their formats are described."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence

Event = tuple[int, int, int, int]
"""t, x, y, p: microseconds, column from the left, row from the top, 1 for brighter."""

EVENTS: list[Event] = [(5, 0, 0, 1), (5, 127, 3, 0), (70, 64, 127, 1), (1000, 1, 126, 0), (1000, 99, 98, 1)]
HEADER_2 = b"#!AER-DAT2.0\r\n# This is a raw AE data file - do not edit\r\n# AEChip: ch.unizh.ini.jaer.chip.retina.DVS128\r\n"
HEADER_3 = b"#!AER-DAT3.1\r\n#Format: RAW\r\n#Source 1: DVS128\r\n#Start-Time: 2016-10-03 10:00:00 (TZ+0200)\r\n#!END-HEADER\r\n"
HEADER_DAT = b"% Data file containing CD events\n% Date 2020-09-14 14:18:29\n% Version 2\n% Width 304\n% Height 240\n\x0c\x08"


def aedat2(events: Iterable[Event], header: bytes = HEADER_2) -> bytes:
    """Rows of these events count from the bottom."""
    return header + b"".join(struct.pack(">II", y << 8 | (127 - x) << 1 | (1 - p), t & 0xFFFFFFFF) for t, x, y, p in events)


def packet(events: Sequence[Event], *, kind: int = 1, overflow: int = 0, valid: Sequence[bool] | None = None, capacity: int = 0) -> bytes:
    """One packet of AEDAT 3.1, unused places at its end filled with zeros."""
    marks = [True] * len(events) if valid is None else valid
    capacity = capacity or len(events)
    head = struct.pack("<hhiiiiii", kind, 1, 8, 4, overflow, capacity, len(events), sum(marks))
    body = b"".join(struct.pack("<Ii", x << 17 | y << 2 | p << 1 | mark, t) for (t, x, y, p), mark in zip(events, marks, strict=True))
    return head + body + bytes(8 * (capacity - len(events)))


def aedat3(events: Sequence[Event], header: bytes = HEADER_3) -> bytes:
    """In two packets, with one of another kind between them."""
    half = len(events) // 2
    return header + packet(events[:half]) + packet([(0, 0, 0, 0)], kind=0) + packet(events[half:])


def nmnist(events: Iterable[Event]) -> bytes:
    """Time stamps of up to 23 bits."""
    return b"".join(bytes((x, y, p << 7 | t >> 16, t >> 8 & 255, t & 255)) for t, x, y, p in events)


def dat(events: Iterable[Event], header: bytes = HEADER_DAT) -> bytes:
    """Version 2."""
    return header + b"".join(struct.pack("<II", t, p << 28 | y << 14 | x) for t, x, y, p in events)
