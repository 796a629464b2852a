"""Lowering: a :class:`ModelRecord` becomes a :class:`tfsnn.network.graph.Graph` in float, or one error that names every problem."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from tfsnn.aliases import Array
from tfsnn.errors import ConversionError, InputError, shown
from tfsnn.input.encoder import Encoder
from tfsnn.network.graph import Graph
from tfsnn.network.ops import Permute, Relay, Shape

from ..read.records import CallRecord, InputRecord, ModelRecord
from . import activations, layers, merges, operations, pooling, scalings, shapes, steps
from .builder import Builder
from .call import Affine, Handler, LayerCall
from .signal import Signal

Shapes = Mapping[int, Shape] | Mapping[str, Shape] | Mapping[int | str, Shape]
"""Input shapes, by number or name of the input."""
ONE: dict[str, Handler] = {
    **{f"Conv{d}D": layers.conv for d in (1, 2)},
    **{f"DepthwiseConv{d}D": layers.depthwise for d in (1, 2)},
    **{f"SeparableConv{d}D": layers.separable for d in (1, 2)},
    **{f"Conv{d}DTranspose": layers.transposed for d in (1, 2)},
    "Dense": layers.dense,
    **{f"MaxPooling{d}D": pooling.max_pool for d in (1, 2)},
    **{f"AveragePooling{d}D": pooling.average_pool for d in (1, 2)},
    **{f"Global{kind}Pooling{d}D": pooling.global_pool for kind in ("Max", "Average") for d in (1, 2)},
    "BatchNormalization": scalings.batch_norm,
    "Normalization": scalings.normalization,
    "Rescaling": scalings.rescaling,
    **{f"UpSampling{d}D": pooling.upsample for d in (1, 2)},
    **activations.LAYERS,
    "Flatten": shapes.flatten,
    "Reshape": shapes.reshape,
    "Permute": shapes.permute,
    **{f"{kind}{d}D": shapes.border for kind in ("ZeroPadding", "Cropping") for d in (1, 2)},
    **{
        name: shapes.identity
        for name in (
            *("Dropout", "SpatialDropout1D", "SpatialDropout2D", "AlphaDropout", "GaussianDropout", "GaussianNoise"),
            *("ActivityRegularization", "Identity", "RandomFlip", "RandomRotation", "RandomZoom", "RandomTranslation"),
            *("RandomContrast", "RandomBrightness"),
        )
    },
    "Lambda": scalings.lambda_,
    **{name: operation.handler for name, operation in operations.OPERATIONS.items()},
}
"""Layers of one input."""
ONE["TimeDistributed"] = steps.distributed(dict(ONE), frozenset(name for name, handler in ONE.items() if handler is shapes.identity))

MANY: dict[str, merges.Merge] = {
    "Add": merges.add,
    "Subtract": merges.subtract,
    "Average": merges.average,
    "Concatenate": merges.concatenate,
    "Multiply": merges.multiply,
    **{name: merges.divide for name in ("Divide", "TrueDivide")},
    **{name: merges.larger for name in ("Maximum", "Minimum")},
    "Negative": merges.negative,
    "CustomScaleLayer": merges.scaled_sum,
}
"""Layers of several inputs, or of an input and constants."""

_RECURRENT = ("a recurrent layer, whose state is not a function of its input", "use convolutions over time")
_BY_SAMPLE = ("a normalization by the statistics of each sample", "events carry linear maps: use BatchNormalization, which folds")
_ATTENTION = ("products of tensors with each other", "events carry linear maps: use convolutions or Dense layers")
UNKNOWN: dict[str, tuple[str, str]] = {
    **dict.fromkeys(("LSTM", "GRU", "SimpleRNN", "RNN", "ConvLSTM1D", "ConvLSTM2D", "Bidirectional"), _RECURRENT),
    **dict.fromkeys(("LayerNormalization", "GroupNormalization", "UnitNormalization", "RMSNormalization"), _BY_SAMPLE),
    **dict.fromkeys(("Attention", "AdditiveAttention", "MultiHeadAttention", "GroupQueryAttention", "Dot"), _ATTENTION),
    **dict.fromkeys(
        ("QuantizeWrapperV2", "QuantizeWrapper", "QuantizeLayer", "QuantizeAnnotate"),
        ("a layer still wrapped for quantization-aware training", "give its weights to the model that quantize_model was given"),
    ),
    **dict.fromkeys(
        ("QDense", "QConv1D", "QConv2D", "QDepthwiseConv2D", "QSeparableConv2D", "QActivation", "QBatchNormalization"),
        ("a layer of QKeras, which rounds weights and activations at every call", "give its weights to the same model in layers of Keras"),
    ),
    "Embedding": ("a table that is looked up", "begin the model behind it, with its vectors as input"),
}
"""Layers that do not convert, by name: what they are, and the way out."""

# What a refused layer of these kinds would have given has the shape of what it got: what stands behind it can be examined.
SHAPE_KEEPING = frozenset((*MANY, *activations.LAYERS, "BatchNormalization", "Normalization", "Rescaling"))
SHAPE_KEEPING -= {"Concatenate"}
STAND_IN = 128
# The only layers that may stand behind a softmax.
VIEWS = frozenset(
    (
        *("Flatten", "Reshape", "ops.Reshape", "ops.Squeeze", "ops.ExpandDims", "ops.Cast"),
        *(name for name, handler in ONE.items() if handler is shapes.identity),
    )
)


@dataclass(frozen=True)
class Verdict:
    """What can be done with one layer.

    Parameters
    ----------
    layer, class_name
        Which.
    problems
        Why it cannot be converted and the ways out; empty if it can.
    """

    layer: str
    class_name: str
    problems: tuple[str, ...] = ()


@dataclass(frozen=True)
class LayerOutput:
    """A population that holds what a Keras layer computes.

    Parameters
    ----------
    layer
        Name of the layer.
    view
        What lies between the population's f(x) and the layer's output.
    factors
        (channels): how many times as large as the layer's the population's channels are; None for once.
    """

    layer: str
    view: tuple[Relay, ...]
    factors: Array | None = None


@dataclass(frozen=True, eq=False)
class Lowered:
    """What lowering found.

    Parameters
    ----------
    graph
        The network in float; None if some layer cannot be converted.
    verdicts
        On every layer.
    layer_outputs
        By population, which layer's output it is; only of layers that the model calls once.
    statistics
        By population, mean and standard deviation of x, (channels), where a batch norm has set them.
    """

    graph: Graph | None
    verdicts: tuple[Verdict, ...]
    layer_outputs: Mapping[str, LayerOutput] = field(default_factory=dict)
    statistics: Mapping[str, tuple[Array, Array]] = field(default_factory=dict)

    @property
    def problems(self) -> tuple[str, ...]:
        """Every problem, once."""
        return tuple(dict.fromkeys(problem for verdict in self.verdicts for problem in verdict.problems))


def lower(
    model: ModelRecord, encoder: Encoder, *, affine: Mapping[str, Affine] | None = None, shapes: Shapes | None = None
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
        Input shapes by number or name of the input, where the model leaves an axis open.

    Raises
    ------
    ConversionError
        With every problem of every layer.
    """
    return graph_or_error(examine(model, encoder, affine=affine, shapes=shapes))


def graph_or_error(lowered: Lowered) -> Graph:
    """The graph; ConversionError with every problem if there is none."""
    if lowered.graph is None:
        raise ConversionError(lowered.problems)
    return lowered.graph


def examine(
    model: ModelRecord,
    encoder: Encoder,
    *,
    affine: Mapping[str, Affine] | None = None,
    shapes: Shapes | None = None,
    release: bool = False,
) -> Lowered:
    """The network in float, or None, and a verdict on each layer.

    Parameters
    ----------
    model, encoder, affine, shapes
        As of :func:`lower`.
    release
        Take the weights out of the record as they are used: the network's own are as large.
    """
    # Weights that overflow float32 once they are folded become infinite; the graph refuses them, naming the population.
    with np.errstate(over="ignore", invalid="ignore"):
        return _examined(model, encoder, affine or {}, numbered(model, shapes), release)


def _examined(
    model: ModelRecord, encoder: Encoder, affine: Mapping[str, Affine], shapes: Mapping[int, Shape], release: bool
) -> Lowered:
    builder = Builder()
    signals: dict[str, Signal | None] = {}
    verdicts = [_open_input(model, builder, signals, number, encoder, shapes) for number in range(len(model.inputs))]
    calls = Counter(record.layer for record in model.calls)
    left = calls.copy()
    uses = Counter([*(tensor for record in model.calls for tensor in record.inputs), *model.outputs])
    layer_outputs: dict[str, LayerOutput] = {}
    for record in model.calls:
        layer, stands = model.layers[record.layer], len(builder.nodes)
        call = LayerCall(builder, layer, record.constants, affine)
        result = _called(call, record, signals)
        if result is not None and not result.is_pending_free and uses[record.outputs[0]] > 1:
            # Each consumer of a pending sum would compute it again.
            result = builder.materialized(result)
        verdicts.append(Verdict(layer.name, layer.class_name, tuple(call.problems)))
        if result is not None and result.is_population and calls[layer.name] == 1:
            made = {node.name for node in builder.nodes[stands:]}.intersection((result.terms[0].source,))
            layer_outputs |= dict.fromkeys(made, LayerOutput(layer.name, result.view))
        signals |= dict.fromkeys(record.outputs, result)
        _release(record, uses, signals)
        left[layer.name] -= 1
        if release and not left[layer.name]:
            layer.weights.clear()
    ends = [signal for signal in map(signals.get, model.outputs) if signal is not None]
    if any(verdict.problems for verdict in verdicts):
        for number in range(len(model.inputs)):
            verdicts[number] = _blamed(model, number, shapes, verdicts[number])
    if any(verdict.problems for verdict in verdicts) or len(ends) != len(model.outputs):
        return Lowered(None, tuple(verdicts))
    try:
        graph = builder.graph([_output(builder, signal, number) for number, signal in enumerate(ends)])
    except (ConversionError, InputError) as error:
        return Lowered(None, (*verdicts, Verdict("network", "", getattr(error, "problems", (str(error),)))))
    return Lowered(graph, tuple(verdicts), layer_outputs, builder.statistics)


def _release(record: CallRecord, uses: Counter[str], signals: dict[str, Signal | None]) -> None:
    """Forget signals that nobody asks for any more: they may hold weights."""
    uses.subtract(record.inputs)
    for tensor in (*record.inputs, *record.outputs):
        if uses[tensor] <= 0:
            signals.pop(tensor, None)


def _open_input(
    model: ModelRecord, builder: Builder, signals: dict[str, Signal | None], number: int, encoder: Encoder, shapes: Mapping[int, Shape]
) -> Verdict:
    record, where = model.inputs[number], _said(model, number)
    # A single input has no need of a name; several go by those of Keras.
    name = record.name if len(model.inputs) > 1 else "input"
    shape = shapes.get(number, record.shape)
    problems: tuple[str, ...] = ()
    if shape is None:
        way_out = "give it with --input-shape, rows x columns x channels, or begin the model with keras.Input"
        problems = (f"{where}: the model records no shape; {way_out}",)
    elif record.shape is not None and len(shape) != len(record.shape):
        axes = f"give {len(record.shape)} axes"
        problems = (f"{where}: shape {shape} was given, the model says {record.shape}; {axes}",)
    elif None in shape or not shape:
        problems = (f"{where}: shape {shape} is not fixed; give it with --input-shape, rows x columns x channels",)
    # What stands behind an input without a size is examined with one that most networks can halve as often as they like.
    size = tuple(STAND_IN if n is None else n for n in (record.shape if problems else shape) or ())
    try:
        builder.prefix = name
        builder.bound(size)
        signals[record.tensor] = builder.input(name, size, encoder) if size else None
    except ConversionError as error:
        signals[record.tensor], problems = None, error.problems
    return Verdict(name, "InputLayer", problems)


def _said(model: ModelRecord, number: int) -> str:
    """An input, in messages."""
    return f"input '{model.inputs[number].name}'" if len(model.inputs) > 1 else f"input {number}"


def numbered(model: ModelRecord, shapes: Shapes | None) -> dict[int, Shape]:
    """Input shapes by number of the input, which may be given by the name of its layer.

    Parameters
    ----------
    model
        Whose inputs these are.
    shapes
        By number or name.
    """
    names = [record.name for record in model.inputs]
    for key in shapes or ():
        if key not in names and key not in range(len(names)):
            known = ", ".join(f"{number} ({name})" for number, name in enumerate(names))
            raise InputError(f"a shape was given for input {shown(key)}; the model's inputs are {known}")
    return {key if isinstance(key, int) else names.index(key): shape for key, shape in (shapes or {}).items()}


def replaced(record: InputRecord, shape: Shape | None) -> bool:
    """Whether a shape was given in place of one that the model fixes."""
    return shape is not None and record.shape is not None and any(there not in (None, here) for here, there in zip(shape, record.shape))


def _blamed(model: ModelRecord, number: int, shapes: Mapping[int, Shape], verdict: Verdict) -> Verdict:
    """The verdict on an input: where its shape was replaced, and some layer cannot be converted, that may be why."""
    given = shapes.get(number)
    if verdict.problems or not replaced(model.inputs[number], given):
        return verdict
    found = f"shape {given} was given, the model says {model.inputs[number].shape}"
    return replace(verdict, problems=(f"{_said(model, number)}: {found}; not every layer takes another one: leave it out if that is why",))


def _called(call: LayerCall, record: CallRecord, signals: Mapping[str, Signal | None]) -> Signal | None:
    """What a call gives; None if that cannot be known. What is wrong goes into ``call.problems``."""
    call = operations.with_arguments(call)
    layer = call.layer
    if layer.class_name not in ONE and layer.class_name not in MANY:
        way_out = "tfsnn knows the layers of its support table (docs/layers.md): replace it by some of them"
        call.problems.append(call.problem(*UNKNOWN.get(layer.class_name, ("an unknown layer", way_out))))
    ready = [signal for signal in map(signals.get, record.inputs) if signal is not None]
    if len(ready) != len(record.inputs) or not ready:
        return None
    result = ready[0] if layer.class_name in SHAPE_KEEPING else None
    if call.problems:
        return result
    call.builder.prefix = layer.name
    try:
        result = _handled(call, ready)
        if layer.unread():
            way_out = "tfsnn does not know what they change; rebuild the layer without them"
            raise call.refuse(f"settings {', '.join(layer.unread())}", way_out)
    except ConversionError as error:
        call.problems.extend(error.problems)
    return result


def _handled(call: LayerCall, ready: list[Signal]) -> Signal:
    name = call.layer.class_name
    softmax = {node.name for node in call.builder.nodes if node.softmax}
    softmaxes = [term.source for signal in ready for term in signal.terms if term.source in softmax]
    if softmaxes and name not in VIEWS:
        way_out = "events can carry softmax only at an output: end the model there, or leave it out"
        raise call.refuse(f"it receives from a softmax ({softmaxes[0]})", way_out)
    if name in MANY:
        return MANY[name](call, ready)
    if len(ready) != 1:
        raise call.refuse(f"{len(ready)} inputs", "it takes one")
    if call.constants:
        found = ", ".join(f"{key} = {str(value)[:60]}" for key, value in call.constants.items())
        raise call.refuse(f"called with {found}", "tfsnn does not know what that changes; call the layer without it")
    return ONE[name](call, ready[0])


def _output(builder: Builder, signal: Signal, number: int) -> str:
    """Name of the population whose f(x) is the model's output; closes the sum if need be."""
    last = next(node for node in builder.nodes if node.name == signal.terms[0].source)
    if any(isinstance(relay, Permute) for relay in signal.view):
        if last.softmax:
            way_out = "events can carry softmax only at an output: exchange them before it"
            raise ConversionError((f"output {number}: axes are exchanged behind the softmax {last.name}; {way_out}",))
        signal = builder.settle(signal)
    if signal.is_population and last.requantizes:
        return last.name
    builder.prefix = f"output{number}"
    return builder.materialized(replace(signal, view=())).terms[0].source
