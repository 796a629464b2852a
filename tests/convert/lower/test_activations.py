"""Every activation: by name, as an argument, as a layer; and the refusals of those that cannot be converted."""

from __future__ import annotations

import pytest

from tests.convert_parts import graph_of, lowering_error, sequential
from tfsnn.convert.lower.activations import NAMED
from tfsnn.errors import ConversionError
from tfsnn.network.nodes import Neurons

FIRST = "data_format='channels_first'"
NAMES = sorted({*NAMED, "linear", "selu", "softmax"} - {"hard_sigmoid_keras2"})
AS_LAYERS = (
    "ReLU()",
    "ReLU(6.)",
    "ReLU(max_value=0.)",
    "ReLU(negative_slope=.1)",
    "ReLU(threshold=.5)",
    "ReLU(max_value=1., threshold=.3)",
    "LeakyReLU()",
    "LeakyReLU(negative_slope=.05)",
    "ELU(alpha=.7)",
    "PReLU()",
    "PReLU(shared_axes=[1, 2])",
    "PReLU(shared_axes=[1])",
    "Softmax(axis=3)",
)


@pytest.mark.parametrize("name", NAMES)
def test_names_equal_keras(name: str) -> None:
    inside = () if name == "softmax" else ("Conv2D(2, 2)",)
    assert lowering_error(sequential((6, 5, 3), f"Conv2D(4, 3, activation='{name}')", *inside)) < 1e-5
    assert lowering_error(sequential((7,), "Dense(4)", f"Activation('{name}')")) < 1e-5


@pytest.mark.parametrize("text", AS_LAYERS)
def test_layers_equal_keras(text: str) -> None:
    model = sequential((6, 5, 3), "Conv2D(4, 3)", text)
    if text == "ReLU(max_value=0.)":
        node = graph_of(model).nodes[-1]
        assert isinstance(node, Neurons) and node.activation.top == 0
    else:
        assert lowering_error(model) < 1e-5


@pytest.mark.parametrize("text", ["PReLU()", "PReLU(shared_axes=[2, 3])", "PReLU(shared_axes=[1])"])
def test_prelu_behind_views(text: str) -> None:
    """Its slopes lie as Keras' tensor does, the neurons as ours: one population all the same."""
    model = sequential((6, 5, 3), f"Conv2D(4, 3, {FIRST})", "BatchNormalization(axis=1)", text, "Flatten()", "Dense(3)")
    assert lowering_error(model) < 1e-5
    assert len(graph_of(model).nodes) == 3


def test_activation_that_is_a_layer() -> None:
    for text in ("keras.layers.LeakyReLU(.2)", "keras.layers.ReLU(2.)", "keras.activations.relu6"):
        assert lowering_error(sequential((7,), f"Dense(4, activation={text})", "Dense(2)")) < 1e-5


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (("ReLU(max_value=6., negative_slope=.1)",), "negative_slope 0.1 with max_value 6 and threshold 0; use a slope without them"),
        (("Dense(3, activation='exponential')",), "activation 'exponential'; replace it by one of celu, elu, gelu, hard_sigmoid"),
        (("Activation('log_softmax')",), "activation 'log_softmax'; replace it by one of"),
        (("Softmax(axis=1)", "Dense(2)"), "axis is 1; only the last axis can be converted"),
        (("Softmax()", "Dense(2)"), r"layer 'dense\w*' \(Dense\): it receives from a softmax \(softmax\w*\); events can carry"),
        (("Softmax()", "Permute((2, 1, 3))"), "it receives from a softmax"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_refusals(texts: tuple[str, ...], message: str) -> None:
    with pytest.raises(ConversionError, match=message):
        graph_of(sequential((6, 5, 3), *texts))


def test_unknown_activations_are_all_named() -> None:
    model = sequential((6, 5, 3), "Conv2D(2, 3, activation='exponential')", "Conv2D(2, 2, activation='squareplus')", "Softmax(axis=1)")
    with pytest.raises(ConversionError, match="'exponential'") as caught:
        graph_of(model)
    assert len(caught.value.problems) == 3 and "'squareplus'" in caught.value.problems[1] and "axis is 1" in caught.value.problems[2]
