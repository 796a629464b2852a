"""Calibration: percentiles exact however samples are batched; seeded inputs that use the encoder's whole range."""

from __future__ import annotations

import numpy as np
import pytest

from tests.convert_parts import PIXELS, drawn, graph_of, sequential
from tfsnn.convert.calibrate import (
    calibrate,
    drawn_range,
    expected_scale,
    expected_scales,
    frames_of,
    scaled,
    synthetic,
)
from tfsnn.errors import BudgetError
from tfsnn.input.encoder import Encoder
from tfsnn.network.forward import forward
from tfsnn.network.nodes import Input, Neurons
from tfsnn.network.ops import Activation

TEXTS = ("Conv2D(4, 3, activation='relu')", "MaxPooling2D(2)", "Flatten()", "Dense(5, activation='tanh')", "Dense(3)")


def test_scales_are_percentiles_and_means_are_means(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = graph_of(sequential((9, 8, 2), *TEXTS))
    frames = drawn(graph, 60)
    found = calibrate(graph, frames)
    monkeypatch.setattr("tfsnn.convert.calibrate.BATCH_NEURONS", 7 * graph.neurons)
    batched = calibrate(graph, frames)
    states = forward(graph, dict(frames))
    for node in graph.nodes:
        if isinstance(node, Neurons):
            value = node.activation(states[node.name].reshape(-1, *node.shape)).reshape(60, -1)
            keep = int(np.ceil(0.001 * value.size))
            assert found.scales[node.name] == pytest.approx(np.sort(np.abs(value).reshape(-1))[-keep], rel=1e-5)
            assert batched.scales[node.name] == pytest.approx(found.scales[node.name], rel=1e-5)
            np.testing.assert_allclose(batched.means[node.name], value.mean(axis=0), atol=1e-5)
    assert found.samples == 60
    node = scaled(graph, found.scales).nodes[-1]
    assert isinstance(node, Neurons) and node.scale == found.scales[node.name]


def test_a_silent_population_has_a_scale() -> None:
    model = sequential((4,), "Dense(3, activation='relu')", "Dense(2)")
    model.layers[0].set_weights([-np.ones((4, 3)), -np.ones(3)])
    graph = graph_of(model)
    scales = calibrate(graph, {"input": np.ones((5, 4), np.float32)}).scales
    assert scales[graph.nodes[1].name] == 1.0 and np.isfinite(list(scales.values())).all()


@pytest.mark.parametrize(
    ("encoder", "largest"),
    [(PIXELS, 255), (Encoder("graded", scale=1.0), 255), (Encoder("delay", scale=1 / 16), 16), (Encoder("delta"), 255)],
)
@pytest.mark.parametrize("shape", [(9, 8, 2), (3, 9, 8), (40,), (11, 3)])
def test_drawn_inputs(encoder: Encoder, largest: int, shape: tuple[int, ...]) -> None:
    node = Input("input", shape, encoder)
    raw = synthetic(node, 32, 5)
    assert raw.shape == (32, *shape) and raw.min() >= 0
    assert 0.85 * largest < raw.max() <= largest and raw.std() > 0.15 * largest
    np.testing.assert_array_equal(raw, synthetic(node, 32, 5))
    assert not np.array_equal(raw, synthetic(node, 32, 6))


def test_drawn_inputs_within_a_range() -> None:
    """Whole numbers on a grid of whole numbers, fractions at a step of their own; what was assumed can be said."""
    board = Input("input", (9, 8, 2), Encoder("graded", scale=1.0, range=(0, 1)))
    assert drawn_range(board) == (0, 1) and sorted(np.unique(synthetic(board, 32, 5))) == [0, 1]
    fine = synthetic(Input("input", (9, 8, 2), Encoder("graded", scale=1.0, step=1 / 512, range=(-1.5, 0.25))), 32, 5)
    assert fine.dtype == np.float32 and -1.5 <= fine.min() < -1.2 and 0 < fine.max() <= 0.25
    assert drawn_range(Input("input", (9, 8, 2), Encoder("graded", scale=1.0))) == (0, 255)


def test_expected_scale() -> None:
    mean, deviation = np.zeros(3), np.ones(3)
    assert expected_scale(Activation("linear"), mean, deviation) == pytest.approx(3.29, abs=0.15)
    assert expected_scale(Activation("relu", top=1.0), mean, deviation) == 1.0
    assert expected_scale(Activation("sigmoid"), np.full(3, 9.0), np.ones(3)) == pytest.approx(1.0, abs=1e-3)
    slopes = tuple(tuple((0.1, 0.2, 0.3) for _ in range(4)) for _ in range(5))
    assert expected_scale(Activation("relu", slope=slopes), mean, deviation) == pytest.approx(3.09, abs=0.1)
    assert expected_scale(Activation("relu"), np.full(3, -9.0), np.zeros(3)) == 1.0


def test_expected_scales_follow_the_factors() -> None:
    graph = graph_of(sequential((4,), "Dense(3, activation='relu', name='a')", "Dense(2, name='b')"))
    statistics = {"a": (np.zeros(3), np.ones(3)), "b": (np.zeros(2), np.ones(2))}
    once = expected_scales(graph, statistics, {})
    twice = expected_scales(graph, statistics, {"a": np.full(3, 2, np.float32)})
    assert twice == {"a": pytest.approx(2 * once["a"]), "b": once["b"]}


def test_frames_are_those_of_the_encoder() -> None:
    graph = graph_of(sequential((4,), "Dense(3)"))
    raw = np.array([[0, 51, 102, 255]])
    np.testing.assert_allclose(frames_of(graph, {"input": raw})["input"], raw / 255, rtol=1e-6)


def test_drawn_inputs_that_do_not_fit_the_budget_are_refused_before_they_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TFSNN_MEMORY", "100M")
    message = r"convert: 4 drawn inputs of shape \(4096, 4096, 1\) would take 3\.0 GiB of memory, 100\.0 MiB may be taken; give the"
    with pytest.raises(BudgetError, match=message):
        synthetic(Input("in", (4096, 4096, 1), Encoder("graded")), 4, 0)
