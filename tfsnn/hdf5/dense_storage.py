"""Dense storage: where newer HDF5 groups (track_order=True, libver="latest") keep more than eight links or attributes.

A version 2 B-tree lists heap identifiers, a fractal heap holds the link and attribute messages themselves. Only what
libhdf5 writes for links and attributes is read: managed objects, no filters.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tfsnn.hdf5.source import REWRITE, ByteSource, number

# Place and length of the heap identifier in a record, by type of the B-tree: links by name, attributes by name.
_IDENTIFIER = {5: (4, 7), 8: (0, 8)}
_DEEPEST = 8


def dense_messages(source: ByteSource, heap: int, tree: int, field: str) -> Iterator[bytes]:
    """Yield every message that a fractal heap holds, in the order of the name index."""
    store = _heap(source, heap, field)
    for identifier in _identifiers(source, tree, field):
        kind = identifier[0] >> 4
        if kind != 0:
            source.refuse(field, f"a link or attribute stored in way {kind}", "way 0 (managed)", REWRITE)
        offset = number(identifier, 1, store.offset_bytes)
        length = number(identifier, 1 + store.offset_bytes, store.length_bytes)
        yield store.object(offset, length)


def _bytes_for(limit: int) -> int:
    """Return how many bytes the format takes for a number up to `limit`."""
    return (max(limit, 1).bit_length() - 1) // 8 + 1


def _identifiers(source: ByteSource, address: int, field: str) -> Iterator[bytes]:
    head = source.signed(address, 38, b"BTHD", f"{field}, index")
    kind, node_size, record, depth = head[5], number(head, 6, 4), number(head, 10, 2), number(head, 12, 2)
    root, count = number(head, 16, 8), number(head, 24, 2)
    place, length = _IDENTIFIER.get(kind, (0, 0))
    if not length or place + length > record or record >= node_size or depth > _DEEPEST:
        found = f"type {kind}, {record} bytes a record, depth {depth}"
        source.refuse(f"{field}, index", found, "an index of links or attributes by name")
    if not number(head, 26, 8):
        return
    # By level: bytes of a child pointer, and of the record count in it.
    widths = [(8, 0)]
    most = total = (node_size - 10) // record
    for _ in range(depth):
        width = 8 + _bytes_for(most) + (_bytes_for(total) if len(widths) > 1 else 0)
        widths.append((width, _bytes_for(most)))
        most = (node_size - 10 - width) // (record + width)
        total = (most + 1) * total + most
    for raw in _records(source, root, count, record, widths, depth, field):
        yield raw[place : place + length]


def _records(
    source: ByteSource, address: int, count: int, record: int, widths: list[tuple[int, int]], level: int, field: str
) -> Iterator[bytes]:
    signature = b"BTIN" if level else b"BTLF"
    width, count_bytes = widths[level]
    length = 6 + count * record + ((count + 1) * width if level else 0)
    block = source.signed(address, length, signature, f"{field}, index node")
    for at in range(6, 6 + count * record, record):
        yield block[at : at + record]
    if level:
        for at in range(6 + count * record, length, width):
            child, below = number(block, at, 8), number(block, at + 8, count_bytes)
            yield from _records(source, child, below, record, widths, level - 1, field)


@dataclass(frozen=True)
class _Heap:
    """A fractal heap's doubling table: rows of `width` blocks, of `start` bytes in rows 0 and 1, then doubling."""

    source: ByteSource
    field: str
    width: int
    start: int
    direct_rows: int
    offset_bytes: int
    length_bytes: int
    root: int
    rows: int

    def object(self, offset: int, length: int) -> bytes:
        address, within = self._block(self.root, self.rows, offset, 0)
        return self.source.read(address + within, length, self.field)

    def _block(self, address: int, rows: int, offset: int, depth: int) -> tuple[int, int]:
        """Return the address of the direct block that holds `offset`, and the place within it."""
        if rows == 0:
            self.source.signed(address, 5, b"FHDB", f"{self.field}, heap block")
            return address, offset
        row, first = 0, 0
        while row < rows and offset >= first + self.width * self._size(row):
            first += self.width * self._size(row)
            row += 1
        if row >= rows or depth > _DEEPEST:
            self.source.refuse(self.field, f"place {offset} in a heap of {rows} rows", "a place that the heap has")
        column, within = divmod(offset - first, self._size(row))
        self.source.signed(address, 5, b"FHIB", f"{self.field}, heap table")
        entry = address + 13 + self.offset_bytes + 8 * (row * self.width + column)
        child = number(self.source.read(entry, 8, self.field), 0, 8)
        below = 0 if row < self.direct_rows else (self._size(row) // (self.start * self.width)).bit_length()
        return self._block(child, below, within, depth + 1)

    def _size(self, row: int) -> int:
        return self.start << max(row - 1, 0)


def _heap(source: ByteSource, address: int, field: str) -> _Heap:
    head = source.signed(address, 142, b"FRHP", f"{field}, heap")
    filters, most_managed = number(head, 7, 2), number(head, 10, 4)
    width, start, most_direct = number(head, 110, 2), number(head, 112, 8), number(head, 120, 8)
    bits, rows = number(head, 128, 2), number(head, 140, 2)
    powers = all(value and not value & (value - 1) for value in (width, start, most_direct))
    if filters or not powers or start > most_direct or most_direct > 1 << 32 or bits > 64 or rows > 64:
        found = f"blocks of {start} to {most_direct} bytes, filters {filters}"
        source.refuse(f"{field}, heap", found, "a plain heap of links or attributes")
    direct_rows = most_direct.bit_length() - start.bit_length() + 2
    return _Heap(
        source=source,
        field=field,
        width=width,
        start=start,
        direct_rows=direct_rows,
        offset_bytes=(bits + 7) // 8,
        length_bytes=min(_bytes_for(most_direct), _bytes_for(most_managed)),
        root=number(head, 132, 8),
        rows=rows,
    )
