"""One call of a Keras layer under conversion: its record, the signals' builder, and how it refuses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tfsnn.errors import ConversionError

from .records import LayerRecord
from .signal import Builder, Floats

Affine = tuple[float, float]


@dataclass(frozen=True)
class Call:
    """One call of a layer: where signals go in.

    Parameters
    ----------
    builder
        Collects populations.
    layer
        Its record.
    constants
        Arguments that are no tensors, by position.
    affine
        What the user says a Lambda layer is, by name of the layer or "" for all: (scale, shift).
    """

    builder: Builder
    layer: LayerRecord
    constants: Mapping[str, Any]
    affine: Mapping[str, Affine]

    def refuse(self, found: str, way_out: str) -> ConversionError:
        """The error that says what this layer has and what to do."""
        return ConversionError((f"layer '{self.layer.name}' ({self.layer.class_name}): {found}; {way_out}",))

    def only(self, key: str, allowed: Sequence[Any], default: Any) -> Any:
        """A setting that may have these values alone."""
        value = self.layer.take(key, default)
        if value not in allowed:
            raise self.refuse(f"{key} is {value!r}", f"only {' or '.join(map(repr, allowed))} can be converted")
        return value

    def weight(self, *roles: str) -> Floats:
        """A weight by the first of these roles that the layer has."""
        for role in roles:
            if role in self.layer.weights:
                return np.asarray(self.layer.weights[role], np.float64)
        raise self.refuse(f"no weight {roles[0]!r} in the file", "save the model again with its weights")

    def pair(self, key: str, default: Any) -> tuple[int, int]:
        """A setting of one or two whole numbers, as (rows, columns)."""
        value = self.layer.take(key, default)
        values = (value, value) if isinstance(value, int) else tuple(value) if isinstance(value, (list, tuple)) else ()
        if len(values) == 1:
            values = (values[0], 1)
        if len(values) != 2 or not all(isinstance(v, int) and v > 0 for v in values):
            raise self.refuse(f"{key} is {value!r}", "expected one or two positive whole numbers")
        return values[0], values[1]
