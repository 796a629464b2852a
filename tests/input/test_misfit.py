"""Data that do not belong to an encoder are refused or warned of, in one message; data that do are taken in silence."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

from tfsnn.errors import InputError
from tfsnn.input.encoder import Encoder

SOFT = np.array([[0.0, 0.31, 0.99]])


@pytest.mark.parametrize(
    ("encoder", "raw"),
    [
        (Encoder("graded"), SOFT),
        (Encoder("graded", range=(0, 255)), SOFT),
        (Encoder("delta"), SOFT),
        (Encoder("delay"), SOFT),
        (Encoder("graded", scale=1.0), np.array([[-2.2, 0.4, 3.1]])),
        (Encoder("graded", scale=1.0, range=(-4, 4)), SOFT),
    ],
)
def test_fractions_on_a_coarse_grid(encoder: Encoder, raw: Any) -> None:
    message = "raw input is of fractions from .* and the network expects steps of 1.* give raw numbers as .* --calibrate on data like these"
    with pytest.raises(InputError, match=message):
        encoder.events(raw)
    if encoder.kind != "delay":
        with pytest.raises(InputError, match=message):
            encoder.changes(raw[0], np.zeros(raw.size, np.int32))


@pytest.mark.parametrize(
    ("encoder", "raw"),
    [
        (Encoder("graded", scale=1.0, step=1 / 255), SOFT),
        (Encoder("delay", scale=1.0, step=1 / 255), SOFT),
        (Encoder("delay", scale=1.0, bins=4), SOFT),
        (Encoder("graded"), np.array([[0.5, 100.3, 254.9]])),
        (Encoder("graded", range=(0, 255)), np.array([[3.2, 4.1]])),
        (Encoder("graded"), np.array([[0.0, 255.0]])),
        (Encoder("graded", range=(0, 100)), np.array([[149, -49]])),
        (Encoder("graded", range=(0, 255)), np.zeros((1, 3), np.uint8)),
    ],
)
def test_what_fits_is_taken_in_silence(encoder: Encoder, raw: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        encoder.events(raw)


def test_far_outside_the_known_range() -> None:
    encoder = Encoder("graded", scale=1.0, step=1 / 255, range=(0, 1))
    with pytest.warns(UserWarning, match=r"from 0 to 2, and the network expects steps of 0.00392157, from 0 to 1 at scale 1; give"):
        encoder.frames(np.array([[0, 2.0]]))
    with pytest.raises(InputError, match="raw input from 0 to 255, and the network expects .* from 0 to 1 at scale 1; .*--range LO:HI"):
        encoder.frames(np.array([[0, 255]], np.uint8))
