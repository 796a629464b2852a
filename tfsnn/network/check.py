"""What must hold of shapes, windows and numbers before a graph takes a node; each node checks itself with these."""

from __future__ import annotations

from math import inf, isfinite
from typing import Any

import numpy as np

from tfsnn.errors import InputError, shown
from tfsnn.network.ops import ACTIVATIONS, Activation, Padding, Relay, Shape, counts, relayed

LARGEST = 1 << 52
"""Real values that a setting of an activation may name: what float64 holds with steps of 1."""
STEEPEST = 1 << 20
"""The largest slope or alpha of an activation."""


def check_activation(where: str, f: Activation, shape: Shape) -> None:
    if f.kind not in ACTIVATIONS:
        raise InputError(f"{where}: activation {f.kind!r}; choose one of {', '.join(ACTIVATIONS)}")
    top = is_number(f.top) and (f.top == inf or is_finite(f.top)) and (0 <= f.top <= LARGEST or f.top == inf)
    bounded = all(is_finite(value) and abs(value) <= limit for value, limit in ((f.start, LARGEST), (f.alpha, STEEPEST)))
    if not (_broadcasts(f.slope, shape) and bounded and top):
        allowed = f"its settings must be numbers, top 0 or above, slope one number or an array that broadcasts to {shape}"
        raise InputError(f"{where}: {shown(f, 300)}; {allowed}; start and top at most 2^52, slope and alpha at most 2^20 in size")


def check_window(where: str, window: Shape, strides: Shape, padding: Padding, dilation: Shape = (1, 1), groups: int = 1) -> None:
    pairs = len(window) == len(strides) == len(dilation) == len(padding) == 2 and all(len(pair) == 2 for pair in padding)
    if not (pairs and counts((*window, *strides, *dilation, groups)) and all(counts(pair, 0) for pair in padding)):
        raise InputError(
            f"{where}: window {window}, strides {strides}, padding {padding}, dilation {dilation}, groups {groups}; "
            "each must be 1 or above, padding 0 or above, one for rows and one for columns"
        )


def behind(where: str, relays: tuple[Relay, ...], shape: Shape) -> Shape:
    """The shape behind relays; InputError says where they do not fit."""
    try:
        return relayed(relays, shape)
    except InputError as error:
        raise InputError(f"{where}: {error}") from None


def expect(where: str, what: str, found: Shape, expected: Shape) -> None:
    if tuple(found) != tuple(expected):
        raise InputError(f"{where}: {what} {tuple(found)}; expected {tuple(expected)}")


def is_finite(value: object) -> bool:
    try:
        return is_number(value) and isfinite(value)  # type: ignore[arg-type]
    except OverflowError:
        return False


def is_number(value: object) -> bool:
    return isinstance(value, (int, float, np.number)) and not isinstance(value, bool)


def _broadcasts(slope: Any, shape: Shape) -> bool:
    try:
        # The shapes alone: a population may be larger than what fits in memory.
        values = np.asarray(slope)
        return np.broadcast_shapes(values.shape, shape) == shape and values.dtype.kind in "iuf" and bool((np.abs(values) <= STEEPEST).all())
    except (TypeError, ValueError):
        return False
