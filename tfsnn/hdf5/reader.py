"""Distrustful reading of HDF5: small functions that return what was asked for, or raise one FileError.

Both readers of this project, of Keras files and of our own artifacts, read through this door:

    with opened("model.h5") as root:
        config = text(root, "model_config")
        for name in children(root):
            kernel = dataset(child(root, name), "kernel", dtype="float32", finite=True)

Nothing is followed that leaves the file: soft and external links, virtual datasets and external raw data are refused.
No size that the file cannot hold is believed: an array is allocated only after its stored bytes were found, compressed
data may grow a hundredfold. Time is bounded because walked bytes are counted. See `h5_bytes` for why libhdf5 is not
used here.
"""

from __future__ import annotations

import itertools
import math
import os
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from tfsnn.errors import FileError
from tfsnn.hdf5.dense_storage import dense_messages
from tfsnn.hdf5.messages import (
    ATTRIBUTE,
    ATTRIBUTE_INFO,
    DATASPACE,
    DATATYPE,
    EXTERNAL_DATA,
    FILTERS,
    LAYOUT,
    LINK,
    LINK_INFO,
    SYMBOL_TABLE,
    Attribute,
    Layout,
    Messages,
    Type,
    messages,
    parse_attribute,
    parse_filters,
    parse_layout,
    parse_link,
    parse_shape,
    parse_type,
)
from tfsnn.hdf5.source import DAMAGED, REWRITE, UNDEFINED, ByteSource, chunk_tree, number, source_text, symbol_table
from tfsnn.memory import afford

SIGNATURE = b"\x89HDF\r\n\x1a\n"
_LARGEST_GROWTH = 100
_SMALLEST_ROOM = 1 << 20
_DEEPEST = 100
_NO_LINK = "an object of its own (links that leave their place are not followed)"


@dataclass(frozen=True)
class H5Node:
    """One group or dataset of an open file; `path` is its name as messages show it."""

    source: ByteSource
    path: str
    messages: Messages

    @cached_property
    def links(self) -> dict[str, int | None]:
        """Object address by name of the links of a group; None for a link that leaves its place."""
        return dict(_links(self))

    @cached_property
    def attributes(self) -> dict[str, Attribute]:
        """The attributes by name, not yet decoded."""
        return dict(_attributes(self))


@contextmanager
def opened(path: str | os.PathLike[str] | BinaryIO, label: str | None = None) -> Iterator[H5Node]:
    """Open an HDF5 file, or an open binary stream that holds one, and give its root group.

    Raises
    ------
    FileError
        The file is missing, is not HDF5, or is cut off.
    """
    if isinstance(path, (str, os.PathLike)):
        name = label or os.fspath(path)
        try:
            stream: BinaryIO = open(path, "rb")
        except OSError as error:
            way_out = "give the path of an existing file"
            raise FileError(f"{name}: cannot be opened ({error.strerror}); {way_out}") from error
        with stream:
            yield _root(ByteSource(stream, name))
    else:
        yield _root(ByteSource(path, label or "stream"))


def _root(source: ByteSource) -> H5Node:
    start = source.read(0, min(source.size, 96), "superblock")
    if not start.startswith(SIGNATURE):
        source.refuse("first bytes", start[:8], repr(SIGNATURE), "give an HDF5 file (.h5, .hdf5)")
    version = number(start, 8, 1)
    if version in (0, 1):
        shift = 4 * version
        sizes, places = start[13:15], (24 + shift, 40 + shift, 64 + shift)
    elif version in (2, 3):
        sizes, places = start[9:11], (12, 28, 36)
    else:
        source.refuse("superblock", f"version {version}", "version 0 to 3", REWRITE)
    base, end, root = (number(start, place, 8) for place in places)
    if sizes != b"\x08\x08" or base:
        source.refuse("superblock", f"address sizes {list(sizes)}, base {base}", "sizes 8 and 8, base 0", REWRITE)
    if end > source.size:
        source.refuse("size", f"{source.size} bytes", f"{end} (the file is cut off)", "copy or download it again")
    return H5Node(source, "/", messages(source, root, "/"))


def _listed(node: H5Node, single: int, info: int, behind_order: int) -> Iterator[bytes]:
    """Yield the bodies of messages of a kind: those in the object's header, and those that an index keeps elsewhere.

    Where creation order is tracked, `info` has the addresses of the index at `behind_order`, else at 2.
    """
    for kind, body in node.messages:
        if kind == single:
            yield body
        elif kind == info:
            at = behind_order if number(body, 1, 1) & 1 else 2
            if number(body, at, 8) != UNDEFINED:
                yield from dense_messages(node.source, number(body, at, 8), number(body, at + 8, 8), node.path)


def _links(node: H5Node) -> Iterator[tuple[str, int | None]]:
    for kind, body in node.messages:
        if kind == SYMBOL_TABLE:
            yield from symbol_table(node.source, number(body, 0, 8), number(body, 8, 8), node.path)
    for body in _listed(node, LINK, LINK_INFO, 10):
        yield parse_link(node.source, body, node.path)


def children(node: H5Node) -> tuple[str, ...]:
    """Return the names in a group, sorted; links that leave their place are named, but `child` refuses them."""
    return tuple(sorted(node.links))


def has(node: H5Node, path: str) -> bool:
    """Return whether a group holds an object under this path."""
    first, _, rest = path.strip("/").partition("/")
    return first in node.links and (not rest or has(child(node, first), rest))


def child(node: H5Node, path: str) -> H5Node:
    """Return the group or dataset at `path` below `node`."""
    names = path.strip("/").split("/")
    if len(names) > _DEEPEST:
        node.source.refuse(node.path, f"a path of {len(names)} names", f"at most {_DEEPEST}")
    for name in names:
        here = f"{node.path.rstrip('/')}/{name}"
        links = node.links
        if name not in links:
            known = ", ".join(sorted(links)[:8]) or "nothing"
            node.source.refuse(here, f"no such object (there is {known})", "an object of this name")
        address = links[name]
        if address is None:
            node.source.refuse(here, "a soft or external link", _NO_LINK, REWRITE)
        node = H5Node(node.source, here, messages(node.source, address, here))
    return node


def is_dataset(node: H5Node) -> bool:
    """Return whether a node is a dataset rather than a group."""
    return any(kind == LAYOUT for kind, _ in node.messages)


def _attributes(node: H5Node) -> Iterator[tuple[str, Attribute]]:
    for body in _listed(node, ATTRIBUTE, ATTRIBUTE_INFO, 4):
        yield parse_attribute(node.source, body, node.path)


def attributes(node: H5Node) -> tuple[str, ...]:
    """Return the names of a node's attributes, sorted."""
    return tuple(sorted(node.attributes))


def texts(node: H5Node, name: str) -> tuple[str, ...]:
    """Return an attribute that is a list of texts; an empty list may be of any type, as h5py makes it of floats."""
    return tuple(_texts(node, name, _wanted(node, name)))


def text(node: H5Node, name: str) -> str:
    """Return an attribute, or a dataset of the group, that is one text."""
    if name in node.attributes:
        found = texts(node, name)
        field = f"{node.path}, attribute '{name}'"
    else:
        item = child(node, name)
        field, found = item.path, _dataset_texts(item)
    if len(found) != 1:
        node.source.refuse(field, f"{len(found)} texts", "one text")
    return found[0]


def attribute(node: H5Node, name: str) -> NDArray[np.generic]:
    """Return an attribute of numbers as an array (of no axes where it is one number)."""
    found = _wanted(node, name)
    if found.type.numpy is None:
        node.source.refuse(f"{node.path}, attribute '{name}'", "text", "numbers")
    return np.frombuffer(found.raw, found.type.numpy).reshape(found.shape).astype(found.type.numpy.newbyteorder("="))


def _wanted(node: H5Node, name: str) -> Attribute:
    if name not in node.attributes:
        there = ", ".join(attributes(node)[:8]) or "none"
        found = f"no such attribute (there is {there})"
        node.source.refuse(f"{node.path}, attribute '{name}'", found, "an attribute of this name")
    return node.attributes[name]


def _texts(node: H5Node, name: str, found: Attribute) -> Iterator[str]:
    field = f"{node.path}, attribute '{name}'"
    count = math.prod(found.shape)
    if found.type.numpy is not None and count:
        node.source.refuse(field, f"numbers ({found.type.numpy})", "text")
    size = found.type.size
    for place in range(0, count * size, size):
        yield _one_text(node.source, found.raw[place : place + size], found.type.variable, field)


def _one_text(source: ByteSource, raw: bytes, variable: bool, field: str) -> str:
    if variable:
        length, address, index = number(raw, 0, 4), number(raw, 4, 8), number(raw, 12, 4)
        raw = source.global_heap_object(address, index, field)[:length] if length else b""
    return source_text(source, raw.split(b"\0")[0], field)


def _dataset_texts(node: H5Node) -> tuple[str, ...]:
    kind, shape = _declared(node)
    if kind.numpy is not None or math.prod(shape) != 1:
        node.source.refuse(node.path, f"{kind.numpy or 'text'} of shape {shape}", "one text")
    return (_one_text(node.source, bytes(_stored(node, kind.size, shape)), kind.variable, node.path),)


def _message(node: H5Node, kind: int, name: str) -> bytes:
    for found, body in node.messages:
        if found == kind:
            return body
    node.source.refuse(node.path, f"no {name}", "a dataset")


def _declared(node: H5Node) -> tuple[Type, tuple[int, ...]]:
    kind = parse_type(node.source, _message(node, DATATYPE, "data type"), node.path)
    return kind, parse_shape(node.source, _message(node, DATASPACE, "shape"), node.path)


def dataset(
    node: H5Node, path: str, *, dtype: str | None = None, shape: Sequence[int] | None = None, finite: bool = False
) -> NDArray[np.generic]:
    """Return a dataset of numbers in the byte order of this machine.

    Parameters
    ----------
    node, path
        Where it is: below which group, under which names; "" is the node itself.
    dtype, shape
        Refuse any other; None accepts every number type and shape.
    finite
        Refuse NaN and infinities.
    """
    item = child(node, path) if path else node
    kind, found = _declared(item)
    if kind.numpy is None:
        item.source.refuse(item.path, "text", "numbers")
    native = kind.numpy.newbyteorder("=")
    if dtype is not None and native != np.dtype(dtype):
        item.source.refuse(item.path, f"type {native}", f"type {dtype}")
    if shape is not None and found != tuple(shape):
        item.source.refuse(item.path, f"shape {found}", f"shape {tuple(shape)}")
    values = np.frombuffer(_stored(item, kind.size, found), kind.numpy).reshape(found)
    values = values.astype(native, copy=not values.flags.writeable)
    if finite and native.kind == "f" and not np.isfinite(values).all():
        item.source.refuse(item.path, f"{int((~np.isfinite(values)).sum())} values NaN or infinite", "finite numbers")
    return values


def _stored(node: H5Node, size: int, shape: tuple[int, ...]) -> bytes | bytearray | NDArray[np.uint8]:
    """Return the bytes of a dataset, row by row."""
    if any(kind == EXTERNAL_DATA for kind, _ in node.messages):
        node.source.refuse(node.path, "data kept in other files", "data in this file", REWRITE)
    layout = parse_layout(node.source, _message(node, LAYOUT, "layout"), len(shape), node.path)
    length = math.prod(shape) * size
    if length == 0:
        return b""
    if layout.kind != "compact" and layout.address == UNDEFINED:
        node.source.refuse(node.path, f"shape {shape} and no data", "data that were written")
    if layout.kind == "chunked":
        return _chunks(node, layout, size, shape)
    if layout.length != length or (layout.kind == "compact" and len(layout.raw) != length):
        node.source.refuse(node.path, f"{layout.length} bytes stored", f"the {length} that shape {shape} needs")
    return layout.raw if layout.kind == "compact" else node.source.array(layout.address, length, node.path)


def _chunks(node: H5Node, layout: Layout, size: int, shape: tuple[int, ...]) -> bytearray:
    source, chunk = node.source, layout.chunk
    filters = next((parse_filters(source, body, node.path) for kind, body in node.messages if kind == FILTERS), ())
    length = math.prod(shape) * size
    if not all(chunk) or length > _LARGEST_GROWTH * source.size + _SMALLEST_ROOM:
        source.refuse(node.path, f"shape {shape} in chunks of {chunk}", f"what a file of {source.size} bytes can hold")
    expected = math.prod(-(-whole // part) for whole, part in zip(shape, chunk))
    found = list(itertools.islice(chunk_tree(source, layout.address, len(shape), node.path), expected + 1))
    stored = sum(entry[3] for entry in found)
    room = _LARGEST_GROWTH * stored + _SMALLEST_ROOM
    if len(found) != expected or math.prod(chunk) * size * expected > room:
        wanted = f"{expected} chunks for shape {shape}, packed at most {_LARGEST_GROWTH}:1"
        source.refuse(node.path, f"{len(found)} chunks of {stored} bytes in all", wanted, REWRITE)
    afford(2 * length, f"{source.label}: {node.path}", "store less in it")
    out = bytearray(length)
    whole = np.frombuffer(out, f"V{size}").reshape(shape)
    for offset, mask, address, width in found:
        if any(at % part or at >= extent for at, part, extent in zip(offset, chunk, shape)):
            source.refuse(node.path, f"a chunk at {offset}", f"chunks of {chunk} within {shape}")
        raw = _unfiltered(node, source.data(address, width, node.path), filters, mask, size, math.prod(chunk) * size)
        part = tuple(slice(at, min(at + extent, end)) for at, extent, end in zip(offset, chunk, shape))
        piece = np.frombuffer(raw, f"V{size}").reshape(chunk)
        whole[part] = piece[tuple(slice(0, cut.stop - cut.start) for cut in part)]
    return out


def _unfiltered(node: H5Node, raw: bytes, filters: tuple[int, ...], mask: int, size: int, length: int) -> bytes:
    """Undo the filters of one chunk, last applied first; a set bit in `mask` says that the filter was skipped."""
    for place, identity in reversed(tuple(enumerate(filters))):
        if mask >> place & 1:
            continue
        if identity == 3:
            raw = raw[:-4]
        elif identity == 2:
            whole = len(raw) // size * size
            raw = np.frombuffer(raw[:whole], np.uint8).reshape(size, -1).T.tobytes() + raw[whole:]
        else:
            inflate = zlib.decompressobj()
            try:
                raw = inflate.decompress(raw, length + 4)
            except zlib.error as error:
                node.source.refuse(node.path, f"a chunk that does not unpack ({error})", "deflated data")
    if len(raw) != length:
        node.source.refuse(node.path, f"a chunk of {len(raw)} bytes", f"{length} bytes", DAMAGED)
    return raw
