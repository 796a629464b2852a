"""Inputs take raw numbers as they are given to calibrate on, on a grid that loses nothing that matters."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.convert_parts import sequential
from tfsnn.convert.pipeline import convert_model
from tfsnn.errors import InputError
from tfsnn.input.encoder import Encoder

rng = np.random.default_rng(0)
BYTES = rng.integers(0, 256, (40, 4, 4, 1)).astype(np.uint8)
BYTES[0, :2, 0, 0] = 0, 255


def encoder_for(raw: Any, **settings: Any) -> Encoder:
    model = sequential((4, 4, 1), "Conv2D(3, 2, activation='relu')", "Flatten()", "Dense(2)")
    return convert_model(model, calibration=raw, **settings).graph.inputs[0].encoder


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (BYTES, {"scale": 1 / 255, "range": (0.0, 255.0)}),
        (BYTES.astype(np.int64), {"scale": 1 / 255, "range": (0.0, 255.0)}),
        ((BYTES / 255).astype(np.float32), {"scale": 1.0, "step": 1 / 255, "range": (0.0, 1.0)}),
        ((BYTES > 99).astype(np.uint8), {"scale": 1.0, "range": (0.0, 1.0)}),
    ],
)
def test_what_suits_the_data(raw: Any, expected: dict[str, Any]) -> None:
    assert encoder_for(raw) == Encoder("graded", **expected)


@pytest.mark.parametrize("raw", [rng.uniform(-1, 1, (40, 4, 4, 1)), rng.normal(0, 1, (40, 4, 4, 1))])
def test_fractions_lose_little(raw: Any) -> None:
    found = encoder_for(raw)
    assert found.scale == 1 and np.abs(found.frames(raw) - raw).max() <= found.step / 2 + 1e-6 < 0.01
    assert found.range == (float(raw.min()), float(raw.max()))


def test_what_was_asked_for_stays() -> None:
    asked = Encoder("graded", scale=1 / 16)
    assert encoder_for(BYTES, encoder=asked) == asked and encoder_for(None) == Encoder("graded")
    with pytest.raises(InputError, match="raw input is of fractions from 0 to 1"):
        encoder_for((BYTES / 255).astype(np.float32), encoder=Encoder("graded"))
