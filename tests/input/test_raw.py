"""Raw data describe the grid that suits them; on it nothing of theirs is lost."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tfsnn.errors import InputError
from tfsnn.input.encoder import Encoder
from tfsnn.input.raw import suited

BYTES = np.arange(256)[None]


@pytest.mark.parametrize("raw", [BYTES.astype(np.uint8), BYTES.astype(np.float32), BYTES - 128])
def test_whole_numbers_are_their_own_grid(raw: Any) -> None:
    encoder = Encoder("graded", **suited(raw, 1 / 255))
    assert (encoder.scale, encoder.unit_value, encoder.range) == (1 / 255, 1 / 255, (raw.min(), raw.max()))
    assert np.array_equal(encoder.whole(raw), raw)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_pixels_divided_by_255_lie_on_their_own_grid(dtype: Any) -> None:
    raw = (BYTES / 255).astype(dtype)
    encoder = Encoder("graded", **suited(raw, 1 / 255))
    assert np.array_equal(encoder.whole(raw), BYTES) and encoder.frames(raw) == pytest.approx(raw)


@pytest.mark.parametrize("spread", [1e-6, 1.0, 1e6])
@pytest.mark.parametrize("outlier", [0.0, 30.0])
def test_fractions_get_8_to_16_bits(spread: float, outlier: float) -> None:
    raw = np.random.default_rng(0).normal(0, spread, (50, 40))
    raw[0, 0] += outlier * spread
    settings = suited(raw, 1 / 255)
    levels = (raw.max() - raw.min()) / settings["step"]
    error = Encoder("graded", **settings).frames(raw) - raw
    assert settings["scale"] == 1.0 and 256 <= levels <= 1 << 16
    assert np.sqrt(np.mean(error**2)) < 0.006 * spread


def test_half_precision_is_read_as_it_is() -> None:
    raw = np.array([[0.1, 0.2, 0.9]], np.float16)
    assert np.abs(Encoder("graded", **suited(raw, 1.0)).frames(raw) - raw.astype(np.float64)).max() < 1e-3


def test_constant_data() -> None:
    assert suited(np.full((2, 3), 0.3), 1.0)["step"] > 0


@pytest.mark.parametrize("found", [(1.0, 0.0), (0.0,), "all", (0.0, float("nan")), (0, True)])
def test_range_that_is_none(found: Any) -> None:
    with pytest.raises(InputError, match="encoder: range is .*; it must be the lowest and the highest raw number, or empty"):
        Encoder("graded", range=found)
