"""From a Keras model to a network: read, lower, calibrate, quantize, verify."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfsnn.artifact import Net
from tfsnn.encode import Encoder
from tfsnn.errors import FileError, InputError
from tfsnn.graph import Graph
from tfsnn.ops import Shape
from tfsnn.stage import provenance

from .calibrate import Calibration, calibrate, frames_of, scaled, synthetic
from .call import Affine
from .lower import MANY, ONE, lower
from .quantize import quantize
from .reader import from_live, read
from .records import ModelRecord
from .verify import verify

VERIFIED, SYNTHETIC = 16, 64


def convert_model(
    model: Any,
    *,
    encoder: Encoder | None = None,
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
    path = os.fspath(model) if isinstance(model, (str, os.PathLike)) else None
    record = read(path, backend=backend) if path is not None else from_live(model)
    chosen = encoder or stored_encoder(record) or Encoder("graded")
    lowered = lower(record, chosen, affine=affine, shapes=input_shapes)
    raw = _raw(lowered, calibration, seed)
    calibrated = calibrate(lowered, frames_of(lowered, raw))
    scales = calibrated.scales if calibration is not None else _without_data(lowered, calibrated)
    lowered = scaled(lowered, scales)
    correct = per_tensor or weight_bits < 8
    quantized = quantize(lowered, bits=weight_bits, per_tensor=per_tensor, means=calibrated.means if correct else None)
    drawn = {node.name: synthetic(node, VERIFIED, seed + 1) for node in lowered.inputs}
    report = verify(_original(model, path, record), lowered, quantized, frames_of(lowered, drawn))
    source = calibrated_on if calibration is not None else f"{SYNTHETIC} seeded random inputs, no data was given"
    history = provenance("convert", seed, {Path(path).name: path} if path is not None else {})
    history |= {
        "model": {"name": record.name if path is None else Path(path).name, "format": record.format, "keras_version": record.keras_version},
        "calibration": {"data": source, "samples": calibrated.samples},
        "weights": {"bits": weight_bits, "per_tensor": per_tensor, "bias_correction": correct},
        "notes": list(record.notes),
    }
    return Net(quantized, history, report)


def stored_encoder(record: ModelRecord) -> Encoder | None:
    """The encoder that our own train stage stored in the model, if it did."""
    stored = record.attributes.get("tfsnn")
    if not isinstance(stored, Mapping) or "encoder" not in stored:
        return None
    try:
        return Encoder.from_json(dict(stored["encoder"]))
    except (InputError, TypeError, ValueError) as error:
        raise FileError(f"{record.name}: attribute tfsnn: {error}; give the encoder with --encode and --scale") from None


def _raw(graph: Graph, calibration: NDArray[Any] | Mapping[str, NDArray[Any]] | None, seed: int) -> dict[str, NDArray[Any]]:
    if calibration is None:
        return {node.name: synthetic(node, SYNTHETIC, seed) for node in graph.inputs}
    names = [node.name for node in graph.inputs]
    given = dict(calibration) if isinstance(calibration, Mapping) else dict.fromkeys(names[:1], calibration)
    if set(given) != set(names):
        raise InputError(f"calibration data for {', '.join(given)}; the model's inputs are {', '.join(names)}")
    for node in graph.inputs:
        found = np.shape(given[node.name])
        if found[1:] != node.shape or not found[0]:
            raise InputError(f"calibration data of shape {found} for input {node.name}; give (samples, {', '.join(map(str, node.shape))})")
    return given


def _without_data(graph: Graph, calibrated: Calibration) -> dict[str, float]:
    """Scales where no data was given: batch norm statistics where lowering found some, seeded inputs elsewhere."""
    return calibrated.scales | {node.name: node.scale for node in graph.nodes if getattr(node, "scale", 1.0) != 1.0}


def _original(model: Any, path: str | None, record: ModelRecord) -> Any:
    """The Keras model to compare with, or a text that says why there is none."""
    if path is None:
        return model
    foreign = {layer.class_name for layer in record.layers.values()} - set(ONE) - set(MANY) - {"InputLayer"}
    if foreign or any(layer.class_name == "Lambda" for layer in record.layers.values()):
        return "not compared: the file holds Lambda code, which is never run"
    if record.backend == "theano":
        return "not compared: today's Keras reads the kernels of a Theano model the wrong way round"
    import keras

    try:
        return keras.saving.load_model(path, compile=False)
    except (ValueError, TypeError, KeyError, AttributeError, OSError, ImportError, IndexError, RuntimeError) as error:
        return f"not compared: Keras {keras.__version__} cannot load the file ({type(error).__name__}); the float network stands for it"
