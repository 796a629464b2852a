"""Images and video frames become event streams, and the frames that the stream amounts to.

``frames`` and ``events`` are two views of one thing: the payloads that a pixel has sent, added up and multiplied by
``unit_value``, are the pixel of the frame (of ``delta``: to less than its threshold). A network is trained on ``frames``
and simulated on ``events``.

========  ===================================================  =============  ====================================
kind      events of a pixel of value v = scale x raw           unit value     source
========  ===================================================  =============  ====================================
delay     one +1 at time 1 - v if v > threshold, bright first  1              AICAS III, JETCAS III-A
graded    round(v / step) in one event at time 0               step           NeuroBench's graded input
delta     the change of round(v / step) once it reaches the    step           JETCAS Algorithm 3, f = identity
          threshold; one time stamp a frame
========  ===================================================  =============  ====================================
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from math import ceil, prod
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tfsnn.errors import InputError, shown
from tfsnn.input.events import Events

LARGEST = 1e30
KINDS = ("delay", "graded", "delta")


@dataclass(frozen=True)
class Encoder:
    """How raw input becomes events; part of model.h5 and of the artifact, so that all stages feed the same thing.

    Parameters
    ----------
    kind
        ``"delay"``, ``"graded"`` or ``"delta"``; the module's table has their equations.
    scale
        Value of one raw unit, 1/255 for 8-bit pixels.
    threshold
        In units of value. ``delay``: pixels at or below it stay silent. ``delta``: the least change that is sent.
    bins
        ``delay`` only: number of time bins over the 1 - threshold time units; 0 keeps the pixels' own resolution.
    step
        Value of one payload unit of ``graded`` and ``delta``; 0 stands for ``scale`` (integer raw input, nothing lost).

    Examples
    --------
    >>> encoder = Encoder("delay", scale=1 / 255)
    >>> stream = encoder.events(np.array([[255, 51, 52]], np.uint8))
    >>> stream.t.tolist(), stream.neuron.tolist(), encoder.frames(np.array([[255, 51, 52]])).tolist()
    ([0, 203], [0, 2], [[1.0, 0.0, 1.0]])
    """

    kind: str = "delay"
    scale: float = 1 / 255
    threshold: float = 0.2
    bins: int = 0
    step: float = 0.0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise InputError(f"encoder: kind {self.kind!r}; choose one of {', '.join(KINDS)}")
        for name in ("scale", "threshold", "step"):
            value = getattr(self, name)
            if not isinstance(value, (int, float)) or isinstance(value, bool) or not 0 <= value <= LARGEST:
                raise InputError(f"encoder: {name} is {shown(value)}; it must be a number, 0 or above and at most {LARGEST:g}")
        if self.scale < 1 / LARGEST:
            raise InputError(f"encoder: scale is {self.scale!r}; it must be positive, 1/255 for 8-bit pixels, {1 / LARGEST:g} at least")
        if 0 < self.step < 1 / LARGEST:
            raise InputError(f"encoder: step is {self.step!r}; it must be at least {1 / LARGEST:g}, or 0 for the scale")
        if self.kind == "delay" and self.threshold >= 1:
            raise InputError(f"encoder: threshold {self.threshold} silences every pixel; with kind 'delay' it must lie below 1")
        if not isinstance(self.bins, int) or isinstance(self.bins, bool) or not 0 <= self.bins <= 1 << 20:
            raise InputError(f"encoder: bins is {self.bins!r}; it must be a whole number up to {1 << 20}, 0 for the pixels' own")
        if self.kind != "delay" and self.bins:
            raise InputError(f"encoder: bins is {self.bins}, but kind {self.kind!r} has no delay to divide; leave it at 0")

    @property
    def unit_value(self) -> float:
        """Value of one payload unit."""
        return 1.0 if self.kind == "delay" else self.step or self.scale

    def frames(self, raw: ArrayLike) -> NDArray[np.float32]:
        """The frames that the network is trained on: what the events of each frame add up to.

        Parameters
        ----------
        raw
            (frames, \\*shape): pixels as they come, multiplied by ``scale`` they are values.
        """
        array = _raw(raw)
        if self.kind == "delay":
            self._check_delay(array)
            return (array > self._level()).astype(np.float32)
        return (self._levels(array) * self.unit_value).astype(np.float32)

    def events(self, raw: ArrayLike) -> Events:
        """The event streams of raw input.

        Parameters
        ----------
        raw
            ``delay`` and ``graded``: (samples, \\*shape), a stream for each. ``delta``: (frames, \\*shape), one stream.
        """
        array = _raw(raw)
        return {"delay": self._delay, "graded": self._graded, "delta": self._delta}[self.kind](array)

    def changes(self, frame: ArrayLike, sent: NDArray[np.int32]) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """The next frame of a stream, ``graded`` or ``delta``: which pixels send, and what; ``sent`` is brought up to date.

        Parameters
        ----------
        frame
            (\\*shape): pixels as they come.
        sent
            int32 (pixels): the sum of what each has sent so far.
        """
        levels = self._levels(_raw(np.asarray(frame)[None])).reshape(-1)
        change = levels - sent
        least = self._least() if self.kind == "delta" else 1
        fires = np.flatnonzero(np.abs(change) >= least)
        sent[fires] = levels[fires]
        return fires, change[fires]

    @property
    def byte_threshold(self) -> int | None:
        """The least change of an 8-bit pixel that is sent, where a payload unit is one step of the pixel; None where it is not."""
        if self.kind == "delay" or self.unit_value != self.scale:
            return None
        return self._least() if self.kind == "delta" else 1

    def to_json(self) -> dict[str, Any]:
        """The settings as plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, settings: object) -> Encoder:
        """The encoder that :meth:`to_json` described; InputError names a setting that does not belong."""
        names = {f.name for f in fields(cls)}
        if not isinstance(settings, dict) or not set(settings) <= names:
            found = sorted(set(settings) - names) if isinstance(settings, dict) else type(settings).__name__
            raise InputError(f"encoder: settings {found}; allowed are {', '.join(sorted(names))}")
        return cls(**settings)

    def _level(self) -> float:
        # 51/255 is the papers' 0.2 exactly, yet 51 * (1 / 255) > 0.2 in single precision: compare in raw units, with room.
        return self.threshold / self.scale * (1 + 1e-9)

    def _least(self) -> int:
        return max(1, ceil(self.threshold / self.unit_value * (1 - 1e-9)))

    def _check_delay(self, array: NDArray[Any]) -> None:
        if array.size and (array.min() < 0 or array.max() * self.scale > 1 + 1e-6):
            raise InputError(
                f"encoder: raw input from {array.min()} to {array.max()} at scale {self.scale:g}; "
                f"kind 'delay' takes values from 0 to 1, that is raw 0 to {1 / self.scale:g}"
            )

    def _levels(self, array: NDArray[Any]) -> NDArray[np.int32]:
        levels = np.rint(array * (self.scale / self.unit_value))
        if levels.size and np.abs(levels).max() >= 1 << 24:
            raise InputError(f"encoder: raw input up to {np.abs(array).max():g} gives payloads beyond 2^24; raise step or lower scale")
        return levels.astype(np.int32)

    def _delay(self, array: NDArray[Any]) -> Events:
        self._check_delay(array)
        level, top = self._level(), 1 / self.scale
        flat = _flat(array)
        sample, neuron = np.nonzero(flat > level)
        late = top - flat[sample, neuron]
        if self.bins:
            tick = (1 - self.threshold) / self.bins
            t = np.minimum(np.floor(late * self.scale / tick + 1e-9), self.bins - 1)
        else:
            tick, t = self.scale, np.rint(late)
        order = np.lexsort((neuron, t, sample))
        return self._stream(array, sample[order], t[order], neuron[order], np.ones(len(t), np.int32), tick)

    def _graded(self, array: NDArray[Any]) -> Events:
        levels = _flat(self._levels(array))
        sample, neuron = np.nonzero(levels)
        return self._stream(array, sample, np.zeros(len(sample)), neuron, levels[sample, neuron], 1.0)

    def _delta(self, array: NDArray[Any]) -> Events:
        levels = _flat(self._levels(array))
        least = self._least()
        sent = np.zeros(levels.shape[1], np.int32)
        frames, neurons, payloads = [], [], []
        for frame, x in enumerate(levels):
            change = x - sent
            fires = np.flatnonzero(np.abs(change) >= least)
            sent[fires] = x[fires]
            frames.append(np.full(len(fires), frame))
            neurons.append(fires)
            payloads.append(change[fires])
        joined = [np.concatenate(parts or [np.zeros(0, int)]) for parts in (frames, neurons, payloads)]
        return self._stream(array, np.zeros_like(joined[0]), joined[0], joined[1], joined[2], 1.0, samples=1)

    def _stream(
        self, array: NDArray[Any], sample: NDArray[Any], t: NDArray[Any], neuron: NDArray[Any], payload: NDArray[Any], tick: float,
        samples: int | None = None,
    ) -> Events:
        offsets = np.searchsorted(sample, np.arange((len(array) if samples is None else samples) + 1))
        return Events(t.astype(np.int64), neuron.astype(np.int32), payload, offsets, array.shape[1:], tick=tick)


def _flat(array: NDArray[Any]) -> NDArray[Any]:
    # -1 would not do: there may be no sample.
    return array.reshape(len(array), prod(array.shape[1:]))


def _raw(raw: ArrayLike) -> NDArray[Any]:
    array = np.asarray(raw)
    if array.ndim < 2 or not (np.issubdtype(array.dtype, np.integer) or np.issubdtype(array.dtype, np.floating)):
        raise InputError(f"encoder: raw input is {array.dtype} of shape {array.shape}; give numbers of shape (samples, *input shape)")
    if not np.all(np.isfinite(array)):
        raise InputError("encoder: raw input holds NaN or infinity; replace them first")
    if array.dtype.kind == "u" and array.size and array.max() > np.iinfo(np.int64).max:
        raise InputError(f"encoder: raw input up to {array.max()}; it must fit int64")
    if array.dtype == np.float16:
        # Its few digits are all there, but a product in it would have no more.
        return array.astype(np.float32)
    return array.astype(np.int64) if np.issubdtype(array.dtype, np.integer) else array
