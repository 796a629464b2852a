"""Every kind of node answers what the rest of the house asks; synapses and biases in real units."""

from __future__ import annotations

import ast
from typing import Any, get_args

import numpy as np
import pytest

from tests.house import PACKAGES, sources
from tests.nets import branches
from tests.nets import given as given_input
from tests.nets import neurons, synapse
from tfsnn.network import nodes
from tfsnn.network.nodes import MaxPool, Node
from tfsnn.network.ops import AveragePool, Dense, Pad

QUESTIONS = [line.split("``")[1] for line in str(nodes.__doc__).splitlines() if line.startswith("``")]
# Who may ask which kind a node is, and why; everybody else asks the node itself.
BY_KIND = {
    "tfsnn/network/graph.py": "gives the inputs as such",
    "tfsnn/compiled/tables.py": "numbers the kinds for the loops",
    "convert/calibrate.py": "replaces a field that only neurons have",
    "convert/quantize.py": "replaces fields that only neurons have",
    "convert/equalize.py": "moves factors between fields that only neurons have",
    "convert/input_encoder.py": "replaces a field that only inputs have",
    "tfsnn/network/room.py": "estimates the windows that only max pooling has",
    "evaluate/live/decisions.py": "asks for an activation that only neurons apply",
    "tfsnn/plan/make.py": "compares scales, which only neurons have",
    "tfsnn/plan/factors.py": "replaces a field that only neurons have",
    "evaluate/live/pipeline.py": "shows a field that only neurons have",
    "convert/pooled.py": "gives neurons other sources",
    "evaluate/baselines/coding.py": "refuses kinds that a code has no neurons for",
    "evaluate/baselines/rate.py": "has a rule of its own for each kind",
    "evaluate/baselines/ttfs.py": "has a rule of its own for each kind",
    "evaluate/workload.py": "replaces a field that only inputs have",
    "evaluate/inspect.py": "shows fields that only neurons have",
    "evaluate/measure/sizes.py": "counts bytes of fields that only neurons have",
}


@pytest.mark.parametrize("kind", get_args(Node))
def test_every_kind_answers_every_question(kind: Any) -> None:
    assert len(QUESTIONS) == 13
    for question in QUESTIONS:
        assert hasattr(kind, question) or question in kind.__dataclass_fields__, question


def test_what_they_answer() -> None:
    graph = branches()
    found = {node.label: (node.external, node.requantizes, node.softmax, bool(node.synapses)) for node in graph}
    assert found == {
        "input": (True, False, False, False), "max pooling": (False, False, False, False), "neurons": (False, True, False, True),
    }  # fmt: skip
    assert [node.state_size(graph) for node in graph] == [0, 32, 8, 8, 8, 3]
    assert [node.parameters for node in graph] == [0, 0, 40, 20, 6, 27]
    assert all(node.activation.kind == "linear" and node.scale == 1.0 for node in graph if not node.requantizes)


def test_what_max_pooling_keeps_lies_behind_its_relays() -> None:
    padded = MaxPool("padded", (3, 3, 2), "in", (2, 2), (2, 2), relays=(Pad(((1, 1), (1, 1), (0, 0))),))
    assert padded.state_size(branches()) == 6 * 6 * 2


def asking(source: str) -> bool:
    """Whether a module asks which kind a node is."""
    kinds = {kind.__name__ for kind in get_args(Node)}
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call) and ast.unparse(node.func) == "isinstance"]
    return any(kinds & {name.id for name in ast.walk(call.args[1]) if isinstance(name, ast.Name)} for call in calls)


def test_nobody_else_asks_which_kind_a_node_is() -> None:
    assert asking("isinstance(node, (Input, MaxPool))") and not asking("isinstance(node, Graph)")
    assert {source.path for source in sources() if source.area in PACKAGES and asking(source.text)} <= set(BY_KIND)


def test_real_weights_are_whole_numbers_times_their_scale() -> None:
    image = given_input(2)
    assert synapse(image, Dense(2), [[1, -2], [3, 4]], [0.5, 2.0]).real_weight().tolist() == [[0.5, -4.0], [1.5, 8.0]]


def test_flat_bias_repeats_a_channel_and_keeps_a_map() -> None:
    each = neurons("n", (2, 1, 2), bias=[1.0, 2.0])
    mapped = neurons("n", (2, 1, 2), bias=np.array([[[1.0, 2.0]], [[3.0, 4.0]]]))
    assert (each.flat_bias.tolist(), mapped.flat_bias.tolist()) == ([1, 2, 1, 2], [1, 2, 3, 4])


def test_drive_divides_an_average_by_its_window() -> None:
    image = given_input(2, 2, 1)
    averaged = synapse(image, Dense(1), 4, 0.5, (AveragePool((2, 2), (2, 2)),))
    assert averaged.drive(np.array([[1.0, 2.0, 3.0, 6.0]]), image.shape).tolist() == [[6.0]]
