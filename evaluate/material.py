"""What is evaluated, and one run of it: the test frames that fit the network, and what a threshold makes of them."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfsnn import data, metrics
from tfsnn.artifact import Net
from tfsnn.data import Dataset
from tfsnn.encode import Encoder
from tfsnn.errors import InputError
from tfsnn.events import Events
from tfsnn.graph import Graph, Input
from tfsnn.metrics import Curve
from tfsnn.settings import Settings
from tfsnn.simulate import Result, simulate

Floats = NDArray[np.float64]
PathLike = str | os.PathLike[str]
POINTS = 400


@dataclass(frozen=True, eq=False)
class Material:
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
        """Whether the frames form one stream, each told as the change to the one before."""
        return self.events.samples == 1 and self.encoder.kind == "delta"


@dataclass(frozen=True, eq=False)
class Trial:
    """One run of all frames at one threshold.

    Parameters
    ----------
    result
        What the simulation gave, without its trajectory.
    outputs, operations
        float64 (frames, outputs) and int64 (frames): what was said at the end of each frame, and what the frame cost.
    curve, budget
        Score over the course of a frame; None of a stream, whose frames are a time stamp each.
    stamps
        Time stamps of all samples together.
    """

    result: Result
    outputs: Floats
    operations: NDArray[np.int64]
    curve: Curve | None
    budget: tuple[Floats, Floats] | None
    stamps: int


def prepare(
    net: Net, source: PathLike | Dataset, *, data_dir: PathLike | None, samples: int | None, bins: int | None
) -> Material:
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
    dataset = source if isinstance(source, Dataset) else data.load(source, data_dir)
    x, y = dataset.test
    _check(net.graph, dataset.name, x, y)
    if samples is not None and samples > len(x):
        raise InputError(f"evaluate: samples is {samples}; the test split of {dataset.name} has {len(x)}")
    raw, encoder = x[:samples], net.graph.inputs[0].encoder
    return Material(net, dataset.name, len(x), raw, y[:samples], encoder.frames(raw), encoder.events(raw))


def trial(
    material: Material,
    settings: Settings,
    *,
    schedule: str,
    engine: str | None,
    progress: Callable[[int], object] | None = None,
) -> Trial:
    """Simulate all frames at one threshold.

    Parameters
    ----------
    material
        What to simulate.
    settings
        Threshold, spikes, initial state.
    schedule, engine
        As :func:`tfsnn.simulate.simulate` takes them.
    progress
        Called with the number of samples done.
    """
    result = simulate(
        material.net,
        material.events,
        threshold=settings.threshold,
        unit=settings.unit,
        spikes=settings.spikes,
        schedule=schedule,
        initial=settings.initial,
        spiking_output=settings.spiking_output,
        engine=engine,
        record=("trajectory",),
        progress=progress,
    )
    trajectory, at_start = result.trajectory, metrics.start(result.plan)
    if trajectory is None:
        raise InputError(f"evaluate: engine {result.engine!r} records no trajectory; choose another")
    kept, stamps = replace(result, trajectory=None), len(trajectory.t)
    if material.streamed:
        outputs, operations, _ = metrics.frames_of(trajectory, at_start, len(material.labels))
        return Trial(kept, outputs, operations, None, None, stamps)
    curve = metrics.curve(trajectory, material.labels, at_start, material.measure).thinned(POINTS)
    budget = metrics.budget(trajectory, material.labels, at_start, material.measure)
    return Trial(kept, result.outputs, result.operations, curve, budget, stamps)


def _with_bins(graph: Graph, bins: int) -> Graph:
    nodes = [replace(n, encoder=replace(n.encoder, bins=bins)) if isinstance(n, Input) else n for n in graph.nodes]
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
            f"evaluate: labels of {name} go up to {y.max()}, the network tells {classes} classes apart, from 0; "
            "evaluate on the data it was trained for"
        )
