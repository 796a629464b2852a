"""How much memory may be taken, and large arrays whose memory goes back to the system as soon as they are dropped.

One budget holds for everything whose size a file or an argument decides: half of the memory that the machine, the
container or the process has, or what TFSNN_MEMORY says. What something will take is worked out from shapes and counts
before any of it is taken (:func:`afford`), because a file of a few kilobytes can name populations of gigabytes.

The C library keeps most of what it was given back, for itself alone: whoever else allocates in the same process, TensorFlow
for one, cannot have it. Weights come and go in the hundreds of megabytes, so they get pages of their own (:func:`empty`).
"""

from __future__ import annotations

import mmap
import os
import re
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from tfsnn.errors import BudgetError, InputError, shown

VARIABLE = "TFSNN_MEMORY"
_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?)(?:I?B)?\s*", re.IGNORECASE)
# Files in which a container's limit stands, of either version of control groups.
_GROUPS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
_UNKNOWN = 8 << 30
# What takes less than this is not worth asking for.
_UNIMPORTANT = 1 << 24

LEAST = 1 << 18
"""Bytes from which an array gets pages of its own."""


def empty(shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
    """A new array to be filled, as of ``np.empty``.

    Parameters
    ----------
    shape, dtype
        Of the array.

    Examples
    --------
    >>> empty((512, 512), "float32").shape
    (512, 512)
    """
    size = prod(shape) * np.dtype(dtype).itemsize
    if size < LEAST:
        return np.empty(shape, dtype)
    return np.frombuffer(mmap.mmap(-1, size), dtype).reshape(shape)


def budget() -> int:
    """Bytes that may be taken: what TFSNN_MEMORY says, else half of what this machine, container or process has.

    Raises
    ------
    InputError
        If TFSNN_MEMORY is no size.
    """
    text = os.environ.get(VARIABLE, "")
    if not text.strip():
        return _installed() // 2
    found = _SIZE.fullmatch(text)
    if found is None or not float(found[1]):
        raise InputError(f"{VARIABLE} is {shown(text)}; give a size above 0, as in 500M or 4G")
    return max(1, int(float(found[1]) * _UNITS[found[2].upper()]))


def afford(needed: int, what: str, change: str) -> None:
    """Refuse what would take more than the budget, before any of it is taken.

    Parameters
    ----------
    needed
        Bytes that it would take.
    what
        Where, and what: the message begins with it.
    change
        What the user can do about it.

    Raises
    ------
    BudgetError
        Saying what it would have taken, what there is, and what to change.

    Examples
    --------
    >>> afford(1 << 60, "plan: pool: index maps", "make the windows smaller")
    Traceback (most recent call last):
        ...
    tfsnn.errors.BudgetError: plan: pool: index maps would take 1073741824.0 GiB of memory, ... make the windows smaller...
    """
    if needed <= _UNIMPORTANT:
        return
    there = budget()
    if needed > there:
        raise BudgetError(
            f"{what} would take {size_of(needed)} of memory, {size_of(there)} may be taken; {change}, "
            f"or allow more with the environment variable {VARIABLE} (as in {VARIABLE}=16G) where the machine has it"
        )


def samples_within(each: int, share: int, most: int) -> int:
    """How many samples to work on at a time: what a part of the budget holds, one at least.

    Parameters
    ----------
    each
        Bytes that one sample takes.
    share
        The part: one over this.
    most
        As many at most.
    """
    return max(1, min(most, budget() // share // max(1, each)))


def size_of(count: int) -> str:
    """Bytes in words.

    Examples
    --------
    >>> size_of(512), size_of(3 << 20)
    ('512 bytes', '3.0 MiB')
    """
    for power, name in ((3, "GiB"), (2, "MiB"), (1, "KiB")):
        if count >= 1 << 10 * power:
            return f"{count / (1 << 10 * power):.1f} {name}"
    return f"{count} bytes"


def _installed() -> int:
    """Bytes that this process could ever have."""
    limits = [_machine(), _process()]
    for place in _GROUPS:
        try:
            text = Path(place).read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError):
            continue
        limits.append(int(text) if text.isdigit() else None)
    return min((limit for limit in limits if limit is not None), default=_UNKNOWN)


def _machine() -> int | None:
    try:
        pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return None
    return pages if pages > 0 else None


def _process() -> int | None:
    try:
        import resource
    except ImportError:
        return None
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    return None if limit == resource.RLIM_INFINITY else limit
