"""What a page is made of, as plain data; the templates draw it, each by its ``kind``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from ..plots.chart import Chart

NUMBER = re.compile(r"[-+]?[\d.,]*(?=[ %]|$)")


@dataclass(frozen=True)
class Text:
    """A paragraph in small type."""

    kind: ClassVar[str] = "text"
    text: str


@dataclass(frozen=True)
class Points:
    """A list of sentences."""

    kind: ClassVar[str] = "points"
    lines: Sequence[str]


@dataclass(frozen=True)
class Code:
    """Text in columns; with a title it opens at a click, and with ``wrapped`` its lines may break."""

    kind: ClassVar[str] = "code"
    text: str
    title: str = ""
    wrapped: bool = False


@dataclass(frozen=True)
class Picture:
    """A picture of a few pixels: PNG in base64, its width and height, and words for it."""

    kind: ClassVar[str] = "picture"
    data: str
    width: int
    height: int
    words: str


@dataclass(frozen=True)
class Charts:
    """Charts side by side, as many as the page is wide."""

    kind: ClassVar[str] = "charts"
    charts: Sequence[Chart]


@dataclass(frozen=True)
class Bar:
    """A bar under the text of a cell, in percent of the cell."""

    colour: str
    percent: float


@dataclass(frozen=True)
class Raster:
    """Dots in a cell: colour and SVG path data in a square of 100 by 100 of each kind, and words for all."""

    paths: tuple[tuple[str, str], ...]
    words: str


@dataclass(frozen=True)
class Cell:
    """A cell with more to it than a text: a line in small type, bars, or dots."""

    text: str
    small: str = ""
    bars: tuple[Bar, ...] = ()
    raster: Raster | None = None


@dataclass(frozen=True)
class Table:
    """Rows under columns; the first cell of a row names it.

    Parameters
    ----------
    caption, head
        What it holds, and the columns.
    rows
        Plain text or :class:`Cell`; None is a dash.
    marks
        ``"chosen"`` or ``"total"`` by number of the row.
    style
        A name that the page's style knows.
    """

    kind: ClassVar[str] = "table"
    caption: str
    head: Sequence[str]
    rows: Iterable[Sequence[str | Cell | None]]
    marks: Mapping[int, str] = field(default_factory=dict)
    style: str = ""

    @property
    def cells(self) -> list[list[Cell]]:
        """Every cell as a :class:`Cell`."""
        return [[cell if isinstance(cell, Cell) else Cell("-" if cell is None else cell) for cell in row] for row in self.rows]

    @property
    def words(self) -> list[bool]:
        """By column, whether it stands to the left: the first one, and those that hold more words than numbers."""
        columns = list(zip(*self.cells)) or [() for _ in self.head]
        counts = [sum(not NUMBER.match(cell.text) for cell in column) for column in columns]
        return [not at or 2 * words > len(column) for at, (words, column) in enumerate(zip(counts, columns))]


Part = Text | Points | Code | Picture | Charts | Chart | Table


@dataclass(frozen=True)
class Section:
    """A heading, which stands in the contents, and what follows it."""

    title: str
    parts: Sequence[Part]
