"""A network of 42 weights, frames for it, and what evaluating it finds: enough to report on, quick to run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.nets import three_layers
from tfsnn.artifact import Net
from tfsnn.evaluate.pipeline import head, measure
from tfsnn.evaluate.plots.style import drawn
from tfsnn.evaluate.report import content as report
from tfsnn.evaluate.report.content import Findings
from tfsnn.evaluate.workload import Workload, prepare
from tfsnn.input.dataset import Dataset, Split
from tfsnn.input.encoder import Encoder
from tfsnn.network.forward import forward
from tfsnn.network.graph import Graph
from tfsnn.network.nodes import Input, Neurons, Node, Synapse
from tfsnn.network.ops import Dense
from tfsnn.plan.settings import Settings

DELAY = Encoder("delay", scale=1 / 4)


def by_channel(graph: Graph) -> Graph:
    """The same network with a scale for each channel, as tfsnn convert gives it."""
    nodes: list[Node] = []
    for node in graph.nodes:
        if isinstance(node, Neurons):
            scales = [np.array(np.broadcast_to(s.scale, node.shape[-1:])) for s in node.synapses if s.scale is not None]
            node = replace(node, synapses=tuple(replace(s, scale=scale) for s, scale in zip(node.synapses, scales)))
        nodes.append(node)
    return Graph(tuple(nodes), graph.outputs)


def net(encoder: Encoder = DELAY, outputs: int = 2) -> Net:
    """(3, 3, 1) - convolution - dense - dense 2, or its first output alone."""
    graph = by_channel(three_layers())
    source, first, second, last = graph.nodes
    if isinstance(last, Neurons) and outputs == 1:
        scale, weight = np.full(1, 0.25, np.float32), last.synapses[0].weight[:, :1]
        last = replace(last, shape=(1,), synapses=(Synapse("second", (), Dense(1), weight, scale),), bias=last.bias[:1])
    nodes = (Input(source.name, source.shape, encoder), first, second, last)
    return Net(Graph(nodes, graph.outputs), {"command": "convert"}, {"samples": 16})


def dataset(frames: int = 12, encoder: Encoder = DELAY, name: str = "dots", *, numbers: bool = False) -> Dataset:
    """Frames of grey levels 0 to 4; labels are what the network says, but every fourth is wrong; or numbers to be met."""
    x = np.random.default_rng(5).integers(0, 5, (frames, 3, 3, 1)).astype(np.uint8)
    x[frames // 2] = 0
    graph = net(encoder).graph
    y = np.argmax(forward(graph, {"in": encoder.frames(x)})["out"], axis=1)
    y[::4] = 1 - y[::4]
    return Dataset(name, encoder, lambda split: Split(x, np.float32(1.5) * y - np.float32(0.25) if numbers else y))


def prepared(encoder: Encoder = DELAY, outputs: int = 2, frames: int = 12, **given: Any) -> Workload:
    """The network with its frames."""
    return prepare(net(encoder, outputs), dataset(frames, encoder, numbers=outputs == 1), **given)


@lru_cache
def evaluated(
    encoder: Encoder = DELAY, outputs: int = 2, thresholds: tuple[float, ...] = (0.1, 0.5, 2.0), frames: int = 12, **settings: Any
) -> tuple[Workload, Findings, dict[str, Any]]:
    """Workload, findings and report of an evaluation."""
    workload = prepared(encoder, outputs, frames)
    chosen = [Settings(threshold, "absolute", **settings) for threshold in thresholds]
    found = measure(workload, chosen)
    origin = head(workload, "tfsnn evaluate NET.snn.h5 --data dots", None)
    return workload, found, origin | report.assemble(workload, found)


def pixels(path: Path) -> tuple[int, int]:
    """Width and height of a PNG."""
    content = path.read_bytes()
    assert content.startswith(b"\x89PNG\r\n\x1a\n") and content.endswith(b"IEND\xaeB`\x82")
    return int.from_bytes(content[16:20], "big"), int.from_bytes(content[20:24], "big")


def watched(monkeypatch: pytest.MonkeyPatch, module: str) -> list[tuple[Any, list[str]]]:
    """What a module draws from now on: each figure, and the words at the marks of its axes."""
    kept: list[tuple[Any, list[str]]] = []

    @contextmanager
    def keeping(path: Path, size: tuple[float, float]) -> Iterator[Any]:
        with drawn(path, size) as figure:
            yield figure
            figure.canvas.draw()
            marks = [label for axes in figure.axes for label in (*axes.get_xticklabels(), *axes.get_yticklabels())]
            kept.append((figure, [mark.get_text() for mark in marks]))

    monkeypatch.setattr(f"{module}.drawn", keeping)
    return kept
