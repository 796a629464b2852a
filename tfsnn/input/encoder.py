"""Images and video frames become event streams, and the frames that the stream amounts to.

The value of a raw number is ``scale * raw + offset``, rounded to a whole number of ``step``. ``frames`` and ``events`` are
two views of one thing: the payloads that a pixel has sent, added up and multiplied by ``unit_value``, are the pixel of the
frame (of ``delta``: to less than its threshold). A network is trained on ``frames`` and simulated on ``events``.

========  ===================================================  =============  ====================================
kind      events of a pixel of value v                         unit value     source
========  ===================================================  =============  ====================================
delay     one +1 at time 1 - v if v > threshold, bright first  1              AICAS III, JETCAS III-A
graded    round(v / step) in one event at time 0               step           NeuroBench's graded input
delta     the change of round(v / step) once it reaches the    step           JETCAS Algorithm 3, f = identity
          threshold; one time stamp a frame
dvs       the changes of a leaky population behind a camera    1/256          JETCAS Algorithms 2 and 4
========  ===================================================  =============  ====================================

A pixel that has sent nothing has the value 0, with an offset too: a network at rest has seen the raw number
``-offset / scale`` everywhere, and that is also what its zero padding means.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tfsnn.errors import InputError
from tfsnn.input import dvs, misfit
from tfsnn.input.events import Events
from tfsnn.input.raw import check_settings, flat_samples, fraction, grid_of, numbers, range_of, samples, thresholds_of
from tfsnn.input.snapshots import ONE, Leak

BEYOND = 1 << 31
"""More grid steps than any payload has."""


class _ByKind(type):
    """``Encoder("delta", ...)`` makes a :class:`Delta`."""

    def __call__(cls, *args: Any, **settings: Any) -> Any:
        if cls is not Encoder:
            return super().__call__(*args, **settings)
        return _of_kind(dict(zip(("kind", "scale", "threshold", "bins", "step", "offset"), args)) | settings)


class Encoder(metaclass=_ByKind):
    """How raw input becomes events; part of model.h5 and of the artifact, so that all stages feed the same thing.

    Calling it makes the encoder of that kind: :class:`Delay`, :class:`Graded`, :class:`Delta` or :class:`Dvs`.

    Settings
    --------
    kind
        ``"delay"``, ``"graded"``, ``"delta"`` or ``"dvs"``; the module's table has their equations.
    scale
        Value of one raw unit, 1/255 for 8-bit pixels.
    threshold
        In units of value. ``delay``: pixels at or below it stay silent. ``delta``: the least change that is sent, or one for
        each channel.
    bins
        ``delay`` only: number of time bins over the 1 - threshold time units; 0 keeps the resolution ``step``.
    step
        The grid of values. 0 stands for the grid of whole raw numbers: nothing of them is lost.
    offset
        Value of the raw number 0.
    range
        Lowest and highest raw number to be expected, as calibration saw them; empty if nobody knows.

    Examples
    --------
    >>> encoder = Encoder("delay", scale=1 / 255)
    >>> stream = encoder.events(np.array([[255, 51, 52]], np.uint8))
    >>> stream.t.tolist(), stream.neuron.tolist(), encoder.frames(np.array([[255, 51, 52]])).tolist()
    ([0, 203], [0, 2], [[1.0, 0.0, 1.0]])
    >>> Encoder("graded", scale=1 / 127.5, offset=-1).frames([[0, 127, 255]]).tolist()
    [[-1.0, -0.003921568859368563, 1.0]]
    """

    if TYPE_CHECKING:
        kind: str
        scale: float
        offset: float
        step: float
        range: tuple[float, ...]

        def __init__(
            self, kind: str = "delay", scale: float = 1 / 255, threshold: float | Sequence[float] = 0.2, bins: int = 0,
            step: float = 0.0, offset: float = 0.0, range: tuple[float, ...] = (),
        ) -> None: ...

    @property
    def unit_value(self) -> float:
        """Value of one payload unit."""
        return self.grid

    @cached_property
    def least(self) -> NDArray[np.int64]:
        """int64 (1) or (channels): the least change that a stream of frames sends, in whole grid steps."""
        return np.ones(1, np.int64)

    @cached_property
    def grid(self) -> float:
        """Value of one grid step: ``step``, or where that is 0 the coarsest that holds every whole raw number."""
        return self.step or grid_of(self.scale, self.offset)

    @property
    def is_identity(self) -> bool:
        """Whether whole raw numbers are grid steps as they are: bytes can then be compared with what has been sent."""
        return self.grid == self.scale and self.offset == 0

    def whole(self, frame: ArrayLike) -> NDArray[np.int32]:
        """Raw numbers of any shape as whole grid steps.

        Parameters
        ----------
        frame
            Raw numbers as they come.
        """
        return self._levels(numbers(frame))

    def frames(self, raw: ArrayLike) -> NDArray[np.float32]:
        """The frames that the network is trained on: what the events of each frame add up to.

        Parameters
        ----------
        raw
            (frames, \\*shape): raw numbers as they come.
        """
        return (self._levels(samples(raw)) * self.grid).astype(np.float32)

    def exact(self, raw: ArrayLike) -> NDArray[np.float32]:
        """The values without the grid, ``scale * raw + offset``: what a Keras model is given.

        Parameters
        ----------
        raw
            (frames, \\*shape): raw numbers as they come.
        """
        return (samples(raw) * self.scale + self.offset).astype(np.float32)

    def events(self, raw: ArrayLike) -> Events:
        """The event streams of raw input.

        Parameters
        ----------
        raw
            ``delay`` and ``graded``: (samples, \\*shape), a stream for each. ``delta``: (frames, \\*shape), one stream.
        """
        raise TypeError(type(self).__name__)

    def changes(self, frame: ArrayLike, sent: NDArray[np.int32]) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """The next frame of a stream, ``graded`` or ``delta``: which pixels send, and what; ``sent`` is brought up to date.

        Parameters
        ----------
        frame
            (\\*shape): raw numbers as they come.
        sent
            int32 (pixels): the sum of what each has sent so far, in grid steps.
        """
        levels = self.whole(frame).reshape(-1)
        change = levels - sent
        fires = np.flatnonzero(np.abs(change).reshape(-1, len(self.least)) >= self.least)
        sent[fires] = levels[fires]
        return fires, change[fires]

    @property
    def byte_thresholds(self) -> NDArray[np.uint8] | None:
        """``least`` of 8-bit pixels, where a payload unit is one step of the pixel; None where it is not."""
        fit = self.kind != "delay" and self.is_identity and bool((self.least < 256).all())
        return self.least.astype(np.uint8) if fit else None

    def to_json(self) -> dict[str, Any]:
        """The settings as plain values."""
        found = {"kind": self.kind} | {f.name: getattr(self, f.name) for f in fields(self)}  # type: ignore[arg-type]
        # Left out where they say nothing, for readers that know neither.
        extra = {"offset": found.pop("offset", 0.0), "range": list(found.pop("range", ()))}
        found |= {name: list(value) for name, value in found.items() if isinstance(value, tuple)}
        return found | {name: value for name, value in extra.items() if value}

    @classmethod
    def from_json(cls, settings: object) -> Encoder:
        """The encoder that :meth:`to_json` described; InputError names a setting that does not belong."""
        if not isinstance(settings, Mapping):
            raise InputError(f"encoder: settings {type(settings).__name__}; allowed are {', '.join(sorted(('kind', *SETTINGS)))}")
        return _of_kind(dict(settings))

    def _check(self) -> None:
        check_settings(self.kind, self.scale, self.offset, self.step, getattr(self, "threshold", 0.0))
        object.__setattr__(self, "range", range_of(self.range))
        _ = self.grid

    def _levels(self, array: NDArray[Any]) -> NDArray[np.int32]:
        if array.dtype == np.uint8 and self.is_identity:
            misfit.check(array, None, None, self.grid, self.scale, self.range)
            return array.astype(np.int32)
        exact = array * (self.scale / self.grid) + self.offset / self.grid
        levels = np.rint(exact)
        misfit.check(array, exact, levels, self.grid, self.scale, self.range)
        return levels.astype(np.int32)

    def _stream(
        self, array: NDArray[Any], sample: NDArray[Any], t: NDArray[Any], neuron: NDArray[Any], payload: NDArray[Any], tick: float,
        count: int | None = None,
    ) -> Events:
        offsets = np.searchsorted(sample, np.arange((len(array) if count is None else count) + 1))
        return Events(t.astype(np.int64), neuron.astype(np.int32), payload, offsets, array.shape[1:], tick=tick)


@dataclass(frozen=True)
class Delay(Encoder):
    """A pixel above the threshold sends one +1, the brighter the earlier.

    Parameters
    ----------
    scale, threshold, bins, step, offset, range
        As of :class:`Encoder`; ``step`` is the resolution of time.
    """

    scale: float = 1 / 255
    threshold: float = 0.2
    bins: int = 0
    step: float = 0.0
    offset: float = 0.0
    range: tuple[float, ...] = ()

    kind = "delay"

    def __post_init__(self) -> None:
        self._check()
        if self.threshold >= 1:
            raise InputError(f"encoder: threshold {self.threshold} silences every pixel; with kind 'delay' it must lie below 1")
        if not isinstance(self.bins, int) or isinstance(self.bins, bool) or not 0 <= self.bins <= 1 << 20:
            raise InputError(f"encoder: bins is {self.bins!r}; it must be a whole number up to {1 << 20}, 0 for the pixels' own")

    @property
    def unit_value(self) -> float:
        """Value of one payload unit: each pixel sends +1 once."""
        return 1.0

    def whole(self, frame: ArrayLike) -> NDArray[np.int32]:
        """1 for a pixel above the threshold, 0 for any other."""
        array = numbers(frame)
        self._check_values(array)
        return (array > self._level()).astype(np.int32)

    def frames(self, raw: ArrayLike) -> NDArray[np.float32]:
        """1 for a pixel above the threshold, 0 for any other; (frames, \\*shape)."""
        return self.whole(samples(raw)).astype(np.float32)

    def events(self, raw: ArrayLike) -> Events:
        """A stream for each sample of raw input, (samples, \\*shape)."""
        array = samples(raw)
        self._check_values(array)
        # In raw units: 1 - v of a whole number of grey levels is one as well.
        level, top = self._level(), (1 - self.offset) / self.scale
        flat = flat_samples(array)
        sample, neuron = np.nonzero(flat > level)
        late = top - flat[sample, neuron]
        if self.bins:
            tick = (1 - self.threshold) / self.bins
            t = np.minimum(np.floor(late * self.scale / tick + 1e-9), self.bins - 1)
        else:
            tick, t = self.grid, np.rint(late * (self.scale / self.grid))
        order = np.lexsort((neuron, t, sample))
        return self._stream(array, sample[order], t[order], neuron[order], np.ones(len(t), np.int32), tick)

    def _level(self) -> float:
        # 51/255 is the papers' 0.2 exactly, yet 51 * (1 / 255) > 0.2 in single precision: compare in raw units, with room.
        return (self.threshold - self.offset) / self.scale * (1 + 1e-9)

    def _check_values(self, array: NDArray[Any]) -> None:
        if not array.size:
            return
        low, high = array.min(), array.max()
        if low * self.scale + self.offset < -1e-6 or high * self.scale + self.offset > 1 + 1e-6:
            misfit.beyond_unit(low, high, self.scale, self.offset)
        if array.dtype.kind == "f" and not self.step and not self.bins:
            parts = self.scale / self.grid
            misfit.off_grid(float(low), float(high), float(high) * parts, fraction(array * parts), 1 / parts, self.scale, self.range)


@dataclass(frozen=True)
class Graded(Encoder):
    """A pixel sends its value, all at time 0; in a stream of frames, whatever has changed.

    Parameters
    ----------
    scale, step, offset, range
        As of :class:`Encoder`.
    """

    scale: float = 1 / 255
    step: float = 0.0
    offset: float = 0.0
    range: tuple[float, ...] = ()

    kind = "graded"

    def __post_init__(self) -> None:
        self._check()

    def events(self, raw: ArrayLike) -> Events:
        """A stream for each sample of raw input, (samples, \\*shape)."""
        array = samples(raw)
        levels = flat_samples(self._levels(array))
        sample, neuron = np.nonzero(levels)
        return self._stream(array, sample, np.zeros(len(sample)), neuron, levels[sample, neuron], 1.0)


@dataclass(frozen=True)
class Delta(Encoder):
    """A pixel of a video sends the change of its value once that reaches the threshold.

    Parameters
    ----------
    scale, threshold, step, offset, range
        As of :class:`Encoder`.
    """

    scale: float = 1 / 255
    threshold: float | tuple[float, ...] = 0.2
    step: float = 0.0
    offset: float = 0.0
    range: tuple[float, ...] = ()

    kind = "delta"

    def __post_init__(self) -> None:
        object.__setattr__(self, "threshold", thresholds_of(self.threshold))
        self._check()

    @cached_property
    def least(self) -> NDArray[np.int64]:
        """int64 (1) or (channels): the threshold in whole grid steps, 1 at least."""
        steps = np.atleast_1d(self.threshold) / self.grid * (1 - 1e-9)
        return np.maximum(1, np.ceil(np.minimum(steps, BEYOND))).astype(np.int64)

    def events(self, raw: ArrayLike) -> Events:
        """One stream of all frames, (frames, \\*shape), a time stamp each."""
        array = samples(raw)
        if len(self.least) not in (1, array.shape[-1]):
            raise InputError(f"encoder: {len(self.least)} thresholds, raw input of shape {array.shape}; give one, or one for each channel")
        sent = np.zeros(prod(array.shape[1:]), np.int32)
        found = [self.changes(frame, sent) for frame in array]
        parts = [(np.full(len(neuron), number), neuron, payload) for number, (neuron, payload) in enumerate(found)]
        frames, neurons, payloads = (np.concatenate(part) for part in zip(*parts)) if parts else (np.zeros(0, int),) * 3
        return self._stream(array, np.zeros_like(frames), frames, neurons, payloads, 1.0, count=1)


@dataclass(frozen=True)
class Dvs(Leak, Encoder):
    """Recordings of an event camera pass a leaky population, whose changes are sent; see :mod:`tfsnn.input.dvs`.

    Settings are those of :class:`tfsnn.input.snapshots.Leak`.
    """

    kind = "dvs"
    scale, offset, step, range = 1 / ONE, 0.0, 0.0, ()

    def whole(self, frame: dvs.Raw) -> NDArray[np.int32]:
        """Snapshots in grid steps, which they are in."""
        return dvs.levels(self, frame)

    def frames(self, raw: dvs.Raw) -> NDArray[np.float32]:
        """The snapshots of recordings, (snapshots, rows, columns, 2), in events; or of snapshots, as whole numbers of 1/256 event."""
        return (dvs.levels(self, raw) * self.scale).astype(np.float32)

    def exact(self, raw: dvs.Raw) -> NDArray[np.float32]:
        """The same as :meth:`frames`: snapshots lie on the grid."""
        return self.frames(raw)

    def events(self, raw: dvs.Raw) -> Events:
        """A stream for each recording, in microseconds; or for each snapshot, which is sent at once."""
        return dvs.streams(self, raw)


KINDS: dict[str, type[Encoder]] = {"delay": Delay, "graded": Graded, "delta": Delta, "dvs": Dvs}
SETTINGS = ("scale", "threshold", "bins", "step", "offset", "range", "downsample", "leak_period", "tau", "snapshot")


def _of_kind(settings: dict[str, Any]) -> Encoder:
    """The encoder of ``settings["kind"]``; settings of other kinds alone, which older files hold, are left out."""
    kind = settings.pop("kind", "delay")
    if not isinstance(kind, str) or kind not in KINDS:
        raise InputError(f"encoder: kind {kind!r}; choose one of {', '.join(KINDS)}")
    if set(settings) - set(SETTINGS):
        raise InputError(f"encoder: settings {sorted(set(settings) - set(SETTINGS))}; allowed are {', '.join(sorted(('kind', *SETTINGS)))}")
    if kind != "delay" and settings.get("bins"):
        raise InputError(f"encoder: bins is {settings['bins']}, but kind {kind!r} has no delay to divide; leave it at 0")
    names = {f.name for f in fields(KINDS[kind])}  # type: ignore[arg-type]
    return KINDS[kind](**{name: value for name, value in settings.items() if name in names})
