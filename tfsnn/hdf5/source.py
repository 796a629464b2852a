"""The bytes of an HDF5 file behind a counter, and the trees and heaps in which the format keeps its small things.

Why not libhdf5: it is not made for distrust. Of 40,000 copies of real Keras files with a few bytes changed, 1.14.6
crashed on two and hung on three; of 6,000 small files with one to three addresses redirected it hung on 30 and aborted
on 74 with its own memory corrupted. A child process would contain that, not prevent it. So reading is done here, in
Python, where a wrong address is an error like any other. h5py still writes our files, and the tests hold this reader
against it.

Rules that keep this file right:

1. Every byte comes through `ByteSource.read`, `ByteSource.data` or `ByteSource.array`, which refuse to leave the file and count. A count
   past its limit means a loop or a bomb, and reading stops. No structure needs a cycle check of its own.
2. Offsets and lengths are eight bytes and addresses start at byte 0 of the file: what h5py writes everywhere.
3. Nothing is followed that the file itself does not hold.

Names of structures are those of the HDF5 File Format Specification, version 3.0.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, NoReturn

import numpy as np
from numpy.typing import NDArray

from tfsnn.errors import FileError
from tfsnn.memory import empty

UNDEFINED = (1 << 64) - 1
DAMAGED = "the file is damaged or was not written by Keras or h5py: save or download it again"
REWRITE = "open it in Keras and save it again, or copy it with `h5repack`"

_LARGEST_METADATA = 48 << 20
_SMALLEST_METADATA = 1 << 16
_BLOCK = 1 << 20


class ByteSource:
    """A file read at given places only, within its bounds, and with a limit on how much metadata may be walked.

    Attributes
    ----------
    label
        What messages call the file.
    size
        Its length in bytes.
    """

    def __init__(self, stream: BinaryIO, label: str) -> None:
        self._stream = stream
        self.label = label
        self.size = stream.seek(0, 2)
        # A file's metadata is walked about twice; small files get room for the odd structure that is read often.
        self._metadata_left = min(_LARGEST_METADATA, 8 * self.size + _SMALLEST_METADATA)
        # Each dataset is read once or twice; hard links to one big dataset under many names are a bomb.
        self._data_left = 3 * self.size + _SMALLEST_METADATA
        self._collections: dict[int, dict[int, tuple[int, int]]] = {}

    def refuse(self, field: str, found: object, expected: str, way_out: str = DAMAGED) -> NoReturn:
        """Raise the one error that this file gives."""
        raise FileError(f"{self.label}: {field}: found {found}, expected {expected}; {way_out}")

    def read(self, offset: int, length: int, field: str) -> bytes:
        """Return `length` bytes of metadata from `offset`."""
        # The constant keeps loops over empty structures from being free.
        self._metadata_left -= length + 16
        if self._metadata_left < 0:
            self.refuse(field, "structures that are walked over and over", "a file without loops")
        return self._bytes(offset, length, field)

    def data(self, offset: int, length: int, field: str) -> bytes:
        """Return `length` bytes of array data from `offset`."""
        self._spend(length, field)
        return self._bytes(offset, length, field)

    def array(self, offset: int, length: int, field: str) -> NDArray[np.uint8]:
        """Return the same as an array of its own; no more than a block of it is there twice."""
        self._spend(length, field)
        self._inside(offset, length, field)
        whole: NDArray[np.uint8] = empty((length,), np.uint8)
        for first in range(0, length, _BLOCK):
            block = self._bytes(offset + first, min(_BLOCK, length - first), field)
            whole[first : first + len(block)] = np.frombuffer(block, np.uint8)
        return whole

    def _spend(self, length: int, field: str) -> None:
        self._data_left -= length
        if self._data_left < 0:
            self.refuse(field, "the same data under many names", "every dataset stored once")

    def _inside(self, offset: int, length: int, field: str) -> None:
        if offset < 0 or length < 0 or offset + length > self.size:
            found = f"bytes {offset} to {offset + length}"
            self.refuse(field, found, f"bytes within the {self.size} that the file has (is it cut off?)")

    def _bytes(self, offset: int, length: int, field: str) -> bytes:
        self._inside(offset, length, field)
        self._stream.seek(offset)
        got = self._stream.read(length)
        if len(got) != length:
            self.refuse(field, f"{len(got)} bytes at {offset}", f"{length} bytes")
        return got

    def signed(self, offset: int, length: int, signature: bytes, field: str) -> bytes:
        """Return a structure that must begin with `signature`."""
        block = self.read(offset, length, field)
        if not block.startswith(signature):
            self.refuse(f"{field} at byte {offset}", block[: len(signature)], repr(signature))
        return block

    def global_heap_object(self, address: int, index: int, field: str) -> bytes:
        """Return one object of a global heap collection: the text of a variable-length string."""
        if address not in self._collections:
            self._collections[address] = dict(_collection(self, address, field))
        if index not in self._collections[address]:
            self.refuse(field, f"no object {index} in the heap at byte {address}", "an object that exists")
        offset, length = self._collections[address][index]
        return self.read(offset, length, field)


def number(block: bytes, offset: int, length: int) -> int:
    """Return an unsigned little-endian integer; bytes beyond the block count as zero."""
    return int.from_bytes(block[offset : offset + length], "little")


def _collection(source: ByteSource, address: int, field: str) -> Iterator[tuple[int, tuple[int, int]]]:
    head = source.signed(address, 16, b"GCOL", field)
    end = address + number(head, 8, 8)
    if head[4] != 1 or not 16 <= end - address <= source.size - address:
        found = f"version {head[4]}, size {end - address}"
        source.refuse(f"{field}, heap at byte {address}", found, "version 1 within the file")
    at = address + 16
    while at + 16 <= end:
        entry = source.read(at, 16, field)
        index, length = number(entry, 0, 2), number(entry, 8, 8)
        if index == 0:
            return
        if at + 16 + length > end:
            found = f"an object of {length} bytes"
            source.refuse(f"{field}, heap at byte {address}", found, "an object within its heap")
        yield index, (at + 16, length)
        at += 16 + (length + 7) // 8 * 8


def symbol_table(source: ByteSource, tree: int, heap: int, field: str) -> Iterator[tuple[str, int | None]]:
    """Yield the links of an old-style group: name and object address, None for a soft link."""
    head = source.signed(heap, 32, b"HEAP", f"{field}, local heap")
    names = source.read(number(head, 24, 8), number(head, 8, 8), f"{field}, local heap")
    for node in _tree_leaves(source, tree, field):
        count = number(source.signed(node, 8, b"SNOD", f"{field}, symbol node"), 6, 2)
        entries = source.read(node + 8, 40 * count, f"{field}, symbol node")
        for at in range(0, 40 * count, 40):
            start = number(entries, at, 8)
            end = names.find(b"\0", start)
            if end < 0:
                found = f"place {start} of {len(names)}"
                source.refuse(f"{field}, link name", found, "a name that ends within its heap")
            soft = number(entries, at + 16, 4) == 2
            name = source_text(source, names[start:end], f"{field}, link name")
            yield name, None if soft else number(entries, at + 8, 8)


def _tree_leaves(source: ByteSource, address: int, field: str) -> Iterator[int]:
    """Yield the children at the lowest level of a version 1 B-tree over a group."""
    head = source.signed(address, 24, b"TREE", f"{field}, B-tree node")
    kind, level, count = head[4], head[5], number(head, 6, 2)
    if kind != 0:
        source.refuse(f"{field}, B-tree node at byte {address}", f"type {kind}", "type 0, a group")
    entries = source.read(address + 24, 16 * count + 8, f"{field}, B-tree node")
    for at in range(8, 16 * count + 8, 16):
        child = number(entries, at, 8)
        if level:
            _lower(source, child, level, field)
            yield from _tree_leaves(source, child, field)
        else:
            yield child


def _lower(source: ByteSource, address: int, level: int, field: str) -> None:
    """Refuse a child that is not one level below its parent: this bounds the recursion."""
    found = source.signed(address, 6, b"TREE", f"{field}, B-tree node")[5]
    if found != level - 1:
        source.refuse(f"{field}, B-tree node at byte {address}", f"level {found}", f"level {level - 1}")


def chunk_tree(
    source: ByteSource, address: int, rank: int, field: str
) -> Iterator[tuple[tuple[int, ...], int, int, int]]:
    """Yield the chunks of a dataset: offset in elements, filter mask, address, stored length."""
    head = source.signed(address, 24, b"TREE", f"{field}, chunk tree")
    kind, level, count = head[4], head[5], number(head, 6, 2)
    if kind != 1:
        source.refuse(f"{field}, chunk tree at byte {address}", f"type {kind}", "type 1, chunks")
    key = 8 + 8 * (rank + 1)
    entries = source.read(address + 24, count * (key + 8), f"{field}, chunk tree")
    for at in range(0, count * (key + 8), key + 8):
        child = number(entries, at + key, 8)
        if level:
            _lower(source, child, level, field)
            yield from chunk_tree(source, child, rank, field)
        else:
            offset = tuple(number(entries, at + 8 + 8 * axis, 8) for axis in range(rank))
            yield offset, number(entries, at + 4, 4), child, number(entries, at, 4)


def source_text(source: ByteSource, raw: bytes, field: str) -> str:
    """Return text in UTF-8, which every Keras writes."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        source.refuse(field, raw[:40], "text in UTF-8")
