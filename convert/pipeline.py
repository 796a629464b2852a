"""Conversion from end to end: read, lower, equalize, calibrate, quantize, verify."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tfsnn.artifact import Net
from tfsnn.errors import ConversionError, FileError, InputError
from tfsnn.input.encoder import Encoder
from tfsnn.input.framing import Framing
from tfsnn.keras_model.load import load_keras
from tfsnn.network.graph import Graph
from tfsnn.network.ops import Shape
from tfsnn.plan.factors import with_factors
from tfsnn.stage.provenance import digest, provenance

from .calibrate import Calibration, calibrate, drawn_range, expected_scales, frames_of, scaled, synthetic
from .equalize import channel_powers, equalized
from .given import collected, encoders_of, evenly_chosen, ranges_of
from .input_encoder import default_encoder, fed, framed, stored_framing
from .known_range import known_ranges
from .losses import Judgement, LossWarning, judged
from .lower.call import Affine
from .lower.driver import LayerOutput, Lowered, Shapes, examine, graph_or_error, numbered, replaced
from .pooled import check_pooling, with_pooled
from .quantize import bits_of, check_bits, quantize
from .read.read import from_live, read
from .read.records import ModelRecord
from .verify.compare import compare_rounding, compared, merged, summary

VERIFIED, SYNTHETIC, FEWEST = 16, 64, 4
DECIDED, EQUALIZED = 256, 32
"""Calibration samples on which quantized weights are judged, and those that equalizing looks at."""
WORK = 20_000_000_000
"""Multiply-accumulates that drawn inputs may cost: large networks get fewer samples, minutes become seconds."""
Raw = dict[str, NDArray[Any]]


def convert_model(
    model: Any,
    *,
    encoder: Encoder | Mapping[str, Any] | None = None,
    framing: Framing | None = None,
    calibration: Any = None,
    labels: ArrayLike | None = None,
    samples: int = 1000,
    calibrated_on: str = "given data",
    weight_bits: int = 8,
    layer_bits: Mapping[str, int] | None = None,
    per_tensor: bool = False,
    lossy: bool = False,
    pooling: str = "auto",
    factors: Mapping[str, float] | None = None,
    affine: Mapping[str, Affine] | None = None,
    input_shapes: Shapes | None = None,
    input_range: tuple[float, float] | Mapping[str, tuple[float, float]] | None = None,
    backend: str | None = None,
    weights: str | os.PathLike[str] | None = None,
    seed: int = 0,
) -> Net:
    """Convert a Keras model into a sigma-delta network.

    Parameters
    ----------
    model
        Path of an h5 file of Keras 1, 2 or 3, of a .keras archive, or a live Keras model.
    encoder
        How raw input becomes events, or some of an encoder's settings (``{"scale": 1.0}``). The rest is what our own train stage
        stored in the file, else graded, with scale, step and range that suit the calibration data, else 8-bit pixels. Of several
        inputs each by its name (``{"image": {"scale": 1 / 255}, "": {"scale": 1.0}}``), "" for those that are not named.
    framing
        How the frames of a video become raw input of a model with one input; it is stored with that. Default: what our own train stage
        stored in the file, if it was trained on a video.
    calibration
        Raw input (samples, \\*shape), a dict by input name where there are several; or batches of x or (x, y) from a
        ``tf.data.Dataset``, a ``keras.utils.Sequence`` or a generator; or a :class:`tfsnn.input.dataset.Dataset`. Default seeded
        random images.
    labels
        What is right for the calibration data (class numbers, one-hot rows, numbers). Where bytes may mean x / 255 or x, they decide.
    samples
        Of batches the first so many are taken, of a data set as many at most; of arrays all are.
    calibrated_on
        What to call that data in the artifact.
    weight_bits
        Precision of the weights: 2 to 16 bits.
    layer_bits
        The same by layer, where it differs.
    per_tensor
        One scale a tensor instead of one each output channel.
    lossy
        Accept quantized weights that change a layer by more than half of its largest value.
    pooling
        What average pooling becomes: ``"synapse"``, part of the one behind it; ``"population"``, neurons with f(x) = x; ``"auto"``,
        whichever is expected to cost fewer synaptic operations on the calibration data, without any a synapse.
    factors
        By layer, what the network's threshold is multiplied with there, wherever the network runs; 1 for those that are not named.
    affine
        What Lambda layers compute, by layer name, "" for all: (scale, shift).
    input_shapes
        By number or name of the input, where the model leaves an axis open, or in place of its own where all layers take that.
    input_range
        Least and largest raw value to be expected, of several inputs also by name; default those of the calibration data. Without any,
        random images of that range stand in for them.
    backend
        The Keras backend that trained the weights, where the file does not say.
    weights
        The file of the weights, where ``model`` is an architecture alone (JSON).
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
        With every layer that cannot be converted, if verification fails, or if quantized weights lose too much.
    InputError
        If an argument does not fit.
    """
    check_bits(weight_bits, layer_bits)
    check_pooling(pooling)
    if samples < 1:
        raise InputError(f"samples {samples}; calibrate on one sample at least")
    path = os.fspath(model) if isinstance(model, (str, os.PathLike)) else None
    if path is None and weights is not None:
        raise InputError("weights were given for a model in memory, which has its own; leave them out")
    record = read(path, backend=backend, weights=weights) if path is not None else from_live(model)
    shapes = numbered(record, input_shapes)
    obstacle = _obstacle(record, shapes) if path is not None else ""
    said = known_ranges(record)
    # Weights go over into the network layer by layer: two copies of them are never there at a time.
    found = examine(record, default_encoder(record, affine), affine=affine, shapes=shapes, release=True)
    graph, given = graph_or_error(found), calibration is not None
    encoders, ranges = encoders_of(graph, encoder), ranges_of(graph, input_range)
    raw, right = collected(graph, calibration, labels, samples)
    graph, notes, by_labels = fed(graph, record, raw, encoders, affine=affine, labels=right, known=ranges, said=said)
    raw = raw or {node.name: synthetic(node, samples_of(graph, SYNTHETIC), seed) for node in graph.inputs}
    # Means of drawn inputs say nothing of those of real ones: they correct nothing but what would be lost without.
    correct = per_tensor or weight_bits < 8 or given
    prepared, shown, pooled = _prepared(replace(found, graph=graph), raw, given, correct, equalize=not per_tensor, pooling=pooling)
    prepared = with_factors(prepared, factors or {})
    lowered, calibrated = _calibrated(prepared, found, shown, raw, given, correct)
    quantized = quantize(lowered, bits=weight_bits, layer_bits=layer_bits, per_tensor=per_tensor, means=calibrated.means)
    quantized = framed(quantized, framing or stored_framing(record))
    seen = calibrated.samples
    # The Keras model is as large as the network in float: that is needed no longer once rounding has been looked at.
    del found, graph, prepared, calibrated
    batches = _verified_on(lowered, raw if given else None, seed)
    roundings = [compare_rounding(lowered, quantized, frames, shown) for frames in batches.values()]
    del lowered
    original = model if path is None else obstacle or _original(path, weights)
    pairs = zip(batches.items(), roundings)
    comparison = merged([compared(original, quantized, frames, r.exact, shown, what) for (what, frames), r in pairs])
    report = summary(roundings[-1], comparison) | {"data": given}
    judgement = _accepted(judged(report["layers"], report["same_class"], bits_of(quantized), given), lossy)
    history = provenance("convert", seed, {Path(file).name: file for file in (path, weights) if file is not None})
    history |= {
        "model": {"name": record.name if path is None else Path(path).name, "format": record.format, "keras_version": record.keras_version},
        "weights": {"bits": weight_bits, "per_tensor": per_tensor, "bias_correction": correct}
        | ({"layer_bits": dict(layer_bits)} if layer_bits else {})
        | {"equalized": sorted(name for name, output in shown.items() if output.factors is not None)},
        "pooling": {"chosen": pooling, "populations": pooled},
        "options": _options(encoders, ranges, affine, shapes, backend, lossy, factors),
        "notes": [*record.notes, *notes, *comparison.notes],
        "warnings": [*judgement.refusals, *judgement.warnings],
        "calibration": {"data": calibrated_on if given else _assumed(quantized), "samples": seen}
        | ({"sha256": {name: digest(values) for name, values in raw.items()}} if given else {})
        | ({"labels_sha256": digest(right)} if by_labels and right is not None else {}),
    }
    return Net(quantized, history, report)


def _accepted(judgement: Judgement, lossy: bool) -> Judgement:
    """The judgement, its sentences as warnings; ConversionError if it refuses and losses were not accepted."""
    if judgement.refusals and not lossy:
        raise ConversionError([f"{text}; or accept the loss (--lossy)" for text in judgement.refusals])
    for text in (*judgement.refusals, *judgement.warnings):
        warnings.warn(text, LossWarning, stacklevel=3)
    return judgement


def _options(
    encoders: Mapping[str, Encoder | Mapping[str, Any] | None],
    ranges: Mapping[str, tuple[float, float] | None],
    affine: Mapping[str, Affine] | None,
    shapes: Mapping[int, Shape],
    backend: str | None,
    lossy: bool,
    factors: Mapping[str, float] | None,
) -> dict[str, Any]:
    """What else changed the result."""
    given = {
        "lambda": {name: list(pair) for name, pair in (affine or {}).items()},
        "input_shapes": {str(number): list(shape) for number, shape in shapes.items()},
        "encoder": {name: each.to_json() if isinstance(each, Encoder) else dict(each) for name, each in encoders.items() if each},
        "range": {name: list(pair) for name, pair in ranges.items() if pair},
        "backend": backend,
        "lossy": lossy,
        "factors": {name: float(factor) for name, factor in (factors or {}).items()},
    }
    return {name: value for name, value in given.items() if value}


def _assumed(graph: Graph) -> str:
    """What stood in for data, in words."""
    ranges = {node.name: drawn_range(node) for node in graph.inputs}
    listed = ", ".join(f"{low:g} to {high:g}" + (f" ({name})" if len(ranges) > 1 else "") for name, (low, high) in ranges.items())
    return f"seeded random inputs from {listed} and the batch-norm statistics; no data was given"


def samples_of(graph: Graph, wanted: int) -> int:
    """How many samples to draw: what is wanted, less for a network of much work."""
    return max(min(wanted, FEWEST), min(wanted, WORK // max(1, sum(graph.macs().values()))))


def _chosen_frames(graph: Graph, raw: Raw, samples: int) -> dict[str, NDArray[np.float32]]:
    count = samples_of(graph, samples)
    return frames_of(graph, {name: evenly_chosen(values, count) for name, values in raw.items()})


def _verified_on(graph: Graph, raw: Raw | None, seed: int) -> dict[str, dict[str, NDArray[np.float32]]]:
    """The frames that verification runs on, by what they are called: drawn ones, and of data that were given the last."""
    drawn = {node.name: synthetic(node, samples_of(graph, VERIFIED), seed + 1) for node in graph.inputs}
    batches = {"seeded inputs": frames_of(graph, drawn)}
    return batches if raw is None else batches | {"the calibration data": _chosen_frames(graph, raw, DECIDED)}


def _prepared(
    found: Lowered, raw: Raw, given: bool, means: bool, *, equalize: bool, pooling: str
) -> tuple[Graph, dict[str, LayerOutput], list[str]]:
    """The graph equalized and with populations for pooling, what Keras shows of it, and the names of these populations."""
    graph = graph_or_error(found)
    factors: dict[str, NDArray[np.float32]] = {}
    frames = _chosen_frames(graph, raw, EQUALIZED)
    if equalize:
        graph, factors = equalized(graph, channel_powers(graph, frames, centred=means))
    graph, pooled = with_pooled(graph, frames if given else None, pooling)
    return graph, {name: replace(output, factors=factors.get(name)) for name, output in found.layer_outputs.items()}, pooled


def _calibrated(
    graph: Graph, found: Lowered, shown: Mapping[str, LayerOutput], raw: Raw, given: bool, means: bool
) -> tuple[Graph, Calibration]:
    """The graph with its scales.

    They come from data that were given; else from batch-norm statistics where lowering found some, and from drawn inputs elsewhere.
    """
    calibrated = calibrate(graph, frames_of(graph, raw), means=means)
    factors = {name: output.factors for name, output in shown.items() if output.factors is not None}
    known = {} if given else expected_scales(graph, found.statistics, factors)
    return scaled(graph, calibrated.scales | known), calibrated


def _obstacle(record: ModelRecord, shapes: Mapping[int, Shape]) -> str:
    """Why a file cannot be compared with what Keras makes of it; empty if it can be tried."""
    if any(layer.class_name == "Lambda" for layer in record.layers.values()):
        return "not compared: the file holds Lambda code, which is never run"
    if record.backend == "theano":
        return "not compared: today's Keras reads the kernels of a Theano model the wrong way round"
    if any(item.shape is None or None in item.shape for item in record.inputs):
        return "not compared: the model leaves its input shape open"
    if any(replaced(item, shapes.get(number)) for number, item in enumerate(record.inputs)):
        return "not compared: another input shape was given than the model's own"
    return ""


def _original(path: str, weights: str | os.PathLike[str] | None) -> Any:
    """The Keras model to compare with, or a text that says why there is none."""
    try:
        return load_keras(path, weights)
    except FileError as error:
        return f"not compared: {error}; only the float and the integer network were compared"
