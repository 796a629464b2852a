"""Multiply-accumulates that drawn inputs may cost: large networks get fewer samples, minutes become seconds."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfsnn.artifact import Net
from tfsnn.errors import InputError
from tfsnn.input.encoder import Encoder
from tfsnn.input.framing import Framing
from tfsnn.network.graph import Graph
from tfsnn.network.ops import Shape
from tfsnn.stage.provenance import provenance

from .calibrate import Calibration, calibrate, frames_of, scaled, synthetic
from .input_encoder import default_encoder, framed
from .lower.call import Affine
from .lower.driver import examine, whole
from .quantize import check_bits, quantize
from .read.read import from_live, read
from .read.records import ModelRecord
from .verify.compare import compared, rounded, summary
from .verify.keras_values import KERAS_ERRORS

VERIFIED, SYNTHETIC, FEWEST = 16, 64, 4
WORK = 20_000_000_000


def convert_model(
    model: Any,
    *,
    encoder: Encoder | None = None,
    framing: Framing | None = None,
    calibration: NDArray[Any] | Mapping[str, NDArray[Any]] | None = None,
    calibrated_on: str = "given data",
    weight_bits: int = 8,
    per_tensor: bool = False,
    affine: Mapping[str, Affine] | None = None,
    input_shapes: Mapping[int, Shape] | None = None,
    backend: str | None = None,
    seed: int = 0,
) -> Net:
    """Convert a Keras model into a sigma-delta network.

    Parameters
    ----------
    model
        Path of an h5 file of Keras 1, 2 or 3, of a .keras archive, or a live Keras model.
    encoder
        How raw input becomes events; default what our own train stage stored in the file, else graded 8-bit pixels.
    framing
        How the frames of a video become raw input of a model with one input; it is stored with that.
    calibration
        Raw input (samples, \\*shape), by input name where there are several; default seeded random images.
    calibrated_on
        What to call that data in the artifact.
    weight_bits, per_tensor
        Precision of the weights: 2 to 16 bits, a scale each output channel or one a tensor.
    affine
        What Lambda layers compute, by layer name, "" for all: (scale, shift).
    input_shapes
        By number of the input, where the model leaves an axis open.
    backend
        The Keras backend that trained the weights, where the file does not say.
    seed
        Of the inputs for calibration and verification that are drawn.

    Returns
    -------
    Net
        Ready for :func:`tfsnn.simulate` and :func:`tfsnn.save`.

    Raises
    ------
    FileError
        If the file cannot be read.
    ConversionError
        With every layer that cannot be converted, or if verification fails.
    InputError
        If an argument does not fit.
    """
    check_bits(weight_bits)
    path = os.fspath(model) if isinstance(model, (str, os.PathLike)) else None
    record = read(path, backend=backend) if path is not None else from_live(model)
    obstacle = _obstacle(record) if path is not None else ""
    # Weights go over into the network layer by layer: two copies of them are never there at a time.
    found = examine(record, encoder or default_encoder(record, affine), affine=affine, shapes=input_shapes, release=True)
    correct = per_tensor or weight_bits < 8
    source = calibrated_on if calibration is not None else "seeded random inputs and the batch-norm statistics; no data was given"
    lowered, calibrated = _calibrated(whole(found), calibration, seed, correct)
    closed = found.closed
    quantized = framed(quantize(lowered, bits=weight_bits, per_tensor=per_tensor, means=calibrated.means), framing)
    drawn = {node.name: synthetic(node, samples_of(lowered, VERIFIED), seed + 1) for node in lowered.inputs}
    frames = frames_of(lowered, drawn)
    seen = {"data": source, "samples": calibrated.samples}
    del calibrated
    rounding = rounded(lowered, quantized, frames, closed)
    # The Keras model is as large as the network in float, which is no longer needed.
    del found, lowered
    comparison = compared(model if path is None else obstacle or _original(path), quantized, frames, rounding.exact, closed)
    history = provenance("convert", seed, {Path(path).name: path} if path is not None else {})
    history |= {
        "model": {"name": record.name if path is None else Path(path).name, "format": record.format, "keras_version": record.keras_version},
        "weights": {"bits": weight_bits, "per_tensor": per_tensor, "bias_correction": correct},
        "notes": [*record.notes, *comparison.notes],
        "calibration": seen,
    }
    return Net(quantized, history, summary(rounding, comparison))


def samples_of(graph: Graph, wanted: int) -> int:
    """How many samples to draw: what is wanted, less for a network of much work."""
    return max(min(wanted, FEWEST), min(wanted, WORK // max(1, sum(graph.macs().values()))))


def _raw(graph: Graph, calibration: NDArray[Any] | Mapping[str, NDArray[Any]] | None, seed: int) -> dict[str, NDArray[Any]]:
    if calibration is None:
        return {node.name: synthetic(node, samples_of(graph, SYNTHETIC), seed) for node in graph.inputs}
    names = [node.name for node in graph.inputs]
    given = dict(calibration) if isinstance(calibration, Mapping) else dict.fromkeys(names[:1], calibration)
    if set(given) != set(names):
        raise InputError(f"calibration data for {', '.join(given)}; the model's inputs are {', '.join(names)}")
    for node in graph.inputs:
        found = np.shape(given[node.name])
        if found[1:] != node.shape or not found[0]:
            raise InputError(f"calibration data of shape {found} for input {node.name}; give (samples, {', '.join(map(str, node.shape))})")
    return given


def _calibrated(
    graph: Graph, calibration: NDArray[Any] | Mapping[str, NDArray[Any]] | None, seed: int, means: bool
) -> tuple[Graph, Calibration]:
    """The graph with its scales: from data, or batch-norm statistics where lowering found some and seeded inputs elsewhere."""
    calibrated = calibrate(graph, frames_of(graph, _raw(graph, calibration, seed)), means=means)
    known = {node.name: node.scale for node in graph.nodes if node.requantizes and node.scale != 1.0 and calibration is None}
    return scaled(graph, calibrated.scales | known), calibrated


def _obstacle(record: ModelRecord) -> str:
    """Why a file cannot be compared with what Keras makes of it; empty if it can be tried."""
    if any(layer.class_name == "Lambda" for layer in record.layers.values()):
        return "not compared: the file holds Lambda code, which is never run"
    if record.backend == "theano":
        return "not compared: today's Keras reads the kernels of a Theano model the wrong way round"
    if any(item.shape.count(None) for item in record.inputs):
        return "not compared: the model leaves its input shape open"
    return ""


def _original(path: str) -> Any:
    """The Keras model to compare with, or a text that says why there is none."""
    import keras

    try:
        # What an old file makes Keras complain about, its user cannot mend.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return keras.saving.load_model(path, compile=False)
    except KERAS_ERRORS as error:
        return f"not compared: Keras {keras.__version__} cannot load the file ({type(error).__name__}); the float network stands for it"
