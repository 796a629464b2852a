"""Axes carry round numbers, positions lie on the plot, and words say what is drawn."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.evaluate_parts import evaluated, watched
from tests.pages import stream
from tfsnn.evaluate.plots import figures
from tfsnn.evaluate.plots import stream as streams
from tfsnn.evaluate.plots.axis import Axis, around, short
from tfsnn.evaluate.plots.chart import BLUE, DASHED, GREY, Chart
from tfsnn.evaluate.plots.settings import by_setting
from tfsnn.evaluate.plots.timeline import POINTS, Course, Still, timeline

FINITE = st.floats(-1e9, 1e9)


@given(st.lists(FINITE, min_size=1, max_size=9), st.booleans(), st.integers(2, 8))
def test_any_axis_shows_its_values_beside_few_round_numbers(values: list[float], log: bool, most: int) -> None:
    axis = around(values, log=log)
    assert axis.low < axis.high and all(0 <= axis.at(value) <= 100 for value in values)
    places = [at for at, _ in axis.ticks(most)]
    assert len(places) <= most and places == sorted(places) and all(0 <= at <= 100 for at in places)


@pytest.mark.parametrize(
    ("axis", "words"),
    [
        (Axis(0.0, 100.0), ["0", "20", "40", "60", "80", "100"]),
        (Axis(97.3, 98.2), ["97.4", "97.6", "97.8", "98", "98.2"]),
        (Axis(9e4, 4e5, log=True), ["100k", "200k"]),
        (Axis(1.0, 1e6, log=True), ["1", "100", "10k", "1M"]),
        (Axis(3.1, 3.4, log=True), ["3.1", "3.2", "3.3", "3.4"]),
    ],
)
def test_ticks(axis: Axis, words: list[str]) -> None:
    assert [text for _, text in axis.ticks()] == words


def test_places_on_axes() -> None:
    assert [Axis(1.0, 100.0, log=True).at(value) for value in (0.0, 1, 10, 100, 1e9)] == [0, 0, 50, 100, 100]
    assert Axis(0.0, 2.0).inside(2.0) and not Axis(0.0, 2.0).inside(2.1)
    assert around([2.0, 2.0]).low == pytest.approx(1.8) and around([], zero=True).low == 0
    assert around([0.0, 10.0], log=True).log is False
    assert [short(value) for value in (2e9, -1500, 0.25)] == ["2G", "-1.5k", "0.25"]


def test_lines_levels_and_columns() -> None:
    chart = Chart("title", "caption", Axis(0.0, 10.0), Axis(0.0, 4.0), "x", "y")
    chart.line([0, 5, 10], [0, 4, 2], BLUE, name="line")
    chart.line([0, 5], [1, 2], BLUE, steps=True)
    chart.band([0, 10], [0, 0], [4, 4], BLUE)
    assert [line.path for line in chart.lines] == ["M0 100L50 0L100 50", "M0 75H50V50", "M0 0L100 0L100 100L0 100Z"]
    chart.level(2.0, GREY, DASHED, "inside")
    chart.level(9.0, GREY, DASHED, "outside")
    chart.start(5.0)
    assert [(level.at, level.upright) for level in chart.levels] == [(50, False), (50, True)]
    assert [key.text for key in chart.legend] == ["line", "inside", "outside"]
    chart.column(9.99, 20.0, "words")
    assert chart.marks[0].width == 0.5 and chart.y_ticks[0] == (100, "0")


@pytest.mark.parametrize("count", [1, 2, 47, POINTS, POINTS + 1, 5000])
def test_a_timeline_of_any_length_says_all_of_it(count: int) -> None:
    values = np.sin(np.arange(count))
    chart = timeline("t", "c", ("frame", "v"), [Course("wave", range(count), values, BLUE)], [Still("level", 1.5, GREY, DASHED)])
    assert [line.filled for line in chart.lines] == ([True, False] if count > POINTS else [False])
    assert len(chart.marks) == min(48, count) and chart.y.inside(1.5)
    words = " ".join(mark.words for mark in chart.marks)
    assert words.startswith("Frame 0") and f"{count - 1:,}: wave" in words
    assert chart.marks[0].words.endswith("wave 0") or "(" in chart.marks[0].words
    assert len(chart.lines[-1].path.split("L")) <= POINTS


def test_timelines_cut_where_they_are_told_to() -> None:
    zero = timeline("t", "c", ("frame", "v"), [Course("cost", range(3), [0.0, 1e-9, 1e5], BLUE)], log=True)
    assert zero.y.log and zero.y.low < 10 < 1e5 < zero.y.high
    capped = timeline("t", "c", ("frame", "v"), [Course("ms", range(3), [1.0, 2.0, 1000.0], BLUE)], zero=True, top=3.0)
    assert capped.y.low == 0 and capped.y.high < 4 and "1,000" in capped.marks[-1].words


def test_settings() -> None:
    chart = by_setting("t", "c", ("threshold", "%"), [0.1, 1.0], [("one", [50.0, None], BLUE, "")], wanted=99.0)
    assert [mark.words for mark in chart.marks] == ["Threshold 0.1, one: 50 (%)"] and chart.legend[0].text == "asked for: 99"


def test_ends_of_a_report() -> None:
    found = evaluated()[2]
    chart = figures.ends(found, "operations")
    assert [mark.shape for mark in chart.marks].count("ring") == 1 and all("operations a frame" in mark.words for mark in chart.marks)
    places = [mark.x for mark in chart.marks]
    assert places == sorted(places)
    assert all(re.match(r"Threshold \S+: \d+\.\d\d %", mark.words) for mark in chart.marks)
    assert "spikes per neuron" in figures.ends(found, "spikes_per_neuron").marks[0].words
    course, time = figures.course(found)
    assert course.marks[0].words.startswith("After ") and time.marks[0].words.startswith("At ")


def test_streams_draw_what_decides() -> None:
    values = streams.outputs(stream(50))
    assert values is not None and [key.text for key in values.legend][:2] == ["output 0", "its reference, 0"]
    assert streams.outputs(stream(50, "mask")) is None
    classes = streams.outputs(stream(50, "classes"))
    assert classes is not None and "most often the largest" in classes.caption
    assert [key.text for key in streams.milliseconds(stream(50)).legend] == ["event network", "LiteRT, in turn"]


def test_pictures_of_streams_have_plain_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawings = watched(monkeypatch, "tfsnn.evaluate.plots.stream")
    streams.draw(stream(50), tmp_path)
    assert len(drawings) == 2 and not any("$" in mark for _, marks in drawings for mark in marks)
