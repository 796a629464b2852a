"""Keras in, asynchronous sigma-delta spiking network out, with every operation counted.

    net = tfsnn.convert_model("model.h5")
    result = tfsnn.simulate(net, net.graph.inputs[0].encoder.events(images), threshold=0.1)

Names are imported on first use, so that ``import tfsnn`` is immediate and needs no TensorFlow.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

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
    "TfsnnError",
    "convert_model",
    "load",
    "save",
    "simulate",
]

_HOME = {
    "ConversionError": "tfsnn.errors",
    "Encoder": "tfsnn.encode",
    "Events": "tfsnn.events",
    "FileError": "tfsnn.errors",
    "Graph": "tfsnn.graph",
    "InputError": "tfsnn.errors",
    "Net": "tfsnn.artifact",
    "RangeError": "tfsnn.errors",
    "Result": "tfsnn.simulate",
    "TfsnnError": "tfsnn.errors",
    "convert_model": "tfsnn.convert.run",
    "load": "tfsnn.artifact",
    "save": "tfsnn.artifact",
    "simulate": "tfsnn.simulate",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'tfsnn' has no attribute {name!r}; it offers {', '.join(__all__)}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
