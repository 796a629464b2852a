"""TimeDistributed gives what Keras computes, whatever of the support table it holds."""

from __future__ import annotations

from typing import Any

import pytest

from tests.convert_parts import graph_of, lowering_error, problems, record, sequential, simulation_error
from tfsnn.network.nodes import Neurons


@pytest.mark.parametrize(
    "texts",
    [
        (
            *(f"TimeDistributed({text})" for text in ("Conv2D(2, 3, padding='same', activation='relu')", "MaxPooling2D(2)", "Flatten()")),
            *("TimeDistributed(Dense(3, activation='relu'))", "GlobalAveragePooling1D()"),
        ),
        ("TimeDistributed(BatchNormalization())", "TimeDistributed(DepthwiseConv2D(2, strides=2))", "TimeDistributed(Activation('tanh'))"),
        ("TimeDistributed(Conv2D(2, 2))", "TimeDistributed(Dropout(0.5))", "TimeDistributed(PReLU(shared_axes=[1]))", "Dense(2)"),
        ("TimeDistributed(GlobalMaxPooling2D())", "Conv1D(2, 2)"),
        ("TimeDistributed(Conv2D(2, 1))", "TimeDistributed(Conv2D(3, 2))", "TimeDistributed(AveragePooling2D(2))"),
    ],
    ids=["convolutions", "norm", "slopes", "maximum", "linear"],
)
def test_what_keras_computes(texts: tuple[str, ...]) -> None:
    assert lowering_error(sequential((3, 6, 5, 2), *texts)) < 1e-5


def test_each_step_has_one_source() -> None:
    graph = graph_of(sequential((3, 6, 5, 2), *("TimeDistributed(Conv2D(2, 3, activation='relu'))",) * 2))
    sources = [[synapse.source for synapse in node.synapses] for node in graph.nodes if isinstance(node, Neurons)][:6]
    names = [node.name for node in graph.nodes]
    assert sources == [["input"]] * 3 + [[name] for name in names[1:4]]


def test_simulated() -> None:
    model = sequential((2, 4, 4, 1), "TimeDistributed(Conv2D(2, 2, activation='relu'))", "Flatten()", "Dense(2)")
    assert simulation_error(model) < 0.02


@pytest.mark.parametrize(
    ("shape", "inner", "message"),
    [
        ((3, 4), {"class_name": "LSTM", "config": {}}, "it holds LSTM, which does not convert"),
        ((3, 4), {"class_name": "Sequential", "config": {}}, "it holds Sequential, which does not convert; hold one layer"),
        ((3, 4), None, "it holds nothing"),
        ((4,), {"class_name": "Flatten", "config": {}}, "expected steps first"),
        ((257, 4, 4, 1), {"class_name": "MaxPooling2D", "config": {}}, "257 time steps; 256 at most"),
        ((3, 4), {"class_name": "ReLU", "config": {"odd": 1}}, "settings odd of ReLU; tfsnn does not know what they change"),
    ],
)
def test_refusals(shape: tuple[int, ...], inner: Any, message: str) -> None:
    (found,) = problems(record(shape, ("TimeDistributed", {"layer": inner})))
    assert message in found
