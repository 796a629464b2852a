"""Keras in, asynchronous sigma-delta spiking network out, with every operation counted.

    net = tfsnn.convert_model("model.h5")
    result = tfsnn.simulate(net, net.graph.inputs[0].encoder.events(images), threshold=0.1)

Neither TensorFlow nor a stage is imported before it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tfsnn.artifact import Net, load, save
from tfsnn.encode import Encoder
from tfsnn.errors import ConversionError, FileError, InputError, RangeError, TfsnnError
from tfsnn.events import Events
from tfsnn.graph import Graph
from tfsnn.simulate import Result, simulate

if TYPE_CHECKING:
    from tfsnn.convert.run import convert_model

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


def __getattr__(name: str) -> Any:
    if name != "convert_model":
        raise AttributeError(f"module 'tfsnn' has no attribute {name!r}; it offers {', '.join(__all__)}")
    from tfsnn.convert.run import convert_model

    return convert_model


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
