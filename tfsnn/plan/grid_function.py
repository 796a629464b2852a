"""f on the grid: a neuron's activation as a map from whole numbers to whole numbers, shared by both engines."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, log2
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfsnn.aliases import Integers
from tfsnn.errors import InputError, RangeError
from tfsnn.network.ops import Activation, Shape

STATE_LIMIT = {"float32": 1 << 23, "float64": 1 << 52, "int32": 1 << 29, "int64": 1 << 52}
"""|x| stays below this, so that differences of two such numbers, and f(x) - o, are exact in the carrier."""
WEIGHT_LIMIT = (1 << 15) - 1
"""No weight of an int32 carrier exceeds it: products of pairs of 16-bit numbers are what CPUs add up fastest."""
TABLE_ENTRIES = 1 << 16
LARGEST_PRODUCT = 1 << 62


@dataclass(frozen=True, eq=False)
class Function:
    """f on the grid: for whole x, whole f(x).

    Parameters
    ----------
    kind
        ``"linear"``, ``"relu"``, ``"sloped"`` (x >= 0 ? x : round(slope x)) or ``"table"``.
    slope
        float64 (neurons) of ``"sloped"``, else empty.
    top
        ``"relu"``: f never exceeds this; 2^52 where nothing limits it.
    table, low, shift
        Of ``"table"``, int64: f(low + (i << shift)) = table[i], and between two entries the straight line, rounded down.
        Beyond the ends f stays flat or goes on with slope 1.
    flat
        Whether f stays flat below and above the table.
    """

    kind: str
    slope: NDArray[np.float64]
    table: Integers
    top: int = STATE_LIMIT["float64"]
    low: int = 0
    shift: int = 0
    flat: tuple[bool, bool] = (True, True)

    @property
    def high(self) -> int:
        """The last x that the table holds."""
        return self.low + ((len(self.table) - 2) << self.shift)

    def __call__(self, x: Integers) -> Integers:
        """f(x) for int64 x of shape (..., neurons)."""
        if self.kind == "linear":
            return x
        if self.kind == "relu":
            return np.minimum(np.maximum(x, 0), self.top)
        if self.kind == "sloped":
            # Within what int64 holds; the states of a run keep f(x) far inside.
            below = np.clip(np.rint(x * self.slope), -LARGEST_PRODUCT, LARGEST_PRODUCT)
            return np.where(x >= 0, x, below.astype(np.int64))
        inside = np.clip(x, self.low, self.high)
        beyond = np.where(((x < inside) & (not self.flat[0])) | ((x > inside) & (not self.flat[1])), x - inside, 0)
        entry, rest = np.divmod(inside - self.low, 1 << self.shift)
        value: Integers = self.table[entry] + ((self.table[entry + 1] - self.table[entry]) * rest >> self.shift) + beyond
        return value


def on_grid(activation: Activation, shape: Shape, step: float, where: str) -> Function:
    """f on a grid: exact for identity and ReLU, else a table over the range where f bends.

    Parameters
    ----------
    activation, shape
        f, and the shape of the population.
    step
        Real value of one grid step.
    where
        Name of the population, for messages.
    """
    if activation.kind == "linear":
        return LINEAR
    if activation == Activation("relu", top=activation.top):
        top = round(min(activation.top / step, STATE_LIMIT["float64"]))
        return Function("relu", _NO_SLOPE, _NO_TABLE, top)
    if activation == Activation("relu", slope=activation.slope):
        slope = np.broadcast_to(np.asarray(activation.slope, np.float64), shape).reshape(-1)
        return Function("sloped", slope, _NO_TABLE)
    low, high, flat = _bend(activation)
    if not max(-low, high) / step < STATE_LIMIT["float64"]:
        raise RangeError(f"plan: {where}: f bends at up to {max(-low, high) / step:.3g} grid steps, 2^52 at most; raise the threshold")
    first, last = round(low / step), round(high / step)
    shift = max(0, ceil(log2(max((last - first) / TABLE_ENTRIES, 1))))
    # Rounded up: the last entry but one must not lie before the end of the bend, from where f goes on with slope 1.
    entries = first + (np.arange(-((first - last) >> shift) + 2, dtype=np.int64) << shift)
    table = rounded(in_steps(activation(entries * step), step), where, "activation")
    # Between two entries lies a straight line: a product that must not overflow in either engine.
    rise = int(np.abs(np.diff(table)).max(initial=0)) << shift
    if rise >= LARGEST_PRODUCT:
        raise RangeError(f"plan: {where}: f is too steep for a table of {TABLE_ENTRIES} entries over its range; raise the threshold")
    return Function("table", _NO_SLOPE, table, low=first, shift=shift, flat=flat)


def _bend(activation: Activation) -> tuple[float, float, tuple[bool, bool]]:
    """Range of x outside which f is flat or has slope 1, and whether it is flat below and above it.

    To less than 1e-9; softsign, which nears its limits as 1 / x, to 0.002.
    """
    if activation.kind == "relu":
        if activation.slope != 0.0:
            settings = f"slope {activation.slope}, top {activation.top} and start {activation.start}"
            raise InputError(f"plan: ReLU with {settings}; a slope cannot be combined with top or start: leave them at their defaults")
        top = activation.top if np.isfinite(activation.top) else activation.start + 1.0
        return min(activation.start, 0.0) - 1e-6, top, (True, bool(np.isfinite(activation.top)))
    bounded = {"sigmoid": 21.0, "hard_sigmoid": 3.0, "hard_sigmoid_keras2": 2.5, "tanh": 11.0, "hard_tanh": 1.0}
    if activation.kind in bounded:
        return -bounded[activation.kind], bounded[activation.kind], (True, True)
    if activation.kind == "softsign":
        return -512.0, 512.0, (True, True)
    return -25.0, 25.0 if activation.kind not in ("elu", "hard_silu") else 3.0, (True, False)


def in_steps(values: NDArray[Any], step: float) -> NDArray[np.float64]:
    """Real values in grid steps; infinite where that overflows, for :func:`rounded` to refuse."""
    with np.errstate(over="ignore"):
        found: NDArray[np.float64] = np.asarray(values, np.float64) / step
    return found


def rounded(values: NDArray[Any], name: str, what: str) -> Integers:
    """The nearest whole numbers.

    Parameters
    ----------
    values
        Real values, in grid steps.
    name, what
        The population, and what the values are, for messages.
    """
    if not np.all(np.abs(values) < STATE_LIMIT["float64"]):
        raise RangeError(f"plan: {name}: a {what} of {np.abs(values).max():.3g} grid steps, at most 2^52 are allowed; raise the threshold")
    whole: Integers = np.rint(values).astype(np.int64)
    return whole


def lipschitz(activation: Activation) -> float:
    """The largest |f'|, or jump that acts like it."""
    steep = {"hard_silu": 1.5, "silu": 1.1, "gelu": 1.13, "gelu_tanh": 1.13, "mish": 1.09}
    slope = float(np.max(np.abs(activation.slope))) if activation.kind == "relu" else 0.0
    return max(steep.get(activation.kind, 1.0), slope, activation.alpha if activation.kind == "elu" else 0.0)


_NO_SLOPE = np.zeros(0)
_NO_TABLE: Integers = np.zeros(0, np.int64)
LINEAR = Function("linear", _NO_SLOPE, _NO_TABLE)
