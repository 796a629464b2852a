"""An event stream: when, which neuron, how much.

The arrays of all samples lie one behind the other; ``offsets`` cuts them, as in ``t[offsets[s]:offsets[s + 1]]``.
A stream is checked once, when it is made, and owns what was checked: its arrays are copies that nobody can write to, for
behind that door no code checks again. Within a sample time never
decreases; events of one time stamp keep the order in which they stand (it matters under the ``spike`` schedule only).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import inf, prod
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tfsnn.errors import InputError, shown

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
        object.__setattr__(self, "shape", _shape(self.shape))
        _check(self)

    def __len__(self) -> int:
        return len(self.t)

    @property
    def samples(self) -> int:
        """Number of samples."""
        return len(self.offsets) - 1

    def sample(self, start: int, stop: int | None = None) -> Events:
        """Samples ``start`` to ``stop`` (exclusive; default: the one sample) as a stream of their own."""
        if not all(_is_whole(number) for number in (start, stop or 0)):
            raise InputError(f"events: samples {shown(start)} to {shown(stop)}; give whole numbers within 0 to {self.samples}")
        stop = start + 1 if stop is None else stop
        if not 0 <= start <= stop <= self.samples:
            raise InputError(f"events: samples {start} to {stop} of a stream that holds {self.samples}: choose within 0 to {self.samples}")
        first, last = self.offsets[start], self.offsets[stop]
        cut = slice(first, last)
        offsets = self.offsets[start : stop + 1] - first
        offsets.flags.writeable = False
        # Views of arrays that are checked and cannot change need neither a check nor a copy.
        part = object.__new__(Events)
        columns = {"t": self.t[cut], "neuron": self.neuron[cut], "payload": self.payload[cut], "offsets": offsets}
        for name, value in (columns | {"shape": self.shape, "tick": self.tick, "unit": self.unit}).items():
            object.__setattr__(part, name, value)
        return part


def merged(streams: Sequence[Events]) -> Events:
    """The streams of several inputs as one: neurons counted through, inputs one behind the other.

    Parameters
    ----------
    streams
        One for each input, in order, of the same samples.
    """
    first = streams[0]
    for stream in streams[1:]:
        if stream.samples != first.samples or (stream.tick, stream.unit) != (first.tick, first.unit):
            found = " and ".join(f"{s.samples} samples in ticks of {s.tick:g} {s.unit}" for s in (first, stream))
            raise InputError(f"events: inputs of {found}; give the same samples to each, encoded at the same resolution of time")
    starts = np.cumsum([0] + [prod(stream.shape) for stream in streams])
    sample = np.concatenate([np.repeat(np.arange(s.samples), np.diff(s.offsets)) for s in streams])
    t = np.concatenate([stream.t for stream in streams])
    neuron = np.concatenate([stream.neuron + start for stream, start in zip(streams, starts)])
    payload = np.concatenate([stream.payload for stream in streams])
    order = np.lexsort((t, sample))
    offsets = np.searchsorted(sample[order], np.arange(first.samples + 1))
    return Events(t[order], neuron[order], payload[order], offsets, (int(starts[-1]),), tick=first.tick, unit=first.unit)


def _integers(values: object, name: str, dtype: type[np.integer[Any]]) -> NDArray[np.integer[Any]]:
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise InputError(f"events: {name} is {shown(values)} ({error}); it must be one-dimensional and of integers") from None
    if array.ndim != 1 or not (np.issubdtype(array.dtype, np.integer) or array.size == 0):
        raise InputError(f"events: {name} is {array.dtype} of shape {array.shape}; it must be one-dimensional and of integers")
    limits = np.iinfo(dtype)
    if array.size and (array.min() < limits.min or array.max() > limits.max):
        raise InputError(f"events: {name} reaches from {array.min()} to {array.max()}; it must fit {np.dtype(dtype).name}")
    owned = np.array(array, dtype, order="C")
    owned.flags.writeable = False
    return owned


def _is_whole(number: object) -> bool:
    return isinstance(number, (int, np.integer)) and not isinstance(number, bool)


def _shape(shape: object) -> tuple[int, ...]:
    axes = tuple(shape) if isinstance(shape, Iterable) and not isinstance(shape, str) else ()
    if not axes or not all(_is_whole(n) and n >= 1 for n in axes):
        raise InputError(f"events: shape {shown(shape)}; every axis must be 1 or longer, a whole number")
    if prod(int(n) for n in axes) > 1 << 31:
        raise InputError(f"events: shape {shown(shape)}; 2^31 neurons are the most")
    return tuple(int(n) for n in axes)


def _check(events: Events) -> None:
    n, size, offsets = len(events.t), prod(events.shape), events.offsets
    if len(events.neuron) != n or len(events.payload) != n:
        found = f"{n} times, {len(events.neuron)} neurons, {len(events.payload)} payloads"
        raise InputError(f"events: {found}; give one of each for every event")
    if len(offsets) == 0 or offsets[0] != 0 or offsets[-1] != n or np.any(offsets[1:] < offsets[:-1]):
        raise InputError(f"events: offsets must rise from 0 to the number of events, {n}, one more than there are samples")
    tick: Any = events.tick
    number = isinstance(tick, Real) and not isinstance(tick, bool)
    if events.unit not in UNITS or not number or not 0 < tick < inf:
        found = f"a tick of {shown(tick)} {shown(events.unit)}"
        raise InputError(f"events: {found}; it must be positive, in one of {', '.join(UNITS)}")
    if n == 0:
        return
    if events.neuron.min() < 0 or events.neuron.max() >= size:
        raise InputError(
            f"events: neuron {events.neuron.min()} to {events.neuron.max()}; the input of shape {events.shape} has neurons 0 to {size - 1}"
        )
    if np.any(events.payload == 0):
        zero = int(np.argmin(np.abs(events.payload)))
        raise InputError(f"events: payload 0 at event {zero}; an event carries a change; leave out events that carry none")
    # Not by differences, which overflow.
    falls = np.flatnonzero(events.t[1:] < events.t[:-1]) + 1
    bad = np.setdiff1d(falls, offsets)
    if bad.size:
        raise InputError(f"events: time runs backwards at event {int(bad[0])}; sort each sample by time, in a stable way")
