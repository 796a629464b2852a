"""How a network is to be run: threshold, spike kind, initial state, schedule, engine. Checked here, and nowhere behind."""

from __future__ import annotations

from dataclasses import InitVar, dataclass, field
from math import isfinite
from numbers import Real
from typing import Any

import numpy as np

from tfsnn.errors import InputError, shown

SPIKES = {"signed": (0, 1), "graded": (0, 127), "valued": (4, 32767), "direct": (0, 32767)}
"""Spike kinds: r, the bits of a threshold below which payloads resolve it, and K, the largest payload."""
UNITS = ("relative", "absolute", "lsb")
INITIAL = ("rest", "bias")
SCHEDULES = ("slot", "spike")
ENGINES = ("compiled", "eager")


@dataclass(frozen=True)
class Settings:
    """How a graph is to be run.

    Parameters
    ----------
    threshold
        T in ``unit``, times each population's own factor.
    unit
        ``"relative"`` to the population's calibrated scale, ``"absolute"``, or in ``"lsb"``: steps of its int8 weights.
    spikes
        One of :data:`SPIKES`.
    initial
        ``"rest"`` or ``"bias"`` (the papers).
    spiking_output
        The outputs have a threshold too and are read from their spikes (AICAS), not from x.
    schedule
        ``"slot"``: a population is checked once a time stamp. ``"spike"``: after every event (both papers).
    engine
        One of :data:`ENGINES`, which give the same; None: the compiled one where numba is present.
    where
        The function that the settings were given to: error messages begin with it. It is not kept.

    Raises
    ------
    InputError
        If one of them has another type than it says, or a value that is not allowed.
    """

    threshold: float = 0.05
    unit: str = "relative"
    spikes: str = "valued"
    initial: str = "rest"
    spiking_output: bool = False
    schedule: str = "slot"
    engine: str | None = None
    where: InitVar[str] = field(default="settings", kw_only=True)

    def __post_init__(self, where: str) -> None:
        choices: dict[str, tuple[str, ...]] = {"unit": UNITS, "spikes": tuple(SPIKES), "initial": INITIAL, "schedule": SCHEDULES}
        for name, allowed in (choices | ({} if self.engine is None else {"engine": ENGINES})).items():
            value = getattr(self, name)
            if not isinstance(value, str) or value not in allowed:
                raise InputError(f"{where}: {name} is {shown(value)}; choose one of {', '.join(allowed)}")
        if not isinstance(self.spiking_output, (bool, np.bool_)):
            raise InputError(f"{where}: spiking_output is {shown(self.spiking_output)}; it must be True or False")
        object.__setattr__(self, "threshold", _positive(self.threshold, f"{where}: threshold"))
        object.__setattr__(self, "spiking_output", bool(self.spiking_output))


def _positive(value: Any, what: str) -> float:
    try:
        number = 0.0 if isinstance(value, bool) or not isinstance(value, Real) else float(value)
    except OverflowError:
        number = 0.0
    if not (number > 0 and isfinite(number)):
        raise InputError(f"{what} is {shown(value)}; it must be a positive number")
    return number
