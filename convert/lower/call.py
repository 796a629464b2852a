"""One call of a Keras layer under conversion: its record, the signals' builder, and how it refuses."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

import numpy as np

from tfsnn.aliases import Array
from tfsnn.errors import ConversionError

from ..read.records import LayerRecord
from .builder import Builder
from .signal import Signal

Affine = tuple[float, float]
MOST = 1 << 24
"""Whole numbers in a config stay below this."""


@dataclass(frozen=True)
class LayerCall:
    """One call of a layer: where signals go in.

    Parameters
    ----------
    builder
        Collects populations.
    layer
        Its record.
    constants
        Arguments that are no tensors, by position or keyword.
    affine
        What the user says a Lambda layer is, by name of the layer or "" for all: (scale, shift).
    problems
        What was found wrong and could be passed over, so that more may be found behind it.
    """

    builder: Builder
    layer: LayerRecord
    constants: Mapping[str, Any]
    affine: Mapping[str, Affine]
    problems: list[str] = field(default_factory=list)

    @property
    def flat(self) -> bool:
        """Whether the layer is one-dimensional."""
        return "1D" in self.layer.class_name

    def problem(self, found: str, way_out: str) -> str:
        """The text that says what this layer has and what to do."""
        return f"layer '{self.layer.name}' ({self.layer.class_name}): {found}; {way_out}"

    def refuse(self, found: str, way_out: str) -> ConversionError:
        """The same as an error."""
        return ConversionError((self.problem(found, way_out),))

    def only(self, key: str, allowed: Sequence[Any], default: Any) -> Any:
        """A setting that may have these values alone."""
        value = self.layer.take(key, default)
        if value not in allowed:
            choices = [choice for choice in allowed if choice is not None] or allowed
            raise self.refuse(f"{key} is {value!r}", f"only {' or '.join(map(repr, choices))} can be converted")
        return value

    def weight(self, *roles: str) -> Array:
        """A weight by the first of these roles that the layer has: float32, finite, as stored."""
        for role in roles:
            if role in self.layer.weights:
                return self.layer.weights[role]
        raise self.refuse(f"no weight {roles[0]!r} in the file", "save the model again with its weights")

    def whole(self, key: str, *default: int, least: int = 1) -> int:
        """A setting that is a whole number."""
        value = self.layer.take(key, *default)
        if not is_whole(value, least):
            raise self.refuse(f"{key} is {value!r}", f"expected a whole number from {least} on")
        return int(value)

    def number(self, key: str, default: float) -> float:
        """A setting that is a number; None stands for the default."""
        value = self.layer.take(key, None)
        if value is not None and not is_number(value):
            raise self.refuse(f"{key} is {value!r}", "expected a number")
        return default if value is None else float(value)

    def values(self, value: Any, what: str) -> Array:
        """Numbers of any shape, in any notation of Keras, as float64.

        Parameters
        ----------
        value
            A number, nested sequences of them, or an array as Keras 3 writes it.
        what
            Its name, for messages.
        """
        if isinstance(value, dict) and isinstance(value.get("config"), dict):
            value = value["config"].get("value")
        try:
            array = np.asarray(value, np.float64)
        except (TypeError, ValueError):
            array = np.full((), np.nan)
        if not np.all(np.isfinite(array)) or not array.size:
            raise self.refuse(f"{what} is {str(value)[:60]!r}", "expected numbers")
        return array

    def pair(self, key: str, *default: Any, least: int = 1) -> tuple[int, int]:
        """A setting of one or two whole numbers, as (rows, columns); one column for a one-dimensional layer."""
        value = self.layer.take(key, *default)
        values = (value,) * (1 if self.flat else 2) if is_whole(value, least) else value
        if not isinstance(values, (list, tuple)) or len(values) != (1 if self.flat else 2) or not all(is_whole(v, least) for v in values):
            allowed = "one whole number" if self.flat else "one or two whole numbers"
            raise self.refuse(f"{key} is {value!r}", f"expected {allowed} from {least} on")
        return int(values[0]), 1 if self.flat else int(values[1])

    def operands(self) -> list[tuple[int, Array]]:
        """The arguments that are no tensors, each with its place among all."""
        found = []
        for place, value in self.constants.items():
            listed = value if isinstance(value, (list, tuple)) and any(is_tensor(item) for item in value) else None
            if listed is not None:
                found += [(at, self.values(item, "an argument")) for at, item in enumerate(listed) if not is_tensor(item)]
            elif place in ("0", "1", "x1", "x2", "x", "y"):
                found.append((int(place in ("1", "x2", "y")), self.values(value, "an argument")))
            else:
                way_out = "tfsnn does not know what it changes; call the layer without it"
                raise self.refuse(f"an argument {place} = {str(value)[:60]}", way_out)
        return found


Handler = Callable[[LayerCall, Signal], Signal]


def is_whole(value: Any, least: int) -> bool:
    """Whether a setting is a whole number that a network may have."""
    return isinstance(value, int) and not isinstance(value, bool) and least <= value < MOST


def is_number(value: Any) -> bool:
    """Whether a setting is a number."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and isfinite(value)


def is_tensor(value: Any) -> bool:
    """Whether an argument in a list of arguments is a tensor, in the notation of Keras 3."""
    return isinstance(value, dict) and value.get("class_name") == "__keras_tensor__"
