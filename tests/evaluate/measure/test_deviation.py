"""What a layer has sent against what it would send without events."""

from __future__ import annotations

import numpy as np
import pytest

from tests.nets import branches
from tfsnn.evaluate.measure.deviation import deviations
from tfsnn.input.encoder import Encoder
from tfsnn.plan.make import make
from tfsnn.plan.settings import Settings
from tfsnn.simulate import run


@pytest.mark.parametrize("initial", ["rest", "bias"])
def test_nothing_is_lost_at_a_fine_threshold(initial: str) -> None:
    graph, encoder = branches(), Encoder("graded", scale=1.0)
    raw = np.random.default_rng(0).integers(0, 4, (5, 4, 4, 2)).astype(np.float32)
    events = encoder.events(raw)
    found = {}
    for threshold in (1e-3, 1.0):
        plan = make(graph, Settings(threshold, "absolute", initial=initial))
        result = run(plan, events, record=("state",))
        assert result.state is not None
        found[threshold] = deviations(plan, result.state, result.outputs, {"in": encoder.frames(raw)})
    assert list(found[1.0]) == ["pool", "merged", "inner", "added", "out"]
    for name, fine in found[1e-3].items():
        coarse = found[1.0][name]
        assert fine["rms"] is not None and fine["rms"] < 0.02 and fine["share"] is not None and fine["share"] < 0.02
        assert coarse["rms"] is not None and coarse["rms"] >= fine["rms"]


def test_of_a_silent_layer_there_is_no_share() -> None:
    graph, encoder = branches(), Encoder("graded", scale=1.0)
    raw = np.zeros((1, 4, 4, 2), np.float32)
    plan = make(graph, Settings(0.5, "absolute"))
    result = run(plan, encoder.events(raw), record=("state",))
    assert result.state is not None
    assert deviations(plan, result.state, result.outputs, {"in": raw})["pool"] == {"rms": 0.0, "share": None}
