"""What an HDF5 object header says: messages, data types, dataspaces, layouts, attributes, links.

Each `parse_*` takes the bytes of one message and returns a plain value or refuses. What is not in this list is refused
by name: numbers (integers of 1 to 8 bytes, IEEE floats of 2, 4 and 8), texts (fixed and variable length), booleans as
h5py stores them (int8 here); contiguous, compact and chunked layouts with deflate, shuffle and Fletcher-32 filters.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tfsnn.hdf5.source import REWRITE, UNDEFINED, ByteSource, number, source_text

Messages = tuple[tuple[int, bytes], ...]

DATASPACE, LINK_INFO, DATATYPE, LINK, EXTERNAL_DATA, LAYOUT = 0x01, 0x02, 0x03, 0x06, 0x07, 0x08
FILTERS, ATTRIBUTE, CONTINUATION, SYMBOL_TABLE, ATTRIBUTE_INFO = 0x0B, 0x0C, 0x10, 0x11, 0x15

_LARGEST_RANK = 32
_MOST_ELEMENTS = 1 << 48
# IEEE floats: exponent place and size, mantissa place and size, bias.
_FLOATS = {2: (10, 5, 0, 10, 15), 4: (23, 8, 0, 23, 127), 8: (52, 11, 0, 52, 1023)}
_CLASSES = (
    *("integer", "float", "time", "string", "bit field", "opaque"),
    *("compound", "reference", "enumeration", "variable-length", "array"),
)


@dataclass(frozen=True)
class Type:
    """A data type: `numpy` for numbers, else text of `size` bytes (`variable`: a pointer into a global heap)."""

    numpy: np.dtype[np.generic] | None
    size: int
    variable: bool = False


@dataclass(frozen=True)
class Layout:
    """Where a dataset's bytes are: in `raw` (compact), in one run at `address`, or in chunks listed by a tree there."""

    kind: str
    address: int = UNDEFINED
    length: int = 0
    chunk: tuple[int, ...] = ()
    raw: bytes = b""


@dataclass(frozen=True)
class Attribute:
    """An attribute's declared type and shape, and its stored bytes."""

    type: Type
    shape: tuple[int, ...]
    raw: bytes


def messages(source: ByteSource, address: int, field: str) -> Messages:
    """Return the messages of the object header at `address`."""
    start = source.read(address, 16, f"{field}, object header")
    if start.startswith(b"OHDR"):
        return tuple(_new_messages(source, address, field))
    if start[0] != 1:
        source.refuse(f"{field}, object header at byte {address}", f"version {start[0]}", "version 1 or 2")
    return tuple(_old_messages(source, address + 16, number(start, 8, 4), number(start, 2, 2), field))


def _old_messages(source: ByteSource, address: int, length: int, count: int, field: str) -> Iterator[tuple[int, bytes]]:
    blocks = [(address, length)]
    while blocks and count:
        at, size = blocks.pop(0)
        block = source.read(at, size, f"{field}, object header")
        place = 0
        while place + 8 <= size and count:
            kind, width, flags = number(block, place, 2), number(block, place + 2, 2), block[place + 4]
            body = block[place + 8 : place + 8 + width]
            yield from _message(source, kind, width, flags, body, blocks, field)
            place += 8 + width
            count -= 1


def _new_messages(source: ByteSource, address: int, field: str) -> Iterator[tuple[int, bytes]]:
    flags = source.read(address, 6, field)[5]
    at = address + 6 + (16 if flags & 0x20 else 0) + (4 if flags & 0x10 else 0)
    width = 1 << (flags & 3)
    head = 6 if flags & 4 else 4
    blocks = [(at + width, number(source.read(at, width, field), 0, width))]
    first = True
    while blocks:
        at, size = blocks.pop(0)
        block = source.read(at, size, f"{field}, object header")
        if not first and not block.startswith(b"OCHK"):
            source.refuse(f"{field}, object header at byte {at}", block[:4], "b'OCHK'")
        # A continuation begins with a signature and ends with a checksum; the first block's lie outside of it.
        place, end = (0, size) if first else (4, size - 4)
        first = False
        while place + head <= end:
            kind, length, marks = block[place], number(block, place + 1, 2), block[place + 3]
            body = block[place + head : place + head + length]
            yield from _message(source, kind, length, marks, body, blocks, field)
            place += head + length


def _message(
    source: ByteSource, kind: int, width: int, flags: int, body: bytes, blocks: list[tuple[int, int]], field: str
) -> Iterator[tuple[int, bytes]]:
    if len(body) != width:
        source.refuse(f"{field}, header message {kind}", f"{width} bytes", f"at most {len(body)}")
    if kind == CONTINUATION:
        blocks.append((number(body, 0, 8), number(body, 8, 8)))
    elif flags & 2 and kind in (DATASPACE, DATATYPE, LAYOUT, FILTERS, ATTRIBUTE):
        found = "a message kept elsewhere (a committed type)"
        source.refuse(f"{field}, header message {kind}", found, "a message in its place", REWRITE)
    else:
        yield kind, body


def parse_shape(source: ByteSource, body: bytes, field: str) -> tuple[int, ...]:
    """Return the shape that a dataspace message declares."""
    version, rank = body[0] if body else 0, number(body, 1, 1)
    start = {1: 8, 2: 4}.get(version)
    empty = version == 2 and body[3:4] == b"\x02"
    if start is None or rank > _LARGEST_RANK or len(body) < start + 8 * rank or empty:
        source.refuse(f"{field}, shape", f"version {version}, {rank} axes in {len(body)} bytes", "a simple shape")
    shape = tuple(number(body, start + 8 * axis, 8) for axis in range(rank))
    if math.prod(max(axis, 1) for axis in shape) > _MOST_ELEMENTS:
        source.refuse(f"{field}, shape", shape, f"at most {_MOST_ELEMENTS} elements")
    return shape


def parse_type(source: ByteSource, body: bytes, field: str) -> Type:
    """Return the data type that a message declares."""
    if len(body) < 8:
        source.refuse(f"{field}, type", f"{len(body)} bytes", "at least 8")
    kind, bits, size = body[0] & 15, number(body, 1, 3), number(body, 4, 4)
    big = ">" if bits & 1 else "<"
    if kind == 0 and size in (1, 2, 4, 8) and number(body, 8, 2) == 0 and number(body, 10, 2) == 8 * size:
        return Type(np.dtype(f"{big}{'i' if bits & 8 else 'u'}{size}"), size)
    if kind == 1 and not bits & 0x40 and tuple(body[12:16]) + (number(body, 16, 4),) == _FLOATS.get(size):
        return Type(np.dtype(f"{big}f{size}"), size)
    if kind == 3 and size:
        return Type(None, size)
    if kind == 8 and size == 1:
        return Type(np.dtype("i1"), 1)
    if kind == 9 and bits & 15 == 1 and size == 16:
        return Type(None, 16, variable=True)
    name = _CLASSES[kind] if kind < len(_CLASSES) else f"class {kind}"
    found = f"{name} of {size} bytes"
    source.refuse(f"{field}, type", found, "integers, IEEE floats or text", "save the weights as float32")


def parse_layout(source: ByteSource, body: bytes, rank: int, field: str) -> Layout:
    """Return where a dataset's data are."""
    version, kind = number(body, 0, 1), number(body, 1, 1)
    if version in (3, 4) and kind == 0:
        length = number(body, 2, 2)
        return Layout("compact", length=length, raw=body[4 : 4 + length])
    if version in (3, 4) and kind == 1:
        return Layout("contiguous", number(body, 2, 8), number(body, 10, 8))
    if version == 3 and kind == 2 and number(body, 2, 1) == rank + 1 and len(body) >= 11 + 4 * rank:
        chunk = tuple(number(body, 11 + 4 * axis, 4) for axis in range(rank))
        return Layout("chunked", number(body, 3, 8), chunk=chunk)
    found = "a virtual dataset (its data are in other files)" if kind == 3 else f"version {version}, class {kind}"
    source.refuse(f"{field}, layout", found, "contiguous data, or chunks as h5py writes them by default", REWRITE)


def parse_filters(source: ByteSource, body: bytes, field: str) -> tuple[int, ...]:
    """Return a dataset's filters in the order in which they were applied: 1 deflate, 2 shuffle, 3 Fletcher-32."""
    version, count = number(body, 0, 1), number(body, 1, 1)
    place, found = {1: 8, 2: 2}.get(version, 0), []
    for _ in range(count):
        identity = number(body, place, 2)
        named = version == 1 or identity >= 256
        name = number(body, place + 2, 2) if named else 0
        values = number(body, place + (6 if named else 4), 2)
        pad = 4 if version == 1 and values % 2 else 0
        place += (8 if named else 6) + (name + 7) // 8 * 8 * named + 4 * values + pad
        found.append(identity)
    if not place or place > len(body) + 4 or any(identity not in (1, 2, 3) for identity in found) or found.count(1) > 1:
        given = f"version {version}, {found[:8]}"
        source.refuse(f"{field}, filters", given, "deflate, shuffle, Fletcher-32 (1, 2, 3)", REWRITE)
    return tuple(found)


def parse_attribute(source: ByteSource, body: bytes, field: str) -> tuple[str, Attribute]:
    """Return name and content of an attribute message."""
    version = number(body, 0, 1)
    start = {1: 8, 2: 8, 3: 9}.get(version)
    if start is None or (version > 1 and number(body, 1, 1)):
        found = f"version {version}, flags {number(body, 1, 1)}"
        source.refuse(f"{field}, attribute", found, "version 1 to 3 without shared parts", REWRITE)
    parts, place = [], start
    for at in (2, 4, 6):
        length = number(body, at, 2)
        parts.append(body[place : place + length])
        place += (length + 7) // 8 * 8 if version == 1 else length
    name = source_text(source, parts[0].split(b"\0")[0], f"{field}, attribute name")
    here = f"{field}, attribute '{name}'"
    kind, shape = parse_type(source, parts[1], here), parse_shape(source, parts[2], here)
    length = math.prod(shape) * kind.size
    if place + length > len(body):
        source.refuse(here, f"{length} bytes declared", f"the {max(len(body) - place, 0)} that are stored")
    return name, Attribute(kind, shape, body[place : place + length])


def parse_link(source: ByteSource, body: bytes, field: str) -> tuple[str, int | None]:
    """Return name and object address of a link message; None for a link that leaves its place (soft, external)."""
    flags = number(body, 1, 1)
    place = 2 + (1 if flags & 8 else 0)
    kind = number(body, 2, 1) if flags & 8 else 0
    place += (8 if flags & 4 else 0) + (1 if flags & 16 else 0)
    width = 1 << (flags & 3)
    length = number(body, place, width)
    place += width
    if number(body, 0, 1) != 1 or place + length > len(body) or (kind == 0 and place + length + 8 > len(body)):
        found = f"a name of {length} bytes in a message of {len(body)}"
        source.refuse(f"{field}, link", found, "a whole link message")
    name = source_text(source, body[place : place + length], f"{field}, link name")
    return name, number(body, place + length, 8) if kind == 0 else None
