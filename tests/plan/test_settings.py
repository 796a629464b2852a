"""How a graph is to be run: what is allowed, and a message for everything else."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from typing import Any

import numpy as np
import pytest

from tfsnn.errors import InputError
from tfsnn.plan.settings import INITIAL, SPIKES, UNITS, Settings


@pytest.mark.parametrize("name", ["unit", "spikes", "initial"])
def test_every_choice_is_taken(name: str) -> None:
    for choice in {"unit": UNITS, "spikes": tuple(SPIKES), "initial": INITIAL}[name]:
        changes: dict[str, Any] = {name: choice}
        assert getattr(Settings(**changes), name) == choice


def test_settings_do_not_change() -> None:
    with pytest.raises(FrozenInstanceError, match="cannot assign to field 'threshold'"):
        Settings().threshold = 1.0  # type: ignore[misc]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"unit": "volts"}, "unit is 'volts'; choose one of relative, absolute, lsb"),
        ({"spikes": "ternary"}, "spikes is 'ternary'; choose one of signed, graded, valued, direct"),
        ({"initial": "zero"}, "initial is 'zero'; choose one of rest, bias"),
        ({"threshold": 0.0}, "threshold is 0.0; it must be a positive number"),
        ({"threshold": -1}, "threshold is -1; it must be a positive number"),
        ({"threshold": float("nan")}, "threshold is nan; it must be a positive number"),
        ({"threshold": float("inf")}, "threshold is inf; it must be a positive number"),
        ({"threshold": "0.1"}, "threshold is '0.1'; it must be a positive number"),
        ({"threshold": True}, "threshold is True; it must be a positive number"),
    ],
)
def test_settings_that_do_not_fit(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=f"^simulate: {message}"):
        Settings(**changes)


def test_numpy_thresholds_are_numbers() -> None:
    assert Settings(np.float32(0.5)).threshold == 0.5  # type: ignore[arg-type]
