"""How a graph is to be run: what is allowed, and a message for everything else."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from tfsnn.errors import InputError
from tfsnn.plan.settings import ENGINES, INITIAL, SCHEDULES, SPIKES, UNITS, Settings

CHOICES = {"unit": UNITS, "spikes": tuple(SPIKES), "initial": INITIAL, "schedule": SCHEDULES, "engine": (*ENGINES, None)}


@pytest.mark.parametrize(("name", "choice"), [(name, choice) for name, choices in CHOICES.items() for choice in choices])
def test_every_choice_is_taken(name: str, choice: str | None) -> None:
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
        ({"threshold": 10**400}, r"threshold is 10+\.\.\.; it must be a positive number"),
        ({"threshold": 10**5000}, "threshold is a number of type int with thousands of digits; it must be a positive number"),
        ({"threshold": Fraction(1, 10**400)}, "threshold is .*; it must be a positive number"),
        ({"threshold": 1j}, "threshold is 1j; it must be a positive number"),
        ({"threshold": None}, "threshold is None; it must be a positive number"),
        ({"threshold": np.ones(2)}, r"threshold is array\(\[1., 1.\]\); it must be a positive number"),
        ({"unit": np.array(["lsb", "lsb"])}, "unit is array.*; choose one of relative, absolute, lsb"),
        ({"spikes": ["valued"]}, r"spikes is \['valued'\]; choose one of signed, graded, valued, direct"),
        ({"spiking_output": "no"}, "spiking_output is 'no'; it must be True or False"),
        ({"spiking_output": 1}, "spiking_output is 1; it must be True or False"),
        ({"schedule": "frame"}, "schedule is 'frame'; choose one of slot, spike"),
        ({"engine": "gpu"}, "engine is 'gpu'; choose one of compiled, eager"),
    ],
)
def test_settings_that_do_not_fit(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=f"^settings: {message}$"):
        Settings(**changes)
    with pytest.raises(InputError, match=f"^evaluate: {message}$"):
        replace(Settings(), **changes, where="evaluate")


@pytest.mark.parametrize("threshold", [np.float32(0.5), np.float64(0.5), Fraction(1, 2)])
def test_thresholds_of_any_type_are_floats_behind_the_door(threshold: Any) -> None:
    assert type(Settings(threshold).threshold) is float and Settings(threshold) == Settings(0.5)


def test_where_it_came_from_is_not_part_of_the_settings() -> None:
    assert Settings(where="stream") == Settings() and "where" not in repr(Settings())
