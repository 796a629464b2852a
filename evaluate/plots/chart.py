"""A chart as plain data, with every position a percentage of the plot: what the template draws as SVG.

Written here and not left to matplotlib's SVG backend for four reasons. Positions in percent let lines stretch with the page
while type keeps its size, on a telephone as on a wide screen; colours are names that the page's style gives a value, by day
and by night; every mark has words that pointer, keyboard and screen reader find; and a chart takes kilobytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from .axis import Axis, Tick

BLUE, ORANGE, GREEN, PURPLE, GREY, INK = "c1", "c2", "c3", "c4", "grey", "ink"
"""Colours by the names that the page's style knows."""
SOLID, DASHED, DOTTED = "", "dashed", "dotted"
COLUMNS = 48
"""Places along a long line that have words, at most."""


@dataclass(frozen=True)
class Line:
    """A line, or with ``filled`` an area: SVG path data in a square of 100 by 100."""

    path: str
    colour: str
    dash: str = SOLID
    filled: bool = False


@dataclass(frozen=True)
class Level:
    """A straight line across the plot, at a percentage of the axis that it is perpendicular to."""

    at: float
    colour: str
    dash: str
    upright: bool


@dataclass(frozen=True)
class Mark:
    """A place in the plot that has words.

    Parameters
    ----------
    x, y
        Percent from the left, and from the top.
    words
        What pointer and keyboard find.
    colour
        By name.
    shape
        ``"dot"``, ``"ring"``, ``"below"``, or ``"column"``: as high as the plot.
    low, high
        Percent from the top: ends of an interval; None: no interval.
    width
        Percent: how wide a column is.
    label, under
        Text beside the mark, empty for none, and whether it stands under it.
    """

    x: float
    y: float
    words: str
    colour: str = BLUE
    shape: str = "dot"
    low: float | None = None
    high: float | None = None
    width: float = 0.0
    label: str = ""
    under: bool = False


@dataclass(frozen=True)
class Key:
    """An entry of the legend."""

    text: str
    colour: str
    dash: str = SOLID
    upright: bool = False
    dotted: bool = False


@dataclass
class Chart:
    """A chart, filled piece by piece.

    Parameters
    ----------
    title, caption
        What it is called, and the sentence under it.
    x, y
        The axes.
    x_label, y_label
        What they show.
    long
        As wide as the page, and less high.
    lines, levels, marks, legend
        What is drawn, filled by the methods.
    """

    kind: ClassVar[str] = "chart"
    title: str
    caption: str
    x: Axis
    y: Axis
    x_label: str
    y_label: str
    long: bool = False
    lines: list[Line] = field(default_factory=list)
    levels: list[Level] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    legend: list[Key] = field(default_factory=list)

    @property
    def x_ticks(self) -> list[Tick]:
        """Percent from the left, and text."""
        return self.x.ticks()

    @property
    def y_ticks(self) -> list[Tick]:
        """Percent from the top, and text."""
        return [(round(100 - at, 2), text) for at, text in self.y.ticks()]

    def down(self, value: float) -> float:
        """Percent from the top where a value of the vertical axis stands."""
        return round(100 - self.y.at(value), 2)

    def line(self, x: Sequence[float], y: Sequence[float], colour: str, *, dash: str = SOLID, steps: bool = False, name: str = "") -> None:
        """A line through points; with ``steps`` each value holds until the next.

        Parameters
        ----------
        x, y
            The points.
        colour, dash
            How it is drawn.
        steps
            Hold each value until the next.
        name
            In the legend; empty: not there.
        """
        points = [(self.x.at(a), self.down(b)) for a, b in zip(x, y)]
        parts = [f"M{points[0][0]:g} {points[0][1]:g}"] if points else []
        parts += [f"H{a:g}V{b:g}" if steps else f"L{a:g} {b:g}" for a, b in points[1:]]
        self.lines.append(Line("".join(parts), colour, dash))
        if name:
            self.legend.append(Key(name, colour, dash))

    def band(self, x: Sequence[float], low: Sequence[float], high: Sequence[float], colour: str) -> None:
        """The area between two lines."""
        there = [(self.x.at(a), self.down(b)) for a, b in zip(x, high)]
        back = [(self.x.at(a), self.down(b)) for a, b in zip(x, low)][::-1]
        path = "L".join(f"{a:g} {b:g}" for a, b in there + back)
        self.lines.append(Line(f"M{path}Z" if path else "", colour, filled=True))

    def level(self, value: float, colour: str, dash: str, name: str, *, upright: bool = False) -> None:
        """A straight line across the plot, in the legend."""
        if (self.x if upright else self.y).inside(value):
            self.levels.append(Level(self.x.at(value) if upright else self.down(value), colour, dash, upright))
        self.legend.append(Key(name, colour, dash, upright))

    def column(self, first: float, last: float, words: str) -> None:
        """Words for a stretch of the horizontal axis, all lines together."""
        at, width = self.x.at(first), max(self.x.at(last) - self.x.at(first), 0.5)
        self.marks.append(Mark(at, 0.0, words, shape="column", width=round(width, 2)))

    def start(self, value: float) -> None:
        """A thin upright line that is not in the legend: something begins."""
        self.levels.append(Level(self.x.at(value), GREY, DOTTED, upright=True))
