"""Thresholds by layer: a factor or a threshold of its own, and everything else as it was."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.camera_parts import camera_net
from tests.nets import three_layers
from tfsnn.errors import InputError
from tfsnn.plan.factors import read_factors, with_factors, with_thresholds


def test_named_layers_alone() -> None:
    graph = three_layers()
    first, second = (node.name for node in graph.nodes[1:3])
    found: dict[str, Any] = {node.name: node for node in with_factors(graph, {first: 4})}
    assert found[first].threshold == 4.0 and found[second].threshold == 1.0
    found = {node.name: node for node in with_thresholds(with_factors(graph, {first: 4, second: 2}), {first: 0.3}, 0.05)}
    assert found[first].threshold == 0.3 and found[second].threshold == 0.1


def test_what_is_no_layer_or_no_threshold() -> None:
    graph = three_layers()
    with pytest.raises(InputError, match="stream: threshold: 'nothing' is no layer with a threshold; there are "):
        with_thresholds(graph, {"nothing": 1.0}, 0.05)
    with pytest.raises(InputError, match="factors: first is True; it must be a positive number"):
        with_factors(graph, {graph.nodes[1].name: True})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("first", "--factors: 'first'; give LAYER=F, as in conv2d=0.5,dense=2, or a .json file"),
        ("first=x", "--factors: 'first=x'; give LAYER=F"),
        ("none.json", "--factors none.json: cannot be read"),
        ("out=2", "factors: 'out' is no layer with a threshold; there are first"),
        ("first=-1", "factors: first is -1.0; it must be a positive number"),
        ("first=nan", "factors: first is nan; it must be a positive number"),
    ],
)
def test_factors_that_do_not_fit(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        with_factors(camera_net(), read_factors(text))


def test_factors_in_a_file_that_is_no_object(tmp_path: Path) -> None:
    (tmp_path / "list.json").write_text("[1]")
    with pytest.raises(InputError, match="list.json: holds a JSON list; expected an object, layer by layer"):
        read_factors(str(tmp_path / "list.json"))
