"""Arrays out of .npz files that may be damaged."""

from __future__ import annotations

import struct
import tokenize
import zlib
from io import BytesIO
from lzma import LZMAError
from zipfile import BadZipFile, ZipFile

import numpy as np

from tfsnn.aliases import Array
from tfsnn.errors import FileError

# What zipfile, its decompressors and NumPy's header parser raise when they meet bytes that nobody has written.
DAMAGE = (
    *(ValueError, KeyError, EOFError, MemoryError, OverflowError, RuntimeError, SyntaxError),
    *(BadZipFile, zlib.error, LZMAError, struct.error, tokenize.TokenError),
)
# Deflate packs no more than 1,032 to 1.
_GROWTH, _ROOM = 1100, 1 << 20


def names(archive: ZipFile) -> frozenset[str]:
    """The names of the arrays in an open archive."""
    return frozenset(name.removesuffix(".npy") for name in archive.namelist())


def member(archive: ZipFile, name: str, label: str) -> Array:
    """An array of plain numbers from an open archive.

    Parameters
    ----------
    archive
        Open.
    name
        Of the array.
    label
        What messages call the file.

    Raises
    ------
    FileError
        If it claims to hold more than its packed bytes can; for other damage whatever is in :data:`DAMAGE`.
    """
    info = archive.getinfo(f"{name}.npy")
    if info.file_size > _GROWTH * info.compress_size + _ROOM:
        raise FileError(f"{label}: array {name}: found {info.file_size} bytes packed into {info.compress_size}, which no array does")
    return unpacked(archive, name)


def unpacked(archive: ZipFile, name: str) -> Array:
    """The same without a look at how it is packed, for archives that may be packed by any means."""
    # Read to the end before it is looked at: only then does the archive vouch for its content.
    return np.asarray(np.lib.format.read_array(BytesIO(archive.read(f"{name}.npy")), allow_pickle=False))
