"""What is evaluated, and one run of it: the test frames that fit the network, and what a threshold makes of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfsnn.aliases import PathLike
from tfsnn.artifact import Net
from tfsnn.errors import InputError
from tfsnn.input import datasets
from tfsnn.input.datasets import Dataset
from tfsnn.input.encoder import Encoder
from tfsnn.input.events import Events
from tfsnn.memory import afford
from tfsnn.network.graph import Graph
from tfsnn.network.nodes import Input


@dataclass(frozen=True, eq=False)
class Workload:
    """A network, and the test frames it is evaluated on.

    Parameters
    ----------
    net
        The network; its encoder is the one that was used.
    dataset
        Name of the data set.
    available
        How many test frames the data set has.
    raw, labels
        (frames, \\*shape) and (frames): the frames taken, and what is right.
    frames, events
        What the encoder makes of them, for the ANN and for the event-driven network.
    """

    net: Net
    dataset: str
    available: int
    raw: NDArray[Any]
    labels: NDArray[np.int64]
    frames: NDArray[np.float32]
    events: Events

    @property
    def graph(self) -> Graph:
        """The network's graph."""
        return self.net.graph

    @property
    def encoder(self) -> Encoder:
        """The encoder of its one input."""
        return self.graph.inputs[0].encoder

    @property
    def measure(self) -> str:
        """``"accuracy"`` of several outputs, ``"error"`` of one."""
        return "accuracy" if int(np.prod(self.graph[self.graph.outputs[0]].shape)) > 1 else "error"

    @property
    def streamed(self) -> bool:
        """Whether the frames form one stream, each sent as the change from the one before."""
        return self.events.samples == 1 and self.encoder.kind == "delta"


def prepare(
    net: Net, source: PathLike | Dataset, *, data_dir: PathLike | None, samples: int | None, bins: int | None
) -> Workload:
    """The test frames of a data set, encoded for a network.

    Parameters
    ----------
    net
        The network.
    source
        A data set, or its name.
    data_dir
        Where tensorflow-datasets keeps its data.
    samples
        Take so many, the first; None takes all.
    bins
        Time bins of the ``delay`` encoder, instead of the network's own.

    Raises
    ------
    InputError
        If the network has not one input and one output, or the data do not fit it.
    """
    graph = net.graph
    if len(graph.inputs) != 1 or len(graph.outputs) != 1:
        raise InputError(
            f"evaluate: the network has {len(graph.inputs)} inputs and {len(graph.outputs)} outputs; "
            "a data set has one of each: simulate it from Python with events of your own"
        )
    if samples is not None and samples < 1:
        raise InputError(f"evaluate: samples is {samples}; take at least 1")
    if bins is not None:
        net = replace(net, graph=_with_bins(graph, bins))
    dataset = source if isinstance(source, Dataset) else datasets.load(source, data_dir)
    x, y = dataset.test
    if y is None:
        raise InputError(f"evaluate: {Path(dataset.name).name} holds no labels; add y_test, or y for both splits")
    _check(net.graph, dataset.name, x, y)
    if samples is not None and samples > len(x):
        raise InputError(f"evaluate: samples is {samples}; the test split of {dataset.name} has {len(x)}")
    raw, encoder = x[:samples], net.graph.inputs[0].encoder
    # Frames and levels of all pixels, and some eight columns of all events while they are sorted.
    needed = 24 * raw.size + 64 * int(np.count_nonzero(raw))
    afford(needed, f"evaluate: frames and events of {len(raw)} samples", "take fewer with --samples")
    return Workload(net, dataset.name, len(x), raw, y[:samples], encoder.frames(raw), encoder.events(raw))


def _with_bins(graph: Graph, bins: int) -> Graph:
    nodes = [
        replace(n, encoder=Encoder.from_json(n.encoder.to_json() | {"bins": bins})) if isinstance(n, Input) else n
        for n in graph.nodes
    ]
    return replace(graph, nodes=tuple(nodes))


def _check(graph: Graph, name: str, x: NDArray[Any], y: NDArray[np.int64]) -> None:
    shape, (output,) = graph.inputs[0].shape, graph.outputs
    if x.shape[1:] != shape:
        raise InputError(
            f"evaluate: frames of {name} have shape {x.shape[1:]}, the network's input {shape}; "
            "evaluate on the data it was trained for, or reshape these into an .npz"
        )
    classes = int(np.prod(graph[output].shape))
    if classes > 1 and y.max(initial=0) >= classes:
        raise InputError(
            f"evaluate: labels of {name} go up to {y.max()}, the network has {classes} classes, from 0; "
            "evaluate on the data it was trained for"
        )
