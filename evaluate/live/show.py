"""What is seen while a stream runs: one screen on a terminal, a line now and then elsewhere; and the CSV, line by line."""

from __future__ import annotations

import csv
import io
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np

from tfsnn.errors import FileError
from tfsnn.stage.output import reason
from tfsnn.stage.terminal import say

from .decisions import Decision
from .run import Record, Row

OFTEN, SELDOM = 0.1, 2.0
"""Seconds between two pictures on a terminal, and two lines elsewhere."""
BARS = " ▁▂▃▄▅▆▇█"
WIDTH = 60
Watch = Callable[[Row, Record], object]
Lines = Sequence[tuple[str, str]]


@contextmanager
def screen(name: str, count: int | None, decision: Decision, dense: int, fact: str) -> Iterator[Watch]:
    """A function that shows each row: on a terminal one screen that is drawn over, elsewhere a line every two seconds.

    Parameters
    ----------
    name, count
        Of the video, and how many frames it has if that is known.
    decision
        How outputs are read.
    dense
        Multiply-accumulates of the dense network.
    fact
        A line that stays, such as the threshold.
    """
    with drawing(name, fact) as draw:
        yield lambda row, kept: draw(lambda: lines_of(row, kept, count, decision, dense))


@contextmanager
def drawing(name: str, fact: str) -> Iterator[Callable[[Callable[[], Lines]], None]]:
    """A function that shows what a function returns, which it calls when the time has come.

    Parameters
    ----------
    name, fact
        The title, and a line that stays.
    """
    if os.environ.get("TFSNN_PROGRESS") == "0":
        yield lambda lines: None
        return
    fancy = sys.stderr.isatty()
    pause, last = OFTEN if fancy else SELDOM, monotonic()
    with _panels(name, fact) if fancy else nullcontext(_plain) as draw:

        def show(lines: Callable[[], Lines]) -> None:
            nonlocal last
            if monotonic() - last >= pause:
                last = monotonic()
                draw(lines())

        yield show


@contextmanager
def _panels(name: str, fact: str) -> Iterator[Callable[[Lines], None]]:
    from rich.console import Console
    from rich.live import Live

    with Live(console=Console(stderr=True), auto_refresh=False, transient=True) as live:
        yield lambda lines: live.update(_panel(name, fact, lines), refresh=True)


def _plain(lines: Lines) -> None:
    say("  ".join(text for _, text in lines[:4]))


def lines_of(row: Row, kept: Record, count: int | None, decision: Decision, dense: int) -> list[tuple[str, str]]:
    """What is shown of a row: a word, and the numbers."""
    operations, ms = kept.series["operations"], kept.series["ms"]
    later = operations[1:] or operations
    mean = max(float(np.mean(later)), 1e-9)
    last = f"{row.operations:,} of {dense:,} operations"
    speed = f"{ms[-1]:.2f} ms a frame, {kept.rows / max(row.time, 1e-9):.1f} frames/s"
    lines = [
        ("frame", f"frame {row.frame + 1:,}" + (f" of {count:,}" if count else "")),
        ("output", decision.shown(row.outputs)),
        ("now", last),
        ("speed", speed),
        ("mean", f"{mean:,.0f} operations, {dense / mean:.1f} times fewer than dense; {float(np.median(ms[1:] or ms)):.2f} ms (median)"),
    ]
    if kept.compared:
        share = float(np.mean([value for _, value, _ in kept.compared]))
        beside = "" if "reference_ms" not in kept.series else f"; it takes {float(np.median(kept.series['reference_ms'])):.2f} ms"
        lines.append(("float", f"{100 * share:.1f} % same decisions as the float model{beside}"))
    lines.append(("", sparkline(operations[-WIDTH:])))
    return lines


def sparkline(values: Sequence[float]) -> str:
    """A row of bars, the largest value as high as a line.

    Examples
    --------
    >>> sparkline([0, 4, 8])
    ' ▄█'
    """
    top = max(max(values, default=0), 1e-9)
    return "".join(BARS[round((len(BARS) - 1) * value / top)] for value in values)


def _panel(name: str, fact: str, lines: Lines) -> Any:
    from rich.panel import Panel
    from rich.table import Table
    from rich.text import Text

    grid = Table(box=None, show_header=False, padding=(0, 2))
    for word, text in lines:
        grid.add_row(Text(word, style="dim"), Text(text))
    return Panel(grid, title=name, subtitle=fact, width=WIDTH + 20)


@contextmanager
def table_file(path: Path | None, outputs: int) -> Iterator[Callable[[Row], object]]:
    """A function that writes each row to a CSV file.

    Parameters
    ----------
    path
        The file, or None for none.
    outputs
        How many outputs are written.
    """
    head = ["frame", "seconds", "ms", "read_ms", "input_events", "operations", "reference_ms"]
    head += [*(f"output_{i}" for i in range(outputs)), *(f"reference_{i}" for i in range(outputs))]
    with line_file(path, head) as write_line:

        def write(row: Row) -> None:
            times = [f"{row.time:.4f}", f"{1e3 * row.seconds:.4f}", f"{1e3 * row.read:.4f}"]
            beside = "" if row.reference_seconds is None else f"{1e3 * row.reference_seconds:.4f}"
            seen = [""] * outputs if row.reference is None else [f"{value:.9g}" for value in row.reference[:outputs]]
            numbers = [f"{value:.9g}" for value in row.outputs[:outputs]]
            write_line([row.frame, *times, row.events, row.operations, beside, *numbers, *seen])

        yield write


@contextmanager
def line_file(path: Path | None, head: Sequence[str]) -> Iterator[Callable[[Sequence[object]], object]]:
    """A function that writes lines to a CSV file, each at once, so that a process that is killed leaves whole lines.

    Parameters
    ----------
    path
        The file, or None for none.
    head
        Names of the columns.
    """
    if path is None:
        yield lambda cells: None
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = open(path, "wb", buffering=0)
    except OSError as error:
        raise FileError(f"{path}: cannot be written ({reason(error)}); choose another place") from error
    with file:

        def write(cells: Sequence[object]) -> None:
            try:
                file.write(_line(cells))
            except OSError as error:
                raise FileError(f"{path}: cannot be written ({reason(error)}); its lines are whole up to there: make room") from error

        write(head)
        yield write


def _line(cells: Sequence[object]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue().encode()
