"""What is kept of a single frame."""

from __future__ import annotations

import base64
import json
from dataclasses import replace

import numpy as np
import pytest

from tests.evaluate_parts import DELAY, evaluated
from tfsnn.evaluate.report.frame import SIDE, one_frame
from tfsnn.input.encoder import Encoder
from tfsnn.simulate import run


@pytest.mark.parametrize("encoder", [DELAY, Encoder("graded", scale=1.0)])
def test_one_frame(encoder: Encoder) -> None:
    workload, found, _ = evaluated(encoder)
    result = run(found.trials[0].result.plan, workload.events.sample(0), record=("trajectory", "events"))
    made = one_frame(workload, result, found.ann.outputs[0])
    assert made is not None and json.loads(json.dumps(made, allow_nan=False)) == made
    assert made["in_order"] == (encoder.kind == "graded") and made["words"].startswith("label ")
    assert result.log is not None and sum(each["sent"] for each in made["spikes"]) == len(result.log.t)
    assert all(len(each["time"]) == len(each["neuron"]) == each["sent"] for each in made["spikes"])
    assert all(len(values) == len(made["time"]) for values in made["outputs"].values())
    assert [values[-1] for values in made["outputs"].values()] == pytest.approx(result.outputs[0])


@pytest.mark.parametrize("shape", [(3, 3, 3), (3, 3, 2), (9,), (3, 3), (3, 3, 2, 2), (300, 100, 3)])
def test_image_of_any_shape(shape: tuple[int, ...]) -> None:
    workload, found, _ = evaluated()
    result = run(found.trials[0].result.plan, workload.events.sample(6), record=("trajectory", "events"))
    raw = np.random.default_rng(0).integers(0, 5, (1, *shape)).astype(np.uint8)
    made = one_frame(replace(workload, raw={"in": raw}), result, found.ann.outputs[0])
    assert made is not None
    rows, columns, channels = made["image"]["shape"]
    assert channels == (3 if shape[-1] == 3 and len(shape) == 3 else 1) and max(rows, columns) <= SIDE
    assert len(base64.b64decode(made["image"]["base64"])) == rows * columns * channels


def test_nothing_without_a_trajectory() -> None:
    workload, found, _ = evaluated()
    assert one_frame(workload, found.trials[0].result, found.ann.outputs[0]) is None
