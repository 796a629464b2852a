"""Times a frame: of what was timed, on how many frames; never how long."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.convert_parts import sequential
from tests.evaluate_parts import prepared
from tfsnn.errors import FileError
from tfsnn.evaluate import speed as module
from tfsnn.evaluate.baselines.original import Original
from tfsnn.evaluate.speed import speed
from tfsnn.input.encoder import Encoder
from tfsnn.plan.make import make
from tfsnn.plan.settings import Settings


def model() -> Original:
    keras = sequential((3, 3, 1), "Flatten()", "Dense(2)")
    return Original("model.h5", "", "Keras, model.h5", lambda given: given, keras)


def timed(of: Original | None = None, encoder: Encoder | None = None, **settings: Any) -> dict[str, Any] | None:
    workload = prepared() if encoder is None else prepared(encoder)
    return speed(workload, make(workload.graph, Settings(0.5, "absolute", **settings)), of)


@pytest.mark.parametrize("encoder", [None, Encoder("graded", scale=1 / 4), Encoder("delta", scale=1 / 4, threshold=0.25)])
def test_the_event_network_alone(encoder: Encoder | None) -> None:
    found = timed(encoder=encoder)
    assert found is not None and found["frames"] == 12 - module.WARM and found["notes"] == []
    assert list(found["ms"]) == ["event"] and list(found["ms"]["event"]) == ["mean", "median", "p99"]


def test_beside_keras_and_litert() -> None:
    found = timed(model())
    assert found is not None and set(found["ms"]) in ({"event", "keras", "litert"}, {"event", "keras"})
    assert ("litert" in found["ms"]) is not bool(found["notes"])


def test_without_litert(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(keras: Any) -> Any:
        raise FileError("LiteRT cannot run the model (ImportError: none)")

    monkeypatch.setattr(module, "litert", fail)
    found = timed(model())
    assert found is not None and set(found["ms"]) == {"event", "keras"}
    assert found["notes"] == ["LiteRT cannot run the model (ImportError: none)"]


def test_it_ends_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SECONDS", 0.0)
    found = timed()
    assert found is not None and found["frames"] == 1


@pytest.mark.parametrize("settings", [{"engine": "eager"}, {"spiking_output": True}])
def test_what_is_not_timed(settings: dict[str, Any]) -> None:
    assert timed(**settings) is None


def test_each_frame_starts_anew() -> None:
    workload = prepared()
    run = module._event(workload, make(workload.graph, Settings(0.5, "absolute")))
    first = np.asarray(run(workload.raw["in"][0]))
    run(workload.raw["in"][1])
    assert np.array_equal(np.asarray(run(workload.raw["in"][0])), first)
