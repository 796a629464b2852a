"""Every picture is drawn whatever a report holds, and a label is never far from what it names."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import matplotlib.image
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.evaluate_parts import DELAY, evaluated, pixels
from tfsnn.evaluate.plots import curves as plots
from tfsnn.evaluate.plots.frame import one_frame, spread
from tfsnn.input.encoder import Encoder
from tfsnn.simulate import Result, simulate

GRADED, DELTA = Encoder("graded", scale=1.0), Encoder("delta", scale=1 / 4, threshold=0.25)


WIDEST = 1632
"""Pixels of a picture as wide as the page."""
MANY = (0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0)


@pytest.mark.parametrize(
    ("encoder", "outputs", "thresholds"),
    [(DELAY, 2, (0.5,)), (DELAY, 2, MANY), (DELAY, 1, (0.1, 2.0)), (GRADED, 2, (0.5,)), (DELTA, 2, (0.1, 0.5))],
)
def test_report_pictures(tmp_path: Path, encoder: Encoder, outputs: int, thresholds: tuple[float, ...]) -> None:
    _, _, found = evaluated(encoder, outputs, thresholds)
    captions = plots.draw(found, tmp_path)
    measure = "accuracy" if outputs == 2 else "rmse"
    expected = [f"{measure}_operations.png", f"{measure}_spikes.png", f"{measure}_time.png", "layers.png"]
    assert list(captions) == [name for name in expected if encoder == DELAY or "time" not in name]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(captions)
    for name in captions:
        width, height = pixels(tmp_path / name)
        assert WIDEST >= width > height > 200
        assert matplotlib.image.imread(tmp_path / name).std() > 0.01


def test_widest_picture_is_as_wide_as_the_page(tmp_path: Path) -> None:
    plots.draw(evaluated()[2], tmp_path)
    assert pixels(tmp_path / "layers.png")[0] == WIDEST


@pytest.mark.parametrize("shares", [(0.99, 0.985, 0.1), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0)])
def test_collapsed_rows(tmp_path: Path, shares: tuple[float, ...]) -> None:
    found: dict[str, Any] = deepcopy(evaluated()[2])
    found["baselines"]["ann"]["accuracy"] = 0.99
    for row, share in zip(found["rows"], shares):
        row |= {"accuracy": share, "accuracy_ci95": [max(0.0, share - 0.01), min(1.0, share + 0.01)]}
    assert "accuracy_operations.png" in plots.draw(found, tmp_path)


def test_silent_network(tmp_path: Path) -> None:
    found: dict[str, Any] = deepcopy(evaluated()[2])
    for row in found["rows"]:
        row |= {"synaptic_operations": 0.0, "spikes_per_neuron": 0.0, "reduction": None}
    assert plots.draw(found, tmp_path)


def first_frame(encoder: Encoder, sample: int = 0, **settings: Any) -> Result:
    workload = evaluated(encoder)[0]
    return simulate(
        workload.net,
        workload.events.sample(sample),
        threshold=0.2,
        unit="absolute",
        record=("trajectory", "events"),
        **settings,
    )


@pytest.mark.parametrize("encoder", [DELAY, GRADED])
@pytest.mark.parametrize("settings", [{}, {"spikes": "signed", "schedule": "spike", "spiking_output": True}])
def test_one_frame(tmp_path: Path, encoder: Encoder, settings: dict[str, Any]) -> None:
    workload, found, _ = evaluated(encoder)
    result = first_frame(encoder, **settings)
    caption = one_frame(workload, result, found.ann.outputs[0], tmp_path / "frame.png")
    assert result.log is not None and f"all {len(result.log.t):,} spikes" in caption and "threshold of 0.2" in caption
    assert pixels(tmp_path / "frame.png")[0] == WIDEST


def test_frame_without_events(tmp_path: Path) -> None:
    workload, found, _ = evaluated()
    result = first_frame(DELAY, sample=6)
    assert result.trajectory is not None and len(result.trajectory.t) == 0
    assert "all 0 spikes" in one_frame(workload, result, found.ann.outputs[6], tmp_path / "frame.png")


@pytest.mark.parametrize("shape", [(3, 3, 3), (3, 3, 2), (9,), (3, 3), (3, 3, 2, 2)])
def test_frames_of_any_shape(tmp_path: Path, shape: tuple[int, ...]) -> None:
    workload, found, _ = evaluated()
    raw = np.random.default_rng(0).integers(0, 5, (1, *shape)).astype(np.uint8)
    one_frame(replace(workload, raw={"in": raw}), first_frame(DELAY), found.ann.outputs[0], tmp_path / "frame.png")
    assert pixels(tmp_path / "frame.png")


@given(st.lists(st.floats(-10, 10), max_size=12), st.floats(0, 3))
def test_spread(heights: list[float], least: float) -> None:
    placed = spread(heights, least)
    assert np.all(np.diff(sorted(placed)) >= least - 1e-9)
    assert all(
        placed[i] <= placed[j] + 1e-9 for i in range(len(placed)) for j in range(len(placed)) if heights[i] < heights[j]
    )
    if len(heights) < 2 or min(np.diff(sorted(heights))) >= least:
        assert placed == pytest.approx(heights)
    assert sum(placed) == pytest.approx(sum(heights), abs=1e-6)


def test_labels_stand_where_there_is_room() -> None:
    x = np.array([1000.0, 1001.0, 1002.0, 1003.0, 5000.0, 9000.0])
    sides = plots.sides(x, np.array([True, True, True, True, False, True]), 1)
    assert set(sides) == {1, 0, 5} and sides[1] != sides[0]
