"""What every kind of file gives before it is put in one form: a config and the weights as they were stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Named = tuple[tuple[str, NDArray[np.generic]], ...]


@dataclass(frozen=True)
class StoredWeights:
    """StoredWeights weights, named as recorded: by outer layer (h5), or by the path of their layer (archives, live models)."""

    by_group: Mapping[str, Named] = field(default_factory=dict)
    by_path: Mapping[tuple[str, ...], Named] = field(default_factory=dict)


@dataclass(frozen=True)
class StoredModel:
    """A model as its file has it."""

    config: Any
    stored: StoredWeights
    keras_version: str
    backend: str
    format: str
    attributes: Mapping[str, Any] = field(default_factory=dict)
