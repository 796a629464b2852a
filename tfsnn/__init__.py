"""Keras in, asynchronous sigma-delta spiking network out, with every operation counted.

    net = tfsnn.convert_model("model.h5")
    result = tfsnn.simulate(net, net.events(images), threshold=0.1)

Neither TensorFlow nor a stage is imported before it is used.
"""

from __future__ import annotations

from importlib import import_module, metadata
from typing import Any

from tfsnn.artifact import Net, load, save
from tfsnn.errors import ConversionError, FileError, InputError, RangeError, TfsnnError
from tfsnn.input.encoder import Encoder
from tfsnn.input.events import Events
from tfsnn.network.graph import Graph
from tfsnn.simulate import Result, simulate

_LATER = {"Stream": "tfsnn.stream", "convert_model": "tfsnn.convert.pipeline"}
_STAGES = {"evaluate": "tfsnn.evaluate", "train": "tfsnn.train"}
Stream: Any
convert_model: Any
evaluate: Any
train: Any
__version__: str

__all__ = [
    "ConversionError",
    "Encoder",
    "Events",
    "FileError",
    "Graph",
    "InputError",
    "Net",
    "RangeError",
    "Result",
    "Stream",
    "TfsnnError",
    "convert_model",
    "evaluate",
    "load",
    "save",
    "simulate",
    "train",
]


def __getattr__(name: str) -> Any:
    # numba and the stages take a second to import: they are when they are asked for.
    if name == "__version__":
        return metadata.version("tfsnn")
    if name in _STAGES:
        return import_module(_STAGES[name])
    if name not in _LATER:
        raise AttributeError(f"module 'tfsnn' has no attribute {name!r}; it offers {', '.join(__all__)}")
    return getattr(import_module(_LATER[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, "__version__"})
