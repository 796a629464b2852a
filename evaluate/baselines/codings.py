"""The spiking baselines by their names, as ``--baselines`` takes them: ``rate``, ``rate:15``, ``ttfs``, ``ttfs:8:0.1``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tfsnn.aliases import Array
from tfsnn.errors import InputError
from tfsnn.network.graph import Graph

from .coding import Coded
from .rate import rate_coded
from .ttfs import ttfs_coded

STEPS, DURATION, DT = 25, 8.0, 0.1
"""Of rate coding, the clock steps of the papers' better row; of time to first spike, in times that the calibrated scale takes to fire."""
LONGEST = 1 << 20
"""Clock steps at most."""
ALLOWED = "give rate, rate:STEPS, ttfs or ttfs:DURATION:DT, with commas between them"


@dataclass(frozen=True)
class Coding:
    """One spiking baseline and its settings.

    Parameters
    ----------
    name
        ``"rate"`` or ``"ttfs"``.
    duration
        How long a frame is presented: clock steps of rate coding; of ttfs, in times that the calibrated scale takes to fire.
    dt
        Length of a clock step; 1 with rate coding.
    """

    name: str
    duration: float
    dt: float = 1.0

    @property
    def words(self) -> str:
        """What it is, for people."""
        if self.name == "rate":
            return f"rate coding, {self.duration:g} steps"
        return f"time to first spike, {self.duration:g} in steps of {self.dt:g}"

    def run(self, graph: Graph, frames: Mapping[str, Array], progress: Callable[[int], object] | None = None) -> Coded:
        """The baseline on all frames; parameters as of :func:`.rate.rate_coded`."""
        if self.name == "rate":
            return rate_coded(graph, frames, int(self.duration), progress)
        return ttfs_coded(graph, frames, self.duration, self.dt, progress)


def codings(texts: Sequence[str]) -> list[Coding]:
    """The baselines of that names, each once.

    Parameters
    ----------
    texts
        As in ``["rate:15", "ttfs"]``.

    Examples
    --------
    >>> [coding.words for coding in codings(["rate:15", "ttfs"])]
    ['rate coding, 15 steps', 'time to first spike, 8 in steps of 0.1']
    """
    return list(dict.fromkeys(_coding(text.strip()) for text in texts))


def _coding(text: str) -> Coding:
    if not text:
        raise InputError(f"evaluate: baselines: a name is empty; {ALLOWED}, or leave the option out")
    name, *given = text.split(":")
    unknown = InputError(f"evaluate: baseline {text!r}; {ALLOWED}")
    try:
        numbers = [float(number) for number in given]
    except ValueError:
        raise unknown from None
    if name == "rate" and len(numbers) < 2:
        (steps,) = numbers or [STEPS]
        if not 1 <= steps <= LONGEST or steps != int(steps):
            raise InputError(f"evaluate: baseline {text!r}: {steps:g} clock steps; give a whole number from 1 to {LONGEST:,}")
        return Coding("rate", steps)
    if name == "ttfs" and len(numbers) in (0, 2):
        duration, dt = numbers or (DURATION, DT)
        if not (0 < dt <= duration and duration / dt <= LONGEST):
            found = f"{duration:g} in steps of {dt:g}"
            raise InputError(
                f"evaluate: baseline {text!r}: {found}; give times above 0, a step no longer than all, "
                f"{LONGEST:,} steps at most"
            )
        return Coding("ttfs", duration, dt)
    raise unknown
