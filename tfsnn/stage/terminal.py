"""What a stage shows while it works and when it is done: progress, announcements, tables."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from threading import Timer
from typing import Any, TypeVar

from tqdm import tqdm

from tfsnn.errors import printable

T = TypeVar("T")
MINUTE = 60


def progress(iterable: Iterable[T], description: str, *, total: int | None = None) -> tqdm[T]:
    """The same items, with a progress bar on stderr, on none but terminals from the second minute on; none if TFSNN_PROGRESS is 0."""
    quiet, pause = os.environ.get("TFSNN_PROGRESS") == "0", 0 if sys.stderr.isatty() else MINUTE
    often: dict[str, Any] = {"delay": pause, "mininterval": pause or 0.1, "maxinterval": pause or 10}
    return tqdm(iterable, description, total, file=sys.stderr, disable=quiet, dynamic_ncols=True, **often)


@contextmanager
def counting(description: str, total: int) -> Iterator[Callable[[int], object]]:
    """The same bar for a loop that is elsewhere: ``with counting("simulating", n) as count: f(progress=count)``."""
    with progress(range(0), description, total=total) as bar:
        yield bar.update


@contextmanager
def announced_if_slow(text: str) -> Iterator[None]:
    """Say a line on stderr if what is inside takes longer than a second."""
    timer = Timer(1.0, lambda: print(text, end="", file=sys.stderr, flush=True))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


@contextmanager
def hushed() -> Iterator[None]:
    """Keep from stderr what libraries write there by themselves, past Python."""
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def announce(text: str) -> None:
    """Say a line on stderr while a stage works."""
    sys.stderr.write(f"{printable(text)}\n")


def say(line: str) -> None:
    """A line on stderr, at once, for whoever watches work that goes on; results go to stdout."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def table(headers: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Rows as aligned text: a column that begins with a digit or a sign everywhere to the right; None is a dash.

    Examples
    --------
    >>> print(table(["layer", "threshold", "accuracy"], [["conv", 0.05, "98.9 %"], ["dense", 0.1, None]]))
    layer  threshold  accuracy
    conv        0.05    98.9 %
    dense        0.1         -
    """
    lines = [list(headers)] + [["-" if value is None else printable(str(value)) for value in row] for row in rows]
    columns = []
    for header, *body in zip(*lines, strict=True):
        width = max(map(len, (header, *body)))
        number = all(cell[:1] in tuple("+-.0123456789") for cell in body)
        columns.append([cell.rjust(width) if number else cell.ljust(width) for cell in (header, *body)])
    return "\n".join("  ".join(line).rstrip() for line in zip(*columns))
