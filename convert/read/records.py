"""The one plain form into which every Keras model is read; nothing in it comes from keras.

A `ModelRecord` is a flat graph. Layers (`LayerRecord`) are stored once, however often they are called; each call
(`CallRecord`) names the tensors that go in and come out. Nested models are gone: their layers carry names like
`outer/inner`. Names and arguments are those of Keras 3, weights are float32 in the order of axes that Keras uses on
TensorFlow.

The later stage asks for settings with `layer.take("strides", (1, 1))`. What it never asked for and what is not known to
be harmless is in `layer.unread()`, and must be refused: a setting that is silently ignored is how importers lie.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfsnn.errors import ConversionError

Weight = NDArray[np.float32]

# Settings that change how a layer is trained, stored or named, never what it computes when it is used.
HARMLESS = frozenset(
    "name trainable dtype dtype_policy autocast batch_input_shape batch_shape input_shape input_dim input_length "
    "input_dtype build_config build_input_shape batch_size sparse ragged optional seed weights "
    "kernel_initializer bias_initializer beta_initializer gamma_initializer moving_mean_initializer "
    "moving_variance_initializer depthwise_initializer pointwise_initializer alpha_initializer embeddings_initializer "
    "kernel_regularizer bias_regularizer beta_regularizer gamma_regularizer activity_regularizer "
    "depthwise_regularizer pointwise_regularizer alpha_regularizer embeddings_regularizer "
    "kernel_constraint bias_constraint beta_constraint gamma_constraint "
    "depthwise_constraint pointwise_constraint alpha_constraint embeddings_constraint "
    "momentum synchronized fused virtual_batch_size renorm_momentum rate noise_shape stddev "
    "lora_rank lora_alpha".split()
)

_REQUIRED = object()


class Config(Mapping[str, Any]):
    """A layer's settings, which remember which of them were asked for; lists are tuples."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = dict(values)
        self._read: set[str] = set()

    def __getitem__(self, key: str) -> Any:
        return self._values[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Config({self._values!r})"

    def take(self, key: str, default: Any = _REQUIRED) -> Any:
        """Return a setting and remember that it was read; `default` where the file does not give it."""
        self._read.add(key)
        if default is _REQUIRED and key not in self._values:
            raise KeyError(key)
        return self._values.get(key, default)

    def unread(self) -> tuple[str, ...]:
        """Return the settings that were not asked for and are not known to be harmless; None is a setting not given."""
        return tuple(
            sorted(key for key, value in self._values.items() if value is not None and key not in HARMLESS | self._read)
        )


@dataclass(frozen=True, eq=False)
class LayerRecord:
    """One layer: its unique name, class and settings in Keras 3 terms, and its weights by role.

    Roles: kernel, bias, depthwise_kernel, pointwise_kernel, gamma, beta, moving_mean, moving_variance, alpha (PReLU),
    mean, variance (Normalization), embeddings. Of classes that are not known, the recorded names.
    """

    name: str
    class_name: str
    config: Config
    weights: dict[str, Weight] = field(default_factory=dict)

    def take(self, key: str, default: Any = _REQUIRED) -> Any:
        """Return a setting and remember that it was read.

        Raises
        ------
        ConversionError
            The setting is missing and no default was given.
        """
        if default is _REQUIRED and key not in self.config:
            where = f"layer '{self.name}' ({self.class_name})"
            problem = f"{where}: found no setting '{key}', expected one; save the model again with Keras"
            raise ConversionError((problem,))
        return self.config.take(key) if default is _REQUIRED else self.config.take(key, default)

    def unread(self) -> tuple[str, ...]:
        """Return the settings that nobody asked for and that may matter."""
        return self.config.unread()


@dataclass(frozen=True)
class CallRecord:
    """One call of a layer, in topological order.

    Attributes
    ----------
    inputs, outputs
        Tensor identifiers; those of `inputs` are in the order of the call's arguments.
    constants
        Arguments that are no tensors, by position ("0", "1", ...) or keyword: `2.0 - x` is Subtract with constants
        {"0": 2.0}.
    """

    layer: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    constants: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class InputRecord:
    """A model input: the name of its layer, shape without the batch axis (None: not fixed, or not recorded at all), dtype."""

    name: str
    shape: tuple[int | None, ...] | None
    dtype: str

    @property
    def tensor(self) -> str:
        """Its tensor's identifier."""
        return f"{self.name}:0:0"


@dataclass(frozen=True, eq=False)
class ModelRecord:
    """A whole model.

    Attributes
    ----------
    layers
        By name, in the order of the file.
    calls
        In topological order.
    backend
        What the file says; an archive says nothing ("").
    format
        "h5", "keras" or "live".
    attributes
        "tfsnn": what our own train stage stored, parsed; absent elsewhere.
    notes
        What a user should know of how the file was read.
    """

    name: str
    layers: Mapping[str, LayerRecord]
    calls: tuple[CallRecord, ...]
    inputs: tuple[InputRecord, ...]
    outputs: tuple[str, ...]
    keras_version: str
    backend: str
    format: str
    attributes: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
