"""The operations of a network: one frozen dataclass each, with its equation and its shapes.

Three families, in the words of the papers' architecture:

* *relays* move values and compute nothing: each output is a sum of inputs times one constant ``factor``. They are index
  maps, so chains of them collapse into one (:func:`route`), and an event passes them at no cost;
* *linear operations* are the synapses between two populations, the only place where weights are;
* *activations* are the neurons' f(x).

Shapes never have a sample axis. Images are (row, column, channel).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import erf, prod
from typing import Any, ClassVar, Union

import numpy as np
from numpy.typing import NDArray

from tfsnn.errors import InputError

Shape = tuple[int, ...]
Padding = tuple[tuple[int, int], tuple[int, int]]
NO_PADDING: Padding = ((0, 0), (0, 0))
Indices = NDArray[np.int64]


def same_padding(size: int, window: int, stride: int, dilation: int = 1) -> tuple[int, int]:
    """Zeros before and after one axis under Keras' ``padding="same"``: the odd one goes behind.

    >>> same_padding(28, 5, 1), same_padding(6, 2, 2), same_padding(5, 2, 2)
    ((2, 2), (0, 0), (0, 1))
    """
    reach = (window - 1) * dilation + 1
    total = max((-(-size // stride) - 1) * stride + reach - size, 0)
    return total // 2, total - total // 2


def window_output(size: int, window: int, stride: int, padding: tuple[int, int], dilation: int = 1) -> int:
    """Number of positions of a window along one padded axis."""
    return (size + sum(padding) - (window - 1) * dilation - 1) // stride + 1


def window_sources(shape: Shape, window: tuple[int, int], strides: tuple[int, int], padding: Padding,
                   dilation: tuple[int, int] = (1, 1)) -> Indices:
    """Flat pixel (row x width + column) under each tap of each window, -1 in the border.

    Returns
    -------
    int64 (rows x columns, taps)
    """
    grids = []
    for axis in (0, 1):
        count = window_output(shape[axis], window[axis], strides[axis], padding[axis], dilation[axis])
        grid = np.arange(count)[:, None] * strides[axis] + np.arange(window[axis]) * dilation[axis] - padding[axis][0]
        grids.append(np.where((grid >= 0) & (grid < shape[axis]), grid, -1))
    rows, columns = grids
    pixels = rows[:, None, :, None] * shape[1] + columns[None, :, None, :]
    inside = (rows >= 0)[:, None, :, None] & (columns >= 0)[None, :, None, :]
    return np.where(inside, pixels, -1).reshape(len(rows) * len(columns), -1)


@dataclass(frozen=True)
class Reshape:
    """y = x in row-major order, seen in another shape."""

    shape: Shape
    factor: ClassVar[float] = 1.0

    def output(self, shape: Shape) -> Shape:
        """The shape asked for."""
        return self.shape

    def sources(self, shape: Shape) -> Indices:
        """int64 (outputs, 1): the input that each output shows."""
        return np.arange(prod(shape))[:, None]


@dataclass(frozen=True)
class Permute:
    """y[i, j, ...] = x with its axes in the order ``axes`` (counted from 0, without the sample axis)."""

    axes: tuple[int, ...]
    factor: ClassVar[float] = 1.0

    def output(self, shape: Shape) -> Shape:
        """The input's axes, reordered."""
        return tuple(shape[axis] for axis in self.axes)

    def sources(self, shape: Shape) -> Indices:
        """int64 (outputs, 1): the input that each output shows."""
        return np.arange(prod(shape)).reshape(shape).transpose(self.axes).reshape(-1, 1)


@dataclass(frozen=True)
class Pad:
    """y = x with zeros before and after each axis; a negative width crops instead. A branch of a concatenation is padded too."""

    widths: tuple[tuple[int, int], ...]
    factor: ClassVar[float] = 1.0

    def output(self, shape: Shape) -> Shape:
        """Each axis longer by both its widths."""
        return tuple(n + before + after for n, (before, after) in zip(shape, self.widths))

    def sources(self, shape: Shape) -> Indices:
        """int64 (outputs, 1): the input that each output shows, -1 in the border."""
        index = np.arange(prod(shape)).reshape(shape)
        index = index[tuple(slice(max(-b, 0), n - max(-a, 0)) for n, (b, a) in zip(shape, self.widths))]
        return np.pad(index, [(max(b, 0), max(a, 0)) for b, a in self.widths], constant_values=-1).reshape(-1, 1)


@dataclass(frozen=True)
class Upsample:
    """y[i, j, c] = x[i // rows, j // columns, c] (nearest neighbour)."""

    factors: tuple[int, int]
    factor: ClassVar[float] = 1.0

    def output(self, shape: Shape) -> Shape:
        """Rows and columns multiplied."""
        return shape[0] * self.factors[0], shape[1] * self.factors[1], shape[2]

    def sources(self, shape: Shape) -> Indices:
        """int64 (outputs, 1): the input that each output shows."""
        index = np.arange(prod(shape)).reshape(shape)
        return index.repeat(self.factors[0], 0).repeat(self.factors[1], 1).reshape(-1, 1)


@dataclass(frozen=True)
class Stretch:
    """y[i s, j t, c] = x[i, j, c], zeros between: a transposed convolution is this, then a convolution."""

    strides: tuple[int, int]
    factor: ClassVar[float] = 1.0

    def output(self, shape: Shape) -> Shape:
        """(n - 1) stride + 1 along rows and columns."""
        return (shape[0] - 1) * self.strides[0] + 1, (shape[1] - 1) * self.strides[1] + 1, shape[2]

    def sources(self, shape: Shape) -> Indices:
        """int64 (outputs, 1): the input that each output shows, -1 between."""
        index = np.full(self.output(shape), -1)
        index[:: self.strides[0], :: self.strides[1]] = np.arange(prod(shape)).reshape(shape)
        return index.reshape(-1, 1)


@dataclass(frozen=True)
class AveragePool:
    """y = mean of x over each window, which must lie wholly inside the input: one factor serves all outputs."""

    window: tuple[int, int]
    strides: tuple[int, int]

    @property
    def factor(self) -> float:
        """1 / (window size)."""
        return 1.0 / prod(self.window)

    def output(self, shape: Shape) -> Shape:
        """Positions of the window by channels."""
        rows, columns = (window_output(shape[i], self.window[i], self.strides[i], (0, 0)) for i in (0, 1))
        return rows, columns, shape[2]

    def sources(self, shape: Shape) -> Indices:
        """int64 (outputs, window size): the inputs that each output averages."""
        pixels = window_sources(shape, self.window, self.strides, NO_PADDING)
        taps = pixels[:, None, :] * shape[2] + np.arange(shape[2])[None, :, None]
        return taps.reshape(-1, pixels.shape[1])


Relay = Union[Reshape, Permute, Pad, Upsample, Stretch, AveragePool]


def relayed(relays: tuple[Relay, ...], shape: Shape) -> Shape:
    """The shape behind a chain of relays; InputError names a relay that does not fit what it is given."""
    for relay in relays:
        if not _fits(relay, shape):
            allowed = "a reshape keeps all values, any other relay needs the axes that it names and leaves a value of each"
            raise InputError(f"{relay} of shape {shape}; {allowed}")
        shape = relay.output(shape)
        if prod(shape) >= 1 << 31:
            raise InputError(f"{relay} makes a shape of {shape}; 2^31 values are the limit")
    return shape


def counts(values: object, least: int = 1) -> bool:
    """Whether this is a tuple of whole numbers alone, none below ``least``."""
    return isinstance(values, tuple) and all(isinstance(n, (int, np.integer)) and not isinstance(n, bool) and n >= least for n in values)


def _fits(relay: Relay, shape: Shape) -> bool:
    if isinstance(relay, Reshape):
        return counts(relay.shape) and prod(relay.shape) == prod(shape)
    if isinstance(relay, Permute):
        return counts(relay.axes, 0) and sorted(relay.axes) == list(range(len(shape)))
    if isinstance(relay, Pad):
        if not all(counts(pair, -(1 << 31)) and len(pair) == 2 for pair in relay.widths):
            return False
        kept = [n + min(before, 0) + min(after, 0) for n, (before, after) in zip(shape, relay.widths)]
        return len(relay.widths) == len(shape) and counts(tuple(kept))
    sizes = relay.factors if isinstance(relay, Upsample) else relay.strides
    if len(shape) != 3 or len(sizes) != 2 or not counts(sizes):
        return False
    if isinstance(relay, AveragePool):
        room = tuple(n - window + 1 for n, window in zip(shape, relay.window))
        return len(relay.window) == 2 and counts(relay.window) and counts(room)
    return True


def factor(relays: tuple[Relay, ...]) -> float:
    """The product of the relays' factors."""
    return prod(relay.factor for relay in relays)


def route(relays: tuple[Relay, ...], shape: Shape) -> Indices:
    """The chain as one index map: y[i] = factor x (sum of x[j] over j in row i, without -1).

    Returns
    -------
    int64 (outputs, terms)
    """
    index = np.arange(prod(shape))[:, None]
    for relay in relays:
        step = relay.sources(shape)
        index = np.where(step[..., None] < 0, -1, index[step]).reshape(len(step), -1)
        shape = relay.output(shape)
    return index


@dataclass(frozen=True)
class Dense:
    """y[j] = sum_i w[i, j] x[i]; the input is read in row-major order. Weight (inputs, units)."""

    units: int

    def output(self, shape: Shape) -> Shape:
        """(units,)."""
        return (self.units,)

    def weight_shape(self, shape: Shape) -> Shape:
        """(inputs, units)."""
        return prod(shape), self.units


@dataclass(frozen=True)
class Conv:
    """y[r, c, o] = sum_{i, j, k} w[i, j, k, o] x[r s + i d - top, c s + j d - left, k] (cross-correlation, as in Keras).

    Weight (rows, columns, input channels / groups, filters). Group g of the filters sees group g of the channels alone;
    ``groups`` = channels is the depthwise convolution.
    """

    filters: int
    window: tuple[int, int]
    strides: tuple[int, int] = (1, 1)
    padding: Padding = NO_PADDING
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1

    def output(self, shape: Shape) -> Shape:
        """Positions of the kernel by filters."""
        rows, columns = (
            window_output(shape[i], self.window[i], self.strides[i], self.padding[i], self.dilation[i]) for i in (0, 1)
        )
        return rows, columns, self.filters

    def weight_shape(self, shape: Shape) -> Shape:
        """(rows, columns, input channels / groups, filters)."""
        return (*self.window, shape[2] // self.groups, self.filters)


@dataclass(frozen=True)
class OneToOne:
    """y[..., c] = w[c] x[..., c]: a skip connection. Weight (channels,), or a map where it differs from place to place."""

    def output(self, shape: Shape) -> Shape:
        """The input's shape."""
        return shape

    def weight_shape(self, shape: Shape) -> Shape:
        """(channels,)."""
        return (shape[-1],)


Linear = Union[Dense, Conv, OneToOne]


def describe(op: Linear) -> str:
    """A few words for the table of a network.

    >>> describe(Conv(8, (3, 3), (2, 2)))
    'conv 3x3 / 2'
    """
    if not isinstance(op, Conv):
        return {"Dense": "dense", "OneToOne": "skip"}[type(op).__name__]
    kind = "conv" if op.groups == 1 else "depthwise conv" if op.groups == op.filters else f"conv in {op.groups} groups"
    stride = "" if op.strides == (1, 1) else f" / {op.strides[0]}"
    return f"{kind} {op.window[0]}x{op.window[1]}{stride}"


@dataclass(frozen=True)
class Activation:
    """A neuron's f(x).

    Parameters
    ----------
    kind
        One of :data:`ACTIVATIONS`.
    slope
        ``relu``: f below ``start``, per unit of x - start (0 plain, else leaky; or nested tuples that broadcast
        against the population's shape, the parametric ReLU).
    top
        ``relu``: f never exceeds this.
    start
        ``relu``: f(x) = x above this.
    alpha
        ``elu``: its limit for x towards minus infinity, negated.
    """

    kind: str = "linear"
    slope: Any = 0.0
    top: float = float("inf")
    start: float = 0.0
    alpha: float = 1.0

    @property
    def name(self) -> str:
        """What it is called in tables: a ReLU with one slope below its start is a leaky one, with many a parametric one."""
        leans = self.kind == "relu" and np.any(np.asarray(self.slope) != 0)
        return ("parametric relu" if np.ndim(self.slope) else "leaky relu") if leans else self.kind

    def __call__(self, x: NDArray[Any]) -> NDArray[np.float64]:
        """f(x), elementwise, in float64."""
        value: NDArray[np.float64] = ACTIVATIONS[self.kind](np.asarray(x, np.float64), self)
        return value


def _relu(x: NDArray[np.float64], f: Activation) -> NDArray[np.float64]:
    below = np.asarray(f.slope) * (x - f.start) if f.slope != 0.0 else np.zeros_like(x)
    value: NDArray[np.float64] = np.minimum(np.where(x > f.start, x, below), f.top)
    return value


def _elu(x: NDArray[np.float64], alpha: float) -> NDArray[np.float64]:
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


def _sigmoid(x: NDArray[np.float64]) -> NDArray[np.float64]:
    share: NDArray[np.float64] = np.where(x >= 0, 1.0, np.exp(-np.abs(x))) / (1 + np.exp(-np.abs(x)))
    return share


def _gelu(x: NDArray[np.float64]) -> NDArray[np.float64]:
    value: NDArray[np.float64] = 0.5 * x * (1 + np.vectorize(erf, otypes=[np.float64])(x / np.sqrt(2)))
    return value


def _softplus(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


ACTIVATIONS: dict[str, Any] = {
    "linear": lambda x, f: x,
    "relu": _relu,
    "elu": lambda x, f: _elu(x, f.alpha),
    "sigmoid": lambda x, f: _sigmoid(x),
    "hard_sigmoid": lambda x, f: np.clip(x / 6 + 0.5, 0, 1),
    "hard_sigmoid_keras2": lambda x, f: np.clip(0.2 * x + 0.5, 0, 1),
    "tanh": lambda x, f: np.tanh(x),
    "hard_tanh": lambda x, f: np.clip(x, -1, 1),
    "softsign": lambda x, f: x / (1 + np.abs(x)),
    "softplus": lambda x, f: _softplus(x),
    "silu": lambda x, f: x * _sigmoid(x),
    "hard_silu": lambda x, f: x * np.clip(x / 6 + 0.5, 0, 1),
    "mish": lambda x, f: x * np.tanh(_softplus(x)),
    "gelu": lambda x, f: _gelu(x),
    "gelu_tanh": lambda x, f: 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))),
}
"""f(x) by name; each takes x and the :class:`Activation` with its settings."""
