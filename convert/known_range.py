"""What a model says of its own input: the statistics that a normalization right behind it was adapted to."""

from __future__ import annotations

from math import ceil, floor, isfinite
from typing import Any, NamedTuple

import numpy as np

from tfsnn.aliases import Array

from .read.records import LayerRecord, ModelRecord

DEVIATIONS = 3.0
"""So many standard deviations around the mean hold what is to be expected, in the channel that reaches furthest."""
WIDE = 64
"""A range of so many whole numbers is taken for one of pixels or counts: its ends are whole numbers, too."""
ROLES = {"BatchNormalization": ("moving_mean", "moving_variance"), "Normalization": ("mean", "variance")}


class Known(NamedTuple):
    """The range of an input's values, and the layer that says so."""

    layer: str
    low: float
    high: float

    @property
    def note(self) -> str:
        """In words."""
        found = f"mean and {DEVIATIONS:g} standard deviations of layer '{self.layer}', {self.low:g} to {self.high:g}"
        return f"no data was given: taken to be what the model itself says, {found}"


def known_ranges(record: ModelRecord) -> dict[int, Known]:
    """By number of the input, the range that its first layer has seen; to be asked before the record gives up its weights.

    Parameters
    ----------
    record
        The model.
    """
    found = {}
    for number, item in enumerate(record.inputs):
        for call in record.calls:
            known = _of(record.layers[call.layer]) if item.tensor in call.inputs else None
            if known is not None:
                found[number] = known
                break
    return found


def _of(layer: LayerRecord) -> Known | None:
    roles = ROLES.get(layer.class_name)
    if roles is None or layer.config.get("invert"):
        return None
    mean, variance = (_numbers(layer, role) for role in roles)
    # As Keras makes them: nothing has been seen.
    if mean is None or variance is None or (not mean.any() and (variance == 1).all()):
        return None
    if mean.size != variance.size or not variance.min() >= 0:
        return None
    spread = DEVIATIONS * np.sqrt(variance)
    low, high = float((mean - spread).min()), float((mean + spread).max())
    if not isfinite(low) or not isfinite(high) or not low < high:
        return None
    return Known(layer.name, *((float(floor(low)), float(ceil(high))) if high - low >= WIDE else (low, high)))


def _numbers(layer: LayerRecord, role: str) -> Array | None:
    given: Any = layer.weights.get(role, layer.config.get(role))
    try:
        values: Array = np.asarray(given, np.float64).reshape(-1)
    except (TypeError, ValueError):
        return None
    return values if values.size and np.isfinite(values).all() else None
