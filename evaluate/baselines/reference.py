"""The float model on raw frames: what a stream is compared with, and where LiteRT is installed, what it is timed beside."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from tfsnn.aliases import Array, Floats, PathLike
from tfsnn.errors import FileError
from tfsnn.keras_model.load import KERAS_ERRORS, load_keras
from tfsnn.network.forward import forward
from tfsnn.network.graph import Graph
from tfsnn.stage.terminal import hushed

INTERPRETERS = ("ai_edge_litert.interpreter", "tensorflow.lite.python.interpreter")


@dataclass(eq=False)
class Reference:
    """A network that sees each frame as a whole.

    Parameters
    ----------
    name
        What it is, for reports.
    run
        From float32 (1, \\*shape) to the outputs.
    timed
        Whether its time is a fair baseline.
    every
        How many frames lie between two that it sees: it is cheap, or not.
    seconds
        Wall-clock time of the last call.
    """

    name: str
    run: Callable[[Array], Floats]
    timed: bool
    every: int = 1
    seconds: float = 0.0

    def __call__(self, frame: Array) -> Floats:
        start = perf_counter()
        outputs = self.run(frame)
        self.seconds = perf_counter() - start
        return outputs


def reference(graph: Graph, model: PathLike | None) -> tuple[Reference, str]:
    """The best there is, and why it is no better one: LiteRT, Keras, or the network's own dense pass.

    Parameters
    ----------
    graph
        The network.
    model
        The Keras file that it was converted from, if it is there.
    """
    if model is None:
        return _dense(graph), "no Keras model was given (--against MODEL.h5): compared with the network's own weights, evaluated densely"
    try:
        loaded = load_keras(model)
    except FileError as error:
        reason = str(error).replace("the file", Path(model).name)
        return _dense(graph), f"{reason}: compared with the network's own weights, evaluated densely"
    try:
        return litert(loaded), ""
    except FileError as error:
        return by_keras(loaded), str(error)


def litert(model: Any, *, threads: int = 1, calibration: Array | None = None) -> Reference:
    """A Keras model of one input and one output in LiteRT.

    Parameters
    ----------
    model
        The model.
    threads
        How many it may use.
    calibration
        float32 (frames, \\*shape): calibrates the int8 form, whose input and output stay float32; None: float32.

    Raises
    ------
    FileError
        If LiteRT is not installed, or cannot run the model.
    """
    try:
        return _litert(model, threads, calibration)
    except KERAS_ERRORS as error:
        raise FileError(f"LiteRT cannot run the model ({type(error).__name__}: {' '.join(str(error).split())[:100]})") from error


def _litert(model: Any, threads: int, calibration: Array | None) -> Reference:
    import tensorflow as tf

    # Calibration counts on stderr as it goes.
    with redirect_stdout(io.StringIO()), hushed(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        converter = tf.lite.TFLiteConverter.from_keras_model(model)
        if calibration is not None:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.representative_dataset = lambda: ([frame[None]] for frame in calibration)
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        content = converter.convert()
    for name in INTERPRETERS:
        try:
            kind = import_module(name).Interpreter
            break
        except ImportError:
            continue
    else:
        raise ImportError("no LiteRT interpreter is installed; pip install ai-edge-litert")
    with hushed():
        interpreter = kind(model_content=content, num_threads=threads)
        interpreter.allocate_tensors()
    into, out = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]

    def run(frame: Array) -> Floats:
        interpreter.set_tensor(into, frame)
        interpreter.invoke()
        return np.asarray(interpreter.get_tensor(out), np.float64).reshape(-1)

    if not np.isfinite(run(np.zeros((1, *model.inputs[0].shape[1:]), np.float32))).all():
        raise ValueError("its outputs are not finite")
    form = "float model, LiteRT float32" if calibration is None else "int8 form of the model, LiteRT"
    return Reference(f"the {form}, {threads} thread{'s' * (threads > 1)}", run, timed=True)


def by_keras(model: Any) -> Reference:
    """A Keras model of one input and one output, called as a compiled function."""
    import tensorflow as tf

    function = tf.function(lambda x: model(x, training=False))
    return Reference("the float model, Keras", lambda frame: np.asarray(function(frame), np.float64).reshape(-1), timed=False, every=10)


def _dense(graph: Graph) -> Reference:
    source, (name,) = graph.inputs[0].name, graph.outputs
    node: Any = graph[name]

    def run(frame: Array) -> Floats:
        x = forward(graph, {source: frame}, dtype=np.float32)[name]
        return np.asarray(node.activation(x.reshape(1, *node.shape)), np.float64).reshape(-1)

    return Reference("the integer ANN", run, timed=False, every=20)
