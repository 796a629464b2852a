"""What fits is prepared, what does not is refused with both sides named; a trial is what simulate gives, and more."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.evaluate_parts import DELAY, dataset, evaluated, net, prepared
from tests.nets import dense, given
from tfsnn.artifact import Net
from tfsnn.errors import InputError
from tfsnn.evaluate.trial import trial
from tfsnn.evaluate.workload import prepare
from tfsnn.input.dataset import Dataset, Split
from tfsnn.input.datasets import load
from tfsnn.input.encoder import Encoder
from tfsnn.network.graph import Graph
from tfsnn.plan.make import make
from tfsnn.plan.settings import Settings
from tfsnn.simulate import simulate
from tfsnn.stage.provenance import digest


def of(x: Any, y: Any) -> Dataset:
    return Dataset("odd", DELAY, lambda split: Split(x, y))


def test_prepared() -> None:
    workload, split = prepared(), dataset().test
    assert np.array_equal(workload.raw["in"], split.x) and np.array_equal(workload.targets["out"], split.y)
    assert np.array_equal(workload.frames["in"], DELAY.frames(split.x)) and workload.events.samples == 12
    assert workload.sha256 == digest(split.x, split.y)
    assert (workload.measure, workload.streamed, workload.available) == ("accuracy", False, 12)


def test_first_samples_only() -> None:
    workload = prepared(samples=5)
    assert workload.samples == len(workload.targets["out"]) == len(workload.frames["in"]) == workload.events.samples == 5
    assert workload.available == 12 and np.array_equal(workload.raw["in"], dataset().test.x[:5])


def test_bins() -> None:
    workload = prepared(bins=2)
    assert workload.encoder == Encoder("delay", scale=1 / 4, bins=2) and set(workload.events.t) == {0, 1}
    assert np.array_equal(workload.frames["in"], prepared().frames["in"])


def test_npz(tmp_path: Path) -> None:
    split = dataset().test
    np.savez(tmp_path / "dots.npz", x=split.x, y=split.y)
    workload = prepare(net(), load(tmp_path / "dots.npz"))
    assert np.array_equal(workload.frames["in"], prepared().frames["in"]) and workload.encoder == DELAY
    assert workload.dataset == "dots.npz"


@pytest.mark.parametrize(
    ("given_data", "options", "message"),
    [
        (
            of(np.zeros((2, 8, 8, 1)), np.zeros(2, int)),
            {},
            r"of odd have shape \(8, 8, 1\), .* input \(3, 3, 1\); .*reshape",
        ),
        (of(np.zeros((2, 3, 3, 1)), np.array([0, 7])), {}, "labels of odd go up to 7, output out of the network has 2 classes"),
        (dataset(), {"samples": 0}, "samples is 0; take at least 1"),
        (dataset(), {"samples": 13}, "samples is 13; the test split of dots has 12"),
        (dataset(), {"bins": -1}, "bins is -1; it must be a whole number"),
    ],
)
def test_what_does_not_fit(given_data: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        prepare(net(), given_data, **options)


def test_bins_of_another_encoder() -> None:
    encoder = Encoder("graded", scale=1.0)
    with pytest.raises(InputError, match="kind 'graded' has no delay to divide"):
        prepare(net(encoder), dataset(encoder=encoder), bins=4)


def two() -> Net:
    """Two inputs, two outputs."""
    first, second = given(2, name="a"), given(3, name="b")
    one, other = dense("one", first, 2), dense("other", second, 1)
    return Net(Graph((first, second, one, other), ("one", "other")))


def test_several_inputs_and_outputs_by_name() -> None:
    rng = np.random.default_rng(0)
    x = {"a": rng.integers(0, 9, (4, 2)), "b": rng.integers(0, 9, (4, 3))}
    y = {"one": np.array([0, 1, 1, 0]), "other": np.array([0.5, -1, 2, 3], np.float32)}
    workload = prepare(two(), of(x, y), samples=3)
    assert [task.kind for task in workload.tasks.values()] == ["classes", "values"] and workload.measure == "accuracy"
    assert workload.samples == 3 and workload.events.samples == 3 and workload.targets["other"].shape == (3, 1)
    figures = workload.figures(workload.by_output(np.array([[2.0, 1.0, 0.5], [0.0, 1.0, 0.0], [1.0, 0.0, 2.0]])))
    assert figures["accuracy"] == figures["outputs"]["one"]["accuracy"] == 2 / 3
    assert figures["outputs"]["other"]["mse"] == 1 / 3
    worse = {"outputs": {"one": {"accuracy": 0.5}, "other": {"rmse": 0.3}}}
    assert workload.lost(worse, {"outputs": {"one": {"accuracy": 0.6}, "other": {"rmse": 0.0}}}) == pytest.approx(10)
    assert workload.lost(worse, {"outputs": {"one": {"accuracy": 0.5}, "other": {"rmse": 0.0}}}) == pytest.approx(10)


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (np.zeros((2, 2)), np.zeros(2, int), "odd has frames for a, the network's inputs are a, b; give an .npz with an array for each"),
        ({"a": np.zeros((2, 2)), "b": np.zeros((2, 3))}, np.zeros(2, int), "odd has targets for one, the network's outputs are one, other"),
        ({"a": np.zeros((2, 2)), "b": np.zeros((2, 3))}, None, "odd holds no labels; add an array for each output, by"),
    ],
)
def test_what_is_missing_of_several(x: Any, y: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        prepare(two(), of(x, y))


@pytest.mark.parametrize("schedule", ["slot", "spike"])
def test_trial_is_a_simulation(schedule: str) -> None:
    workload, settings = prepared(), Settings(0.5, "absolute", "graded", "bias", True, schedule)
    done: list[int] = []
    found = trial(workload, make(workload.graph, settings), progress=done.append)
    same: dict[str, Any] = {"threshold": 0.5, "unit": "absolute", "spikes": "graded", "initial": "bias"}
    plain = simulate(
        workload.net, workload.events, schedule=schedule, spiking_output=True, record=("trajectory",), **same
    )
    assert np.array_equal(found.outputs, plain.outputs) and np.array_equal(found.operations, plain.operations)
    assert plain.trajectory is not None and found.stamps == len(plain.trajectory.t)
    assert found.curve is not None and found.curve.operations[-1] == plain.operations.mean()
    assert found.curve.score[-1] == np.mean(plain.predictions == workload.targets["out"])
    assert sum(done) == workload.events.samples
    short = trial(workload, make(workload.graph, settings), curved=False)
    assert short.curve is None and short.stamps is None and np.array_equal(short.outputs, found.outputs)


def test_stream_of_frames() -> None:
    encoder = Encoder("delta", scale=1 / 4, threshold=0.25)
    workload, found, _ = evaluated(encoder)
    assert workload.streamed and workload.events.samples == 1 and workload.samples == 12
    first = found.trials[0]
    assert first.curve is None and first.budget is None and first.outputs.shape == (12, 2)
    assert first.operations.sum() == first.result.operations[0]
    # What has been said after a frame is what the stream cut there says.
    cut = prepare(net(encoder), dataset(encoder=encoder), samples=7)
    shorter = simulate(cut.net, cut.events, threshold=0.1, unit="absolute")
    assert np.array_equal(first.outputs[6], shorter.outputs[0])
