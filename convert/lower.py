"""Lowering: a :class:`ModelRecord` becomes a :class:`tfsnn.graph.Graph` in float, or one error that names every problem."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tfsnn.encode import Encoder
from tfsnn.errors import ConversionError
from tfsnn.graph import Graph
from tfsnn.ops import Activation, Pad, Permute, Shape

from . import activations, layers
from .call import Affine, Call
from .records import CallRecord, ModelRecord
from .signal import Builder, Signal

Handler = Callable[[Call, Signal], Signal]

ONE: dict[str, Handler] = {
    "Conv1D": layers.conv,
    "Conv2D": layers.conv,
    "DepthwiseConv1D": layers.depthwise,
    "DepthwiseConv2D": layers.depthwise,
    "SeparableConv1D": layers.separable,
    "SeparableConv2D": layers.separable,
    "Conv2DTranspose": layers.transposed,
    "Dense": layers.dense,
    **{f"{kind}Pooling{d}D": handler for kind, handler in (("Max", layers.max_pool), ("Average", layers.average_pool)) for d in (1, 2)},
    **{f"Global{kind}Pooling{d}D": layers.global_pool for kind in ("Max", "Average") for d in (1, 2)},
    "BatchNormalization": layers.batch_norm,
    "Normalization": layers.normalization,
    "Rescaling": layers.rescaling,
    "Lambda": layers.lambda_,
    "Flatten": layers.flatten,
    "Reshape": layers.reshape,
    "Permute": layers.permute,
    **{f"{kind}{d}D": layers.border for kind in ("ZeroPadding", "Cropping") for d in (1, 2)},
    **{f"UpSampling{d}D": layers.upsample for d in (1, 2)},
    **activations.LAYERS,
    **{
        name: layers.identity
        for name in (
            "Dropout", "SpatialDropout1D", "SpatialDropout2D", "AlphaDropout", "GaussianDropout", "GaussianNoise",
            "ActivityRegularization", "Identity", "RandomFlip", "RandomRotation", "RandomZoom", "RandomTranslation",
            "RandomContrast", "RandomBrightness", "RandomCrop",
        )
    },
}
"""Layers of one input."""


def add(call: Call, signals: Sequence[Signal]) -> Signal:
    """two tensors or more of one shape, and numbers"""
    shift = sum((np.asarray(value, np.float64) for value in call.constants.values()), np.zeros(()))
    total = same_shape(call, signals)
    return call.builder.affine(call.builder.add(total), np.ones(()), scalar(call, shift))


def subtract(call: Call, signals: Sequence[Signal]) -> Signal:
    """tensors of one shape, or a tensor and a number"""
    builder = call.builder
    if len(signals) == 1 and len(call.constants) == 1:
        (place, value), = call.constants.items()
        sign = 1.0 if str(place) == "1" else -1.0
        return builder.affine(signals[0], np.asarray(sign), scalar(call, np.asarray(value, np.float64)) * -sign)
    first, second = same_shape(call, signals)
    return builder.add([first, builder.affine(second, np.asarray(-1.0), np.zeros(()))])


def average(call: Call, signals: Sequence[Signal]) -> Signal:
    """two tensors or more of one shape"""
    total = call.builder.add(same_shape(call, signals))
    return call.builder.affine(total, np.asarray(1 / len(signals)), np.zeros(()))


def concatenate(call: Call, signals: Sequence[Signal]) -> Signal:
    """along any axis"""
    axis, rank = call.layer.take("axis", -1), len(signals[0].seen)
    at = axis - 1 if axis > 0 else axis + rank
    shapes = [signal.seen for signal in signals]
    if not 0 <= at < rank or len({shape[:at] + shape[at + 1 :] for shape in shapes}) != 1:
        raise call.refuse(f"inputs of shapes {', '.join(map(str, shapes))} along axis {axis}", "all other axes must agree")
    total, start, parts = sum(shape[at] for shape in shapes), 0, []
    for signal, shape in zip(signals, shapes):
        widths = tuple((start, total - start - shape[at]) if a == at else (0, 0) for a in range(rank))
        parts.append(call.builder.relay(signal, Pad(widths)))
        start += shape[at]
    return call.builder.add(parts)


def product(call: Call, signals: Sequence[Signal]) -> Signal:
    """by a number or a value each channel; two tensors cannot be multiplied"""
    if len(signals) != 1:
        raise call.refuse("a product of two tensors", "events carry sums only: rebuild the model with Add, or a gate of constants")
    return layers.multiply(call, signals[0])


MANY: dict[str, Callable[[Call, Sequence[Signal]], Signal]] = {
    "Add": add,
    "Subtract": subtract,
    "Average": average,
    "Concatenate": concatenate,
    "Multiply": product,
}
"""Layers of several inputs."""


def same_shape(call: Call, signals: Sequence[Signal]) -> Sequence[Signal]:
    """The signals, if their shapes agree."""
    shapes = {signal.seen for signal in signals}
    if len(shapes) != 1:
        raise call.refuse(f"inputs of shapes {', '.join(map(str, sorted(shapes)))}", "only equal shapes can be merged")
    return signals


def scalar(call: Call, value: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """A constant that is one number."""
    if value.size != 1:
        raise call.refuse(f"a constant of shape {value.shape}", "only a number can be folded")
    return value.reshape(())


@dataclass(frozen=True)
class Verdict:
    """What can be done with one layer.

    Parameters
    ----------
    layer, class_name
        Which.
    problem
        Why it cannot be converted and the way out; empty if it can.
    """

    layer: str
    class_name: str
    problem: str = ""


def lower(
    model: ModelRecord, encoder: Encoder, *, affine: Mapping[str, Affine] | None = None, shapes: Mapping[int, Shape] | None = None
) -> Graph:
    """The network in float.

    Parameters
    ----------
    model
        What a reader gave.
    encoder
        How raw input becomes events.
    affine
        What the user says Lambda layers are, by layer name, "" for all.
    shapes
        Input shapes by number, where the model leaves an axis open.

    Raises
    ------
    ConversionError
        With every problem of every layer.
    """
    graph, verdicts = examine(model, encoder, affine=affine, shapes=shapes)
    problems = [verdict.problem for verdict in verdicts if verdict.problem]
    if problems or graph is None:
        raise ConversionError(problems)
    return graph


def examine(
    model: ModelRecord, encoder: Encoder, *, affine: Mapping[str, Affine] | None = None, shapes: Mapping[int, Shape] | None = None
) -> tuple[Graph | None, list[Verdict]]:
    """The network in float, or None, and a verdict on each layer; parameters as of :func:`lower`."""
    builder = Builder()
    signals: dict[str, Signal | None] = {}
    verdicts = [_open_input(model, builder, signals, number, encoder, shapes or {}) for number in range(len(model.inputs))]
    for record in model.calls:
        layer = model.layers[record.layer]
        problem = ""
        try:
            signals |= _called(model, record, builder, signals, affine or {})
        except ConversionError as error:
            problem = str(error)
            signals |= dict.fromkeys(record.outputs)
        verdicts.append(Verdict(layer.name, layer.class_name, problem))
    if any(verdict.problem for verdict in verdicts):
        return None, verdicts
    return builder.graph([_output(builder, signals[tensor], number) for number, tensor in enumerate(model.outputs)]), verdicts


def _open_input(
    model: ModelRecord, builder: Builder, signals: dict[str, Signal | None], number: int, encoder: Encoder, shapes: Mapping[int, Shape]
) -> Verdict:
    record = model.inputs[number]
    shape = shapes.get(number, record.shape)
    given = tuple(n for n in shape if n is not None)
    if len(given) != len(shape) or not shape:
        signals[record.tensor] = None
        text = f"input {number}: shape {shape} is not fixed; give it with --input-shape, rows x columns x channels"
        return Verdict(f"input {number}", "InputLayer", text)
    signals[record.tensor] = builder.input(f"input{number}" if len(model.inputs) > 1 else "input", given, encoder)
    return Verdict(f"input {number}", "InputLayer")


def _called(
    model: ModelRecord, record: CallRecord, builder: Builder, signals: Mapping[str, Signal | None], affine: Mapping[str, Affine]
) -> dict[str, Signal | None]:
    """Signals of a call's outputs; None behind a layer that was refused already."""
    layer = model.layers[record.layer]
    call = Call(builder, layer, record.constants, affine)
    if layer.class_name == "InputLayer":
        return {}
    if layer.class_name not in ONE and layer.class_name not in MANY:
        raise call.refuse("an unknown layer", "tfsnn knows the layers of its support table; replace it, or fold it into one of them")
    arriving = [signals[tensor] for tensor in record.inputs]
    ready = [signal for signal in arriving if signal is not None]
    if len(ready) != len(arriving):
        return dict.fromkeys(record.outputs)
    builder.prefix = layer.name
    if layer.class_name in MANY:
        result = MANY[layer.class_name](call, ready)
    elif len(ready) != 1:
        raise call.refuse(f"{len(ready)} inputs", "it takes one")
    else:
        result = ONE[layer.class_name](call, ready[0])
    if layer.unread():
        raise call.refuse(f"settings {', '.join(layer.unread())}", "tfsnn does not know what they change; rebuild the layer without them")
    return dict.fromkeys(record.outputs, result)


def _output(builder: Builder, signal: Signal | None, number: int) -> str:
    """Name of the population whose f(x) is the model's output; closes the sum if need be."""
    assert signal is not None
    permuted = any(isinstance(relay, Permute) for relay in signal.view)
    if permuted:
        signal = builder.settle(signal)
    names = {node.name: node for node in builder.nodes}
    if len(signal.terms) == 1:
        term = signal.terms[0]
        bare = term.op is None and not term.relays and not term.gain.ndim and term.gain == 1 and not signal.bias.any()
        if bare and type(names[term.source]).__name__ == "Neurons":
            return term.source
    return builder.neurons(replace(signal, view=()), Activation("linear"), name=signal.name or f"output{number}").terms[0].source
