"""What fits is prepared, what does not is refused with both sides named; a trial is what simulate gives, and more."""

from __future__ import annotations

from dataclasses import replace
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
from tfsnn.input.datasets import Dataset, Split
from tfsnn.input.encoder import Encoder
from tfsnn.network.graph import Graph
from tfsnn.plan.settings import Settings
from tfsnn.simulate import simulate

NOTHING: dict[str, Any] = {"data_dir": None, "samples": None, "bins": None}


def of(x: Any, y: Any) -> Dataset:
    return Dataset("odd", DELAY, lambda split: Split(x, y))


def test_prepared() -> None:
    workload, split = prepared(), dataset().test
    assert np.array_equal(workload.raw, split.x) and np.array_equal(workload.labels, split.y)
    assert np.array_equal(workload.frames, DELAY.frames(split.x)) and workload.events.samples == 12
    assert (workload.measure, workload.streamed, workload.available) == ("accuracy", False, 12)


def test_first_samples_only() -> None:
    workload = prepared(samples=5)
    assert len(workload.raw) == len(workload.labels) == len(workload.frames) == workload.events.samples == 5
    assert workload.available == 12 and np.array_equal(workload.raw, dataset().test.x[:5])


def test_bins() -> None:
    workload = prepared(bins=2)
    assert workload.encoder == Encoder("delay", scale=1 / 4, bins=2) and set(workload.events.t) == {0, 1}
    assert np.array_equal(workload.frames, prepared().frames)


def test_npz(tmp_path: Path) -> None:
    split = dataset().test
    np.savez(tmp_path / "dots.npz", x=split.x, y=split.y)
    workload = prepare(net(), tmp_path / "dots.npz", **NOTHING)
    assert np.array_equal(workload.frames, prepared().frames) and workload.encoder == DELAY


@pytest.mark.parametrize(
    ("given_data", "options", "message"),
    [
        (
            of(np.zeros((2, 8, 8, 1)), np.zeros(2, int)),
            {},
            r"of odd have shape \(8, 8, 1\), .* input \(3, 3, 1\); .*reshape",
        ),
        (of(np.zeros((2, 3, 3, 1)), np.array([0, 7])), {}, "labels of odd go up to 7, .* has 2 classes"),
        (dataset(), {"samples": 0}, "samples is 0; take at least 1"),
        (dataset(), {"samples": 13}, "samples is 13; the test split of dots has 12"),
        (dataset(), {"bins": -1}, "bins is -1; it must be a whole number"),
        ("nothing", {}, "data set 'nothing' is unknown; choose"),
    ],
)
def test_what_does_not_fit(given_data: Any, options: dict[str, int], message: str) -> None:
    with pytest.raises(InputError, match=message):
        prepare(net(), given_data, **NOTHING | options)


def test_bins_of_another_encoder() -> None:
    encoder = Encoder("graded", scale=1.0)
    with pytest.raises(InputError, match="kind 'graded' has no delay to divide"):
        prepare(net(encoder), dataset(encoder=encoder), **NOTHING | {"bins": 4})


def test_one_input_and_one_output() -> None:
    first, second = given(2, name="a"), given(2, name="b")
    one, other = dense("one", first, 2), dense("other", second, 2)
    with pytest.raises(InputError, match="2 inputs and 2 outputs; a data set has one of each: simulate it from Python"):
        prepare(Net(Graph((first, second, one, other), ("one", "other"))), dataset(), **NOTHING)


@pytest.mark.parametrize("schedule", ["slot", "spike"])
def test_trial_is_a_simulation(schedule: str) -> None:
    workload, settings = prepared(), Settings(0.5, "absolute", "graded", "bias", True, schedule)
    done: list[int] = []
    found = trial(workload, settings, progress=done.append)
    same: dict[str, Any] = {"threshold": 0.5, "unit": "absolute", "spikes": "graded", "initial": "bias"}
    plain = simulate(
        workload.net, workload.events, schedule=schedule, spiking_output=True, record=("trajectory",), **same
    )
    assert np.array_equal(found.outputs, plain.outputs) and np.array_equal(found.operations, plain.operations)
    assert plain.trajectory is not None and found.stamps == len(plain.trajectory.t)
    assert found.curve is not None and found.curve.operations[-1] == plain.operations.mean()
    assert found.curve.score[-1] == np.mean(plain.predictions == workload.labels)
    assert sum(done) == workload.events.samples


def test_stream_of_frames() -> None:
    encoder = Encoder("delta", scale=1 / 4, threshold=0.25)
    workload, found, _ = evaluated(encoder)
    assert workload.streamed and workload.events.samples == 1 and len(workload.frames) == 12
    first = found.trials[0]
    assert first.curve is None and first.budget is None and first.outputs.shape == (12, 2)
    assert first.operations.sum() == first.result.operations[0]
    # What has been said after a frame is what the stream cut there says.
    cut = prepare(net(encoder), replace(dataset(encoder=encoder)), **NOTHING | {"samples": 7})
    shorter = simulate(cut.net, cut.events, threshold=0.1, unit="absolute")
    assert np.array_equal(first.outputs[6], shorter.outputs[0])
