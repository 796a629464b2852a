"""An event stream: when, which neuron, how much.

The arrays of all samples lie one behind the other; ``offsets`` cuts them, as in ``t[offsets[s]:offsets[s + 1]]``.
A stream is checked once, when it is made; behind that door no code checks again. Within a sample time never
decreases; events of one time stamp keep the order in which they stand (it matters under the ``spike`` schedule only).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf, prod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tfsnn.errors import InputError

UNITS = ("TU", "us")


@dataclass(frozen=True, eq=False)
class Events:
    """Input events of one or many samples.

    Parameters
    ----------
    t
        int64 (events): time stamps in ticks, not decreasing within a sample.
    neuron
        int32 (events): flat index into the input, row-major over ``shape``.
    payload
        int32 (events): signed change, in payload units of the input; never 0.
    offsets
        int64 (samples + 1): where each sample begins.
    shape
        Shape of the input, without the sample axis.
    tick
        Length of one tick in ``unit``.
    unit
        ``"TU"`` (the encoder's time unit, as in both papers) or ``"us"`` (microseconds).

    Raises
    ------
    InputError
        If lengths disagree, time runs backwards, or an index or a payload lies outside its range.

    Examples
    --------
    >>> stream = Events([0, 0, 3], [1, 2, 1], [1, 1, -1], [0, 3], shape=(2, 2))
    >>> len(stream), stream.samples
    (3, 1)
    """

    t: NDArray[np.int64]
    neuron: NDArray[np.int32]
    payload: NDArray[np.int32]
    offsets: NDArray[np.int64]
    shape: tuple[int, ...]
    tick: float = field(default=1.0, kw_only=True)
    unit: str = field(default="TU", kw_only=True)

    if TYPE_CHECKING:
        # Sequences are taken too: __post_init__ makes arrays of them.
        def __init__(
            self,
            t: ArrayLike,
            neuron: ArrayLike,
            payload: ArrayLike,
            offsets: ArrayLike,
            shape: tuple[int, ...],
            *,
            tick: float = 1.0,
            unit: str = "TU",
        ) -> None: ...

    def __post_init__(self) -> None:
        for name, dtype in (("t", np.int64), ("neuron", np.int32), ("payload", np.int32), ("offsets", np.int64)):
            object.__setattr__(self, name, _integers(getattr(self, name), name, dtype))
        object.__setattr__(self, "shape", tuple(int(n) for n in self.shape))
        _check(self)

    def __len__(self) -> int:
        return len(self.t)

    @property
    def samples(self) -> int:
        """Number of samples."""
        return len(self.offsets) - 1

    def sample(self, start: int, stop: int | None = None) -> Events:
        """Samples ``start`` to ``stop`` (exclusive; default: the one sample) as a stream of their own."""
        stop = start + 1 if stop is None else stop
        if not 0 <= start <= stop <= self.samples:
            raise InputError(f"samples {start} to {stop} of a stream that holds {self.samples}: choose within 0 to {self.samples}")
        first, last = self.offsets[start], self.offsets[stop]
        cut = slice(first, last)
        offsets = self.offsets[start : stop + 1] - first
        return Events(self.t[cut], self.neuron[cut], self.payload[cut], offsets, self.shape, tick=self.tick, unit=self.unit)


def _integers(values: object, name: str, dtype: type[np.integer[Any]]) -> NDArray[np.integer[Any]]:
    array = np.asarray(values)
    if array.ndim != 1 or not (np.issubdtype(array.dtype, np.integer) or array.size == 0):
        raise InputError(f"events: {name} is {array.dtype} of shape {array.shape}; it must be one-dimensional and of integers")
    limits = np.iinfo(dtype)
    if array.size and (array.min() < limits.min or array.max() > limits.max):
        raise InputError(f"events: {name} reaches from {array.min()} to {array.max()}; it must fit {np.dtype(dtype).name}")
    return np.ascontiguousarray(array, dtype)


def _check(events: Events) -> None:
    n, size, offsets = len(events.t), prod(events.shape), events.offsets
    if len(events.neuron) != n or len(events.payload) != n:
        found = f"{n} times, {len(events.neuron)} neurons, {len(events.payload)} payloads"
        raise InputError(f"events: {found}; give one of each for every event")
    if len(offsets) == 0 or offsets[0] != 0 or offsets[-1] != n or np.any(np.diff(offsets) < 0):
        raise InputError(f"events: offsets must rise from 0 to the number of events, {n}, one more than there are samples")
    if events.unit not in UNITS or not 0 < events.tick < inf:
        raise InputError(f"events: a tick of {events.tick} {events.unit!r}; it must be positive, in one of {', '.join(UNITS)}")
    if not events.shape or min(events.shape) < 1:
        raise InputError(f"events: shape {events.shape}; every axis must be 1 or longer")
    if n == 0:
        return
    if events.neuron.min() < 0 or events.neuron.max() >= size:
        raise InputError(
            f"events: neuron {events.neuron.min()} to {events.neuron.max()}; the input of shape {events.shape} has neurons 0 to {size - 1}"
        )
    if np.any(events.payload == 0):
        zero = int(np.argmin(np.abs(events.payload)))
        raise InputError(f"events: payload 0 at event {zero}; an event carries a change; leave out events that carry none")
    falls = np.flatnonzero(np.diff(events.t) < 0) + 1
    bad = np.setdiff1d(falls, offsets)
    if bad.size:
        raise InputError(f"events: time runs backwards at event {int(bad[0])}; sort each sample by time, in a stable way")
