"""Whole models: shared layers, nested models, several inputs and outputs; and refusals that name every problem at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.convert_parts import (
    PIXELS,
    difference,
    drawn,
    graph_of,
    keras_outputs,
    lowering_error,
    outputs,
    problems,
    randomised,
    record,
    sequential,
)
from tfsnn.convert.lower.driver import MANY, ONE, examine, lower
from tfsnn.convert.read.read import from_live
from tfsnn.convert.read.records import Config, LayerRecord
from tfsnn.errors import ConversionError, InputError
from tfsnn.network.nodes import Neurons


def shared(L: Any, model: Any) -> Any:
    inputs, conv, norm = L.Input((6, 6, 3)), L.Conv2D(3, 3, padding="same", activation="relu"), L.BatchNormalization()
    return model(inputs, L.Add()([norm(conv(inputs)), norm(conv(conv(inputs)))]))


def nested(L: Any, model: Any) -> Any:
    inner, inputs = L.Input((6, 5, 2)), L.Input((6, 5, 2))
    block = model(inner, L.ReLU()(L.BatchNormalization()(L.Conv2D(2, 3, padding="same")(inner))))
    return model(inputs, L.Dense(3)(L.Flatten()(L.Concatenate()([block(inputs), block(block(inputs))]))))


def two_inputs(L: Any, model: Any) -> Any:
    image, numbers = L.Input((6, 5, 2)), L.Input((4,))
    joined = L.Concatenate()(
        [L.Flatten()(L.Conv2D(2, 3, activation="relu")(image)), L.Dense(3, activation="tanh")(numbers)]
    )
    return model([image, numbers], L.Dense(2)(joined))


def two_outputs(L: Any, model: Any) -> Any:
    inputs = L.Input((6, 5, 2))
    x = L.Conv2D(3, 3, activation="relu")(inputs)
    return model(inputs, [L.Softmax()(L.Dense(4)(L.Flatten()(x))), L.GlobalAveragePooling2D()(x), x])


def feeds_on(L: Any, model: Any) -> Any:
    inputs = L.Input((7,))
    first = L.Dense(5, activation="sigmoid")(inputs)
    second = L.BatchNormalization()(L.Dense(4)(first))
    return model(inputs, [first, second, L.Dense(3)(L.ReLU()(second)), first])


def input_is_output(L: Any, model: Any) -> Any:
    inputs = L.Input((7,))
    return model(inputs, [L.Reshape((7, 1))(inputs), L.Dense(2)(inputs)])


@pytest.mark.parametrize("build", [shared, nested, two_inputs, two_outputs, feeds_on, input_is_output])
def test_whole_models_equal_keras(build: Callable[..., Any]) -> None:
    import keras

    assert lowering_error(randomised(build(keras.layers, keras.Model))) < 1e-5


def test_population_names_are_those_of_layers() -> None:
    import keras

    graph = graph_of(two_outputs(keras.layers, keras.Model))
    names = [node.name for node in graph.nodes]
    assert names[0] == "input" and names[1].startswith("conv2d") and names[3].startswith("output")
    node = graph[graph.outputs[0]]
    assert isinstance(node, Neurons) and node.softmax


def test_closed_populations_are_recorded() -> None:
    texts = (
        "Conv2D(2, 3, name='a')",
        "ReLU(name='b')",
        "Flatten(name='c')",
        "Dense(3, name='d')",
        "Dense(2, name='e')",
    )
    model = sequential((6, 5, 3), *texts)
    found = examine(from_live(model), PIXELS).layer_outputs
    assert {name: closed.layer for name, closed in found.items()} == {"a": "b"}
    assert examine(from_live(sequential((4,), "Dense(3, activation='selu')", "Dense(2)")), PIXELS).layer_outputs == {}


def test_all_problems_at_once() -> None:
    """Unknown layers, wrong settings and wrong weights, in one error, each once, in the order of the model."""
    import keras

    L = keras.layers
    inputs = L.Input((6, 6, 3), name="in")
    x = L.Conv2DTranspose(3, 3, output_padding=1, strides=2, name="a")(inputs)
    y = L.UpSampling2D(2, interpolation="bilinear", name="b")(inputs)
    twice = L.LayerNormalization(name="c")
    z = L.Conv2D(2, 3, name="d")(L.Multiply(name="e")([twice(inputs), twice(inputs)]))
    f = L.Lambda(lambda v: v * 2, name="f")(inputs)
    g = L.Dense(4, activation="exponential", name="g")(f)
    h = L.ReLU(6.0, negative_slope=0.1, name="h")(g)
    with pytest.raises(
        ConversionError, match="layer 'c' .LayerNormalization.: a normalization by the statistics of each sample"
    ) as caught:
        graph_of(keras.Model(inputs, [x, y, z, h]))
    named = [text.split("'")[1] for text in caught.value.problems]
    assert sorted(named) == ["a", "b", "c", "f", "g", "h"]
    assert str(caught.value) == "\n".join(caught.value.problems)


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (
            ("LayerNormalization()",),
            r"\(LayerNormalization\): a normalization by the statistics of each sample; events carry linear maps",
        ),
        (
            ("UpSampling2D(2, interpolation='bilinear')",),
            "interpolation is 'bilinear'; only 'nearest' can be converted",
        ),
        (
            ("Conv2DTranspose(2, 3, dilation_rate=2)",),
            r"dilation_rate is \(2, 2\); only 1 or \(1,\) or \(1, 1\) can be converted",
        ),
        (
            ("Conv2DTranspose(2, 3, strides=2, output_padding=1)",),
            r"output_padding is \(1, 1\); only None can be converted",
        ),
        (("Normalization(invert=True)",), "invert is True; only False can be converted"),
        (("Lambda(lambda x: x / 2, name='half')",), r'"half=x / 127.5 - 1"; else rebuild the model without it'),
    ],
    ids=lambda value: value[0].partition("(")[0] if isinstance(value, tuple) else "",
)
def test_refused_layers(texts: tuple[str, ...], message: str) -> None:
    with pytest.raises(ConversionError, match=message):
        graph_of(sequential((6, 6, 3), *texts, "Conv2D(2, 3)"))


ONES = np.ones((3, 3, 2, 4), np.float32)


SMALL = Config({"filters": 4, "kernel_size": 3})


def norm(values: np.ndarray[Any, Any], **config: Any) -> LayerRecord:
    weights = dict.fromkeys(("gamma", "beta", "moving_mean", "moving_variance"), values.astype(np.float32))
    return LayerRecord("c", "BatchNormalization", Config(config), weights)


def conv(**changes: Any) -> LayerRecord:
    weights = {"kernel": changes.pop("kernel", ONES), "bias": np.zeros(4, np.float32)}
    return LayerRecord("c", "Conv2D", Config({"filters": 4, "kernel_size": (3, 3), **changes}), weights)


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (
            conv(kernel=ONES[:, :, :1]),
            r"a weight of shape \(3, 3, 1, 4\); its settings and input ask for \(3, 3, 2, 4\); the file",
        ),
        (conv(filters=5), r"a weight of shape \(3, 3, 2, 4\); its settings and input ask for \(3, 3, 2, 5\)"),
        (conv(groups=3), "3 groups over 2 channels and 4 filters; both must be divisible by the groups"),
        (conv(kernel_size=(3, 3, 3)), r"kernel_size is \(3, 3, 3\); expected one or two whole numbers from 1 on"),
        (conv(strides=0), "strides is 0; expected one or two whole numbers from 1 on"),
        (conv(padding="reflect"), "padding is 'reflect'; only 'valid' or 'same' can be converted"),
        (conv(padding="causal"), "padding is 'causal'; only 'valid' or 'same'"),
        (conv(data_format="rows"), "data_format is 'rows'"),
        (
            conv(dilation_rate=9),
            r"a window of \(3, 3\) on an image of \(7, 6\); no output is left; give a larger input shape",
        ),
        (
            conv(spectral="yes", power=2),
            "settings power, spectral; tfsnn does not know what they change; rebuild the layer without them",
        ),
        (
            LayerRecord("c", "Conv2D", SMALL, {}),
            "no weight 'kernel' in the file; save the model again with its weights",
        ),
        (LayerRecord("c", "Dense", Config({}), {}), r"layer 'c' \(Dense\): found no setting 'units'"),
        (LayerRecord("c", "Conv1D", SMALL, {}), r"an input of shape \(7, 6, 2\); expected steps and channels"),
        (
            LayerRecord("c", "PReLU", Config({}), {"alpha": ONES[0, 0]}),
            r"alpha of shape \(2, 4\) on an input of shape \(7, 6, 2\)",
        ),
        (
            norm(np.ones(3)),
            r"3 values along axis -1 of an input of shape \(7, 6, 2\); the file contradicts itself",
        ),
        (
            norm(-np.ones(2)),
            "a variance of -1; it must be positive; the model that it came from is broken",
        ),
        (
            norm(np.ones(2), axis=(1, 2)),
            r"axis is \(1, 2\) on an input of shape \(7, 6, 2\); one axis from 1 to 3, or -1, can be converted",
        ),
        (
            # Not every release of Keras 3 can build it.
            LayerRecord(
                "c", "Normalization", Config({"axis": (1, 3), "mean": ((1.0, 2.0),), "variance": ((1.0, 1.0),)}), {}
            ),
            (
                r"axis is \(1, 3\) with mean of shape \(1, 2\) and variance of shape \(1, 2\); one axis can be"
                r" converted; put the norm"
            ),
        ),
        (LayerRecord("c", "BatchNormalization", Config({"mode": 1}), {}), "mode is 1; only 0 can be converted"),
        (norm(np.full(2, 1e30), epsilon=0.0), "graph: output0: .* holds NaN or infinity"),
    ],
    ids=range(20),
)
def test_refused_records(layer: LayerRecord, message: str) -> None:
    with pytest.raises(ConversionError, match=message):
        lower(record((7, 6, 2), layer), PIXELS)


def test_lambda_is_what_the_user_says() -> None:
    model = record((4, 3, 2), ("Lambda", {"function": "code", "arguments": {}}), ("ReLU", {}))
    assert "--lambda" in problems(model)[0]
    for affine in ({"l0": (0.5, -1.0)}, {"": (0.5, -1.0)}):
        node = lower(model, PIXELS, affine=affine).nodes[-1]
        assert isinstance(node, Neurons)
        np.testing.assert_array_equal(node.synapses[0].weight, [0.5, 0.5])
        np.testing.assert_array_equal(node.bias, [-1, -1])


@pytest.mark.parametrize(
    ("shape", "given", "message"),
    [
        (
            (None, 6, 2),
            {},
            r"input 0: shape \(None, 6, 2\) is not fixed; give it with --input-shape, rows x columns x channels",
        ),
        ((None, 6, 2), {0: (7, 6)}, r"input 0: shape \(7, 6\) was given, the model says \(None, 6, 2\); give 3 axes"),
        (None, {}, "input 0: the model records no shape; give it with --input-shape"),
        ((1 << 20, 1 << 20, 3), {}, "layer 'input': an output of shape .* below 134,217,728 values can be converted"),
    ],
)
def test_refused_inputs(shape: tuple[Any, ...] | None, given: dict[int, tuple[int, ...]], message: str) -> None:
    with pytest.raises(ConversionError, match=message):
        lower(record(shape, ("ReLU", {})), PIXELS, shapes=given)


def test_another_shape_than_the_model_has() -> None:
    """A convolutional net takes it; where a layer does not, the shape that was given is named beside that layer."""
    texts = ("Conv2D(3, 3, activation='relu')", "GlobalAveragePooling2D()", "Dense(2)")
    small, large = sequential((8, 7, 2), *texts), sequential((12, 9, 2), *texts)
    graph = graph_of(small, shapes={0: (12, 9, 2)})
    frames = drawn(graph)
    assert difference(outputs(graph, frames), keras_outputs(large, frames)) < 1e-5
    flat = sequential((8, 7, 2), "Flatten()", "Dense(2)")
    with pytest.raises(
        ConversionError, match=r"shape \(9, 7, 2\) was given, the model says \(8, 7, 2\); not every layer"
    ) as caught:
        graph_of(flat, shapes={0: (9, 7, 2)})
    assert "a weight of shape (112, 2)" in caught.value.problems[1]


ODD: tuple[Any, ...] = (
    *(None, True, -1, 0, 1.5, float("nan"), 1 << 40, "x", {}, {"class_name": "x"}),
    *((), (1,), (2, 3), (1, "x"), ((1, 2), (3, 4))),
)
KEYS = (
    *(
        "filters",
        "kernel_size",
        "strides",
        "dilation_rate",
        "groups",
        "padding",
        "data_format",
        "activation",
        "units",
        "use_bias",
    ),
    *(
        "pool_size",
        "keepdims",
        "axis",
        "epsilon",
        "scale",
        "center",
        "mean",
        "variance",
        "offset",
        "size",
        "interpolation",
        "invert",
    ),
    *(
        "target_shape",
        "dims",
        "cropping",
        "depth_multiplier",
        "max_value",
        "negative_slope",
        "threshold",
        "alpha",
        "output_padding",
    ),
)
PLAIN = {"filters": 2, "kernel_size": 2, "units": 2, "target_shape": (-1,), "dims": (2, 1, 3), "activation": "relu"}
ROLES = {
    "kernel": (2, 2, 2, 2),
    "depthwise_kernel": (2, 2, 2, 1),
    "pointwise_kernel": (1, 1, 2, 2),
    "bias": (2,),
    "alpha": (4, 4, 2),
    **dict.fromkeys(("gamma", "beta", "mean", "variance", "moving_mean", "moving_variance"), (2,)),
}


@pytest.mark.parametrize("name", sorted({*ONE, *MANY}))
def test_odd_settings_are_refused_or_harmless(name: str) -> None:
    """Whatever a file says in place of a setting: our error or a network, never another error."""
    weights = {role: np.full(shape, 0.5, np.float32) for role, shape in ROLES.items()}
    shape = (4, 2) if "1D" in name else (4, 4, 2)

    def verdict(config: dict[str, Any]) -> LayerRecord:
        layer = LayerRecord("l", name, Config(config), weights)
        found = examine(record(shape, layer), PIXELS)
        assert (found.graph is None) == bool(found.problems) and all("; " in problem for problem in found.problems)
        return layer

    plain = {key: value for key, value in PLAIN.items() if key not in verdict(PLAIN).unread()}
    for key in KEYS:
        for value in ODD:
            verdict({**plain, key: value})


def test_weights_are_taken_out_of_the_record_if_asked() -> None:
    """Two copies of a network's weights are never there at a time; a layer that is called twice keeps them until the second call."""
    import keras

    model = from_live(randomised(shared(keras.layers, keras.Model)))
    plain = lower(model, PIXELS)
    assert any(layer.weights for layer in model.layers.values())
    found = examine(model, PIXELS, release=True).graph
    assert found is not None and not any(layer.weights for layer in model.layers.values())
    for one, other in zip(plain.nodes, found.nodes):
        if isinstance(one, Neurons) and isinstance(other, Neurons):
            pairs = zip(one.synapses, other.synapses, strict=True)
            assert all(np.array_equal(a.weight, b.weight) and a.weight.dtype == np.float32 for a, b in pairs)


def test_shape_of_an_input_that_is_not_there() -> None:
    with pytest.raises(InputError, match="a shape was given for input 1; the model's inputs are 0 .input."):
        lower(record((None, 6, 2), ("ReLU", {})), PIXELS, shapes={1: (7, 6)})
