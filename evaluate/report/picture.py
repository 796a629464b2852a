"""A few pixels as PNG, for a page that carries everything with it."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from .parts import Picture

WIDEST = 240
"""Pixels of the page that a picture takes, at most."""


def picture(image: Mapping[str, Any], words: str) -> Picture:
    """A picture whose pixels stay visible.

    Parameters
    ----------
    image
        ``shape`` (rows, columns, 1 or 3), and its bytes in ``base64``.
    words
        What it shows.
    """
    rows, columns, channels = image["shape"]
    pixels = np.frombuffer(base64.b64decode(image["base64"]), np.uint8).reshape(rows, columns * channels)
    # Each row of a PNG begins with the number of its filter: none.
    lines = np.hstack([np.zeros((rows, 1), np.uint8), pixels]).tobytes()
    head = struct.pack(">IIBBBBB", columns, rows, 8, 2 if channels == 3 else 0, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(lines)), (b"IEND", b""))
    data = b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, content) for kind, content in parts)
    scale = max(1, WIDEST // max(columns, rows))
    return Picture(base64.b64encode(data).decode(), scale * columns, scale * rows, words)


def of_png(png: bytes, words: str) -> Picture:
    """A picture that is there already.

    Parameters
    ----------
    png
        The content of its file.
    words
        What it shows.
    """
    # The first chunk of a PNG begins with its width and height.
    width, height = (int.from_bytes(png[at : at + 4], "big") for at in (16, 20))
    return Picture(base64.b64encode(png).decode(), width, height, words)


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
