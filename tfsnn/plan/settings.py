"""How a network is to be run: threshold, spike kind, initial state."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tfsnn.errors import InputError

SPIKES = {"signed": (0, 1), "graded": (0, 127), "valued": (4, 32767), "direct": (0, 32767)}
"""Spike kinds: r, the bits of a threshold below which payloads resolve it, and K, the largest payload."""
UNITS = ("relative", "absolute", "lsb")
INITIAL = ("rest", "bias")


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
    """

    threshold: float = 0.05
    unit: str = "relative"
    spikes: str = "valued"
    initial: str = "rest"
    spiking_output: bool = False

    def __post_init__(self) -> None:
        for name, allowed in (("unit", UNITS), ("spikes", tuple(SPIKES)), ("initial", INITIAL)):
            if getattr(self, name) not in allowed:
                raise InputError(f"simulate: {name} is {getattr(self, name)!r}; choose one of {', '.join(allowed)}")
        threshold = self.threshold
        if not isinstance(threshold, (int, float, np.number)) or isinstance(threshold, bool) or not 0 < threshold < np.inf:
            raise InputError(f"simulate: threshold is {self.threshold!r}; it must be a positive number")
