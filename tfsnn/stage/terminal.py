"""What a stage shows while it works and when it is done: progress, announcements, tables."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from contextlib import contextmanager
from io import StringIO
from textwrap import fill
from threading import Timer
from time import monotonic
from typing import TYPE_CHECKING, Generic, TypeVar

from tfsnn.errors import printable

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

T = TypeVar("T")
MINUTE = 60
SLOW = 1.0
"""Seconds after which it is said that something is compiled."""
PLAIN_WIDTH = 110
"""Of sentences that go to a file or a pipe."""


class Bar(Generic[T]):
    """The items of an iterable, and how far they have come: a bar as wide as the terminal; elsewhere a line a minute.

    Parameters
    ----------
    iterable
        What is gone through.
    description
        What is going on.
    total
        How many items there are; None: as many as the iterable says.
    """

    def __init__(self, iterable: Iterable[T], description: str, total: int | None = None) -> None:
        self._items, self._description, self._note = iterable, description, ""
        self._total = len(iterable) if total is None and isinstance(iterable, Sized) else total
        self._done, self._begun = 0, monotonic()
        self._said = self._begun
        self._rich: Progress | None = None
        self._task: TaskID | None = None
        self._quiet = os.environ.get("TFSNN_PROGRESS") == "0"

    def __iter__(self) -> Iterator[T]:
        with self:
            for item in self._items:
                yield item
                self.update()

    def __enter__(self) -> Bar[T]:
        if not self._quiet and sys.stderr.isatty():
            self._rich = _drawn_progress()
            self._task = self._rich.add_task(printable(self._description), total=self._total, note="")
            self._rich.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._rich is not None:
            self._rich.stop()
            self._rich = None

    def update(self, count: int = 1) -> None:
        """So many more are done."""
        self._done += count
        if self._rich is not None and self._task is not None:
            self._rich.update(self._task, advance=count, note=self._note)
        elif not self._quiet and monotonic() - self._said > MINUTE:
            self._said = monotonic()
            extent = "" if self._total is None else f"/{self._total:,}"
            note = f"; {self._note}" if self._note else ""
            say(printable(f"{self._description}: {self._done:,}{extent}, {self._said - self._begun:.0f} s{note}"))

    def note(self, text: str) -> None:
        """Say a few words behind the count from now on."""
        self._note = text


def _drawn_progress() -> Progress:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        *(TextColumn("{task.description}", markup=False), BarColumn(bar_width=None), MofNCompleteColumn()),
        *(TimeElapsedColumn(), TimeRemainingColumn(), TextColumn("{task.fields[note]}", markup=False)),
    )
    return Progress(*columns, console=Console(stderr=True), expand=True)


def progress(iterable: Iterable[T], description: str, *, total: int | None = None) -> Bar[T]:
    """The same items, with a progress bar on stderr; elsewhere than on terminals a line a minute; none if TFSNN_PROGRESS is 0."""
    return Bar(iterable, description, total)


@contextmanager
def counting(description: str, total: int) -> Iterator[Callable[[int], object]]:
    """The same bar for a loop that is elsewhere: ``with counting("simulating", n) as count: f(progress=count)``."""
    with progress(range(0), description, total=total) as bar:
        yield bar.update


@contextmanager
def announced_if_slow(text: str) -> Iterator[None]:
    """Say a line on stderr if what is inside takes longer than :data:`SLOW`."""
    timer = Timer(SLOW, lambda: print(text, end="", file=sys.stderr, flush=True))
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

    Where stdout is a terminal it is no wider than that.

    Examples
    --------
    >>> print(table(["layer", "threshold", "accuracy"], [["conv", 0.05, "98.9 %"], ["dense", 0.1, None]]))
    layer  threshold  accuracy
    conv        0.05    98.9 %
    dense        0.1         -
    """
    lines = [list(headers)] + [["-" if value is None else printable(str(value)) for value in row] for row in rows]
    columns = list(zip(*lines, strict=True))
    numeric = [all(cell[:1] in tuple("+-.0123456789") for cell in body) for _, *body in columns]
    if sys.stdout.isatty():
        return _drawn_table(lines, numeric)
    widths = [max(map(len, column)) for column in columns]
    aligned = [[c.rjust(w) if right else c.ljust(w) for c, w, right in zip(line, widths, numeric)] for line in lines]
    return "\n".join("  ".join(line).rstrip() for line in aligned)


def _drawn_table(lines: Sequence[Sequence[str]], numeric: Sequence[bool]) -> str:
    """The same for a terminal: no wider than that, names broken where they do not fit."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1))
    for header, right in zip(lines[0], numeric):
        drawn.add_column(Text(header), justify="right" if right else "left", overflow="fold")
    for line in lines[1:]:
        drawn.add_row(*map(Text, line))
    file = StringIO()
    width = shutil.get_terminal_size().columns
    Console(file=file, width=width, force_terminal=True, color_system=None).print(drawn)
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines())


def paragraph(text: str) -> str:
    """Sentences broken into lines as wide as the terminal; of a fixed width elsewhere."""
    return fill(text, shutil.get_terminal_size().columns if sys.stdout.isatty() else PLAIN_WIDTH)
