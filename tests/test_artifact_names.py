"""Populations keep their names in a file, whatever HDF5 thinks of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.nets import three_layers
from tfsnn.artifact import Net, load, save
from tfsnn.network.graph import Graph


@pytest.mark.parametrize("name", [".", "..", "%2E", "a/./b", "a//b", "a\0b", "\0", "\ud800", "é %"])
def test_names_that_hdf5_does_not_take_as_they_are(tmp_path: Path, name: str) -> None:
    graph = three_layers()
    last = replace(graph[graph.outputs[0]], name=name)
    renamed = Graph((*graph.nodes[:-1], last), (name,))
    save(Net(renamed), tmp_path / "net.snn.h5")
    found = load(tmp_path / "net.snn.h5").graph
    assert found.outputs == (name,) and [node.name for node in found.nodes] == [node.name for node in renamed.nodes]
